//! The time of day, as it is stored and sent.

use std::time::Duration;

use time::OffsetDateTime;

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let now = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    i64::try_from(now).unwrap_or(i64::MAX)
}

/// When a span of time that begins now is over.
pub(crate) fn ms_after(span: Duration) -> i64 {
    now_ms().saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
}

/// A point in time in RFC 3339, in UTC with milliseconds: `2026-09-15T00:00:00.000Z`.
#[must_use]
pub fn rfc3339(ms: i64) -> String {
    // What no calendar has is as good as the end of it.
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .unwrap_or_else(|_| time::PrimitiveDateTime::MAX.assume_utc());
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second, milli) = at.to_hms_milli();
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z", u8::from(month))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_and_end_in_z() {
        assert_eq!(rfc3339(1_789_430_400_007), "2026-09-15T00:00:00.007Z");
        assert_eq!(rfc3339(i64::MAX), "9999-12-31T23:59:59.999Z");
    }
}
