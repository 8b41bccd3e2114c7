//! The headers of a request at `/mcp`, the form of its response, and the refusals of requests that belong to no session.

use platools_gateway::dev;
use reqwest::Response;
use serde_json::{Value, json};

use crate::mcp_raw::{Client, Stream, admin, initialize, text, worker};
use crate::support::{dev_gateway, within};

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

fn kind(response: &Response) -> String {
    response.headers().get("content-type").map_or("", |kind| kind.to_str().unwrap()).to_owned()
}

/// The status of a refusal, and the message of its JSON-RPC error.
async fn refusal(response: Response) -> (u16, String) {
    assert_eq!(kind(&response), JSON);
    let status = response.status().as_u16();
    let error: Value = serde_json::from_slice(&within(response.bytes()).await.unwrap()).unwrap();
    assert_eq!(
        (&error["jsonrpc"], &error["id"], &error["error"]["code"]),
        (&json!("2.0"), &Value::Null, &json!(-32600))
    );
    (status, error["error"]["message"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_client_gets_a_form_that_it_accepts_in_a_session_and_when_it_begins_one() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, &["slow"]).await;
    let bare = Client::at(&gateway.url(), "/mcp").key(dev::ADMIN_KEY);
    for (accept, form) in [
        (Some("application/json, text/event-stream"), EVENTS),
        (Some("text/event-stream"), EVENTS),
        (Some("TEXT/Event-Stream, Application/JSON;q=0.1"), EVENTS),
        (Some("application/json;q=0, */*"), EVENTS),
        (Some("application/json"), JSON),
        (Some("application/*, text/*"), JSON),
        (Some("*/*"), JSON),
        (None, JSON),
    ] {
        let client = bare.clone().without("accept");
        let client = accept.into_iter().fold(client, |client, accept| client.with("accept", accept));
        assert_eq!(kind(&client.post(&initialize()).await), form, "{accept:?}");
        let client = client.opened().await;
        let call = {
            let client = client.clone();
            let params = json!({"name": "slow", "_meta": {"progressToken": "p"}});
            let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
            tokio::spawn(async move { client.post(&message).await })
        };
        let frame = worker.expect("tool_call").await;
        worker.send(json!({"type": "tool_progress", "call_id": frame["call_id"], "progress": 1})).await;
        worker.settle().await;
        worker.answer(&frame, json!("done")).await;
        let response = within(call).await.unwrap();
        assert_eq!(kind(&response), form, "{accept:?}");
        let mut stream = Stream::of(response);
        if form == EVENTS {
            assert_eq!(stream.next().await.unwrap()["method"], "notifications/progress", "{accept:?}");
        }
        assert_eq!(text(&stream.next().await.unwrap()), "done", "{accept:?}");
    }
}

#[tokio::test]
async fn headers_that_leave_no_form_are_refused_with_those_to_send() {
    let gateway = dev_gateway().await;
    let client = admin(&gateway).await;
    for accept in ["text/html", "application/json;q=0", "*/*;q=0"] {
        let (status, message) = refusal(client.clone().with("accept", accept).post(&initialize()).await).await;
        assert_eq!(status, 406);
        assert!(
            message.contains(accept) && message.contains("`Accept: application/json, text/event-stream`"),
            "{message}"
        );
    }
    let (status, message) = refusal(client.clone().with("accept", JSON).send("GET").await).await;
    assert!(status == 406 && message.contains("`Accept: text/event-stream`"), "{message}");
    assert_eq!(client.clone().with("accept", "*/*").send("GET").await.status(), 200);
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        let (status, message) = refusal(client.clone().with("content-type", kind).post(&initialize()).await).await;
        assert!(
            status == 415 && message.contains(kind) && message.contains("`Content-Type: application/json`"),
            "{message}"
        );
    }
    let (status, message) = refusal(client.clone().without("content-type").post(&initialize()).await).await;
    assert!(status == 415 && message.contains("no `Content-Type`"), "{message}");
    for kind in ["application/json; charset=utf-8", "APPLICATION/JSON;charset=UTF-8"] {
        assert_eq!(client.clone().with("content-type", kind).post(&initialize()).await.status(), 200, "{kind}");
    }
}

#[tokio::test]
async fn a_request_of_no_session_is_told_what_to_send() {
    let gateway = dev_gateway().await;
    let client = admin(&gateway).await;
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let unknown = client.clone().with("mcp-session-id", "nope");
    for response in [unknown.post(&list).await, unknown.send("GET").await, unknown.send("DELETE").await] {
        let (status, message) = refusal(response).await;
        assert!(status == 404 && message.contains("`initialize`"), "{message}");
    }
    let none = client.clone().without("mcp-session-id");
    for response in [none.post(&list).await, none.send("GET").await, none.send("DELETE").await] {
        let (status, message) = refusal(response).await;
        assert!(status == 400 && message.contains("`Mcp-Session-Id`"), "{message}");
    }
    let strange = client.clone().with("mcp-protocol-version", "2020-02-30");
    for response in [strange.post(&list).await, strange.send("GET").await, strange.send("DELETE").await] {
        let (status, message) = refusal(response).await;
        assert!(status == 400 && message.contains("2024-11-05, 2025-03-26, 2025-06-18"), "{message}");
    }
    let (status, message) = refusal(client.send("PUT").await).await;
    assert!(status == 405 && message.contains("GET, POST, DELETE"), "{message}");
    assert_eq!(client.send("HEAD").await.status(), 405);
    assert_eq!(client.post(&list).await.status(), 200, "the session goes on");
}
