//! Clients of the SDK for [`Worker`](crate::Worker), and their states.

use std::time::Duration;

use platools::ToolRegistry;
use platools::client::{ClientHandle, PlatoolsClientBuilder};
use platools::connection::{ConnectionState, Jitter, Reconnect};
use platools::testing::TestWorker;
use tokio::sync::mpsc;

/// Secret of the workers.
pub const SECRET: &str = TestWorker::SECRET;

/// Tries again after a millisecond, and always after the same time.
#[must_use]
pub fn quick() -> Reconnect {
    let delay = Duration::from_millis(1);
    Reconnect::new().base(delay).max(delay).jitter(Jitter::None)
}

/// A client of these tools that reconnects without losing time.
pub fn client(url: &str, registry: &ToolRegistry) -> PlatoolsClientBuilder {
    TestWorker::builder(url, registry)
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
