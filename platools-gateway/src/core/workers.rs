//! The live links of workers: one for each entity and environment, or several where the entity is a pool.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use platools::wire::{Feature, Features};
use secrecy::SecretString;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, watch};

use super::calls::{Calls, Load};
use super::clock::now_ms;
use super::directory::Admitted;
use super::error::{Error, ErrorKind};
use super::identity::{Credential, Identity, Policy, Scope};
use super::ids::{CallId, ConnectionId, ProjectId};

/// How many calls wait for one socket before further ones are refused.
const QUEUE_CALLS: usize = 1024;

/// How many bytes of calls wait for one socket before further ones are refused.
const QUEUE_BYTES: usize = 32 * 1024 * 1024;

/// Why the gateway closes a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// A newer connection of the same entity and environment took its place.
    Superseded,
    /// The secret it was opened with is no longer valid.
    SecretRotated,
    /// The gateway is stopping.
    ShuttingDown,
}

/// What a worker is told beside its calls.
#[derive(Debug, Clone)]
pub enum Notice {
    /// Nobody waits for this call any more.
    Cancel {
        /// The call.
        call_id: CallId,
    },
    /// The gateway is about to close the socket.
    Drain {
        /// In so long at the latest.
        deadline: Duration,
    },
}

impl Notice {
    fn feature(&self) -> Feature {
        match self {
            Self::Cancel { .. } => Feature::Cancel,
            Self::Drain { .. } => Feature::Drain,
        }
    }
}

/// One call on its way to a worker.
pub struct Delivery {
    /// The call.
    pub call_id: CallId,
    /// The tool to run.
    pub tool_name: String,
    /// A JSON object: arguments and envelopes.
    pub params: Box<RawValue>,
}

/// The length only: arguments belong to the caller and the worker.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("call_id", &self.call_id)
            .field("tool_name", &self.tool_name)
            .field("params_bytes", &self.params.get().len())
            .finish()
    }
}

/// When a worker came, before it was known who it is. Of two links of one scope the one that came later stays, however long
/// it took to let either in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrival(u64);

impl Arrival {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        static ARRIVALS: AtomicU64 = AtomicU64::new(0);
        Self(ARRIVALS.fetch_add(1, Ordering::Relaxed))
    }
}

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
}

/// Every live link, by scope.
#[derive(Debug, Clone, Default)]
pub(crate) struct Workers {
    state: Arc<Mutex<State>>,
    calls: Calls,
}

#[derive(Debug, Default)]
struct State {
    live: HashMap<Scope, Vec<Live>>,
    closed: bool,
}

impl State {
    fn admit(&mut self, scope: Scope, live: Live, policy: Policy) {
        if self.closed {
            live.close(Closing::ShuttingDown);
        }
        let links = self.live.entry(scope).or_default();
        if policy == Policy::Supersede {
            if links.iter().any(|other| other.arrival > live.arrival) {
                return live.close(Closing::Superseded);
            }
            links.drain(..).for_each(|older| older.close(Closing::Superseded));
        }
        links.push(live);
    }

    fn remove(&mut self, scope: &Scope, arrival: Arrival) {
        if let Some(links) = self.live.get_mut(scope) {
            links.retain(|live| live.arrival != arrival);
            if links.is_empty() {
                self.live.remove(scope);
            }
        }
    }

    fn links(&self) -> impl Iterator<Item = &Live> {
        self.live.values().flatten()
    }
}

/// The gateway's end of a link.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    arrival: Arrival,
    connection_id: ConnectionId,
    identity: Identity,
    connected_ms: i64,
    load: Load,
    calls: Calls,
    secret: SecretString,
    credential: Credential,
    features: Features,
    /// The worker said that it stops.
    is_leaving: Arc<AtomicBool>,
    // Unbounded, but each call that was sent is cancelled once at most, and a link is told once that it ends.
    notices: mpsc::UnboundedSender<Notice>,
    queue: mpsc::Sender<Delivery>,
    queued_bytes: Arc<AtomicUsize>,
    closing: watch::Sender<Option<Closing>>,
}

impl Workers {
    pub(crate) fn new(calls: Calls) -> Self {
        Self { state: Arc::default(), calls }
    }

    /// Makes a link a live one of its scope. Unless the entity is a pool, it closes the one it replaces; a link that came
    /// before the live one is closed itself.
    pub(crate) fn attach(
        &self,
        arrival: Arrival,
        admitted: Admitted,
        secret: SecretString,
        features: Features,
    ) -> Link {
        let Admitted { identity, credential, policy } = admitted;
        let (queue, deliveries) = mpsc::channel(QUEUE_CALLS);
        let (notices, noticed) = mpsc::unbounded_channel();
        let (closing, closed) = watch::channel(None);
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        let connection_id = ConnectionId::random();
        let live = Live {
            arrival,
            connection_id: connection_id.clone(),
            identity: identity.clone(),
            connected_ms: now_ms(),
            load: Load::default(),
            calls: self.calls.clone(),
            secret,
            credential,
            features,
            is_leaving: Arc::new(AtomicBool::new(false)),
            notices,
            queue,
            queued_bytes: Arc::clone(&queued_bytes),
            closing,
        };
        self.lock().admit(identity.scope(), live, policy);
        let workers = self.clone();
        Link { workers, identity, connection_id, arrival, features, deliveries, noticed, queued_bytes, closed }
    }

    /// The live link of a scope that has the fewest calls under way.
    pub(crate) fn find(&self, scope: &Scope) -> Option<Live> {
        let state = self.lock();
        let staying = state.live.get(scope)?.iter().filter(|live| !live.is_leaving.load(Ordering::Relaxed));
        staying.min_by_key(|live| live.load.calls()).cloned()
    }

    /// The workers of a project, in the order they came.
    pub(crate) fn list(&self, project: &ProjectId) -> Vec<ConnectedWorker> {
        let state = self.lock();
        let mut links: Vec<_> = state.links().filter(|live| live.identity.project_id == *project).collect();
        links.sort_by_key(|live| live.arrival);
        links.into_iter().map(Live::shown).collect()
    }

    /// Whether a scope has a live link.
    pub(crate) fn is_online(&self, scope: &Scope) -> bool {
        self.lock().live.contains_key(scope)
    }

    /// Whether a link is still the live one of its scope.
    fn is_current(&self, scope: &Scope, arrival: Arrival) -> bool {
        self.lock().live.get(scope).is_some_and(|links| links.iter().any(|live| live.arrival == arrival))
    }

    /// Tells the workers of a scope. A call may be with any of them, and those that do not have it pass over its end.
    pub(crate) fn notify(&self, scope: &Scope, notice: &Notice) {
        self.lock().live.get(scope).into_iter().flatten().for_each(|live| live.notify(notice));
    }

    /// Tells every worker.
    pub(crate) fn notify_all(&self, notice: &Notice) {
        self.lock().links().for_each(|live| live.notify(notice));
    }

    /// Notes that a worker stops: it is sent no more calls.
    fn leaves(&self, scope: &Scope, arrival: Arrival) {
        let state = self.lock();
        let mut links = state.live.get(scope).into_iter().flatten();
        if let Some(live) = links.find(|live| live.arrival == arrival) {
            live.is_leaving.store(true, Ordering::Relaxed);
        }
    }

    /// How many links are live.
    pub(crate) fn count(&self) -> usize {
        self.lock().links().count()
    }

    /// Closes the links that were opened with certain credentials.
    pub(crate) fn close_where(&self, ends: impl Fn(&Credential) -> bool, closing: Closing) {
        self.lock().links().filter(|live| ends(&live.credential)).for_each(|live| live.close(closing));
    }

    /// Closes every link, and every one that attaches from now on.
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

impl Live {
    /// The secret the worker presented; it signs the calls that go to it.
    pub(crate) fn secret(&self) -> &SecretString {
        &self.secret
    }

    fn shown(&self) -> ConnectedWorker {
        ConnectedWorker {
            connection_id: self.connection_id.clone(),
            identity: self.identity.clone(),
            connected_ms: self.connected_ms,
            calls_in_flight: self.load.calls(),
        }
    }

    /// Queues a call, without waiting for a worker that reads slowly.
    pub(crate) fn deliver(&self, delivery: Delivery) -> Result<(), Error> {
        let bytes = delivery.params.get().len();
        if self.queued_bytes.fetch_add(bytes, Ordering::Relaxed) > QUEUE_BYTES {
            self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(busy());
        }
        // Before it is queued: from then on the link may send it, or end, at any time.
        self.calls.queue(&delivery.call_id, &self.connection_id, &self.load);
        self.queue.try_send(delivery).map_err(|refused| {
            self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            match refused {
                mpsc::error::TrySendError::Full(_) => busy(),
                mpsc::error::TrySendError::Closed(_) => offline(),
            }
        })
    }

    /// Has the worker told, if it knows what is meant.
    fn notify(&self, notice: &Notice) {
        if self.features.contains(notice.feature()) {
            // A link that is gone needs no notice.
            let _ = self.notices.send(notice.clone());
        }
    }

    /// Asks the link to close. The first reason counts.
    fn close(&self, closing: Closing) {
        self.closing.send_if_modified(|current| {
            let first = current.is_none();
            current.get_or_insert(closing);
            first
        });
    }
}

fn busy() -> Error {
    Error::new(ErrorKind::WorkerBusy, "the tool's worker reads too slowly; too many calls wait for it")
}

pub(crate) fn offline() -> Error {
    Error::new(ErrorKind::WorkerOffline, "the tool's worker is not connected")
}

/// A worker's end of a link, owned by the task that owns its socket. Dropping it takes the worker offline, unless a newer
/// link took its place; calls that no socket got fail, for they have certainly not run.
#[derive(Debug)]
pub struct Link {
    workers: Workers,
    identity: Identity,
    connection_id: ConnectionId,
    arrival: Arrival,
    features: Features,
    deliveries: mpsc::Receiver<Delivery>,
    noticed: mpsc::UnboundedReceiver<Notice>,
    queued_bytes: Arc<AtomicUsize>,
    closed: watch::Receiver<Option<Closing>>,
}

impl Link {
    /// Who the worker is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The name of this connection.
    #[must_use]
    pub fn connection_id(&self) -> &ConnectionId {
        &self.connection_id
    }

    /// The extensions of the protocol that both sides know.
    #[must_use]
    pub fn features(&self) -> Features {
        self.features
    }

    /// What the worker is to be told next, or the next call for it. Cancel-safe. Ends once the link was closed and nothing is
    /// queued.
    ///
    /// Until [`Link::sent`] a call counts as not sent, and fails when the link ends.
    pub async fn next(&mut self) -> Option<Order> {
        loop {
            // Both arms are cancel-safe.
            let delivery = tokio::select! {
                biased;
                Some(notice) = self.noticed.recv() => return Some(Order::Notice(notice)),
                delivery = self.deliveries.recv() => delivery?,
            };
            if self.take(&delivery) {
                return Some(Order::Call(delivery));
            }
        }
    }

    /// What the link's fence is: it tells whether the link is still the live one, also while the link is in use.
    #[must_use]
    pub fn fence(&self) -> Fence {
        Fence { workers: self.workers.clone(), scope: self.identity.scope(), arrival: self.arrival }
    }

    /// The reason to close, as soon as there is one.
    #[must_use]
    pub fn closing(&self) -> ClosingSignal {
        ClosingSignal(self.closed.clone())
    }

    /// The next call, if one is queued.
    pub fn queued_delivery(&mut self) -> Option<Delivery> {
        while let Ok(delivery) = self.deliveries.try_recv() {
            if self.take(&delivery) {
                return Some(delivery);
            }
        }
        None
    }

    /// Takes a call off the queue, and says whether to send it: one that nobody waits for any more would run in vain.
    fn take(&self, delivery: &Delivery) -> bool {
        self.queued_bytes.fetch_sub(delivery.params.get().len(), Ordering::Relaxed);
        self.workers.calls.is_pending(&delivery.call_id)
    }

    /// How many calls are queued.
    #[cfg(test)]
    pub(crate) fn queued(&self) -> usize {
        self.deliveries.len()
    }

    /// Notes that the socket has a call. From here on it waits for its answer, also when the link ends.
    pub fn sent(&self, call_id: &CallId) {
        self.workers.calls.sent(call_id);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let scope = self.identity.scope();
        let mut state = self.workers.lock();
        state.remove(&scope, self.arrival);
        drop(state);
        // In this order: a call is noted before it is queued, so one that slips in before the close is found by the second.
        self.deliveries.close();
        self.workers.calls.fail_queued(&self.connection_id, offline);
    }
}

/// What is to be written to a worker.
#[derive(Debug)]
pub enum Order {
    /// A call.
    Call(Delivery),
    /// Something beside its calls.
    Notice(Notice),
}

/// Tells whether a link was replaced.
#[derive(Debug, Clone)]
pub struct Fence {
    workers: Workers,
    scope: Scope,
    arrival: Arrival,
}

impl Fence {
    /// Notes that the worker stops: it is sent no more calls.
    pub fn leaves(&self) {
        self.workers.leaves(&self.scope, self.arrival);
    }

    /// Whether the link is still the live one of its scope.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.workers.is_current(&self.scope, self.arrival)
    }
}

/// Waits for the reason to close a link.
#[derive(Debug, Clone)]
pub struct ClosingSignal(watch::Receiver<Option<Closing>>);

impl ClosingSignal {
    /// Waits until there is a reason. Cancel-safe.
    pub async fn wait(&mut self) -> Closing {
        match self.0.wait_for(Option::is_some).await.map(|closing| *closing) {
            Ok(Some(closing)) => closing,
            // The live end was dropped without a reason, which only a replacement does.
            Ok(None) | Err(_) => Closing::Superseded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::calls::{Outcome, Waiting};
    use super::*;
    use crate::core::identity::Policy;

    fn identity() -> Identity {
        Identity {
            organization_id: "org".into(),
            project_id: "prj".into(),
            environment_id: "env".into(),
            environment: "development".to_owned(),
            entity_id: "ent".into(),
            entity: "dev".to_owned(),
        }
    }

    fn admitted() -> Admitted {
        Admitted { identity: identity(), credential: Credential::Secret("sec".into()), policy: Policy::Supersede }
    }

    fn attach(workers: &Workers) -> Link {
        workers.attach(Arrival::now(), admitted(), "secret".to_owned().into(), Features::none())
    }

    fn delivery(call_id: &str) -> Delivery {
        Delivery {
            call_id: call_id.into(),
            tool_name: "t".to_owned(),
            params: RawValue::from_string("{}".to_owned()).unwrap(),
        }
    }

    #[tokio::test]
    async fn a_newer_link_closes_the_older_and_outlives_it() {
        let workers = Workers::default();
        let older = attach(&workers);
        let newer = attach(&workers);
        assert_eq!(older.closing().wait().await, Closing::Superseded);
        assert!(!older.fence().is_current());
        drop(older);
        assert!(newer.fence().is_current());
        assert_eq!(workers.count(), 1);
        drop(newer);
        assert_eq!(workers.count(), 0);
    }

    #[tokio::test]
    async fn a_link_that_took_long_to_let_in_does_not_replace_one_that_came_later() {
        let workers = Workers::default();
        let earlier = Arrival::now();
        let newer = attach(&workers);
        let late = workers.attach(earlier, admitted(), "secret".to_owned().into(), Features::none());
        assert_eq!(late.closing().wait().await, Closing::Superseded);
        assert!(newer.fence().is_current() && !late.fence().is_current());
        drop(late);
        assert_eq!(workers.count(), 1);
    }

    fn soon() -> tokio::time::Instant {
        tokio::time::Instant::now() + std::time::Duration::from_secs(5)
    }

    /// Opens a call and queues it at the live link.
    fn call(workers: &Workers, call_id: &str) -> (Result<(), Error>, Waiting) {
        let waiting = workers.calls.open(call_id.into(), identity().scope(), None);
        (workers.find(&identity().scope()).unwrap().deliver(delivery(call_id)), waiting)
    }

    #[tokio::test]
    async fn calls_that_were_not_sent_fail_when_the_link_goes_also_those_taken_off_the_queue() {
        let workers = Workers::default();
        let mut link = attach(&workers);
        let calls = ["sent", "taken", "queued"].map(|id| call(&workers, id).1);
        let Some(Order::Call(sent)) = link.next().await else { panic!("a call is queued") };
        link.sent(&sent.call_id);
        assert_eq!(link.queued_delivery().unwrap().call_id, "taken".into());
        drop(link);
        let [sent, taken, queued] = calls;
        for waiting in [taken, queued] {
            assert_eq!(waiting.until(soon()).await.unwrap_err().kind(), ErrorKind::WorkerOffline);
        }
        workers.calls.answer(&identity().scope(), &"sent".into(), Outcome::Failed { message: String::new() });
        assert!(sent.until(soon()).await.is_ok());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_call_that_races_with_the_end_of_the_link_is_answered() {
        for _ in 0..1000 {
            let workers = Workers::default();
            let link = attach(&workers);
            let live = workers.find(&identity().scope()).unwrap();
            let waiting = workers.calls.open("c".into(), identity().scope(), None);
            let ending = tokio::task::spawn_blocking(move || drop(link));
            if live.deliver(delivery("c")).is_ok() {
                assert_eq!(waiting.until(soon()).await.unwrap_err().kind(), ErrorKind::WorkerOffline);
            }
            ending.await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_call_nobody_waits_for_is_not_delivered() {
        let workers = Workers::default();
        let mut link = attach(&workers);
        drop(call(&workers, "abandoned").1);
        let _awaited = call(&workers, "awaited");
        assert!(matches!(link.next().await, Some(Order::Call(next)) if next.call_id == "awaited".into()));
        drop(call(&workers, "abandoned").1);
        let _polled = call(&workers, "polled");
        assert_eq!(link.queued_delivery().unwrap().call_id, "polled".into());
        assert_eq!(link.queued_bytes.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn only_workers_that_know_what_is_meant_are_told() {
        let workers = Workers::default();
        let told = |features: Features| {
            let mut link = workers.attach(Arrival::now(), admitted(), "secret".to_owned().into(), features);
            workers.notify(&identity().scope(), &Notice::Cancel { call_id: "c".into() });
            let told = link.noticed.try_recv().is_ok();
            told
        };
        assert!(told(Features::all()));
        assert!(!told(Features::none()));
        assert!(!told([Feature::Drain].into_iter().collect()));
    }

    #[tokio::test]
    async fn a_worker_that_stops_gets_no_more_calls() {
        let workers = Workers::default();
        let link = attach(&workers);
        link.fence().leaves();
        assert!(workers.find(&identity().scope()).is_none());
        assert_eq!(workers.count(), 1, "it answers the calls it has");
    }

    #[tokio::test]
    async fn a_full_queue_refuses_instead_of_waiting() {
        let workers = Workers::default();
        let mut link = attach(&workers);
        let _calls: Vec<_> = (0..QUEUE_CALLS)
            .map(|number| {
                let (queued, waiting) = call(&workers, &number.to_string());
                queued.unwrap();
                waiting
            })
            .collect();
        assert_eq!(call(&workers, "more").0.unwrap_err().kind(), ErrorKind::WorkerBusy);
        assert!(link.queued_delivery().is_some());
        call(&workers, "more").0.unwrap();
    }

    #[test]
    fn debug_does_not_print_arguments() {
        let params = RawValue::from_string(r#"{"card":"hidden"}"#.to_owned()).unwrap();
        let delivery = Delivery { call_id: "c".into(), tool_name: "t".to_owned(), params };
        let printed = format!("{delivery:?}");
        assert!(printed.contains("params_bytes: 17") && !printed.contains("hidden"), "{printed}");
    }

    #[tokio::test]
    async fn links_that_attach_while_stopping_are_closed() {
        let workers = Workers::default();
        workers.close_all(Closing::ShuttingDown);
        assert_eq!(attach(&workers).closing().wait().await, Closing::ShuttingDown);
    }

    #[test]
    fn debug_does_not_print_the_secret() {
        let workers = Workers::default();
        let _link = workers.attach(Arrival::now(), admitted(), "plt_hidden".to_owned().into(), Features::none());
        assert!(!format!("{workers:?}").contains("plt_hidden"));
    }
}
