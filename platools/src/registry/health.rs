//! [`Health`]: counts the calls of one tool within the last hour, and the tool's faults, such as panics and timeouts.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Counts of one tool's calls over a rolling hour.
///
/// An error that a tool returns is an answer, such as "there is no order 7". A fault is a panic, a timeout of the handler, a
/// result that cannot be sent, or an error that the tool marks as internal. A call that did not run is not counted.
#[derive(Debug, Default)]
pub(crate) struct Health {
    minutes: VecDeque<Minute>,
    last_fault: Option<(Instant, String)>,
}

impl Health {
    /// Counts one call that ran; `fault` describes the fault of the tool, if there was one.
    pub(crate) fn record(&mut self, now: Instant, latency: Duration, fault: Option<String>) {
        if self.minutes.back().is_none_or(|minute| now.saturating_duration_since(minute.began) >= MINUTE) {
            self.forget(now);
            self.minutes.push_back(Minute { began: now, calls: 0, faults: 0, latency: Duration::ZERO });
        }
        if let Some(minute) = self.minutes.back_mut() {
            minute.calls += 1;
            minute.faults += u64::from(fault.is_some());
            minute.latency += latency;
        }
        if let Some(fault) = fault {
            self.last_fault = Some((now, fault));
        }
    }

    /// The sums of the last hour.
    pub(crate) fn verdict(&mut self, now: Instant) -> Verdict {
        self.forget(now);
        let calls = self.minutes.iter().map(|minute| minute.calls).sum();
        let latency: Duration = self.minutes.iter().map(|minute| minute.latency).sum();
        Verdict {
            calls,
            errors: self.minutes.iter().map(|minute| minute.faults).sum(),
            mean_latency: u32::try_from(calls).ok().and_then(|calls| latency.checked_div(calls)).unwrap_or_default(),
            last_error: self.last_fault.as_ref().map(|(_, fault)| fault.clone()),
        }
    }

    fn forget(&mut self, now: Instant) {
        let is_old = |began: Instant| now.saturating_duration_since(began) >= MINUTE * MINUTES;
        while self.minutes.front().is_some_and(|minute| is_old(minute.began)) {
            self.minutes.pop_front();
        }
        self.last_fault.take_if(|(at, _)| is_old(*at));
    }
}

#[derive(Debug)]
struct Minute {
    began: Instant,
    calls: u64,
    faults: u64,
    latency: Duration,
}

/// The sums of the counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) calls: u64,
    /// Calls that failed through a fault of the tool.
    pub(crate) errors: u64,
    pub(crate) mean_latency: Duration,
    /// The latest fault.
    pub(crate) last_error: Option<String>,
}

impl Verdict {
    /// At least half of the calls failed through a fault.
    pub(crate) fn is_down(&self) -> bool {
        self.calls >= MIN_CALLS && self.errors * 2 >= self.calls
    }

    /// At least one call in ten failed through a fault.
    pub(crate) fn is_degraded(&self) -> bool {
        self.calls >= MIN_CALLS && self.errors * 10 >= self.calls
    }
}

/// The hour is kept in minutes, each forgotten as a whole once it is an hour old.
const MINUTE: Duration = Duration::from_secs(60);
const MINUTES: u32 = 60;

/// Below this many calls in the hour a tool counts as healthy: one fault in two calls says little.
const MIN_CALLS: u64 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn an_hour_later_a_call_is_forgotten() {
        let start = Instant::now();
        let mut health = Health::default();
        health.record(start, 10 * MS, Some("broken".to_owned()));
        health.record(start + MINUTE, 30 * MS, None);
        let verdict = health.verdict(start + MINUTE);
        assert_eq!((verdict.calls, verdict.errors, verdict.mean_latency), (2, 1, 20 * MS));
        assert_eq!(verdict.last_error.as_deref(), Some("broken"));
        let verdict = health.verdict(start + MINUTE * MINUTES);
        assert_eq!((verdict.calls, verdict.errors, verdict.last_error), (1, 0, None));
    }

    #[test]
    fn a_tool_is_degraded_at_a_tenth_and_down_at_half_of_its_calls() {
        let now = Instant::now();
        let after = |faults: usize, calls: usize| {
            let mut health = Health::default();
            (0..calls).for_each(|call| health.record(now, MS, (call < faults).then(|| "broken".to_owned())));
            let verdict = health.verdict(now);
            (verdict.is_degraded(), verdict.is_down())
        };
        assert_eq!(after(4, 4), (false, false), "too few calls to tell");
        assert_eq!(after(1, 11), (false, false));
        assert_eq!(after(1, 10), (true, false));
        assert_eq!(after(5, 10), (true, true));
    }

    #[test]
    fn the_counts_take_the_same_room_however_many_calls_there_are() {
        let start = Instant::now();
        let mut health = Health::default();
        (0..10_000).for_each(|second| health.record(start + Duration::from_secs(second), MS, None));
        assert!(health.minutes.len() <= MINUTES as usize + 1);
    }
}
