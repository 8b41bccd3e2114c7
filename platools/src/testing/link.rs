//! [`TestLink`]: plays the platform's end of a worker's socket.

use std::io;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use super::connection::{ConnectionCut, TestConnection};
use super::patience::within;

/// A worker's socket from the platform's side. Dropping it ends the connection without a close frame.
#[derive(Debug)]
pub struct TestLink<S = TestConnection> {
    socket: WebSocketStream<S>,
    request: Request,
    cut: ConnectionCut,
    received: Vec<Value>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TestLink<S> {
    /// Turns a connection into a WebSocket; `cut` is the connection's own.
    ///
    /// # Errors
    /// It was cut before that was done, or the other side speaks no WebSocket.
    pub async fn upgrade(stream: S, cut: ConnectionCut) -> io::Result<Self> {
        let mut request = None;
        #[expect(clippy::result_large_err, reason = "the library's own signature")]
        let keep = |received: &Request, response: Response| -> Result<Response, ErrorResponse> {
            request = Some(received.clone());
            Ok(response)
        };
        let socket = within(accept_hdr_async(stream, keep)).await.map_err(io::Error::other)?;
        Ok(Self { socket, request: request.expect("an upgrade has a request"), cut, received: Vec::new() })
    }

    /// A WebSocket that was upgraded elsewhere, with this request. For the crates of this workspace.
    #[doc(hidden)]
    pub fn upgraded(socket: WebSocketStream<S>, request: Request) -> Self {
        Self { socket, request, cut: ConnectionCut::default(), received: Vec::new() }
    }

    /// The path and the query the worker asked for.
    #[must_use]
    pub fn uri(&self) -> String {
        self.request.uri().to_string()
    }

    /// A header of the upgrade request.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request.headers().get(name)?.to_str().ok()
    }

    /// The point at which the connection is cut.
    #[must_use]
    pub fn cut(&self) -> &ConnectionCut {
        &self.cut
    }

    /// Sends a frame.
    ///
    /// # Panics
    /// The socket has ended.
    pub async fn send(&mut self, frame: Value) {
        self.send_text(frame.to_string()).await;
    }

    /// Every frame of the worker's that was read so far, in order.
    #[must_use]
    pub fn received(&self) -> &[Value] {
        &self.received
    }

    /// Sends a text frame, also one that is no JSON.
    ///
    /// # Panics
    /// The socket has ended.
    pub async fn send_text(&mut self, text: impl Into<String>) {
        self.try_send(text.into()).await.expect("the socket is open");
    }

    /// Sends a binary message, which no platform sends.
    ///
    /// # Panics
    /// The socket has ended.
    pub async fn send_binary(&mut self, bytes: Vec<u8>) {
        within(self.socket.send(Message::binary(bytes))).await.expect("the socket is open");
    }

    /// Sends a text frame.
    ///
    /// # Errors
    /// The socket has ended.
    pub async fn try_send(&mut self, text: String) -> io::Result<()> {
        within(self.socket.send(Message::text(text))).await.map_err(io::Error::other)
    }

    /// The next frame; `None` where the socket ends first.
    ///
    /// # Panics
    /// It is no JSON.
    pub async fn try_next(&mut self) -> Option<Value> {
        loop {
            match within(self.socket.next()).await {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).expect("a frame is JSON");
                    self.received.push(frame.clone());
                    return Some(frame);
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return None,
            }
        }
    }

    /// The next frame.
    ///
    /// # Panics
    /// The socket ends first.
    pub async fn next(&mut self) -> Value {
        self.try_next().await.expect("the socket is open")
    }

    /// The next frame, which must be of that type.
    ///
    /// # Panics
    /// It is of another.
    pub async fn expect(&mut self, kind: &str) -> Value {
        let frame = self.next().await;
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }

    /// The names of the tools in the next frame, which must register them.
    ///
    /// # Panics
    /// It does not.
    pub async fn registration(&mut self) -> Vec<String> {
        let frame = self.expect("tool_register").await;
        let tools = frame["tools"].as_array().expect("a list of tools");
        tools.iter().map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
    }

    /// Greets the worker.
    ///
    /// # Panics
    /// The socket has ended.
    pub async fn welcome(&mut self) {
        self.send(json!({"type": "welcome", "sdk_connection_id": "c", "organization_id": "o"})).await;
    }

    /// Answers the next frame, which must be a heartbeat: everything before it is confirmed.
    ///
    /// # Panics
    /// It is something else.
    pub async fn acknowledge(&mut self) {
        self.expect("heartbeat").await;
        self.confirm().await;
    }

    /// Answers a heartbeat that was read: everything before it is confirmed.
    ///
    /// # Panics
    /// The socket has ended.
    pub async fn confirm(&mut self) {
        self.send(json!({"type": "heartbeat_ack"})).await;
    }

    /// Calls a tool.
    ///
    /// # Panics
    /// The socket has ended.
    pub async fn call(&mut self, call_id: &str, tool: &str, params: Value) {
        self.send(json!({"type": "tool_call", "call_id": call_id, "tool_name": tool, "params": params})).await;
    }

    /// The result of a call, which the next frame must bring.
    ///
    /// # Panics
    /// It brings something else.
    pub async fn result(&mut self, call_id: &str) -> Value {
        let mut frame = self.expect("tool_result").await;
        assert_eq!(frame["call_id"], call_id, "{frame}");
        frame["result"].take()
    }

    /// The error of a call, which the next frame must bring.
    ///
    /// # Panics
    /// It brings something else.
    pub async fn error(&mut self, call_id: &str) -> String {
        let frame = self.expect("tool_error").await;
        assert_eq!(frame["call_id"], call_id, "{frame}");
        frame["error"].as_str().expect("a message").to_owned()
    }

    /// Closes the socket, and waits for the worker's answer.
    ///
    /// # Panics
    /// There is none.
    pub async fn close(mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        within(self.socket.close(Some(frame))).await.expect("the socket is open");
        loop {
            match within(self.socket.next()).await {
                Some(Ok(Message::Close(_))) => return,
                Some(Ok(_)) => {}
                other => panic!("the worker must answer the close, and this came: {other:?}"),
            }
        }
    }

    /// The code and the reason of the worker's close, which must be the next thing to come.
    ///
    /// # Panics
    /// It is not.
    pub async fn closed(mut self) -> (u16, String) {
        let closed = match within(self.socket.next()).await {
            Some(Ok(Message::Close(Some(frame)))) => (frame.code.into(), frame.reason.to_string()),
            other => panic!("a close was expected, and this came: {other:?}"),
        };
        while within(self.socket.next()).await.is_some() {}
        closed
    }

    /// Reads to the end of the socket, whatever comes before, and answers a close.
    pub async fn drained(mut self) {
        while within(self.socket.next()).await.is_some() {}
    }

    /// Cuts the connection with a TCP reset.
    pub fn kill(self) {
        self.cut.with_reset();
    }
}
