//! [`SnapshotSource`]: makes the snapshots of dashboards, with the application's provider or from the gateway's own state.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::builtin_state::BuiltinState;
use super::shown_tools::DashboardTools;
use super::snapshot::{SnapshotProvider, Watched};

/// Makes the snapshots of dashboards.
#[derive(Debug)]
pub(crate) struct SnapshotSource {
    pub(crate) builtin: BuiltinState,
    /// The application's provider. None: dashboards see the gateway's own state.
    pub(crate) provider: Option<Arc<dyn SnapshotProvider>>,
    /// The longest time of one snapshot.
    pub(crate) limit: Duration,
}

/// A snapshot as a message.
#[derive(Debug)]
pub(super) struct SnapshotMessage {
    pub(super) text: Bytes,
    /// The hash of the tools in it, if they are of the gateway's own state.
    pub(super) tools: Option<u64>,
}

impl SnapshotSource {
    /// Returns true if dashboards see the gateway's own state.
    pub(super) fn is_builtin(&self) -> bool {
        self.provider.is_none()
    }

    /// The tools of the gateway's own state. `None` if the agent is gone.
    pub(super) fn tools(&self, watched: &Watched) -> Option<DashboardTools> {
        self.builtin.tools(watched)
    }

    /// Makes a snapshot. `None` if there is none now; the log has the reason.
    pub(super) async fn snapshot(&self, watched: &Watched) -> Option<SnapshotMessage> {
        let made = timeout(self.limit, self.make(watched)).await;
        made.unwrap_or_else(|_| {
            let limit_ms = self.limit.as_millis();
            tracing::error!(agent.id = %watched.agent_id, limit_ms, "snapshot of an agent not made in time");
            None
        })
    }

    async fn make(&self, watched: &Watched) -> Option<SnapshotMessage> {
        let Some(provider) = &self.provider else {
            let (snapshot, tools) = self.builtin.snapshot(watched).await?;
            return Some(SnapshotMessage { text: snapshot.message(), tools: Some(tools) });
        };
        match provider.snapshot(watched).await {
            Ok(snapshot) => Some(SnapshotMessage { text: snapshot.message(), tools: None }),
            Err(error) => {
                tracing::error!(agent.id = %watched.agent_id, %error, "snapshot of an agent not made");
                None
            }
        }
    }
}
