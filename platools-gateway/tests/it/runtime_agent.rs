//! `Agent`: an agent with a session for the tests, over HTTP and sockets.

use std::sync::atomic::{AtomicU64, Ordering};

use futures::{SinkExt as _, StreamExt as _};
use platools_gateway::admin::NewKey;
use platools_gateway::domain::agent_profile::Profile;
use platools_gateway::limits::Limits;
use platools_gateway::{Builder, Gateway, Role, RuntimeSettings};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Answer, Caller, Dial, within};

/// A gateway with that patience.
pub(crate) fn patient(change: impl FnOnce(&mut RuntimeSettings)) -> Builder {
    let mut settings = RuntimeSettings::default();
    change(&mut settings);
    // Many tests come with many wrong tickets, or with many agents.
    let mut limits = Limits::default();
    limits.address.failures_per_minute = 100_000.try_into().unwrap();
    Gateway::builder().runtime(settings).limits(limits)
}

pub(crate) async fn started() -> Gateway {
    within(patient(|_| {}).start()).await.unwrap()
}

/// Type of the message that shows that a socket has sent everything before it.
const SETTLE: &str = "test.settle";

/// An agent with a key of its own.
#[derive(Clone)]
pub(crate) struct Agent {
    pub(crate) http: Caller,
    pub(crate) slug: String,
    pub(crate) key: String,
    url: String,
}

impl Agent {
    /// A new agent of the default project, with an operator's key.
    pub(crate) async fn new(gateway: &Gateway, slug: &str) -> Self {
        let admin = gateway.core().local_admin();
        admin.add_agent(slug, Profile::default()).await.unwrap();
        Self::with_role(gateway, slug, Role::Operator).await
    }

    /// An agent that is there, with a new key.
    pub(crate) async fn with_role(gateway: &Gateway, slug: &str, role: Role) -> Self {
        let mut key = NewKey::new(role);
        key.credential.agent = Some(slug.to_owned());
        let key = gateway.core().local_admin().add_key(key).await.unwrap().secret;
        Self::known(&gateway.url(), slug, key.expose_secret())
    }

    pub(crate) fn known(url: &str, slug: &str, key: &str) -> Self {
        let http = Caller::at(url).key(key);
        Self { http, slug: slug.to_owned(), key: key.to_owned(), url: url.to_owned() }
    }

    /// The same agent at another gateway.
    pub(crate) fn moved_to(&self, gateway: &Gateway) -> Self {
        Self::known(&gateway.url(), &self.slug, &self.key)
    }

    /// Begins a session, and returns its id.
    pub(crate) async fn connect(&self) -> String {
        let connected = self.http.post("/v1/runtime/connect", json!({})).await;
        assert_eq!(connected.status, 201, "{connected:?}");
        connected.body["sessionId"].as_str().unwrap().to_owned()
    }

    /// Asks for something that must succeed.
    pub(crate) async fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        let answer = self.http.send(method, path, if body.is_null() { String::new() } else { body.to_string() }).await;
        assert!(matches!(answer.status, 200 | 201), "{method} {path}: {answer:?}");
        answer.body
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.ok("GET", path, Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        self.ok("POST", path, body).await
    }

    /// Asks for something that must fail, and returns the status and the error.
    pub(crate) async fn refused(&self, method: &str, path: &str, body: Value) -> (u16, String) {
        is_refused(&self.http.send(method, path, if body.is_null() { String::new() } else { body.to_string() }).await)
    }

    pub(crate) async fn ticket(&self) -> String {
        self.post("/v1/ws/ticket", Value::Null).await["ticket"].as_str().unwrap().to_owned()
    }

    /// Request for a socket of the agent, with a new ticket.
    pub(crate) async fn dial(&self) -> Dial {
        self.dial_with(&self.ticket().await)
    }

    pub(crate) fn dial_with(&self, ticket: &str) -> Dial {
        Dial::at(&self.url.replace("http://", "ws://"), &format!("/ws/runtime?ticket={ticket}"))
    }

    /// Opens a socket, and waits until the gateway has it.
    pub(crate) async fn open(&self) -> AgentSocket {
        self.open_with(self.dial().await).await
    }

    pub(crate) async fn open_with(&self, dial: Dial) -> AgentSocket {
        let mut socket = AgentSocket(dial.open().await.into_socket());
        socket.settle().await;
        socket
    }

    /// Begins a session, and opens a socket.
    pub(crate) async fn join(&self) -> AgentSocket {
        self.connect().await;
        self.open().await
    }

    /// Makes a channel, and returns its id.
    pub(crate) async fn channel(&self, slug: &str) -> String {
        let channel = self.post("/v1/channels", json!({"slug": slug, "name": slug})).await;
        channel["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn say(&self, channel: &str, content: &str) -> Value {
        self.post(&format!("/v1/channels/{channel}/messages"), json!({"content": content})).await
    }
}

/// That an answer is an error as agents are told them.
pub(crate) fn is_refused(answer: &Answer) -> (u16, String) {
    assert!(answer.status >= 400 && answer.kind == "application/json", "{answer:?}");
    assert_eq!(answer.body.as_object().unwrap().keys().collect::<Vec<_>>(), ["error"], "{answer:?}");
    (answer.status, answer.body["error"].as_str().unwrap().to_owned())
}

/// Socket of an agent.
pub(crate) struct AgentSocket(pub(crate) WebSocketStream<TcpStream>);

impl AgentSocket {
    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_text(&frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        within(self.0.send(Message::text(text))).await.unwrap();
    }

    /// The next event, whatever it is.
    async fn next_of_all(&mut self) -> Value {
        match within(self.next_message()).await {
            Some(Message::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("an event was expected, and this came: {other:?}"),
        }
    }

    /// The next message that is no ping.
    async fn next_message(&mut self) -> Option<Message> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Ping(_))) => {}
                Some(Ok(message)) => return Some(message),
                None | Some(Err(_)) => return None,
            }
        }
    }

    /// The next event. What settles other sockets of the agent is none.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            let event = self.next_of_all().await;
            if event["type"] != SETTLE {
                return event;
            }
        }
    }

    /// The data of the next event, which must be of that type.
    pub(crate) async fn event(&mut self, kind: &str) -> Value {
        let event = self.next().await;
        assert_eq!(event["type"], kind, "{event}");
        assert!(event["timestamp"].as_str().unwrap().ends_with('Z'), "{event}");
        assert_eq!(event.as_object().unwrap().len(), 3, "{event}");
        event["data"].clone()
    }

    /// Waits until everything that was sent before is treated. What comes meanwhile must not.
    pub(crate) async fn settle(&mut self) {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        self.send(json!({"type": SETTLE, "data": number})).await;
        loop {
            let event = self.next_of_all().await;
            assert_eq!(event["type"], SETTLE, "nothing should have come: {event}");
            if event["data"] == number {
                return;
            }
        }
    }

    pub(crate) async fn subscribe(&mut self, channel: &str) {
        self.send(json!({"type": "channel.subscribe", "channelId": channel})).await;
        self.settle().await;
    }

    /// The error of a refused frame.
    pub(crate) async fn refused(&mut self, text: &str) -> String {
        self.send_text(text).await;
        self.event("error").await["error"].as_str().unwrap().to_owned()
    }

    /// Reads on until the socket is closed, and returns the code and the reason.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        within(self.closed_after(&mut 0)).await
    }

    /// The same, and counts the events before.
    pub(crate) async fn closed_after(&mut self, events: &mut usize) -> (u16, String) {
        loop {
            match self.next_message().await {
                Some(Message::Close(Some(frame))) => {
                    // The answer to the close is written while the end is read.
                    while self.next_message().await.is_some() {}
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(_) => *events += 1,
                None => panic!("the socket ended without a close"),
            }
        }
    }

    /// Leaves like an agent that stops, and waits until the gateway knows.
    pub(crate) async fn leave(mut self) {
        within(self.0.close(None)).await.unwrap();
        while let Some(Ok(_)) = within(self.0.next()).await {}
    }
}
