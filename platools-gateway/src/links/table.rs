//! [`Links`]: the table of live links: one for each scope, or several if the entity is a pool.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::changes::LinkChanges;
use super::departed_tools::DepartedTools;
use super::link_observer::LinkObserver;
use super::live_link::LiveLink;
use super::messages::{Closing, Notice};
use super::takeovers::{Contention, Takeovers};
use super::worker::{ConnectedWorker, WorkerObserver as _, WorkerObservers};
use crate::authority::LastUses;
use crate::domain::generation::{Generation, GenerationClock};
use crate::domain::identity::{Credential, Identity, Policy, Scope};
use crate::domain::ids::{CallId, EntityId, ProjectId};
use crate::domain::lock::lock;
use crate::domain::random;
use crate::pending::{CallSettings, PendingCalls, Stage};
use crate::ports::tool_changes::ToolChanges;

/// The live links, by scope. Clones share one table.
#[derive(Debug, Clone)]
pub(crate) struct Links {
    pub(super) state: Arc<Mutex<LinkTable>>,
    pub(super) calls: PendingCalls,
    clock: Arc<GenerationClock>,
    pub(super) tool_changes: Arc<dyn ToolChanges>,
    pub(super) observers: WorkerObservers,
    /// Publishes the links to other gateways, if there are any.
    pub(super) link_observer: Option<Arc<dyn LinkObserver>>,
    pub(super) settings: CallSettings,
    pub(super) changes: LinkChanges,
}

impl Links {
    pub(crate) fn new(
        calls: PendingCalls,
        clock: Arc<GenerationClock>,
        tool_changes: Arc<dyn ToolChanges>,
        settings: CallSettings,
        observers: WorkerObservers,
    ) -> Self {
        let (state, changes) = (Arc::default(), LinkChanges::default());
        Self { state, calls, clock, tool_changes, observers, link_observer: None, settings, changes }
    }

    /// Publishes the links of this gateway to others.
    pub(crate) fn published(self, observer: Option<Arc<dyn LinkObserver>>) -> Self {
        Self { link_observer: observer, ..self }
    }

    /// Makes sure that links that come from now on are newer than one of another gateway.
    pub(super) fn observe(&self, generation: Generation) {
        self.clock.observe(generation);
    }

    /// The generation of a link that comes now.
    pub(crate) fn next_generation(&self) -> Generation {
        self.clock.next()
    }

    /// Tells the observer that the tools of a scope, or their health, have changed.
    pub(crate) fn tools_changed(&self, scope: &Scope) {
        self.observers.tools_changed(scope);
    }

    /// The workers of a project, in the order they came.
    pub(crate) fn list(&self, project: &ProjectId) -> Vec<ConnectedWorker> {
        let state = self.lock();
        let mut links: Vec<_> = state.links().filter(|live| live.identity.project_id == *project).collect();
        links.sort_by_key(|live| live.generation);
        links.into_iter().map(|live| state.shown(live)).collect()
    }

    /// The number of links of an entity that other gateways have.
    pub(crate) fn count_elsewhere(&self, entity: &EntityId) -> usize {
        if self.link_observer.is_none() {
            return 0;
        }
        let state = self.lock();
        let of_entity = state.live.iter().filter(|(scope, _)| scope.entity == *entity);
        of_entity.flat_map(|(_, links)| links).filter(|live| !live.is_local()).count()
    }

    /// True if a link is still the live one of its scope.
    pub(super) fn is_current(&self, scope: &Scope, generation: Generation) -> bool {
        self.lock().live.get(scope).is_some_and(|links| links.iter().any(|live| live.generation == generation))
    }

    /// Cancels a call at the workers that may have it: the one whose socket has it, or, once that has ended, those that came since the
    /// call was queued there, because a worker may connect again before its old socket ends.
    pub(crate) fn cancel(&self, scope: &Scope, call_id: &CallId, stage: &Stage) {
        let may_have = |live: &&Arc<LiveLink>| match stage {
            Stage::Taken { link } | Stage::Sent { link } => live.id == *link,
            Stage::Lost(loss) => live.attached >= loss.queued,
            Stage::Open | Stage::Queued { .. } | Stage::Returned(_) => false,
        };
        let notice = Notice::Cancel { call_id: call_id.clone() };
        self.lock().live.get(scope).into_iter().flatten().filter(may_have).for_each(|live| live.notify(&notice));
    }

    /// Sends a notice to every worker of this gateway.
    pub(crate) fn notify_all(&self, notice: &Notice) {
        self.lock().sockets().for_each(|live| live.notify(notice));
    }

    /// Notes that a worker sent a heartbeat.
    pub(super) fn note_heartbeat(&self, scope: &Scope, generation: Generation) {
        if let Some(live) = self.of_generation(scope, generation) {
            *live.heartbeat.write().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }

    /// Notes that a worker stops: it is sent no more calls, and those that wait for its socket are returned.
    pub(super) fn note_drain(&self, scope: &Scope, generation: Generation) {
        if let Some(live) = self.of_generation(scope, generation) {
            self.drain(&live);
        }
    }

    /// Sends a worker no more calls, and returns those that wait for its socket.
    pub(crate) fn drain(&self, live: &LiveLink) {
        if let Some(observer) = &self.link_observer {
            observer.leaving(&live.id);
        }
        live.is_leaving.store(true, Ordering::Relaxed);
        self.link_changed(&live.identity.scope());
        self.calls.return_queued(&live.id);
    }

    /// A link of a project, by its id.
    pub(crate) fn find(&self, project: &ProjectId, id: &str) -> Option<Arc<LiveLink>> {
        let state = self.lock();
        state.links().find(|live| live.id.as_str() == id && live.identity.project_id == *project).cloned()
    }

    fn of_generation(&self, scope: &Scope, generation: Generation) -> Option<Arc<LiveLink>> {
        let state = self.lock();
        let mut links = state.live.get(scope).into_iter().flatten();
        links.find(|live| live.generation == generation).cloned()
    }

    /// True if the gateway lets no more workers in.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// The number of live links whose sockets this gateway has.
    pub(crate) fn count(&self) -> usize {
        self.lock().sockets().count()
    }

    /// Notes that the credentials of all links are in use.
    pub(crate) fn note_uses(&self, uses: &LastUses, now_ms: i64) {
        let state = self.lock();
        state.sockets().filter_map(|live| live.socket()).for_each(|socket| uses.note(&socket.credential, now_ms));
    }

    /// Closes the links of certain workers, or that were opened with certain credentials.
    pub(crate) fn close_where(&self, ends: impl Fn(&Identity, &Credential) -> bool, closing: Closing) {
        let state = self.lock();
        let ends = |live: &&Arc<LiveLink>| live.socket().is_some_and(|socket| ends(&live.identity, &socket.credential));
        state.links().filter(ends).for_each(|live| live.close(closing));
    }

    /// Closes every link, and every one that attaches from now on. Those that are there are closed at random moments of some
    /// time, so that not all their workers come back in the same one.
    pub(crate) async fn close_spread(&self, closing: Closing) {
        let links: Vec<_> = {
            let mut state = self.lock();
            state.closed = true;
            state.sockets().cloned().collect()
        };
        let time = SPREAD.saturating_mul(u32::try_from(links.len()).unwrap_or(u32::MAX)).min(LONGEST_SPREAD);
        let mut moments: Vec<_> = links.into_iter().map(|live| (time.mul_f64(random::fraction()), live)).collect();
        moments.sort_unstable_by_key(|(moment, _)| *moment);
        let begun = Instant::now();
        for (moment, live) in moments {
            sleep_until(begun + moment).await;
            live.close(closing);
        }
    }

    /// Closes every link, and every one that attaches from now on, at once.
    pub(crate) fn close_all(&self, closing: Closing) {
        let mut state = self.lock();
        state.closed = true;
        state.links().for_each(|live| live.close(closing));
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, LinkTable> {
        lock(&self.state)
    }
}

/// The table of a gateway that is alone.
#[cfg(test)]
impl Default for Links {
    fn default() -> Self {
        let clock = GenerationClock::new(crate::domain::ids::GatewayNumber::ALONE);
        let changes = crate::ports::tool_changes::LocalToolChanges::default();
        Self::new(
            PendingCalls::default(),
            Arc::new(clock),
            Arc::new(changes),
            CallSettings::default(),
            WorkerObservers::default(),
        )
    }
}

#[derive(Debug, Default)]
pub(super) struct LinkTable {
    pub(super) live: HashMap<Scope, Vec<Arc<LiveLink>>>,
    /// The tools of links of pools that have just ended.
    pub(super) gone: HashMap<Scope, Vec<DepartedTools>>,
    /// The pools that lost tools with a link.
    pub(super) departed: HashSet<Scope>,
    /// Wakes the task that waits for them.
    pub(super) departures: Arc<Notify>,
    pub(super) takeovers: Takeovers,
    closed: bool,
}

impl LinkTable {
    /// Adds a link, unless a newer one is there.
    pub(super) fn admit(&mut self, scope: &Scope, live: Arc<LiveLink>, policy: Policy) -> AttachOutcome {
        if self.closed {
            live.close(Closing::ShuttingDown);
        }
        let links = self.live.entry(scope.clone()).or_default();
        let mut contention = None;
        if policy == Policy::Supersede {
            if links.iter().any(|other| other.generation > live.generation) {
                live.close(Closing::Superseded);
                return AttachOutcome { was_live: false, contention };
            }
            for older in links.drain(..) {
                contention = self.takeovers.note(scope, &older.peer, &live.peer, Instant::now());
                older.close(Closing::Superseded);
            }
        }
        links.push(live);
        AttachOutcome { was_live: true, contention }
    }

    /// Takes a link out; says whether tools may be offline now that were not.
    pub(super) fn remove(&mut self, scope: &Scope, generation: Generation) -> bool {
        let Some(links) = self.live.get_mut(scope) else { return false };
        let Some(position) = links.iter().position(|live| live.generation == generation) else { return false };
        let ended = links.remove(position);
        if links.is_empty() {
            self.live.remove(scope);
        }
        self.forget_tools(scope, &ended, Instant::now())
    }

    fn links(&self) -> impl Iterator<Item = &Arc<LiveLink>> {
        self.live.values().flatten()
    }

    /// The links whose sockets this gateway has.
    pub(super) fn sockets(&self) -> impl Iterator<Item = &Arc<LiveLink>> {
        self.links().filter(|live| live.is_local())
    }

    fn shown(&self, live: &LiveLink) -> ConnectedWorker {
        let (takeovers, takeovers_total) = self.takeovers.of(&live.identity.scope(), Instant::now());
        ConnectedWorker { takeovers, takeovers_total, ..live.shown() }
    }
}

/// The outcome of a link's attachment.
pub(super) struct AttachOutcome {
    /// True if it is the live link of its scope, or one of a pool.
    pub(super) was_live: bool,
    /// The worker before it and this one, if the two take turns and it is time to say so.
    pub(super) contention: Option<Contention>,
}

/// The time that each link adds to closing all of them, so that 1000 workers come back within 3 seconds or more
/// and not all at once.
pub(super) const SPREAD: Duration = Duration::from_millis(3);

/// The longest time to close all links.
const LONGEST_SPREAD: Duration = Duration::from_secs(3);
