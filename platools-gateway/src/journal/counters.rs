//! [`JournalFigures`]: the counters of the journal, such as stored and lost records.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::domain::lock::lock;

/// The journal's counters since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalFigures {
    /// Calls that were stored.
    pub written: u64,
    /// Calls that were not stored, because the database failed for too long, too many came at a time, or the database refused
    /// them alone.
    pub lost: u64,
    /// Calls that were stored without arguments and result, because too much waited. They are not among the lost.
    pub payloads_dropped: u64,
    /// Calls that wait to be stored.
    pub waiting: usize,
    /// The time that the oldest of them has waited.
    pub lag: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) written: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) payloads_dropped: AtomicU64,
    /// The losses that the log has told of: records and payloads.
    logged: Mutex<(u64, u64)>,
}

impl Counters {
    pub(super) fn add_written(&self, calls: usize) {
        self.written.fetch_add(calls as u64, Ordering::Relaxed);
    }

    pub(super) fn add_lost(&self, calls: usize) {
        self.lost.fetch_add(calls as u64, Ordering::Relaxed);
    }

    pub(super) fn add_payloads_dropped(&self, calls: usize) {
        self.payloads_dropped.fetch_add(calls as u64, Ordering::Relaxed);
    }

    /// The losses since this was last asked, records and payloads.
    pub(super) fn take_unlogged(&self) -> (u64, u64) {
        let now = (self.lost.load(Ordering::Relaxed), self.payloads_dropped.load(Ordering::Relaxed));
        let before = std::mem::replace(&mut *lock(&self.logged), now);
        (now.0 - before.0, now.1 - before.1)
    }
}
