//! [`Messenger`]: exchanges typed messages, as JSON, with the other members of an installation. It knows the subject of each [`Topic`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use platools_bus::{Bus, Event, InboxBounds, PublishError, RequestError, Responder, State, Subject, Subscription};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::domain::ids::GatewayNumber;

/// The wait before the next attempt to subscribe while there is no connection.
const RESUBSCRIBE_WAIT: Duration = Duration::from_millis(250);

/// The subject of some messages between members, such as the heartbeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Topic(&'static str);

impl Topic {
    /// The topic with this name: letters, digits, `-` and `_`.
    pub(crate) const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The subject of messages to every member.
    fn to_all(self) -> Subject {
        subject(&format!("all.{}", self.0))
    }

    /// The subject of messages to one member.
    fn to_member(self, member: GatewayNumber) -> Subject {
        subject(&format!("gateway.{}.{}", member.get(), self.0))
    }
}

fn subject(text: &str) -> Subject {
    Subject::new(text).expect("the names of topics are names of subjects")
}

/// The connection of this member to the others. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Messenger {
    number: GatewayNumber,
    bus: Arc<dyn Bus>,
    counters: Arc<BusCounters>,
}

impl Messenger {
    /// The messenger of the member with a number, over a bus.
    pub(crate) fn new(number: GatewayNumber, bus: Arc<dyn Bus>) -> Self {
        Self { number, bus, counters: Arc::default() }
    }

    /// The number of this member.
    pub(crate) fn number(&self) -> GatewayNumber {
        self.number
    }

    /// The counters of requests and of losses since the start.
    pub(crate) fn figures(&self) -> BusFigures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let BusCounters { answered, not_delivered, unanswered, gaps } = &*self.counters;
        BusFigures {
            answered: read(answered),
            not_delivered: read(not_delivered),
            unanswered: read(unanswered),
            gaps: read(gaps),
        }
    }

    /// The state of the connection to the other members, and its changes.
    pub(crate) fn state(&self) -> watch::Receiver<State> {
        self.bus.state()
    }

    /// Sends a message to every member, this one too. It arrives at each member once or not at all.
    ///
    /// # Errors
    /// The message was not sent.
    pub(crate) fn publish(&self, topic: Topic, message: &impl Serialize) -> Result<(), PublishError> {
        self.bus.publish(&topic.to_all(), encode(message))
    }

    /// Sends a message to one member. It arrives once or not at all.
    ///
    /// # Errors
    /// The message was not sent.
    pub(crate) fn send(&self, to: GatewayNumber, topic: Topic, message: &impl Serialize) -> Result<(), PublishError> {
        self.bus.publish(&topic.to_member(to), encode(message))
    }

    /// Sends a request to one member, and waits for the response up to a limit.
    ///
    /// # Errors
    /// There is no response. The error says whether the request may have arrived.
    pub(crate) async fn request<R: DeserializeOwned>(
        &self,
        to: GatewayNumber,
        topic: Topic,
        message: &impl Serialize,
        limit: Duration,
    ) -> Result<R, RequestError> {
        self.request_encoded(to, topic, encode(message), limit).await
    }

    /// Like [`Messenger::request`], with a message that [`encode`] wrote. The message is queued before this returns, behind those that were
    /// sent earlier; the future waits for the response.
    pub(crate) fn request_encoded<R: DeserializeOwned>(
        &self,
        to: GatewayNumber,
        topic: Topic,
        message: Bytes,
        limit: Duration,
    ) -> impl Future<Output = Result<R, RequestError>> + Send + use<R> {
        let response = self.bus.request(&topic.to_member(to), message, limit);
        let counters = Arc::clone(&self.counters);
        async move {
            let response = response.await;
            let end = match &response {
                Ok(_) => &counters.answered,
                Err(RequestError::NotDelivered(_)) => &counters.not_delivered,
                Err(RequestError::Unanswered) => &counters.unanswered,
            };
            end.fetch_add(1, Ordering::Relaxed);
            serde_json::from_slice(&response?).map_err(|error| {
                tracing::warn!(topic = topic.0, gateway = to.get(), %error, "response of another gateway not understood");
                RequestError::Unanswered
            })
        }
    }

    /// Subscribes to the messages to every member.
    pub(crate) fn messages_to_all(&self, topic: Topic) -> Messages {
        Messages::new(self, topic.to_all(), InboxBounds::default())
    }

    /// Subscribes to the messages and requests to this member.
    pub(crate) fn messages_to_this(&self, topic: Topic, bounds: InboxBounds) -> Messages {
        Messages::new(self, topic.to_member(self.number), bounds)
    }
}

/// The counters of a messenger since the start.
#[derive(Debug, Default)]
struct BusCounters {
    answered: AtomicU64,
    not_delivered: AtomicU64,
    unanswered: AtomicU64,
    gaps: AtomicU64,
}

/// The counts of requests to other gateways, by their ends, and of gaps in what they sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BusFigures {
    /// Requests with a response.
    pub answered: u64,
    /// Requests that certainly reached no gateway.
    pub not_delivered: u64,
    /// Requests that may have reached a gateway.
    pub unanswered: u64,
    /// Places where messages of others were lost, by an overflow or with the connection.
    pub gaps: u64,
}

/// The messages of one subject, also across lost connections.
pub(crate) struct Messages {
    bus: Arc<dyn Bus>,
    counters: Arc<BusCounters>,
    subject: Subject,
    bounds: InboxBounds,
    subscription: Option<Subscription>,
    has_subscribed: bool,
}

/// The next event of a subscription.
#[derive(Debug)]
pub(crate) enum MemberMessage<T> {
    /// A message; with a response to send if it is a request.
    Message(T, Option<Response>),
    /// Messages may be missing here, or came before the subscription.
    Gap,
}

impl Messages {
    fn new(messenger: &Messenger, subject: Subject, bounds: InboxBounds) -> Self {
        let (bus, counters) = (messenger.bus.clone(), messenger.counters.clone());
        Self { bus, counters, subject, bounds, subscription: None, has_subscribed: false }
    }

    /// Subscribes, unless that is done. Messages that are sent after this has returned arrive. Waits for a connection.
    pub(crate) async fn subscribed(&mut self) {
        while self.subscription.is_none() {
            match self.bus.subscribe(&self.subject, self.bounds).await {
                Ok(subscription) => self.subscription = Some(subscription),
                Err(error) => {
                    tracing::debug!(subject = %self.subject, %error, "no subscription yet");
                    sleep(RESUBSCRIBE_WAIT).await;
                }
            }
        }
    }

    /// Waits for the next event. The first one is a gap. `None` when the bus is closed. Cancel-safe.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> Option<MemberMessage<T>> {
        loop {
            self.subscribed().await;
            if !std::mem::replace(&mut self.has_subscribed, true) {
                return Some(MemberMessage::Gap);
            }
            let subscription = self.subscription.as_mut()?;
            let message = match subscription.next().await? {
                Event::Gap => {
                    self.counters.gaps.fetch_add(1, Ordering::Relaxed);
                    return Some(MemberMessage::Gap);
                }
                Event::Message(message) => message,
            };
            match serde_json::from_slice(&message.payload) {
                Ok(content) => return Some(MemberMessage::Message(content, message.responder.map(Response))),
                // A member of another version may send more than this one knows. A request ends without a response.
                Err(error) => {
                    tracing::warn!(subject = %self.subject, %error, "message of another gateway not understood");
                }
            }
        }
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// The place for the response to a request. Dropping it ends the request without a response.
#[derive(Debug)]
pub(crate) struct Response(Responder);

impl Response {
    /// Sends the response.
    pub(crate) fn send(self, content: &impl Serialize) {
        self.0.respond(encode(content));
    }
}

/// A message as it travels.
pub(crate) fn encode(message: &impl Serialize) -> Bytes {
    serde_json::to_vec(message).expect("messages are made of strings, numbers and raw JSON").into()
}

#[cfg(test)]
mod tests {
    use platools_bus::memory::Network;

    use super::*;

    const TOPIC: Topic = Topic::new("words");

    fn member(network: &Network, number: u16) -> Messenger {
        Messenger::new(GatewayNumber::new(number).unwrap(), Arc::new(network.join()))
    }

    #[tokio::test]
    async fn a_message_to_all_reaches_every_member_and_one_to_a_member_only_that() {
        let network = Network::new();
        let (one, two) = (member(&network, 1), member(&network, 2));
        let mut to_all = [one.messages_to_all(TOPIC), two.messages_to_all(TOPIC)];
        let mut to_two = two.messages_to_this(TOPIC, InboxBounds::default());
        for messages in to_all.iter_mut().chain([&mut to_two]) {
            assert!(matches!(messages.next::<String>().await, Some(MemberMessage::Gap)));
        }
        one.publish(TOPIC, &"all").unwrap();
        one.send(two.number(), TOPIC, &"two").unwrap();
        for messages in &mut to_all {
            assert!(
                matches!(messages.next::<String>().await, Some(MemberMessage::Message(text, None)) if text == "all")
            );
        }
        assert!(matches!(to_two.next::<String>().await, Some(MemberMessage::Message(text, None)) if text == "two"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_not_understood_ends_without_a_response_and_the_next_is_read() {
        let network = Network::new();
        let (one, two) = (member(&network, 1), member(&network, 2));
        let mut requests = two.messages_to_this(TOPIC, InboxBounds::default());
        requests.subscribed().await;
        let server = async {
            loop {
                if let Some(MemberMessage::Message(number, Some(response))) = requests.next::<u8>().await {
                    response.send(&(number + 1));
                }
            }
        };
        let limit = Duration::from_secs(1);
        let requester = async {
            let refused = one.request::<u8>(two.number(), TOPIC, &"text", limit).await;
            assert_eq!(refused, Err(RequestError::Unanswered));
            assert_eq!(one.request(two.number(), TOPIC, &1_u8, limit).await, Ok(2_u8));
            let unknown = one.request::<String>(two.number(), TOPIC, &1_u8, limit).await;
            assert_eq!(unknown, Err(RequestError::Unanswered), "a response that is not understood");
            let nobody = one.request::<u8>(GatewayNumber::new(3).unwrap(), TOPIC, &1_u8, limit).await;
            assert!(matches!(nobody, Err(RequestError::NotDelivered(_))));
            let figures = BusFigures { answered: 2, not_delivered: 1, unanswered: 1, gaps: 0 };
            assert_eq!(one.figures(), figures);
        };
        tokio::select! {
            () = server => {}
            () = requester => {}
        }
    }
}
