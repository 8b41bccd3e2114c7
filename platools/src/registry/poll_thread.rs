//! [`PollHistory`]: counts the slow polls of a tool, and chooses the thread that polls the tool's next calls. Once the polls are often
//! slow, the link's thread no longer polls these calls.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

/// The slow polls of one tool's calls, and the place of its next ones. The place only moves further away from the link: a tool that was
/// slow too often does not come back.
#[derive(Debug, Default)]
pub(crate) struct PollHistory {
    place: AtomicU8,
    /// The weight of polls that were not short, less that of those that were.
    score: AtomicU32,
    /// The polls that held up the link.
    holds: AtomicU32,
}

impl PollHistory {
    pub(crate) fn place(&self) -> PollPlace {
        match self.place.load(Ordering::Relaxed) {
            0 => PollPlace::Link,
            1 => PollPlace::Runtime,
            _ => PollPlace::Thread,
        }
    }

    /// Counts a poll on the link's thread.
    pub(crate) fn note_poll(&self, took: Duration) {
        // Two threads may count at the same time, and one count may be lost, which changes nothing.
        let score = self.score.load(Ordering::Relaxed);
        if took < SHORT {
            if score > 0 {
                self.score.store(score - 1, Ordering::Relaxed);
            }
            return;
        }
        self.score.store(score + LONG_WEIGHT, Ordering::Relaxed);
        if score + LONG_WEIGHT > LIMIT {
            self.demote_to(PollPlace::Runtime);
        }
    }

    /// Counts a poll that held up the link. Returns true if the next calls get threads of their own.
    pub(crate) fn note_hold(&self) -> bool {
        let is_last = self.holds.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_HOLDS;
        if is_last {
            self.demote_to(PollPlace::Thread);
        }
        is_last
    }

    /// Has the next calls polled there, unless they are polled further away already.
    pub(crate) fn demote_to(&self, place: PollPlace) {
        self.place.fetch_max(place as u8, Ordering::Relaxed);
    }
}

/// The place where the calls of a tool are polled for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PollPlace {
    /// The thread of the link, between two polls of the link itself.
    Link,
    /// The threads of the application's runtime.
    Runtime,
    /// A thread of the blocking pool, which the call has for itself.
    Thread,
    /// A task of the link's runtime, which only waits: a sync function has a thread of its own. Threads of the application's runtime may
    /// all be blocked.
    LinkTask,
}

/// The longest poll that is short: a call that waits behind one is not late, and waking another thread for it costs a tenth of that.
const SHORT: Duration = Duration::from_micros(500);

/// Each poll that is not short counts as many short ones, so that a tool leaves the link once more than about one in ten is not.
const LONG_WEIGHT: u32 = 10;
const LIMIT: u32 = 100;

/// A tool leaves the link once this many polls have held it up. One may be a poll that the system did not let run meanwhile.
const MAX_HOLDS: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_millis(1);

    #[test]
    fn a_tool_whose_polls_are_often_long_leaves_the_link_for_good() {
        let history = PollHistory::default();
        for _ in 0..10_000 {
            (0..20).for_each(|_| history.note_poll(Duration::ZERO));
            history.note_poll(LONG);
        }
        assert_eq!(history.place(), PollPlace::Link, "one in twenty is rare");
        (0..11).for_each(|_| history.note_poll(LONG));
        assert_eq!(history.place(), PollPlace::Runtime);
        (0..10_000).for_each(|_| history.note_poll(Duration::ZERO));
        assert_eq!(history.place(), PollPlace::Runtime);
    }

    #[test]
    fn one_poll_that_holds_up_the_link_may_be_the_systems_fault() {
        let history = PollHistory::default();
        assert!(!history.note_hold());
        assert_eq!(history.place(), PollPlace::Link);
        assert!(history.note_hold());
        assert_eq!(history.place(), PollPlace::Thread);
    }

    #[test]
    fn a_place_further_away_is_kept() {
        let history = PollHistory::default();
        history.demote_to(PollPlace::Thread);
        history.demote_to(PollPlace::Runtime);
        assert_eq!(history.place(), PollPlace::Thread);
    }
}
