//! [`TestClient`]: calls the tools of a registry in memory. [`TestOutcome`] shows the end of a call.

use std::future::pending;
use std::pin::pin;

use serde::Serialize;
use serde_json::Value;

use super::caller::TestCaller;
use super::context::TestContext;
use super::report::TestReport;
use crate::dispatch::{CANCEL_GRACE, LocalCall, cancelled, unknown_tool};
use crate::registry::ToolRegistry;
use crate::tool::ToolError;

/// A caller of a registry's tools without a platform.
///
/// A call runs as a platform's would: arguments are decoded and checked, limits and timeouts hold, and panics are caught. The test decides
/// who calls; nothing checks `auth` and `roles`, as a platform does.
#[derive(Debug, Clone)]
pub struct TestClient {
    registry: ToolRegistry,
    caller: TestCaller,
}

impl TestClient {
    /// A client of these tools that calls as `caller`.
    #[must_use]
    pub fn new(registry: &ToolRegistry, caller: TestCaller) -> Self {
        Self { registry: registry.clone(), caller }
    }

    /// Calls a tool to its end.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn call(&self, tool: &str, arguments: impl Serialize) -> TestOutcome {
        self.call_until(tool, arguments, pending()).await
    }

    /// Calls a tool, and cancels the call when `cancellation` completes, as a platform cancels one: the handler has five seconds to end,
    /// and its result counts if it returns one.
    ///
    /// ```
    /// # use platools::testing::{TestCaller, TestClient};
    /// # use platools::{Context, ToolRegistry, tool, tools};
    /// # use serde_json::json;
    /// /// Wait for the end of the call.
    /// #[tool]
    /// async fn wait(ctx: &Context) -> &'static str {
    ///     ctx.cancelled().await;
    ///     "cleaned up"
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), platools::Error> {
    /// let registry = ToolRegistry::new().with_tools(tools![wait])?;
    /// let client = TestClient::new(&registry, TestCaller::anonymous());
    /// assert_eq!(client.call_until("wait", json!({}), async {}).await.value(), "cleaned up");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn call_until(
        &self,
        tool: &str,
        arguments: impl Serialize,
        cancellation: impl Future<Output = ()>,
    ) -> TestOutcome {
        let params = match self.caller.params(&arguments) {
            Ok(params) => params,
            Err(error) => return TestOutcome::refused(tool, error),
        };
        let context = TestContext::of_params(params);
        let Some(call) = self.registry.start_call_in(tool, context.call_context(), usize::MAX) else {
            return TestOutcome::refused(tool, unknown_tool(tool));
        };
        let result = end_of(call, &context, cancellation).await;
        TestOutcome { tool: tool.to_owned(), result, reports: context.reports() }
    }
}

async fn end_of(
    call: LocalCall,
    context: &TestContext,
    cancellation: impl Future<Output = ()>,
) -> Result<Value, ToolError> {
    let mut call = pin!(call);
    let ended = tokio::select! {
        biased;
        ended = &mut call => Some(ended),
        () = cancellation => {
            context.cancel();
            tokio::time::timeout(CANCEL_GRACE, call).await.ok()
        }
    };
    let output = ended.ok_or_else(cancelled)?.map_err(|failure| failure.error)?;
    serde_json::from_slice(output.json()).map_err(ToolError::from_error)
}

/// The end of a call, with the reports that it made.
#[derive(Debug)]
pub struct TestOutcome {
    tool: String,
    result: Result<Value, ToolError>,
    reports: Vec<TestReport>,
}

impl TestOutcome {
    fn refused(tool: &str, error: ToolError) -> Self {
        Self { tool: tool.to_owned(), result: Err(error), reports: Vec::new() }
    }

    /// The result or the error.
    ///
    /// # Errors
    /// The call failed.
    pub fn result(&self) -> Result<&Value, &ToolError> {
        self.result.as_ref()
    }

    /// The result or the error, without the reports.
    ///
    /// # Errors
    /// The call failed.
    pub fn into_result(self) -> Result<Value, ToolError> {
        self.result
    }

    /// The result of a call that must have succeeded.
    ///
    /// # Panics
    /// It failed.
    #[must_use]
    #[track_caller]
    pub fn value(&self) -> &Value {
        self.result.as_ref().unwrap_or_else(|error| panic!("`{}` failed: {error}", self.tool))
    }

    /// The error of a call that must have failed.
    ///
    /// # Panics
    /// It succeeded.
    #[must_use]
    #[track_caller]
    pub fn error(&self) -> &ToolError {
        match &self.result {
            Ok(value) => panic!("`{}` did not fail, and returned {value}", self.tool),
            Err(error) => error,
        }
    }

    /// Every report of the call, in order. A platform sends only the latest progress of several that a tool makes at once.
    #[must_use]
    pub fn reports(&self) -> &[TestReport] {
        &self.reports
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tool::{Context, ToolDefinition, code};

    fn tool<F: Future<Output = Result<Value, ToolError>> + Send + 'static>(
        handler: impl Fn(Value, Context) -> F + Clone + Send + Sync + 'static,
    ) -> TestClient {
        let definition = ToolDefinition::new("t", "Do it.", json!({ "type": "object" }));
        let registry = ToolRegistry::new().with_tools(vec![definition.handler(handler)]).expect("a valid tool");
        TestClient::new(&registry, TestCaller::user("ann"))
    }

    #[tokio::test]
    async fn a_call_has_its_caller_its_reports_and_its_end() {
        let client = tool(|arguments, ctx: Context| async move {
            for done in 1..=3_u8 {
                ctx.progress(done.into()).send();
            }
            Ok(json!([arguments, ctx.user_id()]))
        });
        let call = client.call("t", json!({ "a": 1 })).await;
        assert_eq!(call.value(), &json!([{ "a": 1 }, "ann"]));
        assert_eq!(call.reports().len(), 3, "also those that were made between two polls");
        assert_eq!(client.call("u", json!({})).await.error().code(), code::UNKNOWN_TOOL);
        assert_eq!(client.call("t", 7).await.error().code(), code::INVALID_ARGUMENTS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_call_has_five_seconds() {
        let client = tool(|_, ctx: Context| async move {
            ctx.cancelled().await;
            tokio::time::sleep(CANCEL_GRACE * 2).await;
            Ok(Value::Null)
        });
        let began = tokio::time::Instant::now();
        let call = client.call_until("t", json!({}), async {}).await;
        assert_eq!((call.error().code(), began.elapsed()), (code::CANCELLED, CANCEL_GRACE));
    }
}
