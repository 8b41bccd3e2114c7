//! [`Watch`]: a dashboard that watches an agent. Its socket takes the next message from it.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Duration, Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::mailbox::MailboxItem;
use super::message::{plain, text};
use super::shown_tools::DashboardTools;
use super::subscriptions::Subscription;
use super::{Dashboards, Snapshot, WatchEnd, Watched};
use crate::ports::time::{now_ms, rfc3339};

/// A dashboard that watches an agent, until this is dropped.
#[derive(Debug)]
pub struct Watch {
    dashboards: Arc<Dashboards>,
    subscription: Arc<Subscription>,
    /// The agent as the dashboard named it, by id or slug.
    named: String,
    is_greeted: bool,
    /// The snapshot that is being made.
    making: Option<AbortOnDropHandle<Made>>,
    /// Hash of the tools that the dashboard knows.
    tools: Option<u64>,
}

/// The data of a message that says which tools there are now.
#[derive(Serialize)]
struct ToolsChanged {
    tools: DashboardTools,
}

/// A snapshot as a message, and the tools that are in it; nothing, if it could not be made.
type Made = Option<(Bytes, Option<u64>)>;

/// The delay before a snapshot that failed is tried again.
const NEXT_SNAPSHOT: Duration = Duration::from_secs(5);

impl Watch {
    pub(super) fn begin(dashboards: Arc<Dashboards>, subscription: Arc<Subscription>, named: &str) -> Self {
        dashboards.feed().0.subscriptions.take(Arc::clone(&subscription));
        Self { dashboards, subscription, named: named.to_owned(), is_greeted: false, making: None, tools: None }
    }

    /// The watched agent and its caller.
    #[must_use]
    pub fn watched(&self) -> &Watched {
        &self.subscription.watched
    }

    pub(super) fn subscription(&self) -> &Arc<Subscription> {
        &self.subscription
    }

    /// The next message for the dashboard: `connected`, then a snapshot, and then what happens. Cancel-safe.
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
                let made = made.unwrap_or_else(|error| {
                    tracing::error!(%error, "a snapshot could not be made");
                    None
                });
                let Some((message, tools)) = made else {
                    // What was dropped in favour of it is not forgotten.
                    self.subscription.mailbox.snapshot_at(Instant::now() + NEXT_SNAPSHOT);
                    return no_snapshot();
                };
                self.tools = tools;
                return message;
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

    /// Makes a snapshot in a task of its own, where it may panic or block as it likes.
    fn make_snapshot(&self) -> AbortOnDropHandle<Made> {
        let (dashboards, watched) = (Arc::clone(&self.dashboards), self.subscription.watched.clone());
        AbortOnDropHandle::new(tokio::spawn(async move {
            let limit = dashboards.settings().snapshot_limit;
            match timeout(limit, snapshot(&dashboards, &watched)).await {
                Ok(made) => made,
                Err(_) => {
                    tracing::error!(agent.id = %watched.agent_id, limit_ms = limit.as_millis(), "a snapshot took too long");
                    None
                }
            }
        }))
    }

    fn changed_tools(&mut self) -> Option<Bytes> {
        let tools = self.dashboards.builtin().tools(&self.subscription.watched)?;
        let hash = Some(tools.hash());
        (hash != self.tools).then(|| {
            self.tools = hash;
            text("tools_changed", &ToolsChanged { tools }).expect("texts in JSON already always serialize")
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.dashboards.feed().0.subscriptions.leave(&self.subscription);
    }
}

/// The snapshot of the application's provider, or of the built-in state.
async fn snapshot(dashboards: &Dashboards, watched: &Watched) -> Made {
    let Some(provider) = &dashboards.feed().0.provider else {
        return dashboards.builtin().snapshot(watched).await.map(|(message, tools)| (message, Some(tools)));
    };
    match provider.snapshot(watched).await {
        Ok(snapshot) => Some((initial_data(&snapshot), None)),
        Err(error) => {
            tracing::error!(agent.id = %watched.agent_id, %error, "a snapshot could not be made");
            None
        }
    }
}

pub(super) fn initial_data(snapshot: &Snapshot) -> Bytes {
    text("initial_data", snapshot.data()).expect("what is JSON already always serializes")
}

/// The message in place of a snapshot. The reason is in the log only.
fn no_snapshot() -> Bytes {
    plain("error", &json!({"message": "there is no snapshot at the moment; another one follows as soon as there is"}))
}
