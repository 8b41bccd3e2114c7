//! [`Client`]: an MCP client for tests. It sends exactly the messages that a test wants.

use platools_tests::{http_client, within};
use reqwest::Response;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    headers: HeaderMap,
}

/// The messages of a response, in either form.
pub(crate) struct Messages {
    response: Response,
    read: String,
    /// The id of the latest event that had one.
    pub(crate) latest: String,
}

pub(crate) const JSON: &str = "application/json";
pub(crate) const EVENTS: &str = "text/event-stream";

/// The revision without sessions.
pub(crate) const WITHOUT_SESSIONS: &str = "2026-07-28";

impl Client {
    pub(crate) fn at(url: &str) -> Self {
        let client = Self { http: http_client(), url: url.to_owned(), headers: HeaderMap::new() };
        client.with("accept", &format!("{JSON}, {EVENTS}")).with("content-type", JSON)
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().expect("a header"));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Opens a session.
    pub(crate) async fn opened(self, revision: &str) -> Self {
        self.initialized(revision).await.0
    }

    /// Opens a session, and returns the text of the answer. Clients before 2025-06-18 do not name their revision in requests.
    pub(crate) async fn initialized(self, revision: &str) -> (Self, String) {
        let response = self.post(&initialize(revision)).await;
        assert_eq!(response.status(), 200, "{response:?}");
        let id = response.headers()["mcp-session-id"].to_str().expect("text").to_owned();
        let said = within(response.text()).await.expect("text");
        let client = self.with("mcp-session-id", &id);
        let client = if revision < "2025-06-18" { client } else { client.with("mcp-protocol-version", revision) };
        let ready = client.post(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
        assert_eq!(ready.status(), 202);
        (client, said)
    }

    pub(crate) async fn post(&self, message: &Value) -> Response {
        self.send("POST", message.to_string()).await
    }

    pub(crate) async fn send(&self, method: &str, body: impl Into<reqwest::Body>) -> Response {
        let request = self.http.request(method.parse().expect("a method"), &self.url).headers(self.headers.clone());
        within(request.body(body).send()).await.expect("an answer")
    }

    /// Sends a request; the revision without sessions gets the headers and the members that it has.
    pub(crate) async fn request(&self, id: u64, method: &str, mut params: Value) -> Response {
        let mut client = self.clone();
        if self.headers.get("mcp-protocol-version").is_some_and(|version| version == WITHOUT_SESSIONS) {
            params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!(WITHOUT_SESSIONS);
            params["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({ "name": "t", "version": "1" });
            params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
            client = client.with("mcp-method", method);
            if let Some(name) = params["name"].as_str() {
                client = client.with("mcp-name", name);
            }
        }
        client.post(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await
    }

    /// The answer to a request: the whole message.
    pub(crate) async fn asked(&self, method: &str, params: Value) -> Value {
        Messages::of(self.request(1, method, params).await).answer().await
    }

    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Value {
        self.asked("tools/call", json!({ "name": tool, "arguments": arguments })).await["result"].clone()
    }

    /// Calls a tool with progress; the head of the response may come with the first message only.
    pub(crate) fn calling(&self, id: u64, tool: &'static str, arguments: Value) -> JoinHandle<Messages> {
        let client = self.clone();
        let params = json!({ "name": tool, "arguments": arguments, "_meta": { "progressToken": id } });
        tokio::spawn(async move { Messages::of(client.request(id, "tools/call", params).await) })
    }

    pub(crate) async fn cancel(&self, id: u64) {
        let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } });
        assert_eq!(self.post(&cancel).await.status(), 202);
    }

    /// A stream of notices, or the rest of the stream of an event.
    pub(crate) async fn listening(&self, after: Option<&str>) -> Messages {
        let client = after.into_iter().fold(self.clone(), |client, after| client.with("last-event-id", after));
        let response = client.send("GET", "").await;
        assert_eq!(response.status(), 200, "{response:?}");
        Messages::of(response)
    }
}

impl Messages {
    pub(crate) fn of(response: Response) -> Self {
        Self { response, read: String::new(), latest: String::new() }
    }

    pub(crate) fn kind(&self) -> &str {
        kind(&self.response)
    }

    /// The next message; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        if self.kind() == JSON {
            let mut text = Vec::new();
            while let Some(chunk) = within(self.response.chunk()).await.expect("no error") {
                text.extend_from_slice(&chunk);
            }
            return (!text.is_empty()).then(|| serde_json::from_slice(&text).expect("JSON"));
        }
        loop {
            while let Some((event, rest)) = self.read.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                if let Some(id) = field("id:") {
                    id.clone_into(&mut self.latest);
                }
                let data = field("data:").filter(|data| !data.is_empty());
                let message = data.map(|data| serde_json::from_str(data).expect("JSON"));
                self.read = rest.to_owned();
                if message.is_some() {
                    return message;
                }
            }
            // A connection that is cut ends the stream as well.
            let chunk = within(self.response.chunk()).await.ok().flatten()?;
            self.read.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    }

    /// The params of the next message of a method.
    pub(crate) async fn next_of(&mut self, method: &str) -> Value {
        loop {
            let message = self.next().await.expect("the stream goes on");
            if message["method"] == method {
                return message["params"].clone();
            }
        }
    }

    /// Reads on to the answer.
    pub(crate) async fn answer(mut self) -> Value {
        loop {
            let message = self.next().await.expect("an answer");
            if message.get("method").is_none() {
                return message;
            }
        }
    }
}

pub(crate) fn kind(response: &Response) -> &str {
    response.headers().get("content-type").map_or("", |kind| kind.to_str().expect("text"))
}

pub(crate) fn initialize(revision: &str) -> Value {
    let client = json!({ "name": "t", "version": "1" });
    let params = json!({ "protocolVersion": revision, "capabilities": {}, "clientInfo": client });
    json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params })
}

/// The first text of a result.
pub(crate) fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{result}"))
}
