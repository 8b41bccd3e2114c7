//! [`Seats`]: the dashboard of each agent that is watched, and the keys that agents watch.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use tokio::sync::watch;
use tokio::time::Instant;

use super::FeedSettings;
use super::interest::{InterestChange, KeyInterest, KeyWatchers};
use super::mailbox::Mailbox;
use super::message::{Key, KeyedStream};
use super::snapshot::Watched;
use crate::domain::ids::{AgentId, EnvironmentId, ProjectId};

/// Reasons why a dashboard's connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatchEnd {
    /// A newer connection watches the agent.
    Displaced,
    /// The agent is gone, or is not one that the caller may watch any more.
    NoSuchAgent,
}

/// A connection, as publishers see it.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) watched: Watched,
    pub(super) mailbox: Mailbox,
    /// The environment of the agent's tools, which may change.
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

    fn environment(&self) -> MutexGuard<'_, Option<EnvironmentId>> {
        self.environment.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every connection, by the agent that it watches, and the keys of agents.
///
/// A change of who is connected is made within an [`InterestChange`], so that the watchers of keys are those who are connected.
#[derive(Debug, Default)]
pub(super) struct Seats {
    table: RwLock<SeatTable>,
    interest: KeyInterest,
}

impl Seats {
    /// Gives somebody the seat of an agent; whoever had it is told to go.
    pub(super) fn take(&self, seat: Arc<Seat>) {
        let change = self.interest.change();
        let older = self.write(|table| table.put(&seat));
        change.connect(&seat);
        drop(change);
        if let Some(older) = older {
            older.end_with(WatchEnd::Displaced);
        }
    }

    /// Leaves a seat, unless somebody else has it by now.
    pub(super) fn leave(&self, seat: &Arc<Seat>) {
        let change = self.interest.change();
        if self.write(|table| table.remove(seat)) {
            change.disconnect(&seat.watched.agent_id);
        }
    }

    /// Notes where the agent's tools are now; everything is others than before if that changed.
    pub(super) fn moves_to(&self, seat: &Arc<Seat>, environment: Option<EnvironmentId>) {
        if *seat.environment() != environment {
            self.write(|table| table.moves(seat, environment));
            seat.mailbox.snapshot_at(Instant::now());
        }
    }

    /// The connection that watches an agent.
    pub(super) fn of(&self, agent: &AgentId) -> Option<Arc<Seat>> {
        self.read().by_agent.get(agent).cloned()
    }

    pub(super) fn has(&self, agent: &AgentId) -> bool {
        self.read().by_agent.contains_key(agent)
    }

    /// The dashboards of agents whose tools are in an environment.
    pub(super) fn in_environment(&self, environment: &EnvironmentId) -> Vec<Arc<Seat>> {
        self.read().by_environment.of(environment).cloned().collect()
    }

    /// The dashboards in projects that `is_meant` chooses.
    pub(super) fn in_projects(&self, is_meant: impl Fn(&ProjectId) -> bool) -> Vec<Arc<Seat>> {
        let table = self.read();
        let meant = table.by_project.0.iter().filter(|(project, _)| is_meant(project));
        meant.flat_map(|(_, seats)| seats.values()).cloned().collect()
    }

    pub(super) fn count(&self) -> usize {
        self.read().by_agent.len()
    }

    /// The connected dashboards of a key, and the key's name. `None` if there are none.
    pub(super) fn watchers(&self, key: Key<'_>) -> Option<(Arc<str>, Arc<KeyWatchers>)> {
        self.interest.watchers(key)
    }

    /// The keys of a stream that have connected dashboards.
    pub(super) fn watched_keys(&self, stream: KeyedStream) -> Vec<Arc<str>> {
        self.interest.watched_keys(stream)
    }

    /// Changes the keys of an agent. `change` also gets the agent's dashboard, if one is connected.
    pub(super) fn change_keys(
        &self,
        agent: &AgentId,
        change: impl FnOnce(&mut InterestChange<'_>, Option<&Arc<Seat>>),
    ) {
        let mut interest = self.interest.change();
        change(&mut interest, self.of(agent).as_ref());
    }

    /// Drops the keys of agents that do not exist.
    pub(super) fn sweep_keys(&self, exists: impl Fn(&AgentId) -> bool) {
        self.interest.change().sweep(exists);
    }

    #[cfg(test)]
    pub(super) fn has_declared_keys(&self) -> bool {
        !self.interest.change().is_empty()
    }

    fn read(&self) -> RwLockReadGuard<'_, SeatTable> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write<T>(&self, change: impl FnOnce(&mut SeatTable) -> T) -> T {
        // Every change leaves the table whole, so a panic in another task spoils nothing.
        change(&mut self.table.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Connections by agent, and the same ones by project and by environment: a change in one of these concerns its own dashboards only.
#[derive(Debug, Default)]
struct SeatTable {
    by_agent: HashMap<AgentId, Arc<Seat>>,
    by_project: SeatGroups<ProjectId>,
    by_environment: SeatGroups<EnvironmentId>,
}

impl SeatTable {
    /// Puts a seat in the place of an older one, which is returned.
    fn put(&mut self, seat: &Arc<Seat>) -> Option<Arc<Seat>> {
        let older = self.of(&seat.watched.agent_id);
        older.iter().for_each(|older| _ = self.remove(older));
        self.by_agent.insert(seat.watched.agent_id.clone(), Arc::clone(seat));
        self.by_project.put(seat.watched.project_id.clone(), seat);
        seat.environment().iter().for_each(|environment| self.by_environment.put(environment.clone(), seat));
        older
    }

    /// Removes a seat, and says whether it was there.
    fn remove(&mut self, seat: &Arc<Seat>) -> bool {
        let is_current = self.is_current(seat);
        if is_current {
            self.by_agent.remove(&seat.watched.agent_id);
            self.by_project.remove(&seat.watched.project_id, seat);
            seat.environment().iter().for_each(|environment| self.by_environment.remove(environment, seat));
        }
        is_current
    }

    fn moves(&mut self, seat: &Arc<Seat>, environment: Option<EnvironmentId>) {
        let mut current = seat.environment();
        if self.is_current(seat) {
            current.iter().for_each(|left| self.by_environment.remove(left, seat));
            environment.iter().for_each(|environment| self.by_environment.put(environment.clone(), seat));
        }
        *current = environment;
    }

    fn of(&self, agent: &AgentId) -> Option<Arc<Seat>> {
        self.by_agent.get(agent).cloned()
    }

    fn is_current(&self, seat: &Arc<Seat>) -> bool {
        self.by_agent.get(&seat.watched.agent_id).is_some_and(|current| Arc::ptr_eq(current, seat))
    }
}

/// Seats by something that several agents have in common.
#[derive(Debug)]
struct SeatGroups<K>(HashMap<K, HashMap<AgentId, Arc<Seat>>>);

impl<K> Default for SeatGroups<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq> SeatGroups<K> {
    fn put(&mut self, group: K, seat: &Arc<Seat>) {
        self.0.entry(group).or_default().insert(seat.watched.agent_id.clone(), Arc::clone(seat));
    }

    fn remove(&mut self, group: &K, seat: &Arc<Seat>) {
        let Some(seats) = self.0.get_mut(group) else { return };
        seats.remove(&seat.watched.agent_id);
        if seats.is_empty() {
            self.0.remove(group);
        }
    }

    fn of(&self, group: &K) -> impl Iterator<Item = &Arc<Seat>> {
        self.0.get(group).into_iter().flat_map(HashMap::values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::Caller;

    fn seat(agent: &str, project: &str, environment: Option<&str>) -> Arc<Seat> {
        let watched = Watched {
            agent_id: agent.into(),
            agent: agent.to_owned(),
            project_id: project.into(),
            caller: Caller::sample("key"),
            feed: crate::feed::Feed::new(FeedSettings::default(), None),
        };
        Arc::new(Seat::new(watched, environment.map(Into::into), &FeedSettings::default()))
    }

    fn names(seats: &[Arc<Seat>]) -> Vec<&str> {
        let mut names: Vec<_> = seats.iter().map(|seat| seat.watched.agent.as_str()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn seats_are_found_by_project_and_by_environment_and_nothing_is_left_of_those_that_end() {
        let seats = Seats::default();
        let (a, b, c) = (seat("a", "p", Some("dev")), seat("b", "p", None), seat("c", "q", Some("dev")));
        [&a, &b, &c].into_iter().for_each(|seat| seats.take(Arc::clone(seat)));
        assert_eq!(names(&seats.in_environment(&"dev".into())), ["a", "c"]);
        assert_eq!(names(&seats.in_projects(|project| project.as_str() == "p")), ["a", "b"]);
        seats.moves_to(&b, Some("dev".into()));
        seats.moves_to(&a, Some("live".into()));
        assert_eq!(names(&seats.in_environment(&"dev".into())), ["b", "c"]);
        assert_eq!(names(&seats.in_environment(&"live".into())), ["a"]);
        // A newer connection of the same agent, in another environment.
        let newer = seat("a", "p", Some("dev"));
        seats.take(Arc::clone(&newer));
        assert_eq!(*a.end().borrow(), Some(WatchEnd::Displaced));
        seats.moves_to(&a, None);
        seats.leave(&a);
        assert_eq!(names(&seats.in_environment(&"dev".into())), ["a", "b", "c"]);
        assert!(seats.in_environment(&"live".into()).is_empty());
        [&newer, &b, &c].into_iter().for_each(|seat| seats.leave(seat));
        let table = seats.read();
        assert!(table.by_agent.is_empty() && table.by_project.0.is_empty() && table.by_environment.0.is_empty());
    }
}
