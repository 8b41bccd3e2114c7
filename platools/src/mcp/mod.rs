//! Rules that [`serve`](crate::serve) and the gateway's `/mcp` share, so that both answer clients of the Model Context Protocol alike.
//! For the crates of this workspace; it may change at any time.

#[cfg(feature = "mcp")]
mod answer;

#[cfg(feature = "mcp")]
pub use answer::{STREAM_AFTER, confirm_end, whole_if_large};

/// The number of tools in one answer to `tools/list`: as many as an entity may have. Not every client asks for a second page, so there is
/// hardly ever one.
pub const TOOLS_PER_PAGE: usize = 1000;

/// The name of the member of `_meta` that has the facts of a failed call.
pub const TOOL_ERROR_META: &str = "platools/toolError";
