//! Constants for the deletion of old rows: it deletes small batches with pauses between them, so that other writes do not wait for long.

use std::time::Duration;

/// The number of rows that are deleted at a time.
pub(crate) const BATCH: i64 = 256;

/// The time that others have the database to themselves between two deletions.
pub(crate) const BREATH: Duration = Duration::from_millis(20);

/// The shortest and the longest time between two looks for old rows, for ages from minutes to years.
pub(crate) const LOOKS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));

/// The wait after a deletion that deleted so many rows, of those that are kept for `max_age`.
pub(crate) fn wait_after(deleted: u64, max_age: Duration) -> Duration {
    match deleted {
        0 => (max_age / 10).clamp(LOOKS.0, LOOKS.1),
        _ => BREATH,
    }
}
