//! What a client has missed when its connection dropped.

use platools_tests::within;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::http::Served;
use super::http_raw::{get, post, send, session};

/// Server-sent events, as they come.
struct Events {
    answer: Response,
    read: String,
}

impl Events {
    fn of(answer: Response) -> Self {
        assert_eq!(answer.status(), StatusCode::OK);
        Self { answer, read: String::new() }
    }

    /// The next event's id and message; `None` at the end. One without an id only keeps the connection alive.
    async fn next(&mut self) -> Option<(String, Option<Value>)> {
        loop {
            while let Some((event, rest)) = self.read.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.read = rest;
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                if let Some(id) = field("id:") {
                    let data = field("data:").filter(|data| !data.is_empty());
                    return Some((id.to_owned(), data.map(|data| serde_json::from_str(data).expect("JSON"))));
                }
            }
            let chunk = within(self.answer.chunk()).await.expect("no error")?;
            self.read.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    }

    /// The next message, and the id of its event.
    async fn message(&mut self) -> (String, Value) {
        loop {
            if let (id, Some(message)) = self.next().await.expect("there is more") {
                return (id, message);
            }
        }
    }
}

/// Calls a tool and drops the connection after the first progress.
async fn dropped_call(url: &str, session: &str, tool: &str, arguments: Value) -> String {
    let params = json!({ "name": tool, "arguments": arguments, "_meta": { "progressToken": 5 } });
    let call = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params });
    let mut events = Events::of(send(post(url, call).header("mcp-session-id", session)).await);
    let (id, progress) = events.message().await;
    assert_eq!(progress["method"], "notifications/progress");
    id
}

async fn resumed(url: &str, session: &str, last: &str) -> Events {
    Events::of(send(get(url).header("mcp-session-id", session).header("last-event-id", last)).await)
}

#[tokio::test]
async fn an_answer_that_comes_after_the_client_is_back_is_delivered() {
    let server = Served::start().await;
    let session = session(&server.url).await;
    let last = dropped_call(&server.url, &session, "linger", json!({ "milliseconds": 500 })).await;
    let mut events = resumed(&server.url, &session, &last).await;
    let (_, answer) = events.message().await;
    assert_eq!((&answer["id"], &answer["result"]["content"][0]["text"]), (&json!(5), &json!("done")));
    assert_eq!(events.next().await, None, "the answer is complete");
}

#[tokio::test]
async fn an_answer_that_was_complete_before_is_delivered_more_than_once() {
    let server = Served::start().await;
    let session = session(&server.url).await;
    let last = dropped_call(&server.url, &session, "linger", json!({ "milliseconds": 1 })).await;
    let (_, first) = resumed(&server.url, &session, &last).await.message().await;
    let (_, again) = resumed(&server.url, &session, &last).await.message().await;
    assert_eq!((&first["id"], &first), (&json!(5), &again));
}

#[tokio::test]
async fn an_unknown_event_leads_nowhere() {
    let server = Served::start().await;
    let session = session(&server.url).await;
    for unknown in ["nope", "1/2", "00000000-0000-0000-0000-000000000000/0"] {
        assert_eq!(resumed(&server.url, &session, unknown).await.next().await, None, "{unknown}");
    }
}

#[tokio::test]
async fn notices_that_came_while_nobody_listened_are_delivered() {
    let server = Served::start().await;
    let session = session(&server.url).await;
    let mut notices = Events::of(send(get(&server.url).header("mcp-session-id", &session)).await);
    let (beginning, _) = notices.next().await.expect("a beginning");
    drop(notices);
    let change = json!({ "jsonrpc": "2.0", "id": 8, "method": "tools/call", "params": { "name": "change" } });
    let mut changed = Events::of(send(post(&server.url, &change).header("mcp-session-id", &session)).await);
    assert_eq!(changed.message().await.1["id"], 8);
    let mut notices = resumed(&server.url, &session, &beginning).await;
    let (id, notice) = notices.message().await;
    assert_eq!(notice["method"], "notifications/tools/list_changed");
    // The next one comes live, and also to who knows the first.
    let mut changed = Events::of(send(post(&server.url, &change).header("mcp-session-id", &session)).await);
    assert_eq!(changed.message().await.1["id"], 8);
    let (next, _) = notices.message().await;
    let mut known = resumed(&server.url, &session, &id).await;
    assert_eq!(known.message().await.0, next);
}

#[tokio::test]
async fn notices_come_to_a_client_whose_lost_connection_nobody_has_noticed() {
    let server = Served::start().await;
    let session = session(&server.url).await;
    let listening = async || Events::of(send(get(&server.url).header("mcp-session-id", &session)).await);
    let _lost = listening().await;
    let mut notices = listening().await;
    let change = json!({ "jsonrpc": "2.0", "id": 8, "method": "tools/call", "params": { "name": "change" } });
    let mut changed = Events::of(send(post(&server.url, &change).header("mcp-session-id", &session)).await);
    assert_eq!(changed.message().await.1["id"], 8);
    assert_eq!(notices.message().await.1["method"], "notifications/tools/list_changed");
}
