//! x
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod error;
#[cfg(feature = "macros")]
mod macros;
mod registry;
pub mod tool;
mod window;
pub mod wire;

pub use error::{Error, ErrorKind};
pub use registry::ToolRegistry;
pub use tool::{Context, Tool, ToolDefinition, ToolError};
#[cfg(feature = "macros")]
pub use macros::attr;
#[cfg(feature = "macros")]
pub use platools_macros::tool;
