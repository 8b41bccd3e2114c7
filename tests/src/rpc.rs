//! [`CallerSocket`]: plays the gateway's end of a caller's socket, for tests.

use std::ops::{Deref, DerefMut};

use platools_client::{RpcClient, RpcClientBuilder};
use serde_json::{Value, json};

use crate::worker::quick;
use crate::{Link, Platform};

/// Token of the callers.
pub const TOKEN: &str = "a-token-of-a-test";

/// The user for whom callers act.
pub const USER: &str = "user_123";

/// A client that reconnects without losing time.
pub fn rpc_client(url: &str) -> RpcClientBuilder {
    RpcClient::builder().url(url).secret(TOKEN).user_id(USER).reconnect(quick())
}

/// A caller's socket from the gateway's side.
#[derive(Debug)]
pub struct CallerSocket {
    socket: Link,
    seq: u64,
}

impl CallerSocket {
    /// The next caller's socket, and the params of its `connect`, which are not answered yet.
    ///
    /// # Panics
    /// Nobody connects, or something else comes first.
    pub async fn accept(platform: &Platform) -> (Self, Value) {
        let mut socket = Self { socket: platform.accept().await, seq: 0 };
        let mut request = socket.request("connect").await;
        let params = request["params"].take();
        (socket, params)
    }

    /// The next caller's socket, on which it is an operator.
    ///
    /// # Panics
    /// As for [`accept`](Self::accept).
    pub async fn connected(platform: &Platform) -> Self {
        let (mut socket, params) = Self::accept(platform).await;
        assert_eq!(params, json!({"token": TOKEN, "user_id": USER}));
        socket.greet("operator").await;
        socket
    }

    /// Answers `connect`.
    ///
    /// # Panics
    /// The socket has ended.
    pub async fn greet(&mut self, role: &str) {
        self.reply("connect", json!({"protocol": 3, "role": role, "user_id": USER})).await;
    }

    /// The next frame, which must be a request of that method.
    ///
    /// # Panics
    /// It is something else.
    pub async fn request(&mut self, method: &str) -> Value {
        let frame = self.expect("req").await;
        assert_eq!(frame["method"], method, "{frame}");
        frame
    }

    /// Answers a request.
    ///
    /// # Panics
    /// The socket has ended.
    pub async fn reply(&mut self, id: impl Into<Value>, payload: Value) {
        self.send(json!({"type": "res", "id": id.into(), "ok": true, "payload": payload})).await;
    }

    /// Fails a request.
    ///
    /// # Panics
    /// The socket has ended.
    pub async fn fail(&mut self, id: impl Into<Value>, error: Value) {
        self.send(json!({"type": "res", "id": id.into(), "ok": false, "error": error})).await;
    }

    /// Tells of something.
    ///
    /// # Panics
    /// The socket has ended.
    pub async fn event(&mut self, name: &str, payload: Value) {
        self.seq += 1;
        let seq = self.seq;
        self.send(json!({"type": "event", "event": name, "payload": payload, "seq": seq})).await;
    }

    /// Drops so many events.
    pub fn drop_events(&mut self, count: u64) {
        self.seq += count;
    }

    /// Ends a chat with a reply.
    ///
    /// # Panics
    /// The socket has ended.
    pub async fn say(&mut self, id: impl Into<Value>, content: &str, session_id: &str) {
        let usage = json!({"input_tokens": 42, "output_tokens": 8});
        let reply = json!({"content": content, "usage": usage, "sessionId": session_id, "runId": "run"});
        self.reply(id, reply).await;
    }

    /// Closes the socket, and waits for the caller's answer.
    ///
    /// # Panics
    /// There is none.
    pub async fn close(self, code: u16, reason: &'static str) {
        self.socket.close(code, reason).await;
    }

    /// The code and the reason of the caller's close, which must be the next thing to come.
    ///
    /// # Panics
    /// It is not.
    pub async fn closed(self) -> (u16, String) {
        self.socket.closed().await
    }

    /// Cuts the connection with a TCP reset.
    pub fn kill(self) {
        self.socket.kill();
    }
}

impl Deref for CallerSocket {
    type Target = Link;

    fn deref(&self) -> &Link {
        &self.socket
    }
}

impl DerefMut for CallerSocket {
    fn deref_mut(&mut self) -> &mut Link {
        &mut self.socket
    }
}
