//! Setting up a client.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use super::client::{RpcClient, Shared};
use super::opening::{Opened, Opener};
use super::run::Run;
use platools_protocol::rpc::{Connect, MAX_USER_ID_CHARS};
use platools_transport::Error;
use platools_transport::{ConnectionState, Dialler, Endpoint, Reconnect, Reporter, Secret, Tls};

/// The number of requests that wait to be written; a further request waits in its caller.
const WAITING_REQUESTS: usize = 64;

/// Sets up an [`RpcClient`]. Each method documents its default.
#[derive(Debug)]
#[must_use = "a builder does nothing until `connect` or `start`"]
pub struct RpcClientBuilder {
    url: String,
    token: Option<Secret>,
    user_id: String,
    reconnect: Reconnect,
    tls: Tls,
    connect_timeout: Duration,
    request_timeout: Duration,
    tool_timeout: Duration,
}

/// How long a tool call without a timeout of its own may take: longer than a gateway gives it by default, which is up to 10 minutes.
const TOOL_TIMEOUT: Duration = Duration::from_secs(610);

impl Default for RpcClientBuilder {
    fn default() -> Self {
        Self {
            url: String::new(),
            token: None,
            user_id: String::new(),
            reconnect: Reconnect::new(),
            tls: Tls::new(),
            connect_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(300),
            tool_timeout: TOOL_TIMEOUT,
        }
    }
}

impl RpcClientBuilder {
    /// The gateway's URL: `http` or `https` (`ws` or `wss` are the same), with or without the path `/ws` at its end. Required.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// The gateway's token or an operator's key, or where to read it at each dial. It travels in the first message, never in
    /// the URL. Default: none, with which most gateways let a caller only look at things.
    ///
    /// No log record has it, of this crate or of any that it uses, at any level. A gateway that repeats it in an error is not
    /// quoted with it.
    pub fn token(mut self, token: impl Into<Secret>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Whom the caller acts for: opaque, one to 255 characters. Required.
    pub fn user_id(mut self, user_id: impl Into<String>) -> Self {
        self.user_id = user_id.into();
        self
    }

    /// Sets the policy for connecting again and giving up. A setting that the policy does not name stays as it is, by default as in the
    /// table of [`Reconnect`].
    pub fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = reconnect.or(self.reconnect);
        self
    }

    /// Sets how `wss` is secured. Default: [`Tls::new`].
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Sets the longest time for opening a socket, from reading the token to the gateway's answer to it. Default: 20 seconds.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Sets the longest time for a request, with the wait for a connection; chats and tool calls with a timeout of their own
    /// excepted. Default: 5 minutes; for tool calls 10 minutes and 10 seconds, as the gateway lets them take as long as their tool declares.
    pub fn request_timeout(mut self, limit: Duration) -> Self {
        (self.request_timeout, self.tool_timeout) = (limit, limit);
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
    /// The URL, the token or the user id is missing or malformed, a certificate cannot be used, or a setting is zero that must
    /// not be.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn start(self) -> Result<RpcClient, Error> {
        let opener = self.opener()?;
        Ok(self.run(opener, None))
    }

    fn run(self, opener: Opener, first: Option<Opened>) -> RpcClient {
        let (requests, received) = mpsc::channel(WAITING_REQUESTS);
        let stop = watch::Sender::new(false);
        let reporter = Reporter::default();
        let identity = watch::Sender::new(first.as_ref().map(|opened| opened.connected.clone()));
        let state = if first.is_some() { ConnectionState::Connected } else { ConnectionState::Connecting };
        reporter.state(state);
        let mut shared = Shared {
            requests,
            ids: AtomicU64::new(0),
            turn: Arc::new(Semaphore::new(1)),
            request_timeout: self.request_timeout,
            tool_timeout: self.tool_timeout,
            reporter: reporter.clone(),
            identity: identity.subscribe(),
            stop,
            run: JoinSet::new(),
        };
        let stop = shared.stop.subscribe();
        let run = Run { opener, reconnect: self.reconnect, requests: received, reporter, identity, stop };
        shared.run.spawn(run.run(first));
        RpcClient::new(shared)
    }

    fn opener(&self) -> Result<Opener, Error> {
        self.check_settings()?;
        let dialler = Dialler::new(Endpoint::Caller, &self.url, &self.tls, self.connect_timeout)?;
        if let Some(token) = &self.token {
            token.check()?;
        }
        Ok(Opener { dialler, token: self.token.clone(), user_id: self.user_id.clone() })
    }

    fn check_settings(&self) -> Result<(), Error> {
        if !Connect::new(&self.user_id).has_valid_user_id() {
            let message = format!("`user_id` must have 1 to {MAX_USER_ID_CHARS} characters; call `user_id(..)`");
            return Err(Error::invalid_setting(message));
        }
        self.reconnect.check()?;
        Error::if_zero([
            ("connect_timeout", self.connect_timeout.is_zero()),
            ("request_timeout", self.request_timeout.is_zero()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use platools_transport::ErrorKind;

    fn kind(builder: RpcClientBuilder) -> Option<ErrorKind> {
        builder.opener().err().map(|error| error.kind())
    }

    #[test]
    fn what_is_missing_or_malformed_is_found_before_anything_is_dialled() {
        let complete = || RpcClient::builder().url("http://127.0.0.1:1").user_id("u").token("t");
        assert_eq!(kind(complete()), None);
        assert_eq!(kind(RpcClient::builder().user_id("u")), Some(ErrorKind::InvalidUrl));
        assert_eq!(kind(complete().url("http://u:p@host")), Some(ErrorKind::InvalidUrl));
        assert_eq!(kind(complete().user_id("")), Some(ErrorKind::InvalidSetting));
        assert_eq!(kind(complete().user_id("x".repeat(256))), Some(ErrorKind::InvalidSetting));
        assert_eq!(kind(complete().token("")), Some(ErrorKind::InvalidSecret));
        assert_eq!(kind(complete().request_timeout(Duration::ZERO)), Some(ErrorKind::InvalidSetting));
        assert_eq!(kind(complete().reconnect(Reconnect::new().base(Duration::ZERO))), Some(ErrorKind::InvalidSetting));
        let tls = Tls::new().ca_certificates("no PEM");
        assert_eq!(kind(complete().url("https://host").tls(tls)), Some(ErrorKind::Tls));
    }

    #[test]
    fn a_tool_may_take_longer_than_other_requests_unless_the_caller_says_otherwise() {
        let builder = RpcClient::builder();
        assert!(builder.tool_timeout > Duration::from_secs(600) && builder.request_timeout < builder.tool_timeout);
        let second = Duration::from_secs(1);
        assert_eq!(builder.request_timeout(second).tool_timeout, second);
    }

    #[test]
    fn debug_shows_no_token() {
        let builder = RpcClient::builder().url("http://host").user_id("u").token("hunter2");
        assert!(!format!("{builder:?} {:?}", builder.opener()).contains("hunter2"));
    }
}
