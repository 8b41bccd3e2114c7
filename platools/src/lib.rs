//! x
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod dispatch;
mod error;
mod registry;
pub mod tool;
mod window;
pub mod wire;

pub use error::{Error, ErrorKind};
pub use registry::ToolRegistry;
pub use tool::{Context, Tool, ToolDefinition, ToolError};
