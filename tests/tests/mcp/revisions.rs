//! Tests that a client gets only messages that its revision of the protocol has.

use platools_tests::within;
use serde_json::{Value, json};

use super::against_both;
use super::client::{Client, WITHOUT_SESSIONS};
use super::server::Server;

against_both! { a_client_is_sent_what_its_revision_has }

const WITH_SESSIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// The messages of a stream. Each event has one, or the revision has events without.
fn messages(said: &str, revision: &str) -> Vec<Value> {
    let events = said.split("\n\n").filter(|event| !event.is_empty() && !event.starts_with(':'));
    let data = events.filter_map(|event| {
        let data = event.lines().find_map(|line| line.strip_prefix("data:")).map_or("", str::trim);
        assert!(revision >= "2025-11-25" || !data.is_empty(), "{event}");
        (!data.is_empty()).then(|| serde_json::from_str(data).expect("JSON"))
    });
    data.collect()
}

async fn asked(client: &Client, revision: &str, method: &str, params: Value) -> Vec<Value> {
    let response = client.request(1, method, params).await;
    messages(&within(response.text()).await.expect("text"), revision)
}

async fn a_client_is_sent_what_its_revision_has(server: Server) {
    for revision in WITH_SESSIONS {
        let (client, said) = server.client().initialized(revision).await;
        let hello = messages(&said, revision).pop().expect("an answer")["result"].clone();
        assert_eq!(hello["protocolVersion"], revision);
        check(&client, revision).await;

        // The stream of notices begins with a message for revisions without empty events.
        let mut news = client.send("GET", "").await;
        client.call("change", json!({})).await;
        let mut said = String::new();
        while !said.contains("list_changed") {
            let chunk = within(news.chunk()).await.expect("no error").expect("it goes on");
            said.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
        messages(&said, revision);
    }
    check(&server.client().with("mcp-protocol-version", WITHOUT_SESSIONS), WITHOUT_SESSIONS).await;
}

/// The members of a tool, and the answer to a call of it with progress.
async fn check(client: &Client, revision: &str) {
    let has = |since: &str| revision >= since;
    let listed = asked(client, revision, "tools/list", json!({})).await.pop().expect("an answer");
    assert_eq!(listed["result"].get("resultType").is_some(), has(WITHOUT_SESSIONS));
    let tools = listed["result"]["tools"].as_array().expect("a list");
    let tool = tools.iter().find(|tool| tool["name"] == "hear").expect("it is listed");
    assert_eq!(tool.get("annotations").is_some(), has("2025-03-26"), "{tool}");
    assert_eq!(tool.get("outputSchema").is_some(), has("2025-06-18"), "{tool}");
    assert!(tool.get("_meta").is_none() || has("2025-06-18"), "{tool}");
    assert!(tool["inputSchema"].is_object() && tool["description"].is_string());

    let params = json!({ "name": "hear", "arguments": {}, "_meta": { "progressToken": 1 } });
    let told = asked(client, revision, "tools/call", params).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0]["params"].get("message").is_some(), has("2025-03-26"));
    let shown = &told[1]["result"];
    let parts = shown["content"].as_array().expect("parts");
    let types: Vec<_> = parts.iter().map(|part| part["type"].as_str().expect("text")).collect();
    match revision {
        "2024-11-05" => assert_eq!(types, ["text", "resource", "text", "text"], "{shown}"),
        "2025-03-26" => assert_eq!(types, ["text", "audio", "text", "text"], "{shown}"),
        _ => assert_eq!(types, ["text", "audio", "resource_link"], "{shown}"),
    }
    assert_eq!(shown.get("structuredContent").is_some(), has("2025-06-18"));
    if !has("2025-06-18") {
        assert_eq!((&parts[2]["text"], &parts[3]["text"]), (&json!("a (file:///a)"), &json!(r#"{"n":7}"#)));
    }
    assert_eq!(shown["isError"], false);
}
