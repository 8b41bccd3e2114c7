//! [`HandlerTimer`]: measures a call's handler from its start, and ends its time.

use std::pin::Pin;
use std::task::{self, Poll, ready};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};

use super::caller_deadline::CallerDeadline;
use crate::tool::Params;
use platools_transport::after;

/// The time of one handler. A call that ends at its first poll pays for no timer.
pub(super) struct HandlerTimer {
    started: Started,
    timeout: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl HandlerTimer {
    /// For a handler that starts when it is polled for the first time.
    pub(super) fn from_first_poll(timeout: Duration) -> Self {
        Self { started: Started::AtFirstPoll, timeout, timer: None }
    }

    /// For a handler that starts on another thread, which sends the time. If that fails, it must not start.
    pub(super) fn from_thread(timeout: Duration, deadline: CallerDeadline) -> (Self, oneshot::Sender<Instant>) {
        let (begun, begins) = oneshot::channel();
        let started = Started::OnThread(Box::new(OnThread { begins, deadline }));
        (Self { started, timeout, timer: None }, begun)
    }

    /// Notes that the handler is about to be polled, at a time that `now` tells.
    pub(super) fn note_poll(&mut self, now: impl FnOnce() -> Instant) {
        if matches!(self.started, Started::AtFirstPoll) {
            self.started = Started::At(now());
        }
    }

    /// Waits until the call's time is up: that of its handler or, before it has begun, that of its caller.
    pub(super) fn poll(&mut self, params: &Params, cx: &mut task::Context<'_>) -> Poll<TimeIsUp> {
        if let Started::OnThread(thread) = &mut self.started {
            match thread.begins.poll_unpin(cx) {
                // A thread that never sends the time ends the handler's future at once.
                Poll::Ready(started) => self.begin(started.unwrap_or_else(|_| Instant::now())),
                Poll::Pending => {
                    let deadline = thread.deadline;
                    ready!(self.poll_timer(|| deadline.end(params), cx));
                    if self.never_begins() {
                        return Poll::Ready(TimeIsUp::NeverBegan);
                    }
                }
            }
        }
        let Started::At(started) = self.started else { return Poll::Pending };
        let timeout = self.timeout;
        ready!(self.poll_timer(|| after(started, timeout), cx));
        Poll::Ready(TimeIsUp::TimedOut(timeout))
    }

    /// The time of the handler until now; `None` if it has not started.
    pub(super) fn latency(&mut self, now: Instant) -> Option<Duration> {
        let started = match &mut self.started {
            Started::AtFirstPoll => None,
            Started::OnThread(thread) => thread.begins.try_recv().ok(),
            Started::At(started) => Some(*started),
        };
        started.map(|started| now.saturating_duration_since(started))
    }

    fn poll_timer(&mut self, until: impl FnOnce() -> Instant, cx: &mut task::Context<'_>) -> Poll<()> {
        self.timer.get_or_insert_with(|| Box::pin(sleep_until(until()))).as_mut().poll(cx)
    }

    /// The handler has begun; a timer for its caller's deadline is of no use any more.
    fn begin(&mut self, at: Instant) {
        self.started = Started::At(at);
        self.timer = None;
    }

    /// Keeps a handler from beginning that no thread has taken on; `false` if the thread was faster.
    fn never_begins(&mut self) -> bool {
        let Started::OnThread(thread) = &mut self.started else { return false };
        thread.begins.close();
        match thread.begins.try_recv() {
            Ok(started) => {
                self.begin(started);
                false
            }
            Err(_) => true,
        }
    }
}

/// The start of the handler, from which its timeout and its latency are counted.
enum Started {
    AtFirstPoll,
    /// A thread of the blocking pool sends the time when it takes the handler on, which may be late if all are busy. Until
    /// then the deadline of the caller counts.
    OnThread(Box<OnThread>),
    At(Instant),
}

struct OnThread {
    begins: oneshot::Receiver<Instant>,
    deadline: CallerDeadline,
}

/// The reason why a call ends that has not ended by itself.
pub(super) enum TimeIsUp {
    /// The handler has run for as long as it may.
    TimedOut(Duration),
    /// The caller waits no longer, and the handler will not begin.
    NeverBegan,
}
