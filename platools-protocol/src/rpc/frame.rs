//! [`Request`], [`Response`] and [`Event`]: the frames of gateway RPC. A caller sends the first, a gateway the other two.

use std::borrow::Cow;
use std::fmt;

use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::{ErrorCode, RpcError};
use super::request_id::id_in_head;
use crate::json_members::unknown_kind;
use crate::json_members::{pick, text};

/// A request of a caller. `Debug` shows the length of its params, not the text.
#[derive(Clone)]
#[non_exhaustive]
pub struct Request<'a> {
    /// Chosen by the caller; the response carries it back.
    pub id: Cow<'a, str>,
    /// The method, such as those of [`method`](super::method).
    pub method: Cow<'a, str>,
    /// A JSON object; an empty one where the request has none.
    pub params: &'a RawValue,
}

impl<'a> Request<'a> {
    /// A request; `params` is a JSON object.
    #[must_use]
    pub fn new(id: impl Into<Cow<'a, str>>, method: impl Into<Cow<'a, str>>, params: &'a RawValue) -> Self {
        Self { id: id.into(), method: method.into(), params }
    }

    /// Reads one request.
    ///
    /// # Errors
    /// The text is not JSON, not a request, or lacks what a request needs; [`FrameError::to_response`] is the answer.
    pub fn parse(frame: &'a str) -> Result<Self, FrameError> {
        let [kind, id, method, params] =
            pick(frame, ["type", "id", "method", "params"]).map_err(FrameError::NotAnObject)?;
        match text(kind) {
            Some(kind) if kind == "req" => {}
            kind => return Err(other_type(kind)),
        }
        let Some(id) = text(id) else { return Err(malformed("", "`id` must be a string that is not empty")) };
        let Some(method) = text(method) else {
            return Err(malformed(&id, "`method` must be a string that is not empty"));
        };
        match params.filter(|params| params.get() != "null") {
            None => Ok(Self { id, method, params: no_params() }),
            Some(params) if params.get().starts_with('{') => Ok(Self { id, method, params }),
            Some(_) => Err(malformed(&id, "`params` must be an object")),
        }
    }

    /// The id of a request of which only the beginning was read, because it is too large. None if the beginning
    /// does not have the id and the type.
    #[must_use]
    pub fn id_in_head(head: &str) -> Option<String> {
        id_in_head(head)
    }

    /// The params as a type.
    ///
    /// # Errors
    /// They do not fit, which is `INVALID_REQUEST`.
    pub fn decode<P: Deserialize<'a>>(&self) -> Result<P, RpcError> {
        serde_json::from_str(self.params.get()).map_err(|error| {
            // A request is one line, and its sender has not counted the columns.
            let reason = error.to_string();
            let reason = reason.split(" at line ").next().unwrap_or(&reason);
            RpcError::new(ErrorCode::InvalidRequest, format!("the params of `{}` do not fit: {reason}", self.method))
        })
    }

    /// The frame as the text that travels.
    #[must_use]
    pub fn to_text(&self) -> String {
        write(self)
    }
}

/// Params that say nothing.
fn no_params() -> &'static RawValue {
    serde_json::from_str("{}").expect("it is JSON")
}

impl Serialize for Request<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("type", "req")?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("method", &self.method)?;
        map.serialize_entry("params", self.params)?;
        map.end()
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, method, params } = self;
        let params_bytes = params.get().len();
        f.debug_struct("Request").field("id", id).field("method", method).field("params_bytes", &params_bytes).finish()
    }
}

/// A frame from a gateway.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum GatewayFrame<'a> {
    /// The answer to a request.
    Response(Response<'a>),
    /// Something that happened meanwhile.
    Event(Event<'a>),
}

impl<'a> GatewayFrame<'a> {
    /// Reads one frame of a gateway.
    ///
    /// # Errors
    /// The text is not JSON, of an unknown type, or lacks what its type needs; [`FrameError::id`] is the request it answers,
    /// as far as that can be told.
    pub fn parse(frame: &'a str) -> Result<Self, FrameError> {
        let [kind, id, ok, payload, error, event, seq, dropped] =
            pick(frame, ["type", "id", "ok", "payload", "error", "event", "seq", "droppedEvents"])
                .map_err(FrameError::NotAnObject)?;
        let payload = payload.unwrap_or(RawValue::NULL);
        match text(kind).as_deref() {
            Some("res") => {
                // A response to what could not be read has an empty id.
                let id = text(id).unwrap_or_default();
                let outcome = match ok.map(RawValue::get) {
                    Some("true") => Ok(payload),
                    Some("false") => Err(described(&id, error)?),
                    _ => return Err(malformed(&id, "`ok` must be true or false")),
                };
                let dropped_events = dropped.and_then(|events| serde_json::from_str(events.get()).ok());
                Ok(Self::Response(Response { id, outcome, dropped_events: dropped_events.unwrap_or_default() }))
            }
            Some("event") => {
                let Some(event) = text(event) else {
                    return Err(malformed("", "`event` must be a string that is not empty"));
                };
                let Some(seq) = seq.and_then(|seq| serde_json::from_str(seq.get()).ok()) else {
                    return Err(malformed("", "`seq` must be a number"));
                };
                Ok(Self::Event(Event { event, payload, seq }))
            }
            kind => Err(other_type(kind.map(Cow::Borrowed))),
        }
    }
}

fn described(id: &str, error: Option<&RawValue>) -> Result<RpcError, FrameError> {
    let Some(error) = error else { return Err(malformed(id, "`error` is missing")) };
    serde_json::from_str(error.get()).map_err(|_| malformed(id, "`error` describes none"))
}

/// The answer to a request. `Debug` shows how long its payload is, not what it says.
#[derive(Clone)]
#[non_exhaustive]
pub struct Response<'a> {
    /// The request's id; empty where that could not be read.
    pub id: Cow<'a, str>,
    /// The payload, or why there is none.
    pub outcome: Result<&'a RawValue, RpcError>,
    /// The events that were dropped since the response before it, because the caller read too slowly. It travels as
    /// `droppedEvents` if there were any.
    pub dropped_events: u64,
}

impl<'a> Response<'a> {
    /// The answer to a request that succeeded.
    #[must_use]
    pub fn success(id: impl Into<Cow<'a, str>>, payload: &'a RawValue) -> Self {
        Self { id: id.into(), outcome: Ok(payload), dropped_events: 0 }
    }

    /// The answer to a request that failed.
    #[must_use]
    pub fn failure(id: impl Into<Cow<'a, str>>, error: RpcError) -> Self {
        Self { id: id.into(), outcome: Err(error), dropped_events: 0 }
    }

    /// The most bytes that [`with_dropped_events`](Self::with_dropped_events) adds to the text.
    pub const MAX_DROPPED_EVENTS_BYTES: usize = r#","droppedEvents":18446744073709551615"#.len();

    /// Adds the number of events that were dropped since the response before it.
    #[must_use]
    pub fn with_dropped_events(mut self, events: u64) -> Self {
        self.dropped_events = events;
        self
    }

    /// The frame as the text that travels.
    #[must_use]
    pub fn to_text(&self) -> String {
        write(self)
    }
}

impl Serialize for Response<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("type", "res")?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("ok", &self.outcome.is_ok())?;
        match &self.outcome {
            Ok(payload) => map.serialize_entry("payload", payload)?,
            Err(error) => map.serialize_entry("error", error)?,
        }
        if self.dropped_events > 0 {
            map.serialize_entry("droppedEvents", &self.dropped_events)?;
        }
        map.end()
    }
}

impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = self.outcome.as_ref().map(|payload| format!("{} bytes", payload.get().len()));
        f.debug_struct("Response").field("id", &self.id).field("outcome", &outcome).finish()
    }
}

/// Something that happened, without having been asked for by itself. `Debug` shows how long its payload is, not what it says.
#[derive(Clone)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The name of the event, such as those of [`event`](super::event).
    pub event: Cow<'a, str>,
    /// The data of the event.
    pub payload: &'a RawValue,
    /// Counted for each connection from 1; a gap means that events were dropped.
    pub seq: u64,
}

impl<'a> Event<'a> {
    /// The event of that number.
    #[must_use]
    pub fn new(event: impl Into<Cow<'a, str>>, payload: &'a RawValue, seq: u64) -> Self {
        Self { event: event.into(), payload, seq }
    }

    /// The frame as the text that travels.
    #[must_use]
    pub fn to_text(&self) -> String {
        write(self)
    }
}

impl Serialize for Event<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("type", "event")?;
        map.serialize_entry("event", &self.event)?;
        map.serialize_entry("payload", self.payload)?;
        map.serialize_entry("seq", &self.seq)?;
        map.end()
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event, payload, seq } = self;
        let payload_bytes = payload.get().len();
        f.debug_struct("Event").field("event", event).field("payload_bytes", &payload_bytes).field("seq", seq).finish()
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
    /// A `type` that is not for this side, or that this version does not know; cut to 64 bytes.
    OtherType(String),
    /// A known `type` that lacks something.
    #[non_exhaustive]
    Malformed {
        /// The request's id; empty where that could not be read.
        id: String,
        /// The mistake.
        reason: String,
    },
}

impl FrameError {
    /// The id of the request this is about, as far as that is known; empty otherwise.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Malformed { id, .. } => id,
            Self::NotAnObject(_) | Self::NoType | Self::OtherType(_) => "",
        }
    }

    /// The gateway's answer to such a frame: `INVALID_REQUEST`.
    #[must_use]
    pub fn to_response(&self) -> Response<'_> {
        Response::failure(self.id(), RpcError::new(ErrorCode::InvalidRequest, self.to_string()))
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The cause may repeat what is in the frame.
            Self::NotAnObject(_) => f.write_str("the frame is not a JSON object"),
            Self::NoType => f.write_str("the frame has no `type`"),
            Self::OtherType(kind) => write!(f, "a frame of the type `{kind}` is not understood here"),
            Self::Malformed { reason, .. } => write!(f, "the frame is malformed: {reason}"),
        }
    }
}

impl std::error::Error for FrameError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotAnObject(error) => Some(error),
            Self::NoType | Self::OtherType(_) | Self::Malformed { .. } => None,
        }
    }
}

fn other_type(kind: Option<Cow<'_, str>>) -> FrameError {
    kind.map_or(FrameError::NoType, |kind| FrameError::OtherType(unknown_kind(&kind)))
}

fn malformed(id: &str, reason: impl Into<String>) -> FrameError {
    FrameError::Malformed { id: id.to_owned(), reason: reason.into() }
}

fn write(frame: &impl Serialize) -> String {
    serde_json::to_string(frame).expect("strings, numbers and raw JSON always serialize")
}
