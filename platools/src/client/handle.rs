//! [`ClientHandle`]: stops a running client from another task, and shows the client's state and events.

use std::fmt;

use futures::stream::BoxStream;
use tokio::sync::watch;

use crate::link::{Event, Reporter};
use platools_transport::ConnectionState;

/// Stops and watches a [`PlatoolsClient`](super::PlatoolsClient). Clones are handles of the same client.
///
/// ```
/// # use platools::connection::ConnectionState;
/// # use platools::PlatoolsClient;
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

    /// Stops the client for good, and returns once its run has ended, which takes no longer than the
    /// [drain limit](super::PlatoolsClientBuilder::drain_limit) (30 seconds by default).
    ///
    /// 1. New calls are refused as retryable, and a platform that speaks the extension `drain` is told.
    /// 2. Calls that run or wait go on until the limit is nearly over: the last tenth of it, at most a second, is kept for what
    ///    follows. Calls that have not ended by then are given up and answered with an error.
    /// 3. The replies are delivered, as fast as the connection takes them.
    /// 4. The socket is closed with 1000 "client stop". The platform's answer confirms every reply. If no reply is in doubt, the
    ///    answer is waited for five seconds at most.
    ///
    /// A client without a socket dials at once, once, if calls still run or replies are not known to have arrived; the same
    /// limit holds for this dial and all that follows. With nothing to deliver, a wait for the next attempt and a dial
    /// end at once. If the socket breaks during a stop, the client dials once more in the same way.
    ///
    /// Further calls of this method wait for the same end; they neither shorten nor prolong it. To end at once, drop the future of
    /// [`run_forever`](super::PlatoolsClient::run_forever), which gives up calls and replies. Replies that are not known to
    /// have arrived at the end are named in the log, as a number.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        // An error means that the client is gone, and its run with it.
        let _ = self.running.clone().wait_for(|running| !*running).await;
    }

    /// Returns the state of the connection.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.reporter.watch().borrow().clone()
    }

    /// Watches the state of the connection. Only the latest state is kept.
    #[must_use]
    pub fn watch_state(&self) -> watch::Receiver<ConnectionState> {
        self.reporter.watch()
    }

    /// Streams events of the client's links from now on. A listener that is more than 256 events behind misses the oldest of them,
    /// and gets [`Event::Missed`] in their place.
    #[must_use]
    pub fn events(&self) -> BoxStream<'static, Event> {
        self.reporter.listen(|count| Some(Event::Missed { count }))
    }
}

impl fmt::Debug for ClientHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHandle").field("state", &self.state()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::StreamExt;

    use super::*;

    #[tokio::test]
    async fn a_listener_that_is_too_slow_is_told_how_many_events_it_has_missed() {
        let reporter = Reporter::default();
        let handle =
            ClientHandle::new(watch::Sender::new(false), watch::Sender::new(false).subscribe(), reporter.clone());
        let mut events = handle.events();
        for ms in 0..300 {
            reporter.event(Event::RegisterThrottled { retry_after: Duration::from_millis(ms) });
        }
        assert!(matches!(events.next().await, Some(Event::Missed { count: 44 })));
        assert!(
            matches!(events.next().await, Some(Event::RegisterThrottled { retry_after }) if retry_after.as_millis() == 44)
        );
    }
}
