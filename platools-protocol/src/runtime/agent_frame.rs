//! [`AgentFrame`]: a frame that an agent sends to a gateway. `gateway_event.rs` has the frames of the other direction.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::json_members::{pick, text};

/// The beginnings of types that belong to the protocol: no custom frame may have them, so that none can pass for an event of
/// the gateway's.
const RESERVED: [&str; 4] = ["channel.", "connection.", "presence.", "tool."];

/// A frame from an agent. `Debug` shows the length of its data, not the text.
#[derive(Clone)]
#[non_exhaustive]
pub enum AgentFrame<'a> {
    /// The session is to stay alive.
    Heartbeat {
        /// The agent's clock, ISO 8601; `None` where it says nothing that can be read.
        timestamp: Option<Cow<'a, str>>,
    },
    /// The agent wants the messages of a channel.
    Subscribe {
        /// The channel.
        channel_id: Cow<'a, str>,
    },
    /// The agent wants no more messages of a channel.
    Unsubscribe {
        /// The channel.
        channel_id: Cow<'a, str>,
    },
    /// Something of the agent's own.
    Custom {
        /// The type.
        kind: Cow<'a, str>,
        /// Any JSON; an empty object where there is none.
        data: &'a RawValue,
    },
}

/// The types of the frames that mean something to every gateway.
mod kind {
    pub(super) const HEARTBEAT: &str = "heartbeat";
    pub(super) const SUBSCRIBE: &str = "channel.subscribe";
    pub(super) const UNSUBSCRIBE: &str = "channel.unsubscribe";
}

/// Tells if a type begins like those of the protocol, so that neither agents nor applications may use it for events of their own.
#[must_use]
pub fn is_reserved_type(kind: &str) -> bool {
    RESERVED.iter().any(|prefix| kind.starts_with(prefix))
}

impl<'a> AgentFrame<'a> {
    /// Reads one frame of an agent's.
    ///
    /// # Errors
    /// The text is no JSON object, has no type, one of the protocol's that an agent may not send, or lacks what its type
    /// needs. None of these ends a session.
    pub fn parse(frame: &'a str) -> Result<Self, FrameError> {
        let [kind, channel_id, timestamp, data] =
            pick(frame, ["type", "channelId", "timestamp", "data"]).map_err(FrameError::NotAnObject)?;
        let kind = text(kind).ok_or(FrameError::NoType)?;
        let channel = |kind: &'static str| {
            text(channel_id)
                .ok_or(FrameError::Malformed { kind, reason: "`channelId` must be a string that is not empty" })
        };
        match &*kind {
            kind::HEARTBEAT => Ok(Self::Heartbeat { timestamp: text(timestamp) }),
            kind::SUBSCRIBE => Ok(Self::Subscribe { channel_id: channel(kind::SUBSCRIBE)? }),
            kind::UNSUBSCRIBE => Ok(Self::Unsubscribe { channel_id: channel(kind::UNSUBSCRIBE)? }),
            reserved if is_reserved_type(reserved) => Err(FrameError::UnknownType(kind.into_owned())),
            _ => Ok(Self::Custom { kind, data: present(data) }),
        }
    }

    /// The frame as the text that travels.
    #[must_use]
    pub fn to_text(&self) -> String {
        write(self)
    }
}

impl Serialize for AgentFrame<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Heartbeat { timestamp } => {
                map.serialize_entry("type", kind::HEARTBEAT)?;
                if let Some(timestamp) = timestamp {
                    map.serialize_entry("timestamp", timestamp)?;
                }
            }
            Self::Subscribe { channel_id } => {
                map.serialize_entry("type", kind::SUBSCRIBE)?;
                map.serialize_entry("channelId", channel_id)?;
            }
            Self::Unsubscribe { channel_id } => {
                map.serialize_entry("type", kind::UNSUBSCRIBE)?;
                map.serialize_entry("channelId", channel_id)?;
            }
            Self::Custom { kind, data } => {
                map.serialize_entry("type", kind)?;
                map.serialize_entry("data", data)?;
            }
        }
        map.end()
    }
}

impl fmt::Debug for AgentFrame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Heartbeat { timestamp } => f.debug_struct("Heartbeat").field("timestamp", timestamp).finish(),
            Self::Subscribe { channel_id } => f.debug_struct("Subscribe").field("channel_id", channel_id).finish(),
            Self::Unsubscribe { channel_id } => f.debug_struct("Unsubscribe").field("channel_id", channel_id).finish(),
            Self::Custom { kind, data } => {
                f.debug_struct("Custom").field("kind", kind).field("data_bytes", &data.get().len()).finish()
            }
        }
    }
}

/// Data that says something; nothing is an empty object.
pub(super) fn present(data: Option<&RawValue>) -> &RawValue {
    match data.filter(|data| data.get() != "null") {
        Some(data) => data,
        None => serde_json::from_str("{}").expect("it is JSON"),
    }
}

/// The reason why a text is not a valid frame for this side. None of these ends a connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum FrameError {
    /// The text is not a JSON object.
    NotAnObject(serde_json::Error),
    /// There is no `type`, or it is not a string.
    NoType,
    /// A `type` that this side does not take.
    UnknownType(String),
    /// A known `type` that lacks something.
    #[non_exhaustive]
    Malformed {
        /// The frame's type.
        kind: &'static str,
        /// The mistake.
        reason: &'static str,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The cause may repeat what is in the frame.
            Self::NotAnObject(_) => f.write_str("the frame is not a JSON object"),
            Self::NoType => f.write_str("the frame has no `type`"),
            Self::UnknownType(kind) => write!(f, "a frame of the type `{kind}` is not understood here"),
            Self::Malformed { kind, reason } => write!(f, "malformed `{kind}`: {reason}"),
        }
    }
}

impl std::error::Error for FrameError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotAnObject(error) => Some(error),
            Self::NoType | Self::UnknownType(_) | Self::Malformed { .. } => None,
        }
    }
}

pub(super) fn write(frame: &impl Serialize) -> String {
    serde_json::to_string(frame).expect("strings and raw JSON always serialize")
}
