//! [`Dispatcher`]: admits the calls of one worker, queues them, starts them and ends them.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use super::call::{AcceptedCall, Call};
use super::call_table::{CallKey, CallTable};
use super::errors::{cancelled, unknown_tool};
use super::executor::Executor;
use super::job::{Abortable, Job, QueuedJob};
use super::limits::Limits;
use super::link_calls::LinkCalls;
use super::outcome::Outcome;
use super::permit::{PermitRequest, PermitWait, RunPermit};
use super::queue_bounds::QueueBounds;
use super::running_call::RunningCall;
use crate::registry::{RegisteredTool, ToolRegistry, ToolSnapshot};
use crate::tool::{Context, Output, Params, ReportQueue, SharedText, ToolError, code};

/// Runs calls. Dropping it aborts those that still run or wait.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    tools: ToolSnapshot,
    limits: Limits,
    calls: CallTable,
    /// A permit for each call that may run at once.
    slots: Arc<Semaphore>,
    /// Slots of calls that have ended, for the next ones. Empty while a call waits: it gets them from the semaphore.
    free_slots: Vec<OwnedSemaphorePermit>,
    queue: QueueBounds,
    executor: Executor,
    /// The way of reports from calls to the link.
    reports: ReportQueue<Context>,
    draining: bool,
}

impl Dispatcher {
    /// A dispatcher, and where its outcomes come out.
    pub(crate) fn new(
        registry: ToolRegistry,
        limits: Limits,
        reports: ReportQueue<Context>,
    ) -> (Self, mpsc::UnboundedReceiver<Outcome>) {
        let (outcomes, receiver) = mpsc::unbounded_channel();
        (
            Self {
                tools: ToolSnapshot::new(registry),
                limits,
                calls: CallTable::default(),
                slots: Arc::new(Semaphore::new(limits.running.min(Semaphore::MAX_PERMITS))),
                free_slots: Vec::new(),
                queue: QueueBounds::new(limits.waiting, limits.waiting_bytes),
                executor: Executor::new(outcomes),
                reports,
                draining: false,
            },
            receiver,
        )
    }

    /// Is used on the thread of a link from now on, while handlers run in this runtime: see [`Executor::use_link_thread`].
    pub(crate) fn use_link_thread(&mut self, app_runtime: Handle) -> LinkCalls {
        self.executor.use_link_thread(app_runtime)
    }

    /// Is used by a task of the runtime that handlers run in from now on.
    pub(crate) fn use_current_runtime(&mut self) {
        self.executor.use_current_runtime();
    }

    /// The calls whose handlers are polled now, with their tools and the numbers of the polls.
    pub(crate) fn polls_going_on(&self) -> impl Iterator<Item = (CallKey, &Arc<RegisteredTool>, &Context, u32)> {
        self.calls.polls_going_on()
    }

    /// The key of a call, new or not.
    pub(crate) fn key(&self, call_id: &str) -> CallKey {
        self.calls.key(call_id)
    }

    /// The key of a call that was not seen before. One that was must not run again, nor be answered again.
    pub(crate) fn key_if_new(&self, call_id: &str) -> Option<CallKey> {
        let key = self.key(call_id);
        (!self.calls.knows(key)).then_some(key)
    }

    /// Takes a new call on, or says why not.
    pub(crate) fn dispatch(&mut self, key: CallKey, call: Call<'_>) -> Admission {
        let Some(tool) = self.tools.find(call.tool_name).cloned() else {
            return self.refused(key, call.call_id, unknown_tool(call.tool_name));
        };
        if self.draining {
            let error = ToolError::new("the worker is stopping; call again and another one may answer");
            return self.refused(key, call.call_id, error.with_code(code::DRAINING).retryable());
        }
        match self.request_permit(&tool) {
            PermitRequest::Granted(permit) => {
                let accepted = self.accept(call.call_id, call.params, tool, call.output);
                self.start(key, accepted, permit)
            }
            PermitRequest::Queued(wait) => self.enqueue(key, call, tool, wait),
        }
    }

    /// Refuses a call before [`dispatch`](Self::dispatch). `None` if its id was seen before: that call
    /// has its one outcome already, or will have it.
    pub(crate) fn refuse(&mut self, call_id: &str, error: ToolError) -> Option<Outcome> {
        let key = self.key_if_new(call_id)?;
        self.calls.end(key);
        Some(Outcome::refusal(key, call_id.into(), error))
    }

    /// Notes that an outcome has come out, and frees the slot of its call. Says whether it counts: the end of a call that was given up before
    /// does not.
    pub(crate) fn ended(&mut self, outcome: &mut Outcome) -> bool {
        if self.queue.calls() == 0 {
            self.free_slots.extend(outcome.slot.take());
        }
        self.calls.end(outcome.key)
    }

    /// Cancels a call for the platform, and returns its outcome if it ends at once. A call that runs is told, and its
    /// outcome comes over the channel if its handler ends within [`CANCEL_GRACE`]; one that is unknown or over stays so.
    pub(crate) fn cancel(&mut self, call_id: &str, now: Instant) -> Option<Outcome> {
        let key = self.key(call_id);
        let ended = self.calls.cancel(key, now + CANCEL_GRACE);
        ended.map(|context| Outcome::given_up(key, &context, cancelled()))
    }

    /// The time at which [`abort_overdue`](Self::abort_overdue) has something to do.
    pub(crate) fn next_overdue(&self) -> Option<Instant> {
        self.calls.next_overdue()
    }

    /// Ends the calls that were given up and whose handlers did not end in time.
    pub(crate) fn abort_overdue(&mut self, now: Instant) -> Vec<Outcome> {
        let ended = self.calls.end_overdue(now);
        ended.into_iter().map(|(key, context)| Outcome::given_up(key, &context, cancelled())).collect()
    }

    /// Refuses new calls from now on.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
    }

    /// Gives up every call that waits. None of them runs.
    pub(crate) fn cancel_waiting(&mut self) -> Vec<Outcome> {
        let stopped = |(key, context): (_, Context)| {
            let error =
                ToolError::new("the worker stopped before the call had its turn, and did not run it; call again");
            Outcome::given_up(key, &context, error.with_code(code::DRAINING).retryable())
        };
        self.calls.end_waiting().into_iter().map(stopped).collect()
    }

    /// Gives up every call that runs or waits.
    pub(crate) fn cancel_all(&mut self) -> Vec<Outcome> {
        let stopped = |(key, context): (_, Context)| {
            let error = ToolError::new("the worker stopped before the call ended").with_code(code::CANCELLED);
            Outcome::given_up(key, &context, error.retryable())
        };
        let mut outcomes = self.cancel_waiting();
        outcomes.extend(self.calls.end_all().into_iter().map(stopped));
        outcomes
    }

    /// The calls that run or wait.
    pub(crate) fn unfinished(&self) -> impl Iterator<Item = (CallKey, &Context)> {
        self.calls.unfinished()
    }

    /// Returns true if a call runs.
    pub(crate) fn is_running(&self) -> bool {
        self.calls.len() > self.queue.calls()
    }

    /// Returns true if no call runs or waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.calls.len() == 0
    }

    /// Requests the permit of a call, with a slot of one that has ended if there is any.
    fn request_permit(&mut self, tool: &RegisteredTool) -> PermitRequest {
        if tool.permits().is_none()
            && let Some(slot) = self.free_slots.pop()
        {
            return PermitRequest::Granted(RunPermit { tool: None, slot: Some(slot) });
        }
        self.free_slots.clear();
        RunPermit::request(tool, Some(&self.slots))
    }

    fn accept(&self, call_id: SharedText, params: Params, tool: Arc<RegisteredTool>, output: Output) -> AcceptedCall {
        let context = Context::reporting(call_id, params, self.reports.clone());
        let shows_errors = self.limits.shows_errors || tool.definition().expose_errors;
        AcceptedCall { context, tool, output, arrived: None, max_wait: MAX_WAIT, shows_errors }
    }

    fn start(&mut self, key: CallKey, call: AcceptedCall, permit: RunPermit) -> Admission {
        let (context, tool) = (call.context.clone(), Arc::clone(&call.tool));
        let started = RunningCall::try_new(call, permit, self.limits.timeout, || self.executor.app_runtime());
        let mut running = match started {
            Ok(running) => running,
            Err(error) => return self.refused(key, context.shared_call_id(), error),
        };
        if let Some(ran) = self.executor.poll_inline(&mut running) {
            self.calls.end(key);
            return Admission::Ended(Outcome::of(key, &context, ran));
        }
        self.calls.begin(key, context, tool, None);
        self.executor.submit(Job { key, running });
        Admission::Accepted
    }

    /// Lets a call wait for its permit, if there is room.
    fn enqueue(&mut self, key: CallKey, call: Call<'_>, tool: Arc<RegisteredTool>, wait: PermitWait) -> Admission {
        let Some(spot) = self.queue.enter(call.frame_bytes) else {
            return self.refused(key, call.call_id, self.overloaded());
        };
        // Copies: the frame may be a small part of what was read at once, all of which it would keep in memory.
        let (call_id, params) = (call.call_id.detached(), call.params.detached());
        let mut accepted = self.accept(call_id, params, Arc::clone(&tool), call.output);
        accepted.arrived = Some(Instant::now());
        let context = accepted.context.clone();
        let (app_runtime, outcomes) = (self.executor.app_runtime(), self.executor.outcomes());
        let queued = QueuedJob { key, call: accepted, spot: spot.clone(), wait, app_runtime, outcomes };
        let task = Abortable { context: context.clone(), task: Box::pin(queued.run(self.limits.timeout)) };
        self.calls.begin(key, context, Arc::clone(&tool), Some(spot));
        self.executor.spawn_wait(&tool, task);
        Admission::Accepted
    }

    /// Ends a new call without running it. Its id is remembered like that of any other, so that it has no second outcome.
    fn refused(&mut self, key: CallKey, call_id: SharedText, error: ToolError) -> Admission {
        self.calls.end(key);
        Admission::Ended(Outcome::refusal(key, call_id, error))
    }

    fn overloaded(&self) -> ToolError {
        let Limits { running, waiting, waiting_bytes, .. } = self.limits;
        ToolError::new(format!(
            "the worker is busy; its limits are {running} calls that run, and {waiting} calls that wait, with {waiting_bytes} \
             bytes in all; try again later"
        ))
        .with_code(code::OVERLOADED)
        .retryable()
    }
}

/// The answer to a call that was handed in.
#[derive(Debug)]
pub(crate) enum Admission {
    /// The call runs or waits; its outcome comes over the channel.
    Accepted,
    /// The call has ended already.
    Ended(Outcome),
}

/// The time that the handler has after its platform cancelled the call: enough to clean up, and short enough that the caller
/// still waits for the answer.
pub(crate) const CANCEL_GRACE: Duration = Duration::from_secs(5);

/// The time that a call waits for its permit if its platform sends no deadline. The outbox keeps replies as long, for the same
/// reason: no caller is known to wait longer.
const MAX_WAIT: Duration = Duration::from_secs(600);
