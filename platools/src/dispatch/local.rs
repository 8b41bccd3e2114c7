//! Calling a tool without any socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde_json::Value;

use super::run::Running;
use super::{Limits, unknown_tool};
use crate::registry::ToolRegistry;
use crate::tool::{Context, Output, Params, ToolError, code};

impl ToolRegistry {
    /// Calls a tool here, the way a platform's call would run: arguments decoded and checked, the tool's limits and timeout
    /// kept, panics caught. A tool that declares no timeout has five minutes.
    ///
    /// Dropping the future cancels the call. A sync tool that runs already goes on to its end on its thread, unheard, as it does
    /// after a timeout; only `inline` ones never outlive the call.
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
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let call_id: Arc<str> = format!("local-{}", COUNT.fetch_add(1, Ordering::Relaxed)).into();
        let tool = self.find(name).ok_or_else(|| unknown_tool(name))?;
        let params = Params::from_value(&params)
            .map_err(|error| ToolError::from_error(error).with_code(code::INVALID_ARGUMENTS))?;
        let context = Context::new(call_id, params);
        let output = Output::new(usize::MAX);
        let ran = Running::new(tool, context, output, Limits::default().timeout).await;
        let output = ran.result.map_err(|failure| failure.error)?;
        serde_json::from_slice(output.json()).map_err(ToolError::from_error)
    }
}
