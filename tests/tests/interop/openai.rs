//! Tests of the gateway's agents as models for OpenAI's own client.

use std::path::Path;
use std::process::Stdio;

use platools_gateway::dev::DevOptions;
use platools_gateway::model::ModelSettings;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinSet;

use super::{Platform, python, within};

#[tokio::test]
async fn openais_client_reads_an_agent_that_answers_commands() {
    let platform = Platform::start("openai-command").await;
    let user = platform.user().await;
    let read = completions(&platform, user.key(), "/echo text=hi").await;
    let expected = json!({
        "models": ["dev-agent", "main"], "whole": "\"hi\"", "usage": 0, "streamed": ["\"hi\""], "finish": ["stop"],
        "streamed_usage": 0, "refused": ["unsupported_parameter", "tools"], "missing": "model_not_found",
    });
    assert_eq!(read, expected);
    platform.stop().await;
}

#[tokio::test]
async fn openais_client_reads_an_agent_that_thinks_with_a_model() {
    let model = Model::start().await;
    let settings = ModelSettings::new(&model.url).with(|model| model.name = Some("scripted".to_owned()));
    let platform = Platform::start_with("openai-model", DevOptions::with_known_secrets().model(settings)).await;
    let read = completions(&platform, platform.user().await.key(), "say hi").await;
    assert_eq!((&read["whole"], &read["usage"]), (&json!("It says hi."), &json!(6)), "{read}");
    let streamed: String = read["streamed"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!((streamed.as_str(), &read["streamed_usage"]), ("It says hi.", &json!(6)), "{read}");
    assert_eq!(read["finish"], json!(["stop"]));
    platform.stop().await;
}

/// Answer of the agent `main` as OpenAI's client reads it.
async fn completions(platform: &Platform, key: &str, message: &str) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/completions.py");
    let url = format!("{}/v1", platform.gateway().url());
    let client = Command::new(python())
        .args([script.as_os_str(), message.as_ref()])
        .envs([("OPENAI_BASE_URL", url.as_str()), ("OPENAI_API_KEY", key), ("PYTHONDONTWRITEBYTECODE", "1")])
        // No proxy of the environment knows the way to this loopback interface.
        .envs([("no_proxy", "127.0.0.1"), ("NO_PROXY", "127.0.0.1")])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = within("the client", client).await.expect("a Python process");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the client prints JSON")
}

/// A model that has `echo` say hi, and then says what it said. Each turn costs 3 tokens.
struct Model {
    url: String,
    _connections: JoinSet<()>,
}

impl Model {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            // One at a time is enough: each ends with its answer.
            while let Ok((connection, _)) = listener.accept().await {
                answer(connection).await;
            }
        });
        Self { url, _connections: connections }
    }
}

/// Answers the one request of a connection.
async fn answer(mut connection: TcpStream) {
    let Some(request) = read_request(&mut connection).await else { return };
    let messages = request["messages"].as_array().expect("messages");
    let last = messages.last().expect("a message");
    let delta = if last["role"] == "tool" {
        let said: String = serde_json::from_str(last["content"].as_str().expect("text")).expect("a result");
        json!({"content": format!("It says {said}.")})
    } else {
        assert_eq!(messages[0], json!({"role": "system", "content": "Be brief."}));
        let function = json!({"name": "echo", "arguments": "{\"text\": \"hi\"}"});
        json!({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]})
    };
    let choice = json!({"choices": [{"index": 0, "delta": delta, "finish_reason": "stop"}]});
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3}});
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let answer = format!("{head}data: {choice}\n\ndata: {usage}\n\ndata: [DONE]\n\n");
    // A gateway that has gone away reads nothing.
    let _ = connection.write_all(answer.as_bytes()).await;
}

/// The body of a request, which says how long it is.
async fn read_request(connection: &mut TcpStream) -> Option<Value> {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).expect("a length");
            if body.len() == length.trim().parse::<usize>().expect("a number") {
                return Some(serde_json::from_str(body).expect("the body is JSON"));
            }
        }
        if within("a request", connection.read_buf(&mut read)).await.ok()? == 0 {
            return None;
        }
    }
}
