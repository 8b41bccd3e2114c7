//! [`Bus`]: publishes messages, sends requests and subscribes to subjects, for one gateway. `memory.rs` and `nats/` implement the trait.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::error::{PublishError, RequestError};
use crate::inbox::InboxBounds;
use crate::subject::Subject;
use crate::subscription::Subscription;

/// A connection of one gateway to the others. The crate's documentation lists the guarantees.
pub trait Bus: fmt::Debug + Send + Sync {
    /// Sends a message to every subscriber of a subject.
    ///
    /// # Errors
    /// The message was not sent.
    fn publish(&self, subject: &Subject, payload: Bytes) -> Result<(), PublishError>;

    /// Sends a request to the subscriber of a subject, and waits for the response up to a limit. A subject for requests has at most one
    /// subscriber at a time.
    fn request(
        &self,
        subject: &Subject,
        payload: Bytes,
        limit: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RequestError>>;

    /// Subscribes to a subject. Messages published after this has returned arrive, also those of other gateways on the same server. Dropping
    /// the subscription ends it.
    ///
    /// # Errors
    /// There is no connection.
    fn subscribe(
        &self,
        subject: &Subject,
        bounds: InboxBounds,
    ) -> BoxFuture<'static, Result<Subscription, PublishError>>;

    /// The state of the connection, and its changes.
    fn state(&self) -> watch::Receiver<State>;

    /// Sends the messages that wait, then ends the connection and all subscriptions.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// State of the connection to other gateways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Messages are sent and received.
    Connected,
    /// Messages are refused. The bus tries to connect again by itself.
    Disconnected,
    /// The bus was closed.
    Closed,
}
