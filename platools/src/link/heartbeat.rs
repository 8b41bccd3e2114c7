//! When to send a heartbeat, and when a silent socket is dead.

use std::time::Duration;

use tokio::time::Instant;

use crate::time::after;

/// Time between two heartbeats, in milliseconds.
pub const HEARTBEAT_INTERVAL_MS: u64 = 30_000;

/// How many intervals a heartbeat may stay unanswered.
const MISSED: u32 = 2;

/// The pulse of one socket.
///
/// Only what the platform sends counts as life: a write into a dead network succeeds for a long time. And only frames do:
/// a proxy in between may answer WebSocket pings long after the platform behind it is gone.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    interval: Duration,
    due: Instant,
    /// Since when an answer is awaited.
    unanswered_since: Option<Instant>,
}

impl Heartbeat {
    /// The pulse of a socket opened at `now`: the first heartbeat is one interval away.
    pub(crate) fn new(interval: Duration, now: Instant) -> Self {
        Self { interval, due: after(now, interval), unanswered_since: None }
    }

    /// When something has to be done next.
    pub(crate) fn next(&self) -> Instant {
        self.dead_at().map_or(self.due, |dead_at| dead_at.min(self.due))
    }

    /// Whether a heartbeat is due.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now >= self.due
    }

    /// Whether the platform has been silent for too long.
    pub(crate) fn is_dead(&self, now: Instant) -> bool {
        self.dead_at().is_some_and(|dead_at| now >= dead_at)
    }

    /// Whether a heartbeat is on its way.
    pub(crate) fn is_awaiting(&self) -> bool {
        self.unanswered_since.is_some()
    }

    /// A heartbeat was sent.
    pub(crate) fn sent(&mut self, now: Instant) {
        // The cadence is kept: a heartbeat that went out late does not move the next one.
        while self.due <= now {
            self.due = after(self.due, self.interval);
        }
        self.unanswered_since.get_or_insert(now);
    }

    /// The platform answered a heartbeat.
    pub(crate) fn answered(&mut self) {
        self.unanswered_since = None;
    }

    /// Whatever was heard since the heartbeat is an answer: for a peer that has to answer a ping beside it.
    #[cfg(feature = "runtime")]
    pub(crate) fn heard_at(&mut self, heard: Instant) {
        if self.unanswered_since.is_some_and(|since| heard >= since) {
            self.answered();
        }
    }

    /// The platform sent some other frame, so it is not dead, though its answer is still awaited.
    pub(crate) fn heard(&mut self, now: Instant) {
        if let Some(since) = &mut self.unanswered_since {
            *since = now;
        }
    }

    fn dead_at(&self) -> Option<Instant> {
        self.unanswered_since.map(|since| after(since, self.interval.saturating_mul(MISSED)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_heartbeat_unanswered_for_two_intervals_means_death() {
        let start = Instant::now();
        let mut pulse = Heartbeat::new(30 * SECOND, start);
        assert!(!pulse.is_due(start + 29 * SECOND) && pulse.is_due(start + 30 * SECOND));
        pulse.sent(start + 30 * SECOND);
        pulse.sent(start + 60 * SECOND);
        assert!(!pulse.is_dead(start + 89 * SECOND) && pulse.is_dead(start + 90 * SECOND));
        assert_eq!(pulse.next(), start + 90 * SECOND);
    }

    #[test]
    fn an_answer_or_another_frame_is_a_sign_of_life() {
        let start = Instant::now();
        let mut pulse = Heartbeat::new(30 * SECOND, start);
        pulse.sent(start + 30 * SECOND);
        pulse.heard(start + 80 * SECOND);
        assert!(!pulse.is_dead(start + 139 * SECOND) && pulse.is_dead(start + 140 * SECOND));
        pulse.answered();
        assert!(!pulse.is_dead(start + 1000 * SECOND));
    }

    #[test]
    fn a_late_heartbeat_keeps_the_cadence() {
        let start = Instant::now();
        let mut pulse = Heartbeat::new(30 * SECOND, start);
        pulse.sent(start + 31 * SECOND);
        assert_eq!(pulse.due, start + 60 * SECOND);
        pulse.sent(start + 40 * SECOND);
        assert_eq!(pulse.due, start + 60 * SECOND, "an extra one does not move it either");
    }
}
