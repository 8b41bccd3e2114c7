//! From a call to its outcome.
//!
//! A [`Dispatcher`] admits calls, runs each on a task of its own, and ends each exactly once: with a result, an error, a
//! timeout, a cancellation or a refusal. Outcomes travel back over a channel to whoever owns the dispatcher, which is one task; nothing in
//! here waits for a socket.

mod in_flight;
mod local;
mod run;
mod runners;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{AbortHandle, Abortable};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::registry::{RegisteredTool, ToolRegistry};
use crate::tool::{Context, Execution, Outlet, Output, Params, ToolError, Unsent, code};
pub(crate) use in_flight::{CallKey, Identity};
#[cfg(feature = "serve")]
pub(crate) use local::LocalCall;

use in_flight::InFlight;
use run::{Ran, Running, cancelled};
use runners::Runners;

/// How long the handler of a call that the platform has given up may go on: enough to undo what is half done, and short
/// enough that whoever waits for the answer still does.
pub(crate) const CANCEL_GRACE: Duration = Duration::from_secs(5);

/// One call, as it came in.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) call_id: &'a str,
    pub(crate) tool_name: &'a str,
    pub(crate) params: Params,
    /// Where the result is to be written.
    pub(crate) output: Output,
}

/// How one call ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) key: CallKey,
    pub(crate) call_id: Arc<str>,
    pub(crate) result: Result<Output, Failure>,
    pub(crate) latency: Duration,
    pub(crate) ended: Instant,
    /// What the call said last, which is to be sent before its reply.
    pub(crate) said: Option<Box<Unsent>>,
}

/// Why a call failed, and what its caller may know of the causes.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: ToolError,
    pub(crate) shown_causes: Option<String>,
}

impl Outcome {
    /// The end of a call that did not run.
    pub(crate) fn refusal(key: CallKey, call_id: Arc<str>, error: ToolError) -> Self {
        let result = Err(Failure { error, shown_causes: None });
        Self { key, call_id, result, latency: Duration::ZERO, ended: Instant::now(), said: None }
    }

    /// The end of a call that ran and did not end by itself.
    fn given_up(key: CallKey, context: &Context, error: ToolError) -> Self {
        Self { said: context.take_last_said(), ..Self::refusal(key, context.shared_call_id(), error) }
    }

    fn of(key: CallKey, context: &Context, Ran { result, latency, ended }: Ran) -> Self {
        let (call_id, said) = (context.shared_call_id(), context.take_last_said());
        Self { key, call_id, result, latency, ended, said }
    }
}

/// How much a dispatcher takes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Calls that run at once.
    pub(crate) running: usize,
    /// Calls that wait for a running one to end; further ones are refused.
    pub(crate) waiting: usize,
    /// For tools that declare no timeout.
    pub(crate) timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { running: 1024, waiting: 4096, timeout: Duration::from_secs(300) }
    }
}

/// A call of a known tool that may run.
#[derive(Debug)]
struct Accepted {
    key: CallKey,
    context: Context,
    tool: Arc<RegisteredTool>,
    output: Output,
}

/// What became of a call that was handed in.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It runs or waits; its outcome comes over the channel.
    Accepted,
    /// It has ended already.
    Ended(Outcome),
}

/// Runs calls. Dropping it aborts those that still run.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    registry: ToolRegistry,
    limits: Limits,
    in_flight: InFlight,
    runners: Runners<Job>,
    // Unbounded, but each admitted call sends one outcome, so there are never more than may run and wait.
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
                runners: Runners::new(),
                outcomes,
                outlet,
                draining: false,
            },
            receiver,
        )
    }

    /// The key of a call, new or not.
    pub(crate) fn key(&self, call_id: &str) -> CallKey {
        self.in_flight.key(call_id)
    }

    /// The key of a call that was not seen before. One that was must not run again.
    pub(crate) fn key_if_new(&self, call_id: &str) -> Option<CallKey> {
        let key = self.key(call_id);
        (!self.in_flight.knows(key)).then_some(key)
    }

    /// Takes a new call on, or says why not.
    pub(crate) fn dispatch(&mut self, key: CallKey, call: Call<'_>) -> Admission {
        let call_id: Arc<str> = call.call_id.into();
        let Some(tool) = self.registry.find(call.tool_name) else {
            return Admission::Ended(Outcome::refusal(key, call_id, unknown_tool(call.tool_name)));
        };
        if self.draining {
            let error = ToolError::new("the worker is stopping; call again and another one may answer");
            return Admission::Ended(Outcome::refusal(key, call_id, error.with_code(code::DRAINING).retryable()));
        }
        let context = Context::reporting(call_id, call.params, self.outlet.clone());
        let accepted = Accepted { key, context, tool, output: call.output };
        if self.in_flight.running() < self.limits.running {
            let admission = self.start(accepted);
            if let Admission::Ended(_) = admission {
                self.in_flight.end(key);
            }
            return admission;
        }
        if self.in_flight.waiting() < self.limits.waiting {
            self.in_flight.wait(accepted);
            return Admission::Accepted;
        }
        let Limits { running, waiting, .. } = self.limits;
        let error = ToolError::new(format!("the worker runs {running} calls and {waiting} wait; try again later"));
        Admission::Ended(Outcome::refusal(
            key,
            accepted.context.shared_call_id(),
            error.with_code(code::OVERLOADED).retryable(),
        ))
    }

    /// Notes that an outcome has come out, which makes room for calls that wait. Says whether it counts: the end of a call
    /// that was given up before does not.
    pub(crate) fn ended(&mut self, key: CallKey) -> bool {
        let counts = self.in_flight.end(key);
        self.fill();
        counts
    }

    /// Lets calls that wait run as far as there is room.
    fn fill(&mut self) {
        while self.in_flight.running() < self.limits.running
            && let Some(call) = self.in_flight.next_waiting()
        {
            if let Admission::Ended(outcome) = self.start(call) {
                let _ = self.outcomes.send(outcome);
            }
        }
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
        self.fill();
        ended.into_iter().map(|(key, context)| Outcome::given_up(key, &context, cancelled())).collect()
    }

    /// Refuses new calls from now on.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
    }

    /// Gives up every call that runs or waits.
    pub(crate) fn cancel_all(&mut self) -> Vec<Outcome> {
        let stopped = |(key, context): (_, Context)| {
            let error = ToolError::new("the worker stopped before the call ended").with_code(code::CANCELLED);
            Outcome::given_up(key, &context, error.retryable())
        };
        self.in_flight.end_all().into_iter().map(stopped).collect()
    }

    /// The calls that run or wait.
    pub(crate) fn unfinished(&self) -> impl Iterator<Item = (CallKey, &Context)> {
        self.in_flight.unfinished()
    }

    /// Whether a call runs.
    pub(crate) fn is_running(&self) -> bool {
        self.in_flight.running() > 0
    }

    /// Whether no call runs or waits.
    pub(crate) fn is_idle(&self) -> bool {
        !self.is_running() && self.in_flight.waiting() == 0
    }

    fn start(&mut self, call: Accepted) -> Admission {
        let Accepted { key, context, tool, output } = call;
        let inline = tool.definition().execution == Execution::Inline;
        let mut running = Running::new(tool, context.clone(), output, self.limits.timeout);
        // Polled once without arranging to be woken; on a task it is polled again.
        if inline && let Some(ran) = (&mut running).now_or_never() {
            return Admission::Ended(Outcome::of(key, &context, ran));
        }
        let (abort, registration) = AbortHandle::new_pair();
        let running = Abortable::new(running, registration);
        self.runners.submit(Job { key, context: context.clone(), running, outcomes: self.outcomes.clone() });
        self.in_flight.start(key, context, abort);
        Admission::Accepted
    }
}

/// A call that runs until it ends or is given up, and then tells the dispatcher's owner.
struct Job {
    key: CallKey,
    context: Context,
    running: Abortable<Running>,
    outcomes: mpsc::UnboundedSender<Outcome>,
}

impl Future for Job {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if let Ok(ran) = ready!(this.running.poll_unpin(cx)) {
            // Nobody listens once the worker is gone, and then nobody misses the outcome.
            let _ = this.outcomes.send(Outcome::of(this.key, &this.context, ran));
        }
        Poll::Ready(())
    }
}

/// The failure of a call of a tool that is not there; its words are part of the wire contract.
fn unknown_tool(name: &str) -> ToolError {
    ToolError::new(format!("unknown tool: {name}")).with_code(code::UNKNOWN_TOOL)
}

#[cfg(test)]
mod tests;
