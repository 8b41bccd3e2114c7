//! Tests of the frames and numbers that the documents of existing clients print. `docs/compatibility.md` lists them.

use std::time::Duration;

use platools_gateway::dev::{self, DevOptions};
use platools_gateway::feed::FeedSettings;
use platools_gateway::{Gateway, HttpSettings, RpcSettings, RuntimeSettings};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::dashboard::{Dashboard, add_agent, close};
use crate::model_server::{Answering, Model, thinking_gateway};
use crate::raw_http;
use crate::rpc_caller::RpcCaller;
use crate::support::{Caller, dev_gateway, within};

const UPGRADE: &str = include_str!("../../../tests/interop/documents/rpc/upgrade.http");
const CONNECT: &str = include_str!("../../../tests/interop/documents/rpc/connect.json");
const CONNECTED: &str = include_str!("../../../tests/interop/documents/rpc/connected.json");
const CHAT_SEND: &str = include_str!("../../../tests/interop/documents/rpc/chat-send.json");
const CHAT_SENT: &str = include_str!("../../../tests/interop/documents/rpc/chat-sent.json");
const CHAT_EVENT: &str = include_str!("../../../tests/interop/documents/rpc/chat-event.json");
const CHAT_RESUME: &str = include_str!("../../../tests/interop/documents/rpc/chat-resume.json");
const ERROR: &str = include_str!("../../../tests/interop/documents/rpc/error.json");

fn printed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Checks that a frame has every member of the printed one, with its value. Further members are allowed.
fn assert_has(frame: &Value, printed: &Value) {
    match printed {
        Value::Object(members) => {
            for (name, value) in members {
                assert!(frame.get(name).is_some(), "no `{name}` in {frame}");
                assert_has(&frame[name], value);
            }
        }
        value => assert_eq!(frame, value),
    }
}

/// A caller that has sent the printed `connect` with an admin's token in the place of the printed one.
async fn connected(gateway: &Gateway) -> RpcCaller {
    let mut caller = RpcCaller::stranger_at(gateway).await;
    caller.send_text(CONNECT.replace("YOUR_GATEWAY_TOKEN", dev::ADMIN_KEY)).await;
    assert_has(&caller.response("1").await, &printed(CONNECTED));
    caller
}

/// Ends an answer of the model with these costs.
async fn end(answering: Answering, input: u32, output: u32) {
    let last = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let usage = json!({"choices": [], "usage": {"prompt_tokens": input, "completion_tokens": output}});
    answering.bytes(format!("data: {last}\n\ndata: {usage}\n\ndata: [DONE]\n\n").as_bytes()).await;
}

#[tokio::test]
async fn the_upgrade_request_is_answered_with_101_as_printed() {
    let mut settings = HttpSettings::default();
    settings.names = vec!["your-gateway.com:8080".to_owned()];
    let gateway = within(dev::start(DevOptions { http: settings, ..DevOptions::with_known_secrets() })).await.unwrap();
    // The document leaves the key out; a client has one of its own.
    for key in ["...", "dGhlIHNhbXBsZSBub25jZQ=="] {
        let answer = raw_http::send(gateway.address(), UPGRADE.replace("...", key).trim_end()).await;
        assert_eq!(answer.status, 101, "{answer:?}");
        assert_eq!(answer.header("sec-websocket-accept"), derive_accept_key(key.as_bytes()));
    }
}

#[tokio::test]
async fn frames_are_answered_as_printed() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let mut caller = connected(&gateway).await;

    caller.send_text(CHAT_SEND).await;
    let asked = model.asked().await;
    assert_eq!(asked.messages(0).as_array().unwrap().last().unwrap()["content"], "What is 2+2?");
    let answering = asked.answering();
    assert_eq!(caller.event("agent").await["status"], "started");
    let mut chunks = Vec::new();
    for delta in ["2+2", " equals", " 4."] {
        answering.delta(json!({"role": "assistant", "content": delta})).await;
        chunks.push(caller.next().await);
    }
    end(answering, 42, 8).await;
    let response = caller.response("2").await;

    let mut event = printed(CHAT_EVENT);
    event["seq"] = json!(3);
    assert_has(&chunks[1], &event);
    assert_eq!(chunks.iter().map(|chunk| &chunk["seq"]).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(caller.event("agent").await["status"], "completed");
    assert_has(&response, &printed(CHAT_SENT));

    let session = response["payload"]["sessionId"].as_str().unwrap();
    caller.send_text(CHAT_RESUME.replace("session_xyz", session)).await;
    let asked = model.asked().await;
    let said: Vec<_> = asked.messages(0).as_array().unwrap().iter().map(|message| message["content"].clone()).collect();
    assert!(said.ends_with(&["What is 2+2?", "2+2 equals 4.", "Add 5 to the result."].map(Value::from)), "{said:?}");
    asked.says("The result is 9.").await;
    let response = caller.response("3").await;
    assert_eq!(response["payload"]["content"], "The result is 9.");
    assert_eq!(response["payload"]["sessionId"], session, "the id is returned in each response");
}

#[tokio::test]
async fn an_unknown_method_is_answered_as_printed() {
    let gateway = dev_gateway().await;
    let mut caller = connected(&gateway).await;
    caller.send_as("2", "no.such.method", json!({})).await;
    assert_eq!(caller.response("2").await, printed(ERROR));
}

#[tokio::test]
async fn a_conversation_that_does_not_exist_is_not_found() {
    let gateway = dev_gateway().await;
    let mut caller = connected(&gateway).await;
    caller.send_text(CHAT_RESUME).await;
    assert_eq!(caller.failed("3").await["code"], "NOT_FOUND");
}

#[tokio::test]
async fn a_connection_with_an_unknown_token_is_a_viewer() {
    let gateway = dev_gateway().await;
    let mut caller = RpcCaller::stranger_at(&gateway).await;
    // The printed token is nobody's.
    caller.send_text(CONNECT).await;
    let mut expected = printed(CONNECTED);
    expected["payload"]["role"] = json!("viewer");
    assert_has(&caller.response("1").await, &expected);
    caller.send_text(CHAT_SEND).await;
    assert_eq!(caller.failed("2").await["code"], "FORBIDDEN");
}

#[test]
fn the_numbers_of_the_documents_are_the_defaults() {
    let rpc = RpcSettings::default();
    assert_eq!((rpc.max_message_bytes, rpc.waiting_messages), (512 * 1024, 256));
    let seconds = [rpc.ping_interval, rpc.read_deadline, rpc.write_deadline].map(|time| time.as_secs());
    assert_eq!(seconds, [30, 60, 10]);
    assert_eq!(FeedSettings::default().ping_interval, Duration::from_secs(30));
    // Four of the agent's heartbeats, which are 30 seconds apart by default.
    assert_eq!(RuntimeSettings::default().session_timeout, Duration::from_secs(4 * 30));
}

#[tokio::test]
async fn a_gateway_that_stops_is_unhealthy() {
    let gateway = dev_gateway().await;
    add_agent(&gateway, "trader").await;
    let mut dashboard = Dashboard::of(&gateway, "trader").await;
    let anyone = Caller::at(&gateway.url());
    let stopping = tokio::spawn(gateway.shutdown());
    assert_eq!(dashboard.close_frame().await, close(1000, "Server shutdown"));
    // The gateway listens for as long as the close is not answered.
    let health = anyone.get("/health").await;
    assert_eq!((health.status, &health.body["status"]), (503, &json!("unhealthy")));
    dashboard.end().await;
    within(stopping).await.unwrap();
}
