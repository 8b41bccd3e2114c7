//! [`NatsBus`]: connects gateways on several machines over NATS servers (core NATS, without JetStream).
//!
//! NATS delivers a message at most once, to the subscribers of that moment. It tells the sender of a request when nobody subscribes, and
//! disconnects a client that reads too slowly. This module adds what gateways need beyond that: payloads longer than the server accepts,
//! publishing that never waits, a refusal while there is no connection, a notice of a gap in every subscription after a lost connection,
//! and a probe that detects a silent connection.

mod assembly;
mod connection;
mod frame;
mod requests;
mod send_queue;
mod settings;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::{Client, Message as NatsMessage, StatusCode, Subscriber};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::bus::{Bus, State};
use crate::error::{MAX_PAYLOAD_BYTES, NotDelivered, PublishError, RequestError};
use crate::inbox::{Inbox, InboxBounds};
use crate::message::{Answer, Message, Responder};
use crate::subject::Subject;
use crate::subscription::Subscription;
use assembly::{Assembled, Assembly};
use connection::Connection;
use frame::{Frame, NoResponse};
use requests::Requests;
use send_queue::{Content, Entry, Outgoing, SendQueue};
pub use settings::{NatsCredentials, NatsError, NatsSettings};

/// A bus over servers of NATS.
pub struct NatsBus {
    shared: Arc<Shared>,
    /// The writer, the reader of answers, and the probe; they end with the bus.
    _tasks: JoinSet<()>,
}

impl NatsBus {
    /// Connects to the first server that answers.
    ///
    /// # Errors
    /// The settings are wrong, no server answers, it refuses the credentials, or takes no messages of 256 KiB.
    pub async fn connect(settings: &NatsSettings) -> Result<Self, NatsError> {
        settings.check()?;
        let connection = Arc::new(Connection::default());
        let client = connection::connect(settings, &connection).await?;
        let (send_queue, queue) = SendQueue::new();
        let sender = fastrand::u64(..);
        let shared = Arc::new(Shared {
            prefix: settings.installation.clone(),
            reply_prefix: format!("{}.reply.{sender:016x}", settings.installation),
            sender,
            payloads: AtomicU64::new(0),
            frame_limit: client.max_payload().min(MAX_FRAME_BYTES),
            send_queue,
            requests: Requests::default(),
            connection,
            client,
        });
        let answers = shared.client.subscribe(format!("{}.*", shared.reply_prefix)).await;
        let answers =
            answers.map_err(|error| NatsError::new(format!("cannot subscribe at the NATS server: {error}")))?;
        let mut tasks = JoinSet::new();
        tasks.spawn(write(Arc::clone(&shared), queue));
        tasks.spawn(read_answers(Arc::clone(&shared), answers));
        if !shared.probe().await {
            return Err(NatsError::new(format!(
                "the NATS server passes on no messages of the installation {:?}; check the permissions of its user for `{}.>`",
                shared.prefix, shared.prefix
            )));
        }
        shared.connection.probe_passed();
        tasks.spawn(watch_connection(Arc::clone(&shared)));
        Ok(Self { shared, _tasks: tasks })
    }
}

impl Bus for NatsBus {
    fn publish(&self, subject: &Subject, payload: Bytes) -> Result<(), PublishError> {
        self.shared.publish(subject, payload, None)
    }

    fn request(
        &self,
        subject: &Subject,
        payload: Bytes,
        limit: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RequestError>> {
        let mut request = self.shared.requests.begin();
        let queued = self.shared.publish(subject, payload, Some(request.number));
        async move {
            queued?;
            match timeout(limit, request.outcome()).await {
                Ok(Ok(answer)) => answer.into_result(),
                Ok(Err(error)) => Err(error.into()),
                Err(_) => Err(RequestError::Unanswered),
            }
        }
        .boxed()
    }

    fn subscribe(
        &self,
        subject: &Subject,
        bounds: InboxBounds,
    ) -> BoxFuture<'static, Result<Subscription, PublishError>> {
        let (shared, subject) = (Arc::clone(&self.shared), self.shared.subject(subject));
        async move {
            shared.connection.check()?;
            let subscriber = shared.client.subscribe(subject).await.map_err(|_| PublishError::Disconnected)?;
            let inbox = Arc::new(Inbox::new(bounds));
            let (registration, ended) = oneshot::channel();
            let subscription = Subscription::new(Arc::clone(&inbox), registration);
            // It ends with the subscription or with the bus.
            tokio::spawn(receive(Arc::clone(&shared), subscriber, inbox, ended));
            // The server treats the messages of a connection in order: it has the subscription when the probe is back.
            if shared.probe().await { Ok(subscription) } else { Err(PublishError::Disconnected) }
        }
        .boxed()
    }

    fn state(&self) -> watch::Receiver<State> {
        self.shared.connection.state()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async {
            if timeout(CLOSE_LIMIT, self.shared.send_queue.flush()).await.is_err() {
                tracing::warn!(
                    "messages to other gateways not sent before the bus closed: the NATS server accepted none"
                );
            }
            self.shared.connection.close();
        }
        .boxed()
    }
}

impl Drop for NatsBus {
    fn drop(&mut self) {
        self.shared.connection.close();
    }
}

impl fmt::Debug for NatsBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (installation, state) = (&self.shared.prefix, *self.shared.connection.state().borrow());
        f.debug_struct("NatsBus").field("installation", installation).field("state", &state).finish_non_exhaustive()
    }
}

/// The parts of a bus that its tasks use.
struct Shared {
    client: Client,
    connection: Arc<Connection>,
    send_queue: SendQueue,
    requests: Requests,
    /// The beginning of every subject: the name of the installation.
    prefix: String,
    /// The beginning of the subjects of answers to this bus.
    reply_prefix: String,
    /// This bus among the senders of payloads in parts.
    sender: u64,
    /// The number of the next payload in parts.
    payloads: AtomicU64,
    /// The longest frame, in bytes.
    frame_limit: usize,
}

impl Shared {
    fn subject(&self, subject: &Subject) -> String {
        format!("{}.{subject}", self.prefix)
    }

    fn reply_subject(&self, request: u64) -> String {
        format!("{}.{request}", self.reply_prefix)
    }

    fn publish(&self, subject: &Subject, payload: Bytes, request: Option<u64>) -> Result<(), PublishError> {
        self.connection.check()?;
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(PublishError::TooLong);
        }
        self.send_queue.push(self.subject(subject), Content::Payload(payload), request)
    }

    /// Sends a message, in as many frames as it needs.
    async fn send(&self, outgoing: &Outgoing) -> Result<(), PublishError> {
        let frames = match &outgoing.content {
            Content::Frame(frame) => vec![frame.clone()],
            Content::Payload(payload) => {
                let id = (self.sender, self.payloads.fetch_add(1, Ordering::Relaxed));
                Frame::split(payload.clone(), id, self.frame_limit)
            }
        };
        for frame in frames {
            self.connection.check_open()?;
            let subject = outgoing.subject.clone();
            let sent = match outgoing.request {
                Some(request) => {
                    self.client.publish_with_reply(subject, self.reply_subject(request), frame.encode()).await
                }
                None => self.client.publish(subject, frame.encode()).await,
            };
            sent.map_err(|_| PublishError::Disconnected)?;
        }
        Ok(())
    }

    /// Queues the answer to a request.
    fn answer(&self, reply: String, answer: Answer) {
        let content = match answer {
            Answer::Response(payload) if payload.len() <= MAX_PAYLOAD_BYTES => Content::Payload(payload),
            // A response that is too long is dropped.
            answer => Content::Frame(Frame::NoResponse(NoResponse::of(&answer).unwrap_or(NoResponse::Dropped))),
        };
        if let Err(error) = self.send_queue.push(reply, content, None) {
            tracing::warn!(%error, "answer to another gateway dropped");
        }
    }

    /// Sends a message to this bus itself, and says whether it came back in time.
    async fn probe(&self) -> bool {
        let mut request = self.requests.begin();
        let sent = self.client.publish(self.reply_subject(request.number), Frame::Whole(Bytes::new()).encode());
        let probe = async { sent.await.is_ok() && request.outcome().await.is_ok() };
        timeout(PROBE_LIMIT, probe).await.unwrap_or(false)
    }

    /// Puts a message into the inbox of its subscription.
    fn deliver(self: &Arc<Self>, message: NatsMessage, assembly: &mut Assembly, inbox: &Inbox) {
        let responder = message.reply.map(|reply| {
            let shared = Arc::clone(self);
            Responder::new(move |answer| shared.answer(reply.to_string(), answer))
        });
        match assembly.add(message.payload) {
            Ok(Assembled::Payload(payload)) => inbox.offer(Message::new(payload, responder)),
            Ok(Assembled::Incomplete) => lose(responder),
            Ok(Assembled::NoResponse(_) | Assembled::Lost) => {
                lose(responder);
                inbox.push_gap();
            }
            Err(frame::Unreadable) => {
                tracing::warn!(subject = %message.subject, "message dropped: another version of the gateway sent it; run the same version everywhere");
                Message::new(Bytes::new(), responder).refuse(NotDelivered::Incompatible);
                inbox.push_gap();
            }
        }
    }
}

/// Longer frames keep the server from passing on those of others.
const MAX_FRAME_BYTES: usize = 512 * 1024;

/// The longest time for one message to go into the client's queue.
const SEND_LIMIT: Duration = Duration::from_secs(2);

/// The longest time for what waits when the bus is closed.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// The time after which a probe has failed.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// The time between two probes.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);

/// After so many failed probes in a row the connection is made again, although it looks alive.
const SILENT_PROBES: u32 = 3;

/// A part of a request that is no request by itself: nobody answers it.
fn lose(responder: Option<Responder>) {
    if let Some(responder) = responder {
        responder.lose();
    }
}

/// Sends the messages of the queue, in order.
async fn write(shared: Arc<Shared>, mut queue: mpsc::Receiver<Entry>) {
    while let Some(entry) = queue.recv().await {
        match entry {
            Entry::Flush(done) => {
                // Into the socket; without a connection there is nothing to wait for.
                if shared.connection.check().is_ok() {
                    let _ = shared.client.flush().await;
                }
                let _ = done.send(());
            }
            Entry::Send(outgoing) => {
                let sent = timeout(SEND_LIMIT, shared.send(&outgoing)).await.unwrap_or(Err(PublishError::Overloaded));
                if let (Some(request), Err(error)) = (outgoing.request, sent) {
                    // Without its last frame a request is not delivered.
                    shared.requests.end(request, Err(error));
                }
            }
        }
    }
}

/// Ends the requests of this bus with the answers that arrive.
async fn read_answers(shared: Arc<Shared>, mut answers: Subscriber) {
    let mut assembly = Assembly::default();
    while let Some(message) = answers.next().await {
        let Some(request) = message.subject.rsplit('.').next().and_then(|number| number.parse().ok()) else { continue };
        let answer = if message.status == Some(StatusCode::NO_RESPONDERS) {
            Answer::NotDelivered(NotDelivered::NoSubscriber)
        } else {
            match assembly.add(message.payload) {
                Ok(Assembled::Incomplete) => continue,
                Ok(Assembled::Payload(payload)) => Answer::Response(payload),
                Ok(Assembled::NoResponse(reason)) => reason.into_answer(),
                Ok(Assembled::Lost) | Err(frame::Unreadable) => Answer::Dropped,
            }
        };
        shared.requests.end(request, Ok(answer));
    }
}

/// Fills the inbox of a subscription until it ends or the bus is closed.
async fn receive(shared: Arc<Shared>, mut subscriber: Subscriber, inbox: Arc<Inbox>, ended: oneshot::Receiver<()>) {
    let (mut assembly, mut losses) = (Assembly::default(), shared.connection.losses());
    let closed = shared.connection.closed();
    tokio::pin!(closed, ended);
    loop {
        tokio::select! {
            () = &mut closed => break,
            _ = &mut ended => break,
            Ok(()) = losses.changed() => inbox.push_gap(),
            message = subscriber.next() => match message {
                Some(message) => shared.deliver(message, &mut assembly, &inbox),
                None => break,
            },
        }
    }
    inbox.close();
    // Messages that were on their way are read, so that requests among them are refused. An error: the client has ended.
    let _ = subscriber.drain().await;
    while let Some(message) = subscriber.next().await {
        shared.deliver(message, &mut assembly, &inbox);
    }
}

/// Probes the connection at intervals and after each change.
async fn watch_connection(shared: Arc<Shared>) {
    let mut silent = 0;
    loop {
        shared.connection.changed(PROBE_INTERVAL).await;
        let looks_alive = shared.client.connection_state() == async_nats::connection::State::Connected;
        if looks_alive && shared.probe().await {
            silent = 0;
            shared.connection.probe_passed();
            continue;
        }
        shared.connection.probe_failed();
        silent = if looks_alive { silent + 1 } else { 0 };
        if silent == SILENT_PROBES {
            silent = 0;
            tracing::warn!("connection to the NATS server is silent; connecting again");
            // It fails when the client has ended.
            let _ = shared.client.force_reconnect().await;
        }
    }
}
