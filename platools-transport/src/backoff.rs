//! [`Reconnect`]: sets how often, and after which delays, a client connects again. [`Schedule`] computes each delay.
//!
//! Only this module uses the crate `backoff`, which nobody maintains: a schedule implements a trait of that crate.

use std::time::Duration;

use backoff::backoff::Backoff;

use crate::error::Error;

/// Delay before the first retry, in milliseconds.
pub const BACKOFF_BASE_MS: u64 = 1_000;

/// The longest delay between two attempts, in milliseconds.
pub const BACKOFF_MAX_MS: u64 = 60_000;

/// Attempts that the Python SDK makes before it gives up. Here it is a choice: see
/// [`Reconnect::max_attempts`].
pub const MAX_BACKOFF_ATTEMPTS: u32 = 10;

/// The delay before retry number `attempt`, counted from 1, in milliseconds and without jitter: it doubles from
/// [`BACKOFF_BASE_MS`] up to [`BACKOFF_MAX_MS`], and is 0 before the first attempt. The same in every SDK.
///
/// ```
/// assert_eq!([0, 1, 2, 7].map(platools_transport::backoff_delay_ms), [0, 1_000, 2_000, 60_000]);
/// ```
#[must_use]
pub fn backoff_delay_ms(attempt: u32) -> u64 {
    curve(BACKOFF_BASE_MS, BACKOFF_MAX_MS, attempt)
}

fn curve(base: u64, max: u64, attempt: u32) -> u64 {
    let Some(doublings) = attempt.checked_sub(1) else { return 0 };
    1_u64.checked_shl(doublings).and_then(|factor| base.checked_mul(factor)).map_or(max, |delay| delay.min(max))
}

/// Spread of a delay, so that workers that were cut off together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Jitter {
    /// The exact curve.
    None,
    /// Uniform between half of the delay and all of it.
    #[default]
    Equal,
    /// The curve, and uniformly less than so much on top of it.
    Above(Duration),
    /// Uniform within so many percent of the delay, to either side.
    Around(u8),
}

impl Jitter {
    /// A delay of so many milliseconds, spread.
    pub fn spread(self, delay: u64) -> u64 {
        match self {
            Self::None => delay,
            Self::Equal => fastrand::u64(delay / 2..=delay),
            Self::Above(most) => delay.saturating_add(fastrand::u64(0..millis(most).max(1))),
            Self::Around(percent) => {
                let most = u64::try_from(u128::from(delay) * u128::from(percent) / 100).unwrap_or(u64::MAX);
                fastrand::u64(delay.saturating_sub(most)..=delay.saturating_add(most))
            }
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Reaction of a client whose credentials the platform refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnRefusal {
    /// Try again with backoff: the secret may be rotated, or the entity created, meanwhile.
    #[default]
    Retry,
    /// Give up.
    Fail,
}

/// Policy of a client that has lost its connection: its delays, and when it gives up.
///
/// A policy holds only the settings that its methods name; every other one keeps the default of the client that the policy is given
/// to. The defaults follow the protocols:
///
/// | setting | `PlatoolsClient`, `RpcClient` | `RuntimeClient` |
/// |---|---|---|
/// | [`base`](Self::base) | 1 s | 1 s |
/// | [`max`](Self::max) | 60 s | 30 s |
/// | [`jitter`](Self::jitter) | [`Jitter::Equal`] | [`Jitter::Above`] one second |
/// | [`max_attempts`](Self::max_attempts) | unlimited | 10 |
/// | [`on_refusal`](Self::on_refusal) | [`OnRefusal::Retry`] | [`OnRefusal::Fail`] |
///
/// ```
/// use std::time::Duration;
/// use platools_transport::{Jitter, Reconnect};
///
/// let reconnect = Reconnect::new().base(Duration::from_millis(500)).jitter(Jitter::None).max_attempts(10);
/// # let _ = reconnect;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reconnect {
    base: Option<Duration>,
    max: Option<Duration>,
    jitter: Option<Jitter>,
    max_attempts: Option<u32>,
    on_refusal: Option<OnRefusal>,
}

impl Reconnect {
    /// A policy that changes nothing: each client keeps its defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The defaults of a `RuntimeClient` where they differ from those of other clients: 10 retries,
    /// whose delays double up to 30 seconds, each with up to a second on top; a refusal is final. The source of the numbers is
    /// the runtime protocol.
    #[must_use]
    pub fn of_sessions() -> Self {
        Self::new()
            .max(Duration::from_secs(30))
            .jitter(Jitter::Above(Duration::from_secs(1)))
            .max_attempts(10)
            .on_refusal(OnRefusal::Fail)
    }

    /// Sets the delay before the first retry: a millisecond or more, and no longer than [`max`](Self::max).
    #[must_use]
    pub fn base(mut self, base: Duration) -> Self {
        self.base = Some(base);
        self
    }

    /// Sets the longest delay, without jitter: a millisecond or more. A shorter one than the default of [`base`](Self::base) shortens
    /// the first delay as well.
    #[must_use]
    pub fn max(mut self, max: Duration) -> Self {
        self.max = Some(max);
        self
    }

    /// Sets how a delay is spread.
    #[must_use]
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = Some(jitter);
        self
    }

    /// Gives up after so many retries in a row without a session that was really up. With 0, the first lost connection is final.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// Never gives up because of the number of retries.
    #[must_use]
    pub fn unlimited(self) -> Self {
        self.max_attempts(u32::MAX)
    }

    /// Sets what a refusal of the credentials means.
    #[must_use]
    pub fn on_refusal(mut self, on_refusal: OnRefusal) -> Self {
        self.on_refusal = Some(on_refusal);
        self
    }

    /// Takes each setting that this policy does not name from `other`.
    pub fn or(self, other: Self) -> Self {
        Self {
            base: self.base.or(other.base),
            max: self.max.or(other.max),
            jitter: self.jitter.or(other.jitter),
            max_attempts: self.max_attempts.or(other.max_attempts),
            on_refusal: self.on_refusal.or(other.on_refusal),
        }
    }

    /// Refuses delays that would make a client dial without a pause, and a first delay that the longest one would silently cut.
    pub fn check(&self) -> Result<(), Error> {
        let invalid = |message: String| Err(Error::invalid_setting(message));
        for (name, delay) in [("first", self.base), ("longest", self.max)] {
            if let Some(delay) = delay.filter(|delay| *delay < Duration::from_millis(1)) {
                return invalid(format!("the {name} reconnect delay is {delay:?}, and must be a millisecond or more"));
            }
        }
        let max = self.max.unwrap_or(Duration::from_millis(BACKOFF_MAX_MS));
        match self.base.filter(|base| *base > max) {
            Some(base) => invalid(format!(
                "the first reconnect delay is {base:?}, and the longest is {max:?}; shorten the first or raise the longest"
            )),
            None => Ok(()),
        }
    }
}

/// Counts attempts along the curve.
#[derive(Debug)]
pub struct Schedule {
    base: u64,
    max: u64,
    jitter: Jitter,
    max_attempts: u32,
    on_refusal: OnRefusal,
    attempt: u32,
    last_delay: Duration,
}

impl Schedule {
    /// Settings that the policy does not name are those that all SDKs share, without an end.
    pub fn new(policy: Reconnect) -> Self {
        Self {
            base: policy.base.map_or(BACKOFF_BASE_MS, millis),
            max: policy.max.map_or(BACKOFF_MAX_MS, millis),
            jitter: policy.jitter.unwrap_or_default(),
            max_attempts: policy.max_attempts.unwrap_or(u32::MAX),
            on_refusal: policy.on_refusal.unwrap_or_default(),
            attempt: 0,
            last_delay: Duration::ZERO,
        }
    }

    /// The retry the next delay belongs to, counted from 1; `None` where the policy allows no more.
    pub fn next_attempt(&mut self) -> Option<(u32, Duration)> {
        self.next_attempt_after(Duration::ZERO)
    }

    /// Returns the next attempt as [`next_attempt`](Self::next_attempt) does, with a delay of at least `least` before jitter.
    pub fn next_attempt_after(&mut self, least: Duration) -> Option<(u32, Duration)> {
        if self.attempt >= self.max_attempts && self.max_attempts != u32::MAX {
            return None;
        }
        self.attempt = self.attempt.saturating_add(1);
        let delay = curve(self.base, self.max, self.attempt).max(millis(least));
        self.last_delay = Duration::from_millis(self.jitter.spread(delay));
        Some((self.attempt, self.last_delay))
    }

    /// True if the policy gives up when the credentials are refused.
    pub fn gives_up_when_refused(&self) -> bool {
        self.on_refusal == OnRefusal::Fail
    }

    /// Takes note of a session that ended. One that was accepted, and up for at least as long as the last delay, was really
    /// up, and the count starts over; a platform that accepts and drops at once is still backed off from.
    pub fn after_session(&mut self, was_accepted: bool, up: Duration) {
        if was_accepted && up >= self.last_delay {
            self.reset();
        }
    }
}

impl Backoff for Schedule {
    fn reset(&mut self) {
        self.attempt = 0;
        self.last_delay = Duration::ZERO;
    }

    fn next_backoff(&mut self) -> Option<Duration> {
        self.next_attempt().map(|(_, delay)| delay)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../tests/vectors/backoff.json")).expect("the vectors are JSON")
    }

    #[test]
    fn the_curve_is_that_of_the_other_sdks() {
        for set in ["default", "custom"] {
            let vectors = &vectors()[set];
            let number = |key: &str| vectors[key].as_u64().expect("a number");
            for point in vectors["curve"].as_array().expect("points") {
                let attempt = point[0].as_u64().and_then(|attempt| attempt.try_into().ok()).expect("an attempt");
                let delay = curve(number("base_ms"), number("max_ms"), attempt);
                assert_eq!(Some(delay), point[1].as_u64(), "{set}: attempt {attempt}");
                if set == "default" {
                    assert_eq!(backoff_delay_ms(attempt), delay);
                }
            }
        }
    }

    #[test]
    fn equal_jitter_stays_between_half_and_all_and_uses_the_room() {
        let mut delays = Vec::new();
        for _ in 0..10_000 {
            let (attempt, delay) = Schedule::new(Reconnect::new()).next_attempt().expect("retries for ever");
            assert_eq!(attempt, 1);
            delays.push(delay.as_millis());
        }
        let (min, max) = (*delays.iter().min().expect("some"), *delays.iter().max().expect("some"));
        assert!((500..520).contains(&min) && (980..=1000).contains(&max), "{min}..{max}");
    }

    #[test]
    fn sessions_are_retried_along_the_curve_with_less_than_a_second_on_top() {
        let vectors = &vectors()["runtime"];
        let points = vectors["without_jitter"].as_array().expect("points");
        assert_eq!(points.len(), 10);
        let mut spread = Vec::new();
        for _ in 0..10_000 {
            let mut schedule = Schedule::new(Reconnect::of_sessions());
            for point in points {
                let (attempt, delay) = schedule.next_attempt().expect("there are ten");
                assert_eq!(Some(u64::from(attempt) - 1), point[0].as_u64());
                let above = delay.as_millis().checked_sub(point[1].as_u64().expect("a number").into());
                spread.push(above.expect("nothing below the curve"));
            }
            assert_eq!(schedule.next_attempt(), None);
        }
        let (min, max) = (*spread.iter().min().expect("some"), *spread.iter().max().expect("some"));
        assert!(min < 20 && (980..1000).contains(&max), "{min}..{max}");
    }

    #[test]
    fn jitter_around_a_delay_stays_within_its_percents_and_uses_the_room() {
        let points = &vectors()["http_429"]["without_jitter"];
        let policy = || {
            let (base, max) = (Duration::from_secs(5), Duration::from_secs(60));
            Schedule::new(Reconnect::new().base(base).max(max).jitter(Jitter::Around(20)))
        };
        let (mut min, mut max) = (u128::MAX, 0);
        for _ in 0..10_000 {
            let mut schedule = policy();
            for point in points.as_array().expect("points") {
                let (_, delay) = schedule.next_attempt().expect("retries for ever");
                let thousandths = delay.as_millis() * 1_000 / u128::from(point[1].as_u64().expect("a number"));
                (min, max) = (min.min(thousandths), max.max(thousandths));
            }
        }
        assert!((800..810).contains(&min) && (1_190..=1_200).contains(&max), "{min}..{max}");
        let mut exact = Schedule::new(Reconnect::new().jitter(Jitter::None));
        assert_eq!(exact.next_attempt_after(Duration::from_secs(7)), Some((1, Duration::from_secs(7))));
        assert_eq!(exact.next_attempt_after(Duration::from_millis(1)), Some((2, Duration::from_secs(2))));
    }

    #[test]
    fn no_delay_overflows() {
        assert_eq!(Jitter::Above(Duration::MAX).spread(u64::MAX), u64::MAX);
        assert_eq!(Jitter::Above(Duration::ZERO).spread(7), 7);
        assert_eq!(Jitter::Around(u8::MAX).spread(0), 0);
        assert!(Jitter::Around(u8::MAX).spread(100) <= 355);
        assert!(Jitter::Around(1).spread(u64::MAX) >= u64::MAX / 100 * 98);
        assert!(Jitter::Equal.spread(u64::MAX) >= u64::MAX / 2);
    }

    #[test]
    fn the_policy_bounds_the_attempts() {
        let mut schedule = Schedule::new(Reconnect::new().max_attempts(2).jitter(Jitter::None));
        assert_eq!(schedule.next_attempt(), Some((1, Duration::from_secs(1))));
        assert_eq!(schedule.next_attempt(), Some((2, Duration::from_secs(2))));
        assert_eq!(schedule.next_attempt(), None);
    }

    #[test]
    fn a_policy_keeps_what_it_does_not_name() {
        let (first, longest) = (Duration::from_secs(2), Duration::from_secs(40));
        let exact = || Reconnect::new().jitter(Jitter::None);
        let delays = |policy: Reconnect| {
            let mut schedule = Schedule::new(policy);
            std::iter::from_fn(|| schedule.next_attempt())
                .map(|(_, delay)| delay.as_secs())
                .take(12)
                .collect::<Vec<_>>()
        };
        let of_all = || exact().base(first).max(longest).max_attempts(7);
        assert_eq!(delays(exact().or(of_all())), [2, 4, 8, 16, 32, 40, 40]);
        assert_eq!(delays(exact().max_attempts(2).or(of_all())), [2, 4]);
        assert_eq!(delays(exact().base(first / 2).or(of_all())), [1, 2, 4, 8, 16, 32, 40]);
        assert_eq!(delays(exact().max(first).or(of_all())), [2; 7]);
        assert_eq!(delays(exact().unlimited().or(of_all()))[6..], [40; 6]);
        assert_eq!(delays(exact()), [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60]);
        assert_eq!(delays(exact().max_attempts(0)), [0; 0]);
        assert!(Schedule::new(exact().or(exact().on_refusal(OnRefusal::Fail))).gives_up_when_refused());
        assert_eq!(Schedule::new(Reconnect::new().or(of_all())).jitter, Jitter::None);
    }

    #[test]
    fn delays_without_a_pause_and_a_first_one_that_would_be_cut_are_refused() {
        let said = |policy: Reconnect| policy.check().err().map(|error| error.to_string());
        let millisecond = Duration::from_millis(1);
        assert_eq!(said(Reconnect::new().base(millisecond).max(millisecond)), None);
        assert_eq!(said(Reconnect::new().max(millisecond)), None, "it shortens the first delay as well");
        assert_eq!(said(Reconnect::new().base(Duration::MAX).max(Duration::MAX)), None);
        for (policy, rest) in [
            (
                Reconnect::new().base(millisecond / 2),
                "first reconnect delay is 500µs, and must be a millisecond or more",
            ),
            (Reconnect::new().max(Duration::ZERO), "longest reconnect delay is 0ns, and must be a millisecond or more"),
            (Reconnect::new().base(Duration::from_secs(61)), "first reconnect delay is 61s, and the longest is 60s"),
        ] {
            assert!(said(policy).expect("it is refused").contains(rest), "{rest}");
        }
    }

    #[test]
    fn only_a_session_that_was_really_up_resets_the_count() {
        let mut schedule = Schedule::new(Reconnect::new().jitter(Jitter::None));
        for _ in 0..3 {
            schedule.next_attempt();
        }
        schedule.after_session(false, Duration::from_secs(3600));
        schedule.after_session(true, Duration::from_millis(3_999));
        assert_eq!(schedule.next_attempt(), Some((4, Duration::from_secs(8))));
        schedule.after_session(true, Duration::from_secs(8));
        assert_eq!(schedule.next_attempt(), Some((1, Duration::from_secs(1))));
    }
}
