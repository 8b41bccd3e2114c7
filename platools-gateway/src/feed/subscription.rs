//! [`Subscription`]: one connected dashboard with its queue of messages, for the code that publishes events. [`WatchEnd`] is the reason for
//! its end.

use std::sync::{Mutex, MutexGuard};

use tokio::sync::watch;

use super::FeedSettings;
use super::mailbox::Mailbox;
use crate::domain::identity::Caller;
use crate::domain::ids::{AgentId, EnvironmentId, ProjectId};
use crate::domain::lock::lock;

/// The dashboard that watches an agent: its mailbox, and the signal that ends its connection.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) agent_id: AgentId,
    pub(super) project_id: ProjectId,
    /// The caller of the dashboard.
    pub(super) caller: Caller,
    pub(super) mailbox: Mailbox,
    /// The environment of the agent's tools, which may change.
    environment: Mutex<Option<EnvironmentId>>,
    end: watch::Sender<Option<WatchEnd>>,
}

impl Subscription {
    pub(super) fn new(
        agent: (AgentId, ProjectId),
        caller: Caller,
        environment: Option<EnvironmentId>,
        settings: &FeedSettings,
    ) -> Self {
        let (agent_id, project_id) = agent;
        let (mailbox, environment, (end, _)) = (Mailbox::new(settings), Mutex::new(environment), watch::channel(None));
        Self { agent_id, project_id, caller, mailbox, environment, end }
    }

    /// The reason why it has ended, once it has.
    pub(super) fn end(&self) -> watch::Receiver<Option<WatchEnd>> {
        self.end.subscribe()
    }

    /// Ends the dashboard's connection. The first reason counts.
    pub(super) fn end_with(&self, end: WatchEnd) {
        self.end.send_if_modified(|current| {
            let is_first = current.is_none();
            current.get_or_insert(end);
            is_first
        });
    }

    pub(super) fn environment(&self) -> MutexGuard<'_, Option<EnvironmentId>> {
        lock(&self.environment)
    }
}

/// The reason why a dashboard's connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatchEnd {
    /// A newer connection watches the agent.
    Displaced,
    /// The agent was removed, or the caller may not watch it any more.
    NoSuchAgent,
}
