//! [`CallerDeadline`]: reads the moment after which the caller of a call no longer waits. The platform sends it in `_context.deadline`.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use crate::tool::Params;
use platools_transport::after;

/// The arrival of a call, and the longest time that it waits for a permit if its platform sends no deadline.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallerDeadline {
    arrived: Instant,
    default: Duration,
}

impl CallerDeadline {
    /// For a call that has waited since `arrived`; that is now, if it has not waited yet.
    pub(super) fn new(arrived: Option<Instant>, default: Duration) -> Self {
        Self { arrived: arrived.unwrap_or_else(Instant::now), default }
    }

    /// The time at which the caller of a call with these params waits no longer. It reads the params, so it is only for calls that wait.
    pub(super) fn end(self, params: &Params) -> Instant {
        after(self.arrived, caller_waits(params.as_str(), SystemTime::now()).unwrap_or(self.default))
    }
}

/// The params of a call without its arguments. Nothing of an envelope is copied.
#[derive(Deserialize)]
struct Envelopes<'a> {
    #[serde(rename = "_context", borrow, default)]
    context: Option<&'a RawValue>,
    #[serde(rename = "__platos", borrow, default)]
    platform: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Operator<'a> {
    #[serde(borrow, default)]
    deadline: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Platform<'a> {
    #[serde(borrow, default)]
    timestamp: Option<&'a RawValue>,
}

/// The time that the caller waits, counted from when the platform sent the call. `None` if the platform does not say so, or
/// nothing plausible.
///
/// The deadline is a time of the platform's clock. It is compared with `__platos.timestamp`, which is of the same clock, so
/// that a difference between the clocks of platform and worker does not matter. Only a platform that sends no timestamp is
/// measured by the worker's clock, `now`. A deadline that is not later than that is not used: it says more about the clocks
/// than about the caller.
fn caller_waits(params: &str, now: SystemTime) -> Option<Duration> {
    let envelopes: Envelopes<'_> = serde_json::from_str(params).ok()?;
    let deadline = read::<Operator<'_>>(envelopes.context).and_then(|operator| parse_time(operator.deadline?))?;
    let sent = read::<Platform<'_>>(envelopes.platform).and_then(|platform| parse_time(platform.timestamp?));
    Duration::try_from(deadline - sent.unwrap_or_else(|| now.into())).ok().filter(|wait| !wait.is_zero())
}

fn read<'a, T: Deserialize<'a>>(envelope: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(envelope?.get()).ok()
}

/// A time as RFC 3339, or as a number of milliseconds since 1970.
fn parse_time(value: &RawValue) -> Option<OffsetDateTime> {
    if let Ok(text) = serde_json::from_str::<String>(value.get()) {
        return OffsetDateTime::parse(&text, &Rfc3339).ok();
    }
    let since_1970 = Duration::try_from_secs_f64(serde_json::from_str::<f64>(value.get()).ok()? / 1000.0).ok()?;
    OffsetDateTime::UNIX_EPOCH.checked_add(time::Duration::try_from(since_1970).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_789_430_400;

    fn seconds(params: &str) -> Option<f64> {
        caller_waits(params, SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)).map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn the_difference_between_deadline_and_timestamp_counts_whatever_the_workers_clock_says() {
        for timestamp in ["2026-09-15T00:00:00.000Z", "2026-09-14T23:00:00.000Z", "2031-01-01T00:00:00+00:00"] {
            let sent = OffsetDateTime::parse(timestamp, &Rfc3339).expect("a date");
            let deadline = (sent + Duration::from_millis(30_500)).format(&Rfc3339).expect("a date");
            let params = format!(
                r#"{{"x":[1],"_context":{{"a":{{}},"deadline":"{deadline}"}},"__platos":{{"timestamp":"{timestamp}"}}}}"#
            );
            assert_eq!(seconds(&params), Some(30.5), "{params}");
        }
    }

    #[test]
    fn without_a_timestamp_the_workers_clock_decides() {
        let deadline = (NOW + 20) * 1000;
        assert_eq!(seconds(&format!(r#"{{"_context":{{"deadline":{deadline}}}}}"#)), Some(20.0));
        assert_eq!(seconds(&format!(r#"{{"_context":{{"deadline":{deadline}.0}},"__platos":7}}"#)), Some(20.0));
        assert_eq!(seconds(r#"{"_context":{"deadline":"2026-09-15T00:00:01Z"}}"#), Some(1.0));
    }

    #[test]
    fn a_deadline_that_makes_no_sense_is_not_used() {
        for context in [
            "null",
            "[]",
            "{}",
            r#"{"deadline":null}"#,
            r#"{"deadline":"soon"}"#,
            r#"{"deadline":{}}"#,
            r#"{"deadline":-1}"#,
            r#"{"deadline":1e300}"#,
            // Seconds instead of milliseconds, and a time that is over.
            r#"{"deadline":1789430430}"#,
            r#"{"deadline":"2026-09-14T23:59:59Z"}"#,
        ] {
            assert_eq!(seconds(&format!(r#"{{"_context":{context}}}"#)), None, "{context}");
        }
        assert_eq!(seconds("{}"), None);
        let over =
            r#"{"_context":{"deadline":"2026-09-15T00:00:00Z"},"__platos":{"timestamp":"2026-09-15T00:00:00Z"}}"#;
        assert_eq!(seconds(over), None);
    }
}
