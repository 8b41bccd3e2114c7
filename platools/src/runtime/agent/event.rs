//! What handlers are given.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::link::ConnectionState;
use crate::wire::runtime::{Event, event};

/// Something that happened, on the gateway or to the connection. Clones are cheap. `Debug` shows how long its data is, not
/// what it says.
#[derive(Clone)]
pub struct RuntimeEvent(Arc<Happening>);

struct Happening {
    kind: String,
    timestamp: String,
    data: Box<RawValue>,
}

impl RuntimeEvent {
    pub(super) fn new(event: &Event<'_>) -> Self {
        let (kind, timestamp) = (event.kind.clone().into_owned(), event.timestamp.clone().into_owned());
        Self(Arc::new(Happening { kind, timestamp, data: event.data.to_owned() }))
    }

    /// The connection has another state.
    pub(super) fn state(state: &ConnectionState) -> Self {
        let mut data = serde_json::json!({ "state": state.as_str() });
        if let ConnectionState::Reconnecting { attempt, delay } = state {
            data["attempt"] = (*attempt).into();
            data["delayMs"] = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX).into();
        }
        Self::of_connection(&data)
    }

    /// The client has given up.
    pub(super) fn failed(reason: &str) -> Self {
        Self::of_connection(&serde_json::json!({ "state": "failed", "reason": reason }))
    }

    fn of_connection(data: &Value) -> Self {
        let data = to_raw_value(data).expect("strings and numbers always serialize");
        Self(Arc::new(Happening { kind: event::CONNECTION_STATE.to_owned(), timestamp: now(), data }))
    }

    /// What sort of event it is, such as those of [`event`].
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// When it happened, ISO 8601; empty where the gateway does not say.
    #[must_use]
    pub fn timestamp(&self) -> &str {
        &self.0.timestamp
    }

    /// What there is to know of it, as JSON: an empty object where there is nothing.
    #[must_use]
    pub fn data(&self) -> &RawValue {
        &self.0.data
    }

    /// The data as a type, such as those of [`wire::runtime`](crate::wire::runtime).
    ///
    /// # Errors
    /// It does not fit.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.0.data.get())
    }
}

/// The time as it travels, to the millisecond.
pub(super) fn now() -> String {
    let now = OffsetDateTime::from(SystemTime::now());
    let now = now.replace_millisecond(now.millisecond()).unwrap_or(now);
    now.format(&Rfc3339).unwrap_or_default()
}

impl fmt::Debug for RuntimeEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeEvent")
            .field("kind", &self.0.kind)
            .field("timestamp", &self.0.timestamp)
            .field("data_bytes", &self.0.data.get().len())
            .finish()
    }
}
