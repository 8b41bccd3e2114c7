//! [`RuntimeClientBuilder`]: sets up a [`RuntimeClient`]. `../builder.rs` has the settings that all clients share.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::client::RuntimeClient;
use super::http_requests::HttpRequests;
use super::lifecycle::Lifecycle;
use super::private_key::PrivateKey;
use super::shared_state::{Settings, SharedState};
use crate::builder::ClientBuilder;
use platools_protocol::runtime::{HEARTBEAT_INTERVAL, MAX_METADATA_BYTES, SESSION_SILENCE};
use platools_transport::{ClientKind, Error, Reconnect};

/// Sets up a [`RuntimeClient`].
pub type RuntimeClientBuilder = ClientBuilder<RuntimeSettings>;

/// The settings that only a [`RuntimeClient`] has.
#[derive(Debug)]
pub struct RuntimeSettings {
    private_key: Option<PrivateKey>,
    metadata: Option<serde_json::Result<Metadata>>,
    heartbeat_interval: Duration,
}

impl Default for RuntimeSettings {
    fn default() -> Self {
        Self { private_key: None, metadata: None, heartbeat_interval: HEARTBEAT_INTERVAL }
    }
}

/// Metadata as JSON. `Debug` shows its length only.
struct Metadata(Box<RawValue>);

impl std::fmt::Debug for Metadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.get().len())
    }
}

/// The heartbeat intervals that are allowed. With a longer one, a single lost heartbeat could end the session on the gateway
/// ([`SESSION_SILENCE`]).
const HEARTBEAT_INTERVALS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(100);

/// The longest time for one attempt at a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

impl RuntimeClient {
    /// Returns a builder, which sets up a client.
    pub fn builder() -> RuntimeClientBuilder {
        RuntimeClientBuilder::new(RuntimeSettings::default(), Reconnect::of_sessions())
    }
}

impl RuntimeClientBuilder {
    /// Sets metadata about the agent: a JSON object of at most 8 KiB. Default: none.
    pub fn metadata(mut self, metadata: impl Serialize) -> Self {
        self.settings.metadata = Some(to_raw_value(&metadata).map(Metadata));
        self
    }

    /// Sets the agent's private key, for signing by the application: a handler finds it in
    /// [`RuntimeClient::private_key`]. The client itself uses it for nothing and never sends it. Default: none.
    ///
    /// ```no_run
    /// use platools_client::RuntimeClient;
    ///
    /// # fn sign(_: &str, _: &str) {}
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = std::env::var("AGENT_PRIVATE_KEY")?;
    /// let client = RuntimeClient::builder().url("https://gateway.example.com").secret("...").private_key(key).build()?;
    /// client.on("sign.request", {
    ///     let key = client.private_key().cloned().expect("it was given");
    ///     move |event| sign(key.expose_secret(), event.data().get())
    /// });
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "privateKey")]
    pub fn private_key(mut self, key: impl Into<PrivateKey>) -> Self {
        self.settings.private_key = Some(key.into());
        self
    }

    /// Sets how many times in a row the client tries to connect again before it gives up. With 0, the first lost connection is final;
    /// [`Reconnect::unlimited`] has no such end. Default: 10.
    #[doc(alias = "maxRetries")]
    pub fn max_retries(self, retries: u32) -> Self {
        self.reconnect(Reconnect::new().max_attempts(retries))
    }

    /// Sets the delay before the first retry, which doubles with each further one. It is a millisecond or more, and no longer than
    /// [`max_delay`](Self::max_delay). Default: 1 second.
    #[doc(alias = "initialDelayMs")]
    pub fn initial_delay(self, delay: Duration) -> Self {
        self.reconnect(Reconnect::new().base(delay))
    }

    /// Sets the longest delay between two retries, a millisecond or more. Up to a second of jitter comes on top. Default: 30 seconds.
    #[doc(alias = "maxDelayMs")]
    pub fn max_delay(self, delay: Duration) -> Self {
        self.reconnect(Reconnect::new().max(delay))
    }

    /// Sets the time between two heartbeats, 1 to 100 seconds. The client takes a gateway that is silent for two of them for dead, so
    /// a short interval needs a fast network; gateways end a session without a heartbeat for
    /// [two minutes](SESSION_SILENCE). Default: 30 seconds.
    #[doc(alias = "heartbeatIntervalMs")]
    pub fn heartbeat_interval(mut self, interval: Duration) -> Self {
        self.settings.heartbeat_interval = interval;
        self
    }

    /// Makes the client, which is not connected yet.
    ///
    /// # Errors
    /// The URL or the secret is missing or malformed, a certificate cannot be used, a setting is out of range, or the metadata is no
    /// object or too large.
    pub fn build(self) -> Result<RuntimeClient, Error> {
        self.check_interval()?;
        let dialler = self.dialler(ClientKind::Agent)?;
        let reconnect = self.connection.policy();
        let secret = self.connection.required_secret("call `secret(..)` with the agent's key")?;
        let RuntimeSettings { private_key, metadata, heartbeat_interval } = self.settings;
        private_key.as_ref().map_or(Ok(()), PrivateKey::check)?;
        let metadata = metadata.map(usable).transpose()?;
        let http = HttpRequests::new(dialler, secret, self.request_timeout.unwrap_or(REQUEST_TIMEOUT));
        let shared = SharedState::new(http, Settings { heartbeat_interval, metadata, private_key });
        Ok(RuntimeClient::new(Lifecycle::new(shared, reconnect)))
    }

    fn check_interval(&self) -> Result<(), Error> {
        let interval = self.settings.heartbeat_interval;
        if HEARTBEAT_INTERVALS.contains(&interval) {
            return Ok(());
        }
        let (least, most) = (HEARTBEAT_INTERVALS.start(), HEARTBEAT_INTERVALS.end());
        Err(Error::invalid_setting(format!(
            "`heartbeat_interval` is {interval:?}, and must be {least:?} to {most:?}: a gateway ends a session without a heartbeat for {SESSION_SILENCE:?}"
        )))
    }
}

fn usable(metadata: serde_json::Result<Metadata>) -> Result<Box<RawValue>, Error> {
    let Metadata(metadata) = metadata
        .map_err(|error| Error::invalid_setting("the metadata cannot be written as JSON").with_source(error))?;
    if !metadata.get().starts_with('{') {
        return Err(Error::invalid_setting("the metadata must be a JSON object"));
    }
    match metadata.get().len() {
        bytes if bytes > MAX_METADATA_BYTES => Err(Error::invalid_setting(format!(
            "the metadata has {bytes} bytes, and a gateway takes at most {MAX_METADATA_BYTES}; shorten it"
        ))),
        _ => Ok(metadata),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::builder::tests::mistakes_are_found;
    use platools_transport::{ErrorKind, Jitter};

    fn complete() -> RuntimeClientBuilder {
        RuntimeClient::builder().url("http://127.0.0.1:1").secret("k")
    }

    fn kind(builder: RuntimeClientBuilder) -> Option<ErrorKind> {
        builder.build().err().map(|error| error.kind())
    }

    #[test]
    fn what_is_missing_or_malformed_fails_the_build() {
        mistakes_are_found(complete, kind);
        assert_eq!(kind(RuntimeClient::builder().secret("k")), Some(ErrorKind::InvalidUrl));
        assert_eq!(kind(RuntimeClient::builder().url("http://host")), Some(ErrorKind::InvalidSecret));
    }

    #[test]
    fn heartbeats_are_1_to_100_seconds_apart() {
        let every = |interval| kind(complete().heartbeat_interval(interval));
        assert_eq!([1, 15, 20, 30, 60, 100].map(Duration::from_secs).map(every), [None; 6]);
        let refused = [Duration::ZERO, Duration::from_millis(999), Duration::from_secs(101), Duration::MAX];
        assert_eq!(refused.map(every), [Some(ErrorKind::InvalidSetting); 4]);
        let error = complete().heartbeat_interval(Duration::from_millis(15)).build().expect_err("it is too short");
        assert_eq!(
            error.to_string(),
            "`heartbeat_interval` is 15ms, and must be 1s to 100s: a gateway ends a session without a heartbeat for 120s"
        );
    }

    #[test]
    fn a_reconnect_setting_changes_only_what_it_names() {
        let policy = |builder: RuntimeClientBuilder| builder.connection.policy();
        let sessions = Reconnect::of_sessions;
        let (two, forty) = (Duration::from_secs(2), Duration::from_secs(40));
        assert_eq!(policy(complete()), sessions());
        assert_eq!(policy(complete().max_retries(5)), sessions().max_attempts(5));
        assert_eq!(policy(complete().initial_delay(two)), sessions().base(two));
        assert_eq!(policy(complete().max_delay(forty)), sessions().max(forty));
        assert_eq!(
            policy(complete().max_retries(5).initial_delay(two).max_delay(forty)),
            sessions().max_attempts(5).base(two).max(forty)
        );
        assert_eq!(policy(complete().reconnect(Reconnect::new().max_attempts(5))), sessions().max_attempts(5));
        assert_eq!(
            policy(complete().max_retries(5).reconnect(Reconnect::new().jitter(Jitter::None)).initial_delay(two)),
            sessions().max_attempts(5).jitter(Jitter::None).base(two)
        );
    }

    #[test]
    fn retries_may_be_none_and_the_first_delay_is_no_longer_than_the_longest() {
        let seconds = Duration::from_secs;
        assert_eq!(kind(complete().max_retries(0)), None);
        assert_eq!(kind(complete().max_retries(u32::MAX)), None);
        assert_eq!(kind(complete().initial_delay(seconds(30))), None);
        assert_eq!(kind(complete().max_delay(Duration::from_millis(1))), None);
        assert_eq!(kind(complete().initial_delay(Duration::MAX).max_delay(Duration::MAX)), None);
        for builder in [
            complete().initial_delay(Duration::ZERO),
            complete().max_delay(Duration::ZERO),
            complete().initial_delay(seconds(31)),
            complete().initial_delay(seconds(5)).max_delay(seconds(2)),
        ] {
            assert_eq!(kind(builder), Some(ErrorKind::InvalidSetting));
        }
        let error = complete().initial_delay(seconds(31)).build().expect_err("it would be 30");
        assert!(error.to_string().starts_with("the first reconnect delay is 31s, and the longest is 30s"), "{error}");
    }

    #[test]
    fn an_empty_private_key_fails_the_build() {
        assert_eq!(kind(complete().private_key("0x1")), None);
        assert_eq!(kind(complete().private_key(" \n")), Some(ErrorKind::InvalidSecret));
        let client = complete().private_key("0x1".to_owned()).build().expect("a valid client");
        assert_eq!(client.private_key().map(PrivateKey::expose_secret), Some("0x1"));
        assert!(complete().build().expect("a valid client").private_key().is_none());
    }

    #[test]
    fn metadata_is_an_object_of_at_most_8_kib() {
        let with = |metadata| kind(RuntimeClient::builder().url("http://host").secret("k").metadata(metadata));
        let of = |bytes: usize| json!({"a": "x".repeat(bytes - r#"{"a":""}"#.len())});
        assert_eq!([json!({}), of(MAX_METADATA_BYTES)].map(with), [None; 2]);
        assert_eq!([json!([]), of(MAX_METADATA_BYTES + 1)].map(with), [Some(ErrorKind::InvalidSetting); 2]);
    }

    #[test]
    fn debug_shows_no_key_and_no_metadata() {
        let secret = json!({"a": "hunter2"});
        let builder = RuntimeClient::builder().url("http://host").secret("hunter2").metadata(secret);
        let builder = builder.private_key("hunter2");
        let debug = format!("{builder:?}");
        assert!(!format!("{debug} {:?}", builder.build()).contains("hunter2"));
    }
}
