#![doc = include_str!("../README.md")]

#[doc(hidden)]
#[path = "macro_support.rs"]
pub mod __private;
mod blocking_threads;
#[cfg(feature = "cli")]
pub mod cli;
pub mod client;
pub mod connection;
mod dispatch;
pub mod doctor;
mod link;
#[cfg(feature = "macros")]
mod macros;
pub mod manifest;
#[cfg(feature = "mcp")]
#[doc(hidden)]
pub mod mcp;
mod registry;
#[cfg(feature = "serve")]
pub mod serve;
mod sliding_window;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tool;

pub use client::{Platools, PlatoolsClient};
#[cfg(feature = "macros")]
pub use platools_macros::tool;
pub use platools_protocol::LogLevel;
pub use platools_transport::{Error, ErrorKind, Secret};
pub use registry::ToolRegistry;
pub use tool::{Context, Tool, ToolDefinition, ToolError};

/// JSON Schema: the crate whose derive [`tool`](macro@tool) asks of arguments and results.
pub use schemars;
/// Serialization: the crate whose derives [`tool`](macro@tool) asks of arguments and results.
pub use serde;
