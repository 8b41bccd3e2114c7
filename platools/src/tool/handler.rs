//! The two traits of a tool.

use std::pin::Pin;
use std::sync::Arc;

use super::context::Context;
use super::definition::ToolDefinition;
use super::error::ToolError;
use super::output::Output;
use super::state::{BindError, State};

/// A tool: what it declares, and how to get something that runs it.
///
/// `#[tool]` implements it for a type named like the function. Implement it by hand for a tool whose shape is known only at
/// run time.
///
/// ```
/// use std::sync::Arc;
/// use platools::tool::{BindError, Handler, HandlerFuture, Output, State};
/// use platools::{Context, Tool, ToolDefinition};
/// use serde_json::json;
///
/// struct Echo;
///
/// impl Tool for Echo {
///     fn definition(&self) -> ToolDefinition {
///         ToolDefinition::new("echo", "Return the params as they came.", json!({ "type": "object" }))
///     }
///     fn bind(&self, _state: &State) -> Result<Arc<dyn Handler>, BindError> {
///         Ok(Arc::new(Echo))
///     }
/// }
///
/// impl Handler for Echo {
///     fn call(self: Arc<Self>, context: Context, output: Output) -> HandlerFuture {
///         Box::pin(async move { output.write(context.context()) })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tool",
    label = "not a tool",
    note = "put `#[tool]` on the function, or implement `Tool` by hand"
)]
pub trait Tool: Send + Sync {
    /// What the tool declares. Asked once, when it enters a registry.
    fn definition(&self) -> ToolDefinition;

    /// Something that runs the tool's calls, with what it borrows taken from `state`.
    ///
    /// # Errors
    /// The tool borrows a type that `state` has no value of.
    fn bind(&self, state: &State) -> Result<Arc<dyn Handler>, BindError>;
}

/// The future of one call.
pub type HandlerFuture = Pin<Box<dyn Future<Output = Result<Output, ToolError>> + Send>>;

/// Runs the calls of one tool.
pub trait Handler: Send + Sync + 'static {
    /// Starts one call, whose result is to be written into `output`.
    ///
    /// The future does all the work: nothing happens before it is polled, and dropping it cancels the call. It may panic;
    /// whoever polls it is ready for that.
    fn call(self: Arc<Self>, context: Context, output: Output) -> HandlerFuture;
}

/// One or more tools: a `tools![...]` list, one tool, or a value whose `#[tools]` methods are tools.
pub trait IntoTools {
    /// The tools, in the order they are to be registered.
    fn into_tools(self) -> Vec<Box<dyn Tool>>;
}

impl IntoTools for Vec<Box<dyn Tool>> {
    fn into_tools(self) -> Vec<Box<dyn Tool>> {
        self
    }
}

/// A value whose methods are tools: what `#[tools]` implements for the type of its `impl` block.
pub trait ToolSet: Send + Sync + 'static {
    /// The tools, which share the value.
    fn tools(self: Arc<Self>) -> Vec<Box<dyn Tool>>;
}

impl<T: ToolSet> IntoTools for Arc<T> {
    fn into_tools(self) -> Vec<Box<dyn Tool>> {
        self.tools()
    }
}

impl<T: Tool + 'static> IntoTools for T {
    fn into_tools(self) -> Vec<Box<dyn Tool>> {
        vec![Box::new(self)]
    }
}
