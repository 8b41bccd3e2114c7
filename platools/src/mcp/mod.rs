//! The MCP server that [`serve`](crate::serve) and the gateway's `/mcp` share, so that both answer clients alike.
//!
//! [`McpServer`] answers one client with the tools of a [`ToolHost`]; [`http`] has requests, sessions and streams. This module is for the
//! crates of this workspace and may change at any time.

#[cfg(feature = "mcp-http")]
pub mod http;
mod notifier;
mod older_revisions;
mod raw_arguments;
mod result;
mod revision;
mod server;
mod tool_page;

pub use notifier::{Notifier, ToolReport, ToolReports};
pub use raw_arguments::{MessageHead, with_part};
pub use result::{ReturnedJson, failed};
pub use revision::Revision;
pub use server::{McpServer, ToolChanges, ToolHost, server_config};
pub use tool_page::{MAX_PAGE_BYTES, TOOLS_PER_PAGE, ToolPage, after_cursor, json_bytes};

/// The name of the member of `_meta` that has the facts of a failed call.
pub const TOOL_ERROR_META: &str = "platools/toolError";

/// The bytes of a tool's result that are passed on, unless a setting says otherwise: 6 MiB. An object travels twice, as text and as
/// structured content, and clients read messages of up to 16 MiB.
pub const MAX_RESULT_BYTES: usize = 6 * 1024 * 1024;
