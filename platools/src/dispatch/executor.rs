//! [`Executor`]: chooses the thread that polls a call: the link's thread, the application's runtime, or a thread for this call alone.

use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::job::Job;
use super::link_calls::LinkCalls;
use super::outcome::{Outcome, RunEnd};
use super::running_call::RunningCall;
use crate::registry::{PollPlace, RegisteredTool};
use crate::tool::Execution;

/// Polls the calls of a worker. With a link thread, most calls end at their first poll there; the
/// [`PollHistory`](crate::registry::PollHistory) of their tool decides otherwise.
#[derive(Debug)]
pub(super) struct Executor {
    /// The runtime of the application, which its handlers run in, and the calls that are polled on the link's thread; `None` where the
    /// link is a task of that runtime itself.
    link_thread: Option<(Handle, LinkCalls)>,
    // Unbounded, but each admitted call sends one outcome, and one with a result keeps its slot until it is dealt with.
    outcomes: mpsc::UnboundedSender<Outcome>,
}

impl Executor {
    pub(super) fn new(outcomes: mpsc::UnboundedSender<Outcome>) -> Self {
        Self { link_thread: None, outcomes }
    }

    /// Is used on the thread of a link from now on, while handlers run in this runtime. The outcomes of calls that end on that thread do
    /// not come over the channel, but with the calls that are returned.
    pub(super) fn use_link_thread(&mut self, app_runtime: Handle) -> LinkCalls {
        // Those of an earlier link may still have outcomes that nobody has taken.
        let calls = match self.link_thread.take() {
            Some((_, calls)) => calls,
            None => LinkCalls::new(self.outcomes.clone()),
        };
        self.link_thread = Some((app_runtime, calls.clone()));
        calls
    }

    /// Is used by a task of the runtime that handlers run in from now on.
    pub(super) fn use_current_runtime(&mut self) {
        self.link_thread = None;
    }

    /// The runtime that handlers run in.
    pub(super) fn app_runtime(&self) -> Handle {
        self.link_thread.as_ref().map_or_else(Handle::current, |(runtime, _)| runtime.clone())
    }

    /// The way of outcomes that do not come from the link's thread.
    pub(super) fn outcomes(&self) -> mpsc::UnboundedSender<Outcome> {
        self.outcomes.clone()
    }

    /// Polls an inline call at once where no other thread is to poll it. `Some` if it ended; otherwise a task polls it again, which then
    /// arranges to be woken.
    pub(super) fn poll_inline(&self, running: &mut RunningCall) -> Option<RunEnd> {
        let is_inline = self.link_thread.is_none() && running.tool().definition().execution == Execution::Inline;
        if is_inline { running.now_or_never() } else { None }
    }

    /// Has a call polled soon.
    pub(super) fn submit(&self, job: Job) {
        match &self.link_thread {
            Some((_, calls)) if job.poll_place() == PollPlace::Link => calls.push(job),
            Some((runtime, _)) => job.with_outcome_sender(&self.outcomes).spawn(runtime),
            None => drop(tokio::spawn(job.with_outcome_sender(&self.outcomes))),
        }
    }

    /// Spawns the task in which a call waits for its permit.
    pub(super) fn spawn_wait(&self, tool: &RegisteredTool, task: impl Future<Output = ()> + Send + 'static) {
        match &self.link_thread {
            Some((runtime, _)) if tool.definition().execution != Execution::Blocking => drop(runtime.spawn(task)),
            // A sync function leaves the task of its call nothing to do but wait.
            _ => drop(tokio::spawn(task)),
        }
    }
}
