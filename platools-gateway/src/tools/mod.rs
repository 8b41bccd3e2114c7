//! [`Tools`]: the tools as callers see them. `listing` has one tool with its state, `view` the tools that clients of the Model Context
//! Protocol and agents get, under the names that `handles` makes and `handle_table` keeps.

mod handle_table;
pub(crate) mod handles;
mod listing;
mod service;
mod view;

pub use listing::{ListedTool, SharedDeclaration, Switch, ToolName, WorkerLoad};
pub use service::Tools;
pub use view::{NamedTool, ToolView};
