//! [`Worker`]: runs a client of the SDK beside the test, in the same process.

use std::time::Duration;

use platools::client::{ClientHandle, PlatoolsClientBuilder};
use platools::connection::{ConnectionState, Jitter, Reconnect};
use platools::{Error, PlatoolsClient, ToolRegistry};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::within;

/// Secret of the workers.
pub const SECRET: &str = "a-secret-of-a-test";

/// Tries again after a millisecond, and always after the same time.
#[must_use]
pub fn quick() -> Reconnect {
    let delay = Duration::from_millis(1);
    Reconnect::new().base(delay).max(delay).jitter(Jitter::None)
}

/// A client of these tools that reconnects without losing time.
pub fn client(url: &str, registry: &ToolRegistry) -> PlatoolsClientBuilder {
    PlatoolsClient::builder().url(url).secret(SECRET).registry(registry.clone()).reconnect(quick())
}

/// A client that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct Worker {
    handle: ClientHandle,
    run: JoinHandle<Result<(), Error>>,
}

impl Worker {
    /// Runs a client.
    ///
    /// # Panics
    /// It cannot be built.
    #[must_use]
    pub fn start(client: PlatoolsClientBuilder) -> Self {
        let mut client = client.build().expect("a valid client");
        let handle = client.handle();
        Self { handle, run: tokio::spawn(async move { client.run_forever().await }) }
    }

    /// The client's handle.
    #[must_use]
    pub fn handle(&self) -> &ClientHandle {
        &self.handle
    }

    /// Waits for a state.
    ///
    /// # Panics
    /// It does not come.
    pub async fn reaches(&self, wanted: impl FnMut(&ConnectionState) -> bool) -> ConnectionState {
        let mut states = self.handle.watch_state();
        within(states.wait_for(wanted)).await.expect("the client lives").clone()
    }

    /// The end of the run.
    ///
    /// # Errors
    /// The client gave up.
    ///
    /// # Panics
    /// It has not ended.
    pub async fn ended(mut self) -> Result<(), Error> {
        within(&mut self.run).await.expect("a client does not panic")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.run.abort();
    }
}

/// Moves the clock of this runtime, so that links share it instead of having a thread of their own: there,
/// nobody overtakes a listener, and a stop is heard before the end of a socket.
pub async fn keep_links_here() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_millis(1)).await;
    tokio::time::resume();
}

/// Every state a client takes from now on. Complete only where the link is a task of a runtime of one thread: nobody overtakes the
/// listener there.
pub fn states(handle: &ClientHandle) -> mpsc::UnboundedReceiver<ConnectionState> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut states = handle.watch_state();
    tokio::spawn(async move {
        while states.changed().await.is_ok() {
            let state = states.borrow_and_update().clone();
            if sender.send(state).is_err() {
                break;
            }
        }
    });
    receiver
}

/// An error and everything behind it.
pub fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
