//! [`Tools`]: the service that finds and lists tools for callers. `view` selects the tools that an MCP client or a model agent sees, and
//! `handles` names these tools.

mod handle_table;
pub(crate) mod handles;
mod listing;
mod service;
mod view;

pub use listing::{ListedTool, SharedDeclaration, Switch, ToolName, WorkerLoad};
pub use service::Tools;
pub use view::{NamedTool, ToolView};
