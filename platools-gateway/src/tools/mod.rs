//! Tools as callers see them: `listing` has those that a caller may see, `view` those that clients of the Model Context Protocol and agents
//! are offered, under the names that `client_names` makes.

pub(crate) mod client_names;
mod listing;
mod name_table;
mod view;

pub(crate) use listing::may;
pub use listing::{ListedTool, SharedDeclaration, Switch, ToolName, WorkerLoad};
pub(crate) use name_table::HandleTables;
pub use view::{NamedTool, ToolView};
