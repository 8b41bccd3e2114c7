//! [`MemoryBus`]: connects gateways in one process over a [`Network`]. For tests, the network can lose, delay and cut off messages.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::bus::{Bus, State};
use crate::error::{MAX_PAYLOAD_BYTES, NotDelivered, PublishError, RequestError};
use crate::inbox::{Inbox, InboxBounds};
use crate::message::{Answer, Message, Responder};
use crate::subject::Subject;
use crate::subscription::Subscription;

/// A bus in one process.
pub struct MemoryBus {
    network: Arc<Wires>,
    member: MemberId,
    state: Arc<watch::Sender<State>>,
}

/// The connection between the buses of one process.
#[derive(Clone)]
pub struct Network {
    wires: Arc<Wires>,
}

/// The number of a bus on its [`Network`], from 0 in the order in which they joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub usize);

/// The faults of a [`Network`]. The default has none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// The share of messages and responses that are lost, from 0 to 1.
    pub loss: f64,
    /// The longest delay of a message or response; each has another one. Messages overtake each other.
    pub delay: Duration,
}

impl MemoryBus {
    /// A bus without other members.
    #[must_use]
    pub fn alone() -> Self {
        Network::new().join()
    }

    /// The number of this bus on its network.
    #[must_use]
    pub fn id(&self) -> MemberId {
        self.member
    }

    fn check(&self, payload: &Bytes) -> Result<(), PublishError> {
        if *self.state.borrow() != State::Connected {
            Err(PublishError::Disconnected)
        } else if payload.len() > MAX_PAYLOAD_BYTES {
            Err(PublishError::TooLong)
        } else {
            Ok(())
        }
    }
}

impl Bus for MemoryBus {
    fn publish(&self, subject: &Subject, payload: Bytes) -> Result<(), PublishError> {
        self.check(&payload)?;
        for (receiver, inbox) in self.network.subscribers(subject) {
            self.network.deliver(self.member, receiver, inbox, Message::new(payload.clone(), None));
        }
        Ok(())
    }

    fn request(
        &self,
        subject: &Subject,
        payload: Bytes,
        limit: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RequestError>> {
        if let Err(error) = self.check(&payload) {
            return futures::future::err(error.into()).boxed();
        }
        let subscribers = self.network.subscribers(subject);
        if subscribers.is_empty() {
            return futures::future::err(RequestError::NotDelivered(NotDelivered::NoSubscriber)).boxed();
        }
        let deadline = Instant::now() + limit;
        let (sender, answer) = oneshot::channel();
        let sender = Arc::new(Mutex::new(Some(sender)));
        for (receiver, inbox) in subscribers {
            let (network, requester, sender) = (Arc::clone(&self.network), self.member, Arc::clone(&sender));
            let responder = Responder::new(move |answer| network.deliver_answer(receiver, requester, sender, answer));
            self.network.deliver(self.member, receiver, inbox, Message::new(payload.clone(), Some(responder)));
        }
        drop(sender);
        async move {
            match timeout_at(deadline, answer).await {
                Ok(Ok(answer)) => answer.into_result(),
                Err(_) => Err(RequestError::Unanswered),
                Ok(Err(_)) => {
                    // The request or its answer was lost. Its sender learns of that at the deadline.
                    sleep_until(deadline).await;
                    Err(RequestError::Unanswered)
                }
            }
        }
        .boxed()
    }

    fn subscribe(
        &self,
        subject: &Subject,
        bounds: InboxBounds,
    ) -> BoxFuture<'static, Result<Subscription, PublishError>> {
        let connected = self.check(&Bytes::new());
        let subscription = connected.map(|()| self.network.subscribe(self.member, subject, bounds));
        futures::future::ready(subscription).boxed()
    }

    fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.state.send_replace(State::Closed);
        self.network.remove(self.member);
        futures::future::ready(()).boxed()
    }
}

impl Drop for MemoryBus {
    fn drop(&mut self) {
        self.network.remove(self.member);
    }
}

impl fmt::Debug for MemoryBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBus").field("member", &self.member).finish_non_exhaustive()
    }
}

impl Network {
    /// A network without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::unreliable(0, Faults::default())
    }

    /// A network with faults. The same seed makes the same choices, if messages are sent in the same order.
    #[must_use]
    pub fn unreliable(seed: u64, faults: Faults) -> Self {
        let routes = Routes { random: fastrand::Rng::with_seed(seed), faults, ..Routes::default() };
        Self { wires: Arc::new(Wires { routes: Mutex::new(routes), delayed: Mutex::default() }) }
    }

    /// Connects another bus.
    #[must_use]
    pub fn join(&self) -> MemoryBus {
        let state = Arc::new(watch::Sender::new(State::Connected));
        let mut routes = self.wires.routes();
        let member = MemberId(routes.members.len());
        routes.members.push(Arc::clone(&state));
        drop(routes);
        MemoryBus { network: Arc::clone(&self.wires), member, state }
    }

    /// Changes the faults of messages that are sent from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.wires.routes().faults = faults;
    }

    /// Loses every message between two members, unnoticed, until [`Network::heal`].
    pub fn cut(&self, one: MemberId, other: MemberId) {
        self.wires.routes().cuts.extend([(one, other), (other, one)]);
    }

    /// Ends all cuts.
    pub fn heal(&self) {
        self.wires.routes().cuts.clear();
    }

    /// Takes a member off the network. It notices, and its subscriptions receive nothing.
    pub fn disconnect(&self, member: MemberId) {
        self.wires.set_state(member, State::Disconnected);
    }

    /// Brings a member back that was disconnected. Its subscriptions have a gap.
    pub fn reconnect(&self, member: MemberId) {
        self.wires.set_state(member, State::Connected);
        for inbox in self.wires.inboxes_of(member) {
            inbox.push_gap();
        }
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes = self.wires.routes();
        f.debug_struct("Network").field("members", &routes.members.len()).field("faults", &routes.faults).finish()
    }
}

/// A network, as its members share it.
struct Wires {
    routes: Mutex<Routes>,
    /// Messages on their way.
    delayed: Mutex<JoinSet<()>>,
}

#[derive(Default)]
struct Routes {
    members: Vec<Arc<watch::Sender<State>>>,
    subscribers: HashMap<Subject, Vec<Subscriber>>,
    next_subscriber: u64,
    faults: Faults,
    cuts: HashSet<(MemberId, MemberId)>,
    random: fastrand::Rng,
}

struct Subscriber {
    id: u64,
    member: MemberId,
    inbox: Arc<Inbox>,
}

/// The course of one message.
enum Course {
    Lost,
    After(Duration),
}

impl Wires {
    fn routes(&self) -> MutexGuard<'_, Routes> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connected subscribers of a subject.
    fn subscribers(&self, subject: &Subject) -> Vec<(MemberId, Arc<Inbox>)> {
        let routes = self.routes();
        let subscribers = routes.subscribers.get(subject).map(Vec::as_slice).unwrap_or_default();
        subscribers
            .iter()
            .filter(|subscriber| routes.is_connected(subscriber.member))
            .map(|subscriber| (subscriber.member, Arc::clone(&subscriber.inbox)))
            .collect()
    }

    fn inboxes_of(&self, member: MemberId) -> Vec<Arc<Inbox>> {
        let routes = self.routes();
        let all = routes.subscribers.values().flatten();
        all.filter(|subscriber| subscriber.member == member).map(|subscriber| Arc::clone(&subscriber.inbox)).collect()
    }

    fn subscribe(self: &Arc<Self>, member: MemberId, subject: &Subject, bounds: InboxBounds) -> Subscription {
        let inbox = Arc::new(Inbox::new(bounds));
        let mut routes = self.routes();
        let id = routes.next_subscriber;
        routes.next_subscriber += 1;
        let subscriber = Subscriber { id, member, inbox: Arc::clone(&inbox) };
        routes.subscribers.entry(subject.clone()).or_default().push(subscriber);
        drop(routes);
        Subscription::new(inbox, Registration { network: Arc::downgrade(self), subject: subject.clone(), id })
    }

    /// Ends the subscriptions of a member.
    fn remove(&self, member: MemberId) {
        let mut routes = self.routes();
        let mut inboxes = Vec::new();
        routes.subscribers.retain(|_, subscribers| {
            inboxes.extend(subscribers.extract_if(.., |subscriber| subscriber.member == member));
            !subscribers.is_empty()
        });
        drop(routes);
        for subscriber in inboxes {
            subscriber.inbox.close();
        }
    }

    fn set_state(&self, member: MemberId, state: State) {
        if let Some(sender) = self.routes().members.get(member.0) {
            sender.send_if_modified(|current| {
                let is_change = *current != State::Closed && *current != state;
                if is_change {
                    *current = state;
                }
                is_change
            });
        }
    }

    fn course(&self, from: MemberId, to: MemberId) -> Course {
        let mut routes = self.routes();
        if routes.cuts.contains(&(from, to)) || routes.random.f64() < routes.faults.loss {
            return Course::Lost;
        }
        let longest = u64::try_from(routes.faults.delay.as_nanos()).unwrap_or(u64::MAX);
        Course::After(Duration::from_nanos(routes.random.u64(0..=longest)))
    }

    fn deliver(self: &Arc<Self>, from: MemberId, to: MemberId, inbox: Arc<Inbox>, message: Message) {
        match self.course(from, to) {
            Course::Lost => {
                if let Some(responder) = message.responder {
                    responder.lose();
                }
            }
            Course::After(Duration::ZERO) => inbox.offer(message),
            Course::After(delay) => self.later(delay, move |_| inbox.offer(message)),
        }
    }

    fn deliver_answer(
        self: Arc<Self>,
        from: MemberId,
        to: MemberId,
        sender: Arc<Mutex<Option<oneshot::Sender<Answer>>>>,
        answer: Answer,
    ) {
        let send = move |network: &Self| {
            let is_connected = [from, to].iter().all(|&member| network.routes().is_connected(member));
            let sender = sender.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let (Some(sender), true) = (sender, is_connected) {
                // The requester may have stopped waiting.
                let _ = sender.send(answer);
            }
        };
        match self.course(from, to) {
            Course::Lost => {}
            Course::After(Duration::ZERO) => send(&self),
            Course::After(delay) => self.later(delay, send),
        }
    }

    fn later(self: &Arc<Self>, delay: Duration, deliver: impl FnOnce(&Self) + Send + 'static) {
        let network = Arc::downgrade(self);
        let mut delayed = self.delayed.lock().unwrap_or_else(PoisonError::into_inner);
        while delayed.try_join_next().is_some() {}
        delayed.spawn(async move {
            sleep(delay).await;
            if let Some(network) = network.upgrade() {
                deliver(&network);
            }
        });
    }
}

impl Routes {
    fn is_connected(&self, member: MemberId) -> bool {
        self.members.get(member.0).is_some_and(|state| *state.borrow() == State::Connected)
    }
}

/// Ends a subscription when it is dropped.
struct Registration {
    network: Weak<Wires>,
    subject: Subject,
    id: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let Some(network) = self.network.upgrade() else { return };
        let mut routes = network.routes();
        if let Some(subscribers) = routes.subscribers.get_mut(&self.subject) {
            subscribers.retain(|subscriber| subscriber.id != self.id);
            if subscribers.is_empty() {
                routes.subscribers.remove(&self.subject);
            }
        }
    }
}
