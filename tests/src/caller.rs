//! [`Caller`]: calls tools of a real gateway over REST, for tests.

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{http_client, within};

/// A caller with a key.
#[derive(Debug, Clone)]
pub struct Caller {
    http: reqwest::Client,
    url: String,
    key: String,
}

impl Caller {
    /// A caller of the gateway at `url`.
    ///
    /// # Panics
    /// There is no HTTP client.
    #[must_use]
    pub fn new(url: impl Into<String>, key: impl Into<String>) -> Self {
        Self { http: http_client(), url: url.into(), key: key.into() }
    }

    /// The key or token it sends.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The tools, by name.
    ///
    /// # Panics
    /// They are not listed.
    pub async fn tools(&self) -> Vec<Value> {
        let answer = self.send(self.http.get(format!("{}/v1/tools", self.url))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let mut tools = answer.body["tools"].as_array().expect("a list").clone();
        tools.sort_by_key(|tool| tool["name"].to_string());
        tools
    }

    /// Calls a tool.
    ///
    /// # Panics
    /// The gateway does not answer.
    pub async fn call(&self, tool: &str, arguments: Value) -> Answer {
        self.call_within(20_000, tool, arguments).await
    }

    /// Calls a tool, and waits so many milliseconds for its answer.
    ///
    /// # Panics
    /// The gateway does not answer.
    pub async fn call_within(&self, ms: u64, tool: &str, arguments: Value) -> Answer {
        let body = json!({"arguments": arguments, "timeoutMs": ms});
        self.send(self.http.post(format!("{}/v1/tools/{tool}/call", self.url)).json(&body)).await
    }

    /// Calls a tool while the test goes on.
    pub fn calling(&self, tool: &'static str, arguments: Value) -> JoinHandle<Answer> {
        let caller = self.clone();
        tokio::spawn(async move { caller.call(tool, arguments).await })
    }

    /// Calls a tool, and reads what comes as events.
    ///
    /// # Panics
    /// The gateway does not answer with events.
    pub async fn stream(&self, tool: &str, arguments: Value) -> Events {
        self.stream_within(20_000, tool, arguments).await
    }

    /// The same, for so many milliseconds.
    ///
    /// # Panics
    /// As for [`stream`](Self::stream).
    pub async fn stream_within(&self, ms: u64, tool: &str, arguments: Value) -> Events {
        let request = self.http.post(format!("{}/v1/tools/{tool}/call?stream=1", self.url));
        let request = request.json(&json!({"arguments": arguments, "timeoutMs": ms})).bearer_auth(&self.key);
        let response = within(request.send()).await.expect("the gateway answers");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Events { response, read: String::new() }
    }

    /// Gives a call up, and returns the status.
    ///
    /// # Panics
    /// The gateway does not answer.
    pub async fn cancel(&self, call_id: &str) -> u16 {
        let request = self.http.delete(format!("{}/v1/calls/{call_id}", self.url)).bearer_auth(&self.key);
        within(request.send()).await.expect("the gateway answers").status().as_u16()
    }

    /// Gives an entity another secret; the one it has is good for so many seconds more. Only an admin may.
    ///
    /// # Panics
    /// The gateway does not answer.
    pub async fn rotate(&self, entity: &str, grace_seconds: u64) -> Answer {
        let body = json!({"graceSeconds": grace_seconds});
        self.send(self.http.post(format!("{}/v1/entities/{entity}/rotate", self.url)).json(&body)).await
    }

    /// Looks at something.
    ///
    /// # Panics
    /// The gateway does not answer.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.http.get(format!("{}{path}", self.url))).await
    }

    /// Sends a body of JSON.
    ///
    /// # Panics
    /// The gateway does not answer.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.http.post(format!("{}{path}", self.url)).json(&body)).await
    }

    /// A caller that speaks for a user, with roles that tools ask for. Only an admin can make one.
    ///
    /// # Panics
    /// This caller is no admin.
    pub async fn speaking_for(&self, user: &str, tool_roles: &[&str]) -> Self {
        self.with_token(json!({"role": "operator", "userId": user, "toolRoles": tool_roles, "ttlSeconds": 3600})).await
    }

    /// A caller with a token that says this. Only an admin can make one.
    ///
    /// # Panics
    /// This caller is no admin.
    pub async fn with_token(&self, token: Value) -> Self {
        let answer = self.send(self.http.post(format!("{}/v1/tokens", self.url)).json(&token)).await;
        let token = answer.body["token"].as_str().unwrap_or_else(|| panic!("no token: {answer:?}"));
        Self { http: self.http.clone(), url: self.url.clone(), key: token.to_owned() }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = within(request.bearer_auth(&self.key).send()).await.expect("the gateway answers");
        let status = response.status().as_u16();
        Answer { status, body: within(response.json()).await.expect("the answer is JSON") }
    }
}

/// Server-sent events.
#[derive(Debug)]
pub struct Events {
    response: reqwest::Response,
    read: String,
}

impl Events {
    /// The name and the data of the next event.
    ///
    /// # Panics
    /// There is none.
    pub async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let line = |name| event.lines().find_map(|line| line.strip_prefix(name)).expect("a whole event").trim();
                let event = (line("event:").to_owned(), serde_json::from_str(line("data:")).expect("the data is JSON"));
                self.read = rest.to_owned();
                return event;
            }
            let chunk = within(self.response.chunk()).await.expect("the gateway goes on").expect("another event");
            self.read.push_str(std::str::from_utf8(&chunk).expect("events are text"));
        }
    }
}

/// The response to a caller.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

impl Answer {
    /// The result of the tool. The call has to have succeeded.
    ///
    /// # Panics
    /// It did not.
    pub fn result(self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        assert!(self.body["callId"].is_string() && self.body["latencyMs"].is_u64(), "{self:?}");
        self.body["result"].clone()
    }

    /// Checks that this is a problem.
    ///
    /// # Panics
    /// It is not, or it is another one.
    pub fn is_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, &self.body["code"]), (status, &json!(code)), "{self:?}");
    }

    /// The `detail` of a problem.
    ///
    /// # Panics
    /// This is no problem.
    #[must_use]
    pub fn detail(&self) -> &str {
        self.body["detail"].as_str().expect("a detail")
    }
}
