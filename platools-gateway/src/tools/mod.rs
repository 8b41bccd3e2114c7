//! [`Tools`]: the service that finds and lists tools for callers. `view` selects the tools of an MCP client or a model agent, and `handles`
//! names them for it.

mod handle_table;
pub(crate) mod handles;
mod listing;
mod service;
mod view;

pub use listing::{ListedTool, SharedDeclaration, Switch, ToolName, WorkerLoad};
pub use service::Tools;
pub use view::{NamedTool, ToolView};
