//! [`Dispatcher`]: from a call to its outcome.
//!
//! A dispatcher admits calls, lets them wait for their turn, runs them, and ends each exactly once: with a result, an error,
//! a timeout, a cancellation or a refusal. Outcomes travel back over a channel to the task that owns the dispatcher; nothing
//! in here waits for a socket.

mod caught;
mod clock;
mod from_model;
mod in_flight;
mod link_calls;
mod local;
mod outcome;
mod patience;
mod queue;
mod run;
mod runners;
mod turn;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};
use std::time::Duration;

use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use crate::registry::{Place as Polled, RegisteredTool, ToolRegistry};
use crate::tool::{Context, Execution, Outlet, Output, Params, SharedText, ToolError, code};
pub(crate) use in_flight::{CallKey, Identity};
pub(crate) use link_calls::LinkCalls;
#[cfg(feature = "serve")]
pub(crate) use local::LocalCall;
pub(crate) use outcome::{Failure, Outcome};

use in_flight::InFlight;
use patience::Patience;
use queue::{Place, Queue};
use run::{Running, cancelled};
use runners::Runners;
use turn::{Requested, Turn, Waiting};

/// How long the handler of a call that the platform has given up may go on: enough to undo what is half done, and short
/// enough that whoever waits for the answer still does.
pub(crate) const CANCEL_GRACE: Duration = Duration::from_secs(5);

/// The time that a call waits for its turn if its platform does not say how long its caller waits. The outbox keeps replies as
/// long, for the same reason: no caller is known to wait longer.
const MAX_WAIT: Duration = Duration::from_secs(600);

/// One call, as it came in.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) call_id: SharedText,
    pub(crate) tool_name: &'a str,
    pub(crate) params: Params,
    /// The bytes of the frame that the params are a part of, which a call that waits keeps in memory.
    pub(crate) frame_bytes: usize,
    /// Where the result is to be written.
    pub(crate) output: Output,
}

/// How much a dispatcher takes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Calls that run at once.
    pub(crate) running: usize,
    /// Calls that wait for their tool or for a running call to end; further ones are refused.
    pub(crate) waiting: usize,
    /// Bytes of the frames of calls that wait.
    pub(crate) waiting_bytes: usize,
    /// For tools that declare no timeout.
    pub(crate) timeout: Duration,
    /// Whether callers get the causes and the stack of every tool's errors.
    pub(crate) shows_errors: bool,
}

impl Default for Limits {
    fn default() -> Self {
        let timeout = Duration::from_secs(300);
        Self { running: 1024, waiting: 4096, waiting_bytes: 64 * 1024 * 1024, timeout, shows_errors: false }
    }
}

/// A call of a known tool that may run.
#[derive(Debug)]
struct Accepted {
    context: Context,
    tool: Arc<RegisteredTool>,
    output: Output,
    /// `None` for a call that has not waited. Looking at the clock is not free, and most calls do not wait.
    arrived: Option<Instant>,
    /// How long it may wait if its platform does not say how long its caller waits.
    max_wait: Duration,
    /// Whether the caller gets the causes of an error, or its stack.
    shows_errors: bool,
}

impl Accepted {
    fn patience(&self) -> Patience {
        Patience::new(self.arrived, self.max_wait)
    }
}

/// What became of a call that was handed in.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It runs or waits; its outcome comes over the channel.
    Accepted,
    /// It has ended already.
    Ended(Outcome),
}

/// Runs calls. Dropping it aborts those that still run or wait.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    registry: ToolRegistry,
    limits: Limits,
    in_flight: InFlight,
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
    /// Where calls say what they have to tell.
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
                registry,
                limits,
                in_flight: InFlight::default(),
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
        self.in_flight.polls_going_on()
    }

    /// The key of a call, new or not.
    pub(crate) fn key(&self, call_id: &str) -> CallKey {
        self.in_flight.key(call_id)
    }

    /// The key of a call that was not seen before. One that was must not run again, nor be answered again.
    pub(crate) fn key_if_new(&self, call_id: &str) -> Option<CallKey> {
        let key = self.key(call_id);
        (!self.in_flight.knows(key)).then_some(key)
    }

    /// Takes a new call on, or says why not.
    pub(crate) fn dispatch(&mut self, key: CallKey, call: Call<'_>) -> Admission {
        let Some(tool) = self.registry.find(call.tool_name) else {
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

    /// Refuses a call that does not come as far as [`dispatch`](Self::dispatch). `None` if its id was seen before: that call
    /// has its one outcome already, or will have it.
    pub(crate) fn refuse(&mut self, call_id: &str, error: ToolError) -> Option<Outcome> {
        let key = self.key_if_new(call_id)?;
        self.in_flight.end(key);
        Some(Outcome::refusal(key, call_id.into(), error))
    }

    /// Notes that an outcome has come out, and frees the slot of its call. Says whether it counts: the end of a call that was given up before
    /// does not.
    pub(crate) fn ended(&mut self, outcome: &mut Outcome) -> bool {
        if self.queue.calls() == 0 {
            self.free_slots.extend(outcome.slot.take());
        }
        self.in_flight.end(outcome.key)
    }

    /// Gives up a call at the platform's word, and returns its outcome if it ends at once. A call that runs is told, and its
    /// outcome comes over the channel if its handler ends within [`CANCEL_GRACE`]; one that is unknown or over stays so.
    pub(crate) fn cancel(&mut self, call_id: &str, now: Instant) -> Option<Outcome> {
        let key = self.key(call_id);
        let ended = self.in_flight.cancel(key, now + CANCEL_GRACE);
        ended.map(|context| Outcome::given_up(key, &context, cancelled()))
    }

    /// When [`abort_overdue`](Self::abort_overdue) has something to do.
    pub(crate) fn next_overdue(&self) -> Option<Instant> {
        self.in_flight.next_overdue()
    }

    /// Ends the calls that were given up and whose handlers did not end in time.
    pub(crate) fn abort_overdue(&mut self, now: Instant) -> Vec<Outcome> {
        let ended = self.in_flight.end_overdue(now);
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
        self.in_flight.end_waiting().into_iter().map(stopped).collect()
    }

    /// Gives up every call that runs or waits.
    pub(crate) fn cancel_all(&mut self) -> Vec<Outcome> {
        let stopped = |(key, context): (_, Context)| {
            let error = ToolError::new("the worker stopped before the call ended").with_code(code::CANCELLED);
            Outcome::given_up(key, &context, error.retryable())
        };
        let mut outcomes = self.cancel_waiting();
        outcomes.extend(self.in_flight.end_all().into_iter().map(stopped));
        outcomes
    }

    /// The calls that run or wait.
    pub(crate) fn unfinished(&self) -> impl Iterator<Item = (CallKey, &Context)> {
        self.in_flight.unfinished()
    }

    /// Whether a call runs.
    pub(crate) fn is_running(&self) -> bool {
        self.in_flight.len() > self.queue.calls()
    }

    /// Whether no call runs or waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.len() == 0
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

    fn accept(&self, call_id: SharedText, params: Params, tool: Arc<RegisteredTool>, output: Output) -> Accepted {
        let context = Context::reporting(call_id, params, self.outlet.clone());
        let shows_errors = self.limits.shows_errors || tool.definition().expose_errors;
        Accepted { context, tool, output, arrived: None, max_wait: MAX_WAIT, shows_errors }
    }

    fn start(&mut self, key: CallKey, call: Accepted, turn: Turn) -> Admission {
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
            self.in_flight.end(key);
            return Admission::Ended(Outcome::of(key, &context, ran));
        }
        self.in_flight.begin(key, context, tool, None);
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
        self.in_flight.begin(key, context, tool, Some(place));
        drop(if is_beside { tokio::spawn(run) } else { runtime.spawn(run) });
        Admission::Accepted
    }

    /// Ends a new call without running it. Its id is remembered like that of any other, so that it has no second outcome.
    fn refused(&mut self, key: CallKey, call_id: SharedText, error: ToolError) -> Admission {
        self.in_flight.end(key);
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

/// A call that waits for its turn, on a task of its own.
struct Queued {
    key: CallKey,
    call: Accepted,
    place: Place,
    waiting: Waiting,
    runtime: Handle,
}

impl Queued {
    /// Waits, runs the call and tells the dispatcher's owner; nothing of it if the dispatcher ends the call before its turn.
    async fn run(self, timeout: Duration, outcomes: mpsc::UnboundedSender<Outcome>) {
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

/// A call that runs until it ends or is given up.
struct Job {
    key: CallKey,
    running: Running,
}

/// A call whose outcome goes to the dispatcher's owner over a channel.
struct RemoteJob {
    job: Job,
    outcomes: mpsc::UnboundedSender<Outcome>,
}

impl Job {
    /// The call as a task that sends its outcome to the dispatcher's owner.
    fn told_to(self, outcomes: &mpsc::UnboundedSender<Outcome>) -> RemoteJob {
        RemoteJob { job: self, outcomes: outcomes.clone() }
    }

    /// Its outcome once it has ended; none if it is given up.
    fn poll_outcome(&mut self, cx: &mut task::Context<'_>) -> Poll<Option<Outcome>> {
        if self.running.context().is_aborted() {
            return Poll::Ready(None);
        }
        if let Poll::Ready(ran) = self.running.poll_unpin(cx) {
            return Poll::Ready(Some(Outcome::of(self.key, self.running.context(), ran)));
        }
        wait_for_abort(self.running.context(), cx)
    }
}

impl RemoteJob {
    /// Runs a call of a tool that may block: on the application's runtime, or on a thread of its own.
    fn run_elsewhere(self, runtime: &Handle) {
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

/// A task of a call, which ends when the call is aborted.
struct Abortable<F> {
    context: Context,
    task: F,
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

/// The failure of a call of a tool that is not there; its words are part of the wire contract.
fn unknown_tool(name: &str) -> ToolError {
    ToolError::new(format!("unknown tool: {name}")).with_code(code::UNKNOWN_TOOL)
}

#[cfg(test)]
mod tests;
