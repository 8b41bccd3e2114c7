//! [`Foreign`]: a worker without the SDK. It has schemas as the libraries zod and pydantic write them, and generated tools.

use std::fs;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use platools_gateway::Gateway;
use platools_tests::within;
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::interval;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::case::{Case, generated};
use super::client::file;

/// The number of generated tools.
const GENERATED: usize = 300;

/// A worker that returns the arguments of every call. It ends with this.
#[derive(Debug)]
pub(crate) struct Foreign(AbortHandle);

impl Drop for Foreign {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Foreign {
    /// Connects, and declares the tools. Returns their cases.
    pub(crate) async fn connect(gateway: &Gateway, secret: &str) -> (Self, Vec<Case>) {
        let mut request = format!("ws://{}/ws/sdk", gateway.address()).into_client_request().expect("a request");
        request.headers_mut().insert("authorization", format!("Bearer {secret}").parse().expect("a header"));
        let tcp = TcpStream::connect(gateway.address()).await.expect("it listens");
        let (mut socket, _) = within(client_async(request, tcp)).await.expect("a WebSocket");
        let (tools, cases) = declared();
        send(&mut socket, &json!({"type": "tool_register", "tools": tools})).await;
        let registered = within(frame(&mut socket, "tools_registered")).await;
        assert_eq!(registered["tools"].as_array().map_or(tools.len(), Vec::len), tools.len(), "{registered}");
        (Self(tokio::spawn(answer_calls(socket)).abort_handle()), cases)
    }
}

/// The tools as they are declared on the wire, and their cases.
fn declared() -> (Vec<Value>, Vec<Case>) {
    let (mut tools, mut cases) = (Vec::new(), Vec::new());
    for fixture in ["zod.json", "pydantic.json"] {
        let text = fs::read_to_string(file(fixture)).expect("the schemas");
        let read: Vec<Map<String, Value>> = serde_json::from_str(&text).expect("JSON");
        for mut tool in read {
            let arguments = tool.remove("arguments").expect("arguments");
            cases.push(Case::returning(tool["name"].as_str().expect("a name"), arguments.clone(), arguments));
            tools.push(Value::Object(tool));
        }
    }
    for number in 0..GENERATED {
        let (tool, case) = generated(number);
        tools.push(tool);
        cases.push(case);
    }
    for tool in &mut tools {
        let members = tool.as_object_mut().expect("an object");
        for (name, value) in [("auth", json!("none")), ("roles", json!([])), ("annotations", json!({}))] {
            members.insert(name.to_owned(), value);
        }
    }
    (tools, cases)
}

async fn answer_calls(mut socket: WebSocketStream<TcpStream>) {
    let mut beats = interval(Duration::from_secs(20));
    loop {
        // Both are cancel-safe.
        tokio::select! {
            _ = beats.tick() => send(&mut socket, &json!({"type": "heartbeat", "tools_health": {}})).await,
            message = socket.next() => {
                let Some(Ok(message)) = message else { return };
                let Ok(frame) = serde_json::from_slice::<Value>(&message.into_data()) else { continue };
                if frame["type"] == "tool_call" {
                    send(&mut socket, &answer(&frame)).await;
                }
            }
        }
    }
}

/// The result of a call: its arguments, without the envelopes of the platform.
fn answer(call: &Value) -> Value {
    let mut result = call["params"].as_object().cloned().unwrap_or_default();
    result.retain(|name, _| !name.starts_with('_'));
    json!({"type": "tool_result", "call_id": call["call_id"], "result": result, "latency_ms": 1})
}

async fn send(socket: &mut WebSocketStream<TcpStream>, frame: &Value) {
    // A socket that has ended is noticed by its calls.
    let _ = socket.send(Message::text(frame.to_string())).await;
}

async fn frame(socket: &mut WebSocketStream<TcpStream>, kind: &str) -> Value {
    loop {
        let message = socket.next().await.expect("the socket is open").expect("a message");
        let frame: Value = serde_json::from_slice(&message.into_data()).unwrap_or_default();
        if frame["type"] == kind {
            return frame;
        }
    }
}
