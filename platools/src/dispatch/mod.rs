//! From a call to its outcome.
//!
//! A [`Dispatcher`] admits calls, runs each on a task of its own, and ends each exactly once: with a result, an error, a
//! timeout or a refusal. Outcomes travel back over a channel to whoever owns the dispatcher, which is one task; nothing in
//! here waits for a socket.

mod in_flight;
mod local;
mod run;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::registry::ToolRegistry;
use crate::tool::{Context, Execution, Output, Params, ToolError, code};
use in_flight::InFlight;

/// One call, as it came in.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) call_id: Arc<str>,
    pub(crate) tool_name: String,
    pub(crate) params: Params,
    /// Where the result is to be written.
    pub(crate) output: Output,
}

/// How one call ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) call_id: Arc<str>,
    pub(crate) result: Result<Output, Failure>,
    pub(crate) latency: Duration,
}

/// Why a call failed, and what its caller may know of the causes.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: ToolError,
    pub(crate) shown_causes: Option<String>,
}

impl From<ToolError> for Failure {
    fn from(error: ToolError) -> Self {
        Self { error, shown_causes: None }
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

/// What became of a call that was handed in.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It runs or waits; its outcome comes over the channel.
    Accepted,
    /// It has ended already.
    Ended(Outcome),
    /// Its id was seen before, so it is not run again.
    Repeated,
}

/// Runs calls. Dropping it aborts those that still run.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    registry: ToolRegistry,
    limits: Limits,
    in_flight: InFlight,
    // Unbounded, but each admitted call sends one outcome, so there are never more than may run and wait.
    outcomes: mpsc::UnboundedSender<Outcome>,
    draining: bool,
}

impl Dispatcher {
    /// A dispatcher, and where its outcomes come out.
    pub(crate) fn new(registry: ToolRegistry, limits: Limits) -> (Self, mpsc::UnboundedReceiver<Outcome>) {
        let (outcomes, receiver) = mpsc::unbounded_channel();
        (Self { registry, limits, in_flight: InFlight::default(), outcomes, draining: false }, receiver)
    }

    /// Takes a call on, or says why not.
    pub(crate) fn dispatch(&mut self, call: Call) -> Admission {
        if self.in_flight.knows(&call.call_id) {
            return Admission::Repeated;
        }
        if self.draining {
            let error = ToolError::new("the worker is stopping; call again and another one may answer");
            return refusal(call.call_id, error.with_code(code::DRAINING).retryable());
        }
        if self.in_flight.running() < self.limits.running {
            return self.start(call);
        }
        if self.in_flight.waiting() >= self.limits.waiting {
            let Limits { running, waiting, .. } = self.limits;
            let error = ToolError::new(format!("the worker runs {running} calls and {waiting} wait; try again later"));
            return refusal(call.call_id, error.with_code(code::OVERLOADED).retryable());
        }
        self.in_flight.wait(call);
        Admission::Accepted
    }

    /// Notes that an outcome has come out, which makes room for calls that wait.
    pub(crate) fn ended(&mut self, call_id: &Arc<str>) {
        self.in_flight.end(call_id);
        while self.in_flight.running() < self.limits.running
            && let Some(call) = self.in_flight.next_waiting()
        {
            if let Admission::Ended(outcome) = self.start(call) {
                self.in_flight.finished(Arc::clone(&outcome.call_id));
                let _ = self.outcomes.send(outcome);
            }
        }
    }

    /// Refuses new calls from now on.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
    }

    /// Gives up every call that runs or waits.
    pub(crate) fn cancel_all(&mut self) -> Vec<Outcome> {
        let cancelled = |call_id| {
            let error = ToolError::new("the worker stopped before the call ended").with_code(code::CANCELLED);
            Outcome { call_id, result: Err(error.retryable().into()), latency: Duration::ZERO }
        };
        self.in_flight.end_all().into_iter().map(cancelled).collect()
    }

    /// Whether no call runs or waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.running() == 0 && self.in_flight.waiting() == 0
    }

    fn start(&mut self, call: Call) -> Admission {
        let Call { call_id, tool_name, params, output } = call;
        let Some(tool) = self.registry.find(&tool_name) else {
            let error = ToolError::new(format!("unknown tool: {tool_name}")).with_code(code::UNKNOWN_TOOL);
            return refusal(call_id, error);
        };
        let context = Context::new(Arc::clone(&call_id), params);
        let inline = tool.definition().execution == Execution::Inline;
        let running = run::to_its_end(tool, context, output, self.limits.timeout);
        let task = if inline {
            let mut running = Box::pin(running);
            match run::once(running.as_mut()) {
                Some((result, latency)) => {
                    self.in_flight.finished(Arc::clone(&call_id));
                    return Admission::Ended(Outcome { call_id, result, latency });
                }
                None => self.spawn(&call_id, running),
            }
        } else {
            self.spawn(&call_id, running)
        };
        self.in_flight.start(call_id, task.abort_handle());
        Admission::Accepted
    }

    fn spawn(
        &self,
        call_id: &Arc<str>,
        running: impl Future<Output = (Result<Output, Failure>, Duration)> + Send + 'static,
    ) -> JoinHandle<()> {
        let (call_id, outcomes) = (Arc::clone(call_id), self.outcomes.clone());
        tokio::spawn(async move {
            let (result, latency) = running.await;
            // Nobody listens once the worker is gone, and then nobody misses the outcome.
            let _ = outcomes.send(Outcome { call_id, result, latency });
        })
    }
}

/// An end without a beginning.
fn refusal(call_id: Arc<str>, error: ToolError) -> Admission {
    Admission::Ended(Outcome { call_id, result: Err(error.into()), latency: Duration::ZERO })
}

#[cfg(test)]
mod tests;
