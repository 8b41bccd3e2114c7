//! [`ask_again`]: repeats a request that the gateway refused with status 429, too many requests, after the time in the header
//! `Retry-After`.

use std::time::{Duration, SystemTime};

use tokio::time::sleep;
use tracing::warn;

use super::error::RuntimeError;
use platools_transport::{Jitter, Reconnect, Schedule};

/// The status of a request that was one too many.
const TOO_MANY_REQUESTS: u16 = 429;

/// The longest `Retry-After` that is waited for. With a longer one the request fails at once, and the application decides.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(600);

/// Makes a request, and repeats it up to four times while the gateway answers with 429: after 5, 10, 20 and 40 seconds, or as long as the
/// gateway says where that is longer, each within a fifth. The source of the numbers is the runtime protocol.
pub(super) async fn ask_again<T, Fut>(mut ask: impl FnMut() -> Fut) -> Result<T, RuntimeError>
where
    Fut: Future<Output = Result<T, RuntimeError>>,
{
    let (base, max) = (Duration::from_secs(5), Duration::from_secs(60));
    let policy = Reconnect::new().base(base).max(max).jitter(Jitter::Around(20)).max_attempts(4);
    let mut schedule = Schedule::new(policy);
    loop {
        let error = match ask().await {
            Err(error) if error.status() == Some(TOO_MANY_REQUESTS) => error,
            outcome => return outcome,
        };
        let least = error.retry_after().unwrap_or_default();
        if least > MAX_RETRY_AFTER {
            return Err(error);
        }
        let Some((attempt, delay)) = schedule.next_attempt_after(least) else { return Err(error) };
        warn!(
            retry.attempt = attempt,
            retry.delay_ms = delay.as_millis(),
            "request refused by the gateway: too many requests; trying again"
        );
        sleep(delay).await;
    }
}

/// Reads a `Retry-After`, in seconds or until a date; `None` if it is invalid.
pub(super) fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are for ever.
        return Some(header.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    let date = httpdate::parse_http_date(header).ok()?;
    // A date that has passed is no reason to wait.
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::Instant;

    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    fn after(header: &str) -> Option<Duration> {
        retry_after(header, SystemTime::UNIX_EPOCH + NOW)
    }

    #[test]
    fn a_time_to_wait_is_a_number_or_a_date() {
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after(" 0 "), Some(Duration::ZERO));
        assert_eq!(after("99999999999999999999999999"), Some(Duration::MAX));
        let date = |seconds| httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + NOW + Duration::from_secs(seconds));
        assert_eq!(after(&date(90)), Some(Duration::from_secs(90)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        for garbage in ["", "soon", "-1", "1.5", "+3", "7s", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(after(garbage), None, "{garbage}");
        }
    }

    /// Asks until that succeeds, fails or is given up; returns how often, and how long before each further time.
    async fn asked(retry_after: Option<Duration>, limited: u32) -> (Result<(), RuntimeError>, Vec<Duration>) {
        let asked = AtomicU32::new(0);
        let mut times = Vec::new();
        let outcome = ask_again(|| {
            times.push(Instant::now());
            let is_limited = asked.fetch_add(1, Ordering::Relaxed) < limited;
            async move { if is_limited { Err(RuntimeError::of_status(429, None, retry_after)) } else { Ok(()) } }
        })
        .await;
        (outcome, times.windows(2).map(|pair| pair[1] - pair[0]).collect())
    }

    fn is_around(waited: Duration, seconds: u64) -> bool {
        // The clock of the tests is exact to a millisecond.
        let (least, most) = (Duration::from_millis(seconds * 800), Duration::from_millis(seconds * 1_200 + 2));
        (least..=most).contains(&waited)
    }

    #[tokio::test(start_paused = true)]
    async fn a_storm_is_waited_out_four_times() {
        let (outcome, waits) = asked(None, u32::MAX).await;
        assert_eq!(outcome.expect_err("it goes on").status(), Some(429));
        assert_eq!(waits.len(), 4);
        for (waited, seconds) in waits.iter().zip([5, 10, 20, 40]) {
            assert!(is_around(*waited, seconds), "{waits:?}");
        }
        let (outcome, waits) = asked(None, 4).await;
        outcome.expect("the fifth time succeeds");
        assert_eq!(waits.len(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn the_gateway_has_its_way_where_it_wants_longer() {
        let (_, waits) = asked(Some(Duration::from_secs(15)), u32::MAX).await;
        for (waited, seconds) in waits.iter().zip([15, 15, 20, 40]) {
            assert!(is_around(*waited, seconds), "{waits:?}");
        }
        let (_, waits) = asked(Some(MAX_RETRY_AFTER), 1).await;
        assert!(is_around(waits[0], 600), "{waits:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_gateway_that_wants_for_ever_is_not_asked_again() {
        for absurd in [MAX_RETRY_AFTER + Duration::from_secs(1), Duration::MAX] {
            let (outcome, waits) = asked(Some(absurd), u32::MAX).await;
            assert_eq!(outcome.expect_err("it is given up").retry_after(), Some(absurd));
            assert!(waits.is_empty(), "{waits:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_other_failure_is_asked_again() {
        let mut asked = 0;
        let outcome: Result<(), _> = ask_again(|| {
            asked += 1;
            async { Err(RuntimeError::of_status(503, None, Some(Duration::from_secs(1)))) }
        })
        .await;
        assert_eq!((outcome.expect_err("it failed").status(), asked), (Some(503), 1));
    }
}
