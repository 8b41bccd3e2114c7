//! [`ToolRegistry::call`]: calls a tool of this process without a socket. [`LocalCall`] is such a call while it runs.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{self, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::call::AcceptedCall;
use super::errors::unknown_tool;
use super::limits::Limits;
use super::outcome::Failure;
use super::permit::{PermitRequest, RunPermit};
use super::running_call::RunningCall;
use crate::registry::ToolRegistry;
use crate::tool::{Context, Output, Params, ReportQueue, ToolError, code};

impl ToolRegistry {
    /// Calls a tool here, the way a platform's call would run: arguments decoded and checked, the tool's limits and timeout
    /// kept, panics caught. A tool that declares no timeout has five minutes.
    ///
    /// Where as many calls of the tool run as `max_concurrency` allows, the call waits in the same queue as a platform's calls.
    /// Its timeout begins when its function starts. Only a `_context` with a `deadline` bounds the wait.
    ///
    /// Dropping the future cancels the call. A sync tool that runs already goes on to its end on its thread, unheard, as it does
    /// after a timeout; only `inline` ones never outlive the call.
    ///
    /// Whole numbers beyond those of `u64` and `i64` are floats in the returned value; [`call_json`](Self::call_json) keeps them.
    ///
    /// `params` serializes to an object of arguments; it may hold the platform's envelopes `__platos` and `_context`.
    ///
    /// ```
    /// # use platools::{ToolRegistry, tool, tools};
    /// # use serde_json::json;
    /// /// Add two numbers.
    /// #[tool]
    /// async fn add(a: i64, b: i64) -> i64 {
    ///     a + b
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let registry = ToolRegistry::new().with_tools(tools![add])?;
    /// assert_eq!(registry.call("add", json!({ "a": 2, "b": 40 })).await?, json!(42));
    /// let error = registry.call("add", json!({ "a": 2 })).await.unwrap_err();
    /// assert_eq!(error.code(), platools::tool::code::INVALID_ARGUMENTS);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// There is no such tool, or the call failed.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn call<P: Serialize>(&self, name: &str, params: P) -> Result<Value, ToolError> {
        serde_json::from_str(self.call_json(name, params).await?.get()).map_err(ToolError::from_error)
    }

    /// Calls a tool like [`call`](Self::call), and returns the result's JSON as the tool wrote it, with all digits of its numbers.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn call_json<P: Serialize>(&self, name: &str, params: P) -> Result<Box<RawValue>, ToolError> {
        let params = Params::from_value(&params)
            .map_err(|error| ToolError::from_error(error).with_code(code::INVALID_ARGUMENTS))?;
        let (_, call) = self.start_call(name, params, None, usize::MAX).ok_or_else(|| unknown_tool(name))?;
        let output = call.await.map_err(|failure| failure.error)?;
        serde_json::from_slice(output.json()).map_err(ToolError::from_error)
    }

    /// A call whose result has at most `limit` bytes, and its context; it begins when it is polled. `None` if there is no such
    /// tool.
    pub(crate) fn start_call(
        &self,
        name: &str,
        params: Params,
        report_queue: Option<ReportQueue<Context>>,
        limit: usize,
    ) -> Option<(Context, LocalCall)> {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let call_id = format!("local-{}", COUNT.fetch_add(1, Ordering::Relaxed)).into();
        let context = match report_queue {
            Some(report_queue) => Context::reporting(call_id, params, report_queue),
            None => Context::new(call_id, params),
        };
        let call = self.start_call_in(name, context.clone(), limit)?;
        Some((context, call))
    }

    /// A call with this context and a result of at most `limit` bytes; it begins when it is polled. `None` if there is no such tool.
    pub(crate) fn start_call_in(&self, name: &str, context: Context, limit: usize) -> Option<LocalCall> {
        let tool = self.find(name)?;
        // The owner of the future decides how long it waits.
        let max_wait = Duration::MAX;
        let (shows_errors, output) = (tool.definition().expose_errors, Output::new(limit));
        let call = AcceptedCall { context, tool, output, arrived: None, max_wait, shows_errors };
        Some(LocalCall(run(call).boxed()))
    }
}

/// A call that has no platform. Dropping it gives it up.
pub(crate) struct LocalCall(BoxFuture<'static, Result<Output, Failure>>);

impl Future for LocalCall {
    type Output = Result<Output, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        self.0.poll_unpin(cx)
    }
}

/// Waits for a permit of the tool and runs the call. It may wait as long as its caller lets it.
async fn run(mut call: AcceptedCall) -> Result<Output, Failure> {
    let permit = match RunPermit::request(&call.tool, None) {
        PermitRequest::Granted(permit) => Ok(permit),
        PermitRequest::Queued(wait) => {
            call.arrived = Some(Instant::now());
            let context = call.context.clone();
            wait.granted(&context, call.caller_deadline().end(context.params())).await
        }
    };
    let timeout = Limits::default().timeout;
    match permit.and_then(|permit| RunningCall::try_new(call, permit, timeout, Handle::current)) {
        Ok(running) => running.await.result,
        Err(error) => Err(Failure::hidden(error)),
    }
}
