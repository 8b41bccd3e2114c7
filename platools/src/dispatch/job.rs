//! [`Job`]: runs a call that has its permit, as a task. [`QueuedJob`] is a call that still waits for a permit.

use std::pin::Pin;
use std::task::{self, Poll, ready};
use std::time::Duration;

use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::call::AcceptedCall;
use super::call_table::CallKey;
use super::outcome::Outcome;
use super::permit::PermitWait;
use super::queue_bounds::QueueSpot;
use super::running_call::RunningCall;
use crate::registry::PollPlace;
use crate::tool::Context;

/// A call that runs until it ends or is aborted.
pub(super) struct Job {
    pub(super) key: CallKey,
    pub(super) running: RunningCall,
}

impl Job {
    /// The place where the call is polled.
    pub(super) fn poll_place(&self) -> PollPlace {
        self.running.tool().poll_place()
    }

    /// The call as a task that sends its outcome to the dispatcher's owner.
    pub(super) fn with_outcome_sender(self, outcomes: &mpsc::UnboundedSender<Outcome>) -> RemoteJob {
        RemoteJob { job: self, outcomes: outcomes.clone() }
    }

    /// Polls the call: its outcome once it has ended, and none if it was aborted.
    pub(super) fn poll_outcome(&mut self, cx: &mut task::Context<'_>) -> Poll<Option<Outcome>> {
        if self.running.context().call_state().is_aborted() {
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
    /// Spawns the call: on the application's runtime, on a thread of its own, or as a task of the current runtime.
    pub(super) fn spawn(self, app_runtime: &Handle) {
        match self.job.poll_place() {
            PollPlace::Link | PollPlace::Runtime => drop(app_runtime.spawn(self)),
            PollPlace::Thread => {
                let runtime = app_runtime.clone();
                app_runtime.spawn_blocking(move || runtime.block_on(self));
            }
            PollPlace::LinkTask => drop(tokio::spawn(self)),
        }
    }

    /// Polls the call on the present task, or on a thread of its own if its tool holds threads.
    async fn run(self, app_runtime: &Handle) {
        match self.job.poll_place() {
            PollPlace::Thread => self.spawn(app_runtime),
            _ => self.await,
        }
    }
}

impl Future for RemoteJob {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if let Some(outcome) = ready!(this.job.poll_outcome(cx)) {
            // The receiver is gone once the worker is, and then the outcome is of no use.
            let _ = this.outcomes.send(outcome);
        }
        Poll::Ready(())
    }
}

/// A call that waits for its permit, on a task of its own.
pub(super) struct QueuedJob {
    pub(super) key: CallKey,
    pub(super) call: AcceptedCall,
    pub(super) spot: QueueSpot,
    pub(super) wait: PermitWait,
    pub(super) app_runtime: Handle,
    pub(super) outcomes: mpsc::UnboundedSender<Outcome>,
}

impl QueuedJob {
    /// Waits, runs the call and sends its outcome; nothing of it if the dispatcher ends the call while it waits.
    pub(super) async fn run(self, timeout: Duration) {
        let Self { key, call, spot, wait, app_runtime, outcomes } = self;
        let context = call.context.clone();
        let permit = wait.granted(&context, call.caller_deadline().end(context.params())).await;
        if !spot.leave() {
            return;
        }
        match permit.and_then(|permit| RunningCall::try_new(call, permit, timeout, || app_runtime.clone())) {
            Ok(running) => Job { key, running }.with_outcome_sender(&outcomes).run(&app_runtime).await,
            Err(error) => {
                // The receiver is gone once the worker is, and then the outcome is of no use.
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
        if this.context.call_state().is_aborted() || this.task.poll_unpin(cx).is_ready() {
            return Poll::Ready(());
        }
        wait_for_abort::<()>(&this.context, cx).map(drop)
    }
}

/// Has a task that waits woken when its call is aborted; ready if it is.
fn wait_for_abort<T>(context: &Context, cx: &task::Context<'_>) -> Poll<Option<T>> {
    context.call_state().wake_when_aborted(cx.waker());
    if context.call_state().is_aborted() { Poll::Ready(None) } else { Poll::Pending }
}
