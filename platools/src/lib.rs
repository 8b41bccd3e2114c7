#![doc = include_str!("../README.md")]

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod client;
mod dispatch;
mod link;
#[cfg(feature = "macros")]
mod macros;
#[cfg(feature = "mcp")]
#[doc(hidden)]
pub mod mcp;
mod registry;
#[cfg(feature = "serve")]
pub mod serve;
mod signals;
mod threads;
pub mod tool;
mod window;

pub use client::{ClientHandle, Platools, PlatoolsClient, PlatoolsClientBuilder, Signatures};
pub use link::Event;
#[cfg(feature = "macros")]
pub use platools_macros::tool;
pub use platools_protocol::LogLevel;
pub use platools_transport::{
    BACKOFF_BASE_MS, BACKOFF_MAX_MS, ConnectionState, Disconnect, Error, ErrorKind, HEARTBEAT_INTERVAL_MS, Jitter,
    MAX_BACKOFF_ATTEMPTS, OnRefusal, Reconnect, Roots, Secret, Tls, backoff_delay_ms,
};
pub use registry::ToolRegistry;
pub use tool::{Context, Tool, ToolDefinition, ToolError};

/// JSON Schema: the crate whose derive [`tool`](macro@tool) asks of arguments and results.
pub use schemars;
/// Serialization: the crate whose derives [`tool`](macro@tool) asks of arguments and results.
pub use serde;
