//! [`Fields`]: the members of frequent frames, and [`FrameError`].

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::spelling::{self, Spelled, Spelling};
use crate::members::{pick, string};

/// The fields of the frames that travel once per call, still raw.
///
/// An internally tagged enum would buffer the whole frame in an intermediate value before it knew the variant; this reads
/// the text once and borrows from it. Every field is taken as raw JSON, so that one of the wrong type spoils neither the
/// discriminator nor a usable call id. Of a repeated key the last one counts, as in JavaScript and Python.
///
/// Peers may write names in camel case, as the protocol's first description does. Such names are read and never sent; the
/// usual spelling wins where a frame has both.
pub(super) struct Fields<'a> {
    call_id: Spelled<'a>,
    tool_name: Spelled<'a>,
    pub(super) params: Option<&'a RawValue>,
    pub(super) result: Option<&'a RawValue>,
    latency_ms: Spelled<'a>,
}

impl<'a> Fields<'a> {
    /// Reads the fields of one frame, and its `type`.
    pub(super) fn read(text: &'a str) -> Result<(Cow<'a, str>, Self), FrameError> {
        let names =
            ["type", "call_id", "callId", "tool_name", "toolName", "params", "result", "latency_ms", "latencyMs"];
        let [kind, call_id, call_id_camel, tool_name, tool_name_camel, params, result, latency_ms, latency_ms_camel] =
            pick(text, names).map_err(FrameError::NotAnObject)?;
        let kind = kind.and_then(string).ok_or(FrameError::NoType)?;
        let fields = Self {
            call_id: Spelled { first: call_id, other: call_id_camel },
            tool_name: Spelled { first: tool_name, other: tool_name_camel },
            params,
            result,
            latency_ms: Spelled { first: latency_ms, other: latency_ms_camel },
        };
        Ok((kind, fields))
    }

    /// The call id, if it is a string that is not empty.
    pub(super) fn call_id(&self) -> Option<Cow<'a, str>> {
        self.call_id.chosen().and_then(string).filter(|id| !id.is_empty())
    }

    /// The call id; a frame of that kind cannot do without.
    pub(super) fn required_call_id(&self, kind: &'static str) -> Result<Cow<'a, str>, FrameError> {
        self.call_id().ok_or_else(|| malformed(kind, None, "`call_id` must be a string that is not empty"))
    }

    /// The tool name, if it is a string that is not empty.
    pub(super) fn tool_name(&self) -> Option<Cow<'a, str>> {
        self.tool_name.chosen().and_then(string).filter(|name| !name.is_empty())
    }

    /// The time that the worker took in milliseconds, if it is a whole number.
    pub(super) fn latency_ms(&self) -> Option<u64> {
        self.latency_ms.chosen().and_then(|raw| serde_json::from_str(raw.get()).ok())
    }
}

/// The reason why a text is not a valid frame for this side.
///
/// None of these ends a session. A malformed call that still names its call id can be answered.
#[derive(Debug)]
#[non_exhaustive]
pub enum FrameError {
    /// The text is not a JSON object.
    NotAnObject(serde_json::Error),
    /// There is no `type`, or it is not a string.
    NoType,
    /// A `type` this version does not know, perhaps from a newer peer; cut to 64 bytes.
    UnknownType(String),
    /// A known `type` whose fields do not fit.
    Malformed {
        /// The frame's `type`.
        kind: &'static str,
        /// The call the frame belongs to, where it says so.
        call_id: Option<String>,
        /// The mistake.
        reason: String,
        /// The line and the column where JSON goes wrong, from 1 on; within the member if a member has its second spelling.
        place: Option<(usize, usize)>,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject(error) => write!(f, "the frame is not a JSON object: {error}"),
            Self::NoType => f.write_str("the frame has no `type`"),
            Self::UnknownType(kind) => write!(f, "unknown frame type `{kind}`"),
            Self::Malformed { kind, reason, .. } => write!(f, "malformed `{kind}`: {reason}"),
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

/// Reads a frame that travels rarely, all of it, into its own type. `spellings` has all its members; it is empty if none has a second
/// spelling.
pub(super) fn whole<'a, T: Deserialize<'a>>(
    kind: &'static str,
    text: &'a str,
    spellings: &'static [Spelling],
) -> Result<T, FrameError> {
    spelling::read(text, spellings).map_err(|error| malformed_at(kind, None, &error))
}

/// Reads a frame about one call, whose id is kept even where the rest does not fit.
pub(super) fn of_call<'a, T: Deserialize<'a>>(
    kind: &'static str,
    fields: &Fields<'a>,
    text: &'a str,
    spellings: &'static [Spelling],
) -> Result<(Cow<'a, str>, T), FrameError> {
    let call_id = fields.required_call_id(kind)?;
    match spelling::read(text, spellings) {
        Ok(frame) => Ok((call_id, frame)),
        Err(error) => Err(malformed_at(kind, Some(call_id), &error)),
    }
}

/// A known frame whose fields do not fit.
pub(super) fn malformed(kind: &'static str, call_id: Option<Cow<'_, str>>, reason: &str) -> FrameError {
    let call_id = call_id.map(Cow::into_owned);
    FrameError::Malformed { kind, call_id, reason: reason.to_owned(), place: None }
}

fn malformed_at(kind: &'static str, call_id: Option<Cow<'_, str>>, error: &serde_json::Error) -> FrameError {
    // An error about a member that is missing has no place.
    let place = (error.line() > 0).then(|| (error.line(), error.column()));
    let call_id = call_id.map(Cow::into_owned);
    FrameError::Malformed { kind, call_id, reason: error.to_string(), place }
}

/// True if a raw value is a JSON object.
pub(super) fn is_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
}
