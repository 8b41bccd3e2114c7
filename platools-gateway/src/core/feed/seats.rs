//! Who watches which agent: one connection for each, the newest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::watch;
use tokio::time::Instant;

use super::FeedSettings;
use super::mailbox::Mailbox;
use super::snapshot::Watched;
use crate::core::ids::{AgentId, EnvironmentId};

/// Why somebody may not watch any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatchEnd {
    /// A newer connection watches the agent.
    Displaced,
    /// The agent is gone, or is not one that the caller may watch any more.
    NoSuchAgent,
}

/// One connection, as those who publish see it.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) watched: Watched,
    pub(super) mailbox: Mailbox,
    /// Where the agent's tools are, which may change.
    environment: Mutex<Option<EnvironmentId>>,
    end: watch::Sender<Option<WatchEnd>>,
}

impl Seat {
    pub(super) fn new(watched: Watched, environment: Option<EnvironmentId>, settings: &FeedSettings) -> Self {
        let (end, _) = watch::channel(None);
        Self { watched, mailbox: Mailbox::new(settings), environment: Mutex::new(environment), end }
    }

    /// Tells why it is over, as soon as it is.
    pub(super) fn end(&self) -> watch::Receiver<Option<WatchEnd>> {
        self.end.subscribe()
    }

    /// Has the connection end. The first reason counts.
    pub(super) fn end_with(&self, end: WatchEnd) {
        self.end.send_if_modified(|current| {
            let is_first = current.is_none();
            current.get_or_insert(end);
            is_first
        });
    }

    pub(super) fn is_in(&self, environment: &EnvironmentId) -> bool {
        self.environment.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(environment)
    }

    /// Notes where the agent's tools are now; everything is others than before if that changed.
    pub(super) fn moves_to(&self, environment: Option<EnvironmentId>) {
        let mut current = self.environment.lock().unwrap_or_else(PoisonError::into_inner);
        if *current != environment {
            *current = environment;
            self.mailbox.snapshot_at(Instant::now());
        }
    }
}

/// Every connection, by the agent that it watches.
#[derive(Debug, Default)]
pub(super) struct Seats(RwLock<HashMap<AgentId, Arc<Seat>>>);

impl Seats {
    /// Gives somebody the seat of an agent; whoever had it is told to go.
    pub(super) fn take(&self, seat: Arc<Seat>) {
        let older = self.write(|seats| seats.insert(seat.watched.agent_id.clone(), seat));
        if let Some(older) = older {
            older.end_with(WatchEnd::Displaced);
        }
    }

    /// Leaves a seat, unless somebody else has it by now.
    pub(super) fn leave(&self, seat: &Arc<Seat>) {
        let agent = &seat.watched.agent_id;
        self.write(|seats| {
            if seats.get(agent).is_some_and(|current| Arc::ptr_eq(current, seat)) {
                seats.remove(agent);
            }
        });
    }

    /// Who watches an agent.
    pub(super) fn of(&self, agent: &AgentId) -> Option<Arc<Seat>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(agent).cloned()
    }

    pub(super) fn has(&self, agent: &AgentId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains_key(agent)
    }

    pub(super) fn all(&self) -> Vec<Arc<Seat>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(super) fn count(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn write<T>(&self, change: impl FnOnce(&mut HashMap<AgentId, Arc<Seat>>) -> T) -> T {
        // Every change leaves the table whole, so a panic in another task spoils nothing.
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}
