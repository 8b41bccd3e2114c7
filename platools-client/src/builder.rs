//! [`ClientBuilder`]: the settings that all clients of a gateway share, such as the URL and the secret.

use std::time::Duration;

use platools_transport::{Dialler, Endpoint, Error, Reconnect, Secret, Tls};

/// Sets up a client of a gateway. `S` holds the settings that only one kind of client has.
///
/// It is used as [`RpcClientBuilder`](crate::RpcClientBuilder) and [`RuntimeClientBuilder`](crate::RuntimeClientBuilder). Each method
/// documents its default.
#[derive(Debug)]
#[must_use = "a builder does nothing until it makes a client"]
pub struct ClientBuilder<S> {
    pub(crate) url: String,
    pub(crate) secret: Option<Secret>,
    reconnect: Reconnect,
    default_reconnect: Reconnect,
    tls: Tls,
    connect_timeout: Duration,
    pub(crate) request_timeout: Option<Duration>,
    pub(crate) settings: S,
}

impl<S> ClientBuilder<S> {
    pub(crate) fn new(settings: S, default_reconnect: Reconnect) -> Self {
        Self {
            url: String::new(),
            secret: None,
            reconnect: Reconnect::new(),
            default_reconnect,
            tls: Tls::new(),
            connect_timeout: Duration::from_secs(20),
            request_timeout: None,
            settings,
        }
    }

    /// Sets the gateway's URL: `http` or `https` (`ws` or `wss` are the same). For an [`RpcClient`](crate::RpcClient) with or without the
    /// path `/ws` at its end. Required.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// Sets the caller's or the agent's secret: a key or a token, or where to read it. It is read before each connection and each request
    /// over HTTP, so a secret in a file may be rotated while the client is connected. It travels in the first message or in a header,
    /// never in the URL.
    ///
    /// Required for a [`RuntimeClient`](crate::RuntimeClient). Most gateways let an [`RpcClient`](crate::RpcClient) without a secret only
    /// look at things.
    ///
    /// No log record has it, of this crate or of any that it uses, at any level. A gateway that repeats it in an error is not
    /// quoted with it.
    #[doc(alias = "token")]
    #[doc(alias = "api_key")]
    #[doc(alias = "apiKey")]
    pub fn secret(mut self, secret: impl Into<Secret>) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// Sets the policy for connecting again and giving up. A setting that the policy does not name stays as it is, by default as in the
    /// table of [`Reconnect`].
    pub fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = reconnect.or(self.reconnect);
        self
    }

    /// Sets how `https` and `wss` are secured. Default: [`Tls::new`].
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Sets the longest time for opening a connection, with the upgrade of a socket and the gateway's answer to the secret. Default: 20
    /// seconds.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Sets the longest time for a request.
    ///
    /// For an [`RpcClient`](crate::RpcClient) the wait for a connection counts, and chats and tool calls with a timeout of their own are
    /// excepted. Default: 5 minutes; for tool calls 10 minutes and 10 seconds, as the gateway lets them take as long as their tool declares.
    ///
    /// For a [`RuntimeClient`](crate::RuntimeClient) it is the time of one attempt, with its connection. Default: 30 seconds.
    pub fn request_timeout(mut self, limit: Duration) -> Self {
        self.request_timeout = Some(limit);
        self
    }

    /// Returns the reconnect policy, with the defaults of the client.
    pub(crate) fn policy(&self) -> Reconnect {
        self.reconnect.clone().or(self.default_reconnect.clone())
    }

    /// Checks the shared settings and makes the dialler of the client.
    pub(crate) fn dialler(&self, endpoint: Endpoint) -> Result<Dialler, Error> {
        self.policy().check()?;
        Error::if_zero([
            ("connect_timeout", self.connect_timeout.is_zero()),
            ("request_timeout", self.request_timeout.is_some_and(|limit| limit.is_zero())),
        ])?;
        Dialler::new(endpoint, &self.url, &self.tls, self.connect_timeout)
    }
}
