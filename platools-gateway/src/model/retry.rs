//! [`wait`]: decides whether and when a failed request to an endpoint is sent again. [`retry_after`] reads the delay that the endpoint's
//! headers ask for.

use std::time::{Duration, SystemTime};

use hyper::{HeaderMap, header};

use super::failure::ModelFailure;
use crate::domain::random;

/// The most requests for one answer.
const TRIES: u32 = 3;

/// Delay after the first try. It doubles after each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest `Retry-After` that the gateway waits for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The longest wait that a user is told: a client that obeyed a longer one would seem to hang.
const LONGEST_TOLD: Duration = Duration::from_secs(24 * 60 * 60);

/// The wait in milliseconds that some endpoints name beside `Retry-After`.
const RETRY_AFTER_MS: &str = "retry-after-ms";

/// The delay before another try, or `None` if the same request cannot succeed or the tries are used up. A request is repeated only
/// while no text of the answer was passed on.
pub(super) fn wait(failure: &ModelFailure, tries: u32) -> Option<Duration> {
    let wanted = match failure {
        ModelFailure::Unreachable(_) => Duration::ZERO,
        ModelFailure::Refused { retry_after, .. } if failure.kind().is_retryable() => retry_after.unwrap_or_default(),
        _ => return None,
    };
    (tries < TRIES && wanted <= LONGEST_WAIT).then(|| wanted.max(backoff(tries)))
}

/// Reads the `Retry-After` of an endpoint, at most a day.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = |name| Some(headers.get(name)?.to_str().ok()?.trim());
    let in_ms = value(RETRY_AFTER_MS).and_then(|ms| seconds(ms, 1000.0));
    let wait = in_ms.or_else(|| {
        let value = value(header::RETRY_AFTER.as_str())?;
        // A time in the past means no wait.
        let until = || httpdate::parse_http_date(value).ok().map(|date| date.duration_since(now).unwrap_or_default());
        seconds(value, 1.0).or_else(until)
    });
    wait.map(|wait| wait.min(LONGEST_TOLD))
}

/// Reads a number of parts of a second.
fn seconds(number: &str, parts: f64) -> Option<Duration> {
    let seconds = number.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)? / parts;
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// The delay after a number of tries: random between half and all of its bound, so that requests refused together do not return together.
fn backoff(tries: u32) -> Duration {
    let most = FIRST_WAIT * 2_u32.pow(tries.saturating_sub(1));
    most.mul_f64(0.5 + random::fraction() / 2.0)
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;

    use super::super::refused_part::RefusedPart;
    use super::*;

    fn refused(status: u16, retry_after: Option<u64>) -> ModelFailure {
        let status = StatusCode::from_u16(status).unwrap();
        ModelFailure::Refused {
            status,
            code: None,
            retry_after: retry_after.map(Duration::from_secs),
            part: RefusedPart::Unknown,
        }
    }

    #[test]
    fn what_may_succeed_is_tried_three_times_with_growing_waits() {
        let statuses = [408, 409, 429, 500, 503, 529].map(|status| refused(status, None));
        for failure in statuses.into_iter().chain([ModelFailure::Unreachable(None)]) {
            for (tries, most) in [(1, 500), (2, 1000)] {
                let wait = wait(&failure, tries).unwrap().as_millis();
                assert!((most / 2..=most).contains(&wait), "{failure}: {wait}");
            }
            assert_eq!(wait(&failure, 3), None);
        }
    }

    #[test]
    fn what_would_fail_again_or_was_heard_in_part_is_not_tried_again() {
        let no_quota = ModelFailure::Refused {
            status: StatusCode::TOO_MANY_REQUESTS,
            code: Some("insufficient_quota"),
            retry_after: None,
            part: RefusedPart::Unknown,
        };
        let refusals = [refused(400, None), refused(401, Some(1)), refused(302, None), no_quota];
        for failure in refusals.into_iter().chain([ModelFailure::Cut(None), ModelFailure::Failed(None)]) {
            assert_eq!(wait(&failure, 1), None, "{failure}");
        }
    }

    #[test]
    fn an_endpoint_is_left_alone_as_long_as_it_wants_if_that_is_not_too_long() {
        assert_eq!(wait(&refused(429, Some(7)), 1), Some(Duration::from_secs(7)));
        assert_eq!(wait(&refused(503, Some(30)), 2), Some(Duration::from_secs(30)));
        assert_eq!(wait(&refused(429, Some(31)), 1), None);
        assert!(wait(&refused(429, Some(0)), 1).unwrap() >= FIRST_WAIT / 2);
    }

    #[test]
    fn seconds_and_dates_are_understood_and_a_day_counts_at_most() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        const DAY_MS: u64 = 24 * 60 * 60 * 1000;
        for (name, value, ms) in [
            ("retry-after", "7", Some(7000)),
            ("retry-after", " 0 ", Some(0)),
            ("retry-after", "1.5", Some(1500)),
            ("retry-after", "Sun, 06 Nov 1994 08:49:57 GMT", Some(20_000)),
            ("retry-after", "Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("retry-after", "Sat, 06 Nov 2094 08:49:37 GMT", Some(DAY_MS)),
            ("retry-after", "18446744073709551615", Some(DAY_MS)),
            ("retry-after", "99999999999999999999999999", Some(DAY_MS)),
            ("retry-after", "soon", None),
            ("retry-after", "-1", None),
            ("retry-after", "NaN", None),
            ("retry-after", "inf", None),
            ("retry-after-ms", "250", Some(250)),
            ("retry-after-ms", "soon", None),
        ] {
            let headers = HeaderMap::from_iter([(header::HeaderName::from_static(name), value.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now), ms.map(Duration::from_millis), "{name}: {value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
