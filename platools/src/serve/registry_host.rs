//! [`RegistryHost`]: holds the tools, the running calls and the settings of a local MCP server, which all its clients share.
//! `mcp_methods.rs` has the methods that clients call.

use super::call_tracker::CallTracker;
use super::info::Info;
use super::tools::ServedTools;

/// The parts of a server that all of its clients share.
#[derive(Debug)]
pub(super) struct RegistryHost {
    pub(super) tools: ServedTools,
    pub(super) calls: CallTracker,
    pub(super) info: Info,
    pub(super) user: Option<String>,
    /// The most bytes of a result.
    pub(super) max_result_bytes: usize,
}
