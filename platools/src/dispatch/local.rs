//! Calling a tool without any socket.

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

use super::run::Running;
use super::turn::{Requested, Turn};
use super::{Accepted, Failure, Limits, unknown_tool};
use crate::registry::ToolRegistry;
use crate::tool::{Context, Outlet, Output, Params, ToolError, code};

/// A call that has no platform. Dropping it gives it up.
pub(crate) struct LocalCall(BoxFuture<'static, Result<Output, Failure>>);

impl Future for LocalCall {
    type Output = Result<Output, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        self.0.poll_unpin(cx)
    }
}

/// Waits for the tool's turn and runs the call. It may wait as long as its caller lets it.
async fn run(mut call: Accepted) -> Result<Output, Failure> {
    let turn = match Turn::request(&call.tool, None) {
        Requested::Granted(turn) => Ok(turn),
        Requested::Queued(waiting) => {
            call.arrived = Some(Instant::now());
            let context = call.context.clone();
            waiting.turn(&context, call.patience().end(context.params())).await
        }
    };
    let running = turn.and_then(|turn| Running::start(call, turn, Limits::default().timeout, &Handle::current()));
    match running {
        Ok(running) => running.await.result,
        Err(error) => Err(Failure::hidden(error)),
    }
}

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
        outlet: Option<Outlet>,
        limit: usize,
    ) -> Option<(Context, LocalCall)> {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let tool = self.find(name)?;
        let call_id = format!("local-{}", COUNT.fetch_add(1, Ordering::Relaxed)).into();
        let context = match outlet {
            Some(outlet) => Context::reporting(call_id, params, outlet),
            None => Context::new(call_id, params),
        };
        // The owner of the future decides how long it waits.
        let max_wait = Duration::MAX;
        let (shows_errors, output) = (tool.definition().expose_errors, Output::new(limit));
        let call = Accepted { context: context.clone(), tool, output, arrived: None, max_wait, shows_errors };
        Some((context, LocalCall(run(call).boxed())))
    }
}
