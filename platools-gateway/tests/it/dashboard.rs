//! `Dashboard`: a client of the live feed for the tests.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use platools_gateway::admin::{NewAgent, NewToken};
use platools_gateway::domain::ids::AgentId;
use platools_gateway::{Gateway, Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::{Dial, within};

/// An agent of the user `u-1`.
pub(crate) async fn add_agent(gateway: &Gateway, slug: &str) -> AgentId {
    let new = NewAgent { owner: Some("u-1".to_owned()), ..NewAgent::default() };
    within(gateway.core().local_admin().add_agent(slug, new)).await.unwrap().id
}

/// A viewer's token for a user.
pub(crate) async fn token_of(gateway: &Gateway, user: &str) -> String {
    token(gateway, Role::Viewer, Some(user), None).await
}

pub(crate) async fn token(gateway: &Gateway, role: Role, user: Option<&str>, agent: Option<&str>) -> String {
    let (user_id, agent) = (user.map(str::to_owned), agent.map(str::to_owned));
    let mut new = NewToken { user_id, ..NewToken::new(role, Duration::from_secs(3600)) };
    new.credential.agent = agent;
    gateway.core().local_admin().mint_token(new).await.unwrap().token.expose_secret().to_owned()
}

/// Connection of a dashboard.
pub(crate) struct Dashboard {
    socket: WebSocketStream<TcpStream>,
}

impl Dashboard {
    /// Request of a dashboard for its socket.
    pub(crate) fn dial(gateway: &Gateway, token: &str, agent: &str) -> Dial {
        Dial::to(gateway, &format!("/ws?token={token}&agentId={agent}"))
    }

    pub(crate) async fn open(dial: Dial) -> Self {
        Self { socket: dial.open().await.into_socket() }
    }

    /// Connects for an agent of `u-1`, and takes what comes first.
    pub(crate) async fn of(gateway: &Gateway, agent: &str) -> Self {
        let mut dashboard = Self::open(Self::dial(gateway, &token_of(gateway, "u-1").await, agent)).await;
        dashboard.expect("connected").await;
        dashboard.expect("initial_data").await;
        dashboard
    }

    /// The status that the upgrade is refused with.
    pub(crate) async fn refused(dial: Dial) -> u16 {
        match dial.try_open().await {
            Err(Error::Http(response)) => response.status().as_u16(),
            Err(other) => panic!("{other:?}"),
            Ok(_) => 101,
        }
    }

    pub(crate) async fn say(&mut self, message: Value) {
        self.send(Message::text(message.to_string())).await;
    }

    pub(crate) async fn send(&mut self, message: Message) {
        within(self.socket.send(message)).await.unwrap();
    }

    /// The next message, whatever it is.
    pub(crate) async fn next(&mut self) -> Value {
        match within(self.socket.next()).await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap(),
            other => panic!("a message was expected, and this came: {other:?}"),
        }
    }

    /// The `data` of the next message that is no ping, which must be of that type.
    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        loop {
            let mut message = self.next().await;
            if message["type"] == "ping" && kind != "ping" {
                self.say(json!({"type": "pong", "timestamp": message["timestamp"]})).await;
                continue;
            }
            assert_eq!(message["type"], kind, "{message}");
            return message["data"].take();
        }
    }

    /// The `data` of the next message of that type, whatever is before it.
    pub(crate) async fn until(&mut self, kind: &str) -> Value {
        loop {
            let mut message = self.next().await;
            if message["type"] == kind {
                return message["data"].take();
            }
        }
    }

    /// The next error, whose text must have this part.
    pub(crate) async fn error(&mut self, part: &str) {
        let data = self.expect("error").await;
        assert!(data["message"].as_str().unwrap().contains(part), "{data}");
    }

    /// The code that the socket is closed with.
    pub(crate) async fn close_code(&mut self) -> u16 {
        self.close_frame().await.0
    }

    /// Reads on until the socket is closed, and returns the code and the reason.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        let close = self.close_frame().await;
        self.end().await;
        close
    }

    /// Says something in place of every pong, until the socket is closed.
    pub(crate) async fn closed_while_saying(&mut self, message: Value) -> (u16, String) {
        loop {
            match within(self.socket.next()).await {
                Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), frame.reason.to_string()),
                // An answer to what comes in answer would never end.
                Some(Ok(Message::Text(text))) if text.contains("\"ping\"") => self.say(message.clone()).await,
                Some(Ok(_)) => {}
                other => panic!("a close was expected, and this came: {other:?}"),
            }
        }
    }

    /// The close, which must be the next message.
    pub(crate) async fn next_close(&mut self) -> (u16, String) {
        match within(self.socket.next()).await {
            Some(Ok(Message::Close(Some(frame)))) => (frame.code.into(), frame.reason.to_string()),
            other => panic!("a close was expected, and this came: {other:?}"),
        }
    }

    /// Answers the close.
    pub(crate) async fn end(&mut self) {
        // The answer is written while the end is read.
        while let Some(Ok(_)) = within(self.socket.next()).await {}
    }

    /// The close, which is not answered yet.
    pub(crate) async fn close_frame(&mut self) -> (u16, String) {
        loop {
            match within(self.socket.next()).await {
                Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), frame.reason.to_string()),
                Some(Ok(_)) => {}
                other => panic!("a close was expected, and this came: {other:?}"),
            }
        }
    }

    /// Closes like a page that is left, and waits until the gateway knows.
    pub(crate) async fn leave(mut self) {
        within(self.socket.close(None)).await.unwrap();
        self.end().await;
    }
}

/// A reason as it is compared.
pub(crate) fn close(code: u16, reason: &str) -> (u16, String) {
    (code, reason.to_owned())
}
