//! Whoever calls tools over HTTP.

use serde_json::{Value, json};

use crate::{PATIENCE, within};

/// A caller with a key.
#[derive(Debug)]
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
        // No proxy of the environment knows the way to this loopback interface.
        let http = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().expect("an HTTP client");
        Self { http, url: url.into(), key: key.into() }
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
        let body = json!({"arguments": arguments, "timeoutMs": 20_000});
        self.send(self.http.post(format!("{}/v1/tools/{tool}/call", self.url)).json(&body)).await
    }

    /// A caller that speaks for a user, with roles that tools ask for. Only an admin can make one.
    ///
    /// # Panics
    /// This caller is no admin.
    pub async fn speaking_for(&self, user: &str, tool_roles: &[&str]) -> Self {
        let token = json!({"role": "operator", "userId": user, "toolRoles": tool_roles, "ttlSeconds": 3600});
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

/// What a caller is told.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

impl Answer {
    /// What the tool returned; also a check that it did.
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

    /// What a problem says.
    ///
    /// # Panics
    /// This is no problem.
    #[must_use]
    pub fn detail(&self) -> &str {
        self.body["detail"].as_str().expect("a detail")
    }
}
