//! [`RetentionClock`]: the clock for deletion by age. It adopts a jump of the wall clock late, because a row that is deleted too early is
//! lost.
//!
//! While the gateway runs, a jump forward counts after a day. The time is also stored. When the gateway starts and the wall clock is far
//! ahead of the stored time, the wall clock counts after an hour.

use std::sync::Mutex;
use std::time::Duration;

use crate::domain::lock::lock;
use crate::ports::clock::{Clock, Reading, TimeEvent, Timeline, with_clock};
use crate::ports::retention_clock::RetentionClockStore;
use crate::ports::time::now_ms;

use crate::domain::error::Error;

/// The time that a jump of the wall clock has to last before deletion goes by the new time.
const SETTLING: Duration = Duration::from_secs(24 * 60 * 60);

/// The time that a clock has to run that was far ahead of the stored time when the gateway started.
const START_SETTLING: Duration = Duration::from_secs(60 * 60);

/// A gateway that was stopped for no longer than this believes its clock at once.
const SHORT_STOP_MS: i64 = 12 * 60 * 60 * 1000;

/// The lag that the stored time may have.
const STALENESS_MS: i64 = 10 * 60 * 1000;

/// The time that deletion by age goes by.
#[derive(Debug)]
pub(crate) struct RetentionClock {
    timeline: Mutex<Timeline>,
    stored_ms: Mutex<i64>,
    /// The lead of the clock over the last run, if it is not believed yet.
    lead_ms: Option<i64>,
}

impl RetentionClock {
    /// Takes up the stored time.
    ///
    /// # Errors
    /// The database failed.
    pub(crate) async fn open(store: &dyn RetentionClockStore) -> Result<Self, Error> {
        Ok(Self::resume(store.retention_ms().await?, with_clock(Clock::reading)))
    }

    /// A retention clock that follows the wall clock at once.
    #[cfg(test)]
    pub(crate) fn of_now() -> Self {
        Self::resume(None, with_clock(Clock::reading))
    }

    fn resume(stored_ms: Option<i64>, reading: Reading) -> Self {
        let lead_ms = stored_ms.map(|stored_ms| reading.wall_ms.saturating_sub(stored_ms));
        let lead_ms = lead_ms.filter(|lead_ms| *lead_ms > SHORT_STOP_MS);
        let timeline = match (stored_ms, lead_ms) {
            (Some(stored_ms), Some(_)) => Timeline::resuming(stored_ms, reading, START_SETTLING, SETTLING),
            _ => Timeline::beginning(reading, SETTLING),
        };
        Self { timeline: Mutex::new(timeline), stored_ms: Mutex::new(stored_ms.unwrap_or(0)), lead_ms }
    }

    /// Logs that deletion waits, if it does so from the start.
    pub(crate) fn log_start(&self) {
        if let Some(lead_ms) = self.lead_ms {
            let hours = lead_ms / 3_600_000;
            tracing::warn!(
                hours,
                "wall clock is far ahead of the last run: nothing is deleted by age for an hour; check the clock"
            );
        }
    }

    /// The time before which everything of that age may be deleted, in milliseconds since 1970.
    pub(crate) fn cutoff_ms(&self, age: Duration) -> i64 {
        self.now_ms().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
    }

    /// Stores the time, if that was not done for a while.
    ///
    /// # Errors
    /// The database failed.
    pub(crate) async fn store(&self, store: &dyn RetentionClockStore) -> Result<(), Error> {
        let now_ms = self.now_ms();
        if now_ms.abs_diff(*lock(&self.stored_ms)) < STALENESS_MS.unsigned_abs() {
            return Ok(());
        }
        store.set_retention_ms(now_ms).await?;
        *lock(&self.stored_ms) = now_ms;
        Ok(())
    }

    /// The earlier of this line's time and the time that everything else goes by: a clock that was set back is believed sooner.
    fn now_ms(&self) -> i64 {
        let (line_ms, event) = lock(&self.timeline).follow(with_clock(Clock::reading));
        match event {
            Some(TimeEvent::Jumped { by_ms }) => {
                let hours = SETTLING.as_secs() / 3600;
                tracing::error!(
                    by_seconds = by_ms / 1000,
                    hours,
                    "wall clock jumped: deletion by age waits until the new time has lasted; check the clock"
                );
            }
            Some(TimeEvent::Adopted { by_ms }) => {
                tracing::warn!(by_seconds = by_ms / 1000, "deletion by age follows the wall clock again");
            }
            Some(TimeEvent::Returned) | None => {}
        }
        line_ms.min(now_ms())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::clock::testing::TestClock;
    use crate::ports::store::Storage as _;

    const HOUR: Duration = Duration::from_secs(3600);
    const HOUR_MS: i64 = 3_600_000;
    const YEAR_MS: i64 = 365 * 24 * HOUR_MS;

    /// The distance of the cutoff from the time at the start, in milliseconds.
    fn since(retention_clock: &RetentionClock, start_ms: i64) -> i64 {
        retention_clock.cutoff_ms(Duration::ZERO) - start_ms
    }

    #[test]
    fn deletion_goes_by_the_time_before_a_jump_for_a_day() {
        for jump_ms in [YEAR_MS, 24 * HOUR_MS] {
            let clock = TestClock::install();
            let start_ms = now_ms();
            let retention_clock = RetentionClock::resume(None, with_clock(Clock::reading));
            clock.jump_ms(jump_ms);
            assert_eq!(since(&retention_clock, start_ms), 0);
            clock.pass(HOUR * 23);
            assert_eq!(now_ms(), start_ms + jump_ms + 23 * HOUR_MS, "credentials go by the new time already");
            assert_eq!(since(&retention_clock, start_ms), 23 * HOUR_MS);
            clock.pass(HOUR);
            assert_eq!(since(&retention_clock, start_ms), 24 * HOUR_MS + jump_ms);
        }
    }

    #[test]
    fn a_clock_that_is_set_back_deletes_nothing_more() {
        let clock = TestClock::install();
        let start_ms = now_ms();
        let retention_clock = RetentionClock::resume(None, with_clock(Clock::reading));
        clock.jump_ms(-YEAR_MS);
        assert_eq!(since(&retention_clock, start_ms), 0);
        clock.pass(HOUR);
        assert_eq!(since(&retention_clock, start_ms), HOUR_MS - YEAR_MS);
    }

    #[test]
    fn a_start_with_a_clock_that_is_far_ahead_deletes_nothing_for_an_hour() {
        let clock = TestClock::install();
        let stored_ms = now_ms() - YEAR_MS;
        let retention_clock = RetentionClock::resume(Some(stored_ms), with_clock(Clock::reading));
        clock.pass(HOUR - Duration::from_secs(1));
        assert_eq!(since(&retention_clock, stored_ms), HOUR_MS - 1000);
        clock.pass(Duration::from_secs(1));
        assert_eq!(since(&retention_clock, stored_ms), YEAR_MS + HOUR_MS);
    }

    #[test]
    fn a_short_stop_counts_at_once() {
        let _clock = TestClock::install();
        let stored_ms = now_ms() - HOUR_MS;
        let retention_clock = RetentionClock::resume(Some(stored_ms), with_clock(Clock::reading));
        assert_eq!(since(&retention_clock, stored_ms), HOUR_MS);
    }

    #[tokio::test]
    async fn the_time_outlives_the_gateway() {
        let clock = TestClock::install();
        let folder = tempfile::tempdir().unwrap();
        let store = crate::store::SqlStore::open(folder.path()).await.unwrap();
        let retention_clock = RetentionClock::open(&store).await.unwrap();
        assert_eq!(store.retention_ms().await.unwrap(), None);
        retention_clock.store(&store).await.unwrap();
        let first_ms = store.retention_ms().await.unwrap().unwrap();
        clock.pass(Duration::from_secs(60));
        retention_clock.store(&store).await.unwrap();
        assert_eq!(store.retention_ms().await.unwrap(), Some(first_ms), "it is written now and then only");
        clock.pass(HOUR);
        retention_clock.store(&store).await.unwrap();
        assert_eq!(store.retention_ms().await.unwrap(), Some(first_ms + 60_000 + HOUR_MS));
        clock.jump_ms(YEAR_MS);
        let retention_clock = RetentionClock::open(&store).await.unwrap();
        assert_eq!(since(&retention_clock, first_ms), 60_000 + HOUR_MS);
        store.close().await;
    }
}
