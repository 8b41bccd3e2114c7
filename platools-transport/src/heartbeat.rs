//! [`Heartbeat`]: decides when a client sends a heartbeat, and when a silent socket counts as dead. It has no socket.

use std::time::Duration;

use tokio::time::Instant;

use crate::deadline::after;
use crate::error::Error;

/// Time between two heartbeats, in milliseconds.
pub const HEARTBEAT_INTERVAL_MS: u64 = 30_000;

/// The shortest time between two heartbeats: with less, a worker would do little else.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// Intervals for which a heartbeat may stay unanswered.
const MISSED: u32 = 2;

/// The pulse of one socket.
///
/// Frames of the platform count as life, and bytes that it takes from a connection that was full. Other writes do not: a
/// write into a dead network succeeds for a long time. Nor do WebSocket pongs: a proxy in between may answer pings long after
/// the platform behind it is gone.
#[derive(Debug)]
pub struct Heartbeat {
    interval: Duration,
    due: Instant,
    /// A heartbeat is to be written as soon as the socket has room.
    is_wanted: bool,
    /// The last sign of life since the first heartbeat without an answer, or the time of that heartbeat.
    unanswered_since: Option<Instant>,
}

/// Refuses an interval that is too short.
pub fn check_interval(interval: Duration) -> Result<(), Error> {
    if interval >= MIN_INTERVAL {
        return Ok(());
    }
    let message = format!("`heartbeat_interval` is {interval:?}, and must be {MIN_INTERVAL:?} or more");
    Err(Error::invalid_setting(message))
}

impl Heartbeat {
    /// The pulse of a socket opened at `now`: the first heartbeat is one interval away.
    pub fn new(interval: Duration, now: Instant) -> Self {
        Self { interval, due: after(now, interval), is_wanted: false, unanswered_since: None }
    }

    /// Time of the next change of the timer's state.
    pub fn next(&self) -> Instant {
        self.dead_at().map_or(self.due, |dead_at| dead_at.min(self.due))
    }

    /// True when a heartbeat is due.
    pub fn is_due(&self, now: Instant) -> bool {
        now >= self.due
    }

    /// True when the platform has been silent for too long.
    pub fn is_dead(&self, now: Instant) -> bool {
        self.dead_at().is_some_and(|dead_at| now >= dead_at)
    }

    /// True while a heartbeat is unanswered.
    pub fn is_awaiting(&self) -> bool {
        self.unanswered_since.is_some()
    }

    /// Asks for a heartbeat, to be written when the socket has room for it. The wait for its answer begins now, and bytes that
    /// the platform takes meanwhile prolong it.
    pub fn want(&mut self, now: Instant) {
        self.is_wanted = true;
        self.sent(now);
    }

    /// Takes the wish for a heartbeat, if there is one.
    pub fn take_wanted(&mut self) -> bool {
        std::mem::take(&mut self.is_wanted)
    }

    /// A heartbeat was sent.
    pub fn sent(&mut self, now: Instant) {
        if self.due <= now {
            self.due = self.next_beat(now);
        }
        self.unanswered_since.get_or_insert(now);
    }

    /// The platform answered a heartbeat.
    pub fn answered(&mut self) {
        self.unanswered_since = None;
    }

    /// Whatever was heard since the heartbeat is an answer: for a peer that has to answer a ping beside it.
    pub fn heard_at(&mut self, heard: Instant) {
        if self.unanswered_since.is_some_and(|since| heard >= since) {
            self.answered();
        }
    }

    /// The platform showed life at that time, though its answer is still awaited.
    pub fn alive_at(&mut self, sign: Instant) {
        if let Some(since) = &mut self.unanswered_since {
            *since = sign.max(*since);
        }
    }

    /// The first beat after `now`. The cadence is kept: a heartbeat that went out late does not move the next one.
    fn next_beat(&self, now: Instant) -> Instant {
        let interval = self.interval.max(MIN_INTERVAL).as_nanos();
        let late = now.saturating_duration_since(self.due).as_nanos() % interval;
        let left = u64::try_from(interval - late).unwrap_or(u64::MAX);
        after(now, Duration::from_nanos(left))
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
    fn an_answer_or_a_sign_of_life_puts_death_off() {
        let start = Instant::now();
        let mut pulse = Heartbeat::new(30 * SECOND, start);
        pulse.sent(start + 30 * SECOND);
        pulse.alive_at(start + 80 * SECOND);
        pulse.alive_at(start + 20 * SECOND);
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

    #[test]
    fn the_next_beat_is_found_in_one_step_however_late_it_is() {
        let start = Instant::now();
        let mut pulse = Heartbeat::new(Duration::from_nanos(1), start);
        pulse.sent(start + 30 * SECOND);
        assert!(pulse.due > start + 30 * SECOND && pulse.due <= start + 31 * SECOND);
        let mut pulse = Heartbeat::new(30 * SECOND, start);
        pulse.sent(start + 3_600 * SECOND);
        assert_eq!(pulse.due, start + 3_630 * SECOND);
        let mut pulse = Heartbeat::new(Duration::MAX, start);
        pulse.due = start;
        pulse.sent(start);
        assert!(pulse.due > start + 3_600 * SECOND);
    }

    #[test]
    fn an_interval_that_leaves_time_for_nothing_else_is_refused() {
        assert!(check_interval(Duration::from_millis(100)).is_ok());
        let error = check_interval(Duration::from_nanos(1)).expect_err("it is too short");
        assert!(error.to_string().contains("100ms or more"), "{error}");
    }
}
