//! [`Feature`]: names one extension of the protocol. [`Features`] is the set of extensions that a worker offers or a platform accepts.
//! `extension_frames.rs` has the frames of the extensions.

use std::fmt;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use serde_json::Value;

/// The header of the upgrade in which a worker offers extensions, as a list of names with commas between.
pub const FEATURES_HEADER: &str = "platools-features";

/// An extension of the protocol. None is used unless the worker offered it in the upgrade and the platform's `welcome`
/// lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Feature {
    /// The platform may give calls up, with `tool_cancel`.
    Cancel,
    /// The worker may tell how far a call is, with `tool_progress`.
    Progress,
    /// The worker may pass on what a call tells its caller in passing, with `tool_log`.
    Log,
    /// The platform says which replies have arrived, with `result_ack`.
    ResultAck,
    /// Either side may announce that it goes away, with `drain`.
    Drain,
    /// The worker may tell more than a message about a failure, with the members `code`, `retryable` and `details` of `tool_error`.
    ErrorDetails,
}

impl Feature {
    /// Every extension this version knows.
    pub const ALL: [Self; 6] =
        [Self::Cancel, Self::Progress, Self::Log, Self::ResultAck, Self::Drain, Self::ErrorDetails];

    /// The name that travels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Progress => "progress",
            Self::Log => "log",
            Self::ResultAck => "result-ack",
            Self::Drain => "drain",
            Self::ErrorDetails => "error-details",
        }
    }

    /// The extension of that name, if this version knows it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|feature| feature.as_str() == name)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of extensions. In JSON it is a list of names; names that this version does not know are left out.
///
/// ```
/// use platools_protocol::tool_sync::{Feature, Features, PlatformFrame, Welcome};
///
/// // What a worker offers, and what a platform makes of it.
/// let offered = Features::from_header("cancel, drain, from-the-future");
/// let mut welcome = Welcome::new("c-1");
/// welcome.features = offered.intersection(Features::all());
/// assert!(welcome.features.contains(Feature::Drain));
/// assert_eq!(welcome.features.to_string(), "cancel, drain");
///
/// let text = PlatformFrame::Welcome(welcome).to_text();
/// assert_eq!(text, r#"{"type":"welcome","sdk_connection_id":"c-1","features":["cancel","drain"]}"#);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Features(u8);

impl Features {
    /// No extension: the protocol as every worker and platform speaks it.
    #[must_use]
    pub const fn none() -> Self {
        Self(0)
    }

    /// Every extension this version knows.
    #[must_use]
    pub fn all() -> Self {
        Feature::ALL.into_iter().collect()
    }

    /// Reads the value of [`FEATURES_HEADER`].
    #[must_use]
    pub fn from_header(value: &str) -> Self {
        value.split(',').filter_map(|name| Feature::from_name(name.trim())).collect()
    }

    /// True if the set has the extension.
    #[must_use]
    pub const fn contains(self, feature: Feature) -> bool {
        self.0 & feature.bit() != 0
    }

    /// True if the set is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// The extensions that are in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The extensions in the set.
    pub fn iter(self) -> impl Iterator<Item = Feature> {
        Feature::ALL.into_iter().filter(move |feature| self.contains(*feature))
    }
}

impl FromIterator<Feature> for Features {
    fn from_iter<I: IntoIterator<Item = Feature>>(features: I) -> Self {
        Self(features.into_iter().fold(0, |bits, feature| bits | feature.bit()))
    }
}

/// The value of [`FEATURES_HEADER`].
impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, feature) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{feature}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Features {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Feature::as_str))
    }
}

impl<'de> Deserialize<'de> for Features {
    /// Reads anything but a list of names as an empty set: to a platform without extensions the field may mean something else.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let names = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        Ok(names.filter_map(Feature::from_name).collect())
    }
}
