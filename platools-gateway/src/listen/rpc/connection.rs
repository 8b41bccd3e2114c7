//! `RpcConnection`: serves the gateway RPC protocol to one caller over a WebSocket.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, close_code};
use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt as _};
use platools_protocol::rpc::CLOSE_TOO_SLOW;
use secrecy::SecretString;
use tokio::sync::{broadcast, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use super::connect::ConnectHandshake;
use super::method_context::{MethodContext, Tail};
use super::queue::Queue;
use super::requests::Requests;
use super::token_status::TokenStatus;
use crate::connections::{ConnectionPhase, SocketKind};
use crate::core::Core;
use crate::domain::identity::{Caller, Credential};
use crate::domain::origin::RequestOrigin;
use crate::listen::ByteActivity;
use crate::listen::ws::{
    self, Close, End, Excess, Farewell, Outgoing, ReadError, Reader, Received, Socket, SocketProtocol, Transport,
    WriteTiming, dismissed,
};
use crate::settings::{AnonymousAccess, RpcSettings};

/// The client of a socket, as its upgrade tells it.
pub(super) struct RpcPeer {
    pub(super) from: RequestOrigin,
    /// The secret of the browser's session, if a page of the gateway opened the socket.
    pub(super) session: Option<SecretString>,
    pub(super) activity: ByteActivity,
}

/// The connection of a caller. Its requests run side by side, so that a long one delays no other.
struct RpcConnection<'a> {
    handshake: ConnectHandshake<'a>,
    settings: &'a RpcSettings,
    activity: ByteActivity,
}

/// The caller did not connect in time.
const NOT_CONNECTED: End = End::close(close_code::POLICY, "no `connect` within 10 seconds");

/// The caller reads so slowly that responses do not fit into the queue.
const TOO_SLOW: End = End::close(CLOSE_TOO_SLOW, "too many responses wait");

/// The gateway stops.
const SHUTTING_DOWN: End = End::Close(Close::SHUTTING_DOWN);

/// The longest time for a caller to connect.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// Bytes of a message that is read from a caller that has not proven who it is.
const MAX_ANONYMOUS_BYTES: usize = 16 * 1024;

/// A message over the limit is read to its end and dropped if it has at most so many bytes: 4 MiB. A larger one ends the
/// connection.
const MAX_DROPPED_BYTES: usize = 4 * 1024 * 1024;

/// Bytes that a socket reads of a message beyond the limit.
const MORE_READ_BYTES: usize = 64 * 1024;

/// The event of a line in the log.
const LOG: &str = "log";

/// The most bytes of a message that is read to its end.
pub(super) fn max_dropped_bytes(settings: &RpcSettings) -> usize {
    settings.max_message_bytes.saturating_add(MORE_READ_BYTES).max(MAX_DROPPED_BYTES)
}

/// Serves a caller until its connection ends, and drops what it has under way then.
pub(super) async fn serve<S: Transport>(
    core: &Core,
    socket: S,
    RpcPeer { from, session, activity }: RpcPeer,
    settings: &RpcSettings,
) {
    let presence = core.callers.arrive(Some(SocketKind::Caller));
    let queue = Queue::new(settings.waiting_messages, settings.waiting_bytes, Arc::clone(&core.limiter));
    let handshake = ConnectHandshake { core, queue: &queue, presence, from, session, anonymous: settings.anonymous };
    ws::serve(RpcConnection { handshake, settings, activity }, (), Socket::new(socket)).await;
}

impl SocketProtocol for RpcConnection<'_> {
    const PEER: &'static str = "caller";

    type WriterState = ();

    async fn read<S: Transport>(&self, socket: &Socket<S>) -> End {
        let max_bytes = self.settings.max_message_bytes.min(MAX_ANONYMOUS_BYTES);
        let activity = self.activity.clone();
        let mut reader = Reader::untrusted(socket, self.settings.read_deadline, max_bytes, activity);
        answer(&self.handshake, &mut reader, self.settings).await.unwrap_or_else(unreadable)
    }

    async fn write<S: Transport>(&self, (): &mut (), socket: &Socket<S>) -> End {
        let RpcSettings { ping_interval, write_deadline, .. } = *self.settings;
        ws::write(socket, self.handshake.queue, WriteTiming { ping_interval, write_deadline }).await
    }

    async fn ended(&self) -> End {
        // A caller finishes what it has begun when the gateway stops.
        tokio::select! {
            end = dismissed(&self.handshake.presence, ConnectionPhase::ShuttingDown, Close::SHUTTING_DOWN) => end,
            never = self.handshake.queue.log_dropped() => match never {},
        }
    }

    fn leave(self, (): (), end: &End) -> Farewell<impl FnMut(&str)> {
        let waiting = if *end == TOO_SLOW { Vec::new() } else { self.handshake.queue.take_all() };
        Farewell::new(waiting.into_iter().map(Into::into).collect())
    }
}

/// Reads and answers the messages of a caller.
async fn answer<R>(
    handshake: &ConnectHandshake<'_>,
    reader: &mut Reader<R>,
    settings: &RpcSettings,
) -> Result<End, ReadError>
where
    R: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    let (core, queue) = (handshake.core, handshake.queue);
    let phase = handshake.presence.phase();
    let (caller, token) = match greet(handshake, reader, phase.clone()).await? {
        Ok(greeted) => greeted,
        Err(end) => return Ok(end),
    };
    tracing::info!(credential = %caller.credential, role = %caller.role, "caller connected");
    queue.note_owner(&caller.credential);
    let is_anonymous = caller.credential == Credential::Nothing && !core.authenticator.is_without_auth();
    if !is_anonymous {
        let owner = caller.credential.to_string();
        let excess = Excess::new(Arc::clone(&core.limiter), owner, max_dropped_bytes(settings));
        reader.trust(settings.max_message_bytes, excess);
    }
    let has_catalog = !is_anonymous || settings.anonymous == AnonymousAccess::Catalog;
    let requests = Requests {
        context: MethodContext::new(core, caller, queue, has_catalog),
        from: handshake.address(),
        token,
        viewers_read_history: settings.viewers_read_history && !is_anonymous,
        max_requests: settings.requests_in_flight,
        ids: Mutex::default(),
    };
    answer_requests(&requests, reader, phase).await
}

/// Authenticates the caller within the deadline, in any number of attempts.
async fn greet<R>(
    handshake: &ConnectHandshake<'_>,
    reader: &mut Reader<R>,
    mut phase: watch::Receiver<ConnectionPhase>,
) -> Result<Result<(Caller, TokenStatus), End>, ReadError>
where
    R: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    let deadline = Instant::now() + CONNECT_DEADLINE;
    loop {
        // Every arm is cancel-safe.
        let incoming = tokio::select! {
            biased;
            // First, so that a caller that sends anything else all the time does not stay.
            () = sleep_until(deadline) => return Ok(Err(NOT_CONNECTED)),
            incoming = reader.next() => incoming?,
            _ = phase.wait_for(|phase| *phase >= ConnectionPhase::Draining) => return Ok(Err(SHUTTING_DOWN)),
        };
        // What comes meanwhile waits in the socket, so that a caller need not wait for the answer to its `connect`.
        if let Some(greeted) = handshake.receive(&incoming).await {
            return Ok(Ok(greeted));
        }
        yield_now().await;
    }
}

async fn answer_requests<R>(
    requests: &Requests<'_>,
    reader: &mut Reader<R>,
    mut phase: watch::Receiver<ConnectionPhase>,
) -> Result<End, ReadError>
where
    R: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    let (context, mut running, mut tail) = (&requests.context, FuturesUnordered::new(), None);
    loop {
        let is_finishing = *phase.borrow_and_update() == ConnectionPhase::Draining;
        if is_finishing && running.is_empty() {
            return Ok(SHUTTING_DOWN);
        }
        if let Some(new) = context.take_new_tail() {
            tail = new;
        }
        if !context.queue.is_empty() {
            // The writer's turn: a burst of short requests must not fill the queue of a caller that reads.
            yield_now().await;
        }
        // Every arm is cancel-safe. Requests that ended go first, so that few are under way when the next message is read.
        tokio::select! {
            biased;
            Some(()) = running.next() => {}
            Ok(()) = phase.changed() => {}
            received = reader.receive() => match received? {
                Received::Message(incoming) => running.extend(requests.begin(&incoming, is_finishing)),
                Received::Dropped { too_large, head } => requests.refuse_large(too_large, &head),
            },
            () = forward(&mut tail, context.queue) => {}
        }
    }
}

/// The end of a connection that cannot be read any further. A message that is too large is named with its size.
fn unreadable(error: ReadError) -> End {
    match error {
        ReadError::TooLarge(too_large) => Close::because(close_code::SIZE, too_large.to_string()).into(),
        error => error.into(),
    }
}

/// Forwards one line of the log, if the caller reads along.
///
/// A line that does not fit into the queue is dropped together with the lines behind it that do not fit either. A slow caller would miss
/// the newest lines otherwise: with one line at each turn of the connection, old ones would stay in the channel of the log, fill the queue
/// as soon as the caller reads again, and leave no room for the new ones.
async fn forward(tail: &mut Tail, queue: &Queue) {
    let Some(lines) = tail else { return std::future::pending().await };
    match lines.recv().await {
        Ok(line) => {
            let mut is_queued = queue.raw_event(LOG, &line);
            while !is_queued && let Ok(line) = lines.try_recv() {
                is_queued = queue.raw_event(LOG, &line);
            }
        }
        Err(broadcast::error::RecvError::Lagged(lost)) => queue.skip_events(lost),
        Err(broadcast::error::RecvError::Closed) => *tail = None,
    }
}

impl Outgoing for Queue {
    async fn next(&self) -> Result<Utf8Bytes, End> {
        Queue::next(self).await.map(Into::into).ok_or(TOO_SLOW)
    }

    async fn ended(&self) -> End {
        self.over().await;
        TOO_SLOW
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use futures::channel::mpsc;
    use futures::{FutureExt as _, Sink, SinkExt as _};
    use serde_json::json;
    use serde_json::value::to_raw_value;
    use tokio::time::sleep;

    use super::*;
    use crate::limits::{Limiter, Limits};
    use crate::ops::log_tail::LogLine;

    /// A socket without a network. The test reads one message at a time at the other end.
    struct TestSocket {
        incoming: mpsc::UnboundedReceiver<Message>,
        outgoing: mpsc::Sender<Message>,
    }

    impl Stream for TestSocket {
        type Item = Result<Message, axum::Error>;

        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            self.incoming.poll_next_unpin(cx).map(|message| message.map(Ok))
        }
    }

    impl Sink<Message> for TestSocket {
        type Error = axum::Error;

        fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
            self.outgoing.poll_ready(cx).map_err(axum::Error::new)
        }

        fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), axum::Error> {
            self.outgoing.start_send(message).map_err(axum::Error::new)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
            self.outgoing.poll_flush_unpin(cx).map_err(axum::Error::new)
        }

        fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
            self.poll_flush(cx)
        }
    }

    /// A caller whose time is the test's.
    struct Peer {
        says: mpsc::UnboundedSender<Message>,
        hears: mpsc::Receiver<Message>,
        _folder: tempfile::TempDir,
    }

    impl Peer {
        /// Connects, from when on time passes only while everybody waits.
        async fn connect() -> (Self, tokio::task::JoinHandle<()>) {
            let (mut peer, serving) = Self::open().await;
            peer.ask("connect");
            peer.text().await;
            (peer, serving)
        }

        /// Opens a connection without a `connect`.
        async fn open() -> (Self, tokio::task::JoinHandle<()>) {
            let folder = tempfile::tempdir().unwrap();
            let core = Core::open(folder.path(), &Limits::default()).await.unwrap();
            tokio::time::pause();
            let ((says, incoming), (outgoing, hears)) = (mpsc::unbounded(), mpsc::channel(0));
            let serving = tokio::spawn(async move {
                let socket = TestSocket { incoming, outgoing };
                let from = RequestOrigin::from(IpAddr::from(Ipv4Addr::LOCALHOST));
                let peer = RpcPeer { from, session: None, activity: ByteActivity::new() };
                serve(&core, socket, peer, &RpcSettings::default()).await;
            });
            (Self { says, hears, _folder: folder }, serving)
        }

        fn ask(&self, method: &str) {
            let request = json!({"type": "req", "id": method, "method": method, "params": {"user_id": "u"}});
            self.say(Message::Text(request.to_string().into()));
        }

        fn say(&self, message: Message) {
            self.says.unbounded_send(message).unwrap();
        }

        async fn hear(&mut self) -> Option<Message> {
            self.hears.next().await
        }

        async fn text(&mut self) -> String {
            match self.hear().await {
                Some(Message::Text(text)) => text.to_string(),
                other => panic!("a frame was expected, and this came: {other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_caller_that_answers_pings_stays_and_one_that_says_nothing_is_gone_after_a_minute() {
        let (mut peer, serving) = Peer::connect().await;
        let begun = Instant::now();
        for number in 1..=5 {
            assert!(matches!(peer.hear().await, Some(Message::Ping(_))));
            assert_eq!(begun.elapsed().as_secs(), 30 * number);
            peer.say(Message::Pong(Default::default()));
        }
        // From the last pong on it says nothing; a ping of its own is no sign of life.
        assert!(matches!(peer.hear().await, Some(Message::Ping(_))));
        peer.say(Message::Ping(Default::default()));
        loop {
            match peer.hear().await {
                Some(Message::Ping(_)) => {}
                Some(Message::Close(Some(close))) => break assert_eq!(close.code, 1008),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(begun.elapsed().as_secs(), 150 + 60);
        drop(peer);
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn a_caller_that_does_not_connect_is_gone_after_ten_seconds_whatever_else_it_says() {
        let (mut peer, serving) = Peer::open().await;
        let begun = Instant::now();
        for _ in 0..3 {
            sleep(Duration::from_secs(3)).await;
            peer.ask("health");
            peer.say(Message::Pong(Default::default()));
            assert!(peer.text().await.contains("UNAUTHORIZED"));
        }
        match peer.hear().await {
            Some(Message::Close(Some(close))) => {
                assert_eq!((close.code, &*close.reason), (1008, "no `connect` within 10 seconds"));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(begun.elapsed().as_secs(), 10);
        drop(peer);
        serving.await.unwrap();
    }

    #[test]
    fn a_line_that_does_not_fit_is_dropped_with_those_behind_it_and_the_next_one_is_new() {
        let queue = Queue::new(2, 1024, Arc::new(Limiter::new(&Limits::default())));
        let (log, lines) = broadcast::channel(8);
        let mut tail = Some(lines);
        let add = |number: u32| log.send(LogLine::from(to_raw_value(&number).unwrap())).unwrap();
        for number in 1..=5 {
            add(number);
        }
        for _ in 1..=3 {
            forward(&mut tail, &queue).now_or_never().expect("there are lines");
        }
        assert_eq!(queue.take_all().len(), 2);
        add(6);
        forward(&mut tail, &queue).now_or_never().expect("there is a line");
        assert!(queue.take_all()[0].contains(r#""seq":6"#), "lines 3 to 5 are gone");
    }

    #[tokio::test]
    async fn a_message_is_a_sign_of_life_whatever_it_is() {
        let (mut peer, _serving) = Peer::connect().await;
        for message in ["nonsense", "{}"].map(|text| Message::Text(text.into())) {
            sleep(Duration::from_secs(20)).await;
            peer.say(message);
            while !matches!(peer.hear().await, Some(Message::Text(_))) {}
        }
        sleep(Duration::from_secs(25)).await;
        peer.ask("health");
        while !matches!(peer.hear().await, Some(Message::Text(_))) {}
    }

    #[tokio::test]
    async fn a_caller_that_does_not_take_a_message_for_ten_seconds_is_gone() {
        let (peer, serving) = Peer::connect().await;
        let begun = Instant::now();
        // The channel takes one or two of them without anybody who reads.
        (0..5).for_each(|_| peer.ask("health"));
        serving.await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), 10);
        drop(peer);
    }
}
