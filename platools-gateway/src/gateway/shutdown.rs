//! The shutdown of a [`Gateway`], in this order:
//!
//! 1. `/ready` fails, and everything else goes on for the stop delay, so that load balancers send new requests elsewhere.
//! 2. Callers and dashboards drain: dashboards are closed, callers finish their requests.
//! 3. The listener closes: no new connections, and no further requests on open ones. Workers are told to drain.
//! 4. Requests and calls in flight end by themselves, within the drain limit.
//! 5. Calls that are left fail as interrupted, and the sockets of workers and callers are closed.
//! 6. The periodic maintenance ends, the journal and the last notes are written, the store is closed, and the connection to other gateways.
//!
//! A gateway that is dropped aborts: every call fails and every socket is closed at once.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{Gateway, Stopped};

/// The time that the listener stays open for dashboards, which are told about the shutdown.
const DASHBOARDS_LIMIT: Duration = Duration::from_secs(2);

/// The longest time for workers, callers and dashboards to answer the close of their sockets.
const FAREWELL: Duration = Duration::from_secs(5);

impl Gateway {
    /// Stops in order: goes on serving for the stop delay, closes dashboards with 1000, takes no new connections, lets calls finish up to the
    /// drain limit, closes workers' and callers' sockets with 1001.
    pub async fn shutdown(self) {
        let _ = self.stop().await;
    }

    /// Stops like [`Gateway::shutdown`], and keeps what is needed to start again with the same data on the same port.
    pub async fn stop(mut self) -> Stopped {
        if !self.setup.settings.stop_delay.is_zero() {
            self.core.readiness.set_not_ready();
            sleep(self.setup.settings.stop_delay).await;
        }
        self.core.begin_drain();
        self.sockets.dashboards.close();
        // Before the listener closes: a dashboard that connects again meanwhile is told why it may not. A slow one is waited for at the end.
        if timeout(DASHBOARDS_LIMIT, self.sockets.dashboards.wait()).await.is_err() {
            tracing::debug!("some dashboards did not close in time");
        }
        // Before workers are told to connect elsewhere, so that they do not connect here again.
        self.server.begin_drain();
        self.core.announce_drain(self.setup.settings.drain_limit);
        self.sockets.callers.close();
        self.drain().await;
        // Workers stay until here: they finish the calls.
        self.core.close_links().await;
        // After the calls have ended, so that callers are told how.
        self.core.callers.dismiss_all();
        self.sockets.links.close();
        let closed = async {
            tokio::join!(self.sockets.links.wait(), self.sockets.callers.wait(), self.sockets.dashboards.wait())
        };
        if timeout(FAREWELL, closed).await.is_err() {
            tracing::warn!("workers, callers or dashboards did not answer the close in time");
        }
        self.server.close().await;
        // Before the store closes, which the maintenance reads and writes.
        self.housekeeping.stop().await;
        self.core.close().await;
        if let Some(bus) = &self.bus {
            bus.close().await;
        }
        tracing::info!("stopped");
        Stopped { setup: self.setup.clone() }
    }

    /// Waits for requests, calls and callers, up to the drain limit.
    async fn drain(&self) {
        let drained = async { tokio::join!(self.server.drained(), self.core.drained(), self.sockets.callers.wait()) };
        if timeout(self.setup.settings.drain_limit, drained).await.is_err() {
            tracing::warn!("requests did not end in time");
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Sockets are owned by tasks of their own, which would outlive the server: it ends only its connections when it is dropped.
        self.core.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// The text of a log.
    #[derive(Debug, Clone, Default)]
    struct LogText(Arc<Mutex<Vec<u8>>>);

    impl Write for LogText {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn the_directory_is_not_read_while_the_store_closes() {
        let log = LogText::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        let _logging = tracing::subscriber::set_default(subscriber);
        let gateway = Gateway::builder().start().await.unwrap();
        // The store waits for this transaction when it closes. Meanwhile the paused clock moves on.
        let core = Arc::clone(gateway.core());
        let held = core.store.hold_writes().await;
        tokio::time::pause();
        gateway.shutdown().await;
        drop(held);
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(log.contains("stopped") && !log.contains("could not be read"), "{log}");
    }
}
