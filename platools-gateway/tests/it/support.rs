//! `Worker` and `Caller`: clients for the tests that send exactly the given frames and requests.

use std::num::NonZeroU32;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use platools_gateway::dev::{self, DevOptions};
use platools_gateway::limits::Limits;
use platools_gateway::{Builder, Gateway, Role};
use platools_transport::install_crypto_provider;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Nothing a test waits for takes so long, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for what must happen.
pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it took too long")
}

/// A number for a limit.
pub(crate) fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

/// The default limits with some changes.
pub(crate) fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

pub(crate) async fn dev_gateway() -> Gateway {
    within(dev::start(DevOptions::with_known_secrets())).await.unwrap()
}

/// A gateway with a setup of its own, the secret of an entity, and an operator.
pub(crate) async fn gateway_with(setup: Builder) -> (Gateway, String, Caller) {
    let gateway = within(setup.start()).await.unwrap();
    let secret = gateway.add_entity("orders").await.unwrap().expose_secret().to_owned();
    let key = gateway.add_key(Role::Operator).await.unwrap();
    let caller = Caller::at(&gateway.url()).key(key.expose_secret());
    (gateway, secret, caller)
}

/// A caller with a viewer's key, which belongs to no user and no agent.
pub(crate) async fn viewer(gateway: &Gateway) -> Caller {
    let key = gateway.add_key(Role::Viewer).await.unwrap();
    Caller::at(&gateway.url()).key(key.expose_secret())
}

/// A worker's upgrade request.
#[derive(Clone)]
pub(crate) struct Dial {
    url: String,
    headers: Vec<(&'static str, String)>,
    receive_buffer: Option<u32>,
}

impl Dial {
    /// The development entity at some path.
    pub(crate) fn dev_at(gateway: &Gateway, path: &str) -> Self {
        Self::to(gateway, path).secret(dev::SECRET)
    }

    /// The development entity at the usual path.
    pub(crate) fn dev(gateway: &Gateway) -> Self {
        Self::dev_at(gateway, "/ws/sdk")
    }

    pub(crate) fn to(gateway: &Gateway, path: &str) -> Self {
        Self::at(&format!("ws://{}", gateway.address()), path)
    }

    pub(crate) fn at(url: &str, path: &str) -> Self {
        Self { url: format!("{url}{path}"), headers: Vec::new(), receive_buffer: None }
    }

    pub(crate) fn secret(self, secret: &str) -> Self {
        self.header("authorization", &format!("Bearer {secret}"))
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Has little room for what the gateway sends, so that the gateway waits for whoever does not read.
    pub(crate) fn narrow(mut self) -> Self {
        self.receive_buffer = Some(64 * 1024);
        self
    }

    async fn connect(&self, address: &str) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        within(socket.connect(address.parse().unwrap())).await
    }

    pub(crate) async fn open(self) -> Worker {
        self.try_open().await.unwrap()
    }

    /// Opens, unless nobody listens any more.
    pub(crate) async fn try_open(self) -> Result<Worker, Error> {
        let mut request = self.url.as_str().into_client_request().unwrap();
        for (name, value) in &self.headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let address = request.uri().authority().unwrap().as_str().to_owned();
        let stream = self.connect(&address).await?;
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let (socket, _) = within(client_async_with_config(request, stream, Some(config))).await?;
        Ok(Worker { socket })
    }

    /// Opens, and takes the greeting.
    pub(crate) async fn welcomed(self) -> Worker {
        let mut worker = self.open().await;
        worker.expect("welcome").await;
        worker
    }
}

/// Socket of a worker.
pub(crate) struct Worker<S = TcpStream> {
    socket: WebSocketStream<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Worker<S> {
    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_text(frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: impl Into<String>) {
        self.send_message(Message::text(text.into())).await.unwrap();
    }

    /// Sends a frame, unless the socket has ended.
    pub(crate) async fn try_send(&mut self, frame: &Value) -> Result<(), Error> {
        self.send_message(Message::text(frame.to_string())).await
    }

    pub(crate) async fn send_message(&mut self, message: Message) -> Result<(), Error> {
        within(self.socket.send(message)).await
    }

    /// The connection under the socket, for a peer that reads and writes at its own pace.
    pub(crate) fn connection(&mut self) -> &mut S {
        self.socket.get_mut()
    }

    pub(crate) async fn send_frame(&mut self, frame: Frame) -> Result<(), Error> {
        self.send_message(Message::Frame(frame)).await
    }

    /// The next frame, as text.
    pub(crate) async fn next_text(&mut self) -> String {
        match within(self.socket.next()).await {
            Some(Ok(Message::Text(text))) => text.to_string(),
            other => panic!("a text frame was expected, and this came: {other:?}"),
        }
    }

    /// The next text frame, unless the socket ends before it.
    pub(crate) async fn next_text_if_any(&mut self) -> Option<String> {
        match self.socket.next().await {
            Some(Ok(Message::Text(text))) => Some(text.to_string()),
            _ => None,
        }
    }

    /// The payload of the next frame, which must be a pong.
    pub(crate) async fn next_pong(&mut self) -> Vec<u8> {
        match within(self.socket.next()).await {
            Some(Ok(Message::Pong(payload))) => payload.to_vec(),
            other => panic!("a pong was expected, and this came: {other:?}"),
        }
    }

    /// The next frame, which must be of that type.
    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        let frame: Value = serde_json::from_str(&self.next_text().await).unwrap();
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }

    /// Declares tools that take anything.
    pub(crate) async fn declare(&mut self, names: &[&str]) {
        let tools: Vec<_> = names.iter().map(|name| tool(name)).collect();
        self.send(json!({"type": "tool_register", "tools": tools})).await;
    }

    /// Declares tools, and returns what changed.
    pub(crate) async fn register(&mut self, names: &[&str]) -> Value {
        self.declare(names).await;
        self.expect("tools_registered").await
    }

    /// Sends a heartbeat and waits for the answer: all that was sent before has been treated.
    pub(crate) async fn settle(&mut self) {
        self.send(json!({"type": "heartbeat", "tools_health": {}})).await;
        self.expect("heartbeat_ack").await;
    }

    pub(crate) async fn answer(&mut self, call: &Value, result: Value) {
        self.send(json!({"type": "tool_result", "call_id": call["call_id"], "result": result, "latency_ms": 7})).await;
    }

    /// Reads on until the socket is closed, and returns the code and the reason.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            match within(self.socket.next()).await {
                Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), frame.reason.to_string()),
                Some(Ok(_)) => {}
                other => panic!("a close was expected, and this came: {other:?}"),
            }
        }
    }

    /// The refusal of the gateway: close code and reason.
    pub(crate) async fn refused(mut self) -> (u16, String) {
        let error = self.expect("error").await["error"].as_str().unwrap().to_owned();
        (self.closed().await.0, error)
    }

    /// Closes like a worker that stops, and waits until the gateway knows.
    pub(crate) async fn leave(mut self) {
        within(self.socket.close(None)).await.unwrap();
        while let Some(Ok(_)) = within(self.socket.next()).await {}
    }
}

impl Worker {
    /// The socket, for whoever says something else over it.
    pub(crate) fn into_socket(self) -> WebSocketStream<TcpStream> {
        self.socket
    }
}

impl<S> From<WebSocketStream<S>> for Worker<S> {
    fn from(socket: WebSocketStream<S>) -> Self {
        Self { socket }
    }
}

/// A tool that takes anything.
pub(crate) fn tool(name: &str) -> Value {
    json!({
        "name": name, "description": "", "input_schema": {"type": "object"}, "output_schema": null, "auth": "none",
        "roles": [], "annotations": {}
    })
}

/// Caller of tools over HTTP.
#[derive(Clone)]
pub(crate) struct Caller {
    http: reqwest::Client,
    url: String,
    key: Option<String>,
}

/// An HTTP client without proxies.
pub(crate) fn http() -> reqwest::Client {
    install_crypto_provider();
    reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().unwrap()
}

impl Caller {
    pub(crate) fn admin(gateway: &Gateway) -> Self {
        Self::at(&gateway.url()).key(dev::ADMIN_KEY)
    }

    pub(crate) fn at(url: &str) -> Self {
        Self { http: http(), url: url.to_owned(), key: None }
    }

    pub(crate) fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// The same caller at another gateway.
    pub(crate) fn moved_to(self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self }
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.answer(self.request(method, path).body(body)).await
    }

    /// The status alone, of an answer that may be no JSON.
    pub(crate) async fn status(&self, method: &str, path: &str, body: impl Into<reqwest::Body>) -> u16 {
        within(self.request(method, path).body(body).send()).await.unwrap().status().as_u16()
    }

    /// Posts with headers of the test's own.
    pub(crate) async fn send_with(&self, path: &str, headers: &[(&'static str, &str)], body: Value) -> Answer {
        let request = self.request("POST", path).body(body.to_string());
        self.answer(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.url));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// Posts under an idempotency key; `None` where the connection ends before the answer.
    pub(crate) async fn try_named(&self, path: &str, name: &str, body: &Value) -> Option<Answer> {
        let request = self.request("POST", path).header("idempotency-key", name).body(body.to_string());
        self.try_answer(request).await.ok()
    }

    /// Sends; `None` where the connection ends before the answer.
    pub(crate) async fn try_send(&self, method: &str, path: &str, body: &Value) -> Option<Answer> {
        self.try_answer(self.request(method, path).body(body.to_string())).await.ok()
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Answer {
        self.try_answer(request).await.unwrap()
    }

    async fn try_answer(&self, request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let response = within(request.send()).await?;
        let status = response.status().as_u16();
        let header = |name| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let (kind, etag, retry_after) = (header("content-type"), header("etag"), header("retry-after"));
        let text = within(response.text()).await?;
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        Ok(Answer { status, kind, etag, retry_after, body })
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, body.to_string()).await
    }

    /// Asks for what may be known already.
    pub(crate) async fn get_unless(&self, path: &str, etag: &str) -> u16 {
        within(self.request("GET", path).header("if-none-match", etag).send()).await.unwrap().status().as_u16()
    }

    /// Gets what is no JSON: its type and its text.
    pub(crate) async fn text(&self, path: &str) -> (String, String) {
        let response = within(self.request("GET", path).send()).await.unwrap();
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        (kind, within(response.text()).await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }

    pub(crate) async fn call(&self, tool: &str, body: Value) -> Answer {
        self.send("POST", &format!("/v1/tools/{tool}/call"), body.to_string()).await
    }

    /// Calls, and reads what comes as events.
    pub(crate) async fn stream(&self, tool: &str, body: Value) -> Events {
        self.open_stream(&format!("/v1/tools/{tool}/call?stream=1"), body).await
    }

    /// Posts, and reads what comes as events.
    pub(crate) async fn open_stream(&self, path: &str, body: Value) -> Events {
        let response = within(self.request("POST", path).body(body.to_string()).send()).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Events { response, read: String::new() }
    }

    /// Calls while the test goes on.
    /// Gets, and reads what comes as events.
    pub(crate) async fn follow(&self, path: &str) -> Events {
        let response = within(self.request("GET", path).send()).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Events { response, read: String::new() }
    }

    pub(crate) fn calling(&self, tool: &'static str, body: Value) -> JoinHandle<Answer> {
        let caller = self.clone();
        tokio::spawn(async move { caller.call(tool, body).await })
    }

    /// Name and `online` of every tool.
    pub(crate) async fn tools(&self) -> Vec<(String, bool)> {
        let listing = self.get("/v1/tools").await;
        assert_eq!(listing.status, 200, "{listing:?}");
        let tools = listing.body["tools"].as_array().unwrap();
        tools.iter().map(|tool| (tool["name"].as_str().unwrap().to_owned(), tool["online"] == true)).collect()
    }
}

/// Server-sent events.
pub(crate) struct Events {
    response: reqwest::Response,
    read: String,
}

impl Events {
    /// Reads on until some text is there.
    pub(crate) async fn until(&mut self, text: &str) {
        while !self.read.contains(text) {
            let chunk = within(self.response.chunk()).await.unwrap().expect("another event");
            self.read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The data of all events that are still to come; the end that is no JSON is a string.
    pub(crate) async fn rest(mut self) -> Vec<Value> {
        while let Some(chunk) = within(self.response.chunk()).await.unwrap() {
            self.read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        let data = self.read.lines().filter_map(|line| line.strip_prefix("data: "));
        data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| data.into())).collect()
    }

    /// The name and the data of the next event.
    pub(crate) async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
                let event = (line("event:").to_owned(), serde_json::from_str(line("data:")).unwrap());
                self.read = rest.to_owned();
                return event;
            }
            let chunk = within(self.response.chunk()).await.unwrap().expect("another event");
            self.read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) etag: String,
    pub(crate) retry_after: String,
    pub(crate) body: Value,
}

impl Answer {
    /// Checks that this is a problem as RFC 9457 has it.
    pub(crate) fn is_problem(&self, status: u16, code: &str, retryable: bool) {
        assert_eq!((self.status, self.kind.as_str()), (status, "application/problem+json"), "{self:?}");
        assert_eq!(self.body["status"], status, "{self:?}");
        assert_eq!(self.body["code"], code, "{self:?}");
        assert_eq!(self.body["retryable"], retryable, "{self:?}");
        assert_eq!(self.body["type"], format!("urn:platools:problem:{code}"), "{self:?}");
        assert!(self.body["title"].is_string() && self.body["detail"].is_string(), "{self:?}");
        assert_eq!(self.body["error"], self.body["detail"], "{self:?}");
    }

    pub(crate) fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap()
    }
}

/// The end of a call that runs beside the test.
pub(crate) async fn ended(call: JoinHandle<Answer>) -> Answer {
    within(call).await.unwrap()
}
