//! The client: a worker that dials its platform, and dials again.

mod builder;
mod handle;
mod platools;

use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{Instrument, info, info_span, warn};

use crate::error::{Error, ErrorKind};
use crate::link::{
    ConnectionState, Connector, Disconnect, Ended, Event, Reconnect, Reporter, Schedule, Worker, run_session,
};

pub use builder::{PlatoolsClientBuilder, Signatures};
pub use handle::ClientHandle;
pub use platools::Platools;

/// Hosts the tools of a registry on a platform.
///
/// It dials out, registers its tools, runs calls, and keeps at it: when the socket ends it dials again with backoff,
/// registers again, and delivers what the platform may not have received.
///
/// ```no_run
/// # use platools::{PlatoolsClient, ToolRegistry, tool, tools};
/// # /// Add two numbers.
/// # #[tool]
/// # async fn add(a: i64, b: i64) -> i64 { a + b }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), platools::Error> {
/// let registry = ToolRegistry::new().with_tools(tools![add])?;
/// let mut client =
///     PlatoolsClient::builder().url("https://platform.example.com").secret("platos_agent_...").registry(registry).build()?;
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
    worker: Worker,
    reconnect: Reconnect,
    reporter: Reporter,
    stop: watch::Sender<bool>,
    /// Whether a run is under way, for whoever waits for a stop.
    running: watch::Sender<bool>,
}

impl PlatoolsClient {
    /// A client to be set up.
    #[must_use]
    pub fn builder() -> PlatoolsClientBuilder {
        PlatoolsClientBuilder::default()
    }

    /// A handle to stop and to watch this client.
    #[must_use]
    pub fn handle(&self) -> ClientHandle {
        ClientHandle::new(self.stop.clone(), self.running.subscribe(), self.reporter.clone())
    }

    /// Serves the platform until the client is stopped, connecting again whenever a socket ends.
    ///
    /// Dropping the future ends it at once, without draining; a stop through [`ClientHandle::stop`] drains first.
    ///
    /// # Errors
    /// Only what the retry policy makes final: too many attempts in a row, or a refusal. The state is then
    /// [`ConnectionState::Failed`].
    pub async fn run_forever(&mut self) -> Result<(), Error> {
        let running = Running::start(&self.running);
        let ended = self.keep_connected().await;
        self.after_run(&ended);
        drop(running);
        ended
    }

    /// Serves the platform over one socket, and returns why it ended. Calls that still run go on, and their replies go out
    /// on the next session.
    ///
    /// # Errors
    /// The socket could not be opened.
    pub async fn run_session(&mut self) -> Result<Disconnect, Error> {
        let running = Running::start(&self.running);
        let ended = self.one_session().await;
        self.reporter.state(ConnectionState::Disconnected);
        drop(running);
        ended.map(|ended| ended.reason)
    }

    async fn keep_connected(&mut self) -> Result<(), Error> {
        let mut schedule = Schedule::new(self.reconnect.clone());
        while !*self.stop.borrow() {
            let error = match self.one_session().await {
                Ok(Ended { reason: Disconnect::Stopped, .. }) => break,
                Ok(ended) => {
                    schedule.after_session(ended.accepted, ended.up);
                    as_error(&ended.reason)
                }
                Err(error) => error,
            };
            if error.kind() == ErrorKind::Refused && self.reconnect.gives_up_when_refused() {
                return Err(error);
            }
            let Some((attempt, delay)) = schedule.next_attempt() else {
                let message = format!("gave up connecting: {error}");
                return Err(Error::new(ErrorKind::RetriesExhausted, message).with_source(error));
            };
            warn!(%error, reconnect.attempt = attempt, reconnect.delay_ms = delay.as_millis(), "not connected");
            self.reporter.state(ConnectionState::Reconnecting { attempt, delay });
            let mut stop = self.stop.subscribe();
            tokio::select! {
                () = sleep(delay) => {}
                // Ends a wait at once.
                _ = stop.wait_for(|stop| *stop) => {}
                () = self.worker.between_sockets() => {}
            }
        }
        Ok(())
    }

    async fn one_session(&mut self) -> Result<Ended, Error> {
        self.reporter.state(ConnectionState::Connecting);
        let mut stop = self.stop.subscribe();
        let (socket, secret) = tokio::select! {
            dialled = self.connector.dial() => dialled?,
            _ = stop.wait_for(|stop| *stop) => return Ok(Ended::before_opening(Disconnect::Stopped)),
            () = self.worker.between_sockets() => unreachable!("it never returns"),
        };
        let span = info_span!("link");
        let ended = run_session(&mut self.worker, socket, secret, &mut stop).instrument(span.clone()).await;
        span.in_scope(|| info!(reason = %ended.reason, "the socket has ended"));
        self.reporter.event(Event::Disconnected(ended.reason.clone()));
        Ok(ended)
    }

    fn after_run(&mut self, ended: &Result<(), Error>) {
        self.worker.cancel_calls();
        let lost = self.worker.unconfirmed();
        if lost > 0 {
            warn!(replies.unconfirmed = lost, "stopped with replies the platform has not confirmed");
        }
        self.reporter.state(match ended {
            Ok(()) => ConnectionState::Disconnected,
            Err(error) => ConnectionState::Failed { reason: error.to_string() },
        });
    }
}

/// Tells that a run is under way for as long as it lives, even if the run is dropped.
struct Running(watch::Sender<bool>);

impl Running {
    fn start(running: &watch::Sender<bool>) -> Self {
        running.send_replace(true);
        Self(running.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_replace(false);
    }
}

fn as_error(reason: &Disconnect) -> Error {
    let kind = match reason {
        Disconnect::Refused { .. } => ErrorKind::Refused,
        _ => ErrorKind::Connection,
    };
    Error::new(kind, format!("the connection ended: {reason}"))
}
