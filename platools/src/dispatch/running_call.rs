//! [`RunningCall`]: runs one call that has its permit, from the start of the handler to the result, the error, the timeout or the
//! cancellation.

use std::future::{poll_fn, ready};
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;
use tracing::{Span, debug, debug_span, warn};

use super::call::AcceptedCall;
use super::errors::{cancelled, timed_out, too_many_calls, waited_too_long};
use super::handler_timer::{HandlerTimer, TimeIsUp};
use super::outcome::{Failure, RunEnd};
use super::panics::catch;
use super::permit::RunPermit;
use crate::blocking_threads::BlockingThread;
use crate::registry::RegisteredTool;
use crate::tool::{Context, Execution, HandlerFuture, Output, ToolError, code};

/// A call that runs: its handler and its deadline. It can be polled once where the call was read, and then be moved to a task.
pub(super) struct RunningCall {
    tool: Arc<RegisteredTool>,
    context: Context,
    run: BoxFuture<'static, RunEnd>,
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
        let (start, timer) = match deadline {
            Some(deadline) => {
                let (timer, begun) = HandlerTimer::from_thread(timeout, deadline);
                let call = (tool.clone(), context.clone(), output);
                let handler = on_a_blocking_thread(call, shows_errors, permit.tool.take(), begun, runtime());
                (HandlerStart::OnThread(handler.boxed()), timer)
            }
            None => (HandlerStart::Here(output), HandlerTimer::from_first_poll(timeout)),
        };
        let span = debug_span!("call", call.id = context.call_id(), tool.name = tool.name());
        let scope = HandlerScope { tool: tool.clone(), context: context.clone(), span, shows_errors };
        Ok(Self { tool, context, run: scope.run(start, timer, permit).boxed() })
    }

    pub(super) fn tool(&self) -> &Arc<RegisteredTool> {
        &self.tool
    }

    pub(super) fn context(&self) -> &Context {
        &self.context
    }
}

impl Future for RunningCall {
    type Output = RunEnd;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<RunEnd> {
        self.run.poll_unpin(cx)
    }
}

/// A call that is dropped before its end is given up, and what it has started elsewhere is told so.
impl Drop for RunningCall {
    fn drop(&mut self) {
        self.context.call_state().abandon();
    }
}

/// The way in which a handler starts, at the first poll: there a panic of the call to the handler itself is caught.
enum HandlerStart {
    Here(Output),
    OnThread(HandlerFuture),
}

/// Runs a handler: with its context and its span, behind a boundary for its panics, and within its time.
struct HandlerScope {
    tool: Arc<RegisteredTool>,
    context: Context,
    span: Span,
    /// True if the platform gets the causes of an error, or its stack.
    shows_errors: bool,
}

impl HandlerScope {
    async fn run(self, start: HandlerStart, mut timer: HandlerTimer, mut permit: RunPermit) -> RunEnd {
        timer.start();
        let mut running = pin!(Some(async {
            match start {
                HandlerStart::Here(output) => handler(&self.tool, self.context.clone(), output).await,
                HandlerStart::OnThread(handler) => handler.await,
            }
        }));
        let result = tokio::select! {
            biased;
            result = poll_fn(|cx| self.poll(running.as_mut(), cx)) => {
                result.map_err(|failed| self.unless_cancelled(failed))
            }
            time = timer.expired(self.context.params()) => {
                let failed = self.unless_cancelled(Failed::by_time(time));
                // Tells what goes on without this future: a thread of the blocking pool, a task the handler has started.
                self.context.call_state().cancel();
                Err(failed)
            }
        };
        let result = match running.is_some() {
            // The drop of a handler that has not ended may panic, too.
            true => self.guarded(|| running.set(None)).map_err(Failed::by_panic).and(result),
            false => result,
        };
        self.end(result, &mut timer, &mut permit)
    }

    /// Polls the handler. At its end it is dropped here, because that may panic too.
    fn poll<F: Future<Output = Result<Output, ToolError>>>(
        &self,
        mut running: Pin<&mut Option<F>>,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<Output, Failed>> {
        let poll = || {
            let polled = running.as_mut().as_pin_mut().map_or(Poll::Pending, |handler| handler.poll(cx));
            if polled.is_ready() {
                running.set(None);
            }
            polled
        };
        self.context.call_state().note_poll();
        let polled = self.span.in_scope(|| self.guarded(poll));
        self.context.call_state().note_poll();
        match polled {
            Ok(polled) => polled.map_err(Failed::by_handler),
            Err(panicked) => Poll::Ready(Err(Failed::by_panic(panicked))),
        }
    }

    /// Runs a part of the handler, and turns a panic into an error, with its place if the platform gets that.
    fn guarded<R>(&self, part: impl FnOnce() -> R) -> Result<R, ToolError> {
        let is_exposed = self.tool.definition().expose_errors;
        let caught = catch(self.shows_errors, || self.context.enclose(part));
        caught.map_err(|caught| caught.into_error(self.context.call_id(), is_exposed))
    }

    /// A call that was cancelled either has a result or failed as cancelled, and neither is a fault of the tool.
    fn unless_cancelled(&self, failed: Failed) -> Failed {
        match self.context.is_cancelled() {
            true => Failed { error: cancelled().with_source(failed.error.into_error()), fault: None },
            false => failed,
        }
    }

    /// Counts the call in the tool's health, and decides what its caller may know.
    fn end(&self, result: Result<Output, Failed>, timer: &mut HandlerTimer, permit: &mut RunPermit) -> RunEnd {
        self.context.call_state().end();
        let ended = Instant::now();
        let latency = timer.latency(ended);
        let (result, fault) = match result {
            Ok(output) => (Ok(output), None),
            Err(Failed { error, fault }) => (Err(self.span.in_scope(|| self.report(error))), fault),
        };
        if let Some(latency) = latency {
            self.tool.health().record(ended, latency, fault);
        }
        permit.tool = None;
        RunEnd { result, latency: latency.unwrap_or_default(), ended, slot: permit.slot.take() }
    }

    /// Logs a failure. An error's own code, such as its `Display`, may panic here as well.
    fn report(&self, error: ToolError) -> Failure {
        let is_shown = self.shows_errors;
        self.guarded(|| report(&self.tool, &self.context, is_shown, error)).unwrap_or_else(Failure::hidden)
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
        let (_permit, _thread) = (permit, BlockingThread::new());
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

/// Logs a failure, and decides whether the platform gets its causes.
fn report(tool: &RegisteredTool, context: &Context, is_shown: bool, error: ToolError) -> Failure {
    let causes = error.causes();
    if error.code() == code::INVALID_ARGUMENTS {
        // The message quotes what the caller sent, which is not for the log.
        debug!(error.code = error.code(), "call refused");
    } else if error.code() == code::CANCELLED {
        debug!(error.causes = causes.as_deref().unwrap_or("none"), "call given up");
    } else {
        let causes = causes.as_deref().unwrap_or("none");
        // The span of the call has its id and its tool, too; subscribers at the usual level do not see it.
        warn!(
            call.id = context.call_id(),
            tool.name = tool.name(),
            error.code = error.code(),
            error.message = error.message(),
            error.causes = causes,
            "call failed"
        );
    }
    Failure { traceback: is_shown.then(|| error.traceback()).flatten(), error }
}
