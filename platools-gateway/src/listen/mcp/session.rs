//! [`McpSession`]: one session of an MCP client: its owner, the tools that it shows, and the time of its last use.

use std::sync::Arc;

use platools::mcp::http::SessionUsage;
use tokio_util::sync::CancellationToken;

use crate::domain::identity::{Caller, Credential};
use crate::domain::ids::ProjectId;
use crate::tools::ToolView;

/// A session of one client, which belongs to the credential that it was opened with.
#[derive(Debug)]
pub(super) struct McpSession {
    credential: Credential,
    project: ProjectId,
    /// The tools that the session is about.
    pub(super) view: ToolView,
    /// Cancelled when the session ends; its calls and streams end with it.
    pub(super) ended: CancellationToken,
    pub(super) usage: Arc<SessionUsage>,
}

impl McpSession {
    pub(super) fn new(caller: &Caller, view: ToolView) -> Self {
        Self {
            credential: caller.credential.clone(),
            project: caller.project_id.clone(),
            view,
            ended: CancellationToken::new(),
            usage: SessionUsage::new(),
        }
    }

    /// True if the session was opened with the same key or token, for the same tools.
    pub(super) fn is_of(&self, credential: &Credential, view: &ToolView) -> bool {
        self.is_opened_with(credential) && self.view == *view
    }

    pub(super) fn is_opened_with(&self, credential: &Credential) -> bool {
        self.credential == *credential
    }

    pub(super) fn is_in(&self, project: &ProjectId) -> bool {
        self.project == *project
    }
}
