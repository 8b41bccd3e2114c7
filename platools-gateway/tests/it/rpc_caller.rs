//! `RpcCaller`: a client of gateway RPC for the tests.

use futures::{SinkExt as _, StreamExt as _};
use platools_gateway::{Gateway, Role, dev};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;

use crate::support::{Dial, within};

/// Connection of a caller over gateway RPC.
pub(crate) struct RpcCaller {
    socket: WebSocketStream<TcpStream>,
    requests: u64,
    /// The events that were read and are not taken yet.
    pub(crate) events: Vec<Value>,
}

impl RpcCaller {
    /// Connects without saying who it is.
    pub(crate) async fn stranger(dial: Dial) -> Self {
        Self { socket: dial.open().await.into_socket(), requests: 0, events: Vec::new() }
    }

    pub(crate) async fn stranger_at(gateway: &Gateway) -> Self {
        Self::stranger(Dial::to(gateway, "/ws")).await
    }

    /// Connects with a token as a user.
    pub(crate) async fn with(gateway: &Gateway, token: &str, user: &str) -> Self {
        Self::known(Dial::to(gateway, "/ws"), json!({"token": token, "user_id": user})).await
    }

    /// Connects as the development gateway's admin.
    pub(crate) async fn admin(gateway: &Gateway) -> Self {
        Self::with(gateway, dev::ADMIN_KEY, "u-admin").await
    }

    /// Connects with an operator's key of its own, for a user.
    pub(crate) async fn operator(gateway: &Gateway, user: &str) -> Self {
        let key = gateway.add_key(Role::Operator).await.unwrap();
        Self::with(gateway, key.expose_secret(), user).await
    }

    /// Connects and says who it is.
    pub(crate) async fn known(dial: Dial, connect: Value) -> Self {
        let mut caller = Self::stranger(dial).await;
        caller.ok("connect", connect).await;
        caller
    }

    /// Sends a request, and returns the whole answer.
    pub(crate) async fn answer(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params).await;
        self.response(&id).await
    }

    /// Sends a request, and returns its id.
    pub(crate) async fn send(&mut self, method: &str, params: Value) -> String {
        self.requests += 1;
        let id = self.requests.to_string();
        self.send_as(&id, method, params).await;
        id
    }

    pub(crate) async fn send_as(&mut self, id: &str, method: &str, params: Value) {
        self.send_text(json!({"type": "req", "id": id, "method": method, "params": params}).to_string()).await;
    }

    /// Sends requests without params at once, and returns their ids.
    pub(crate) async fn send_burst(&mut self, method: &str, requests: usize) -> Vec<String> {
        let ids: Vec<_> = (0..requests).map(|number| format!("burst-{number}")).collect();
        for id in &ids {
            let text = json!({"type": "req", "id": id, "method": method}).to_string();
            within(self.socket.feed(Message::text(text))).await.unwrap();
        }
        within(self.socket.flush()).await.unwrap();
        ids
    }

    pub(crate) async fn send_text(&mut self, text: impl Into<String>) {
        self.send_message(Message::text(text.into())).await;
    }

    /// Sends a text that the gateway may not read to its end.
    pub(crate) async fn try_send_text(&mut self, text: impl Into<String>) {
        let _ = within(self.socket.send(Message::text(text.into()))).await;
    }

    /// Sends a frame that the gateway may not read to its end.
    pub(crate) async fn try_send_frame(&mut self, frame: Frame) {
        let _ = within(self.socket.send(Message::Frame(frame))).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        within(self.socket.send(message)).await.unwrap();
    }

    pub(crate) async fn send_frame(&mut self, frame: Frame) {
        self.send_message(Message::Frame(frame)).await;
    }

    /// The connection under the socket, for frames that are not finished.
    pub(crate) fn connection(&mut self) -> &mut TcpStream {
        self.socket.get_mut()
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> Value {
        match self.next_message().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")),
            other => panic!("a frame was expected, and this came: {other:?}"),
        }
    }

    /// The next message that is no ping and no pong.
    async fn next_message(&mut self) -> Option<Message> {
        loop {
            match within(self.socket.next()).await {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(message)) => return Some(message),
                None | Some(Err(_)) => return None,
            }
        }
    }

    /// The next event.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        let event = if self.events.is_empty() { self.next().await } else { self.events.remove(0) };
        assert_eq!((&event["type"], &event["event"]), (&json!("event"), &json!(name)), "{event}");
        event["payload"].clone()
    }

    /// The response to a request, after the events before it.
    pub(crate) async fn response(&mut self, id: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["type"] == "event" {
                self.events.push(frame);
            } else {
                assert_eq!((&frame["type"], &frame["id"]), (&json!("res"), &json!(id)), "{frame}");
                return frame;
            }
        }
    }

    /// Asks for something that must succeed.
    pub(crate) async fn ok(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params).await;
        let mut response = self.response(&id).await;
        assert_eq!(response["ok"], true, "{method}: {response}");
        response["payload"].take()
    }

    /// Asks for something that must fail.
    pub(crate) async fn error(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params).await;
        self.failed(&id).await
    }

    /// The error that a request ends with.
    pub(crate) async fn failed(&mut self, id: &str) -> Value {
        let mut response = self.response(id).await;
        assert_eq!(response["ok"], false, "{response}");
        assert!(response["error"]["message"].is_string() && response["error"]["retryable"].is_boolean(), "{response}");
        response["error"].take()
    }

    /// Asks for something that must fail, and returns the code.
    pub(crate) async fn code(&mut self, method: &str, params: Value) -> String {
        self.error(method, params).await["code"].as_str().unwrap().to_owned()
    }

    /// The events that were read, by name, which must be numbered without a gap up to here.
    pub(crate) fn take_events(&mut self) -> Vec<(String, Value)> {
        let events = std::mem::take(&mut self.events);
        let seqs: Vec<_> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
        assert!(seqs.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{seqs:?}");
        let named = |event: Value| (event["event"].as_str().unwrap().to_owned(), event["payload"].clone());
        events.into_iter().map(named).collect()
    }

    /// Reads on until the socket is closed, and returns the code and the reason.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.next_message().await {
                Some(Message::Close(Some(frame))) => {
                    // The answer to the close is written while the end is read.
                    while self.next_message().await.is_some() {}
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(_) => {}
                None => panic!("the socket ended without a close"),
            }
        }
    }
}
