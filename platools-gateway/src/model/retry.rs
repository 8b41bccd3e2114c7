//! When an endpoint is asked again.

use std::time::{Duration, SystemTime};

use hyper::{HeaderMap, StatusCode, header};

use super::failure::Failure;
use crate::core::random;

/// An endpoint is asked so often for one answer.
const TRIES: u32 = 3;

/// How long to wait after the first try; twice as long after each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// An endpoint that wants to be left alone for longer is not waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How long to wait before asking again after so many tries, if that is worth it: nothing was said yet, and the same request may
/// succeed.
pub(super) fn wait(failure: &Failure, tries: u32) -> Option<Duration> {
    let wanted = match failure {
        Failure::Unreachable(_) => Duration::ZERO,
        Failure::Refused { status, retry_after, .. } if is_transient(*status) => retry_after.unwrap_or_default(),
        _ => return None,
    };
    (tries < TRIES && wanted <= LONGEST_WAIT).then(|| wanted.max(backoff(tries)))
}

/// How long the endpoint wants to be left alone.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        // A time that is over asks for no waiting.
        Err(_) => httpdate::parse_http_date(value).ok().map(|date| date.duration_since(now).unwrap_or_default()),
    }
}

fn is_transient(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

/// At least half of what it may be, so that many who were refused together do not come back together.
fn backoff(tries: u32) -> Duration {
    let most = FIRST_WAIT * 2_u32.pow(tries.saturating_sub(1));
    most.mul_f64(0.5 + random::fraction() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, retry_after: Option<u64>) -> Failure {
        let status = StatusCode::from_u16(status).unwrap();
        Failure::Refused { status, code: None, retry_after: retry_after.map(Duration::from_secs) }
    }

    #[test]
    fn what_may_succeed_is_tried_three_times_with_growing_waits() {
        for failure in [refused(429, None), refused(500, None), refused(503, None), Failure::Unreachable(None)] {
            for (tries, most) in [(1, 500), (2, 1000)] {
                let wait = wait(&failure, tries).unwrap().as_millis();
                assert!((most / 2..=most).contains(&wait), "{failure}: {wait}");
            }
            assert_eq!(wait(&failure, 3), None);
        }
    }

    #[test]
    fn what_would_fail_again_or_was_heard_in_part_is_not_tried_again() {
        for failure in
            [refused(400, None), refused(401, Some(1)), refused(302, None), Failure::Cut(None), Failure::Failed]
        {
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
    fn seconds_and_dates_are_understood() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (value, seconds) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:57 GMT", Some(20)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs), "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
