//! [`StoredTool`]: the stored declaration of a tool.

use platools_protocol::tool_sync::ToolDeclaration;

/// A declared tool with the time of its last change.
#[derive(Debug, Clone)]
pub(crate) struct StoredTool {
    pub(crate) declaration: ToolDeclaration,
    pub(crate) fingerprint: String,
    pub(crate) changed_ms: i64,
}
