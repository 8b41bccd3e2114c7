//! The time of day, as it is stored and sent.

use std::time::Duration;

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let now = time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    i64::try_from(now).unwrap_or(i64::MAX)
}

/// When a span of time that begins now is over.
pub(crate) fn ms_after(span: Duration) -> i64 {
    now_ms().saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
}
