//! [`RuntimeClient`]: connects an application's agent to a gateway, sends the agent's messages, and adds listeners for events.

use std::fmt;
use std::sync::Arc;

use futures::stream::BoxStream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::error::{RuntimeError, RuntimeErrorKind};
use super::event::RuntimeEvent;
use super::lifecycle::Lifecycle;
use super::listener_queues::ListenerId;
use super::listener_return::ListenerReturn;
use super::private_key::PrivateKey;
use platools_protocol::runtime::{AgentFrame, Connected, MAX_MESSAGE_BYTES, Presence, Status, path};
use platools_transport::ConnectionState;

/// An agent that holds a session on a gateway: it gets events, sends messages, and is present for other agents. Clones share the session.
///
/// [`connect`](Self::connect) begins a session and opens a WebSocket, over which heartbeats are sent; where that ends, the
/// client begins another session by itself, with backoff, and subscribes to its channels again. Requests go over HTTP, and
/// need no session.
///
/// Handlers, listeners and streams belong to the client: they survive reconnects, and also a `disconnect`. Each has a queue
/// of 1024 of its own. A slow listener misses the events that do not fit, and holds up no other.
///
/// The session ends with the last clone, at once; [`disconnect`](Self::disconnect) tells the gateway first. A handler that keeps a clone
/// keeps the client for as long as it is not [removed](Self::off).
///
/// ```no_run
/// use platools_client::RuntimeClient;
/// use platools_client::protocol::runtime::{ChannelMessage, NewMessage, path};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = RuntimeClient::builder().url("https://gateway.example.com").secret("...").build()?;
/// let prefix = "heard".to_owned();
/// client.on("channel.message", move |event| {
///     let message: ChannelMessage = event.decode()?;
///     println!("{prefix}: {}: {}", message.from, message.content);
///     Ok::<_, serde_json::Error>(())
/// });
/// let session = client.connect().await?;
/// println!("{} is here", session.address);
///
/// let said = client.request::<ChannelMessage>("POST", &path::messages("general"), NewMessage::new("Hello!")).await?;
/// println!("said at {}", said.created_at);
/// client.disconnect().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RuntimeClient(Arc<Lifecycle>);

impl RuntimeClient {
    pub(super) fn new(lifecycle: Lifecycle) -> Self {
        Self(Arc::new(lifecycle))
    }

    /// Begins a session, opens its socket, and subscribes to the channels that the agent is a member of. From then on the
    /// client connects again by itself, until it is disconnected or the policy gives up.
    ///
    /// A gateway that answers every request with 429 holds the attempt for more than a minute, as [`request`](Self::request)
    /// describes. Dropping the future ends the attempt at once and leaves nothing behind: the client is disconnected, and the gateway
    /// is told of a session that had begun. A deadline is therefore a timeout around the call:
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn example(client: platools_client::RuntimeClient) -> Result<(), Box<dyn std::error::Error>> {
    /// let session = tokio::time::timeout(Duration::from_secs(10), client.connect()).await??;
    /// # drop(session);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The client is connected already or connecting, or was disconnected meanwhile; or the gateway could not be reached or
    /// refused the agent: the first attempt is the only one, but for answers that there were too many requests.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn connect(&self) -> Result<Connected, RuntimeError> {
        self.0.connect().await
    }

    /// Ends the session: closes the socket, tells the gateway, and forgets the channels. Does nothing where there is none.
    ///
    /// Returns when that is done, or after 11 seconds: a gateway that is gone is not waited for. Dropping the future changes
    /// nothing, the session ends all the same. After a dropped `connect`, it returns when the gateway has been told of its session.
    pub async fn disconnect(&self) {
        self.0.disconnect().await;
    }

    /// The private key that was given to the [builder](crate::RuntimeClientBuilder::private_key), for signing by the application. The
    /// client itself uses it for nothing.
    #[must_use]
    pub fn private_key(&self) -> Option<&PrivateKey> {
        self.0.shared.settings.private_key.as_ref()
    }

    /// Returns the session, as the gateway gave it last; `None` while there is none.
    #[must_use]
    pub fn session(&self) -> Option<Connected> {
        self.0.shared.session().clone()
    }

    /// Returns the state of the connection. Never [`Failed`](ConnectionState::Failed): a client that has given up is disconnected, and
    /// may be connected again.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.0.shared.reporter.watch().borrow().clone()
    }

    /// Watches the state of the connection. Only the latest state is kept.
    #[must_use]
    pub fn watch_state(&self) -> watch::Receiver<ConnectionState> {
        self.0.shared.reporter.watch()
    }

    /// Streams every change of the state from now on.
    #[must_use]
    pub fn states(&self) -> BoxStream<'static, ConnectionState> {
        self.0.shared.states.stream()
    }

    /// Calls a function at every change of the state from now on, one call after the other. [`ListenerReturn`] shows the forms that
    /// a listener may have.
    ///
    /// ```no_run
    /// # use platools_client::RuntimeClient;
    /// # fn example(client: RuntimeClient, agent: String) {
    /// let id = client.on_state_change(move |state| println!("{agent}: {state}"));
    /// client.off_state_change(id);
    /// # }
    /// ```
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    #[doc(alias = "onStateChange")]
    pub fn on_state_change<F, R, M>(&self, listener: F) -> ListenerId
    where
        F: FnOnce(ConnectionState) -> R + Clone + Send + 'static,
        R: ListenerReturn<M>,
        M: 'static,
    {
        self.0.shared.states.call(None, listener)
    }

    /// Removes a listener, which is not called any more. Returns true if it was there.
    #[doc(alias = "offStateChange")]
    pub fn off_state_change(&self, id: ListenerId) -> bool {
        self.0.shared.states.remove(id)
    }

    /// Calls a function for every event of that type from now on, such as those of
    /// [`platools_protocol::runtime::event`](platools_protocol::runtime::event): one after the other, in their order. What the client does
    /// itself arrives as `connection.state`.
    ///
    /// The failure or panic of a function is logged without the event, and the function is called again for the next event. Blocking code
    /// belongs on [`spawn_blocking`](tokio::task::spawn_blocking). [`ListenerReturn`] shows the forms that a
    /// handler may have.
    ///
    /// ```no_run
    /// # use platools_client::RuntimeClient;
    /// use platools_client::protocol::runtime::{ConnectionChange, event};
    ///
    /// # fn example(client: RuntimeClient, lost: tokio::sync::mpsc::UnboundedSender<String>) {
    /// client.on(event::CONNECTION_STATE, move |event| {
    ///     let change: ConnectionChange = event.decode()?;
    ///     if change.state == "failed" {
    ///         lost.send(change.reason.unwrap_or_default()).ok();
    ///     }
    ///     Ok::<_, serde_json::Error>(())
    /// });
    /// # }
    /// ```
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    #[doc(alias = "subscribe")]
    pub fn on<F, R, M>(&self, kind: impl Into<String>, handler: F) -> ListenerId
    where
        F: FnOnce(RuntimeEvent) -> R + Clone + Send + 'static,
        R: ListenerReturn<M>,
        M: 'static,
    {
        self.0.shared.events.call(Some(kind.into()), handler)
    }

    /// Calls a function for events of all types, like [`on`](Self::on).
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn on_any<F, R, M>(&self, handler: F) -> ListenerId
    where
        F: FnOnce(RuntimeEvent) -> R + Clone + Send + 'static,
        R: ListenerReturn<M>,
        M: 'static,
    {
        self.0.shared.events.call(None, handler)
    }

    /// Removes a handler, which is not called any more. Returns true if it was there. A call that is under way goes on.
    pub fn off(&self, id: ListenerId) -> bool {
        self.0.shared.events.remove(id)
    }

    /// Streams every event from now on.
    #[must_use]
    pub fn events(&self) -> BoxStream<'static, RuntimeEvent> {
        self.0.shared.events.stream()
    }

    /// Subscribes to a channel on the current socket, if there is one, and on every later one until the client is disconnected.
    pub async fn subscribe_channel(&self, channel_id: impl AsRef<str>) {
        let channel_id = channel_id.as_ref();
        let frames = self.0.shared.change_channels(|channels| channels.ask(channel_id));
        queue(frames, &AgentFrame::Subscribe { channel_id: channel_id.into() }.to_text()).await;
    }

    /// Ends the subscription to a channel until the client is disconnected, also where the agent is a member.
    pub async fn unsubscribe_channel(&self, channel_id: impl AsRef<str>) {
        let channel_id = channel_id.as_ref();
        let frames = self.0.shared.change_channels(|channels| channels.give_up(channel_id));
        queue(frames, &AgentFrame::Unsubscribe { channel_id: channel_id.into() }.to_text()).await;
    }

    /// Sends a frame over the socket: anything that is JSON, usually an object with `type` and `data`. Once it returns the frame
    /// is on its way; what is lost with a socket is not sent again.
    ///
    /// # Errors
    /// There is no socket at the moment, or the frame is larger than a gateway reads or cannot be written as JSON.
    #[doc(alias = "sendWs")]
    pub async fn send(&self, frame: impl Serialize) -> Result<(), RuntimeError> {
        let text = serde_json::to_string(&frame).map_err(|error| {
            RuntimeError::new(RuntimeErrorKind::InvalidRequest, "the frame cannot be written as JSON")
                .with_source(error)
        })?;
        if text.len() > MAX_MESSAGE_BYTES {
            let message = format!(
                "the frame has {} bytes, and a gateway reads at most {MAX_MESSAGE_BYTES}; send less",
                text.len()
            );
            return Err(RuntimeError::new(RuntimeErrorKind::TooLarge, message));
        }
        if queue(self.0.shared.frames(), &text).await {
            return Ok(());
        }
        let message = format!(
            "the client is {}, and has no socket to send with; send again once it is connected",
            self.state().as_str()
        );
        Err(RuntimeError::new(RuntimeErrorKind::NotConnected, message))
    }

    /// Requests a page of the agents that are connected: at most `limit` of them (the gateway has a limit of its own, usually 100),
    /// after the first `offset`.
    ///
    /// # Errors
    /// As for [`request`](Self::request).
    #[doc(alias = "getPresence")]
    pub async fn presence(&self, limit: usize, offset: usize) -> Result<Presence, RuntimeError> {
        self.request("GET", &path::page(path::PRESENCE, limit, offset), ()).await
    }

    /// Requests the agent's status, as the gateway sees it.
    ///
    /// # Errors
    /// As for [`request`](Self::request).
    #[doc(alias = "getStatus")]
    pub async fn status(&self) -> Result<Status, RuntimeError> {
        self.request("GET", path::STATUS, ()).await
    }

    /// Makes any request with the agent's secret: a method of HTTP, a path behind the gateway's URL with its query, and a body
    /// that is written as JSON, or `()` for none. The answer is read from JSON; an empty one makes a `()` or an `Option`.
    ///
    /// Where there were too many requests (429) it is made again, up to four times: after 5, 10, 20 and 40 seconds, or after as
    /// long as the gateway says where that is longer, each within a fifth. Where the gateway says more than ten minutes, it is
    /// not; [`RuntimeError::retry_after`] has its word.
    ///
    /// ```no_run
    /// # async fn example(client: platools_client::RuntimeClient) -> Result<(), platools_client::RuntimeError> {
    /// use platools_client::protocol::runtime::{Channel, NewChannel, path};
    ///
    /// let channel: Channel = client.request("POST", path::CHANNELS, NewChannel::new("general", "General")).await?;
    /// # drop(channel);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The gateway answered with another status than success, could not be reached, took longer than the request timeout, or
    /// its answer is no `T`; see [`RuntimeErrorKind`].
    pub async fn request<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: impl Serialize,
    ) -> Result<T, RuntimeError> {
        self.0.shared.http.ask(method, path, body).await
    }
}

/// Queues a frame for the socket. Returns false if there is no socket.
async fn queue(frames: Option<mpsc::Sender<Utf8Bytes>>, frame: &str) -> bool {
    match frames {
        Some(frames) => frames.send(frame.into()).await.is_ok(),
        None => false,
    }
}

impl fmt::Debug for RuntimeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeClient").field("state", &self.state()).finish_non_exhaustive()
    }
}
