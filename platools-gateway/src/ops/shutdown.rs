//! The stop of a gateway: it says so, lets calls end, closes links, and stores what is left.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::timeout;

use crate::connections::Stay;
use crate::core::Core;
use crate::domain::error::ErrorKind;
use crate::links::{Closing, Notice};

/// The time that the answers to named calls may take to be stored.
const LAST_ANSWERS: Duration = Duration::from_secs(3);

/// The time that the last small notes may take to be stored.
const LAST_NOTES: Duration = Duration::from_secs(2);

impl Core {
    /// Says from now on that the gateway is not ready, and goes on with everything.
    pub(crate) fn announce_leave(&self) {
        self.leaving.store(true, Ordering::Release);
    }

    /// Says from now on that the gateway is not ready, and has callers finish what they have begun.
    pub(crate) fn begin_stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.idempotency.begin_stop();
        self.callers.may_stay(Stay::ToFinish);
    }

    /// Waits until no call is under way.
    pub(crate) async fn idle(&self) {
        self.journal.idle().await;
        self.idempotency.idle().await;
    }

    /// Tells every worker that the gateway is about to close its socket.
    pub(crate) fn announce_stop(&self, deadline: Duration) {
        self.workers.notify_all(&Notice::Drain { deadline });
    }

    /// Ends every call that still waits, and closes every link over a while.
    pub(crate) async fn stop(&self) {
        self.fail_calls();
        self.workers.close_spread(Closing::ShuttingDown).await;
    }

    /// Ends every call that still waits, and closes every link and every caller's socket at once.
    pub(crate) fn abort(&self) {
        self.runtime.abort();
        self.fail_calls();
        self.workers.close_all(Closing::ShuttingDown);
        self.dismiss_callers();
    }

    fn fail_calls(&self) {
        self.idempotency.begin_stop();
        self.calls.fail_all(ErrorKind::Interrupted, "the gateway stopped before the tool answered");
    }

    /// Writes the journal and what agents said to its end, and closes the database. Each has a deadline, so that a database that
    /// does not answer holds up no stop.
    pub async fn close(&self) {
        // The calls have been ended; what they came to is still to be kept.
        within(LAST_ANSWERS, "answers to named calls", self.idempotency.idle()).await;
        tokio::join!(self.runtime.close(), self.journal.close());
        let notes = async { tokio::join!(self.store_last_uses(), self.store_last_aging(), self.audit.close()) };
        within(LAST_NOTES, "last notes", notes).await;
        self.store.close().await;
    }

    async fn store_last_aging(&self) {
        if let Err(error) = self.aging.store(&*self.store).await {
            tracing::debug!(%error, "time of deletions could not be stored");
        }
    }
}

/// Waits for a part of the gateway to end, up to a deadline.
async fn within<T>(deadline: Duration, part: &'static str, end: impl Future<Output = T>) {
    if timeout(deadline, end).await.is_err() {
        tracing::error!(part, deadline_seconds = deadline.as_secs(), "part of the gateway did not end in time");
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::core::CoreOptions;
    use crate::journal::JournalSettings;
    use crate::sessions::RuntimeSettings;

    #[tokio::test]
    async fn a_database_that_does_not_answer_does_not_hold_up_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let options = CoreOptions {
            journal: Some(JournalSettings::default()),
            sessions: Some(RuntimeSettings::default()),
            ..CoreOptions::default()
        };
        let core = Core::open_with(folder.path(), options).await.unwrap();
        let held = core.store.hold_writes().await;
        tokio::time::pause();
        let begun = Instant::now();
        core.close().await;
        // The end of a gateway has 20 seconds, of which workers and callers have five to take leave.
        assert!(begun.elapsed() <= Duration::from_secs(15), "{:?}", begun.elapsed());
        drop(held);
    }
}
