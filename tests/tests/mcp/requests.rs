//! Tests of HTTP requests to an MCP server, as a table of requests with the required answers.

use platools_tests::within;
use serde_json::{Value, json};

use super::against_both;
use super::client::{Client, EVENTS, JSON, initialize, kind};
use super::server::Server;

against_both! { requests_are_answered_as_the_table_says arguments_and_params_are_read_or_refused }

/// A request of a client with a session.
struct Row {
    method: &'static str,
    /// Headers in place of the client's own; an empty value leaves one out.
    headers: &'static [(&'static str, &'static str)],
    body: Body,
    status: u16,
    form: &'static str,
    /// Texts of the answer.
    says: &'static [&'static str],
}

#[derive(Clone, Copy)]
enum Body {
    Initialize,
    List,
    Text(&'static str),
}

const NO_SESSION: (&str, &str) = ("mcp-session-id", "");
const UNKNOWN_SESSION: (&str, &str) = ("mcp-session-id", "nope");
const NO_REVISION: (&str, &str) = ("mcp-protocol-version", "");
const STRANGE_REVISION: (&str, &str) = ("mcp-protocol-version", "2020-02-30");
const BOTH: &str = "application/json, text/event-stream";

const fn row(
    method: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: Body,
    status: u16,
    form: &'static str,
    says: &'static [&'static str],
) -> Row {
    Row { method, headers, body, status, form, says }
}

const TABLE: &[Row] = &[
    // The form of an answer is one that the client accepts.
    row("POST", &[], Body::Initialize, 200, EVENTS, &["2025-11-25"]),
    row("POST", &[("accept", BOTH)], Body::List, 200, EVENTS, &["greet"]),
    row("POST", &[("accept", EVENTS)], Body::List, 200, EVENTS, &["greet"]),
    row("POST", &[("accept", "TEXT/Event-Stream, Application/JSON;q=0.1")], Body::List, 200, EVENTS, &["greet"]),
    row("POST", &[("accept", "application/json;q=0, */*")], Body::List, 200, EVENTS, &["greet"]),
    row("POST", &[("accept", JSON)], Body::List, 200, JSON, &["greet"]),
    row("POST", &[("accept", "application/*, text/*")], Body::List, 200, JSON, &["greet"]),
    row("POST", &[("accept", "*/*")], Body::List, 200, JSON, &["greet"]),
    row("POST", &[("accept", "")], Body::List, 200, JSON, &["greet"]),
    row("POST", &[("accept", JSON), NO_SESSION, NO_REVISION], Body::Initialize, 200, JSON, &["2025-11-25"]),
    row("GET", &[("accept", "*/*")], Body::Text(""), 200, EVENTS, &[]),
    // Headers that leave no form.
    row(
        "POST",
        &[("accept", "text/html")],
        Body::List,
        406,
        JSON,
        &["text/html", "`Accept: application/json, text/event-stream`"],
    ),
    row("POST", &[("accept", "application/json;q=0")], Body::List, 406, JSON, &["application/json;q=0"]),
    row("POST", &[("accept", "*/*;q=0")], Body::List, 406, JSON, &["*/*;q=0"]),
    row("GET", &[("accept", JSON)], Body::Text(""), 406, JSON, &["`Accept: text/event-stream`"]),
    row(
        "POST",
        &[("content-type", "text/plain")],
        Body::List,
        415,
        JSON,
        &["text/plain", "`Content-Type: application/json`"],
    ),
    row(
        "POST",
        &[("content-type", "application/x-www-form-urlencoded")],
        Body::List,
        415,
        JSON,
        &["`Content-Type: application/json`"],
    ),
    row("POST", &[("content-type", "")], Body::List, 415, JSON, &["no `Content-Type`"]),
    row("POST", &[("content-type", "application/json; charset=utf-8")], Body::List, 200, EVENTS, &["greet"]),
    row("POST", &[("content-type", "APPLICATION/JSON;charset=UTF-8")], Body::List, 200, EVENTS, &["greet"]),
    // Requests of no session.
    row("POST", &[UNKNOWN_SESSION], Body::List, 404, JSON, &["`initialize`"]),
    row("GET", &[UNKNOWN_SESSION], Body::Text(""), 404, JSON, &["`initialize`"]),
    row("DELETE", &[UNKNOWN_SESSION], Body::Text(""), 404, JSON, &["`initialize`"]),
    row("POST", &[NO_SESSION], Body::List, 400, JSON, &["`Mcp-Session-Id`"]),
    row("GET", &[NO_SESSION], Body::Text(""), 400, JSON, &["`Mcp-Session-Id`"]),
    row("DELETE", &[NO_SESSION], Body::Text(""), 400, JSON, &["`Mcp-Session-Id`"]),
    row("POST", &[STRANGE_REVISION], Body::List, 400, JSON, &["2024-11-05, 2025-03-26, 2025-06-18"]),
    row("GET", &[STRANGE_REVISION], Body::Text(""), 400, JSON, &["2024-11-05, 2025-03-26, 2025-06-18"]),
    row("DELETE", &[STRANGE_REVISION], Body::Text(""), 400, JSON, &["2024-11-05, 2025-03-26, 2025-06-18"]),
    row("PUT", &[], Body::Text(""), 405, JSON, &["GET, POST, DELETE"]),
    row("HEAD", &[], Body::Text(""), 405, JSON, &[]),
    // Bodies that are no message.
    row("POST", &[], Body::Text(""), 400, JSON, &[]),
    row("POST", &[], Body::Text("{"), 400, JSON, &[]),
    row("POST", &[], Body::Text("[]"), 400, JSON, &["batch"]),
    row("POST", &[], Body::Text("7"), 400, JSON, &[]),
    row("POST", &[], Body::Text("\0"), 400, JSON, &[]),
    row("POST", &[], Body::Text("{\"jsonrpc\":\"2.0\"}"), 400, JSON, &[]),
    // The last of all: the session goes on, and its client ends it.
    row("POST", &[], Body::List, 200, EVENTS, &["greet"]),
    row("DELETE", &[], Body::Text(""), 204, "", &[]),
    row("POST", &[], Body::List, 404, JSON, &["`initialize`"]),
];

async fn requests_are_answered_as_the_table_says(server: Server) {
    let client = server.session().await;
    let stranger = client.clone().without("authorization");
    for (client, challenge) in [
        (stranger.clone(), server.differences.challenge),
        (stranger.with("authorization", "Bearer wrong"), "error=\"invalid_token\""),
    ] {
        let refused = client.post(&initialize("2025-11-25")).await;
        assert_eq!((refused.status().as_u16(), kind(&refused)), (401, JSON));
        let said = refused.headers()["www-authenticate"].to_str().expect("text");
        assert!(said.starts_with("Bearer") && said.contains(challenge), "{said}");
    }
    for (index, row) in TABLE.iter().enumerate() {
        let about = format!("row {index}: {} {:?}", row.method, row.headers);
        let client = row.headers.iter().fold(client.clone(), |client, (name, value)| match *value {
            "" => client.without(name),
            value => client.with(name, value),
        });
        let body = match row.body {
            Body::Initialize => initialize("2025-11-25").to_string(),
            Body::List => json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string(),
            Body::Text(text) => text.to_owned(),
        };
        let answer = client.send(row.method, body).await;
        assert_eq!((answer.status().as_u16(), kind(&answer)), (row.status, row.form), "{about}");
        if row.method == "GET" && row.status == 200 {
            continue;
        }
        let said = within(answer.text()).await.expect("text");
        assert!(row.says.iter().all(|text| said.contains(text)), "{about}: {said}");
        if row.form == JSON && row.status >= 400 && row.method != "HEAD" {
            let error: Value = serde_json::from_str(&said).expect("JSON");
            assert_eq!((&error["jsonrpc"], &error["id"]), (&json!("2.0"), &Value::Null), "{about}");
            assert!(error["error"]["message"].is_string(), "{about}");
        }
    }
}

async fn arguments_and_params_are_read_or_refused(server: Server) {
    let client: Client = server.session().await;
    let encoded = json!({ "name": "Ada" }).to_string();
    for (method, params, expected) in [
        ("ping", json!({}), Ok("{}")),
        ("tools/call", json!({ "name": "greet", "arguments": { "name": "Ada" } }), Ok("Hello, Ada!")),
        ("tools/call", json!({ "name": "greet", "arguments": encoded }), Ok("Hello, Ada!")),
        ("tools/call", json!({ "name": "greet", "arguments": format!("```json\n{encoded}\n```") }), Ok("Hello, Ada!")),
        ("tools/call", json!({ "name": "change" }), Ok("\"isError\":false")),
        (
            "tools/call",
            json!({ "name": "add", "arguments": { "a": 2, "b": 40 } }),
            Ok("\"structuredContent\":{\"sum\":42}"),
        ),
        ("tools/call", json!({ "name": "add", "arguments": { "a": "x", "b": 101 } }), Ok("\"isError\":true")),
        ("tools/call", json!({ "name": "fail", "arguments": {} }), Ok("no stock")),
        ("tools/call", json!({ "name": "nope" }), Err((-32602, server.differences.unknown_tool))),
        ("tools/call", json!({ "name": 5 }), Err((-32602, "`name` must be a string"))),
        ("tools/call", json!({}), Err((-32602, "`name` must be a string"))),
        ("tools/call", json!({ "name": "greet", "arguments": ["Ada"] }), Err((-32602, "must be a JSON object"))),
        ("tools/call", json!({ "name": "greet", "arguments": 7 }), Err((-32602, "must be a JSON object"))),
        ("tools/list", json!({ "cursor": "nonsense" }), Err((-32602, "cursor"))),
        ("no/such/method", json!({}), Err((-32601, "no/such/method"))),
    ] {
        let answer = client.asked(method, params.clone()).await;
        let about = format!("{method} {params}: {answer}");
        match expected {
            Ok(part) => assert!(answer["result"].to_string().contains(part), "{about}"),
            Err((code, message)) => {
                assert_eq!(answer["error"]["code"], code, "{about}");
                assert!(answer["error"]["message"].as_str().is_some_and(|said| said.contains(message)), "{about}");
            }
        }
    }
}
