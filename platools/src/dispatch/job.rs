//! [`Job`]: a call that has its turn, as a task. [`Queued`]: a call that waits for its turn.

use std::pin::Pin;
use std::task::{self, Poll, ready};
use std::time::Duration;

use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::call::AcceptedCall;
use super::call_table::CallKey;
use super::outcome::Outcome;
use super::queue::Place;
use super::running::Running;
use super::turn::Waiting;
use crate::registry::Place as Polled;
use crate::tool::Context;

/// A call that runs until it ends or is given up.
pub(super) struct Job {
    pub(super) key: CallKey,
    pub(super) running: Running,
}

impl Job {
    /// The call as a task that sends its outcome to the dispatcher's owner.
    pub(super) fn told_to(self, outcomes: &mpsc::UnboundedSender<Outcome>) -> RemoteJob {
        RemoteJob { job: self, outcomes: outcomes.clone() }
    }

    /// Its outcome once it has ended; none if it is given up.
    pub(super) fn poll_outcome(&mut self, cx: &mut task::Context<'_>) -> Poll<Option<Outcome>> {
        if self.running.context().is_aborted() {
            return Poll::Ready(None);
        }
        if let Poll::Ready(ran) = self.running.poll_unpin(cx) {
            return Poll::Ready(Some(Outcome::of(self.key, self.running.context(), ran)));
        }
        wait_for_abort(self.running.context(), cx)
    }
}

/// A call whose outcome goes to the dispatcher's owner over a channel.
pub(super) struct RemoteJob {
    job: Job,
    outcomes: mpsc::UnboundedSender<Outcome>,
}

impl RemoteJob {
    /// Runs a call of a tool that may block: on the application's runtime, or on a thread of its own.
    pub(super) fn run_elsewhere(self, runtime: &Handle) {
        match self.job.running.tool().pace().place() {
            Polled::Link | Polled::Runtime => drop(runtime.spawn(self)),
            Polled::Thread => {
                let here = runtime.clone();
                runtime.spawn_blocking(move || here.block_on(self));
            }
        }
    }
}

impl Future for RemoteJob {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if let Some(outcome) = ready!(this.job.poll_outcome(cx)) {
            // Nobody listens once the worker is gone, and then nobody misses the outcome.
            let _ = this.outcomes.send(outcome);
        }
        Poll::Ready(())
    }
}

/// A call that waits for its turn, on a task of its own.
pub(super) struct Queued {
    pub(super) key: CallKey,
    pub(super) call: AcceptedCall,
    pub(super) place: Place,
    pub(super) waiting: Waiting,
    pub(super) runtime: Handle,
}

impl Queued {
    /// Waits, runs the call and tells the dispatcher's owner; nothing of it if the dispatcher ends the call before its turn.
    pub(super) async fn run(self, timeout: Duration, outcomes: mpsc::UnboundedSender<Outcome>) {
        let Self { key, call, place, waiting, runtime } = self;
        let context = call.context.clone();
        let turn = waiting.turn(&context, call.patience().end(context.params())).await;
        if !place.leave() {
            return;
        }
        match turn.and_then(|turn| Running::start(call, turn, timeout, &runtime)) {
            Ok(running) if running.tool().pace().place() == Polled::Thread => {
                Job { key, running }.told_to(&outcomes).run_elsewhere(&runtime);
            }
            Ok(running) => Job { key, running }.told_to(&outcomes).await,
            Err(error) => {
                // Nobody listens once the worker is gone, and then nobody misses the outcome.
                let _ = outcomes.send(Outcome::refusal(key, context.shared_call_id(), error));
            }
        }
    }
}

/// A task of a call, which ends when the call is aborted.
pub(super) struct Abortable<F> {
    pub(super) context: Context,
    pub(super) task: F,
}

impl<F: Future<Output = ()> + Unpin> Future for Abortable<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.context.is_aborted() || this.task.poll_unpin(cx).is_ready() {
            return Poll::Ready(());
        }
        wait_for_abort::<()>(&this.context, cx).map(drop)
    }
}

/// Has a task that waits woken when its call is aborted; ready if it is.
fn wait_for_abort<T>(context: &Context, cx: &task::Context<'_>) -> Poll<Option<T>> {
    context.wake_when_aborted(cx.waker());
    if context.is_aborted() { Poll::Ready(None) } else { Poll::Pending }
}
