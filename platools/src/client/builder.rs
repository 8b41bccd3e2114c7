//! [`PlatoolsClientBuilder`]: sets up a [`PlatoolsClient`]: its URL, secret, tools and limits.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::PlatoolsClient;
use super::tools_and_state::HostedTools;
use crate::dispatch::Limits;
use crate::link::{Bounds, Connector, Reporter, Settings};
use crate::registry::ToolRegistry;
use crate::tool::IntoTools;
use platools_transport::{ClientKind, ConnectionSettings, Error, HEARTBEAT_INTERVAL_MS, Reconnect, check_interval};
#[cfg(doc)]
use platools_transport::{ErrorKind, Tls};

/// The rule for calls that the platform did not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Signatures {
    /// Signatures are not looked at: the socket itself is authenticated.
    #[default]
    Ignore,
    /// A call without a valid signature is answered with an error and not run. A signature covers the tool's name, its
    /// arguments, `_context`, the timestamp and the nonce. It does not cover the caller, such as
    /// [`Context::user_id`](crate::Context::user_id): that is as trustworthy as the connection to the platform.
    Require,
}

/// Sets up a [`PlatoolsClient`]. Each method documents its default.
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct PlatoolsClientBuilder {
    connection: ConnectionSettings,
    registry: ToolRegistry,
    pub(super) hosted: HostedTools,
    settings: Settings,
}

impl Default for PlatoolsClientBuilder {
    fn default() -> Self {
        Self {
            connection: ConnectionSettings::new(Reconnect::new()),
            registry: ToolRegistry::new(),
            hosted: HostedTools::default(),
            settings: Settings {
                limits: Limits::default(),
                outbox: Bounds::default(),
                heartbeat_interval: Duration::from_millis(HEARTBEAT_INTERVAL_MS),
                drain_limit: Duration::from_secs(30),
                verify_signatures: false,
            },
        }
    }
}

impl PlatoolsClient {
    /// Returns a builder, which sets up a client.
    pub fn builder() -> PlatoolsClientBuilder {
        PlatoolsClientBuilder::default()
    }
}

impl PlatoolsClientBuilder {
    platools_transport::connection_setters! {
        /// Sets the platform's URL: `http` or `https` (`ws` or `wss` are the same). Required.
        url,

        /// Sets the worker's secret, or where to read it at each dial. Required.
        ///
        /// No log record has it, of this crate or of any that it uses, at any level; neither has one the token of a user in a call.
        secret
    }

    /// The registry of the tools, to be changed while the client runs. Default: an empty one. [`tools`](Self::tools) and
    /// [`state`](Self::state) add to it.
    pub fn registry(mut self, registry: ToolRegistry) -> Self {
        self.registry = registry;
        self
    }

    /// Adds tools to the registry when the client is built. Default: none but those of [`registry`](Self::registry).
    pub fn tools(mut self, tools: impl IntoTools) -> Self {
        self.hosted.tools.extend(tools.into_tools());
        self
    }

    /// Adds a value that tools may borrow, in place of one of the same type; before or after the tools. Default: none.
    pub fn state<T: Any + Send + Sync>(self, value: T) -> Self {
        self.shared_state(Arc::new(value))
    }

    /// Adds a value that is shared already; tools borrow the `T` inside. Default: none.
    pub fn shared_state<T: Any + Send + Sync>(mut self, value: Arc<T>) -> Self {
        drop(self.hosted.state.put(value));
        self
    }

    /// Time between two heartbeats, at least 100 milliseconds. A platform is taken for dead if it answers none of them for two
    /// intervals, sends nothing else and takes nothing of what is written. Default: [`HEARTBEAT_INTERVAL_MS`].
    pub fn heartbeat_interval(mut self, interval: Duration) -> Self {
        self.settings.heartbeat_interval = interval;
        self
    }

    /// Sets the longest time for the function of a tool without a timeout of its own. The time that a call waits for its turn does
    /// not count. Default: 5 minutes.
    pub fn call_timeout(mut self, limit: Duration) -> Self {
        self.settings.limits.timeout = limit;
        self
    }

    /// Sends the causes and the stack of every tool's errors to the platform, as the `traceback` of the failure. Of a panic these are its
    /// place and its text, and the stack if `RUST_BACKTRACE` asks for one. Paths of source files and the words of causes are in it. A
    /// platform keeps it for operators; callers get causes only of tools that are declared with `expose_errors`. Default: only those tools'
    /// are sent.
    pub fn expose_errors(mut self) -> Self {
        self.settings.limits.shows_errors = true;
        self
    }

    /// Sets the number of calls that run at once; further ones wait. A call that waits because of its tool's `max_concurrency` does not
    /// count. Default: 1024.
    pub fn max_running_calls(mut self, calls: usize) -> Self {
        self.settings.limits.running = calls;
        self
    }

    /// Sets the number of calls that wait, for a tool at its `max_concurrency` or for one of [`max_running_calls`](Self::max_running_calls)
    /// to end; further ones are refused as [`overloaded`](crate::tool::code::OVERLOADED). Default: 4096.
    pub fn max_waiting_calls(mut self, calls: usize) -> Self {
        self.settings.limits.waiting = calls;
        self
    }

    /// Sets the bytes that the frames of all waiting calls may have; further calls are refused as
    /// [`overloaded`](crate::tool::code::OVERLOADED). A single call has up to 16 MiB. Default: 64 MiB.
    pub fn max_waiting_bytes(mut self, bytes: usize) -> Self {
        self.settings.limits.waiting_bytes = bytes;
        self
    }

    /// Sets the bytes of replies that are kept in memory until the platform confirms them, with 128 bytes for each reply beside its
    /// frame. Past that the oldest are given up, which is told as [`Event::RepliesDropped`](crate::client::Event::RepliesDropped);
    /// the newest is kept whatever its size. While replies of more than half of this wait to be written (and of more than 1 MiB),
    /// calls are refused as retryable. Default: 64 MiB.
    pub fn max_unconfirmed_bytes(mut self, bytes: usize) -> Self {
        self.settings.outbox.bytes = bytes;
        self
    }

    /// The drain limit, by which a stop ends.
    pub(super) fn limit_of_drain(&self) -> Duration {
        self.settings.drain_limit
    }

    /// Sets the longest time of a [stop](super::ClientHandle::stop), from its beginning to the close of the socket. The last tenth of
    /// it, at most a second, is for telling the platform of calls that still run. Give the process more time than this before
    /// it is killed: `TimeoutStopSec` of systemd, `terminationGracePeriodSeconds` of Kubernetes, whose default is 30 as well. Default: 30
    /// seconds.
    pub fn drain_limit(mut self, limit: Duration) -> Self {
        self.settings.drain_limit = limit;
        self
    }

    /// Sets whether calls must be signed. Default: [`Signatures::Ignore`].
    pub fn signatures(mut self, signatures: Signatures) -> Self {
        self.settings.verify_signatures = signatures == Signatures::Require;
        self
    }

    /// The client.
    ///
    /// # Errors
    /// The URL or the secret is missing or malformed, a certificate cannot be used, or a setting is too small. A tool could not be
    /// added, or borrows a type that the registry has no state of ([`MissingState`](ErrorKind::MissingState)).
    pub fn build(self) -> Result<PlatoolsClient, Error> {
        self.check_settings()?;
        let dialler = self.connection.dialler(ClientKind::Worker)?;
        let secret = self.connection.required_secret("set PLATOS_SECRET or call `secret(..)`")?;
        let connector = Connector::new(dialler, secret);
        self.hosted.add_to(&self.registry)?;
        Ok(PlatoolsClient {
            connector,
            reconnect: self.connection.policy(),
            registry: self.registry,
            settings: self.settings,
            reporter: Reporter::default(),
            worker: None,
            stop: watch::Sender::new(false),
            running: watch::Sender::new(false),
        })
    }

    fn check_settings(&self) -> Result<(), Error> {
        check_interval(self.settings.heartbeat_interval)?;
        Error::if_zero([
            ("call_timeout", self.settings.limits.timeout.is_zero()),
            ("max_running_calls", self.settings.limits.running == 0),
        ])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::tool::{ToolDefinition, ToolError};
    use platools_transport::{ErrorKind, Tls};

    fn kind(builder: PlatoolsClientBuilder) -> Option<ErrorKind> {
        builder.build().err().map(|error| error.kind())
    }

    #[test]
    fn what_is_missing_or_malformed_fails_the_build() {
        let complete = || PlatoolsClient::builder().url("http://127.0.0.1:1").secret("s");
        assert_eq!(kind(complete()), None);
        assert_eq!(kind(PlatoolsClient::builder().secret("s")), Some(ErrorKind::InvalidUrl));
        assert_eq!(kind(complete().url("ftp://host")), Some(ErrorKind::InvalidUrl));
        assert_eq!(kind(PlatoolsClient::builder().url("http://host")), Some(ErrorKind::InvalidSecret));
        assert_eq!(kind(complete().secret("")), Some(ErrorKind::InvalidSecret));
        assert_eq!(kind(complete().heartbeat_interval(Duration::ZERO)), Some(ErrorKind::InvalidSetting));
        let restless = Reconnect::new().max(Duration::ZERO);
        assert_eq!(kind(complete().reconnect(restless)), Some(ErrorKind::InvalidSetting));
        let tls = Tls::new().ca_certificates("no PEM");
        assert_eq!(kind(complete().url("https://host").tls(tls)), Some(ErrorKind::Tls));
        let tool = || ToolDefinition::new("t", "Do it.", json!({ "type": "object" }));
        let tools = || vec![tool().handler(|_: Value, _| async { Ok::<_, ToolError>(()) })];
        assert_eq!(kind(complete().tools(tools()).tools(tools())), Some(ErrorKind::DuplicateTool));
        let registry = ToolRegistry::new();
        assert_eq!(kind(complete().tools(tools()).registry(registry.clone())), None);
        assert_eq!(registry.names(), ["t"], "they are added to a registry that is given later");
    }
}
