//! Tests of a local MCP server over HTTP, with requests that no correct client sends.

use platools_tests::{http_client, within};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use super::http::{Served, TOKEN};

fn ask(method: Method, url: &str) -> RequestBuilder {
    http_client()
        .request(method, url)
        .bearer_auth(TOKEN)
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
}

pub(crate) fn post(url: &str, body: impl ToString) -> RequestBuilder {
    ask(Method::POST, url).body(body.to_string())
}

pub(crate) fn get(url: &str) -> RequestBuilder {
    ask(Method::GET, url)
}

pub(crate) async fn send(request: RequestBuilder) -> Response {
    within(request.send()).await.expect("an answer")
}

pub(crate) fn hello() -> Value {
    let client = json!({ "name": "t", "version": "0" });
    let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params })
}

/// A session that was begun.
pub(crate) async fn session(url: &str) -> String {
    let answer = send(post(url, hello())).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let session = answer.headers()["mcp-session-id"].to_str().expect("text").to_owned();
    let begun = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(send(post(url, begun).header("mcp-session-id", &session)).await.status(), StatusCode::ACCEPTED);
    session
}

#[tokio::test]
async fn who_has_no_token_is_told_how_to_be_let_in() {
    let server = Served::start().await;
    let bare = |token: Option<&str>| {
        let request = http_client().post(&server.url).body(hello().to_string());
        token.map_or_else(
            || request.try_clone().expect("a text"),
            |token| request.try_clone().expect("a text").header("authorization", token),
        )
    };
    let answer = send(bare(None)).await;
    assert_eq!(
        (answer.status(), &answer.headers()["www-authenticate"]),
        (StatusCode::UNAUTHORIZED, &"Bearer realm=\"platools\"".parse().expect("a header"))
    );
    for wrong in ["Bearer nope", "Bearer s3cret-token2", "Basic s3cret-token", "s3cret-token"] {
        let answer = send(bare(Some(wrong))).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{wrong}");
        assert!(answer.headers()["www-authenticate"].to_str().expect("text").starts_with("Bearer "));
        assert!(!within(answer.text()).await.expect("a text").contains(TOKEN));
    }
}

#[tokio::test]
async fn other_hosts_and_origins_are_refused() {
    let server = Served::with(|http| http.allow_host("tools.example").allow_origin("https://app.example:443")).await;
    let status = async |name: &'static str, value: &'static str| {
        send(post(&server.url, hello()).header(name, value)).await.status()
    };
    for good in ["localhost:1234", "127.0.0.1", "[::1]:80", "tools.example"] {
        assert_eq!(status("host", good).await, StatusCode::OK, "{good}");
    }
    for bad in ["evil.example", "localhost.evil.example", "tools.example.evil.example", "10.0.0.1"] {
        assert_eq!(status("host", bad).await, StatusCode::FORBIDDEN, "{bad}");
    }
    for good in ["http://localhost:5173", "http://127.0.0.1", "https://app.example"] {
        assert_eq!(status("origin", good).await, StatusCode::OK, "{good}");
    }
    for bad in ["https://evil.example", "http://localhost.evil.example", "https://app.example:8443", "null", "x"] {
        assert_eq!(status("origin", bad).await, StatusCode::FORBIDDEN, "{bad}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_and_another_path_are_refused() {
    let server = Served::with(|http| http.max_body_bytes(10_000)).await;
    let deep = send(post(&server.url, "[".repeat(5_000))).await;
    assert!(deep.status().is_client_error(), "{deep:?}");
    let large = send(post(&server.url, "x".repeat(10_001))).await;
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(send(get(&server.url.replace("/mcp", "/"))).await.status(), StatusCode::NOT_FOUND);
    session(&server.url).await;
}

async fn status_in(url: &str, session: &str) -> StatusCode {
    let list = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" });
    send(post(url, list).header("mcp-session-id", session)).await.status()
}

#[tokio::test]
async fn there_are_only_so_many_sessions_and_an_ended_or_idle_one_makes_room() {
    let server = Served::with(|http| http.max_sessions(2)).await;
    let listening = async |session: &str| send(get(&server.url).header("mcp-session-id", session)).await;
    let (first, second) = (session(&server.url).await, session(&server.url).await);
    let heard = listening(&first).await;
    let third = session(&server.url).await;
    assert_eq!(status_in(&server.url, &second).await, StatusCode::NOT_FOUND, "it was idle");
    assert_eq!(status_in(&server.url, &first).await, StatusCode::OK, "its client listens");
    let _heard = (heard, listening(&third).await);
    let full = send(post(&server.url, hello())).await;
    assert_eq!(full.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(full.headers().contains_key("retry-after"));
    let ended = send(ask(Method::DELETE, &server.url).header("mcp-session-id", &third)).await;
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    session(&server.url).await;
}

#[tokio::test]
async fn a_session_whose_call_runs_makes_no_room_though_its_client_is_gone() {
    let server = Served::with(|http| http.max_sessions(1)).await;
    let busy = session(&server.url).await;
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "hold", "_meta": { "progressToken": 1 } },
    });
    let mut answer = send(post(&server.url, call).header("mcp-session-id", &busy)).await;
    within(answer.chunk()).await.expect("no error").expect("its progress");
    drop(answer);
    assert_eq!(send(post(&server.url, hello())).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } });
    send(post(&server.url, cancel).header("mcp-session-id", &busy)).await;
    within(server.gone.reach(1)).await;
    within(async { while send(post(&server.url, hello())).await.status() != StatusCode::OK {} }).await;
}
