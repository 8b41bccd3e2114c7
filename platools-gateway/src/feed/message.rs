//! [`Event`] and [`KeyedStream`]: the two kinds of messages that an application publishes to dashboards, and their JSON.

use std::fmt::Write as _;
use std::sync::Mutex;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::error::{Error, ErrorKind};
use crate::domain::ids::AgentId;
use crate::domain::lock::lock;
use crate::ports::feed_fan_out::{MessageToDashboards, StreamName};
use crate::ports::time::{now_ms, rfc3339};

/// Types of the protocol's own messages, which an application cannot publish.
const RESERVED: [&str; 5] = ["connected", "subscribed", "ping", "pong", "error"];

/// An event: a message with a type and data. The data is serialized only if a dashboard is connected.
#[derive(Debug)]
pub struct Event<'a, D: ?Sized> {
    kind: &'a str,
    data: &'a D,
}

impl<'a, D: Serialize + ?Sized> Event<'a, D> {
    /// `kind` becomes the `type` of the message, and `data` its `data`.
    #[must_use]
    pub fn new(kind: &'a str, data: &'a D) -> Self {
        Self { kind, data }
    }

    /// The message.
    pub(super) fn text(&self) -> Result<Bytes, Error> {
        check_kind(self.kind)?;
        text(self.kind, self.data).map_err(|error| unwritable(self.kind, error))
    }
}

impl<D: ?Sized> Clone for Event<'_, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: ?Sized> Copy for Event<'_, D> {}

/// Values that change often, each under a key: prices, positions of vehicles, progress of jobs.
///
/// Of each key only the latest value counts. Those that changed during a tick travel as one message:
/// `{"type": <the stream's name>, "data": {"updates": [<value>, ...], "timestamp": <RFC 3339>}}`, in the order in which their keys came
/// up. The keys are not sent; a value names its subject itself.
///
/// ```
/// use platools_gateway::feed::KeyedStream;
///
/// const PRICES: KeyedStream = KeyedStream::new("price_update_batch");
/// // `{"type": "speeds", "data": {"cars": [...], "timestamp": "..."}}`
/// const SPEEDS: KeyedStream = KeyedStream::new("speeds").member("cars");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyedStream {
    kind: &'static str,
    member: &'static str,
}

impl KeyedStream {
    /// A stream of messages of this type.
    #[must_use]
    pub const fn new(kind: &'static str) -> Self {
        Self { kind, member: "updates" }
    }

    /// The member of `data` that has the values. Default: `updates`.
    #[must_use]
    pub const fn member(self, name: &'static str) -> Self {
        Self { member: name, ..self }
    }

    /// Returns a key of the stream.
    #[must_use]
    pub const fn key(self, key: &str) -> StreamKey<'_> {
        StreamKey { stream: self, key }
    }

    /// The stream of another gateway with these names. `None` if there are too many streams.
    pub(super) fn named(name: &StreamName) -> Option<Self> {
        let mut streams = lock(&STREAMS);
        let known = streams.iter().find(|known| *known.kind == *name.kind && *known.member == *name.member);
        if known.is_some() || streams.len() >= MAX_STREAMS {
            return known.copied();
        }
        // The names are constants of the application, so they stay as long as the program.
        let stream = Self { kind: name.kind.clone().leak(), member: name.member.clone().leak() };
        streams.push(stream);
        Some(stream)
    }

    /// The message with these values.
    pub(super) fn text(self, values: impl ExactSizeIterator<Item = Bytes>) -> Bytes {
        let mut text = String::with_capacity(128 + values.len() * 64);
        let _ = write!(text, "{{\"type\":{},\"data\":{{{}:[", quoted(self.kind), quoted(self.member));
        for (position, value) in values.enumerate() {
            if position > 0 {
                text.push(',');
            }
            text.push_str(std::str::from_utf8(&value).expect("JSON is UTF-8"));
        }
        let _ = write!(text, "],\"timestamp\":\"{}\"}}}}", rfc3339(now_ms()));
        text.into()
    }
}

/// The streams of other gateways.
static STREAMS: Mutex<Vec<KeyedStream>> = Mutex::new(Vec::new());

/// The largest number of streams of other gateways.
const MAX_STREAMS: usize = 1024;

/// A key of a [`KeyedStream`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamKey<'a> {
    pub(super) stream: KeyedStream,
    pub(super) key: &'a str,
}

impl StreamKey<'_> {
    /// The message about a value for another gateway.
    pub(super) fn message(&self, agents: Option<Vec<AgentId>>, value: &Bytes) -> MessageToDashboards {
        let stream = StreamName { kind: self.stream.kind.to_owned(), member: self.stream.member.to_owned() };
        MessageToDashboards::Value { agents, stream, key: self.key.to_owned(), value: raw(value) }
    }

    /// The text of a value.
    pub(super) fn value(&self, value: &(impl Serialize + ?Sized)) -> Result<Bytes, Error> {
        check_kind(self.stream.kind)?;
        serde_json::to_vec(value).map(Into::into).map_err(|error| unwritable(self.stream.kind, error))
    }
}

/// The text of a message.
pub(super) fn text(kind: &str, data: &(impl Serialize + ?Sized)) -> Result<Bytes, serde_json::Error> {
    #[derive(Serialize)]
    struct Message<'a, D: ?Sized> {
        r#type: &'a str,
        data: &'a D,
    }
    serde_json::to_vec(&Message { r#type: kind, data }).map(Into::into)
}

/// A message with data that always serializes.
pub(super) fn plain(kind: &str, data: &serde_json::Value) -> Bytes {
    text(kind, data).expect("a value always serializes")
}

/// The text of a message or value, as a part of a message to another gateway.
pub(super) fn raw(text: &Bytes) -> Box<RawValue> {
    let text = std::str::from_utf8(text).expect("messages are JSON");
    RawValue::from_string(text.to_owned()).expect("messages are JSON")
}

fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

fn check_kind(kind: &str) -> Result<(), Error> {
    if RESERVED.contains(&kind) || kind.is_empty() {
        let message = format!("{kind:?} cannot be published: it is empty, or a message of the protocol's own");
        return Err(Error::new(ErrorKind::InvalidRequest, message));
    }
    Ok(())
}

fn unwritable(kind: &str, error: serde_json::Error) -> Error {
    Error::new(ErrorKind::InvalidRequest, format!("the data of the event {kind:?} cannot be written as JSON"))
        .caused_by(error)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_batch_has_its_values_in_order_under_the_name_that_was_chosen() {
        let stream = KeyedStream::new("speeds \"km/h\"").member("cars");
        let values = [json!({"car": 1}), json!("two")].map(|value| Bytes::from(value.to_string()));
        let batch: Value = serde_json::from_slice(&stream.text(values.into_iter())).unwrap();
        assert_eq!(batch["type"], "speeds \"km/h\"");
        assert_eq!(batch["data"]["cars"], json!([{"car": 1}, "two"]));
        assert!(batch["data"]["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn what_cannot_be_published_is_refused() {
        for kind in ["", "ping", "connected", "error"] {
            assert_eq!(Event::new(kind, &1).text().unwrap_err().kind(), ErrorKind::InvalidRequest, "{kind}");
        }
        let no_text_keys = std::collections::HashMap::from([((1, 2), 3)]);
        let error = Event::new("map", &no_text_keys).text().unwrap_err();
        assert!(error.to_string().contains("\"map\""), "{error}");
        assert!(KeyedStream::new("pong").key("k").value(&1).is_err());
    }
}
