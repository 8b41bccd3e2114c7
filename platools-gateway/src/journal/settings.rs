//! Settings of the journal.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::redact::Names;

/// The part of arguments and results that the journal keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Recording {
    /// All of it.
    Full,
    /// All but what a tool's schema marks with `"x-sensitive": true`, values whose names sound secret, and texts that look like
    /// secrets.
    #[default]
    Redacted,
    /// Only how long they were.
    Nothing,
}

impl Recording {
    /// `full`, `redacted` or `nothing`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "full" => Some(Self::Full),
            "redacted" => Some(Self::Redacted),
            "nothing" => Some(Self::Nothing),
            _ => None,
        }
    }
}

/// Settings of the journal.
#[derive(Debug, Clone)]
pub struct JournalSettings {
    pub(super) recording: Recording,
    pub(super) names: Names,
    pub(super) max_payload_bytes: usize,
    pub(super) max_age: Duration,
    pub(super) max_bytes: u64,
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self {
            recording: Recording::default(),
            names: Names::default(),
            max_payload_bytes: 64 * 1024,
            max_age: Duration::from_secs(30 * 24 * 60 * 60),
            max_bytes: 1024 * 1024 * 1024,
        }
    }
}

impl JournalSettings {
    /// Sets the part of arguments and results that is kept. Default: [`Recording::Redacted`].
    #[must_use]
    pub fn recording(mut self, recording: Recording) -> Self {
        self.recording = recording;
        self
    }

    /// Sets the names of members that [`Recording::Redacted`] leaves out: those that contain one of these, whatever the case,
    /// and whatever stands between letters (`api_key`, `apiKey` and `X-API-Key` all contain `apikey`). Default:
    /// [`SENSITIVE_NAMES`](super::SENSITIVE_NAMES). A list that has all of those also leaves out names whose last word is one of
    /// [`SENSITIVE_WORDS`](super::SENSITIVE_WORDS). The same names count for options, header fields and parameters in texts.
    #[must_use]
    pub fn sensitive_names<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.names = Names::new(names);
        self
    }

    /// Arguments or a result with more bytes than this are dropped, and only their length is kept. So are, with
    /// [`Recording::Redacted`], those with more than one value for four of these bytes. Default: 64 KiB.
    #[must_use]
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload_bytes = bytes;
        self
    }

    /// Sets the time that calls are kept. Default: 30 days.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// Sets the bytes of all calls together, 1 KiB for each besides its arguments and results. The oldest go first.
    /// Default: 1 GiB.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }
}
