//! One call, from the tool's own limits to its result.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, debug, debug_span, warn};

use super::Failure;
use crate::registry::RegisteredTool;
use crate::tool::{Context, Execution, Output, ToolError, code};

/// How a call went.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) result: Result<Output, Failure>,
    pub(super) latency: Duration,
    pub(super) ended: Instant,
}

/// Runs a call, counts it in the tool's health, and tells how long it took.
pub(super) async fn to_its_end(
    tool: Arc<RegisteredTool>,
    context: Context,
    output: Output,
    default_timeout: Duration,
) -> Ran {
    let started = Instant::now();
    let span = debug_span!("call", call.id = context.call_id(), tool.name = tool.name());
    let timeout = tool.definition().timeout.unwrap_or(default_timeout);
    // The call is polled before the timer is registered, so that one that ends at once never pays for it.
    let within_limits = timeout_at(started + timeout, limited(&tool, context, output)).instrument(span.clone());
    let result = within_limits.await.unwrap_or_else(|_| Err(timed_out(timeout)));
    let ended = Instant::now();
    let latency = ended.saturating_duration_since(started);
    tool.health().record(ended, latency, result.as_ref().err().and_then(own_fault));
    Ran { result: result.map_err(|error| span.in_scope(|| report(&tool, error))), latency, ended }
}

/// Polls a call once, without arranging to be woken.
pub(super) fn once<F: Future>(call: Pin<&mut F>) -> Option<F::Output> {
    match call.poll(&mut std::task::Context::from_waker(Waker::noop())) {
        Poll::Ready(ended) => Some(ended),
        Poll::Pending => None,
    }
}

/// Keeps to the tool's own rate and concurrency.
async fn limited(tool: &Arc<RegisteredTool>, context: Context, output: Output) -> Result<Output, ToolError> {
    let over = tool.rate().and_then(|mut rate| rate.try_record(Instant::now()).err());
    if let Some(wait) = over {
        let error = ToolError::new(format!("too many calls of this tool; try again in {wait:.1?}"));
        return Err(error.with_code(code::RATE_LIMITED).retryable());
    }
    let _permit = match tool.permits() {
        Some(permits) => Some(permits.acquire().await.expect("the semaphore of a tool is never closed")),
        None => None,
    };
    match tool.definition().execution {
        // Boxed to keep the common case small.
        Execution::Blocking => Box::pin(on_a_blocking_thread(tool, context, output)).await,
        Execution::Task | Execution::Inline => guarded(tool, context, output).await,
    }
}

/// Runs the handler with its context, and turns a panic into an error.
async fn guarded(tool: &Arc<RegisteredTool>, context: Context, output: Output) -> Result<Output, ToolError> {
    let handler = tool.handler();
    let call = async { handler.call(context.clone(), output).await };
    // Whatever the handler shared with the rest of the program may be left half done by a panic, just as by a panic of any
    // other task; nothing of this crate is.
    let ended = context.clone().enclose(AssertUnwindSafe(call).catch_unwind()).await;
    ended.unwrap_or_else(|payload| Err(panicked(&*payload)))
}

/// Runs a handler that blocks where it holds nobody up. It cannot be stopped there: after a timeout it runs on unheard.
async fn on_a_blocking_thread(
    tool: &Arc<RegisteredTool>,
    context: Context,
    output: Output,
) -> Result<Output, ToolError> {
    let (tool, runtime, span) = (Arc::clone(tool), Handle::current(), tracing::Span::current());
    let blocking =
        tokio::task::spawn_blocking(move || span.in_scope(|| runtime.block_on(guarded(&tool, context, output))));
    blocking.await.unwrap_or_else(|_| Err(ToolError::new("the worker is shutting down").with_code(code::CANCELLED)))
}

fn panicked(payload: &(dyn Any + Send)) -> ToolError {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let message = match text {
        Some(text) => format!("the tool panicked: {text}"),
        None => "the tool panicked".to_owned(),
    };
    ToolError::new(message).with_code(code::PANICKED)
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
    } else {
        let causes = causes.as_deref().unwrap_or("none");
        warn!(error.code = error.code(), error.message = error.message(), error.causes = causes, "call failed");
    }
    Failure { shown_causes: causes.filter(|_| tool.definition().expose_errors), error }
}
