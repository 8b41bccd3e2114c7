//! `Client`: an MCP client for the tests that sends exactly the given messages.

use platools_gateway::{Gateway, dev};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::{Dial, Worker, http, tool, within};

/// The revision that sessions are opened in.
pub(crate) const REVISION: &str = "2025-11-25";

#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    headers: HeaderMap,
}

impl Client {
    /// A client that has opened nothing yet.
    pub(crate) fn at(url: &str, path: &str) -> Self {
        let client = Self { http: http(), url: format!("{url}{path}"), headers: HeaderMap::new() };
        client.with("accept", "application/json, text/event-stream").with("content-type", "application/json")
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.with("authorization", &format!("Bearer {key}"))
    }

    /// Opens a session.
    pub(crate) async fn opened(self) -> Self {
        self.initialized().await.0
    }

    /// Opens a session, and returns what the gateway says of itself.
    pub(crate) async fn initialized(self) -> (Self, Value) {
        let response = self.post(&initialize()).await;
        assert_eq!(response.status(), 200, "{response:?}");
        let id = response.headers()["mcp-session-id"].to_str().unwrap().to_owned();
        let said = Stream::of(response).answer().await;
        let client = self.with("mcp-session-id", &id).with("mcp-protocol-version", REVISION);
        let ready = client.post(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        assert_eq!(ready.status(), 202);
        (client, said["result"].clone())
    }

    pub(crate) fn session(&self) -> &str {
        self.headers["mcp-session-id"].to_str().unwrap()
    }

    pub(crate) async fn post(&self, message: &Value) -> reqwest::Response {
        self.post_text(message.to_string()).await
    }

    pub(crate) async fn post_text(&self, text: impl Into<reqwest::Body>) -> reqwest::Response {
        within(self.http.post(&self.url).headers(self.headers.clone()).body(text).send()).await.unwrap()
    }

    pub(crate) async fn send(&self, method: &str) -> reqwest::Response {
        let method = method.parse().unwrap();
        within(self.http.request(method, &self.url).headers(self.headers.clone()).send()).await.unwrap()
    }

    /// Asks, and leaves the answer to be read.
    pub(crate) async fn ask(&self, id: u64, method: &str, params: Value) -> Stream {
        Stream::of(self.post(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await)
    }

    /// Asks while the test goes on: the head of the answer may come with the first message only.
    pub(crate) fn asking(&self, id: u64, method: &'static str, params: Value) -> JoinHandle<Stream> {
        let client = self.clone();
        tokio::spawn(async move { client.ask(id, method, params).await })
    }

    /// Asks, and waits for the answer: the whole message.
    pub(crate) async fn asked(&self, method: &str, params: Value) -> Value {
        self.ask(1, method, params).await.answer().await
    }

    pub(crate) async fn tools(&self) -> Vec<Value> {
        let listed = self.asked("tools/list", json!({})).await;
        listed["result"]["tools"].as_array().unwrap_or_else(|| panic!("{listed}")).clone()
    }

    pub(crate) async fn names(&self) -> Vec<String> {
        self.tools().await.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) async fn call(&self, name: &str, arguments: Value) -> Value {
        self.asked("tools/call", json!({"name": name, "arguments": arguments})).await
    }

    /// Calls while the test goes on.
    pub(crate) fn calling(&self, name: &str, arguments: Value) -> JoinHandle<Value> {
        let (client, name) = (self.clone(), name.to_owned());
        tokio::spawn(async move { client.call(&name, arguments).await })
    }

    /// The stream of what happens by itself; from an event on if one is named.
    pub(crate) async fn listening(&self, after: Option<&str>) -> Stream {
        let client = after.into_iter().fold(self.clone(), |client, after| client.with("last-event-id", after));
        let response = client.send("GET").await;
        assert_eq!(response.status(), 200, "{response:?}");
        Stream::of(response)
    }
}

pub(crate) fn initialize() -> Value {
    let client = json!({"name": "test", "version": "1"});
    let params = json!({"protocolVersion": REVISION, "capabilities": {}, "clientInfo": client});
    json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
}

/// The text of a result.
pub(crate) fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

/// The development entity's worker with tools that take anything.
pub(crate) async fn worker(gateway: &Gateway, names: &[&str]) -> Worker {
    let mut worker = Dial::dev(gateway).header("platools-features", "cancel, progress").welcomed().await;
    worker.register(names).await;
    worker
}

/// The development entity's worker with one tool that is declared as the test wants.
pub(crate) async fn worker_with(gateway: &Gateway, changes: Value) -> Worker {
    let mut declared = tool("guarded");
    declared.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let mut worker = Dial::dev(gateway).welcomed().await;
    worker.send(json!({"type": "tool_register", "tools": [declared]})).await;
    worker.expect("tools_registered").await;
    worker
}

/// An admin's session.
pub(crate) async fn admin(gateway: &Gateway) -> Client {
    Client::at(&gateway.url(), "/mcp").key(dev::ADMIN_KEY).opened().await
}

/// A response: one message, or a stream of events.
pub(crate) struct Stream {
    response: reqwest::Response,
    read: String,
    /// The id of the latest event that had one.
    pub(crate) latest: String,
}

impl Stream {
    pub(crate) fn of(response: reqwest::Response) -> Self {
        Self { response, read: String::new(), latest: String::new() }
    }

    /// The params of the next message of that method.
    pub(crate) async fn next_of(&mut self, method: &str) -> Value {
        loop {
            let message = self.next().await.expect("the stream goes on");
            if message["method"] == method {
                return message["params"].clone();
            }
        }
    }

    /// The next message, unless the stream ends before.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        if self.response.headers()["content-type"] == "application/json" {
            let mut text = Vec::new();
            while let Some(chunk) = within(self.response.chunk()).await.unwrap() {
                text.extend_from_slice(&chunk);
            }
            return (!text.is_empty()).then(|| serde_json::from_slice(&text).unwrap());
        }
        loop {
            while let Some((event, rest)) = self.read.split_once("\n\n") {
                let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                if let Some(id) = line("id:") {
                    id.clone_into(&mut self.latest);
                }
                let message =
                    line("data:").filter(|data| !data.is_empty()).map(|data| serde_json::from_str(data).unwrap());
                self.read = rest.to_owned();
                if message.is_some() {
                    return message;
                }
            }
            // A connection that is cut ends the stream as well.
            let chunk = within(self.response.chunk()).await.ok().flatten()?;
            self.read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// Reads on to the answer.
    pub(crate) async fn answer(mut self) -> Value {
        loop {
            let message = self.next().await.expect("an answer");
            if message.get("id").is_some() {
                return message;
            }
        }
    }

    /// Reads on to the news that a list has changed.
    pub(crate) async fn list_change(&mut self) {
        loop {
            let message = self.next().await.expect("news");
            if message["method"] == "notifications/tools/list_changed" {
                return;
            }
        }
    }
}
