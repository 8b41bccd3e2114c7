//! [`Connection`]: plays the gateway on one connection of a page, for a test that sends each message itself.

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use serde_json::{Value, json};

use crate::within;

/// Connection of a page.
pub(crate) struct Connection {
    pub(crate) agent: String,
    socket: WebSocket,
}

impl Connection {
    pub(crate) fn new(agent: String, socket: WebSocket) -> Self {
        Self { agent, socket }
    }

    /// Sends `connected`, and a snapshot with positions of these ids.
    pub(crate) async fn greet(&mut self, ids: &[&str]) {
        self.send("connected", json!({"agentId": self.agent, "timestamp": "2026-01-01T00:00:00Z"})).await;
        let positions: Vec<Value> = ids.iter().map(|id| position(id)).collect();
        self.send("initial_data", json!({"positions": positions})).await;
    }

    /// Sends a price of the token of a position.
    pub(crate) async fn price(&mut self, id: &str, price: u32) {
        let update = json!({"tokenAddress": format!("token-{id}"), "price": price, "priceUsd": price * 150});
        self.send("price_update_batch", json!({"updates": [update], "timestamp": "2026-01-01T00:00:00Z"})).await;
    }

    /// Waits until the page has read everything: it answers a ping that was sent last.
    pub(crate) async fn is_read(&mut self) {
        self.text(json!({"type": "ping", "timestamp": "2026-01-01T00:00:00Z"})).await;
        let pong = self.next().await.expect("the page does not leave");
        assert_eq!(pong["type"], "pong");
    }

    /// Waits until the page has left.
    pub(crate) async fn is_left(&mut self) {
        let left = self.next().await;
        assert_eq!(left, None);
    }

    /// Closes the connection.
    pub(crate) async fn close(mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code, reason: reason.into() };
        within(self.socket.send(Message::Close(Some(frame)))).await.unwrap();
        self.is_left().await;
    }

    pub(crate) async fn send(&mut self, kind: &str, data: Value) {
        self.text(json!({"type": kind, "data": data})).await;
    }

    async fn text(&mut self, message: Value) {
        within(self.socket.send(Message::text(message.to_string()))).await.unwrap();
    }

    /// The next message of the page, or nothing after its close.
    async fn next(&mut self) -> Option<Value> {
        match within(self.socket.recv()).await {
            Some(Ok(Message::Text(text))) => Some(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => None,
            Some(Ok(other)) => panic!("the page sent {other:?}"),
        }
    }
}

/// A position in the wire's form, bought at 2 SOL.
pub(crate) fn position(id: &str) -> Value {
    json!({
        "id": id, "tokenAddress": format!("token-{id}"), "tokenSymbol": id, "amount": 10, "purchasePrice": 2,
        "currentPrice": 2, "currentPriceUsd": 300,
    })
}
