//! [`Tools`]: the tools as callers see them. `listing` has one tool with its state, `view` the tools that clients of the Model Context
//! Protocol and agents get, under the names that `client_names` makes and `name_table` keeps.

pub(crate) mod client_names;
mod listing;
mod name_table;
mod service;
mod view;

pub use listing::{ListedTool, SharedDeclaration, Switch, ToolName, WorkerLoad};
pub use service::Tools;
pub use view::{NamedTool, ToolView};
