//! `Takeovers`: finds two workers that keep replacing each other.
//!
//! A deployment replaces a worker once. Two workers of one entity that both stay replace each other for ever: each reconnects when the
//! other took its place, and calls get slow. The gateway warns of it in the log.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::worker_peer::WorkerPeer;
use crate::domain::identity::Scope;

/// The time within which takeovers count. Workers wait up to a minute before they connect again.
pub(super) const WINDOW: Duration = Duration::from_secs(10 * 60);

/// The number of returns to a place that another worker took, from which on it is contention.
const MANY_RETURNS: usize = 3;

/// The same for workers that cannot be told apart: one that connects again without closing its connection looks the same.
const MANY_ALIKE: usize = 5;

/// The time between two warnings of one scope.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);

/// Takeovers of one scope that are remembered one by one.
const REMEMBERED: usize = 64;

/// The takeovers of every scope that had one.
#[derive(Debug, Default)]
pub(super) struct Takeovers(HashMap<Scope, ScopeTakeovers>);

#[derive(Debug, Default)]
struct ScopeTakeovers {
    recent: VecDeque<Takeover>,
    /// All since the start of the gateway, or since they were forgotten.
    total: u64,
    warned: Option<Instant>,
}

#[derive(Debug)]
struct Takeover {
    at: Instant,
    from: WorkerPeer,
    by: WorkerPeer,
}

/// Two workers that take turns.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Contention {
    /// Takeovers within the window.
    pub(super) takeovers: usize,
    /// The worker that has the place.
    pub(super) by: WorkerPeer,
    /// The worker that had it before.
    pub(super) from: WorkerPeer,
    /// True if the two may be one worker that connects again.
    pub(super) may_be_one: bool,
}

impl Takeovers {
    /// Counts a takeover, unless a worker takes the place of its own earlier connection. Returns the contention if it is time to warn.
    pub(super) fn note(
        &mut self,
        scope: &Scope,
        from: &WorkerPeer,
        by: &WorkerPeer,
        now: Instant,
    ) -> Option<Contention> {
        let is_same = by.is_same(from);
        if is_same == Some(true) {
            return None;
        }
        let takeovers = self.0.entry(scope.clone()).or_default();
        takeovers.push(Takeover { at: now, from: from.clone(), by: by.clone() });
        let is_due = takeovers.warned.is_none_or(|warned| now.duration_since(warned) >= BETWEEN_WARNINGS);
        let may_be_one = is_same.is_none();
        let many = if may_be_one { MANY_ALIKE } else { MANY_RETURNS };
        if !is_due || takeovers.returns() < many {
            return None;
        }
        takeovers.warned = Some(now);
        Some(Contention { takeovers: takeovers.recent.len(), by: by.clone(), from: from.clone(), may_be_one })
    }

    /// The takeovers of a scope within the window, and all of them.
    pub(super) fn of(&self, scope: &Scope, now: Instant) -> (usize, u64) {
        let Some(takeovers) = self.0.get(scope) else { return (0, 0) };
        (takeovers.recent.iter().filter(|takeover| takeover.is_recent(now)).count(), takeovers.total)
    }

    /// Forgets scopes whose last takeover is long ago, unless they are kept.
    pub(super) fn sweep(&mut self, now: Instant, is_kept: impl Fn(&Scope) -> bool) {
        let is_recent = |takeovers: &ScopeTakeovers| takeovers.recent.back().is_some_and(|last| last.is_recent(now));
        self.0.retain(|scope, takeovers| is_recent(takeovers) || is_kept(scope));
    }
}

impl ScopeTakeovers {
    fn push(&mut self, takeover: Takeover) {
        let now = takeover.at;
        self.recent.retain(|other| other.is_recent(now));
        self.recent.push_back(takeover);
        if self.recent.len() > REMEMBERED {
            self.recent.pop_front();
        }
        self.total += 1;
    }

    /// The takeovers by workers whose place was taken before.
    fn returns(&self) -> usize {
        let lost_before = |index: usize, by: &WorkerPeer| self.recent.iter().take(index).any(|other| other.from == *by);
        self.recent.iter().enumerate().filter(|(index, takeover)| lost_before(*index, &takeover.by)).count()
    }
}

impl Takeover {
    fn is_recent(&self, now: Instant) -> bool {
        now.duration_since(self.at) < WINDOW
    }
}

#[cfg(test)]
mod tests {
    use platools_protocol::tool_sync::WorkerInstance;

    use super::*;

    fn scope() -> Scope {
        Scope { entity: "ent".into(), environment: "env".into() }
    }

    fn process(id: &str) -> WorkerPeer {
        WorkerPeer { address: Some([127, 0, 0, 1].into()), instance: Some(WorkerInstance::new(id)) }
    }

    /// A worker of another SDK.
    fn foreign(last: u8) -> WorkerPeer {
        WorkerPeer { address: Some([10, 0, 0, last].into()), instance: None }
    }

    /// The numbers of the takeovers, counted from 1, that are warned of; one comes each second.
    fn warned(peers: &[WorkerPeer]) -> Vec<usize> {
        let (mut takeovers, start) = (Takeovers::default(), Instant::now());
        let mut number = 0;
        peers
            .windows(2)
            .filter_map(|pair| {
                number += 1;
                let now = start + Duration::from_secs(number as u64);
                takeovers.note(&scope(), &pair[0], &pair[1], now).map(|_| number)
            })
            .collect()
    }

    #[test]
    fn two_workers_that_take_turns_are_warned_of_at_the_third_return_and_once_a_minute() {
        let turns: Vec<_> = (0..70).map(|turn| process(["a", "b"][turn % 2])).collect();
        assert_eq!(warned(&turns), [4, 64]);
        let turns: Vec<_> = (0..10).map(|turn| foreign(turn % 2)).collect();
        assert_eq!(warned(&turns), [4], "addresses tell workers apart, too");
    }

    #[test]
    fn deployments_and_reconnects_are_no_contention() {
        let deployed: Vec<_> = (0..50).map(|number| process(&number.to_string())).collect();
        assert!(warned(&deployed).is_empty(), "each worker is a new one");
        let one = vec![process("a"); 50];
        assert!(warned(&one).is_empty(), "it is its own earlier connection");
        // The worker before dials once more, to deliver its results.
        assert!(warned(&["a", "b", "a", "b"].map(process)).is_empty());
    }

    #[test]
    fn workers_that_cannot_be_told_apart_have_more_turns() {
        assert_eq!(warned(&vec![foreign(1); 10]), [6]);
    }

    #[test]
    fn the_oldest_takeovers_make_room() {
        let (mut takeovers, now) = (Takeovers::default(), Instant::now());
        for turn in 0..2 * REMEMBERED {
            takeovers.note(&scope(), &process(["a", "b"][turn % 2]), &process(["b", "a"][turn % 2]), now);
        }
        assert_eq!(takeovers.of(&scope(), now), (REMEMBERED, 2 * REMEMBERED as u64));
    }

    #[test]
    fn takeovers_are_forgotten_after_the_window() {
        let (mut takeovers, start) = (Takeovers::default(), Instant::now());
        takeovers.note(&scope(), &process("a"), &process("b"), start);
        assert_eq!(takeovers.of(&scope(), start), (1, 1));
        assert_eq!(takeovers.of(&scope(), start + WINDOW), (0, 1));
        takeovers.sweep(start + WINDOW, |_| true);
        assert_eq!(takeovers.of(&scope(), start + WINDOW), (0, 1), "its total is still shown");
        takeovers.sweep(start + WINDOW, |_| false);
        assert!(takeovers.0.is_empty());
    }
}
