//! When to register the tools.

use std::time::Duration;

use tokio::time::Instant;

use crate::window::SlidingWindow;

/// What a platform takes, per entity and environment: six registrations a minute.
const PER_MINUTE: usize = 6;
const MINUTE: Duration = Duration::from_secs(60);

/// How long changes are gathered before they are registered together.
const GATHER: Duration = Duration::from_millis(100);

/// Keeps registrations within the platform's limit. It outlives sockets, because the limit does.
#[derive(Debug)]
pub(crate) struct Registration {
    sent: SlidingWindow,
    due: Option<Instant>,
}

impl Default for Registration {
    fn default() -> Self {
        Self { sent: SlidingWindow::new(PER_MINUTE, MINUTE), due: None }
    }
}

impl Registration {
    /// When the next registration is due; `None` while there is nothing to tell.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// A registration was sent. The one at the start of a connection is sent whatever the limit says.
    pub(crate) fn sent(&mut self, now: Instant) {
        self.sent.record(now);
        self.due = None;
    }

    /// The set of tools has changed.
    pub(crate) fn changed(&mut self, now: Instant) {
        let due = now + GATHER.max(self.sent.wait(now));
        self.due.get_or_insert(due);
    }

    /// The platform took no registration, and names the time to wait.
    pub(crate) fn throttled(&mut self, retry_after: Duration, now: Instant) {
        self.due = Some(now + retry_after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn changes_close_together_are_registered_together() {
        let start = Instant::now();
        let mut registration = Registration::default();
        registration.changed(start);
        registration.changed(start + GATHER / 2);
        assert_eq!(registration.due(), Some(start + GATHER));
        registration.sent(start + GATHER);
        assert_eq!(registration.due(), None);
    }

    #[test]
    fn a_seventh_registration_waits_for_the_minute_to_pass() {
        let start = Instant::now();
        let mut registration = Registration::default();
        for second in 0..6 {
            registration.sent(start + SECOND * second);
        }
        registration.changed(start + 10 * SECOND);
        assert_eq!(registration.due(), Some(start + MINUTE));
    }

    #[test]
    fn the_platforms_own_delay_counts() {
        let start = Instant::now();
        let mut registration = Registration::default();
        registration.changed(start);
        registration.throttled(5 * SECOND, start);
        registration.changed(start + SECOND);
        assert_eq!(registration.due(), Some(start + 5 * SECOND));
    }
}
