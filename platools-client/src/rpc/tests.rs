//! Tests of a caller's connection, with a pipe in memory as the network and a paused clock.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{FutureExt, SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role as Side;

use super::chat_channel::{ChatReceiver, ChatSender};
use super::error::RequestErrorKind;
use super::event::RpcEvent;
use super::opener::CallerOpener;
use super::pending_requests::{Answer, Outgoing, PendingRequests};
use super::protocol::{CallerProtocol, SILENCE};
use crate::connection::{Connection, Opened};
use platools_protocol::rpc::{Connected, Role};
use platools_transport::{ClientKind, Dialler, Disconnect, Reconnect, Reporter, Socket, Tls, Traffic, WebSocket};

const SECOND: Duration = Duration::from_secs(1);

/// The gateway's end of a connection.
struct Gateway {
    socket: WebSocketStream<DuplexStream>,
    requests: mpsc::Sender<Outgoing>,
    events: BoxStream<'static, RpcEvent>,
    stop: watch::Sender<bool>,
    connection: JoinHandle<Disconnect>,
}

impl Gateway {
    async fn serve() -> Self {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (transport, traffic) = Traffic::on(Box::new(theirs));
        let socket = Socket::new(WebSocket::new(transport, &[]), traffic);
        let opened = Opened { socket, welcome: Connected::new(Role::Operator, "u") };
        let (requests, received) = mpsc::channel(8);
        let (stop, stopped) = watch::channel(false);
        let reporter = Reporter::default();
        let protocol = CallerProtocol::new(received, watch::Sender::new(None), reporter.clone());
        let dialler = Dialler::new(ClientKind::Caller, "http://127.0.0.1:1", &Tls::new(), SECOND).expect("a dialler");
        let opener = CallerOpener { dialler, secret: None, user_id: "u".to_owned() };
        let mut connection = Connection { protocol, opener, reconnect: Reconnect::new(), stop: stopped };
        let mut events = reporter.listen(|_| None);
        let connection = tokio::spawn(async move { connection.serve(opened).await });
        let first = timeout(SECOND, events.next()).await.expect("an event in time");
        assert!(matches!(first, Some(RpcEvent::Connected(_))), "{first:?}");
        let socket = WebSocketStream::from_raw_socket(ours, Side::Server, None).await;
        Self { socket, requests, events, stop, connection }
    }

    async fn message(&mut self) -> Message {
        let message = timeout(600 * SECOND, self.socket.next()).await.expect("a message in time");
        message.expect("the socket is open").expect("a message")
    }

    async fn frame(&mut self) -> Value {
        serde_json::from_str(self.message().await.to_text().expect("text")).expect("JSON")
    }

    async fn send(&mut self, frame: Value) {
        self.socket.send(Message::text(frame.to_string())).await.expect("the socket is open");
    }

    async fn event(&mut self) -> RpcEvent {
        timeout(600 * SECOND, self.events.next()).await.expect("an event in time").expect("the connection lives")
    }

    async fn chat(&self, id: u64, turn: &Arc<Semaphore>) -> ChatReceiver {
        let turn = Arc::clone(turn).try_acquire_owned().expect("it has its turn");
        let (sender, receiver) = ChatSender::new(turn, None);
        self.request(id, Answer::Chat(sender)).await;
        receiver
    }

    async fn request(&self, id: u64, answer: Answer) {
        let frame = json!({"type": "req", "id": id.to_string(), "method": "m", "params": {}}).to_string().into();
        self.requests.send(Outgoing { id, frame, answer }).await.expect("the connection lives");
    }

    async fn ended(self) -> Disconnect {
        timeout(600 * SECOND, self.connection).await.expect("it ends").expect("it does not panic")
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_without_any_byte_for_75_seconds_is_dead() {
    assert_eq!(SILENCE, 75 * SECOND);
    let started = Instant::now();
    let ended = Gateway::serve().await.ended().await;
    assert_eq!((ended, started.elapsed().as_secs()), (Disconnect::Silent, 75));
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_and_keep_the_connection() {
    let mut gateway = Gateway::serve().await;
    for _ in 0..10 {
        tokio::time::sleep(30 * SECOND).await;
        gateway.socket.send(Message::Ping("are you there".into())).await.expect("the socket is open");
        assert_eq!(gateway.message().await, Message::Pong("are you there".into()));
    }
    let last = Instant::now();
    assert_eq!((gateway.ended().await, last.elapsed().as_secs()), (Disconnect::Silent, 75));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_slowly_is_no_silence() {
    let (mut ours, theirs) = tokio::io::duplex(64);
    let (mut transport, traffic) = Traffic::on(Box::new(theirs));
    for _ in 0..3 {
        tokio::time::sleep(60 * SECOND).await;
        assert!(traffic.last_alive() < Instant::now());
        tokio::io::AsyncWriteExt::write_all(&mut ours, b"x").await.expect("there is room");
        tokio::io::AsyncReadExt::read_u8(&mut transport).await.expect("a byte");
        assert_eq!(traffic.last_alive(), Instant::now());
    }
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_chat_is_aborted_once_its_run_is_known() {
    let mut gateway = Gateway::serve().await;
    let turn = Arc::new(Semaphore::new(1));
    let chat = gateway.chat(1, &turn).await;
    assert_eq!(gateway.frame().await["id"], "1");
    drop(chat);
    for (seq, status) in [(1, "started"), (2, "failed")] {
        let payload = json!({"run_id": "r", "status": status});
        gateway.send(json!({"type": "event", "event": "agent", "payload": payload, "seq": seq})).await;
    }
    let abort = gateway.frame().await;
    assert_eq!((&abort["method"], &abort["params"]), (&json!("chat.abort"), &json!({"runId": "r"})));
    assert_eq!(turn.available_permits(), 0, "the next chat begins when this one has ended");
    gateway.send(json!({"type": "res", "id": abort["id"], "ok": true, "payload": {}})).await;
    let error = json!({"code": "FAILED_PRECONDITION", "message": "aborted", "retryable": false});
    gateway.send(json!({"type": "res", "id": "1", "ok": false, "error": error})).await;
    drop(turn.acquire().await.expect("it is never closed"));
    gateway.stop.send_replace(true);
    let Message::Close(_) = gateway.message().await else { panic!("one abort is enough") };
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_chat_that_waits_for_its_turn_is_aborted_by_its_conversation() {
    let mut gateway = Gateway::serve().await;
    let turn = Arc::new(Semaphore::new(1));
    let permit = Arc::clone(&turn).try_acquire_owned().expect("it has its turn");
    let known = Arc::new(std::sync::Mutex::new(Some("conv_1".to_owned())));
    let (sender, receiver) = ChatSender::new(permit, Some(known));
    gateway.request(1, Answer::Chat(sender)).await;
    gateway.frame().await;
    drop(receiver);
    let abort = gateway.frame().await;
    assert_eq!((&abort["method"], &abort["params"]), (&json!("chat.abort"), &json!({"sessionId": "conv_1"})));
    // Its run is named too late for another abort.
    let payload = json!({"run_id": "r", "status": "started"});
    gateway.send(json!({"type": "event", "event": "agent", "payload": payload, "seq": 1})).await;
    gateway.stop.send_replace(true);
    let Message::Close(_) = gateway.message().await else { panic!("one abort is enough") };
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_chat_that_never_ends_holds_up_the_next_for_ten_seconds() {
    let mut gateway = Gateway::serve().await;
    let turn = Arc::new(Semaphore::new(1));
    let chat = gateway.chat(1, &turn).await;
    gateway.frame().await;
    let dropped = Instant::now();
    drop(chat);
    let permit = timeout(600 * SECOND, turn.acquire()).await.expect("its turn comes").expect("it is never closed");
    assert_eq!(dropped.elapsed(), 10 * SECOND);
    drop(permit);
    let _next = gateway.chat(2, &turn).await;
    assert_eq!(gateway.frame().await["id"], "2");
    gateway.send(json!({"type": "res", "id": "1", "ok": true, "payload": {"content": "too late"}})).await;
    gateway.send(json!({"type": "event", "event": "x", "payload": {}, "seq": 1})).await;
    gateway.event().await;
    assert_eq!(turn.available_permits(), 0, "the late answer is not that of the next chat");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_is_not_sent() {
    let mut gateway = Gateway::serve().await;
    let turn = Arc::new(Semaphore::new(1));
    for id in 1..=2 {
        let (answer, reply) = oneshot::channel();
        drop(reply);
        gateway.request(id, Answer::Once(answer)).await;
    }
    drop(gateway.chat(3, &turn).await);
    let (answer, _reply) = oneshot::channel();
    gateway.request(4, Answer::Once(answer)).await;
    assert_eq!(gateway.frame().await["id"], "4");
}

#[tokio::test(start_paused = true)]
async fn numbers_that_are_left_out_or_repeated_are_counted_once() {
    let mut gateway = Gateway::serve().await;
    for seq in [3, 4, 4, 2, 5, 8] {
        gateway.send(json!({"type": "event", "event": "x", "payload": {}, "seq": seq})).await;
    }
    let mut told = Vec::new();
    for _ in 0..8 {
        told.push(match gateway.event().await {
            RpcEvent::Gateway(event) => format!("{}", event.seq),
            RpcEvent::Missed { count } => format!("missed {count}"),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(told, ["missed 2", "3", "4", "4", "2", "5", "missed 2", "8"]);
}

#[test]
fn answers_that_nobody_waits_for_do_not_pile_up() {
    let mut pending = PendingRequests::default();
    let (answer, mut awaited) = oneshot::channel();
    pending.begin(Outgoing { id: 0, frame: "{}".into(), answer: Answer::Once(answer) });
    for id in 1..100_000 {
        let (answer, reply) = oneshot::channel();
        pending.begin(Outgoing { id, frame: "{}".into(), answer: Answer::Once(answer) }).expect("it is waited for");
        drop(reply);
    }
    assert!(pending.unanswered() <= 128, "{}", pending.unanswered());
    let reporter = Reporter::default();
    pending.received(r#"{"type":"res","id":"0","ok":true,"payload":7}"#, &reporter);
    let reply = (&mut awaited).now_or_never().expect("it is there").expect("it was answered").expect("it succeeded");
    assert_eq!(reply.get(), "7");
}

#[test]
fn a_garbled_answer_fails_the_request_it_names() {
    let mut pending = PendingRequests::default();
    let (answer, reply) = oneshot::channel();
    pending.begin(Outgoing { id: 1, frame: "{}".into(), answer: Answer::Once(answer) });
    let reporter = Reporter::default();
    for text in ["", "{}", "[1]", r#"{"type":"res","id":"x","ok":true}"#, r#"{"type":"res","id":"2","ok":7}"#] {
        pending.received(text, &reporter);
    }
    assert_eq!(pending.unanswered(), 1);
    pending.received(r#"{"type":"res","id":"1","ok":7}"#, &reporter);
    let error = reply.now_or_never().expect("it is there").expect("it was answered").expect_err("it failed");
    assert_eq!(error.kind(), RequestErrorKind::InvalidReply);
    assert!(error.is_in_doubt() && !error.is_retryable());
}
