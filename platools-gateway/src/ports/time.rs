//! Functions that read the current time, and convert times to RFC 3339 and back.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::ports::clock::{Clock, with_clock};

/// Milliseconds since 1970. Expiry and records go by this time, which does not follow jumps of the wall clock at once; see
/// [`Clock`].
pub(crate) fn now_ms() -> i64 {
    with_clock(Clock::now_ms)
}

/// Milliseconds since 1970 as the wall clock is set: for times that another machine compares with its own clock.
pub(crate) fn wall_ms() -> i64 {
    with_clock(Clock::reading).wall_ms
}

/// Milliseconds since 1970 at some time.
pub(crate) fn ms_of(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The end of a span of time that begins now.
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

/// A point in time in RFC 3339, in milliseconds since 1970. None if the text is no such time.
#[must_use]
pub fn from_rfc3339(text: &str) -> Option<i64> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_any_offset() {
        for text in ["2026-09-15T00:00:00.007Z", "2026-09-15T02:00:00.0071+02:00", "2026-09-15t00:00:00.007z"] {
            assert_eq!(from_rfc3339(text), Some(1_789_430_400_007), "{text}");
        }
        for text in ["", "2026-09-15", "1789430400007", "2026-02-30T00:00:00Z"] {
            assert_eq!(from_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn times_have_milliseconds_and_end_in_z() {
        assert_eq!(rfc3339(1_789_430_400_007), "2026-09-15T00:00:00.007Z");
        assert_eq!(rfc3339(i64::MAX), "9999-12-31T23:59:59.999Z");
    }
}
