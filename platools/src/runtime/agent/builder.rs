//! Setting up a client.

use std::time::Duration;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::client::RuntimeClient;
use super::core::Core;
use super::gateway::Gateway;
use super::phase::Shared;
use crate::error::{Error, ErrorKind};
use crate::link::{Dialler, Endpoint, Reconnect, Secret, Tls};
use crate::wire::runtime::{HEARTBEAT_INTERVAL, MAX_METADATA_BYTES};

/// How often a heartbeat may be sent: more often is of no use, and a gateway ends sessions that it hears nothing of for two
/// minutes.
const HEARTBEAT_INTERVALS: std::ops::RangeInclusive<Duration> = Duration::from_secs(15)..=Duration::from_secs(60);

/// Sets up a [`RuntimeClient`]. Each method documents its default.
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct RuntimeClientBuilder {
    url: String,
    api_key: Option<Secret>,
    metadata: Option<serde_json::Result<Metadata>>,
    reconnect: Reconnect,
    heartbeat_interval: Duration,
    tls: Tls,
    connect_timeout: Duration,
    request_timeout: Duration,
}

/// Metadata that is written already. `Debug` shows how long it is.
struct Metadata(Box<RawValue>);

impl std::fmt::Debug for Metadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.get().len())
    }
}

impl Default for RuntimeClientBuilder {
    fn default() -> Self {
        Self {
            url: String::new(),
            api_key: None,
            metadata: None,
            reconnect: Reconnect::of_sessions(),
            heartbeat_interval: HEARTBEAT_INTERVAL,
            tls: Tls::new(),
            connect_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(30),
        }
    }
}

impl RuntimeClientBuilder {
    /// The gateway's URL: `http` or `https` (`ws` or `wss` are the same). Required.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// The agent's key, or where to read it before each request: a key in a file may be rotated while the client is
    /// connected. It travels in a header, never in the URL. Required.
    pub fn api_key(mut self, key: impl Into<Secret>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Whatever is to be known of the agent: a JSON object of at most 8 KiB. Default: nothing.
    pub fn metadata(mut self, metadata: impl Serialize) -> Self {
        self.metadata = Some(to_raw_value(&metadata).map(Metadata));
        self
    }

    /// When to connect again, and when to give up. Default: [`Reconnect::of_sessions`].
    pub fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// Time between two heartbeats, 15 to 60 seconds; a gateway of which nothing comes for two of them is taken for dead.
    /// Default: 30 seconds.
    pub fn heartbeat_interval(mut self, interval: Duration) -> Self {
        self.heartbeat_interval = interval;
        self
    }

    /// How `https` and `wss` are secured. Default: [`Tls::new`].
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// How long opening a connection may take, that of the socket with its upgrade. Default: 20 seconds.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// How long a request may take each time it is made, with its connection. Default: 30 seconds.
    pub fn request_timeout(mut self, limit: Duration) -> Self {
        self.request_timeout = limit;
        self
    }

    /// The client, which is not connected yet.
    ///
    /// # Errors
    /// The URL or the key is missing or malformed, a certificate cannot be used, a setting is out of range, or the metadata is no
    /// object or too large.
    pub fn build(self) -> Result<RuntimeClient, Error> {
        self.check_settings()?;
        let dialler = Dialler::new(Endpoint::Agent, &self.url, &self.tls, self.connect_timeout)?;
        let key = self
            .api_key
            .ok_or_else(|| Error::new(ErrorKind::InvalidSecret, "there is no API key; call `api_key(..)`"))?;
        key.check()?;
        let metadata = self.metadata.map(usable).transpose()?;
        let gateway = Gateway::new(dialler, key, self.request_timeout);
        let core = Core::new(gateway, self.reconnect, self.heartbeat_interval, metadata);
        Ok(RuntimeClient::new(Shared::new(core)))
    }

    fn check_settings(&self) -> Result<(), Error> {
        self.reconnect.check()?;
        if !HEARTBEAT_INTERVALS.contains(&self.heartbeat_interval) {
            return Err(Error::invalid_setting("`heartbeat_interval` must be 15 to 60 seconds"));
        }
        Error::if_zero([
            ("connect_timeout", self.connect_timeout.is_zero()),
            ("request_timeout", self.request_timeout.is_zero()),
        ])
    }
}

fn usable(metadata: serde_json::Result<Metadata>) -> Result<Box<RawValue>, Error> {
    let Metadata(metadata) = metadata
        .map_err(|error| Error::invalid_setting("the metadata cannot be written as JSON").with_source(error))?;
    if !metadata.get().starts_with('{') {
        return Err(Error::invalid_setting("the metadata must be a JSON object"));
    }
    match metadata.get().len() {
        bytes if bytes > MAX_METADATA_BYTES => {
            Err(Error::invalid_setting(format!("the metadata has {bytes} bytes; a gateway takes {MAX_METADATA_BYTES}")))
        }
        _ => Ok(metadata),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kind(builder: RuntimeClientBuilder) -> Option<ErrorKind> {
        builder.build().err().map(|error| error.kind())
    }

    #[test]
    fn what_is_missing_or_malformed_fails_the_build() {
        let complete = || RuntimeClient::builder().url("http://127.0.0.1:1").api_key("k");
        assert_eq!(kind(complete()), None);
        assert_eq!(kind(RuntimeClient::builder().api_key("k")), Some(ErrorKind::InvalidUrl));
        assert_eq!(kind(complete().url("http://u:p@host")), Some(ErrorKind::InvalidUrl));
        assert_eq!(kind(RuntimeClient::builder().url("http://host")), Some(ErrorKind::InvalidSecret));
        assert_eq!(kind(complete().api_key("")), Some(ErrorKind::InvalidSecret));
        assert_eq!(kind(complete().request_timeout(Duration::ZERO)), Some(ErrorKind::InvalidSetting));
        assert_eq!(kind(complete().reconnect(Reconnect::new().base(Duration::ZERO))), Some(ErrorKind::InvalidSetting));
        let tls = Tls::new().ca_certificates("no PEM");
        assert_eq!(kind(complete().url("https://host").tls(tls)), Some(ErrorKind::Tls));
    }

    #[test]
    fn heartbeats_are_15_to_60_seconds_apart() {
        let every = |seconds| {
            let interval = Duration::from_secs(seconds);
            kind(RuntimeClient::builder().url("http://host").api_key("k").heartbeat_interval(interval))
        };
        assert_eq!([15, 30, 60].map(every), [None; 3]);
        assert_eq!([0, 14, 61].map(every), [Some(ErrorKind::InvalidSetting); 3]);
    }

    #[test]
    fn metadata_is_an_object_of_at_most_8_kib() {
        let with = |metadata| kind(RuntimeClient::builder().url("http://host").api_key("k").metadata(metadata));
        let of = |bytes: usize| json!({"a": "x".repeat(bytes - r#"{"a":""}"#.len())});
        assert_eq!([json!({}), of(MAX_METADATA_BYTES)].map(with), [None; 2]);
        assert_eq!([json!([]), of(MAX_METADATA_BYTES + 1)].map(with), [Some(ErrorKind::InvalidSetting); 2]);
    }

    #[test]
    fn debug_shows_no_key_and_no_metadata() {
        let secret = json!({"a": "hunter2"});
        let builder = RuntimeClient::builder().url("http://host").api_key("hunter2").metadata(secret);
        let debug = format!("{builder:?}");
        assert!(!format!("{debug} {:?}", builder.build()).contains("hunter2"));
    }
}
