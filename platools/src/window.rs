//! A limit of so many events in any span of time.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Remembers when the latest events were, as many as may be in one span.
#[derive(Debug)]
pub(crate) struct SlidingWindow {
    limit: usize,
    span: Duration,
    events: VecDeque<Instant>,
}

impl SlidingWindow {
    /// At most `limit` events, and at least one, in any `span`.
    pub(crate) fn new(limit: usize, span: Duration) -> Self {
        Self { limit: limit.max(1), span, events: VecDeque::new() }
    }

    /// How long to wait until the next event is within the limit; zero when it is now.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        if self.events.len() < self.limit {
            return Duration::ZERO;
        }
        self.events
            .front()
            .map_or(Duration::ZERO, |oldest| self.span.saturating_sub(now.saturating_duration_since(*oldest)))
    }

    /// Counts an event, whether it is within the limit or not.
    pub(crate) fn record(&mut self, now: Instant) {
        if self.events.len() == self.limit {
            self.events.pop_front();
        }
        self.events.push_back(now);
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
}
