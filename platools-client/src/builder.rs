//! [`ClientBuilder`]: sets up a client of a gateway. This file has the settings that all clients share, such as the URL and the secret;
//! `rpc/builder.rs` and `runtime/builder.rs` have the others.

use std::time::Duration;

#[cfg(doc)]
use platools_transport::Tls;
use platools_transport::{ClientKind, ConnectionSettings, Dialler, Error, Reconnect};

/// Sets up a client of a gateway. `S` holds the settings that only one kind of client has.
///
/// It is used as [`RpcClientBuilder`](crate::RpcClientBuilder) and [`RuntimeClientBuilder`](crate::RuntimeClientBuilder). Each method
/// documents its default.
#[derive(Debug)]
#[must_use = "a builder does nothing until it makes a client"]
pub struct ClientBuilder<S> {
    pub(crate) connection: ConnectionSettings,
    pub(crate) request_timeout: Option<Duration>,
    pub(crate) settings: S,
}

impl<S> ClientBuilder<S> {
    pub(crate) fn new(settings: S, default_reconnect: Reconnect) -> Self {
        Self { connection: ConnectionSettings::new(default_reconnect), request_timeout: None, settings }
    }

    platools_transport::connection_setters! {
        /// Sets the gateway's URL: `http` or `https` (`ws` or `wss` are the same). For an [`RpcClient`](crate::RpcClient) with or without
        /// the path `/ws` at its end. Required.
        url,

        /// Sets the caller's or the agent's secret: a key or a token, or where to read it. It is read before each connection and each
        /// request over HTTP, so a secret in a file may be rotated while the client is connected. It travels in the first message or in a
        /// header, never in the URL.
        ///
        /// Required for a [`RuntimeClient`](crate::RuntimeClient). Most gateways let an [`RpcClient`](crate::RpcClient) without a secret
        /// only look at things.
        ///
        /// No log record has it, of this crate or of any that it uses, at any level. A gateway that repeats it in an error is not
        /// quoted with it.
        #[doc(alias = "token")]
        #[doc(alias = "api_key")]
        #[doc(alias = "apiKey")]
        secret
    }

    /// Sets the longest time for a request.
    ///
    /// For an [`RpcClient`](crate::RpcClient) the wait for a connection counts, and chats and tool calls with a timeout of their own are
    /// excepted. Default: 5 minutes; for tool calls 10 minutes and 10 seconds, as the gateway lets them take as long as their tool
    /// declares.
    ///
    /// For a [`RuntimeClient`](crate::RuntimeClient) it is the time of one attempt, with its connection. Default: 30 seconds.
    pub fn request_timeout(mut self, limit: Duration) -> Self {
        self.request_timeout = Some(limit);
        self
    }

    /// Checks the shared settings and makes the dialler of the client.
    pub(crate) fn dialler(&self, kind: ClientKind) -> Result<Dialler, Error> {
        Error::if_zero([("request_timeout", self.request_timeout.is_some_and(|limit| limit.is_zero()))])?;
        self.connection.dialler(kind)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use platools_transport::{ErrorKind, Tls};

    /// Checks that a client's builder finds mistakes in the settings that all clients share. `kind` is the kind of its error.
    pub(crate) fn mistakes_are_found<S>(
        complete: impl Fn() -> ClientBuilder<S>,
        kind: impl Fn(ClientBuilder<S>) -> Option<ErrorKind>,
    ) {
        assert_eq!(kind(complete()), None);
        assert_eq!(kind(complete().url("")), Some(ErrorKind::InvalidUrl));
        assert_eq!(kind(complete().url("http://u:p@host")), Some(ErrorKind::InvalidUrl));
        assert_eq!(kind(complete().secret("")), Some(ErrorKind::InvalidSecret));
        assert_eq!(kind(complete().request_timeout(Duration::ZERO)), Some(ErrorKind::InvalidSetting));
        assert_eq!(kind(complete().reconnect(Reconnect::new().base(Duration::ZERO))), Some(ErrorKind::InvalidSetting));
        let tls = Tls::new().ca_certificates("no PEM");
        assert_eq!(kind(complete().url("https://host").tls(tls)), Some(ErrorKind::Tls));
    }
}
