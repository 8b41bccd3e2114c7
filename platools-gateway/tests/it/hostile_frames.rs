//! Tests of malformed and oversized frames from workers.

use platools_gateway::dev;
use secrecy::ExposeSecret as _;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::support::{Caller, Dial, dev_gateway, ended, tool, within};

const LIMIT: usize = 10 * 1024 * 1024;

/// A heartbeat of exactly so many bytes.
fn heartbeat_of(bytes: usize) -> String {
    let (head, tail) = (r#"{"type":"heartbeat","padding":""#, r#""}"#);
    format!("{head}{}{tail}", "x".repeat(bytes - head.len() - tail.len()))
}

#[tokio::test]
async fn malformed_and_unknown_frames_are_ignored() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    for text in [
        "not json",
        "",
        "[]",
        "null",
        "{}",
        r#"{"type":5}"#,
        r#"{"type":"from_the_future","x":1}"#,
        r#"{"type":"tool_result","result":1}"#,
        r#"{"type":"tool_result","call_id":"nobody waits","result":1,"latency_ms":0}"#,
        r#"{"type":"tool_error","call_id":"x"}"#,
        r#"{"type":"tool_error","call_id":"x","error":"e","traceback":7}"#,
        r#"{"type":"welcome","sdk_connection_id":"c"}"#,
        r#"{"type":"tool_call","call_id":"c","tool_name":"t","params":{}}"#,
    ] {
        worker.send_text(text).await;
    }
    worker.send_message(Message::binary(vec![0, 159, 146, 150])).await.unwrap();
    worker.send_message(Message::Ping(vec![1, 2].into())).await.unwrap();
    assert_eq!(worker.next_pong().await, [1, 2]);
    worker.settle().await;
}

#[tokio::test]
async fn a_frame_of_10_mib_is_read() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.send_text(heartbeat_of(LIMIT)).await;
    worker.expect("heartbeat_ack").await;
}

#[tokio::test]
async fn a_frame_over_10_mib_closes_only_that_socket() {
    let gateway = dev_gateway().await;
    let secret = gateway.add_entity("orders").await.unwrap();
    let mut other = Dial::to(&gateway, "/ws/sdk").secret(secret.expose_secret()).welcomed().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.send_text(heartbeat_of(LIMIT + 1)).await;
    assert_eq!(worker.closed().await, (1009, "the frame is larger than 10 MiB".to_owned()));
    other.settle().await;
    assert_eq!(gateway.connection_count(), 1);
}

#[tokio::test]
async fn endless_fragments_are_cut_off() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    let chunk = vec![b'x'; 1024 * 1024];
    let mut sent = 0;
    let mut fragment = Frame::message(chunk.clone(), OpCode::Data(Data::Text), false);
    // The gateway gives up in the middle, and may not be there to read the rest.
    while sent < 64 && worker.send_frame(fragment).await.is_ok() {
        fragment = Frame::message(chunk.clone(), OpCode::Data(Data::Continue), false);
        sent += 1;
    }
    assert!(sent < 64, "the gateway read 64 MiB");
    Dial::dev(&gateway).welcomed().await.settle().await;
}

#[tokio::test]
async fn invalid_utf_8_closes_only_that_socket_with_1007() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.send_frame(Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true)).await.unwrap();
    assert_eq!(worker.closed().await.0, 1007);
    Dial::dev(&gateway).welcomed().await.settle().await;
}

#[tokio::test]
async fn deeply_nested_json_harms_nobody() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    worker.register(&["echo"]).await;
    let mut schema = tool("deep").to_string();
    schema = schema.replace(r#"{"type":"object"}"#, &format!(r#"{{"x":{deep}}}"#));
    worker.send_text(format!(r#"{{"type":"tool_register","tools":[{schema},{}]}}"#, tool("echo"))).await;
    assert_eq!(worker.expect("tools_registered").await["count"], 1);
    let alert = worker.expect("tool_health_alert").await;
    assert!(alert["details"].as_str().unwrap().contains("cannot be read at column"), "{alert}");
    worker.send_text(deep.clone()).await;
    worker.send_text(format!(r#"{{"type":"heartbeat","tools_health":{deep}}}"#)).await;
    worker.expect("heartbeat_ack").await;

    // As an argument it is deeper than anything that can be checked against a schema.
    let body = format!(r#"{{"arguments":{{"x":{deep}}}}}"#);
    let caller = Caller::admin(&gateway);
    caller.send("POST", "/v1/tools/echo/call", body).await.is_problem(422, "invalid_arguments", false);

    // Nobody else noticed.
    let call = caller.calling("echo", json!({}));
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, json!("still there")).await;
    assert_eq!(ended(call).await.status, 200);
    assert_eq!(caller.tools().await, [("echo".to_owned(), true)]);
}

#[tokio::test]
async fn a_worker_that_hangs_up_in_the_middle_leaves_nothing_behind() {
    let gateway = dev_gateway().await;
    for environment in ["dev", "staging", "prod"].iter().cycle().take(48) {
        let dial = Dial::to(&gateway, &format!("/ws/sdk?env={environment}")).secret(dev::SECRET);
        dial.welcomed().await.send_text(r#"{"type":"heart"#).await;
    }
    // Nobody comes after them, so one that is left behind stays.
    within(async {
        while gateway.connection_count() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
