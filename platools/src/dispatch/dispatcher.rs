//! [`Dispatcher`]: admits, queues, starts and ends the calls of one worker.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use super::call::{AcceptedCall, Call};
use super::call_table::{CallKey, CallTable};
use super::errors::{cancelled, unknown_tool};
use super::job::{Abortable, Job, Queued, RemoteJob};
use super::limits::Limits;
use super::link_calls::LinkCalls;
use super::outcome::Outcome;
use super::queue::Queue;
use super::runners::Runners;
use super::running::Running;
use super::turn::{Requested, Turn, Waiting};
use crate::registry::{Place as Polled, RegisteredTool, ToolRegistry, ToolSnapshot};
use crate::tool::{Context, Execution, Outlet, Output, Params, SharedText, ToolError, code};

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
    queue: Queue,
    runners: Runners<RemoteJob>,
    /// The runtime of the application, which its handlers run in, and the calls that are polled on the link's thread; `None` where the
    /// link is a task of that runtime itself.
    apart: Option<(Handle, LinkCalls)>,
    // Unbounded, but each admitted call sends one outcome, and one with a result keeps its slot until it is dealt with.
    outcomes: mpsc::UnboundedSender<Outcome>,
    /// The way of reports and log entries from calls to the link.
    outlet: Outlet,
    draining: bool,
}

impl Dispatcher {
    /// A dispatcher, and where its outcomes come out.
    pub(crate) fn new(
        registry: ToolRegistry,
        limits: Limits,
        outlet: Outlet,
    ) -> (Self, mpsc::UnboundedReceiver<Outcome>) {
        let (outcomes, receiver) = mpsc::unbounded_channel();
        (
            Self {
                tools: ToolSnapshot::new(registry),
                limits,
                calls: CallTable::default(),
                slots: Arc::new(Semaphore::new(limits.running.min(Semaphore::MAX_PERMITS))),
                free_slots: Vec::new(),
                queue: Queue::new(limits.waiting, limits.waiting_bytes),
                runners: Runners::new(),
                apart: None,
                outcomes,
                outlet,
                draining: false,
            },
            receiver,
        )
    }

    /// From now on handlers run in this runtime, while the dispatcher is used on the thread of a link: there, calls are polled first whose
    /// tools have proved short so far. Their outcomes do not come over the channel, but with the calls that are returned.
    pub(crate) fn set_apart(&mut self, runtime: Handle) -> LinkCalls {
        // Those of an earlier link may still have outcomes that nobody has taken.
        let calls = match self.apart.take() {
            Some((_, calls)) => calls,
            None => LinkCalls::new(self.outcomes.clone()),
        };
        self.apart = Some((runtime, calls.clone()));
        calls
    }

    /// From now on the dispatcher is used by a task of the runtime that handlers run in.
    pub(crate) fn set_beside(&mut self) {
        self.apart = None;
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
        match self.request_turn(&tool) {
            Requested::Granted(turn) => {
                let accepted = self.accept(call.call_id, call.params, tool, call.output);
                self.start(key, accepted, turn)
            }
            Requested::Queued(waiting) => self.enqueue(key, call, tool, waiting),
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

    /// Gives up a call at the platform's word, and returns its outcome if it ends at once. A call that runs is told, and its
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

    /// Asks for the turn of a call, with a slot of one that has ended if there is any.
    fn request_turn(&mut self, tool: &RegisteredTool) -> Requested {
        if tool.permits().is_none()
            && let Some(slot) = self.free_slots.pop()
        {
            return Requested::Granted(Turn { permit: None, slot: Some(slot) });
        }
        self.free_slots.clear();
        Turn::request(tool, Some(&self.slots))
    }

    fn accept(&self, call_id: SharedText, params: Params, tool: Arc<RegisteredTool>, output: Output) -> AcceptedCall {
        let context = Context::reporting(call_id, params, self.outlet.clone());
        let shows_errors = self.limits.shows_errors || tool.definition().expose_errors;
        AcceptedCall { context, tool, output, arrived: None, max_wait: MAX_WAIT, shows_errors }
    }

    fn start(&mut self, key: CallKey, call: AcceptedCall, turn: Turn) -> Admission {
        let (context, tool) = (call.context.clone(), Arc::clone(&call.tool));
        let started = match &self.apart {
            Some((runtime, _)) => Running::start(call, turn, self.limits.timeout, runtime),
            None => Running::start(call, turn, self.limits.timeout, &Handle::current()),
        };
        let mut running = match started {
            Ok(running) => running,
            Err(error) => return self.refused(key, context.shared_call_id(), error),
        };
        // Polled once without arranging to be woken; on a task it is polled again.
        if self.apart.is_none()
            && tool.definition().execution == Execution::Inline
            && let Some(ran) = (&mut running).now_or_never()
        {
            self.calls.end(key);
            return Admission::Ended(Outcome::of(key, &context, ran));
        }
        self.calls.begin(key, context, tool, None);
        self.submit(Job { key, running });
        Admission::Accepted
    }

    /// Has a call polled soon: where the polls of its tool disturb nobody.
    fn submit(&self, job: Job) {
        let Some((runtime, calls)) = &self.apart else {
            return self.runners.submit(job.told_to(&self.outcomes), &Handle::current());
        };
        if job.running.tool().definition().execution == Execution::Blocking {
            // Its function has a thread of its own, and the task here only waits for that. Threads of a runtime may all be blocked.
            tokio::spawn(job.told_to(&self.outcomes));
            return;
        }
        match job.running.tool().pace().place() {
            Polled::Link => calls.push(job),
            Polled::Runtime => self.runners.submit(job.told_to(&self.outcomes), runtime),
            Polled::Thread => job.told_to(&self.outcomes).run_elsewhere(runtime),
        }
    }

    /// Lets a call wait for its turn, if there is room.
    fn enqueue(&mut self, key: CallKey, call: Call<'_>, tool: Arc<RegisteredTool>, waiting: Waiting) -> Admission {
        let Some(place) = self.queue.enter(call.frame_bytes) else {
            return self.refused(key, call.call_id, self.overloaded());
        };
        // Copies: the frame may be a small part of what was read at once, all of which it would keep in memory.
        let (call_id, params) = (call.call_id.detached(), call.params.detached());
        let mut accepted = self.accept(call_id, params, Arc::clone(&tool), call.output);
        accepted.arrived = Some(Instant::now());
        let context = accepted.context.clone();
        let (runtime, is_beside) = match &self.apart {
            // A function that blocks leaves the task of its call nothing to do but wait.
            Some((runtime, _)) => (runtime.clone(), tool.definition().execution == Execution::Blocking),
            None => (Handle::current(), true),
        };
        let queued = Queued { key, call: accepted, place: place.clone(), waiting, runtime: runtime.clone() };
        let run = Abortable {
            context: context.clone(),
            task: Box::pin(queued.run(self.limits.timeout, self.outcomes.clone())),
        };
        self.calls.begin(key, context, tool, Some(place));
        drop(if is_beside { tokio::spawn(run) } else { runtime.spawn(run) });
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

/// The time that the handler of a call has which the platform has given up: enough to undo what is half done, and short
/// enough that whoever waits for the answer still does.
pub(crate) const CANCEL_GRACE: Duration = Duration::from_secs(5);

/// The time that a call waits for its turn if its platform does not say how long its caller waits. The outbox keeps replies as
/// long, for the same reason: no caller is known to wait longer.
const MAX_WAIT: Duration = Duration::from_secs(600);
