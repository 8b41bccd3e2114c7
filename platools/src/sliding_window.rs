//! [`SlidingWindow`]: limits how many events may happen in any span of time, such as calls of a tool in a second, with constant memory.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The most events that are remembered one by one. A window with a larger limit gathers events that are close together,
/// so that it takes no more memory than this either.
const EXACT: u32 = 128;

/// Counts the latest events, as many as may be in one span.
///
/// No span ever holds more than the limit. Up to a limit of 128, the next event is within the limit exactly one span after
/// the one it replaces. Beyond that, events within 1/128 of the span count as if all of them were as late as the last of
/// them, so an event may have to wait by so much longer.
#[derive(Debug)]
pub(crate) struct SlidingWindow {
    limit: usize,
    span: Duration,
    /// Events that are this close to the first of a group belong to it.
    grain: Duration,
    groups: VecDeque<Group>,
    /// The events of all groups; never more than the limit.
    events: usize,
}

/// Events that are close together.
#[derive(Debug)]
struct Group {
    first: Instant,
    last: Instant,
    events: usize,
}

impl SlidingWindow {
    /// At most `limit` events, and at least one, in any `span`.
    pub(crate) fn new(limit: usize, span: Duration) -> Self {
        let gathers = limit > EXACT as usize;
        let grain = if gathers { (span / EXACT).max(Duration::from_nanos(1)) } else { Duration::ZERO };
        Self { limit: limit.max(1), span, grain, groups: VecDeque::new(), events: 0 }
    }

    /// Returns the wait until the next event is within the limit; zero when it is now.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        if self.events < self.limit {
            return Duration::ZERO;
        }
        self.groups.front().map_or(Duration::ZERO, |oldest| self.left(oldest, now))
    }

    /// Counts an event, whether it is within the limit or not.
    pub(crate) fn record(&mut self, now: Instant) {
        self.forget(now);
        if self.events == self.limit {
            self.forget_one();
        }
        self.events += 1;
        match self.groups.back_mut() {
            Some(group) if now.saturating_duration_since(group.first) < self.grain => {
                group.last = now;
                group.events += 1;
            }
            _ => self.groups.push_back(Group { first: now, last: now, events: 1 }),
        }
    }

    /// Counts an event if it is within the limit; otherwise says how long to wait.
    pub(crate) fn try_record(&mut self, now: Instant) -> Result<(), Duration> {
        let wait = self.wait(now);
        if wait > Duration::ZERO {
            return Err(wait);
        }
        self.record(now);
        Ok(())
    }

    /// Forgets the groups that are out of the span.
    fn forget(&mut self, now: Instant) {
        while let Some(oldest) = self.groups.front().filter(|oldest| self.left(oldest, now).is_zero()) {
            self.events -= oldest.events;
            self.groups.pop_front();
        }
    }

    /// Forgets the oldest event.
    fn forget_one(&mut self) {
        if let Some(oldest) = self.groups.front_mut() {
            self.events -= 1;
            oldest.events -= 1;
            if oldest.events == 0 {
                self.groups.pop_front();
            }
        }
    }

    /// Returns the time that a group stays within the span.
    fn left(&self, group: &Group, now: Instant) -> Duration {
        self.span.saturating_sub(now.saturating_duration_since(group.last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn no_span_holds_more_than_the_limit() {
        let start = Instant::now();
        let mut window = SlidingWindow::new(2, SECOND);
        assert_eq!(window.try_record(start), Ok(()));
        assert_eq!(window.try_record(start + SECOND / 2), Ok(()));
        assert_eq!(window.try_record(start + SECOND * 3 / 4), Err(SECOND / 4));
        assert_eq!(window.try_record(start + SECOND), Ok(()));
        assert_eq!(window.try_record(start + SECOND), Err(SECOND / 2));
    }

    #[test]
    fn an_event_over_the_limit_counts_when_it_happened_all_the_same() {
        let start = Instant::now();
        let mut window = SlidingWindow::new(1, SECOND);
        window.record(start);
        window.record(start + SECOND / 2);
        assert_eq!(window.wait(start + SECOND), SECOND / 2);
    }

    #[test]
    fn a_huge_limit_takes_constant_memory() {
        let start = Instant::now();
        let mut window = SlidingWindow::new(4_000_000_000, 3600 * SECOND);
        for event in 0..200_000 {
            assert_eq!(window.try_record(start + event * Duration::from_millis(40)), Ok(()));
        }
        assert!(window.groups.len() <= EXACT as usize + 2, "{} groups", window.groups.len());
        assert!(window.groups.capacity() <= 4 * EXACT as usize);
    }

    /// Every event that is let through is remembered here, to count the largest number in any span.
    #[test]
    fn no_span_holds_more_than_a_large_limit_and_hardly_less() {
        const LIMIT: usize = 1000;
        let start = Instant::now();
        let mut window = SlidingWindow::new(LIMIT, SECOND);
        let mut random = fastrand::Rng::with_seed(7);
        let (mut now, mut admitted) = (start, VecDeque::new());
        let mut total = 0;
        while now < start + 20 * SECOND {
            // In bursts, and three times as many as are allowed.
            now += Duration::from_micros(if random.u32(..100) == 0 { random.u64(..30_000) } else { random.u64(..150) });
            if window.try_record(now).is_ok() {
                admitted.push_back(now);
                total += 1;
            }
            while admitted.front().is_some_and(|oldest| now.duration_since(*oldest) >= SECOND) {
                admitted.pop_front();
            }
            assert!(admitted.len() <= LIMIT);
        }
        assert!(total > 20 * LIMIT * 98 / 100, "{total} of {}", 20 * LIMIT);
    }

    #[test]
    fn a_large_limit_that_is_used_up_is_free_again_within_a_span_and_a_bit() {
        let start = Instant::now();
        let mut window = SlidingWindow::new(1000, SECOND);
        (0..1000).for_each(|event| window.record(start + event * Duration::from_micros(5)));
        let wait = window.try_record(start + SECOND / 2).expect_err("the limit is used up");
        assert!((SECOND / 2..=SECOND / 2 + SECOND / EXACT).contains(&wait), "{wait:?}");
        assert_eq!(window.try_record(start + SECOND / 2 + wait), Ok(()));
        window.record(start + 3 * SECOND);
        assert_eq!(window.events, 1, "the others are forgotten");
    }
}
