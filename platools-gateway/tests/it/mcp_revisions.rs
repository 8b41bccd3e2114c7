//! Every revision of the Model Context Protocol: nothing is sent that the revision of the client does not have.

use platools::tool::Content;
use platools_gateway::{Gateway, dev};
use serde_json::{Value, json};

use crate::mcp_raw::Client;
use crate::support::{Dial, Worker, dev_gateway, tool, within};

const WITH_SESSIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

const WITHOUT_SESSIONS: &str = "2026-07-28";

/// A client of one revision.
struct Old {
    revision: &'static str,
    client: Client,
}

impl Old {
    /// A client as it is of its revision: those before 2025-06-18 do not name it in requests. Also all that the answer to `initialize` said.
    async fn begin(gateway: &Gateway, revision: &'static str) -> (Self, String) {
        let client = Client::at(&gateway.url(), "/mcp").key(dev::ADMIN_KEY);
        let params =
            json!({"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        let response = client.post(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})).await;
        let id = response.headers()["mcp-session-id"].to_str().unwrap().to_owned();
        let said = within(response.text()).await.unwrap();
        let client = client.with("mcp-session-id", &id);
        let client = if revision < "2025-06-18" { client } else { client.with("mcp-protocol-version", revision) };
        let ready = client.post(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        assert_eq!(ready.status(), 202);
        (Self { revision, client }, said)
    }

    fn newest(gateway: &Gateway) -> Self {
        let client =
            Client::at(&gateway.url(), "/mcp").key(dev::ADMIN_KEY).with("mcp-protocol-version", WITHOUT_SESSIONS);
        Self { revision: WITHOUT_SESSIONS, client }
    }

    /// All that the answer to a request said.
    async fn asked(&self, method: &str, mut params: Value) -> String {
        let mut client = self.client.clone();
        if self.revision == WITHOUT_SESSIONS {
            params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!(self.revision);
            params["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({"name": "t", "version": "1"});
            params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
            client = client.with("mcp-method", method);
            if let Some(name) = params["name"].as_str() {
                client = client.with("mcp-name", name);
            }
        }
        let response = client.post(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})).await;
        within(response.text()).await.unwrap()
    }

    fn has(&self, since: &str) -> bool {
        self.revision >= since
    }
}

/// The messages of a stream. Each event has one, or the revision has events without.
fn messages(said: &str, may_be_empty: bool) -> Vec<Value> {
    let events = said.split("\n\n").filter(|event| !event.is_empty() && !event.starts_with(':'));
    let data = events.filter_map(|event| {
        let data = event.lines().find_map(|line| line.strip_prefix("data:")).map_or("", str::trim);
        assert!(may_be_empty || !data.is_empty(), "{event}");
        (!data.is_empty()).then(|| serde_json::from_str(data).unwrap())
    });
    data.collect()
}

fn members(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

async fn start() -> (Gateway, Worker) {
    let gateway = dev_gateway().await;
    let mut content = Content::schema();
    content["properties"]["structuredContent"] = json!({"type": "object"});
    let mut declared = tool("hear");
    declared["output_schema"] = content;
    declared["annotations"] = json!({"title": "Hear", "readOnlyHint": true});
    let mut worker = Dial::dev(&gateway).header("platools-features", "progress").welcomed().await;
    worker.send(json!({"type": "tool_register", "tools": [declared]})).await;
    worker.expect("tools_registered").await;
    (gateway, worker)
}

/// The tool's members and the answer to a call of it with progress, as a client of the revision sees them.
async fn check(old: &Old, worker: &mut Worker) {
    let may_be_empty = old.has("2025-11-25");
    let listed = messages(&old.asked("tools/list", json!({})).await, may_be_empty).pop().unwrap();
    let tool = &listed["result"]["tools"][0];
    assert_eq!(tool.get("annotations").is_some(), old.has("2025-03-26"), "{tool}");
    for member in ["title", "outputSchema", "_meta"] {
        assert_eq!(tool.get(member).is_some(), old.has("2025-06-18"), "{member}: {tool}");
    }
    assert!(members(tool).contains(&"inputSchema") && members(tool).contains(&"description"));
    assert_eq!(listed["result"].get("resultType").is_some(), old.has(WITHOUT_SESSIONS));

    let audio = json!({"type": "audio", "data": "AAAA", "mimeType": "audio/wav"});
    let link = json!({"type": "resource_link", "uri": "file:///a", "name": "a"});
    let result = json!({"content": [{"type": "text", "text": "t"}, audio, link], "structuredContent": {"n": 7}});
    let call = old.asked("tools/call", json!({"name": "hear", "arguments": {}, "_meta": {"progressToken": 1}}));
    let answer = async {
        let frame = worker.expect("tool_call").await;
        let progress = json!({"type": "tool_progress", "call_id": frame["call_id"], "progress": 1, "message": "half"});
        worker.send(progress).await;
        worker.settle().await;
        worker.answer(&frame, result.clone()).await;
    };
    let (said, ()) = tokio::join!(call, answer);
    let told = messages(&said, may_be_empty);
    assert_eq!(told.len(), 2, "{said}");
    assert_eq!(told[0]["params"].get("message").is_some(), old.has("2025-03-26"));
    let shown = &told[1]["result"];
    let types: Vec<_> =
        shown["content"].as_array().unwrap().iter().map(|part| part["type"].as_str().unwrap()).collect();
    match old.revision {
        "2024-11-05" => assert_eq!(types, ["text", "resource", "text", "text"], "{shown}"),
        "2025-03-26" => assert_eq!(types, ["text", "audio", "text", "text"], "{shown}"),
        _ => assert_eq!(types, ["text", "audio", "resource_link"], "{shown}"),
    }
    assert_eq!(shown.get("structuredContent").is_some(), old.has("2025-06-18"));
    if !old.has("2025-06-18") {
        assert_eq!(
            (&shown["content"][2]["text"], &shown["content"][3]["text"]),
            (&json!("a (file:///a)"), &json!(r#"{"n":7}"#))
        );
    }
    assert_eq!(shown["isError"], false);
}

#[tokio::test]
async fn a_client_is_sent_what_its_revision_has() {
    let (gateway, mut worker) = start().await;
    for revision in WITH_SESSIONS {
        let (old, said) = Old::begin(&gateway, revision).await;
        let hello = messages(&said, old.has("2025-11-25")).pop().unwrap()["result"].clone();
        assert_eq!(hello["protocolVersion"], revision);
        assert_eq!(hello["serverInfo"].get("title").is_some(), old.has("2025-06-18"), "{hello}");
        check(&old, &mut worker).await;
    }
    check(&Old::newest(&gateway), &mut worker).await;
}

#[tokio::test]
async fn the_stream_of_news_begins_with_a_message_for_revisions_without_empty_events() {
    let (gateway, mut worker) = start().await;
    for revision in WITH_SESSIONS {
        let (old, _) = Old::begin(&gateway, revision).await;
        let mut news = old.client.send("GET").await;
        assert_eq!(news.status(), 200);
        worker.register(&[&format!("late_{revision}")]).await;
        let mut said = String::new();
        while !said.contains("list_changed") {
            let chunk = within(news.chunk()).await.unwrap().expect("it goes on");
            said.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        messages(&said, old.has("2025-11-25"));
    }
}
