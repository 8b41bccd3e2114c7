//! [`HandlerTimer`]: measures the time that the handler of a call takes, and ends the call at the tool's timeout.

use std::future::pending;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::caller_deadline::CallerDeadline;
use crate::tool::Params;
use platools_transport::after;

/// The time of one handler.
pub(super) struct HandlerTimer {
    started: Started,
    timeout: Duration,
}

impl HandlerTimer {
    /// For a handler that starts when it is polled for the first time.
    pub(super) fn from_first_poll(timeout: Duration) -> Self {
        Self { started: Started::AtFirstPoll, timeout }
    }

    /// For a handler that starts on another thread, which sends the time. If that fails, it must not start.
    pub(super) fn from_thread(timeout: Duration, deadline: CallerDeadline) -> (Self, oneshot::Sender<Instant>) {
        let (begun, begins) = oneshot::channel();
        (Self { started: Started::OnThread { begins, deadline }, timeout }, begun)
    }

    /// Notes that the handler is about to be polled for the first time.
    pub(super) fn start(&mut self) {
        if matches!(self.started, Started::AtFirstPoll) {
            self.started = Started::At(Instant::now());
        }
    }

    /// Waits until the call's time is up: that of its handler or, before it has begun, that of its caller.
    pub(super) async fn expired(&mut self, params: &Params) -> TimeIsUp {
        if let Started::OnThread { begins, deadline } = &mut self.started {
            let started = tokio::select! {
                // A thread that never sends the time ends the handler's future at once.
                started = &mut *begins => Some(started.unwrap_or_else(|_| Instant::now())),
                () = sleep_until(deadline.end(params)) => {
                    // From here on no thread takes the handler on; one may have been faster.
                    begins.close();
                    begins.try_recv().ok()
                }
            };
            let Some(started) = started else { return TimeIsUp::NeverBegan };
            self.started = Started::At(started);
        }
        let Started::At(started) = self.started else { return pending().await };
        sleep_until(after(started, self.timeout)).await;
        TimeIsUp::TimedOut(self.timeout)
    }

    /// The time of the handler until now; `None` if it has not started.
    pub(super) fn latency(&mut self, now: Instant) -> Option<Duration> {
        let started = match &mut self.started {
            Started::AtFirstPoll => None,
            Started::OnThread { begins, .. } => begins.try_recv().ok(),
            Started::At(started) => Some(*started),
        };
        started.map(|started| now.saturating_duration_since(started))
    }
}

/// The start of the handler, from which its timeout and its latency are counted.
enum Started {
    AtFirstPoll,
    /// A thread of the blocking pool sends the time when it takes the handler on, which may be late if all are busy. Until
    /// then the deadline of the caller counts.
    OnThread {
        begins: oneshot::Receiver<Instant>,
        deadline: CallerDeadline,
    },
    At(Instant),
}

/// The reason why a call ends that has not ended by itself.
pub(super) enum TimeIsUp {
    /// The handler has run for as long as it may.
    TimedOut(Duration),
    /// The caller waits no longer, and the handler will not begin.
    NeverBegan,
}
