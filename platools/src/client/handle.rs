//! Stopping and watching a client from elsewhere.

use std::fmt;

use futures::stream::BoxStream;
use tokio::sync::watch;

use crate::link::{ConnectionState, Event, Reporter};

/// Stops and watches a [`PlatoolsClient`](super::PlatoolsClient). Clones are handles of the same client.
///
/// ```
/// # use platools::{ConnectionState, PlatoolsClient};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut client = PlatoolsClient::builder().url("http://127.0.0.1:9").secret("platos_agent_...").build()?;
/// let handle = client.handle();
/// let run = tokio::spawn(async move { client.run_forever().await });
/// // Nobody listens there, so the client waits to try again; a stop ends the wait.
/// handle.watch_state().wait_for(|state| matches!(state, ConnectionState::Reconnecting { .. })).await?;
/// handle.stop().await;
/// run.await??;
/// assert_eq!(handle.state(), ConnectionState::Disconnected);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ClientHandle {
    stop: watch::Sender<bool>,
    running: watch::Receiver<bool>,
    reporter: Reporter,
}

impl ClientHandle {
    pub(super) fn new(stop: watch::Sender<bool>, running: watch::Receiver<bool>, reporter: Reporter) -> Self {
        Self { stop, running, reporter }
    }

    /// Stops the client for good, and returns once its run has ended.
    ///
    /// The platform is told, where it knows of that. New calls are refused, running ones finish within the drain limit, their
    /// replies are delivered, and the socket is closed with 1000 "client stop". A wait for the next attempt ends at once.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        // An error means that the client is gone, and its run with it.
        let _ = self.running.clone().wait_for(|running| !*running).await;
    }

    /// Where the client stands.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.reporter.watch().borrow().clone()
    }

    /// Where the client stands, to be waited on. Only the latest state is kept.
    #[must_use]
    pub fn watch_state(&self) -> watch::Receiver<ConnectionState> {
        self.reporter.watch()
    }

    /// What happens on the client's links from now on. A listener that falls behind misses the oldest events.
    #[must_use]
    pub fn events(&self) -> BoxStream<'static, Event> {
        self.reporter.listen(|_| None)
    }
}

impl fmt::Debug for ClientHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHandle").field("state", &self.state()).finish_non_exhaustive()
    }
}
