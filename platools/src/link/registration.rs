//! [`Registration`]: declares a worker's tools to the platform, and declares them again when they change. Changes within a tenth of a
//! second are one registration, and there are at most six registrations in a minute.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::registry::{RegisteredTool, ToolRegistry};
use crate::sliding_window::SlidingWindow;
use platools_protocol::tool_sync::{ToolDeclaration, WorkerFrame};
use platools_transport::after;
use platools_transport::{Jitter, backoff_delay_ms};

/// Makes registrations, and keeps them within the platform's limit. It has no socket, and outlives sockets because the limit does.
#[derive(Debug)]
pub(super) struct Registration {
    registry: ToolRegistry,
    pub(super) changes: watch::Receiver<u64>,
    sent: SlidingWindow,
    due: Option<Instant>,
    /// True once the platform has stored the last one.
    is_confirmed: bool,
    /// The failures of the platform in a row to store one.
    failures: u32,
}

impl Registration {
    pub(super) fn new(registry: ToolRegistry) -> Self {
        let (changes, sent) = (registry.changes(), SlidingWindow::new(PER_MINUTE, MINUTE));
        Self { registry, changes, sent, due: None, is_confirmed: false, failures: 0 }
    }

    /// The frame with the complete set of tools.
    pub(super) fn frame(&self) -> Utf8Bytes {
        let tools = self.registry.registered().iter().map(|tool| declaration(tool)).collect();
        WorkerFrame::ToolRegister { tools, unreadable: Vec::new() }.to_text().into()
    }

    /// The registration to send now, unless it is the same as the one that this socket has. It counts as sent. The one at the start of
    /// a connection is sent whatever the limit says.
    pub(super) fn next_frame(&mut self, registered: Option<&Utf8Bytes>, now: Instant) -> Option<Utf8Bytes> {
        // Read before the set itself, so that a change in between is announced once more rather than missed.
        self.changes.mark_unchanged();
        let frame = self.frame();
        self.sent(now);
        (registered != Some(&frame)).then_some(frame)
    }

    /// The time of the next registration; `None` while the platform has the latest.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    fn sent(&mut self, now: Instant) {
        self.sent.record(now);
        (self.due, self.is_confirmed) = (None, false);
    }

    /// The platform has stored the last registration.
    pub(super) fn confirmed(&mut self) {
        (self.is_confirmed, self.failures) = (true, 0);
    }

    /// The platform reported an error and kept the socket. If the last registration is unconfirmed, it is sent again later, after
    /// a delay that grows with each failure; returns the delay.
    pub(super) fn failed(&mut self, now: Instant) -> Option<Duration> {
        if self.is_confirmed {
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        let delay = Duration::from_millis(Jitter::Equal.spread(backoff_delay_ms(self.failures)));
        let due = after(now, delay.max(self.sent.wait(now)));
        let due = self.due.map_or(due, |set| set.max(due));
        self.due = Some(due);
        Some(due.saturating_duration_since(now))
    }

    /// The set of tools has changed.
    pub(super) fn changed(&mut self, now: Instant) {
        let due = now + GATHER.max(self.sent.wait(now));
        self.due.get_or_insert(due);
    }

    /// The platform took no registration, and names the time to wait.
    pub(super) fn throttled(&mut self, retry_after: Duration, now: Instant) {
        self.due = Some(after(now, retry_after));
    }

    /// The socket still writes what was queued before, so the next registration waits a little.
    pub(super) fn postponed(&mut self, now: Instant) {
        self.due = Some(after(now, WRITING));
    }
}

/// The limit of a platform for each entity and environment: six registrations a minute.
const PER_MINUTE: usize = 6;
const MINUTE: Duration = Duration::from_secs(60);

/// Changes within this time are registered together.
const GATHER: Duration = Duration::from_millis(100);

/// The time that a registration waits for the one before it to be written.
const WRITING: Duration = Duration::from_secs(1);

fn declaration(tool: &RegisteredTool) -> ToolDeclaration {
    let definition = tool.definition();
    let mut declaration =
        ToolDeclaration::new(&definition.name, &definition.description, definition.input_schema.clone());
    declaration.output_schema.clone_from(&definition.output_schema);
    definition.auth.as_str().clone_into(&mut declaration.auth);
    declaration.roles.clone_from(&definition.roles);
    declaration.annotations = definition.declared_annotations();
    declaration
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn registration() -> Registration {
        Registration::new(ToolRegistry::new())
    }

    #[test]
    fn changes_close_together_are_registered_together() {
        let start = Instant::now();
        let mut registration = registration();
        registration.changed(start);
        registration.changed(start + GATHER / 2);
        assert_eq!(registration.due(), Some(start + GATHER));
        registration.sent(start + GATHER);
        assert_eq!(registration.due(), None);
    }

    #[test]
    fn a_seventh_registration_waits_for_the_minute_to_pass() {
        let start = Instant::now();
        let mut registration = registration();
        for second in 0..6 {
            registration.sent(start + SECOND * second);
        }
        registration.changed(start + 10 * SECOND);
        assert_eq!(registration.due(), Some(start + MINUTE));
    }

    #[test]
    fn the_platforms_own_delay_counts() {
        let start = Instant::now();
        let mut registration = registration();
        registration.changed(start);
        registration.throttled(5 * SECOND, start);
        registration.changed(start + SECOND);
        assert_eq!(registration.due(), Some(start + 5 * SECOND));
    }

    #[test]
    fn an_unconfirmed_registration_is_sent_again_after_delays_that_grow() {
        let start = Instant::now();
        let mut registration = registration();
        registration.sent(start);
        for (seconds, half) in [(1, 500), (2, 1_000), (4, 2_000), (8, 4_000)] {
            let delay = registration.failed(start).expect("it is unconfirmed");
            assert!((half..=2 * half).contains(&delay.as_millis()), "{delay:?} of {seconds} s");
            assert_eq!(registration.due(), Some(start + delay));
        }
        registration.confirmed();
        assert_eq!(registration.failed(start), None);
        registration.sent(start);
        assert!(registration.failed(start).is_some_and(|delay| delay <= SECOND), "the count starts over");
    }

    #[test]
    fn repeated_registrations_keep_to_the_limit() {
        let start = Instant::now();
        let mut registration = registration();
        (0..6).for_each(|_| registration.sent(start));
        assert_eq!(registration.failed(start), Some(MINUTE));
    }

    #[test]
    fn a_delay_beyond_all_bounds_is_for_ever() {
        let mut registration = registration();
        registration.throttled(Duration::MAX, Instant::now());
        assert!(registration.due().is_some());
    }
}
