//! The parts of one tool: the declaration, the context of a call, the decoding of arguments, and the result.
//!
//! `#[tool]` makes a [`Tool`] from a function. [`ToolDefinition::handler`] makes one at run time from a declaration and a closure.

mod arguments;
mod call_state;
mod cancellation;
mod content;
mod context;
mod definition;
mod envelopes;
mod error;
mod function_tool;
mod handler;
mod log;
#[cfg(feature = "macros")]
mod macro_definition;
mod output;
mod params;
mod progress;
mod report;
#[cfg(feature = "testing")]
mod report_recorder;
mod reports;
mod result_rule;
mod return_value;
mod schema;
mod shared_text;
mod state;
mod typed_handler;

// Hidden names are for the gateway, which treats tools of any SDK by the same rules. They may change at any time.
#[doc(hidden)]
pub use arguments::{ArgumentProblem, ArgumentRule, InvalidArguments, UncheckableSchema, object_in_text, well_formed};
#[doc(hidden)]
pub use content::structured_schema;
pub use content::{Content, ContentBlock};
pub use context::{Context, FullContext, Scope};
pub(crate) use definition::is_accepted_name;
pub use definition::{Auth, Execution, InvalidTool, MAX_NAME_CHARS, Rate, ToolDefinition};
#[cfg(any(feature = "serve", feature = "testing"))]
pub(crate) use envelopes::{CONTEXT_ENVELOPE, PLATFORM_ENVELOPE};
#[doc(hidden)]
pub use error::without_stack;
pub use error::{IntoToolError, ToolError, code};
pub(crate) use error::{STACK_HEADING, discard};
pub use function_tool::FunctionTool;
pub(crate) use handler::{Handler, HandlerFuture};
pub use handler::{IntoTools, Tool, ToolSet};
pub(crate) use output::Output;
pub(crate) use params::Params;
pub use progress::Progress;
pub(crate) use report::{LogEntry, ProgressReport};
#[cfg(feature = "testing")]
pub(crate) use report_recorder::{RecordedReport, ReportRecorder};
pub(crate) use reports::{ReportQueue, UnsentReports, WantedReports};
#[doc(hidden)]
pub use result_rule::ResultRule;
/// Schemas of tools of any SDK. For the crates of this workspace; it may change at any time.
#[doc(hidden)]
pub use schema::prepare;
pub use schema::{Dialect, ToolExport};
pub(crate) use shared_text::SharedText;
pub(crate) use state::{BindError, State};
#[cfg(test)]
pub(crate) use state::{Injected, borrowing};

/// Names for the expansion of `#[tool]`.
pub(crate) mod expansion {
    pub use super::arguments::{
        Argument, Bound, IntoDefault, Length, Parameter, ParameterList, Parameters, Policy, Ranged, Text,
    };
    pub use super::handler::{Handler, HandlerFuture};
    #[cfg(feature = "macros")]
    pub use super::macro_definition::{
        Setting, declared, describe, set_auth, set_max_concurrency, set_rate, set_timeout,
    };
    pub use super::output::Output;
    pub use super::return_value::{
        AwaitedResult, Fallible, FallibleReturn, FutureReturn, Plain, PlainReturn, Returned, ToolFailure, ToolResult,
        UndescribedResult,
    };
    pub use super::return_value::{
        ErrorOf, IntoToolErrorByAuthor, IntoToolErrorFromDisplay, IntoToolErrorFromInto, IntoToolErrorFromNothing,
    };
    pub use super::schema::output_schema_with;
    pub use super::state::{BindError, Borrowing, Injectable, Injected, State, borrowing};
    pub use super::typed_handler::{ToolBody, TypedHandler, a_tools_future_must_be_send};
}
