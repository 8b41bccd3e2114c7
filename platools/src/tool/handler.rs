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
/// use std::collections::HashMap;
/// use std::sync::Arc;
/// use platools::tool::{BindError, Handler, HandlerFuture, Output, State};
/// use platools::{Context, Tool, ToolDefinition, ToolRegistry};
/// use serde_json::{Value, json};
///
/// /// Looks words up in a glossary that is state of the registry.
/// struct Define(Arc<HashMap<String, String>>);
///
/// struct DefineTool;
///
/// impl Tool for DefineTool {
///     fn definition(&self) -> ToolDefinition {
///         let schema = json!({ "type": "object", "properties": { "word": { "type": "string" } }, "required": ["word"] });
///         ToolDefinition::new("define", "Explain a word.", schema)
///     }
///     fn bind(&self, state: &State) -> Result<Arc<dyn Handler>, BindError> {
///         let glossary = state.get().ok_or_else(|| BindError::new("it needs a glossary; add one with `with_state`"))?;
///         Ok(Arc::new(Define(glossary)))
///     }
/// }
///
/// impl Handler for Define {
///     fn call(self: Arc<Self>, context: Context, output: Output) -> HandlerFuture {
///         Box::pin(async move {
///             let arguments: Value = context.params().deserialize()?;
///             let word = arguments["word"].as_str().ok_or("`word` is a string")?;
///             output.write(&self.0.get(word))
///         })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let glossary = HashMap::from([("link".to_owned(), "one socket and its loop".to_owned())]);
/// let registry = ToolRegistry::new().with_state(glossary).with_tools(DefineTool)?;
/// assert_eq!(registry.call("define", json!({ "word": "link" })).await?, "one socket and its loop");
/// # Ok(())
/// # }
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
    /// `state` lacks something that the tool needs.
    fn bind(&self, state: &State) -> Result<Arc<dyn Handler>, BindError>;
}

/// The future of one call.
pub type HandlerFuture = Pin<Box<dyn Future<Output = Result<Output, ToolError>> + Send>>;

/// Runs the calls of one tool.
pub trait Handler: Send + Sync + 'static {
    /// Starts one call, whose result is to be written into `output`. An output that nothing was written into means `null`.
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
