//! [`Tool`]: declares a tool and makes its [`Handler`]; a registry accepts every type with this trait. The handler runs the calls of the
//! tool.

use std::pin::Pin;
use std::sync::Arc;

use super::context::Context;
use super::definition::ToolDefinition;
use super::error::ToolError;
use super::output::Output;
use super::state::{BindError, State};

/// A tool that a registry takes.
///
/// `#[tool]` implements it for a type named like the function, and [`ToolDefinition::handler`] makes one at run time. It is not for
/// implementing by hand: binding is between the macro and the registry, and may change in any release.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tool",
    label = "not a tool",
    note = "put `#[tool]` on the function, or make a tool at run time with `ToolDefinition::handler`"
)]
pub trait Tool: Send + Sync {
    /// The declaration. A registry calls this once, when the tool enters it.
    fn definition(&self) -> ToolDefinition;

    /// Takes what the tool borrows from `state`, and returns the handler of its calls.
    ///
    /// # Errors
    /// `state` lacks a value that the tool borrows.
    #[doc(hidden)]
    fn bind(&self, state: &State) -> Result<Arc<dyn Handler>, BindError>;
}

/// The future of one call.
pub type HandlerFuture = Pin<Box<dyn Future<Output = Result<Output, ToolError>> + Send>>;

/// Runs the calls of one tool.
pub trait Handler: Send + Sync + 'static {
    /// Starts one call, whose result is to be written into `output`. An output that nothing was written into means `null`.
    ///
    /// The future does all the work: nothing happens before it is polled, and dropping it cancels the call. It may panic;
    /// the dispatcher catches that.
    fn call(self: Arc<Self>, context: Context, output: Output) -> HandlerFuture;
}

/// Tools: a `tools![...]` list, one tool, or a value whose `#[tool]` methods are tools.
pub trait IntoTools {
    /// The tools, in the order they are to be registered.
    fn into_tools(self) -> Vec<Box<dyn Tool>>;
}

impl IntoTools for Vec<Box<dyn Tool>> {
    fn into_tools(self) -> Vec<Box<dyn Tool>> {
        self
    }
}

/// A value whose methods are tools. `#[tool]` on an `impl` block implements it for the type of the block.
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
