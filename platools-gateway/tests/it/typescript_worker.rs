//! `TypeScriptWorker`: a worker for the tests that sends the frames of the TypeScript SDK, byte for byte.

use platools_gateway::Gateway;
use platools_gateway::dev;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::support::{Dial, Worker, within};

/// The end of a call of the worker's tool.
#[derive(Clone, Copy)]
pub(crate) enum Behaviour {
    /// It returns its arguments without the envelopes.
    Echoes,
    /// It returns nothing, which JavaScript leaves out of the frame.
    ReturnsNothing,
    /// It throws an `Error` with that message.
    Throws(&'static str),
    /// It throws `undefined`, which JavaScript leaves out of the frame.
    ThrowsUndefined,
    /// It returns a text that was cut between the halves of a character.
    ReturnsHalf,
}

/// A tool of the worker.
pub(crate) struct TypeScriptTool {
    pub(crate) declaration: Value,
    pub(crate) behaviour: Behaviour,
}

impl TypeScriptTool {
    pub(crate) fn new(name: &str, input_schema: &Value, behaviour: Behaviour) -> Self {
        let declaration = json!({
            "name": name, "description": "", "input_schema": input_schema, "output_schema": null, "auth": "none", "roles": [],
            "annotations": {}
        });
        Self { declaration, behaviour }
    }
}

/// The worker. It runs until it is dropped.
pub(crate) struct TypeScriptWorker {
    frames: mpsc::UnboundedReceiver<Value>,
    _running: AbortOnDropHandle<()>,
}

impl TypeScriptWorker {
    /// Connects as the development entity and registers at once, without waiting for a greeting. The upgrade has no header but the
    /// secret, and no feature is offered.
    pub(crate) async fn start(gateway: &Gateway, tools: Vec<TypeScriptTool>) -> Self {
        let mut socket = Dial::to(gateway, "/ws/sdk").secret(dev::SECRET).open().await;
        let declared: Vec<_> = tools.iter().map(|tool| tool.declaration.clone()).collect();
        socket.send(json!({"type": "tool_register", "tools": declared})).await;
        let (sender, frames) = mpsc::unbounded_channel();
        let running = AbortOnDropHandle::new(tokio::spawn(run(socket, tools, sender)));
        Self { frames, _running: running }
    }

    /// The next frame, which must be of that type.
    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        let frame = within(self.frames.recv()).await.expect("the worker runs");
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }
}

async fn run(mut socket: Worker, tools: Vec<TypeScriptTool>, frames: mpsc::UnboundedSender<Value>) {
    while let Some(text) = socket.next_text_if_any().await {
        let frame: Value = serde_json::from_str(&text).expect("JSON");
        if frame["type"] == "tool_call" {
            socket.send_text(answer(&frame, &tools)).await;
        }
        if frames.send(frame).is_err() {
            return;
        }
    }
}

fn answer(call: &Value, tools: &[TypeScriptTool]) -> String {
    let (id, name) = (&call["call_id"], &call["tool_name"]);
    let Some(tool) = tools.iter().find(|tool| tool.declaration["name"] == *name) else {
        let error = format!("unknown tool: {}", name.as_str().expect("a name"));
        return json!({"type": "tool_error", "call_id": id, "error": error}).to_string();
    };
    match tool.behaviour {
        Behaviour::Echoes => {
            let result = arguments(call);
            json!({"type": "tool_result", "call_id": id, "result": result, "latency_ms": 1}).to_string()
        }
        Behaviour::ReturnsNothing => json!({"type": "tool_result", "call_id": id, "latency_ms": 0}).to_string(),
        Behaviour::Throws(message) => {
            let traceback = format!("Error: {message}\n    at handler (file:///app/tools.ts:1:1)");
            json!({"type": "tool_error", "call_id": id, "error": message, "traceback": traceback}).to_string()
        }
        Behaviour::ThrowsUndefined => json!({"type": "tool_error", "call_id": id}).to_string(),
        Behaviour::ReturnsHalf => {
            format!(r#"{{"type":"tool_result","call_id":{id},"result":"cut \ud83c","latency_ms":1}}"#)
        }
    }
}

/// The arguments of a call, without the envelopes.
fn arguments(call: &Value) -> Map<String, Value> {
    let mut params = call["params"].as_object().expect("params").clone();
    params.retain(|name, _| !["__platos", "_context"].contains(&name.as_str()));
    params
}
