//! [`PlatoolsClient`]: runs a worker. It dials the platform, and dials again when the connection ends.

mod builder;
mod console_notices;
mod handle;
mod platools;
mod run;
mod run_until;
mod stop_signals;
mod takeovers;
mod tools_and_state;

use tokio::sync::watch;

use crate::link::{Connector, Replacement, Reporter, Settings, Worker};
use crate::registry::ToolRegistry;
use platools_transport::Error;
use platools_transport::{Disconnect, Reconnect};
use run::{Run, run_on_link_thread};
use takeovers::Takeovers;

pub use crate::link::Event;
pub use builder::{PlatoolsClientBuilder, Signatures};
pub use handle::ClientHandle;
pub use platools::Platools;

/// Hosts the tools of a registry on a platform.
///
/// It dials out, registers its tools, runs calls, and keeps at it: when the socket ends it dials again with backoff,
/// registers again, and delivers what the platform may not have received.
///
/// The link to the platform has a thread of its own, so that a busy application delays neither heartbeats nor reads. Handlers run in the
/// runtime that [`run_forever`](Self::run_forever) is awaited in. Under a stopped or moved clock, as tests have, the link is a task of that
/// runtime.
///
/// ```no_run
/// # use platools::{PlatoolsClient, tool, tools};
/// # /// Add two numbers.
/// # #[tool]
/// # async fn add(a: i64, b: i64) -> i64 { a + b }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), platools::Error> {
/// let mut client = PlatoolsClient::builder()
///     .url("https://platform.example.com")
///     .secret("platos_agent_...")
///     .tools(tools![add])
///     .build()?;
/// let handle = client.handle();
/// // Elsewhere, say on a signal: handle.stop().await
/// client.run_forever().await?;
/// # drop(handle);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PlatoolsClient {
    connector: Connector,
    reconnect: Reconnect,
    registry: ToolRegistry,
    settings: Settings,
    reporter: Reporter,
    /// The state that outlives a session: running calls, and replies not known to have arrived.
    worker: Option<Worker>,
    stop: watch::Sender<bool>,
    /// True while a run is under way; a stop waits for its end.
    running: watch::Sender<bool>,
}

impl PlatoolsClient {
    /// A handle to stop and to watch this client.
    #[must_use]
    pub fn handle(&self) -> ClientHandle {
        ClientHandle::new(self.stop.clone(), self.running.subscribe(), self.reporter.clone())
    }

    /// Serves the platform until the client is stopped, connecting again whenever a socket ends.
    ///
    /// Dropping the future ends it at once and gives up its calls; [`ClientHandle::stop`] drains and delivers first. No handlers of signals
    /// are installed: SIGTERM ends the process at once, unless the application catches it and stops the client.
    ///
    /// # Errors
    /// Only what the retry policy makes final: too many attempts in a row, or a refusal. The state is then
    /// [`ConnectionState::Failed`](crate::connection::ConnectionState::Failed).
    ///
    /// # Panics
    /// Outside of a Tokio runtime, or in one without timers.
    pub async fn run_forever(&mut self) -> Result<(), Error> {
        let _running = RunningGuard::start(&self.running, &self.reporter);
        let mut run = self.run();
        let ended = run_on_link_thread(run.prepare_link_thread(), async move {
            let ended = run.keep_connected().await;
            run.finish();
            ended
        });
        let ended = ended.await;
        if let Err(error) = &ended {
            self.reporter.failed(error);
        }
        ended
    }

    /// Serves the platform over one socket, and returns why it ended. Calls that still run go on, and their replies go out
    /// with the next session of this client.
    ///
    /// Dropping the future ends it at once and gives up its calls.
    ///
    /// # Errors
    /// The socket could not be opened.
    ///
    /// # Panics
    /// Outside of a Tokio runtime, or in one without timers.
    pub async fn run_session(&mut self) -> Result<Disconnect, Error> {
        let _running = RunningGuard::start(&self.running, &self.reporter);
        let mut run = self.run();
        let (worker, ended) = run_on_link_thread(run.prepare_link_thread(), async move {
            // One socket has no replacement.
            let ended = run.one_session(&mut Replacement::none()).await;
            (run.worker, ended)
        })
        .await;
        self.worker = Some(worker);
        ended.map(|ended| ended.reason)
    }

    fn run(&mut self) -> Run {
        let fresh = || Worker::new(self.registry.clone(), self.settings.clone(), self.reporter.clone());
        Run {
            worker: self.worker.take().unwrap_or_else(fresh),
            connector: self.connector.clone(),
            reconnect: self.reconnect.clone(),
            reporter: self.reporter.clone(),
            stop: self.stop.subscribe(),
            has_dialled_last: false,
            takeovers: Takeovers::default(),
        }
    }
}

/// Tells that a run is under way for as long as it lives, even if the run is dropped.
struct RunningGuard {
    running: watch::Sender<bool>,
    reporter: Reporter,
}

impl RunningGuard {
    fn start(running: &watch::Sender<bool>, reporter: &Reporter) -> Self {
        running.send_replace(true);
        Self { running: running.clone(), reporter: reporter.clone() }
    }
}

impl Drop for RunningGuard {
    fn drop(&mut self) {
        self.reporter.disconnected();
        self.running.send_replace(false);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use platools_transport::ErrorKind;
    use platools_transport::{Jitter, Secret, backoff_delay_ms};

    #[tokio::test(start_paused = true)]
    async fn without_jitter_the_waits_of_a_client_are_exactly_the_curve() {
        const RETRIES: u32 = 9;
        let dials: Arc<Mutex<Vec<Instant>>> = Arc::default();
        let seen = Arc::clone(&dials);
        // A dial that fails before there is a socket takes no time.
        let secret = Secret::provider(move || {
            seen.lock().expect("no test panicked").push(Instant::now());
            async { Err::<String, _>("the vault is closed") }
        });
        let reconnect = Reconnect::new().jitter(Jitter::None).max_attempts(RETRIES);
        let client = PlatoolsClient::builder().url("http://127.0.0.1:1").secret(secret).reconnect(reconnect).build();
        let ended = client.expect("a client").run_forever().await;
        assert_eq!(ended.map_err(|error| error.kind()), Err(ErrorKind::RetriesExhausted));
        let dials = dials.lock().expect("no test panicked").clone();
        let waits: Vec<_> = dials.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60].map(Duration::from_secs));
        let curve = (1..=RETRIES).map(|attempt| Duration::from_millis(backoff_delay_ms(attempt)));
        assert_eq!(waits, curve.collect::<Vec<_>>());
    }
}
