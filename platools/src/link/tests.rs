//! Tests of a session, with a pipe in memory as the network and a paused clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

mod uplink;

use super::session::SessionEnd;
use super::*;
use crate::dispatch::Limits;
use crate::registry::ToolRegistry;
use crate::tool::{BindError, Context, Execution, Handler, HandlerFuture, Output, State, Tool, ToolDefinition};
use platools_protocol::tool_sync::{Features, PlatformFrame};
use platools_transport::Socket;
use platools_transport::Traffic;
use platools_transport::WebSocket;
use platools_transport::{Disconnect, HEARTBEAT_INTERVAL_MS};

const SECOND: Duration = Duration::from_secs(1);

/// A tool that waits for as many milliseconds as its params say, then returns a text of as many bytes as they say.
struct Work;

impl Tool for Work {
    fn definition(&self) -> ToolDefinition {
        ToolDefinition::new("work", "Work.", json!({"type": "object"}))
    }
    fn bind(&self, _: &State) -> Result<Arc<dyn Handler>, BindError> {
        Ok(Arc::new(Work))
    }
}

impl Handler for Work {
    fn call(self: Arc<Self>, context: Context, output: Output) -> HandlerFuture {
        Box::pin(async move {
            let params: Value = serde_json::from_str(context.params().as_str()).expect("params are JSON");
            tokio::time::sleep(Duration::from_millis(params["ms"].as_u64().unwrap_or(0))).await;
            let bytes = params["bytes"].as_u64().unwrap_or(2).try_into().expect("it fits");
            output.write(&"x".repeat(bytes))
        })
    }
}

pub(super) struct Named(pub(super) &'static str);

impl Tool for Named {
    fn definition(&self) -> ToolDefinition {
        let mut definition = ToolDefinition::new(self.0, "Work.", json!({"type": "object"}));
        definition.execution = Execution::Inline;
        definition
    }
    fn bind(&self, state: &State) -> Result<Arc<dyn Handler>, BindError> {
        Work.bind(state)
    }
}

/// The platform's end of a session.
struct Platform {
    socket: WebSocketStream<DuplexStream>,
    stop: watch::Sender<bool>,
    session: JoinHandle<(Worker, SessionEnd)>,
}

fn settings() -> Settings {
    Settings {
        limits: Limits::default(),
        outbox: Bounds::default(),
        heartbeat_interval: Duration::from_millis(HEARTBEAT_INTERVAL_MS),
        drain_limit: 10 * SECOND,
        verify_signatures: false,
    }
}

fn worker(registry: &ToolRegistry) -> Worker {
    Worker::new(registry.clone(), settings(), Reporter::default())
}

fn registry() -> ToolRegistry {
    ToolRegistry::new().with_tools(Work).expect("a valid tool")
}

impl Platform {
    async fn serve(worker: Worker) -> Self {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        Self::serve_over(worker, ours, theirs).await
    }

    /// As [`serve`](Self::serve), and what the worker writes takes its time: so many bytes come through in a second.
    async fn serve_slowly(worker: Worker, bytes_per_second: usize) -> Self {
        let ((ours, relay), (back, theirs)) = (tokio::io::duplex(64 * 1024), tokio::io::duplex(64 * 1024));
        let ((mut down, mut up), (mut from_worker, mut to_worker)) = (tokio::io::split(relay), tokio::io::split(back));
        tokio::spawn(async move {
            let mut chunk = vec![0; bytes_per_second / 20];
            while let Ok(bytes @ 1..) = from_worker.read(&mut chunk).await {
                up.write_all(&chunk[..bytes]).await?;
                tokio::time::sleep(SECOND / 20).await;
            }
            up.shutdown().await
        });
        tokio::spawn(async move { tokio::io::copy(&mut down, &mut to_worker).await });
        Self::serve_over(worker, ours, theirs).await
    }

    async fn serve_over(mut worker: Worker, ours: DuplexStream, theirs: DuplexStream) -> Self {
        let (transport, traffic) = Traffic::on(Box::new(theirs));
        let raw = WebSocket::new(transport, &[]);
        let (stop, mut stopped) = watch::channel(false);
        let session = tokio::spawn(async move {
            let opened = OpenedSocket::dialled(Socket::new(raw, traffic), SecretString::from("s"));
            let ended = run_session(&mut worker, opened, &mut Replacement::none(), &mut stopped).await;
            (worker, ended)
        });
        Self { socket: WebSocketStream::from_raw_socket(ours, Role::Server, None).await, stop, session }
    }

    async fn message(&mut self) -> Message {
        let message = timeout(600 * SECOND, self.socket.next()).await.expect("a message in time");
        message.expect("the socket is open").expect("a message")
    }

    async fn frame(&mut self) -> Value {
        serde_json::from_str(self.message().await.to_text().expect("text")).expect("JSON")
    }

    async fn frame_of(&mut self, kind: &str) -> Value {
        let frame = self.frame().await;
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }

    async fn send(&mut self, frame: Value) {
        self.socket.send(Message::text(frame.to_string())).await.expect("the socket is open");
    }

    async fn call(&mut self, call_id: &str, params: Value) {
        self.send(json!({"type": "tool_call", "call_id": call_id, "tool_name": "work", "params": params})).await;
    }

    /// Begins a call that takes so long, and sees to it that it runs.
    async fn begin(&mut self, call_id: &str, ms: u64) {
        self.call(call_id, json!({"ms": ms})).await;
        self.call("marker", json!({})).await;
        self.frame_of("tool_result").await;
    }

    /// Calls for a text of so many bytes.
    async fn call_for(&mut self, call_id: &str, bytes: usize) {
        self.call(call_id, json!({"bytes": bytes})).await;
    }

    /// The next result, while heartbeats are answered.
    async fn result(&mut self) -> String {
        loop {
            let frame = self.frame().await;
            if frame["type"] == "tool_result" {
                break frame["call_id"].as_str().expect("an id").to_owned();
            }
            assert_eq!(frame["type"], "heartbeat", "{frame}");
            self.acknowledge().await;
        }
    }

    /// Closes the socket as a platform does.
    async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        self.socket.close(Some(frame)).await.expect("the socket is open");
    }

    async fn acknowledge(&mut self) {
        self.send(json!({"type": "heartbeat_ack"})).await;
    }

    async fn end(self) -> (Worker, Disconnect) {
        let (worker, ended) = timeout(600 * SECOND, self.session).await.expect("it ends").expect("it does not panic");
        (worker, ended.reason)
    }
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_goes_out_every_interval() {
    let mut platform = Platform::serve(worker(&registry())).await;
    platform.frame_of("tool_register").await;
    let start = Instant::now();
    for beat in 1..=5 {
        let heartbeat = platform.frame_of("heartbeat").await;
        assert_eq!(start.elapsed(), Duration::from_millis(HEARTBEAT_INTERVAL_MS) * beat);
        assert_eq!(heartbeat["tools_health"], json!({}), "no tool was called");
        platform.acknowledge().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_platform_silent_for_two_intervals_is_dead() {
    let mut platform = Platform::serve(worker(&registry())).await;
    platform.frame_of("tool_register").await;
    let start = Instant::now();
    platform.frame_of("heartbeat").await;
    platform.frame_of("heartbeat").await;
    // Pings are a proxy's; they do not count.
    platform.socket.send(Message::Ping("x".into())).await.expect("the socket is open");
    let (_, reason) = platform.end().await;
    assert_eq!(reason, Disconnect::Silent);
    assert_eq!(start.elapsed(), 90 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_delays_neither_heartbeats_nor_other_calls() {
    let mut platform = Platform::serve(worker(&registry())).await;
    platform.frame_of("tool_register").await;
    platform.call("slow", json!({"ms": 45_000})).await;
    platform.call("quick", json!({})).await;
    assert_eq!(platform.frame_of("tool_result").await["call_id"], "quick");
    platform.frame_of("heartbeat").await;
    platform.acknowledge().await;
    let slow = platform.frame_of("tool_result").await;
    assert_eq!((&slow["call_id"], &slow["latency_ms"]), (&json!("slow"), &json!(45_000)));
}

#[tokio::test(start_paused = true)]
async fn what_the_platform_has_not_confirmed_is_sent_again_on_the_next_socket() {
    let mut platform = Platform::serve(worker(&registry())).await;
    platform.frame_of("tool_register").await;
    platform.call("confirmed", json!({})).await;
    platform.frame_of("tool_result").await;
    platform.frame_of("heartbeat").await;
    platform.call("unconfirmed", json!({})).await;
    platform.frame_of("tool_result").await;
    platform.acknowledge().await;
    platform.call("running", json!({"ms": 500})).await;
    platform.socket.close(None).await.expect("the socket is open");
    let (mut worker, _) = platform.end().await;
    let _ = timeout(SECOND, worker.between_sockets()).await;

    let mut platform = Platform::serve(worker).await;
    platform.frame_of("tool_register").await;
    for expected in ["unconfirmed", "running"] {
        assert_eq!(platform.frame_of("tool_result").await["call_id"], expected);
    }
    platform.call("running", json!({})).await;
    platform.frame_of("heartbeat").await;
}

#[tokio::test(start_paused = true)]
async fn changes_are_registered_together_and_six_times_a_minute_at_most() {
    let registry = registry();
    let mut platform = Platform::serve(worker(&registry)).await;
    assert_eq!(platform.frame_of("tool_register").await["tools"].as_array().map(Vec::len), Some(1));
    let start = Instant::now();
    registry.insert(Named("a")).expect("free");
    registry.insert(Named("b")).expect("free");
    assert_eq!(platform.frame_of("tool_register").await["tools"].as_array().map(Vec::len), Some(3));
    for _ in 0..4 {
        registry.replace(Named("a")).expect("valid");
        platform.frame_of("tool_register").await;
    }
    assert!(start.elapsed() < SECOND);
    registry.clear();
    platform.frame_of("heartbeat").await;
    platform.acknowledge().await;
    let seventh = loop {
        let frame = platform.frame().await;
        if frame["type"] == "tool_register" {
            break frame;
        }
        platform.acknowledge().await;
    };
    assert_eq!(seventh["tools"], json!([]));
    assert!(start.elapsed() >= 60 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_registration_is_sent_again_on_the_same_socket() {
    let mut platform = Platform::serve(worker(&registry())).await;
    platform.frame_of("tool_register").await;
    let start = Instant::now();
    platform.send(json!({"type": "register_throttled", "error": "slow down", "retry_after_ms": 7_000})).await;
    platform.frame_of("tool_register").await;
    assert_eq!(start.elapsed(), 7 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_stop_refuses_new_calls_finishes_running_ones_and_closes_with_1000() {
    let mut platform = Platform::serve(worker(&registry())).await;
    platform.frame_of("tool_register").await;
    platform.begin("running", 5_000).await;
    platform.stop.send_replace(true);
    tokio::task::yield_now().await;
    platform.call("late", json!({})).await;
    let refused = platform.frame_of("tool_error").await;
    assert_eq!(refused["call_id"], "late");
    assert_eq!(platform.frame_of("tool_result").await["call_id"], "running");
    let Message::Close(Some(close)) = platform.message().await else { panic!("the worker closes") };
    assert_eq!((u16::from(close.code), close.reason.as_str()), (1000, "client stop"));
    while platform.socket.next().await.is_some() {}
    let (worker, reason) = platform.end().await;
    assert_eq!(reason, Disconnect::Stopped);
    assert_eq!(worker.unconfirmed(), 0, "the platform's answer to the close confirms every reply");
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_no_longer_than_the_drain_limit() {
    let mut platform = Platform::serve(worker(&registry())).await;
    platform.frame_of("tool_register").await;
    platform.begin("endless", 1_000_000).await;
    let start = Instant::now();
    platform.stop.send_replace(true);
    let cancelled = platform.frame_of("tool_error").await;
    assert_eq!(cancelled["call_id"], "endless");
    assert_eq!(start.elapsed(), 9 * SECOND, "the last second is for the answers");
    assert!(platform.message().await.is_close());
    // The platform does not answer the close.
    let Platform { socket: _socket, session, .. } = platform;
    let (worker, ended) = timeout(600 * SECOND, session).await.expect("it ends").expect("it does not panic");
    assert_eq!((ended.reason, worker.unconfirmed()), (Disconnect::Stopped, 2));
    assert_eq!(start.elapsed(), 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_result_too_large_for_a_frame_is_an_error_and_the_socket_stays() {
    let mut platform = Platform::serve(worker(&registry())).await;
    platform.frame_of("tool_register").await;
    platform.call("large", json!({"bytes": platools_protocol::tool_sync::MAX_FRAME_BYTES})).await;
    let error = platform.frame_of("tool_error").await;
    assert!(error["error"].as_str().expect("a message").contains("larger than"), "{error}");
    platform.call("after", json!({})).await;
    assert_eq!(platform.frame_of("tool_result").await["call_id"], "after");
}

#[tokio::test(start_paused = true)]
async fn the_largest_result_that_is_let_through_fits_a_frame() {
    let mut platform = Platform::serve(worker(&registry())).await;
    platform.frame_of("tool_register").await;
    let mut head = Vec::new();
    platools_protocol::tool_sync::result_frame::head(&mut head, "edge");
    let overhead = head.len() + platools_protocol::tool_sync::result_frame::TAIL_BYTES;
    platform.call("edge", json!({"bytes": platools_protocol::tool_sync::MAX_FRAME_BYTES - overhead - 2})).await;
    let Message::Text(text) = platform.message().await else { panic!("a text frame") };
    assert!(
        text.contains("tool_result") && text.len() <= platools_protocol::tool_sync::MAX_FRAME_BYTES,
        "{}",
        text.len()
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_before_a_close_is_a_refusal() {
    let mut platform = Platform::serve(worker(&registry())).await;
    platform.frame_of("tool_register").await;
    platform.send(json!({"type": "error", "error": "unknown secret"})).await;
    platform.close(1008, "no").await;
    let (_, reason) = platform.end().await;
    assert_eq!(reason, Disconnect::refused(Some(1008), "unknown secret"));
}

#[tokio::test(start_paused = true)]
async fn an_error_colours_no_other_close() {
    let welcome = json!({"type": "welcome", "sdk_connection_id": "c"});
    for (between, code) in [(None, 1000), (None, 1001), (None, 4001), (Some(welcome), 1008)] {
        let mut platform = Platform::serve(worker(&registry())).await;
        platform.frame_of("tool_register").await;
        platform.send(json!({"type": "error", "error": "tool_register failed"})).await;
        if let Some(frame) = between {
            platform.send(frame).await;
        }
        platform.close(code, "why").await;
        let (_, reason) = platform.end().await;
        assert_eq!(reason, Disconnect::closed(Some(code), "why"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_registration_that_the_platform_could_not_store_is_reported_and_sent_again_until_it_is_stored() {
    let reporter = Reporter::default();
    let mut events = reporter.listen(|_| None);
    let mut platform = Platform::serve(Worker::new(registry(), settings(), reporter)).await;
    platform.frame_of("tool_register").await;
    for delay in [SECOND, 2 * SECOND, 4 * SECOND] {
        let start = Instant::now();
        platform.send(json!({"type": "error", "error": "tool_register failed: x"})).await;
        let event = timeout(SECOND / 4, events.next()).await.expect("it is reported at once");
        assert!(matches!(event, Some(Event::PlatformError { message }) if message == "tool_register failed: x"));
        platform.frame_of("tool_register").await;
        assert!(start.elapsed() >= delay / 2 && start.elapsed() <= delay + SECOND / 10, "{:?}", start.elapsed());
    }
    platform.send(json!({"type": "tools_registered", "count": 1})).await;
    platform.send(json!({"type": "error", "error": "something else"})).await;
    platform.frame_of("heartbeat").await;
}

#[tokio::test(start_paused = true)]
async fn a_wait_with_a_fraction_or_without_a_number_is_kept_to() {
    for (written, seconds) in [(json!(6_999.5), 7), (json!("soon"), 60), (json!(-1), 60)] {
        let mut platform = Platform::serve(worker(&registry())).await;
        platform.frame_of("tool_register").await;
        let start = Instant::now();
        platform.send(json!({"type": "register_throttled", "error": "slow down", "retry_after_ms": written})).await;
        loop {
            let frame = platform.frame().await;
            if frame["type"] == "tool_register" {
                break;
            }
            platform.acknowledge().await;
        }
        assert_eq!(start.elapsed(), seconds * SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unsigned_call_is_refused_where_signatures_are_required() {
    let settings = Settings { verify_signatures: true, ..settings() };
    let mut platform = Platform::serve(Worker::new(registry(), settings, Reporter::default())).await;
    platform.frame_of("tool_register").await;
    platform.call("unsigned", json!({})).await;
    let error = platform.frame_of("tool_error").await;
    assert_eq!(error["error"], "the call's signature was rejected: signature_missing");
}

impl Platform {
    /// Registers and greets the worker, with every extension.
    async fn serve_extended(worker: Worker) -> Self {
        let mut platform = Self::serve(worker).await;
        platform.frame_of("tool_register").await;
        let features = ["cancel", "progress", "log", "result-ack", "drain", "error-details"];
        platform.send(json!({"type": "welcome", "sdk_connection_id": "c", "features": features})).await;
        platform
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_that_goes_on_is_answered_after_five_seconds_and_once() {
    let mut platform = Platform::serve_extended(worker(&registry())).await;
    platform.begin("deaf", 20_000).await;
    let start = Instant::now();
    for _ in 0..3 {
        platform.send(json!({"type": "tool_cancel", "call_id": "deaf", "reason": "nobody waits"})).await;
    }
    platform.send(json!({"type": "tool_cancel", "call_id": "unknown"})).await;
    let error = platform.frame_of("tool_error").await;
    assert_eq!((&error["call_id"], &error["error"]), (&json!("deaf"), &json!("the call was cancelled")));
    assert_eq!(start.elapsed(), 5 * SECOND);
    platform.send(json!({"type": "tool_cancel", "call_id": "deaf"})).await;
    platform.frame_of("heartbeat").await;
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_is_aborted_in_time_when_its_socket_is_gone() {
    let mut platform = Platform::serve_extended(worker(&registry())).await;
    platform.begin("deaf", 20_000).await;
    platform.send(json!({"type": "result_ack", "call_ids": ["marker"]})).await;
    platform.send(json!({"type": "tool_cancel", "call_id": "deaf"})).await;
    platform.socket.close(None).await.expect("the socket is open");
    let (mut worker, _) = platform.end().await;
    assert_eq!(worker.unconfirmed(), 0, "the result was acknowledged");
    let _ = timeout(6 * SECOND, worker.between_sockets()).await;
    assert_eq!(worker.unconfirmed(), 1);
    let mut platform = Platform::serve_extended(worker).await;
    assert_eq!(platform.frame_of("tool_error").await["call_id"], "deaf");
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_announced_where_that_was_agreed_on() {
    let mut platform = Platform::serve_extended(worker(&registry())).await;
    platform.begin("running", 5_000).await;
    platform.stop.send_replace(true);
    assert_eq!(platform.frame_of("drain").await, json!({"type": "drain", "deadline_ms": 10_000}));
    assert_eq!(platform.frame_of("tool_result").await["call_id"], "running");
    assert!(platform.message().await.is_close());
}

#[tokio::test(start_paused = true)]
async fn a_stop_before_the_greeting_is_announced_after_it() {
    let mut platform = Platform::serve(worker(&registry())).await;
    platform.frame_of("tool_register").await;
    platform.begin("running", 5_000).await;
    platform.stop.send_replace(true);
    tokio::time::sleep(SECOND).await;
    platform.send(json!({"type": "welcome", "sdk_connection_id": "c", "features": ["drain"]})).await;
    assert_eq!(platform.frame_of("drain").await["deadline_ms"], 9_000);
}

#[tokio::test(start_paused = true)]
async fn a_refused_call_that_is_sent_again_over_another_socket_has_one_outcome() {
    let limits = Limits { running: 1, waiting: 0, ..Limits::default() };
    let worker = Worker::new(registry(), Settings { limits, ..settings() }, Reporter::default());
    let mut platform = Platform::serve(worker).await;
    platform.frame_of("tool_register").await;
    platform.call("running", json!({"ms": 60_000})).await;
    platform.call("refused", json!({})).await;
    platform.send(json!({"type": "tool_call", "call_id": "malformed", "tool_name": "work", "params": 7})).await;
    for expected in ["refused", "malformed"] {
        assert_eq!(platform.frame_of("tool_error").await["call_id"], expected);
    }
    platform.socket.close(None).await.expect("the socket is open");
    let (mut worker, _) = platform.end().await;
    let _ = timeout(61 * SECOND, worker.between_sockets()).await;

    let mut platform = Platform::serve(worker).await;
    platform.frame_of("tool_register").await;
    // The replies that the platform has not confirmed, and nothing else although there is room for a call now.
    for (kind, call_id) in [("tool_error", "refused"), ("tool_error", "malformed"), ("tool_result", "running")] {
        assert_eq!(platform.frame_of(kind).await["call_id"], call_id);
    }
    for call_id in ["refused", "malformed"] {
        platform.call(call_id, json!({})).await;
        platform.send(json!({"type": "tool_call", "call_id": call_id, "tool_name": "work", "params": 7})).await;
    }
    platform.frame_of("heartbeat").await;
}

#[tokio::test(start_paused = true)]
async fn a_malformed_repeat_of_a_call_has_no_outcome_of_its_own() {
    let mut platform = Platform::serve(worker(&registry())).await;
    platform.frame_of("tool_register").await;
    platform.begin("running", 5_000).await;
    for call_id in ["running", "marker"] {
        platform.send(json!({"type": "tool_call", "call_id": call_id, "tool_name": "work", "params": 7})).await;
    }
    assert_eq!(platform.frame_of("tool_result").await["call_id"], "running");
    platform.frame_of("heartbeat").await;
}

#[tokio::test(start_paused = true)]
async fn an_unsigned_call_that_is_sent_again_is_refused_once() {
    let settings = Settings { verify_signatures: true, ..settings() };
    let mut platform = Platform::serve(Worker::new(registry(), settings, Reporter::default())).await;
    platform.frame_of("tool_register").await;
    platform.call("unsigned", json!({})).await;
    platform.call("unsigned", json!({})).await;
    platform.frame_of("tool_error").await;
    platform.frame_of("heartbeat").await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_wait_at_the_end_of_a_stop_are_refused_and_not_started() {
    let limits = Limits { running: 1, ..Limits::default() };
    let worker = Worker::new(registry(), Settings { limits, ..settings() }, Reporter::default());
    let mut platform = Platform::serve(worker).await;
    platform.frame_of("tool_register").await;
    for call_id in ["running", "second", "third"] {
        platform.call(call_id, json!({"ms": 1_000_000})).await;
    }
    tokio::time::sleep(SECOND).await;
    platform.stop.send_replace(true);
    let mut errors = Vec::new();
    for _ in 0..3 {
        let error = platform.frame_of("tool_error").await;
        errors.push((error["call_id"].to_string(), error["error"].to_string()));
    }
    errors.sort();
    assert!(errors[0].0.contains("running") && errors[0].1.contains("before the call ended"), "{errors:?}");
    for (_, error) in &errors[1..] {
        assert!(error.contains("did not run"), "{error}");
    }
}

/// Counts its calls, which are polled where they were read.
struct Counted(Arc<AtomicUsize>);

impl Tool for Counted {
    fn definition(&self) -> ToolDefinition {
        Named("counted").definition()
    }
    fn bind(&self, _: &State) -> Result<Arc<dyn Handler>, BindError> {
        Ok(Arc::new(Self(Arc::clone(&self.0))))
    }
}

impl Handler for Counted {
    fn call(self: Arc<Self>, _: Context, output: Output) -> HandlerFuture {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { output.write(&()) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_just_when_all_are_given_up_starts_none_of_those_that_wait() {
    let counter = Arc::new(AtomicUsize::new(0));
    let registry = registry().with_tools(Counted(Arc::clone(&counter))).expect("another name");
    let limits = Limits { running: 1, ..Limits::default() };
    let mut worker = Worker::new(registry, Settings { limits, ..settings() }, Reporter::default());
    for tool_name in ["work", "counted"] {
        let call = json!({"type": "tool_call", "call_id": tool_name, "tool_name": tool_name, "params": {}});
        let frame = Utf8Bytes::from(call.to_string());
        let Worker { calls, delivery, .. } = &mut worker;
        let frame_of = PlatformFrame::parse(&frame);
        assert!(calls.handle_frame(frame_of, &frame, &"s".into(), Features::none(), delivery).is_none());
    }
    // The first call ends meanwhile, and nobody has dealt with its outcome yet.
    tokio::time::sleep(SECOND).await;
    assert_eq!((worker.calls.outcomes.is_empty(), worker.unconfirmed()), (false, 0));
    worker.cancel_calls();
    tokio::time::sleep(SECOND).await;
    assert_eq!((counter.load(Ordering::SeqCst), worker.unconfirmed()), (0, 2));
}
