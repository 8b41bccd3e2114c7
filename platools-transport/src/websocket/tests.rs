//! Tests of `WebSocket` over a pipe in memory. At the other end are tungstenite's server or raw bytes.

use std::collections::VecDeque;
use std::future::{poll_fn, ready};
use std::pin::pin;
use std::time::Duration;

use futures::{FutureExt as _, SinkExt as _, StreamExt as _};
use proptest::prelude::*;
use tokio::io::{AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

async fn within<T>(steps: impl Future<Output = T>) -> T {
    timeout(PATIENCE, steps).await.expect("it took too long")
}

/// A socket, and the bytes at its other end.
fn bare(pipe: usize) -> (WebSocket<DuplexStream>, DuplexStream) {
    let (ours, theirs) = duplex(pipe);
    (WebSocket::new(ours, &[]), theirs)
}

/// A socket, and tungstenite's at its other end.
async fn pair(pipe: usize) -> (WebSocket<DuplexStream>, WebSocketStream<DuplexStream>) {
    let (ours, theirs) = bare(pipe);
    let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
    (ours, WebSocketStream::from_raw_socket(theirs, Role::Server, Some(config)).await)
}

async fn next<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocket<S>) -> Message {
    within(socket.next()).await.expect("the socket is open").expect("a message")
}

fn close(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }))
}

/// The code of the close that the server is sent for these bytes, and the socket's error.
async fn violation(bytes: &[u8]) -> (u16, SocketError) {
    let (mut socket, mut server) = bare(1 << 20);
    server.write_all(bytes).await.expect("room");
    let error = within(socket.next()).await.expect("an error").expect_err("a violation");
    assert!(within(socket.next()).await.is_none(), "the stream has ended");
    assert!(matches!(socket.send("more".into()).await, Err(SocketError::AlreadyClosed)));
    drop(socket);
    let mut server = WebSocketStream::from_raw_socket(server, Role::Server, None).await;
    let Some(Ok(Message::Close(Some(frame)))) = within(server.next()).await else { panic!("a close for {error}") };
    (frame.code.into(), error)
}

#[tokio::test]
async fn a_violation_ends_the_socket_with_its_code() {
    let too_long = [&[0x81, 127][..], &(16 * 1024 * 1024 + 1_u64).to_be_bytes()].concat();
    for (bytes, code) in [
        (&b"\x81\x02\xc3\x28"[..], 1007),
        (b"\x88\x03\x03\xe8\xff", 1007),
        (b"\x81\x80\x00\x00\x00\x00", 1002),
        (b"\xc1\x00", 1002),
        (b"\x80\x00", 1002),
        (b"\x88\x01\x03", 1002),
        (&too_long, 1009),
    ] {
        let (sent, error) = violation(bytes).await;
        assert_eq!(sent, code, "{error}");
    }
}

#[tokio::test]
async fn the_end_of_a_connection_without_a_close_is_an_error() {
    for bytes in [&b""[..], b"\x81", b"\x81\x05Hel", b"\x01\x03Hel"] {
        let (mut socket, mut server) = bare(64);
        server.write_all(bytes).await.expect("room");
        drop(server);
        let error = within(socket.next()).await.expect("an error").expect_err("no end in order");
        assert_eq!(error.to_string(), "WebSocket protocol error: Connection reset without closing handshake");
        assert!(within(socket.next()).await.is_none());
    }
}

/// Reads until every reply is written, and expects nothing to come.
async fn replied(socket: &mut WebSocket<DuplexStream>) {
    let written = poll_fn(|cx| match socket.poll_next_unpin(cx) {
        Poll::Pending if socket.is_replying => Poll::Pending,
        other => Poll::Ready(other),
    });
    assert!(within(written).await.is_pending());
}

#[tokio::test]
async fn a_ping_is_answered_with_its_payload() {
    let (mut socket, mut server) = pair(1024).await;
    for payload in ["", "first", "second"] {
        server.send(Message::Ping(payload.to_owned().into())).await.expect("open");
        assert_eq!(next(&mut socket).await, Message::Ping(payload.into()));
        replied(&mut socket).await;
        assert_eq!(within(server.next()).await.expect("open").expect("a message"), Message::Pong(payload.into()));
    }
}

#[tokio::test]
async fn a_flood_of_pings_is_read_and_fills_no_memory_while_nothing_can_be_written() {
    let (mut socket, mut server) = bare(200);
    let text = "x".repeat(CHUNK_BYTES / 2);
    assert!(socket.send(text.clone().into()).now_or_never().is_none());
    let ping = Message::Ping("p".repeat(125).into());
    for _ in 0..1000 {
        server.write_all(&[&b"\x89\x7d"[..], &[b'p'; 125]].concat()).await.expect("it is read");
        assert_eq!(next(&mut socket).await, ping);
    }
    assert!(socket.encoder.backlog() < CHUNK_BYTES + 200, "{}", socket.encoder.backlog());
    server.write_all(b"\x89\x04last").await.expect("it is read");
    assert_eq!(next(&mut socket).await, Message::Ping("last".into()));
    // Once the other side reads, it is told of the last one.
    let mut server = WebSocketStream::from_raw_socket(server, Role::Server, None).await;
    let last = async {
        assert_eq!(server.next().await.expect("open").expect("a message"), text.into());
        while server.next().await.expect("open").expect("a message") != Message::Pong("last".into()) {}
    };
    within(async { tokio::join!(last, replied(&mut socket)) }).await;
}

#[tokio::test]
async fn a_close_of_the_other_side_is_answered_and_ends_the_stream() {
    let (mut socket, mut server) = pair(1024).await;
    server.close(Some(CloseFrame { code: 4001.into(), reason: "rotated".into() })).await.expect("open");
    assert_eq!(next(&mut socket).await, close(4001, "rotated"));
    assert!(matches!(socket.send("late".into()).await, Err(SocketError::Protocol(ProtocolError::SendAfterClosing))));
    let answered = async {
        let answer = server.next().await;
        assert!(server.next().await.is_none());
        drop(server);
        answer
    };
    let (answer, end) = within(async { tokio::join!(answered, socket.next()) }).await;
    assert_eq!(answer.expect("an answer").expect("a message"), close(4001, "rotated"));
    assert!(end.is_none());
}

#[tokio::test]
async fn a_close_of_ours_waits_for_its_answer_and_gives_what_came_before() {
    let (mut socket, mut server) = pair(1024).await;
    server.send("before".into()).await.expect("open");
    within(socket.send(close(1000, "client stop"))).await.expect("open");
    assert!(matches!(socket.send("late".into()).await, Err(SocketError::Protocol(ProtocolError::SendAfterClosing))));
    let served = async {
        assert_eq!(server.next().await.expect("open").expect("a message"), close(1000, "client stop"));
        assert!(server.next().await.is_none());
        drop(server);
    };
    let read = async {
        assert_eq!(next(&mut socket).await, Message::text("before"));
        assert_eq!(next(&mut socket).await, close(1000, "client stop"));
        assert!(socket.next().await.is_none());
    };
    within(async { tokio::join!(served, read) }).await;
}

#[tokio::test]
async fn a_close_waits_behind_the_frame_that_is_being_written() {
    let (mut socket, mut server) = pair(64).await;
    let text = "x".repeat(10 * CHUNK_BYTES);
    assert!(socket.send(text.clone().into()).now_or_never().is_none());
    server.send(close(1001, "bye")).await.expect("open");
    assert_eq!(next(&mut socket).await, close(1001, "bye"));
    let (end, received) = within(async {
        tokio::join!(socket.next(), async {
            let received = [server.next().await, server.next().await];
            drop(server);
            received
        })
    })
    .await;
    assert!(end.is_none());
    // The server has closed and drops what still comes, up to the answer.
    let messages: Vec<Message> = received.into_iter().flatten().filter_map(Result::ok).collect();
    assert!(messages == [text.into(), close(1001, "bye")], "{}", messages.len());
}

#[tokio::test]
async fn a_close_that_came_is_read_before_the_error_of_a_reply() {
    let (mut socket, mut server) = bare(64);
    server.write_all(b"\x89\x00\x88\x05\x03\xf0bad").await.expect("room");
    assert_eq!(next(&mut socket).await, Message::Ping("".into()));
    drop(server);
    assert_eq!(next(&mut socket).await, close(1008, "bad"));
    assert!(within(socket.next()).await.is_none());
}

#[tokio::test]
async fn what_follows_a_close_is_a_violation() {
    let (mut socket, mut server) = bare(64);
    server.write_all(b"\x88\x00\x81\x00").await.expect("room");
    assert_eq!(next(&mut socket).await, Message::Close(None));
    let error = within(socket.next()).await.expect("an error").expect_err("a violation");
    assert!(error.to_string().contains("sent after having closed"), "{error}");
}

#[tokio::test]
async fn a_control_frame_of_ours_has_at_most_125_bytes() {
    let (mut socket, mut server) = pair(4096).await;
    for message in [Message::Ping(vec![0; 126].into()), Message::Pong(vec![0; 126].into())] {
        let error = socket.send(message).await.expect_err("too large");
        assert!(matches!(error, SocketError::Protocol(ProtocolError::ControlFrameTooBig)));
    }
    let reason = "x".repeat(124).into();
    let frame = CloseFrame { code: CloseCode::Normal, reason };
    socket.send(Message::Close(Some(frame))).await.expect_err("too large");
    // Nothing of them was sent, and the socket is still of use.
    socket.send(Message::Ping(vec![0; 125].into())).await.expect("open");
    assert_eq!(within(server.next()).await.expect("open").expect("a message"), Message::Ping(vec![0; 125].into()));
}

#[tokio::test]
async fn a_sink_closes_once() {
    let (mut socket, mut server) = pair(1024).await;
    within(socket.close()).await.expect("open");
    within(socket.close()).await.expect("again");
    assert_eq!(within(server.next()).await.expect("open").expect("a message"), Message::Close(None));
}

#[tokio::test]
async fn a_socket_that_is_not_read_holds_back_what_is_sent() {
    let (mut socket, _server) = bare(64);
    let sent = std::iter::repeat_with(|| socket.feed(Message::text("x".repeat(1000))).now_or_never());
    let taken = sent.take(1000).take_while(Option::is_some).count();
    assert!((CHUNK_BYTES / 1100..=2 * CHUNK_BYTES / 1000).contains(&taken), "{taken}");
}

#[tokio::test]
async fn debug_shows_no_payload() {
    let (mut socket, mut server) = bare(64);
    server.write_all(b"\x81\x7fhunter2").await.expect("room");
    assert!(socket.next().now_or_never().is_none());
    assert!(socket.send("hunter2-too".repeat(50).into()).now_or_never().is_none());
    let shown = format!("{socket:?}");
    assert!(shown.contains("Open") && !shown.contains("hunter2") && !shown.contains("104"), "{shown}");
}

fn message() -> impl Strategy<Value = Message> {
    let length = prop_oneof![
        0..300_usize,
        65_500..65_600_usize,
        Just(125),
        Just(126),
        Just(65_535),
        Just(65_536),
        Just(300_000)
    ];
    let text = length.clone().prop_map(|length| Message::text("\u{e4}b".repeat(length / 3) + &"x".repeat(length % 3)));
    let binary =
        length.prop_map(|length| Message::binary((0..length).map(|n| n.to_le_bytes()[0]).collect::<Vec<u8>>()));
    let ping = "[a-z]{0,125}".prop_map(|payload| Message::Ping(payload.into()));
    prop_oneof![4 => text, 2 => binary, 1 => ping]
}

/// The frames of a message that is sent in so many fragments.
fn fragments(message: &Message, count: usize) -> Vec<Message> {
    let kind = match message {
        Message::Text(_) => Data::Text,
        Message::Binary(_) => Data::Binary,
        other => return vec![other.clone()],
    };
    let payload = message.clone().into_data();
    let size = payload.len().div_ceil(count).max(1);
    let mut parts: Vec<Bytes> = payload.chunks(size).map(Bytes::copy_from_slice).collect();
    parts.resize(parts.len().max(1), Bytes::new());
    let last = parts.len() - 1;
    let frame = |(index, part)| {
        let kind = if index == 0 { kind } else { Data::Continue };
        Message::Frame(Frame::message(part, OpCode::Data(kind), index == last))
    };
    parts.into_iter().enumerate().map(frame).collect()
}

/// Sends and receives everything, with a future for each poll that is dropped when it is not ready.
async fn exchange(mut socket: WebSocket<DuplexStream>, sent: Vec<Message>, expected: usize) -> Vec<Message> {
    let mut queue = VecDeque::from(sent);
    let mut received = Vec::new();
    poll_fn(|cx| {
        while !queue.is_empty() && socket.poll_ready_unpin(cx)?.is_ready() {
            let message = queue.pop_front().expect("it is not empty");
            socket.start_send_unpin(message)?;
        }
        let is_flushed = socket.poll_flush_unpin(cx)?.is_ready();
        while let Poll::Ready(Some(message)) = pin!(socket.next()).poll(cx) {
            received.extend(Some(message?).filter(|message| !message.is_pong()));
        }
        let is_over = queue.is_empty() && is_flushed && received.len() == expected;
        if is_over { Poll::Ready(Ok::<_, SocketError>(())) } else { Poll::Pending }
    })
    .await
    .expect("no error");
    socket.close().await.expect("open");
    while let Some(Ok(_)) = socket.next().await {}
    received
}

/// The same at tungstenite's end, where one half is a future of its own, until the other side closes.
async fn serve(socket: WebSocketStream<DuplexStream>, sent: Vec<Message>) -> Vec<Message> {
    let (mut sink, stream) = socket.split();
    let messages = stream
        .take_while(|message| ready(message.is_ok()))
        .filter_map(|message| ready(message.ok()))
        .filter(|message| ready(!message.is_pong() && !message.is_close()));
    let sends = async {
        for message in sent {
            sink.send(message).await.expect("open");
        }
    };
    tokio::join!(messages.collect(), sends).0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn both_ends_get_what_the_other_sends(
        ours in proptest::collection::vec(message(), 0..8),
        theirs in proptest::collection::vec(message(), 0..8),
        count in 1..4_usize,
        pipe in prop_oneof![1..100_usize, Just(4096), Just(1 << 20)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let split = |messages: &[Message]| messages.iter().flat_map(|message| fragments(message, count)).collect();
        let (received, served) = runtime.block_on(within(async {
            let (socket, server) = pair(pipe).await;
            tokio::join!(exchange(socket, split(&ours), theirs.len()), serve(server, split(&theirs)))
        }));
        prop_assert!(received == theirs);
        prop_assert!(served == ours);
    }
}
