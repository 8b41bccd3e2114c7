//! [`RunningCall`]: one call with its permit, from the start of its handler to its end.

use std::future::ready;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};
use std::time::Duration;

use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;
use tracing::{Span, debug, debug_span, warn};

use super::call::AcceptedCall;
use super::errors::{cancelled, timed_out, too_many_calls, waited_too_long};
use super::handler_timer::{HandlerTimer, TimeIsUp};
use super::outcome::{Failure, Ran};
use super::panics::catch;
use super::permit::RunPermit;
use crate::registry::RegisteredTool;
use crate::threads::HeldThread;
use crate::tool::{Context, Execution, HandlerFuture, Output, ToolError, code};

/// A call that runs: its handler and its deadline. At the end it is counted in the tool's health.
///
/// A future by hand, because it can be polled once where the call was read and then be moved to a task.
pub(super) struct RunningCall {
    tool: Arc<RegisteredTool>,
    context: Context,
    handler: HandlerState,
    timer: HandlerTimer,
    span: Span,
    /// True if the platform gets the causes of an error, or its stack.
    shows_errors: bool,
    // After the handler, which is dropped first.
    permit: RunPermit,
}

impl RunningCall {
    /// Takes on a call that may run. The handler starts at the first poll; one that blocks, on a thread of the runtime.
    ///
    /// # Errors
    /// The rate of the tool allows no further call at the moment.
    pub(super) fn try_new(
        call: AcceptedCall,
        mut permit: RunPermit,
        default_timeout: Duration,
        runtime: impl FnOnce() -> Handle,
    ) -> Result<Self, ToolError> {
        call.tool.try_start().map_err(too_many_calls)?;
        let deadline = (call.tool.definition().execution == Execution::Blocking).then(|| call.caller_deadline());
        let AcceptedCall { context, tool, output, shows_errors, .. } = call;
        let timeout = tool.definition().timeout.unwrap_or(default_timeout);
        let (handler, timer) = match deadline {
            Some(deadline) => {
                let (timer, begun) = HandlerTimer::from_thread(timeout, deadline);
                let call = (tool.clone(), context.clone(), output);
                let handler = on_a_blocking_thread(call, shows_errors, permit.tool.take(), begun, runtime()).boxed();
                (HandlerState::Started(handler), timer)
            }
            None => (HandlerState::Unstarted(output), HandlerTimer::from_first_poll(timeout)),
        };
        let span = debug_span!("call", call.id = context.call_id(), tool.name = tool.name());
        Ok(Self { tool, context, handler, timer, span, shows_errors, permit })
    }

    pub(super) fn tool(&self) -> &Arc<RegisteredTool> {
        &self.tool
    }

    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// Starts the handler at this time, so that the call need not read the clock itself.
    pub(super) fn begin_at(&mut self, now: Instant) {
        self.timer.note_poll(|| now);
    }

    /// Drops a handler that has not ended, which may panic.
    fn abandon(&mut self) -> Result<(), Failed> {
        guarded(&self.context, &self.tool, self.shows_errors, || self.handler = HandlerState::Ended)
            .map_err(Failed::by_panic)
    }

    /// A call that was cancelled either has a result or failed as cancelled, and neither is a fault of the tool.
    fn unless_cancelled(&self, failed: Failed) -> Failed {
        match self.context.is_cancelled() {
            true => Failed { error: cancelled().with_source(failed.error.into_error()), fault: None },
            false => failed,
        }
    }

    /// Logs a failure. An error's own code, such as its `Display`, may panic here as well.
    fn report(&self, error: ToolError) -> Failure {
        let reported = guarded(&self.context, &self.tool, self.shows_errors, || report(self.shows_errors, error));
        reported.unwrap_or_else(Failure::hidden)
    }

    /// Counts the call in the tool's health, and decides what its caller may know.
    fn end(&mut self, result: Result<Output, Failed>) -> Ran {
        self.context.end();
        let ended = Instant::now();
        let latency = self.timer.latency(ended);
        let (result, fault) = match result {
            Ok(output) => (Ok(output), None),
            Err(Failed { error, fault }) => (Err(self.span.in_scope(|| self.report(error))), fault),
        };
        if let Some(latency) = latency {
            self.tool.health().record(ended, latency, fault);
        }
        self.permit.tool = None;
        Ran { result, latency: latency.unwrap_or_default(), ended, slot: self.permit.slot.take() }
    }
}

impl Future for RunningCall {
    type Output = Ran;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Ran> {
        let this = self.get_mut();
        this.timer.note_poll(Instant::now);
        let (handler, tool, context) = (&mut this.handler, &this.tool, &this.context);
        context.note_poll();
        let polled = this.span.in_scope(|| {
            guarded(context, tool, this.shows_errors, || {
                let polled = handler.poll(tool, context, cx);
                if polled.is_ready() {
                    // What the handler leaves behind is dropped here, because that may panic too.
                    *handler = HandlerState::Ended;
                }
                polled
            })
        });
        this.context.note_poll();
        let result = match polled {
            Ok(Poll::Ready(result)) => result.map_err(|error| this.unless_cancelled(Failed::by_handler(error))),
            Ok(Poll::Pending) => {
                let failed = Failed::by_time(ready!(this.timer.poll(this.context.params(), cx)));
                let failed = this.unless_cancelled(failed);
                // Tells what goes on without this future: a thread of the blocking pool, a task the handler has started.
                this.context.cancel();
                this.abandon().and(Err(failed))
            }
            Err(panicked) => {
                let failed = this.unless_cancelled(Failed::by_panic(panicked));
                this.abandon().and(Err(failed))
            }
        };
        Poll::Ready(this.end(result))
    }
}

/// A call that is dropped before its end is given up, and what it has started elsewhere is told so.
impl Drop for RunningCall {
    fn drop(&mut self) {
        if !self.context.is_over() {
            self.context.cancel();
            self.context.end();
        }
    }
}

/// A handler, from before its start to after its end.
enum HandlerState {
    /// The call to the handler itself is put off to the first poll, where a panic is caught.
    Unstarted(Output),
    Started(HandlerFuture),
    Ended,
}

impl HandlerState {
    fn poll(
        &mut self,
        tool: &RegisteredTool,
        context: &Context,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<Output, ToolError>> {
        if let Self::Unstarted(_) = self
            && let Self::Unstarted(output) = std::mem::replace(self, Self::Ended)
        {
            *self = Self::Started(handler(tool, context.clone(), output));
        }
        match self {
            Self::Started(handler) => handler.as_mut().poll(cx),
            Self::Unstarted(_) | Self::Ended => unreachable!("a call is not polled after its end"),
        }
    }
}

/// The reason why a call has no result.
struct Failed {
    error: ToolError,
    /// A description of the fault, if the tool itself is at fault. It is repeated in every heartbeat, so it has no words of
    /// the tool's answers, which may be about its users.
    fault: Option<String>,
}

impl Failed {
    /// The dispatcher ended the handler: the message is the dispatcher's.
    fn by_fault(error: ToolError) -> Self {
        Self { fault: Some(error.message().to_owned()), error }
    }

    /// The handler panicked. The text of the panic is no more for heartbeats than for callers.
    fn by_panic(error: ToolError) -> Self {
        Self { fault: Some("the tool panicked".to_owned()), error }
    }

    /// The call's time is up. A caller that does not wait until the handler has begun is no fault of the tool.
    fn by_time(time: TimeIsUp) -> Self {
        match time {
            TimeIsUp::TimedOut(timeout) => Self::by_fault(timed_out(timeout)),
            TimeIsUp::NeverBegan => Self { error: waited_too_long(), fault: None },
        }
    }

    /// The handler returned an error. That is an answer, unless its result could not be sent or it says that it is broken.
    fn by_handler(error: ToolError) -> Self {
        let fault = match error.code() {
            code::RESULT_TOO_LARGE => Some("a result was larger than a frame can carry"),
            code::RESULT_NOT_SERIALIZABLE => Some("a result could not be written as JSON"),
            code::INTERNAL => Some("the tool failed with an internal error"),
            code::PANICKED => Some("a task of the tool panicked"),
            _ => None,
        };
        Self { fault: fault.map(str::to_owned), error }
    }
}

/// The handler of a call, unless the call was given up before it ran.
fn handler(tool: &RegisteredTool, context: Context, output: Output) -> HandlerFuture {
    match context.is_cancelled() {
        true => Box::pin(ready(Err(cancelled()))),
        false => tool.handler().call(context, output),
    }
}

/// Runs a handler that blocks on a thread of the blocking pool. It cannot be stopped there: after a timeout it runs to its
/// end and its result is ignored, and it keeps the tool's permit until then.
async fn on_a_blocking_thread(
    (tool, context, output): (Arc<RegisteredTool>, Context, Output),
    shows_errors: bool,
    permit: Option<OwnedSemaphorePermit>,
    begun: oneshot::Sender<Instant>,
    runtime: Handle,
) -> Result<Output, ToolError> {
    let (pool, span) = (runtime.clone(), Span::current());
    let blocking = move || {
        let (_permit, _thread) = (permit, HeldThread::new());
        if begun.send(Instant::now()).is_err() {
            // The call has ended already.
            return Err(cancelled());
        }
        let run = || context.enclose(|| runtime.block_on(handler(&tool, context.clone(), output)));
        // The place of a panic is only known on its own thread.
        span.in_scope(|| catch(shows_errors, run).unwrap_or_else(|caught| resume_unwind(Box::new(caught))))
    };
    match pool.spawn_blocking(blocking).await {
        Ok(ended) => ended,
        // Caught again where the call is polled, as that of any other handler.
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(_) => Err(ToolError::new("the worker is shutting down").with_code(code::CANCELLED)),
    }
}

/// Runs a part of a handler with its context, and turns a panic into an error, with its place if the platform gets that.
fn guarded<R>(
    context: &Context,
    tool: &RegisteredTool,
    shows_errors: bool,
    part: impl FnOnce() -> R,
) -> Result<R, ToolError> {
    let is_exposed = tool.definition().expose_errors;
    catch(shows_errors, || context.enclose(part)).map_err(|caught| caught.into_error(context.call_id(), is_exposed))
}

/// Logs a failure, and decides whether the platform gets its causes.
fn report(is_shown: bool, error: ToolError) -> Failure {
    let causes = error.causes();
    if error.code() == code::INVALID_ARGUMENTS {
        // The message quotes what the caller sent, which is not for the log.
        debug!(error.code = error.code(), "call refused");
    } else if error.code() == code::CANCELLED {
        debug!(error.causes = causes.as_deref().unwrap_or("none"), "call given up");
    } else {
        let causes = causes.as_deref().unwrap_or("none");
        warn!(error.code = error.code(), error.message = error.message(), error.causes = causes, "call failed");
    }
    Failure { traceback: is_shown.then(|| error.traceback()).flatten(), error }
}
