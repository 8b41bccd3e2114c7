//! [`CallTracker`]: counts the running calls of a local MCP server and refuses calls beyond the limit. It tells all calls to end when the
//! server stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::dispatch::CANCEL_GRACE;

/// The most calls that run at once, as on a link to a platform.
const MAX_RUNNING: usize = 1024;

/// The time for handlers to end when the server's time is over, enough to let go of what they hold.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// Reasons why a call does not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallRefusal {
    /// The server stops.
    Stopping,
    /// The limit of running calls is reached.
    Busy(usize),
}

/// Counts calls, and tells them to end.
#[derive(Debug, Clone, Default)]
pub(super) struct CallTracker {
    running: TaskTracker,
    /// Answers on their way, which a stop waits for besides calls.
    answers: TaskTracker,
    /// No further call may begin.
    is_closed: Arc<AtomicBool>,
    stopping: CancellationToken,
    given_up: CancellationToken,
}

impl CallTracker {
    /// Counts a call for as long as the token lives.
    pub(super) fn begin(&self) -> Result<TaskTrackerToken, CallRefusal> {
        match () {
            () if self.is_closed.load(Ordering::Acquire) => Err(CallRefusal::Stopping),
            () if self.running.len() >= MAX_RUNNING => Err(CallRefusal::Busy(MAX_RUNNING)),
            () => Ok(self.running.token()),
        }
    }

    /// Counts an answer for as long as the token lives.
    pub(super) fn answer(&self) -> TaskTrackerToken {
        self.answers.token()
    }

    /// Waits until the server stops.
    pub(super) async fn stopping(&self) {
        self.stopping.cancelled().await;
    }

    /// Cancelled when calls are to be given up.
    pub(super) fn given_up_token(&self) -> CancellationToken {
        self.given_up.clone()
    }

    /// Waits until calls are to be given up.
    pub(super) async fn given_up(&self) {
        self.given_up.cancelled().await;
    }

    /// Waits as long as a call that was cancelled may go on: five seconds, or one if the server's time is over.
    pub(super) async fn grace(&self) {
        let stopped = async {
            self.given_up().await;
            sleep(STOP_GRACE).await;
        };
        tokio::select! {
            () = sleep(CANCEL_GRACE) => {}
            () = stopped => {}
        }
    }

    /// Lets no further call begin, and waits like [`finish`](Self::finish).
    #[cfg(feature = "serve-http")]
    pub(super) async fn drain(&self, limit: Duration, hurry: impl Future<Output = ()>) {
        self.is_closed.store(true, Ordering::Release);
        self.finish(limit, hurry).await;
    }

    /// Waits for the calls and answers there are; after the limit or at the hurry they are given up. Where nothing more is read, what was
    /// read before may begin.
    pub(super) async fn finish(&self, limit: Duration, hurry: impl Future<Output = ()>) {
        self.stopping.cancel();
        self.running.close();
        self.answers.close();
        let idle = async {
            self.running.wait().await;
            self.answers.wait().await;
        };
        tokio::pin!(idle);
        tokio::select! {
            () = &mut idle => return,
            () = sleep(limit) => tracing::warn!(calls = self.running.len(), "calls given up: they did not end in time"),
            () = hurry => {}
        }
        self.given_up.cancel();
        // Their answers take a moment longer than they do.
        let _ = timeout(2 * STOP_GRACE, idle).await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::time::Instant;

    use super::*;

    #[cfg(feature = "serve-http")]
    #[tokio::test(start_paused = true)]
    async fn a_drain_ends_with_the_last_call() {
        let calls = CallTracker::default();
        let call = calls.begin().expect("it is idle");
        let drain = tokio::spawn({
            let calls = calls.clone();
            async move { calls.drain(Duration::from_secs(60), pending()).await }
        });
        calls.stopping.cancelled().await;
        assert_eq!(calls.begin().expect_err("it stops"), CallRefusal::Stopping);
        let begun = Instant::now();
        drop(call);
        drain.await.expect("no panic");
        assert!(begun.elapsed() < Duration::from_secs(1) && !calls.given_up.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_do_not_end_in_time_or_at_a_hurry_are_given_up() {
        for (limit, is_hurried) in [(5, false), (60, true)] {
            let (calls, begun) = (CallTracker::default(), Instant::now());
            let call = calls.begin().expect("it is idle");
            let ended = async {
                calls.given_up().await;
                calls.grace().await;
                drop(call);
            };
            let limit = Duration::from_secs(limit);
            let drain = async {
                match is_hurried {
                    true => calls.finish(limit, ready(())).await,
                    false => calls.finish(limit, pending()).await,
                }
            };
            tokio::join!(drain, ended);
            let expected = if is_hurried { Duration::ZERO } else { limit } + STOP_GRACE;
            assert!(begun.elapsed().abs_diff(expected) < Duration::from_millis(50), "{:?}", begun.elapsed());
        }
    }

    #[test]
    fn there_is_a_most() {
        let calls = CallTracker::default();
        let _running: Vec<_> = (0..MAX_RUNNING).map(|_| calls.begin().expect("there is room")).collect();
        assert_eq!(calls.begin().expect_err("it is full"), CallRefusal::Busy(MAX_RUNNING));
    }
}
