//! [`Watch`]: gives the connection of one dashboard its messages in order: `connected`, a snapshot, and then the changes.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Duration, Instant};
use tokio_util::task::AbortOnDropHandle;

use super::mailbox::MailboxItem;
use super::message::{plain, text};
use super::shown_tools::DashboardTools;
use super::snapshot::Watched;
use super::snapshot_source::{SnapshotMessage, SnapshotSource};
use super::subscription::{Subscription, WatchEnd};
use crate::ports::time::{now_ms, rfc3339};

/// A dashboard that watches an agent, until this is dropped.
#[derive(Debug)]
pub struct Watch {
    watched: Watched,
    subscription: Arc<Subscription>,
    source: Arc<SnapshotSource>,
    /// The agent as the dashboard named it, by id or slug.
    named: String,
    is_greeted: bool,
    /// The snapshot that is being made.
    making: Option<AbortOnDropHandle<Option<SnapshotMessage>>>,
    /// Hash of the tools that the dashboard knows.
    tools: Option<u64>,
}

/// The data of a message about changed tools.
#[derive(Serialize)]
struct ToolsChanged {
    tools: DashboardTools,
}

/// The delay before a snapshot that failed is tried again.
const NEXT_SNAPSHOT: Duration = Duration::from_secs(5);

impl Watch {
    pub(super) fn begin(
        watched: Watched,
        subscription: Arc<Subscription>,
        source: Arc<SnapshotSource>,
        named: &str,
    ) -> Self {
        watched.feed().0.subscriptions.take(Arc::clone(&subscription));
        Self { watched, subscription, source, named: named.to_owned(), is_greeted: false, making: None, tools: None }
    }

    /// The watched agent and its caller.
    #[must_use]
    pub fn watched(&self) -> &Watched {
        &self.watched
    }

    pub(super) fn subscription(&self) -> &Arc<Subscription> {
        &self.subscription
    }

    /// The next message for the dashboard: `connected`, then a snapshot, and then the changes. Cancel-safe.
    pub async fn next(&mut self) -> Bytes {
        if !self.is_greeted {
            self.is_greeted = true;
            return plain("connected", &json!({"agentId": self.named, "timestamp": rfc3339(now_ms())}));
        }
        loop {
            if let Some(making) = &mut self.making {
                // Kept until it ends: this future may be dropped and called again.
                let made = making.await;
                self.making = None;
                return self.snapshot_made(made);
            }
            match self.subscription.mailbox.next().await {
                MailboxItem::Message(message) => return message,
                MailboxItem::Snapshot => self.making = Some(self.make_snapshot()),
                MailboxItem::Tools => {
                    if let Some(message) = self.changed_tools() {
                        return message;
                    }
                }
            }
        }
    }

    /// The reason why the watch has ended, once it has.
    #[must_use]
    pub fn end(&self) -> watch::Receiver<Option<WatchEnd>> {
        self.subscription.end()
    }

    /// Makes a snapshot in a task of its own: the application's provider may panic or block.
    fn make_snapshot(&self) -> AbortOnDropHandle<Option<SnapshotMessage>> {
        let (source, watched) = (Arc::clone(&self.source), self.watched.clone());
        AbortOnDropHandle::new(tokio::spawn(async move { source.snapshot(&watched).await }))
    }

    fn snapshot_made(&mut self, made: Result<Option<SnapshotMessage>, tokio::task::JoinError>) -> Bytes {
        let made = made.unwrap_or_else(|error| {
            tracing::error!(%error, "snapshot of an agent not made");
            None
        });
        let Some(SnapshotMessage { text, tools }) = made else {
            // The snapshot may have to replace dropped events, so it is tried until it succeeds.
            self.subscription.mailbox.snapshot_at(Instant::now() + NEXT_SNAPSHOT);
            return no_snapshot();
        };
        self.tools = tools;
        text
    }

    fn changed_tools(&mut self) -> Option<Bytes> {
        let tools = self.source.tools(&self.watched)?;
        let hash = Some(tools.hash());
        (hash != self.tools).then(|| {
            self.tools = hash;
            text("tools_changed", &ToolsChanged { tools }).expect("JSON always serializes")
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watched.feed().0.subscriptions.leave(&self.subscription);
    }
}

/// The message in place of a snapshot. The reason is in the log only.
fn no_snapshot() -> Bytes {
    plain("error", &json!({"message": "there is no snapshot at the moment; another one follows as soon as there is"}))
}
