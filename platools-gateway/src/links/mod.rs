//! The live links of workers: one for each entity and environment, or several where the entity is a pool.

mod changes;
mod choice;
mod departures;
mod link;
mod live;
mod membership;
mod messages;
mod peer;
pub mod registration;
mod registration_rate;
mod takeovers;
pub mod tool_health;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use platools_protocol::tool_sync::{Features, WorkerInstance};
use secrecy::SecretString;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::authority::LastUses;
use crate::directory::Admitted;
use crate::domain::identity::{Credential, Identity, Policy, Scope};
use crate::domain::ids::{CallId, ConnectionId, EntityId, ProjectId};
use crate::domain::random;
use crate::limits::Place;
use crate::limits::gauge::Gauge;
use crate::pending::{CallSettings, PendingCalls, Stage};
use crate::ports::time::now_ms;
use crate::ports::tool_changes::ToolChanges;

pub use crate::domain::arrival::Arrival;
pub use link::{ClosingSignal, Fence, Link};
pub(crate) use live::{Live, Refused, busy, offline};
pub(crate) use messages::ArgumentForm;
pub use messages::{Closing, Delivery, Notice, Order, SignedParams};
pub(crate) use peer::WorkerPeer;
pub use registration::{Registration, Registrations};
pub(crate) use tool_health::HealthMonitor;

use changes::LinkChanges;
use membership::Gone;
use takeovers::{Contention, Takeovers};

/// How many calls wait for one socket before further ones are refused.
const QUEUE_CALLS: usize = 1024;

/// Cancellations that wait for one socket; further ones are left out.
const NOTICES: usize = 1024;

/// So much longer does it take to close the links for each of them, so that 1000 workers come back within 3 seconds or more
/// and not all at once.
const SPREAD: Duration = Duration::from_millis(3);

/// It takes at most so long, however many there are.
const LONGEST_SPREAD: Duration = Duration::from_secs(3);

/// One worker that is connected.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectedWorker {
    /// Its socket.
    pub connection_id: ConnectionId,
    /// Who it is.
    pub identity: Identity,
    /// Since when, in milliseconds since 1970.
    pub connected_ms: i64,
    /// How many calls it has that it has not answered.
    pub calls_in_flight: usize,
    /// How many of these still wait for its socket.
    pub calls_queued: usize,
    /// The address it connects from.
    pub address: Option<IpAddr>,
    /// The process that it says it is.
    pub instance: Option<WorkerInstance>,
    /// How often workers of its entity and environment took each other's place within the last ten minutes. A worker that connects again
    /// does not count.
    pub takeovers: usize,
    /// The same since the start of the gateway.
    pub takeovers_total: u64,
}

/// Observer of workers that connect and disconnect, and of their tools. It must neither wait nor panic.
pub(crate) trait WorkerObserver: fmt::Debug + Send + Sync {
    /// The tools of a scope, or their health, have changed.
    fn tools_changed(&self, scope: &Scope);

    /// A worker is connected.
    fn worker_came(&self, worker: &ConnectedWorker);

    /// A worker that was connected is not any more.
    fn worker_left(&self, identity: &Identity, connection_id: &ConnectionId);
}

/// Every live link, by scope.
#[derive(Debug, Clone, Default)]
pub(crate) struct Workers {
    state: Arc<Mutex<State>>,
    calls: PendingCalls,
    tool_changes: ToolChanges,
    observer: Option<Arc<dyn WorkerObserver>>,
    settings: CallSettings,
    changes: LinkChanges,
}

#[derive(Debug, Default)]
struct State {
    live: HashMap<Scope, Vec<Arc<Live>>>,
    /// The tools of links of pools that have just ended.
    gone: HashMap<Scope, Vec<Gone>>,
    /// The pools that lost tools with a link.
    departed: HashSet<Scope>,
    /// Wakes the task that waits for them.
    departures: Arc<Notify>,
    takeovers: Takeovers,
    closed: bool,
}

impl State {
    /// Adds a link, unless a newer one is there.
    fn admit(&mut self, scope: &Scope, live: Arc<Live>, policy: Policy) -> Admission {
        if self.closed {
            live.close(Closing::ShuttingDown);
        }
        let links = self.live.entry(scope.clone()).or_default();
        let mut contention = None;
        if policy == Policy::Supersede {
            if links.iter().any(|other| other.arrival > live.arrival) {
                live.close(Closing::Superseded);
                return Admission { was_live: false, contention };
            }
            for older in links.drain(..) {
                contention = self.takeovers.note(scope, &older.peer, &live.peer, Instant::now());
                older.close(Closing::Superseded);
            }
        }
        links.push(live);
        Admission { was_live: true, contention }
    }

    /// Takes a link out; says whether tools may be offline now that were not.
    fn remove(&mut self, scope: &Scope, arrival: Arrival) -> bool {
        let Some(links) = self.live.get_mut(scope) else { return false };
        let Some(position) = links.iter().position(|live| live.arrival == arrival) else { return false };
        let ended = links.remove(position);
        if links.is_empty() {
            self.live.remove(scope);
        }
        self.forget_tools(scope, &ended, Instant::now())
    }

    fn links(&self) -> impl Iterator<Item = &Arc<Live>> {
        self.live.values().flatten()
    }

    fn shown(&self, live: &Live) -> ConnectedWorker {
        let (takeovers, takeovers_total) = self.takeovers.of(&live.identity.scope(), Instant::now());
        ConnectedWorker { takeovers, takeovers_total, ..live.shown() }
    }
}

/// What became of a link that came.
struct Admission {
    /// Whether it is the live one of its scope, or one of a pool.
    was_live: bool,
    /// The worker before it and this one, if the two take turns and it is time to say so.
    contention: Option<Contention>,
}

impl Workers {
    pub(crate) fn new(calls: PendingCalls, tool_changes: ToolChanges) -> Self {
        Self { calls, tool_changes, ..Self::default() }
    }

    /// Tells somebody of workers that come and go from now on.
    pub(crate) fn observe(&mut self, observer: Arc<dyn WorkerObserver>) {
        self.observer = Some(observer);
    }

    /// Tells the observer that the tools of a scope, or their health, have changed.
    pub(crate) fn tools_changed(&self, scope: &Scope) {
        if let Some(observer) = &self.observer {
            observer.tools_changed(scope);
        }
    }

    /// Says how long calls wait for links from now on.
    pub(crate) fn configure(&mut self, settings: CallSettings) {
        self.settings = settings;
    }

    /// How long calls may take, and wait for links.
    pub(crate) fn settings(&self) -> &CallSettings {
        &self.settings
    }

    /// Makes a link a live one of its scope. Unless the entity is a pool, it closes the one it replaces; a link that came
    /// before the live one is closed itself.
    pub(crate) fn attach_from(
        &self,
        peer: WorkerPeer,
        arrival: Arrival,
        admitted: Admitted,
        secret: SecretString,
        features: Features,
        place: Option<Place<EntityId>>,
    ) -> Link {
        let Admitted { identity, credential, policy } = admitted;
        let (queue, deliveries) = mpsc::channel(QUEUE_CALLS);
        let (notices, noticed) = mpsc::channel(NOTICES);
        let (drain, draining) = watch::channel(None);
        let (closing, closed) = watch::channel(None);
        let connection_id = ConnectionId::random();
        let live = Arc::new(Live {
            arrival,
            connection_id: connection_id.clone(),
            identity: identity.clone(),
            peer: peer.clone(),
            connected_ms: now_ms(),
            attached: Instant::now(),
            load: Gauge::default(),
            calls: self.calls.clone(),
            secret,
            credential,
            features,
            policy,
            declared: RwLock::default(),
            is_leaving: AtomicBool::new(false),
            notices,
            draining: drain,
            queue,
            queued_bytes: Gauge::default(),
            closing,
        });
        let scope = identity.scope();
        let Admission { was_live, contention } = self.lock().admit(&scope, Arc::clone(&live), policy);
        if let Some(contention) = contention {
            warn_of_contention(&identity, &contention);
        }
        if let Some(instance) = peer.instance.as_ref().filter(|_| was_live && policy == Policy::Supersede) {
            self.calls.replaced(&scope, &instance.id, self.settings.wait_for_lost_answer);
        }
        if let Some(observer) = self.observer.as_ref().filter(|_| was_live) {
            observer.worker_came(&live.shown());
        }
        self.link_changed(&scope);
        let workers = self.clone();
        Link {
            workers,
            identity,
            connection_id,
            arrival,
            was_live,
            sent_large_frame: false,
            has_stopped: false,
            // In a pool another process is another worker.
            instance: peer.instance.filter(|_| policy == Policy::Supersede).map(|instance| instance.id),
            features,
            deliveries,
            noticed,
            draining,
            closed,
            _place: place,
        }
    }

    /// As [`attach_from`](Self::attach_from), for a worker that says nothing of its process.
    #[cfg(test)]
    pub(crate) fn attach(
        &self,
        arrival: Arrival,
        admitted: Admitted,
        secret: SecretString,
        features: Features,
        place: Option<Place<EntityId>>,
    ) -> Link {
        self.attach_from(WorkerPeer::default(), arrival, admitted, secret, features, place)
    }

    /// How long a call waits for a worker whose connection ended while it had the call.
    pub(crate) fn worker_return(&self) -> Duration {
        self.settings.worker_return
    }

    /// A link of a scope, whatever tools it has.
    #[cfg(test)]
    pub(crate) fn find(&self, scope: &Scope) -> Option<Arc<Live>> {
        let state = self.lock();
        let staying = state.live.get(scope)?.iter().filter(|live| live.takes_calls());
        staying.min_by_key(|live| live.load.value()).cloned()
    }

    /// The workers of a project, in the order they came.
    pub(crate) fn list(&self, project: &ProjectId) -> Vec<ConnectedWorker> {
        let state = self.lock();
        let mut links: Vec<_> = state.links().filter(|live| live.identity.project_id == *project).collect();
        links.sort_by_key(|live| live.arrival);
        links.into_iter().map(|live| state.shown(live)).collect()
    }

    /// Whether a link is still the live one of its scope.
    fn is_current(&self, scope: &Scope, arrival: Arrival) -> bool {
        self.lock().live.get(scope).is_some_and(|links| links.iter().any(|live| live.arrival == arrival))
    }

    /// Tells the workers that may have a call that nobody waits for it any more: the worker whose socket has it, or, once that has
    /// ended, those that came since the call was queued there: a worker may connect again before its old socket ends.
    pub(crate) fn cancel(&self, scope: &Scope, call_id: &CallId, stage: &Stage) {
        let may_have = |live: &&Arc<Live>| match stage {
            Stage::Taken { connection } | Stage::Sent { connection } => live.connection_id == *connection,
            Stage::Lost(loss) => live.attached >= loss.queued,
            Stage::Open | Stage::Queued { .. } | Stage::Returned(_) => false,
        };
        let notice = Notice::Cancel { call_id: call_id.clone() };
        self.lock().live.get(scope).into_iter().flatten().filter(may_have).for_each(|live| live.notify(&notice));
    }

    /// Tells every worker.
    pub(crate) fn notify_all(&self, notice: &Notice) {
        self.lock().links().for_each(|live| live.notify(notice));
    }

    /// Notes that a worker stops: it is sent no more calls, and those that wait for its socket are returned.
    fn leaves(&self, scope: &Scope, arrival: Arrival) {
        let leaving = {
            let state = self.lock();
            let mut links = state.live.get(scope).into_iter().flatten();
            links.find(|live| live.arrival == arrival).cloned()
        };
        let Some(live) = leaving else { return };
        live.is_leaving.store(true, Ordering::Relaxed);
        self.link_changed(scope);
        self.calls.return_queued(&live.connection_id);
    }

    /// Whether the gateway lets no more workers in.
    fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// How many links are live.
    pub(crate) fn count(&self) -> usize {
        self.lock().links().count()
    }

    /// Notes that the credentials of all links are in use.
    pub(crate) fn note_uses(&self, uses: &LastUses, now_ms: i64) {
        self.lock().links().for_each(|live| uses.note(&live.credential, now_ms));
    }

    /// Closes the links of certain workers, or that were opened with certain credentials.
    pub(crate) fn close_where(&self, ends: impl Fn(&Identity, &Credential) -> bool, closing: Closing) {
        let state = self.lock();
        state.links().filter(|live| ends(&live.identity, &live.credential)).for_each(|live| live.close(closing));
    }

    /// Closes every link, and every one that attaches from now on. Those that are there are closed at random moments of some
    /// time, so that not all their workers come back in the same one.
    pub(crate) async fn close_spread(&self, closing: Closing) {
        let links: Vec<_> = {
            let mut state = self.lock();
            state.closed = true;
            state.links().cloned().collect()
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

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every section leaves the table whole, so a panic in another task spoils nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says which two workers take turns, and what to do about it.
fn warn_of_contention(identity: &Identity, contention: &Contention) {
    let Contention { takeovers, by, from, may_be_one } = contention;
    let advice = match may_be_one {
        false => {
            "stop one of them, or host their tools under an entity with the policy `pool`, or under one entity each"
        }
        true => {
            "two workers of one address, or one that connects again without closing its connection; stop one of them, or host their \
                 tools under an entity with the policy `pool`, or under one entity each"
        }
    };
    tracing::warn!(
        project.id = %identity.project_id,
        entity = identity.entity,
        environment = identity.environment,
        worker.connected = %by,
        worker.superseded = %from,
        takeovers,
        window_s = takeovers::WINDOW.as_secs(),
        advice,
        "two workers keep taking each other's place"
    );
}

#[cfg(test)]
mod tests;
