//! [`ConnectionState`]: tells the state of a client. [`Disconnect`] tells why a socket ended. [`Reporter`] sends the states and the events
//! of a client to the application.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use crate::error::{Error, WithCauses};

/// State of a client's connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Not started, stopped, or between two runs.
    #[default]
    Disconnected,
    /// Dialling, or waiting for the other side's first word.
    Connecting,
    /// The platform has accepted the worker, or the gateway the caller.
    Connected,
    /// Waiting to dial again.
    #[non_exhaustive]
    Reconnecting {
        /// Number of the retry in a row, from 1.
        attempt: u32,
        /// The delay before it.
        delay: Duration,
    },
    /// Given up for good, as the retry policy says.
    #[non_exhaustive]
    Failed {
        /// The cause.
        reason: String,
    },
}

impl ConnectionState {
    /// True if the other side has accepted the client.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::Connected)
    }

    /// The state in one word: `disconnected`, `connecting`, `connected`, `reconnecting` or `failed`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Reconnecting { .. } => "reconnecting",
            Self::Failed { .. } => "failed",
        }
    }

    /// True if the client has given up.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

impl fmt::Display for ConnectionState {
    /// Writes the state in one word, as [`as_str`](Self::as_str).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Cause of the end of a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Disconnect {
    /// The client was stopped.
    Stopped,
    /// The platform was about to close it, and another socket has taken over.
    Moved,
    /// The platform closed the socket.
    #[non_exhaustive]
    Closed {
        /// The WebSocket close code, where there was one.
        code: Option<u16>,
        /// The platform's reason, which may be empty.
        reason: String,
    },
    /// The platform sent an error and, right behind it, closed the socket as one does that refuses a worker: with 1008, or
    /// with 1011 or 1013 if it could not check the worker at that time.
    #[non_exhaustive]
    Refused {
        /// The WebSocket close code.
        code: Option<u16>,
        /// The platform's words.
        error: String,
    },
    /// For two intervals the platform answered no heartbeat, sent nothing else and took nothing of what was written; or
    /// nothing came from the gateway for as long as two of its pings take.
    Silent,
    /// The connection broke.
    #[non_exhaustive]
    Broken {
        /// The error.
        error: String,
    },
}

impl Disconnect {
    /// The other side closed the socket.
    #[must_use]
    pub fn closed(code: Option<u16>, reason: impl Into<String>) -> Self {
        Self::Closed { code, reason: reason.into() }
    }

    /// The platform refused the worker.
    #[must_use]
    pub fn refused(code: Option<u16>, error: impl Into<String>) -> Self {
        Self::Refused { code, error: error.into() }
    }

    /// True if a newer connection of the same entity and environment took over: nothing else makes a platform close with
    /// 1000.
    pub fn is_superseded(&self) -> bool {
        matches!(self, Self::Closed { code: Some(1000), .. })
    }
}

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::Moved => f.write_str("moved to another socket"),
            Self::Closed { code: Some(code), reason } if reason.is_empty() => write!(f, "closed with {code}"),
            Self::Closed { code: Some(code), reason } => write!(f, "closed with {code}: {reason}"),
            Self::Closed { code: None, .. } => f.write_str("closed without a code"),
            Self::Refused { error, .. } => write!(f, "refused by the platform: {error}"),
            Self::Silent => f.write_str("the platform has gone silent"),
            Self::Broken { error } => write!(f, "broken: {error}"),
        }
    }
}

/// Events that a slow listener may be behind before it misses some.
const EVENTS: usize = 256;

/// Sends the state and the events of a client to its listeners.
#[derive(Clone)]
pub struct Reporter<E> {
    state: watch::Sender<ConnectionState>,
    events: broadcast::Sender<E>,
    observer: Option<Observer>,
}

/// Sees every change of the state.
type Observer = Arc<dyn Fn(&ConnectionState) + Send + Sync>;

impl<E: Clone> Default for Reporter<E> {
    fn default() -> Self {
        Self { state: watch::Sender::default(), events: broadcast::Sender::new(EVENTS), observer: None }
    }
}

impl<E> fmt::Debug for Reporter<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter").field("state", &*self.state.borrow()).finish_non_exhaustive()
    }
}

impl<E: Clone + Send + 'static> Reporter<E> {
    /// Passes each change of the state on to an observer as well, who sees all of them.
    pub fn observed(mut self, observer: impl Fn(&ConnectionState) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Sets the state.
    pub fn state(&self, state: ConnectionState) {
        let before = self.state.send_replace(state.clone());
        if let Some(observer) = self.observer.as_ref().filter(|_| before != state) {
            observer(&state);
        }
    }

    /// Sets the state of a client that has given up.
    pub fn failed(&self, error: &Error) {
        self.state(ConnectionState::Failed { reason: WithCauses(error).to_string() });
    }

    /// A run has ended; where it failed, that stays the last word.
    pub fn disconnected(&self) {
        let ends = !matches!(*self.state.borrow(), ConnectionState::Failed { .. } | ConnectionState::Disconnected);
        if ends {
            self.state(ConnectionState::Disconnected);
        }
    }

    /// Sends an event to all listeners.
    pub fn event(&self, event: E) {
        // Without a listener, the send fails and the event is dropped.
        let _ = self.events.send(event);
    }

    /// Makes an event and sends it to all listeners, if there are any.
    pub fn event_with(&self, event: impl FnOnce() -> E) {
        if self.events.receiver_count() > 0 {
            self.event(event());
        }
    }

    /// Subscribes to the state.
    pub fn watch(&self) -> watch::Receiver<ConnectionState> {
        self.state.subscribe()
    }

    /// Events from now on. In the place of events that a slow listener missed, the stream has the event that `missed` makes of
    /// their number, if any.
    pub fn listen(&self, missed: fn(u64) -> Option<E>) -> BoxStream<'static, E> {
        let next = move |mut events: broadcast::Receiver<E>| async move {
            loop {
                match events.recv().await {
                    Ok(event) => return Some((event, events)),
                    Err(RecvError::Lagged(count)) => {
                        if let Some(event) = missed(count) {
                            return Some((event, events));
                        }
                    }
                    Err(RecvError::Closed) => return None,
                }
            }
        };
        stream::unfold(self.events.subscribe(), next).boxed()
    }
}
