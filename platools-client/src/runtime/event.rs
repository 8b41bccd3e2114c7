//! [`RuntimeEvent`]: tells an application's listeners of an event of the gateway, or of a change of the connection.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use time::OffsetDateTime;

use platools_protocol::runtime::{ConnectionChange, GatewayEvent, event};
use platools_transport::ConnectionState;

/// An event of the gateway or of the connection. Clones are cheap. `Debug` shows the length of its data only.
#[derive(Clone)]
pub struct RuntimeEvent(Arc<EventData>);

struct EventData {
    kind: String,
    timestamp: String,
    data: Box<RawValue>,
}

impl RuntimeEvent {
    pub(super) fn new(event: &GatewayEvent<'_>) -> Self {
        let (kind, timestamp) = (event.kind.clone().into_owned(), event.timestamp.clone().into_owned());
        Self(Arc::new(EventData { kind, timestamp, data: event.data.to_owned() }))
    }

    /// Makes the event of a new state of the connection.
    pub(super) fn state(state: &ConnectionState) -> Self {
        let mut change = ConnectionChange::new(state.as_str());
        if let ConnectionState::Reconnecting { attempt, delay, .. } = state {
            change.attempt = Some(*attempt);
            change.delay_ms = Some(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
        }
        Self::of_connection(&change)
    }

    /// Makes the event of a client that gave up.
    pub(super) fn failed(reason: &str) -> Self {
        let mut change = ConnectionChange::new("failed");
        change.reason = Some(reason.to_owned());
        Self::of_connection(&change)
    }

    fn of_connection(change: &ConnectionChange) -> Self {
        let data = to_raw_value(change).expect("strings and numbers always serialize");
        Self(Arc::new(EventData { kind: event::CONNECTION_STATE.to_owned(), timestamp: now(), data }))
    }

    /// Returns the type of the event, such as those of [`event`].
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Returns the time of the event, ISO 8601; empty where the gateway does not say.
    #[must_use]
    pub fn timestamp(&self) -> &str {
        &self.0.timestamp
    }

    /// Returns the data of the event, as JSON: an empty object where there is none.
    #[must_use]
    pub fn data(&self) -> &RawValue {
        &self.0.data
    }

    /// The data as a type, such as those of [`platools_protocol::runtime`](platools_protocol::runtime).
    ///
    /// # Errors
    /// It does not fit.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.0.data.get())
    }
}

/// Returns the current time as the protocol writes it.
pub(super) fn now() -> String {
    timestamp(SystemTime::now())
}

/// A time in UTC with three digits of milliseconds: `2026-03-01T10:30:15.000Z`.
fn timestamp(time: SystemTime) -> String {
    let time = OffsetDateTime::from(time);
    let (date, (hour, minute, second, millisecond)) = (time.date(), time.to_hms_milli());
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_timestamp_always_has_three_digits_of_milliseconds() {
        for (milliseconds, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_772_361_015_000, "2026-03-01T10:30:15.000Z"),
            (1_772_361_015_850, "2026-03-01T10:30:15.850Z"),
            (1_772_361_015_007, "2026-03-01T10:30:15.007Z"),
        ] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
            assert_eq!(timestamp(time), expected);
            assert_eq!(timestamp(time + Duration::from_nanos(999_999)), expected, "it is cut to the millisecond");
        }
    }
}
