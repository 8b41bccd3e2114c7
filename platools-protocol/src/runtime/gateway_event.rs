//! [`GatewayEvent`]: a frame that a gateway sends to an agent. `agent_frame.rs` has the frames of the other direction.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::agent_frame::{FrameError, present, write};
use crate::json_members::{pick, text};

/// Something that happened. `Debug` shows how long its data is, not what it says.
#[derive(Clone)]
#[non_exhaustive]
pub struct GatewayEvent<'a> {
    /// The type of the event, such as those of [`event`](super::event).
    pub kind: Cow<'a, str>,
    /// Time of the event, ISO 8601; empty where the gateway does not say.
    pub timestamp: Cow<'a, str>,
    /// The data of the event: any JSON, an empty object where there is none.
    pub data: &'a RawValue,
}

impl<'a> GatewayEvent<'a> {
    /// Something that happened at that time.
    #[must_use]
    pub fn new(kind: impl Into<Cow<'a, str>>, timestamp: impl Into<Cow<'a, str>>, data: &'a RawValue) -> Self {
        Self { kind: kind.into(), timestamp: timestamp.into(), data }
    }

    /// Reads one event of a gateway's.
    ///
    /// # Errors
    /// The text is no JSON object, or has no type.
    pub fn parse(frame: &'a str) -> Result<Self, FrameError> {
        let [kind, timestamp, data] = pick(frame, ["type", "timestamp", "data"]).map_err(FrameError::NotAnObject)?;
        let kind = text(kind).ok_or(FrameError::NoType)?;
        Ok(Self { kind, timestamp: text(timestamp).unwrap_or_default(), data: present(data) })
    }

    /// The event as the text that travels.
    #[must_use]
    pub fn to_text(&self) -> String {
        write(self)
    }
}

impl Serialize for GatewayEvent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("type", &self.kind)?;
        map.serialize_entry("timestamp", &self.timestamp)?;
        map.serialize_entry("data", self.data)?;
        map.end()
    }
}

impl fmt::Debug for GatewayEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, timestamp, data } = self;
        let data_bytes = data.get().len();
        f.debug_struct("GatewayEvent")
            .field("kind", kind)
            .field("timestamp", timestamp)
            .field("data_bytes", &data_bytes)
            .finish()
    }
}
