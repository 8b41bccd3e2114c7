//! Tests of a local MCP server's settings over HTTP: hosts, web pages, and the length of results.

use platools::serve::Server;
use platools_tests::{Gone, http_client, within};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::http::{Served, TOKEN};
use super::http_raw::{hello, send};
use crate::mcp::client::{Client, JSON, initialize};
use crate::mcp::server::registry;

const MIB: usize = 1024 * 1024;

fn client(server: &Served) -> Client {
    Client::at(&server.url).with("authorization", &format!("Bearer {TOKEN}"))
}

#[tokio::test]
async fn a_refused_host_or_page_is_told_the_setting_that_allows_it() {
    let server = Served::start().await;
    let refused = async |name: &'static str, value: &str, setting: &str| {
        let answer: Response = client(&server).with(name, value).post(&initialize("2025-11-25")).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        let error: Value = serde_json::from_str(&within(answer.text()).await.expect("text")).expect("JSON");
        let message = error["error"]["message"].as_str().expect("text");
        assert!(message.contains(setting), "{message}");
    };
    refused("host", "tools.example", "--allow-host tools.example").await;
    refused("origin", "https://app.example", "--allow-origin https://app.example").await;
}

#[tokio::test]
async fn the_limit_of_results_can_be_raised() {
    let server = Served::of(Server::new(registry(Gone::default())).max_result_bytes(21 * MIB)).await;
    let result = client(&server).opened("2025-11-25").await.call("repeat", json!({ "bytes": 20 * MIB })).await;
    assert_eq!(result["structuredContent"]["text"].as_str().map(str::len), Some(20 * MIB));
}

#[tokio::test]
async fn a_page_that_is_allowed_may_ask_and_read() {
    let server = Served::with(|http| http.allow_origin("https://app.example")).await;
    let preflight = |origin: &str| {
        let request = http_client().request(Method::OPTIONS, &server.url).header("origin", origin);
        request
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization, content-type, mcp-session-id")
    };
    let granted = send(preflight("https://app.example")).await;
    assert_eq!(granted.status(), StatusCode::NO_CONTENT);
    let header = |name: &str| granted.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(header("access-control-allow-origin"), "https://app.example");
    assert_eq!(header("access-control-allow-headers"), "authorization, content-type, mcp-session-id");
    assert!(header("access-control-allow-methods").contains("DELETE"));
    assert_eq!(send(preflight("https://evil.example")).await.status(), StatusCode::FORBIDDEN);

    let ask = |token| {
        let request = http_client().post(&server.url).bearer_auth(token).header("content-type", JSON);
        request.header("origin", "https://app.example").body(hello().to_string())
    };
    for (token, status) in [(TOKEN, StatusCode::OK), ("wrong", StatusCode::UNAUTHORIZED)] {
        let answer = send(ask(token)).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["access-control-allow-origin"], "https://app.example");
        assert!(answer.headers()["access-control-expose-headers"].to_str().expect("text").contains("mcp-session-id"));
    }
}
