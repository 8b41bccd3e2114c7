//! [`Clock`]: the time of day for expiry and for records. It follows the wall clock, but adopts a jump only after [`SETTLING`].
//!
//! The wall clock can jump: an administrator sets it, a time server is wrong, or a machine boots with an empty battery. The time that
//! elapsed since the start cannot. So after a jump the clock continues at the pace of elapsed time, and a jump that is put right soon has
//! no effect.

use std::fmt;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, SystemTime};

use crate::domain::lock::lock;

/// The time that a jump of the wall clock has to last before credentials and records go by the new time.
pub(crate) const SETTLING: Duration = Duration::from_secs(10 * 60);

/// Steps up to this size are followed at once: it is how time servers correct a clock that is slightly wrong.
const TOLERANCE_MS: i64 = 60_000;

/// Reads the time, without any judgement.
pub(crate) trait TimeSource: fmt::Debug + Send + Sync {
    /// Both times at this moment.
    fn read(&self) -> Reading;
}

/// The time of day and the elapsed time at one moment, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Since 1970, as the system's clock is set.
    pub(crate) wall_ms: i64,
    /// Since a fixed moment that has no meaning.
    pub(crate) elapsed_ms: i64,
}

impl Reading {
    fn offset_ms(self) -> i64 {
        self.wall_ms.saturating_sub(self.elapsed_ms)
    }
}

/// The time of day, as far as it is believed.
#[derive(Debug)]
pub(crate) struct Clock {
    source: Box<dyn TimeSource>,
    timeline: Mutex<Timeline>,
}

impl Clock {
    /// A clock that believes its first reading.
    pub(crate) fn new(source: impl TimeSource + 'static) -> Self {
        let timeline = Mutex::new(Timeline::beginning(source.read(), SETTLING));
        Self { source: Box::new(source), timeline }
    }

    /// Milliseconds since 1970. A jump of the wall clock is logged once, by whichever reading comes upon it.
    pub(crate) fn now_ms(&self) -> i64 {
        let mut timeline = lock(&self.timeline);
        let (now_ms, event) = timeline.follow(self.source.read());
        drop(timeline);
        if let Some(event) = event {
            event.log();
        }
        now_ms
    }

    /// Both times as the system has them.
    pub(crate) fn reading(&self) -> Reading {
        self.source.read()
    }
}

/// A line of time that follows the wall clock, and its jumps only when they last.
#[derive(Debug)]
pub(crate) struct Timeline {
    /// The difference between the time of day and elapsed time.
    offset_ms: i64,
    /// A jump that is not believed yet.
    candidate: Option<Candidate>,
    settling_ms: i64,
}

#[derive(Debug)]
struct Candidate {
    offset_ms: i64,
    /// The elapsed time at which it is believed.
    adopted_at_ms: i64,
}

/// A change in the relation between a timeline and the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeEvent {
    /// The wall clock jumped by so much, forward if positive. The timeline goes on without it.
    Jumped { by_ms: i64 },
    /// The wall clock came back to the timeline.
    Returned,
    /// The jump lasted, and the timeline has taken it over.
    Adopted { by_ms: i64 },
}

impl Timeline {
    /// A line that begins at a reading. Later jumps are adopted when they have lasted for `settling`.
    pub(crate) fn beginning(reading: Reading, settling: Duration) -> Self {
        let settling_ms = i64::try_from(settling.as_millis()).unwrap_or(i64::MAX);
        Self { offset_ms: reading.offset_ms(), candidate: None, settling_ms }
    }

    /// A line that goes on from a known time, and adopts the time of a reading when that has lasted for `patience`.
    pub(crate) fn resuming(known_ms: i64, reading: Reading, patience: Duration, settling: Duration) -> Self {
        let patience_ms = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
        let candidate =
            Candidate { offset_ms: reading.offset_ms(), adopted_at_ms: reading.elapsed_ms.saturating_add(patience_ms) };
        let offset_ms = known_ms.saturating_sub(reading.elapsed_ms);
        Self { offset_ms, candidate: Some(candidate), ..Self::beginning(reading, settling) }
    }

    /// Takes a reading, and returns the time of the line in milliseconds since 1970, and a change if there was one.
    pub(crate) fn follow(&mut self, reading: Reading) -> (i64, Option<TimeEvent>) {
        let (measured_ms, elapsed_ms) = (reading.offset_ms(), reading.elapsed_ms);
        if is_near(measured_ms, self.offset_ms) {
            self.offset_ms = measured_ms;
            let event = self.candidate.take().map(|_| TimeEvent::Returned);
            return (reading.wall_ms, event);
        }
        let by_ms = measured_ms.saturating_sub(self.offset_ms);
        match &mut self.candidate {
            Some(candidate) if is_near(measured_ms, candidate.offset_ms) => {
                candidate.offset_ms = measured_ms;
                if elapsed_ms >= candidate.adopted_at_ms {
                    (self.offset_ms, self.candidate) = (measured_ms, None);
                    return (reading.wall_ms, Some(TimeEvent::Adopted { by_ms }));
                }
                (self.offset_ms.saturating_add(elapsed_ms), None)
            }
            candidate => {
                let adopted_at_ms = elapsed_ms.saturating_add(self.settling_ms);
                *candidate = Some(Candidate { offset_ms: measured_ms, adopted_at_ms });
                (self.offset_ms.saturating_add(elapsed_ms), Some(TimeEvent::Jumped { by_ms }))
            }
        }
    }
}

fn is_near(left_ms: i64, right_ms: i64) -> bool {
    left_ms.abs_diff(right_ms) <= TOLERANCE_MS.unsigned_abs()
}

impl TimeEvent {
    fn log(self) {
        let settling_seconds = SETTLING.as_secs();
        match self {
            Self::Jumped { by_ms } => tracing::error!(
                by_seconds = by_ms / 1000,
                settling_seconds,
                "wall clock jumped: credentials follow the earlier time until the new one has lasted; check the clock"
            ),
            Self::Returned => tracing::info!("wall clock returned to the earlier time"),
            Self::Adopted { by_ms } => {
                tracing::warn!(by_seconds = by_ms / 1000, "wall clock's new time adopted, because it lasted");
            }
        }
    }
}

/// The system's clocks.
#[derive(Debug)]
struct System {
    #[cfg(not(target_os = "linux"))]
    began: std::time::Instant,
}

impl System {
    fn new() -> Self {
        Self {
            #[cfg(not(target_os = "linux"))]
            began: std::time::Instant::now(),
        }
    }

    /// Elapsed time that also counts while the machine sleeps: a laptop that wakes up has not jumped.
    #[cfg(target_os = "linux")]
    #[expect(clippy::unused_self, reason = "elsewhere the start is needed")]
    fn elapsed_ms(&self) -> i64 {
        let elapsed = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        elapsed.tv_sec * 1000 + elapsed.tv_nsec / 1_000_000
    }

    #[cfg(not(target_os = "linux"))]
    fn elapsed_ms(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

impl TimeSource for System {
    fn read(&self) -> Reading {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let wall_ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        Reading { wall_ms, elapsed_ms: self.elapsed_ms() }
    }
}

/// Reads the clock of this process, or in a test the one that the test has put in its place.
pub(crate) fn with_clock<T>(read: impl FnOnce(&Clock) -> T) -> T {
    static SYSTEM: LazyLock<Clock> = LazyLock::new(|| Clock::new(System::new()));

    #[cfg(test)]
    if let Some(clock) = testing::current() {
        return read(&clock);
    }
    read(&SYSTEM)
}

#[cfg(test)]
pub(crate) mod testing {
    //! A clock that a test sets.

    use std::cell::RefCell;
    use std::sync::Arc;

    use super::*;

    thread_local! {
        static CURRENT: RefCell<Option<Arc<Clock>>> = const { RefCell::new(None) };
    }

    pub(super) fn current() -> Option<Arc<Clock>> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Both times, as a test sets them.
    #[derive(Debug, Clone)]
    pub(crate) struct SetTime(Arc<Mutex<Reading>>);

    impl TimeSource for SetTime {
        fn read(&self) -> Reading {
            *self.0.lock().unwrap()
        }
    }

    /// The clock of the current thread, and so of a whole test on one thread, for as long as this lives.
    #[derive(Debug)]
    pub(crate) struct TestClock(SetTime);

    impl TestClock {
        /// Begins at the real time of day.
        pub(crate) fn install() -> Self {
            let time = SetTime(Arc::new(Mutex::new(Reading { elapsed_ms: 1_000_000, ..System::new().read() })));
            CURRENT.set(Some(Arc::new(Clock::new(time.clone()))));
            Self(time)
        }

        /// Lets time pass in an orderly way: on both clocks, and read every second.
        pub(crate) fn pass(&self, span: Duration) {
            for _ in 0..span.as_secs() {
                {
                    let mut reading = self.0.0.lock().unwrap();
                    reading.wall_ms += 1000;
                    reading.elapsed_ms += 1000;
                }
                with_clock(Clock::now_ms);
            }
        }

        /// Sets the wall clock forward, or back.
        pub(crate) fn jump_ms(&self, by_ms: i64) {
            self.0.0.lock().unwrap().wall_ms += by_ms;
        }
    }

    impl Drop for TestClock {
        fn drop(&mut self) {
            CURRENT.set(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    const YEAR_MS: i64 = 365 * DAY_MS;
    const START: Reading = Reading { wall_ms: 1_789_430_400_000, elapsed_ms: 5000 };
    const MINUTE: Duration = Duration::from_secs(60);

    fn at(elapsed_ms: i64, jump_ms: i64) -> Reading {
        Reading { wall_ms: START.wall_ms + elapsed_ms + jump_ms, elapsed_ms: START.elapsed_ms + elapsed_ms }
    }

    #[test]
    fn a_correct_clock_is_followed_to_the_millisecond() {
        let mut line = Timeline::beginning(START, MINUTE);
        for elapsed_ms in [0, 1, 500, 3_600_000] {
            assert_eq!(line.follow(at(elapsed_ms, 0)), (START.wall_ms + elapsed_ms, None));
        }
        // The corrections of a time server.
        assert_eq!(line.follow(at(3_600_500, -2000)), (START.wall_ms + 3_598_500, None));
        assert_eq!(line.follow(at(3_601_000, 50_000)), (START.wall_ms + 3_651_000, None));
    }

    #[test]
    fn a_jump_that_is_put_right_in_time_has_no_effect() {
        for jump_ms in [DAY_MS, -DAY_MS, YEAR_MS, -YEAR_MS] {
            let mut line = Timeline::beginning(START, MINUTE);
            assert_eq!(line.follow(at(10, jump_ms)), (START.wall_ms + 10, Some(TimeEvent::Jumped { by_ms: jump_ms })));
            assert_eq!(line.follow(at(59_000, jump_ms)), (START.wall_ms + 59_000, None), "it is told of once");
            assert_eq!(line.follow(at(59_500, 0)), (START.wall_ms + 59_500, Some(TimeEvent::Returned)));
            assert_eq!(line.follow(at(600_000, 0)), (START.wall_ms + 600_000, None));
        }
    }

    #[test]
    fn a_jump_that_lasts_is_adopted() {
        for jump_ms in [DAY_MS, -DAY_MS, YEAR_MS, -YEAR_MS] {
            let mut line = Timeline::beginning(START, MINUTE);
            line.follow(at(10, jump_ms));
            let (now_ms, event) = line.follow(at(60_010, jump_ms + 500));
            assert_eq!(now_ms, START.wall_ms + 60_510 + jump_ms);
            assert_eq!(event, Some(TimeEvent::Adopted { by_ms: jump_ms + 500 }));
            assert_eq!(line.follow(at(60_020, jump_ms)), (START.wall_ms + 60_020 + jump_ms, None));
        }
    }

    #[test]
    fn a_clock_that_keeps_jumping_is_not_believed() {
        let mut line = Timeline::beginning(START, MINUTE);
        for step in 1..100 {
            let (now_ms, event) = line.follow(at(step * 50_000, step * DAY_MS));
            assert_eq!((now_ms, event.is_some()), (START.wall_ms + step * 50_000, true));
        }
    }

    #[test]
    fn a_line_that_resumes_goes_on_from_the_known_time() {
        let mut line = Timeline::resuming(START.wall_ms - YEAR_MS, START, MINUTE, MINUTE * 60);
        assert_eq!(line.follow(at(59_000, 0)), (START.wall_ms - YEAR_MS + 59_000, None));
        assert_eq!(line.follow(at(60_000, 0)), (START.wall_ms + 60_000, Some(TimeEvent::Adopted { by_ms: YEAR_MS })));
    }

    proptest! {
        #[test]
        fn time_never_leaves_elapsed_time_by_more_than_steps_that_are_followed(jumps in prop::collection::vec(-YEAR_MS..YEAR_MS, 1..20)) {
            let mut line = Timeline::beginning(START, MINUTE);
            for (index, jump_ms) in jumps.into_iter().enumerate() {
                let elapsed_ms = i64::try_from(index).unwrap() * 1000;
                let (now_ms, _) = line.follow(at(elapsed_ms, jump_ms));
                let allowed_ms = TOLERANCE_MS * (i64::try_from(index).unwrap() + 1);
                prop_assert!((now_ms - START.wall_ms - elapsed_ms).abs() <= allowed_ms);
            }
        }
    }
}
