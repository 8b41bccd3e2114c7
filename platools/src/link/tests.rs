//! A session over a pipe in memory, under a clock that stands still until everybody waits.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::connect::Transport;
use super::session::Ended;
use super::*;
use crate::dispatch::Limits;
use crate::registry::ToolRegistry;
use crate::tool::{BindError, Context, Execution, Handler, HandlerFuture, Output, State, Tool, ToolDefinition};

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

struct Named(&'static str);

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
    session: JoinHandle<(Worker, Ended)>,
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
    async fn serve(mut worker: Worker) -> Self {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let transport: Box<dyn Transport> = Box::new(theirs);
        let raw = WebSocketStream::from_raw_socket(transport, Role::Client, None).await;
        let (stop, mut stopped) = watch::channel(false);
        let session = tokio::spawn(async move {
            let opened = Opened::dialled(raw, SecretString::from("s"));
            let ended = run_session(&mut worker, opened, &mut Successor::none(), &mut stopped).await;
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
        assert_eq!(heartbeat["tools_health"]["work"]["status"], "healthy");
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
    assert_eq!(start.elapsed(), 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_result_too_large_for_a_frame_is_an_error_and_the_socket_stays() {
    let mut platform = Platform::serve(worker(&registry())).await;
    platform.frame_of("tool_register").await;
    platform.call("large", json!({"bytes": crate::wire::MAX_FRAME_BYTES})).await;
    let error = platform.frame_of("tool_error").await;
    assert!(error["error"].as_str().expect("a message").contains("larger than"), "{error}");
    platform.call("after", json!({})).await;
    assert_eq!(platform.frame_of("tool_result").await["call_id"], "after");
}

#[tokio::test(start_paused = true)]
async fn the_largest_result_that_is_let_through_fits_a_frame() {
    let mut platform = Platform::serve(worker(&registry())).await;
    platform.frame_of("tool_register").await;
    let overhead = crate::wire::result_frame::head("edge").len() + crate::wire::result_frame::TAIL_BYTES;
    platform.call("edge", json!({"bytes": crate::wire::MAX_FRAME_BYTES - overhead - 2})).await;
    let Message::Text(text) = platform.message().await else { panic!("a text frame") };
    assert!(text.contains("tool_result") && text.len() <= crate::wire::MAX_FRAME_BYTES, "{}", text.len());
}

#[tokio::test(start_paused = true)]
async fn an_error_before_a_close_is_a_refusal() {
    let mut platform = Platform::serve(worker(&registry())).await;
    platform.frame_of("tool_register").await;
    platform.send(json!({"type": "error", "error": "unknown secret"})).await;
    platform.socket.close(None).await.expect("the socket is open");
    let (_, reason) = platform.end().await;
    assert_eq!(reason, Disconnect::Refused { error: "unknown secret".into() });
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
