//! One tool: what it declares, what a call gives it, and how its arguments become typed values.
//!
//! A [`Tool`] is a declaration that can be bound to a registry's [`State`]; binding gives a [`Handler`], which runs calls.
//! `#[tool]` writes both; a tool whose shape is known only at run time implements them by hand.

mod arguments;
#[cfg(feature = "collect")]
mod collected;
mod content;
mod context;
mod definition;
mod error;
mod handler;
mod life;
mod log;
mod output;
mod params;
mod progress;
mod returns;
mod saying;
mod schema;
mod state;
mod typed;

#[cfg(feature = "collect")]
pub(crate) use collected::Collected;
pub use content::{Content, ContentBlock, structured_schema};
pub use context::{Context, FullContext, Scope};
pub use definition::{Auth, Execution, InvalidTool, MAX_NAME_CHARS, Rate, ToolDefinition};
pub use error::{ToolError, code};
pub use handler::{Handler, HandlerFuture, IntoTools, Tool, ToolSet};
pub(crate) use log::Entry;
pub use output::Output;
pub use params::Params;
pub use progress::Progress;
pub(crate) use progress::Report;
pub(crate) use saying::{Outlet, Unsent, Wanted};
pub use schema::Dialect;
pub(crate) use schema::input_schema;
pub use state::{BindError, State};
#[cfg(test)]
pub(crate) use state::{Injected, borrowing};

/// What the expansion of `#[tool]` names.
pub(crate) mod expansion {
    pub use super::arguments::{Argument, Bound, IntoDefault, Length, Parameter, Parameters, Policy, Ranged, Text};
    #[cfg(feature = "collect")]
    pub use super::collected::Collected;
    pub use super::returns::{ErrorOf, IntoToolErrorFromDisplay, IntoToolErrorFromError, IntoToolErrorFromInto};
    pub use super::returns::{
        Fallible, FallibleReturn, IntoToolErrorFromNothing, Plain, PlainReturn, Returned, ToolFailure, ToolResult,
    };
    pub use super::state::{Borrowing, Injectable, Injected, borrowing};
    pub use super::typed::{Body, TypedTool, a_tools_future_must_be_send};
}
