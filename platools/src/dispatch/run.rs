//! One call, from the tool's own limits to its result.

use std::any::Any;
use std::future::ready;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};
use std::time::Duration;

use futures::FutureExt;
use futures::future::lazy;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep_until};
use tracing::{Span, debug, debug_span, warn};

use super::Failure;
use crate::registry::RegisteredTool;
use crate::time::after;
use crate::tool::{Context, Execution, HandlerFuture, Output, ToolError, code};

/// How a call went.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) result: Result<Output, Failure>,
    pub(super) latency: Duration,
    pub(super) ended: Instant,
}

/// A call that runs: its handler, its deadline, and what is to be told at its end.
///
/// A future by hand, because it can be polled once where the call was read and then be moved to a task, and because a call
/// that ends at the first poll pays for no timer.
pub(super) struct Running {
    tool: Arc<RegisteredTool>,
    context: Context,
    handler: Option<HandlerFuture>,
    started: Instant,
    timeout: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    span: Span,
}

impl Running {
    /// Starts a call; nothing happens before it is polled.
    pub(super) fn new(tool: Arc<RegisteredTool>, context: Context, output: Output, default_timeout: Duration) -> Self {
        Self {
            handler: Some(limited(&tool, &context, output)),
            started: Instant::now(),
            timeout: tool.definition().timeout.unwrap_or(default_timeout),
            timer: None,
            span: debug_span!("call", call.id = context.call_id(), tool.name = tool.name()),
            tool,
            context,
        }
    }

    fn poll_timer(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        let deadline = after(self.started, self.timeout);
        self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline))).as_mut().poll(cx)
    }

    /// A call that was given up either has a result or was cancelled, whatever its handler makes of that.
    fn unless_cancelled(&self, error: ToolError) -> ToolError {
        match self.context.is_cancelled() {
            true => cancelled().with_source(error.into_error()),
            false => error,
        }
    }

    /// Counts the call in the tool's health, and decides what its caller may know.
    fn end(&self, result: Result<Output, ToolError>) -> Ran {
        self.context.end();
        let ended = Instant::now();
        let latency = ended.saturating_duration_since(self.started);
        self.tool.health().record(ended, latency, result.as_ref().err().and_then(own_fault));
        Ran { result: result.map_err(|error| self.span.in_scope(|| report(&self.tool, error))), latency, ended }
    }
}

impl Future for Running {
    type Output = Ran;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Ran> {
        let this = self.get_mut();
        let handler = this.handler.as_mut().expect("a call is not polled after its end");
        let polled = this.span.in_scope(|| guarded(&this.context, || handler.as_mut().poll(cx)));
        let result = match polled {
            Ok(Poll::Ready(result)) => result.map_err(|error| this.unless_cancelled(error)),
            Ok(Poll::Pending) => {
                ready!(this.poll_timer(cx));
                let error = this.unless_cancelled(timed_out(this.timeout));
                // Tells what goes on without this future: a thread of the blocking pool, a task the handler has started.
                this.context.cancel();
                Err(error)
            }
            Err(panicked) => Err(this.unless_cancelled(panicked)),
        };
        // What the handler leaves behind is dropped here, because that may panic too.
        let dropped = guarded(&this.context, || this.handler = None);
        Poll::Ready(this.end(dropped.and(result)))
    }
}

/// A call that is dropped before its end is given up, and what it has started elsewhere is told so.
impl Drop for Running {
    fn drop(&mut self) {
        self.context.cancel();
        self.context.end();
    }
}

/// The handler, within the tool's own rate and concurrency, where it is to run.
fn limited(tool: &Arc<RegisteredTool>, context: &Context, output: Output) -> HandlerFuture {
    let over = tool.rate().and_then(|mut rate| rate.try_record(Instant::now()).err());
    if let Some(wait) = over {
        let error = ToolError::new(format!("too many calls of this tool; try again in {wait:.1?}"));
        return Box::pin(ready(Err(error.with_code(code::RATE_LIMITED).retryable())));
    }
    let (tool, context) = (Arc::clone(tool), context.clone());
    let is_blocking = tool.definition().execution == Execution::Blocking;
    if tool.permits().is_none() && !is_blocking {
        // The call to the handler itself is put off to the first poll, where a panic is caught.
        return Box::pin(lazy(move |_| handler(&tool, context, output)).flatten());
    }
    Box::pin(async move {
        let permit = match tool.permits() {
            Some(permits) => tokio::select! {
                permit = permits.acquire_owned() => Some(permit.expect("the semaphore of a tool is never closed")),
                () = context.cancelled() => return Err(cancelled()),
            },
            None => None,
        };
        match is_blocking {
            true => on_a_blocking_thread(&tool, permit, context, output).await,
            false => handler(&tool, context, output).await,
        }
    })
}

/// The handler of a call, unless the call was given up before it ran.
fn handler(tool: &RegisteredTool, context: Context, output: Output) -> HandlerFuture {
    match context.is_cancelled() {
        true => Box::pin(ready(Err(cancelled()))),
        false => tool.handler().call(context, output),
    }
}

/// Runs a handler that blocks where it holds nobody up. It cannot be stopped there: after a timeout it runs on unheard, and
/// keeps its place among the calls that run at once.
async fn on_a_blocking_thread(
    tool: &Arc<RegisteredTool>,
    permit: Option<OwnedSemaphorePermit>,
    context: Context,
    output: Output,
) -> Result<Output, ToolError> {
    let (tool, runtime, span) = (Arc::clone(tool), Handle::current(), Span::current());
    let blocking = move || {
        let _permit = permit;
        let call = || runtime.block_on(handler(&tool, context.clone(), output));
        span.in_scope(|| guarded(&context, call)).and_then(|ended| ended)
    };
    let ended = tokio::task::spawn_blocking(blocking).await;
    ended.unwrap_or_else(|_| Err(ToolError::new("the worker is shutting down").with_code(code::CANCELLED)))
}

/// Runs a part of a handler with its context, and turns a panic into an error.
fn guarded<R>(context: &Context, part: impl FnOnce() -> R) -> Result<R, ToolError> {
    // Whatever the handler shared with the rest of the program may be left half done by a panic, just as by a panic of any
    // other task; nothing of this crate is.
    let part = AssertUnwindSafe(|| context.enclose(part));
    std::panic::catch_unwind(part).map_err(|payload| panicked(&*payload))
}

fn panicked(payload: &(dyn Any + Send)) -> ToolError {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let message = match text {
        Some(text) => format!("the tool panicked: {text}"),
        None => "the tool panicked".to_owned(),
    };
    ToolError::new(message).with_code(code::PANICKED)
}

/// The failure of a call that the platform has given up.
pub(super) fn cancelled() -> ToolError {
    ToolError::new("the call was cancelled").with_code(code::CANCELLED)
}

fn timed_out(timeout: Duration) -> ToolError {
    ToolError::new(format!("the tool did not finish within {timeout:?}")).with_code(code::TIMEOUT).retryable()
}

/// The message of a failure that says something about the tool, not about its caller or its limits.
fn own_fault(error: &ToolError) -> Option<&str> {
    const OF_OTHERS: [&str; 3] = [code::INVALID_ARGUMENTS, code::RATE_LIMITED, code::CANCELLED];
    (!OF_OTHERS.contains(&error.code())).then(|| error.message())
}

/// Logs a failure, and decides what its caller may know of the causes.
fn report(tool: &RegisteredTool, error: ToolError) -> Failure {
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
    Failure { shown_causes: causes.filter(|_| tool.definition().expose_errors), error }
}
