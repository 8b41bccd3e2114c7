//! `AuditSettings`: how long events are kept, and how many.

use std::time::Duration;

/// Bounds of the audit's events in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditSettings {
    pub(super) max_age: Duration,
    pub(super) max_rows: u32,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self { max_age: Duration::from_secs(90 * 24 * 60 * 60), max_rows: 100_000 }
    }
}

impl AuditSettings {
    /// Sets how long events are kept. Default: 90 days.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// Sets how many events of each kind (changes, sign-ins, refusals) are kept; the oldest of the kind go first. An event takes up
    /// to 2 KiB. Default: 100,000.
    #[must_use]
    pub fn max_rows(mut self, rows: u32) -> Self {
        self.max_rows = rows;
        self
    }
}
