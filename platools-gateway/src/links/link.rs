//! [`Link`]: the side of a link that the task of the worker's socket has. [`Links::attach_from`] makes it; dropping it takes the worker
//! offline. [`LiveLink`](super::LiveLink) is the other side.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLock};

use platools_protocol::tool_sync::Features;
use secrecy::SecretString;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::live_link::LiveLink;
use super::messages::{Closing, Delivery, Notice, Order};
use super::outlet::{Outlet, Queued, SocketOutlet};
use super::table::{AttachOutcome, Links};
use super::takeovers::{Contention, WINDOW};
use super::worker::WorkerObserver as _;
use super::worker_peer::WorkerPeer;
use crate::directory::Admitted;
use crate::domain::generation::Generation;
use crate::domain::identity::{Identity, Policy, Scope};
use crate::domain::ids::{CallId, EntityId, LinkId};
use crate::limits::ConcurrencyPermit;
use crate::limits::gauge::Gauge;
use crate::pending::LinkEnd;
use crate::ports::time::now_ms;

/// The socket task's end of a link. Dropping it takes the worker offline, unless a newer
/// link took its place. Calls that the socket did not get are returned to their callers, for they have certainly not run.
#[derive(Debug)]
pub struct Link {
    links: Links,
    identity: Identity,
    pub(super) id: LinkId,
    generation: Generation,
    /// True if it was the live link of its scope, or one of a pool, when it came.
    was_live: bool,
    /// True if the worker sent a frame that was too large.
    sent_large_frame: bool,
    /// True if the worker closed the connection because it stops.
    has_stopped: bool,
    /// The process of the worker, if another one takes its place.
    instance: Option<String>,
    features: Features,
    deliveries: mpsc::Receiver<Queued>,
    pub(super) noticed: mpsc::Receiver<Notice>,
    draining: watch::Receiver<Option<Notice>>,
    closed: watch::Receiver<Option<Closing>>,
    _permit: Option<ConcurrencyPermit<EntityId>>,
}

impl Link {
    /// The identity of the worker.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The id of the link.
    #[must_use]
    pub fn id(&self) -> &LinkId {
        &self.id
    }

    /// The extensions of the protocol that both sides know.
    #[must_use]
    pub fn features(&self) -> Features {
        self.features
    }

    /// The next notice or call for the worker. Cancel-safe. Ends once the link was closed and nothing is
    /// queued.
    ///
    /// Until [`Link::sent`] a call counts as not sent, and is returned to its caller when the link ends.
    pub async fn next(&mut self) -> Option<Order> {
        loop {
            // All arms are cancel-safe.
            let queued = tokio::select! {
                biased;
                Some(notice) = self.noticed.recv() => return Some(Order::Notice(notice)),
                Some(notice) = next_of(&mut self.draining) => return Some(Order::Notice(notice)),
                queued = self.deliveries.recv() => queued?,
            };
            if let Some(delivery) = self.take_for_socket(queued) {
                return Some(Order::Call(delivery));
            }
        }
    }

    /// The fence of the link, which checks whether the link is still the live one, also while the link is in use.
    #[must_use]
    pub fn fence(&self) -> LinkFence {
        LinkFence {
            links: self.links.clone(),
            scope: self.identity.scope(),
            generation: self.generation,
            link_id: self.id.clone(),
        }
    }

    /// The reason to close, as soon as there is one.
    #[must_use]
    pub fn closing(&self) -> ClosingSignal {
        ClosingSignal(self.closed.clone())
    }

    /// The next call, if one is queued.
    pub fn queued_delivery(&mut self) -> Option<Delivery> {
        while let Ok(queued) = self.deliveries.try_recv() {
            if let Some(delivery) = self.take_for_socket(queued) {
                return Some(delivery);
            }
        }
        None
    }

    /// The call, if it is to be sent: a cancelled call would run in vain, and a returned one may be at another link.
    fn take_for_socket(&self, Queued { delivery, .. }: Queued) -> Option<Delivery> {
        self.links.calls.take(&delivery.call_id, &self.id).then_some(delivery)
    }

    /// The number of queued calls.
    #[cfg(test)]
    pub(crate) fn queued(&self) -> usize {
        self.deliveries.len()
    }

    /// Notes that the socket has a call. From here on it waits for its answer, for a while also after the link has ended.
    pub fn sent(&self, call_id: &CallId) {
        self.links.calls.sent(call_id, &self.id);
    }

    /// Notes that the link ends because the worker sent a frame that is too large.
    pub fn note_large_frame(&mut self) {
        self.sent_large_frame = true;
    }

    /// Notes that the link ends because the worker stops: it has sent every answer that it has.
    pub fn note_stop(&mut self) {
        self.has_stopped = true;
    }

    /// The end of the link, as far as its calls need it.
    fn end(&self) -> LinkEnd {
        // Workers that know any extension send again what they are not sure of, and others do not.
        let is_last_word = self.features.is_empty() || self.has_stopped;
        // A worker whose connection the gateway closed lives, also if another process has its place now.
        let is_closed = self.closed.borrow().is_some();
        LinkEnd {
            answer_wait: is_last_word.then_some(self.links.settings.wait_for_lost_answer),
            is_for_large_frame: self.sent_large_frame,
            has_stopped: self.has_stopped,
            instance: self.instance.clone().filter(|_| !is_closed),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let scope = self.identity.scope();
        let is_offline = self.links.lock().remove(&scope, self.generation);
        if self.was_live {
            self.links.observers.worker_left(&self.identity, &self.id);
        }
        // Before the calls are returned: they look for another link at once.
        self.links.link_changed(&scope);
        // In this order: a call is noted before it is queued, so one that slips in before the close is found by the second.
        self.deliveries.close();
        let end = self.end();
        self.links.calls.lose(&self.id, &end);
        if let Some(observer) = self.links.link_observer.as_ref().filter(|_| self.was_live) {
            observer.ended(&self.id, &end);
        }
        if is_offline {
            self.links.tool_changes.notify(&scope);
        }
    }
}

/// A worker that was let in, and becomes a link.
pub(crate) struct NewLink {
    pub(crate) peer: WorkerPeer,
    pub(crate) generation: Generation,
    pub(crate) admitted: Admitted,
    /// The secret that the worker presented.
    pub(crate) secret: SecretString,
    pub(crate) features: Features,
    /// The link's permit among those of its entity, if that is a pool.
    pub(crate) permit: Option<ConcurrencyPermit<EntityId>>,
}

impl NewLink {
    /// A link that comes now, of a worker without extensions that does not name its process.
    #[cfg(test)]
    pub(crate) fn sample(policy: Policy) -> Self {
        let credential = crate::domain::identity::Credential::Secret("sec".into());
        let admitted = Admitted { identity: Identity::sample(), credential, policy };
        let (peer, features, secret) = (WorkerPeer::default(), Features::none(), "secret".to_owned().into());
        Self { peer, generation: Generation::now(), admitted, secret, features, permit: None }
    }
}

impl Links {
    /// Makes a link a live one of its scope. Unless the entity is a pool, it closes the one it replaces; a link that came
    /// before the live one is closed itself.
    pub(crate) fn attach(&self, new: NewLink) -> Link {
        let NewLink { peer, generation, admitted: Admitted { identity, credential, policy }, secret, features, permit } =
            new;
        let (queue, deliveries) = mpsc::channel(QUEUE_CALLS);
        let (notices, noticed) = mpsc::channel(NOTICES);
        let (drain, draining) = watch::channel(None);
        let (closing, closed) = watch::channel(None);
        let id = LinkId::random();
        let live = Arc::new(LiveLink {
            generation,
            id: id.clone(),
            identity: identity.clone(),
            peer: peer.clone(),
            connected_ms: now_ms(),
            attached: Instant::now(),
            load: Gauge::default(),
            calls: self.calls.clone(),
            policy,
            repeats_answers: !features.is_empty(),
            declared: RwLock::default(),
            is_leaving: AtomicBool::new(false),
            heartbeat: RwLock::default(),
            outlet: Outlet::Socket(SocketOutlet {
                secret,
                credential,
                features,
                notices,
                draining: drain,
                queue,
                queued_bytes: Gauge::default(),
                closing,
            }),
        });
        let was_live = self.enter(&live);
        if let Some(observer) = self.link_observer.as_ref().filter(|_| was_live) {
            observer.attached(&live);
        }
        let links = self.clone();
        Link {
            links,
            identity,
            id,
            generation,
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
            _permit: permit,
        }
    }
}

impl Links {
    /// Adds a link to the table. Returns true if it is a live one now.
    pub(super) fn enter(&self, live: &Arc<LiveLink>) -> bool {
        let (identity, scope) = (&live.identity, live.identity.scope());
        let AttachOutcome { was_live, contention } = self.lock().admit(&scope, Arc::clone(live), live.policy);
        if let Some(contention) = contention {
            warn_of_contention(identity, &contention);
        }
        if let Some(instance) = live.peer.instance.as_ref().filter(|_| was_live && live.policy == Policy::Supersede) {
            self.calls.replaced(&scope, &instance.id, self.settings.wait_for_lost_answer);
        }
        if was_live {
            self.observers.worker_came(&live.shown());
        }
        self.link_changed(&scope);
        was_live
    }
}

/// Checks whether a newer link took a link's place.
#[derive(Debug, Clone)]
pub struct LinkFence {
    links: Links,
    scope: Scope,
    generation: Generation,
    link_id: LinkId,
}

impl LinkFence {
    /// The id of the link.
    pub(crate) fn link_id(&self) -> &LinkId {
        &self.link_id
    }

    /// The generation of the link.
    pub(crate) fn generation(&self) -> Generation {
        self.generation
    }

    /// Notes that the worker has a call over this link, as only it can know after a reconnect. A link that was replaced or has
    /// ended has none.
    pub fn note_running(&self, call_id: &CallId) {
        if self.is_current() {
            self.links.calls.seen(&self.scope, call_id, &self.link_id);
        }
    }

    /// Notes that the worker stops: it is sent no more calls, and those that wait for its socket go to other links.
    pub fn note_drain(&self) {
        self.links.note_drain(&self.scope, self.generation);
    }

    /// Notes that the worker sent a heartbeat.
    pub fn note_heartbeat(&self) {
        self.links.note_heartbeat(&self.scope, self.generation);
    }

    /// True if the link is still the live one of its scope.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.links.is_current(&self.scope, self.generation)
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

/// The most calls that wait for one socket; further ones are refused.
pub(super) const QUEUE_CALLS: usize = 1024;

/// Cancellations that wait for one socket; further ones are left out.
pub(super) const NOTICES: usize = 1024;

/// Logs two workers that take turns, and the way to stop that.
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
        window_s = WINDOW.as_secs(),
        advice,
        "two workers keep taking each other's place"
    );
}

/// The next value of a channel; none once its sender is gone.
async fn next_of(draining: &mut watch::Receiver<Option<Notice>>) -> Option<Notice> {
    draining.changed().await.ok()?;
    draining.borrow_and_update().clone()
}
