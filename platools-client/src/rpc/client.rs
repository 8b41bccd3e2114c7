//! [`RpcClient`]: sends an application's requests to a gateway: calls of tools, chats with agents, and any other method.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::stream::BoxStream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::error::{RequestError, RequestErrorKind};
use super::event::RpcEvent;
use super::pending_requests::{Answer, Outgoing};
use platools_protocol::json::to_raw_value;
use platools_protocol::rpc::{Connected, MAX_MESSAGE_BYTES, Request, Role};
use platools_transport::{ConnectionState, Reporter};

/// A caller of a gateway, over one WebSocket that is opened again whenever it ends. Clones share it.
///
/// Requests are answered independently of each other and may be made at once, from any task. While there is no connection,
/// new ones wait for it; requests without an answer fail when a connection ends, with a
/// [retryable](RequestError::is_retryable) error and are never sent again by themselves.
///
/// A client has **one chat at a time**, because the events of some gateways do not say which request they belong to: another chat
/// waits for its turn, and everything else goes on meanwhile. For several at once, use several clients. From such a gateway, tools that
/// are called with the same client while a chat runs have their events among those of the chat.
///
/// The connection ends with the last clone, at once; [`disconnect`](Self::disconnect) closes it in order first.
#[derive(Clone)]
pub struct RpcClient(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) requests: mpsc::Sender<Outgoing>,
    /// The number of the latest request; no two of a client have the same, whatever socket they are on.
    pub(super) ids: AtomicU64,
    /// The turn of one chat at a time.
    pub(super) turn: Arc<Semaphore>,
    pub(super) request_timeout: Duration,
    pub(super) tool_timeout: Duration,
    pub(super) reporter: Reporter<RpcEvent>,
    pub(super) identity: watch::Receiver<Option<Connected>>,
    pub(super) stop: watch::Sender<bool>,
    /// Has the task of the connection, and ends it when it is dropped.
    pub(super) task: JoinSet<()>,
}

impl RpcClient {
    pub(super) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Makes a request of any method, and waits for its reply. `params` must be a JSON object, or `()` for none.
    ///
    /// Dropping the future before the request was taken off the client's queue means that it is not sent; after that the
    /// gateway carries it out, and its answer is dropped.
    ///
    /// ```no_run
    /// # async fn example(client: platools_client::RpcClient) -> Result<(), platools_client::RequestError> {
    /// let tools: serde_json::Value = client.call("tools.list", ()).await?;
    /// # drop(tools);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The gateway refused or failed, the connection was lost, no answer came within the request timeout, the request cannot
    /// be sent or the reply is no `R`; see [`RequestErrorKind`].
    pub async fn call<P, R>(&self, method: &str, params: P) -> Result<R, RequestError>
    where
        P: Serialize,
        R: DeserializeOwned,
    {
        self.request(method, &params, self.0.request_timeout).await
    }

    /// Returns the caller's role, as the gateway said last; `None` before the first connection.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.0.identity.borrow().as_ref().map(|connected| connected.role.clone())
    }

    /// Returns the state of the connection.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.0.reporter.watch().borrow().clone()
    }

    /// Watches the state of the connection. Only the latest state is kept.
    #[must_use]
    pub fn watch_state(&self) -> watch::Receiver<ConnectionState> {
        self.0.reporter.watch()
    }

    /// Streams events of the client's connections from now on, with every event of the gateway. A listener that is 256 behind
    /// misses the oldest ones, and is told so.
    #[must_use]
    pub fn events(&self) -> BoxStream<'static, RpcEvent> {
        self.0.reporter.listen(|count| Some(RpcEvent::Missed { count }))
    }

    /// Closes the connection for good, and returns once it is closed. Requests without an answer fail.
    ///
    /// Dropping the future changes nothing: the connection is closed all the same.
    pub async fn disconnect(&self) {
        self.0.stop.send_replace(true);
        // The connection has the only receiver.
        self.0.stop.closed().await;
    }

    pub(super) fn tool_timeout(&self) -> Duration {
        self.0.tool_timeout
    }

    /// Makes a request and waits for its reply, no longer than the limit.
    pub(super) async fn request<R: DeserializeOwned>(
        &self,
        method: &str,
        params: &impl Serialize,
        limit: Duration,
    ) -> Result<R, RequestError> {
        let (id, frame) = self.frame(method, params)?;
        let answered = async {
            let (answer, reply) = oneshot::channel();
            self.send(Outgoing { id, frame, answer: Answer::Once(answer) }).await?;
            reply.await.unwrap_or_else(|_| Err(self.ended()))
        };
        let payload = timeout(limit, answered).await.map_err(|_| RequestError::timed_out(limit))??;
        serde_json::from_str(payload.get()).map_err(RequestError::invalid_reply)
    }

    /// The next request, written.
    pub(super) fn frame(&self, method: &str, params: &impl Serialize) -> Result<(u64, Utf8Bytes), RequestError> {
        let params = to_raw_value("params", params).map_err(RequestError::invalid_params)?;
        let params = object(&params)?;
        let id = self.0.ids.fetch_add(1, Ordering::Relaxed) + 1;
        let text = Request::new(id.to_string(), method, params).to_text();
        if text.len() > MAX_MESSAGE_BYTES {
            let message = format!(
                "the request has {} bytes, and a gateway reads at most {MAX_MESSAGE_BYTES}; send less",
                text.len()
            );
            return Err(RequestError::new(RequestErrorKind::TooLarge, message));
        }
        Ok((id, text.into()))
    }

    /// Hands a request over. Waits while there are too many before it, or no connection.
    pub(super) async fn send(&self, request: Outgoing) -> Result<(), RequestError> {
        self.0.requests.send(request).await.map_err(|_| self.ended())
    }

    /// The error of requests after the client's end.
    pub(super) fn ended(&self) -> RequestError {
        match self.state() {
            ConnectionState::Failed { reason, .. } => {
                RequestError::new(RequestErrorKind::Closed, format!("the client has given up connecting: {reason}"))
            }
            _ => RequestError::closed(),
        }
    }
}

/// Params that are an object; nothing is an empty one.
fn object(params: &RawValue) -> Result<&RawValue, RequestError> {
    match params.get() {
        "null" => Ok(serde_json::from_str("{}").expect("it is JSON")),
        text if text.starts_with('{') => Ok(params),
        _ => Err(RequestError::new(
            RequestErrorKind::InvalidParams,
            "the params are no JSON object; give a map or a struct with named fields",
        )),
    }
}

impl fmt::Debug for RpcClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcClient").field("state", &self.state()).finish_non_exhaustive()
    }
}
