//! [`RpcClientBuilder`]: sets up an [`RpcClient`]. `../builder.rs` has the settings that all clients share.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use super::client::{Inner, RpcClient};
use super::opener::CallerOpener;
use super::protocol::CallerProtocol;
use crate::builder::ClientBuilder;
use crate::connection::{Connection, Opened, Opener};
use platools_protocol::rpc::{Connect, Connected, MAX_USER_ID_CHARS};
use platools_transport::{ClientKind, ConnectionState, Error, Reconnect, Reporter, Secret};

/// Sets up an [`RpcClient`].
pub type RpcClientBuilder = ClientBuilder<RpcSettings>;

/// The settings that only an [`RpcClient`] has.
#[derive(Debug, Default)]
pub struct RpcSettings {
    user_id: String,
}

/// The number of requests that wait to be written; a further request waits in its caller.
const WAITING_REQUESTS: usize = 64;

/// The longest time for a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(300);

/// The longest time for a tool call without a timeout of its own: more than a gateway gives it by default, which is up to 10 minutes.
const TOOL_TIMEOUT: Duration = Duration::from_secs(610);

impl RpcClient {
    /// Returns a builder, which sets up a client.
    pub fn builder() -> RpcClientBuilder {
        RpcClientBuilder::new(RpcSettings::default(), Reconnect::new())
    }
}

impl RpcClientBuilder {
    /// Sets the user for whom the caller acts: opaque, one to 255 characters. Required.
    pub fn user_id(mut self, user_id: impl Into<String>) -> Self {
        self.settings.user_id = user_id.into();
        self
    }

    /// Connects, and returns the client once the gateway has accepted the caller. From then on the client connects again by
    /// itself. Dropping the future ends the attempt.
    ///
    /// # Errors
    /// As for [`start`](Self::start), or the gateway could not be reached or refused the caller: the first attempt is the only
    /// one. Where the gateway may come later, use `start`.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn connect(self) -> Result<RpcClient, Error> {
        let opener = self.opener()?;
        let first = opener.open().await?;
        Ok(self.run(opener, Some(first)))
    }

    /// Returns the client at once, which connects by itself; requests wait for that.
    ///
    /// # Errors
    /// The URL, the secret or the user id is missing or malformed, a certificate cannot be used, or a setting is zero that must
    /// not be.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn start(self) -> Result<RpcClient, Error> {
        let opener = self.opener()?;
        Ok(self.run(opener, None))
    }

    fn run(self, opener: CallerOpener, first: Option<Opened<Connected>>) -> RpcClient {
        let (requests, received) = mpsc::channel(WAITING_REQUESTS);
        let (stop, stopped) = watch::channel(false);
        let reporter = Reporter::default();
        let identity = watch::Sender::new(first.as_ref().map(|opened| opened.welcome.clone()));
        let state = if first.is_some() { ConnectionState::Connected } else { ConnectionState::Connecting };
        reporter.state(state);
        let mut inner = Inner {
            requests,
            ids: AtomicU64::new(0),
            turn: Arc::new(Semaphore::new(1)),
            request_timeout: self.request_timeout.unwrap_or(REQUEST_TIMEOUT),
            tool_timeout: self.tool_timeout(),
            reporter: reporter.clone(),
            identity: identity.subscribe(),
            stop,
            task: JoinSet::new(),
        };
        let protocol = CallerProtocol::new(received, identity, reporter);
        let connection = Connection { protocol, opener, reconnect: self.connection.policy(), stop: stopped };
        inner.task.spawn(connection.run(first));
        RpcClient::new(inner)
    }

    fn tool_timeout(&self) -> Duration {
        self.request_timeout.unwrap_or(TOOL_TIMEOUT)
    }

    fn opener(&self) -> Result<CallerOpener, Error> {
        let user_id = &self.settings.user_id;
        if !Connect::new(user_id).has_valid_user_id() {
            let message = format!(
                "`user_id` has {} characters, and must have 1 to {MAX_USER_ID_CHARS}; set it with `user_id(..)`",
                user_id.chars().count()
            );
            return Err(Error::invalid_setting(message));
        }
        let dialler = self.dialler(ClientKind::Caller)?;
        let secret = self.connection.secret.clone();
        secret.as_ref().map_or(Ok(()), Secret::check)?;
        Ok(CallerOpener { dialler, secret, user_id: user_id.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::tests::mistakes_are_found;
    use platools_transport::ErrorKind;

    fn kind(builder: RpcClientBuilder) -> Option<ErrorKind> {
        builder.opener().err().map(|error| error.kind())
    }

    #[test]
    fn what_is_missing_or_malformed_is_found_before_anything_is_dialled() {
        let complete = || RpcClient::builder().url("http://127.0.0.1:1").user_id("u").secret("t");
        mistakes_are_found(complete, kind);
        assert_eq!(kind(RpcClient::builder().user_id("u")), Some(ErrorKind::InvalidUrl));
        assert_eq!(kind(complete().user_id("")), Some(ErrorKind::InvalidSetting));
        assert_eq!(kind(complete().user_id("x".repeat(256))), Some(ErrorKind::InvalidSetting));
    }

    #[test]
    fn a_tool_may_take_longer_than_other_requests_unless_the_caller_says_otherwise() {
        let builder = RpcClient::builder();
        assert!(builder.tool_timeout() > Duration::from_secs(600) && REQUEST_TIMEOUT < builder.tool_timeout());
        let second = Duration::from_secs(1);
        assert_eq!(builder.request_timeout(second).tool_timeout(), second);
    }

    #[test]
    fn debug_shows_no_secret() {
        let builder = RpcClient::builder().url("http://host").user_id("u").secret("hunter2");
        assert!(!format!("{builder:?} {:?}", builder.opener()).contains("hunter2"));
    }
}
