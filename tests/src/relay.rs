//! [`Relay`]: stands between a worker and its gateway. It passes their frames on, or cuts the connection, as the test says.

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::{Link, Platform, within};

/// A worker's socket whose frames go on to a gateway. Dropping it ends both sides without a close frame.
#[derive(Debug)]
pub struct Relay {
    worker: Link,
    gateway: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Relay {
    /// Accepts the next worker of `platform`, and dials the gateway at `url` as that worker.
    ///
    /// # Panics
    /// Nobody connects, or the gateway does not answer.
    pub async fn accept(platform: &Platform, url: &str) -> Self {
        let worker = platform.accept().await;
        let url = format!("{}{}", url.replace("http://", "ws://"), worker.uri());
        let mut request = url.into_client_request().expect("a URL");
        for name in ["authorization", "platools-features", "platools-instance"] {
            if let Some(value) = worker.header(name) {
                request.headers_mut().insert(name, value.parse().expect("it was a header before"));
            }
        }
        let (gateway, _) = within(connect_async(request)).await.expect("the gateway takes the worker");
        Self { worker, gateway }
    }

    /// Hands frames on, both ways, up to the next of the worker's that is of one of these types; that one is kept back.
    ///
    /// # Panics
    /// Either side ends.
    pub async fn up_to_workers(&mut self, kinds: &[&str]) -> Value {
        loop {
            // Both arms are cancel-safe: they only wait for a frame.
            tokio::select! {
                frame = self.worker.next() => {
                    if kinds.iter().any(|kind| frame["type"] == *kind) {
                        return frame;
                    }
                    self.to_gateway(&frame).await;
                }
                frame = next(&mut self.gateway) => self.worker.send_text(frame).await,
            }
        }
    }

    /// Hands frames on, both ways, up to and with the next of the gateway's of that type.
    ///
    /// # Panics
    /// Either side ends.
    pub async fn with_gateways(&mut self, kind: &str) -> Value {
        loop {
            // As above.
            tokio::select! {
                frame = self.worker.next() => self.to_gateway(&frame).await,
                text = next(&mut self.gateway) => {
                    let frame: Value = serde_json::from_str(&text).expect("a frame is JSON");
                    self.worker.send_text(text).await;
                    if frame["type"] == kind {
                        return frame;
                    }
                }
            }
        }
    }

    /// Hands a frame of the worker's on.
    ///
    /// # Panics
    /// The gateway has ended.
    pub async fn to_gateway(&mut self, frame: &Value) {
        within(self.gateway.send(Message::text(frame.to_string()))).await.expect("the gateway listens");
    }

    /// Cuts both connections, the worker's with a TCP reset.
    pub fn kill(self) {
        self.worker.kill();
    }
}

async fn next(gateway: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> String {
    loop {
        match within(gateway.next()).await {
            Some(Ok(Message::Text(text))) => return text.to_string(),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => panic!("a frame of the gateway's was expected, and this came: {other:?}"),
        }
    }
}
