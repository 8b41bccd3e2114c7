//! Over HTTP: the form of an answer by what its client accepts, results that are large or break their schema, and web pages.

use platools::serve::Server;
use platools::{ToolDefinition, ToolError, ToolRegistry};
use platools_tests::within;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use super::http::{Served, TOKEN};
use super::http_raw::{hello, send, session};

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";
const BOTH: &str = "application/json, text/event-stream";
const MIB: usize = 1024 * 1024;

/// The tools `repeat`, whose result has so many bytes, and `mislead`, whose result is another one than its schema says.
fn registry() -> ToolRegistry {
    let object = json!({ "type": "object", "properties": { "text": { "type": "string" } }, "required": ["text"] });
    let declared = |name: &str| {
        let mut tool = ToolDefinition::new(name, "Do it.", json!({ "type": "object" }));
        tool.output_schema = Some(object.clone());
        tool
    };
    let repeat = declared("repeat").handler(|arguments: Value, _| async move {
        let bytes = arguments["bytes"].as_u64().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default();
        Ok::<_, ToolError>(json!({ "text": "x".repeat(bytes) }))
    });
    let mislead = declared("mislead").handler(|_: Value, _| async move { Ok::<_, ToolError>(json!({ "text": 7 })) });
    ToolRegistry::new().with_tools(vec![repeat, mislead]).expect("valid tools")
}

async fn start() -> Served {
    Served::of(Server::new(registry())).await
}

fn ask(method: Method, url: &str, accept: Option<&str>) -> RequestBuilder {
    let request = Client::new().request(method, url).bearer_auth(TOKEN).header("content-type", JSON);
    accept.into_iter().fold(request, |request, accept| request.header("accept", accept))
}

async fn call(url: &str, session: &str, accept: &str, tool: &str, arguments: Value) -> (String, Value) {
    let params = json!({ "name": tool, "arguments": arguments });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let request = ask(Method::POST, url, Some(accept)).header("mcp-session-id", session).body(message.to_string());
    let answer = send(request).await;
    let kind = kind(&answer);
    let text = within(answer.text()).await.expect("text");
    let data = |text: &str| text.lines().filter_map(|line| line.strip_prefix("data: ")).next_back().map(str::to_owned);
    let answer = if kind == EVENTS { data(&text).expect("a message") } else { text };
    (kind, serde_json::from_str::<Value>(&answer).expect("JSON")["result"].clone())
}

fn kind(answer: &Response) -> String {
    answer.headers().get("content-type").map_or("", |kind| kind.to_str().expect("text")).to_owned()
}

/// The status of a refusal, and the message of its JSON-RPC error.
async fn refusal(answer: Response) -> (StatusCode, String) {
    assert_eq!(kind(&answer), JSON);
    let (status, body) = (answer.status(), within(answer.text()).await.expect("text"));
    let error: Value = serde_json::from_str(&body).expect("JSON");
    (status, error["error"]["message"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned())
}

#[tokio::test]
async fn a_client_gets_a_form_that_it_accepts() {
    let server = start().await;
    for (accept, form) in [
        (Some(BOTH), EVENTS),
        (Some(EVENTS), EVENTS),
        (Some("application/json;q=0, */*"), EVENTS),
        (Some(JSON), JSON),
        (Some("Application/*, text/*"), JSON),
        (Some("*/*"), JSON),
        (None, JSON),
    ] {
        let answer = send(ask(Method::POST, &server.url, accept).body(hello().to_string())).await;
        assert_eq!((answer.status(), kind(&answer).as_str()), (StatusCode::OK, form), "{accept:?}");
        let session = answer.headers()["mcp-session-id"].to_str().expect("text").to_owned();
        let accept = accept.unwrap_or("*/*");
        let (found, result) = call(&server.url, &session, accept, "repeat", json!({ "bytes": 3 })).await;
        assert_eq!((found.as_str(), &result["structuredContent"]), (form, &json!({ "text": "xxx" })), "{accept}");
    }
}

#[tokio::test]
async fn refusals_say_what_to_send() {
    let server = start().await;
    let post = |accept| ask(Method::POST, &server.url, Some(accept)).body(hello().to_string());
    let (status, message) = refusal(send(post("text/html")).await).await;
    assert!(status == StatusCode::NOT_ACCEPTABLE && message.contains(BOTH), "{message}");
    let bare = Client::new().post(&server.url).bearer_auth(TOKEN).body(hello().to_string());
    let (status, message) = refusal(send(bare).await).await;
    assert!(
        status == StatusCode::UNSUPPORTED_MEDIA_TYPE && message.contains("`Content-Type: application/json`"),
        "{message}"
    );
    for method in [Method::POST, Method::GET, Method::DELETE] {
        let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
        let request = ask(method.clone(), &server.url, Some(BOTH)).body(if method == Method::POST {
            list
        } else {
            String::new()
        });
        let unknown = request.try_clone().expect("text").header("mcp-session-id", "nope");
        let (status, message) = refusal(send(unknown).await).await;
        assert!(status == StatusCode::NOT_FOUND && message.contains("`initialize`"), "{method}: {message}");
        let (status, message) = refusal(send(request).await).await;
        assert!(status == StatusCode::BAD_REQUEST && message.contains("`Mcp-Session-Id`"), "{method}: {message}");
    }
    let batch = ask(Method::POST, &server.url, Some(BOTH)).body(format!("[{}]", hello()));
    let (status, message) = refusal(send(batch).await).await;
    assert!(status == StatusCode::BAD_REQUEST && message.contains("no batch"), "{message}");
    let (status, message) = refusal(send(post(BOTH).header("host", "tools.example")).await).await;
    assert!(status == StatusCode::FORBIDDEN && message.contains("--allow-host tools.example"), "{message}");
    let (status, message) = refusal(send(post(BOTH).header("origin", "https://app.example")).await).await;
    assert!(status == StatusCode::FORBIDDEN && message.contains("--allow-origin https://app.example"), "{message}");
}

#[tokio::test]
async fn a_result_that_breaks_its_schema_is_an_error_with_the_result_as_text() {
    let server = start().await;
    let session = session(&server.url).await;
    let (_, result) = call(&server.url, &session, BOTH, "mislead", json!({})).await;
    assert_eq!((&result["isError"], result.get("structuredContent")), (&json!(true), None));
    assert!(result["content"][0]["text"].as_str().expect("text").contains("/text: "), "{result}");
    assert_eq!(result["content"][1]["text"], r#"{"text":7}"#);
}

#[tokio::test]
async fn a_result_of_five_mib_passes_and_one_over_the_limit_is_refused_with_the_setting() {
    let server = start().await;
    let session = session(&server.url).await;
    for (accept, form) in [(BOTH, JSON), (JSON, JSON), (EVENTS, EVENTS)] {
        let (found, result) = call(&server.url, &session, accept, "repeat", json!({ "bytes": 5 * MIB })).await;
        assert_eq!((found.as_str(), &result["isError"]), (form, &json!(false)), "{accept}");
        assert_eq!(result["structuredContent"]["text"].as_str().map(str::len), Some(5 * MIB), "{accept}");
    }
    for bytes in [6 * MIB, 20 * MIB] {
        let (_, result) = call(&server.url, &session, BOTH, "repeat", json!({ "bytes": bytes })).await;
        let why = result["content"][0]["text"].as_str().expect("text");
        assert!(
            result["isError"] == true && why.contains("6291456") && why.contains("`Server::max_result_bytes`"),
            "{why}"
        );
    }
    let large = Served::of(Server::new(registry()).max_result_bytes(21 * MIB)).await;
    let session = self::session(&large.url).await;
    let (_, result) = call(&large.url, &session, BOTH, "repeat", json!({ "bytes": 20 * MIB })).await;
    assert_eq!(result["structuredContent"]["text"].as_str().map(str::len), Some(20 * MIB));
}

#[tokio::test]
async fn a_page_that_is_allowed_may_ask_and_read() {
    let server = Served::with(|http| http.allow_origin("https://app.example")).await;
    let preflight = |origin: &str| {
        let request = Client::new().request(Method::OPTIONS, &server.url).header("origin", origin);
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
        let request = Client::new().post(&server.url).bearer_auth(token).header("content-type", JSON);
        request.header("origin", "https://app.example").body(hello().to_string())
    };
    for (token, status) in [(TOKEN, StatusCode::OK), ("wrong", StatusCode::UNAUTHORIZED)] {
        let answer = send(ask(token)).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["access-control-allow-origin"], "https://app.example");
        assert!(answer.headers()["access-control-expose-headers"].to_str().expect("text").contains("mcp-session-id"));
    }
}
