//! One tool: what it declares, what a call gives it, and how its arguments become typed values.
//!
//! `#[tool]` makes a [`Tool`] of a function. [`ToolDefinition::handler`] makes one at run time, of a declaration and a closure.

mod arguments;
#[cfg(feature = "collect")]
mod collected;
mod content;
mod context;
mod definition;
mod envelopes;
mod error;
mod function;
mod handler;
mod life;
mod log;
mod output;
mod params;
mod progress;
mod result_rule;
mod returns;
mod saying;
mod schema;
mod state;
mod typed;

pub use arguments::{ArgumentProblem, ArgumentRule, InvalidArguments, UncheckableSchema};
#[cfg(feature = "collect")]
pub(crate) use collected::Collected;
pub use content::{Content, ContentBlock, structured_schema};
pub use context::{Context, FullContext, Scope};
pub use definition::{
    Auth, Execution, InvalidTool, MAX_NAME_CHARS, Rate, STRICT_ARGUMENTS, ToolDefinition, has_strict_arguments,
};
#[cfg(feature = "serve")]
pub(crate) use envelopes::{CONTEXT_ENVELOPE, PLATFORM_ENVELOPE};
pub use error::{IntoToolError, ToolError, code};
pub use function::FunctionTool;
pub(crate) use handler::{Handler, HandlerFuture};
pub use handler::{IntoTools, Tool, ToolSet};
pub(crate) use log::Entry;
pub(crate) use output::Output;
pub(crate) use params::Params;
pub use progress::Progress;
pub(crate) use progress::Report;
pub use result_rule::ResultRule;
pub(crate) use saying::{Outlet, Unsent, Wanted};
pub use schema::Dialect;
pub(crate) use schema::input_schema;
pub(crate) use state::{BindError, State};
#[cfg(test)]
pub(crate) use state::{Injected, borrowing};

/// What the expansion of `#[tool]` names.
pub(crate) mod expansion {
    pub use super::arguments::{Argument, Bound, IntoDefault, Length, Parameter, Parameters, Policy, Ranged, Text};
    #[cfg(feature = "collect")]
    pub use super::collected::Collected;
    pub use super::handler::{Handler, HandlerFuture};
    pub use super::output::Output;
    pub use super::returns::{
        ErrorOf, IntoToolErrorByAuthor, IntoToolErrorFromDisplay, IntoToolErrorFromInto, IntoToolErrorFromNothing,
    };
    pub use super::returns::{
        Fallible, FallibleReturn, Plain, PlainReturn, Returned, ToolFailure, ToolResult, UndescribedResult,
    };
    pub use super::schema::output_schema_with;
    pub use super::state::{BindError, Borrowing, Injectable, Injected, State, borrowing};
    pub use super::typed::{Body, TypedTool, a_tools_future_must_be_send};
}
