//! [`Throttles`]: limits how often the links of a scope may register changed tools: a few times a minute for each link.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::generation::Generation;
use crate::domain::identity::Scope;
use crate::domain::lock::lock;

/// Registrations that change something which a link has within [`WINDOW`]. All links of a scope together have so many for each of
/// them, so that a new connection does not begin at zero.
pub(crate) const REGISTRATIONS: usize = 6;

/// The time over which registrations are counted.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);

/// The registrations of the last minute, of every scope that has any.
#[derive(Debug, Default)]
pub(crate) struct Throttles(Mutex<HashMap<Scope, Throttle>>);

impl Throttles {
    /// Counts a registration of a link whose scope has so many links, or says how long to wait until it is admitted.
    pub(crate) fn admit(&self, scope: Scope, link: Generation, links: usize) -> Result<(), Duration> {
        lock(&self.0).entry(scope).or_default().admit(link, links, Instant::now())
    }

    /// Forgets registrations that count no more.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        lock(&self.0).retain(|_, throttle| {
            throttle.sweep(now);
            !throttle.scope.0.is_empty()
        });
    }
}

/// The registrations of one scope. Refused ones do not count, so waiting as told always helps.
#[derive(Debug, Default)]
struct Throttle {
    scope: AdmittedTimes,
    links: HashMap<Generation, AdmittedTimes>,
}

impl Throttle {
    fn admit(&mut self, link: Generation, links: usize, now: Instant) -> Result<(), Duration> {
        self.sweep(now);
        let scope_wait = self.scope.wait(REGISTRATIONS.saturating_mul(links.max(1)), now);
        let link_wait = self.links.get(&link).and_then(|link| link.wait(REGISTRATIONS, now));
        if let Some(wait) = scope_wait.max(link_wait) {
            return Err(wait);
        }
        self.scope.0.push_back(now);
        self.links.entry(link).or_default().0.push_back(now);
        Ok(())
    }

    fn sweep(&mut self, now: Instant) {
        self.scope.sweep(now);
        self.links.retain(|_, link| {
            link.sweep(now);
            !link.0.is_empty()
        });
    }
}

/// Times of admitted registrations, the earliest first.
#[derive(Debug, Default)]
struct AdmittedTimes(VecDeque<Instant>);

impl AdmittedTimes {
    /// The time until fewer than `most` count.
    fn wait(&self, most: usize, now: Instant) -> Option<Duration> {
        let last_in_the_way = self.0.len().checked_sub(most).and_then(|index| self.0.get(index))?;
        Some(WINDOW.saturating_sub(now.duration_since(*last_in_the_way)))
    }

    fn sweep(&mut self, now: Instant) {
        while self.0.front().is_some_and(|at| now.duration_since(*at) >= WINDOW) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(entity: &str) -> Scope {
        Scope { entity: entity.into(), environment: "env".into() }
    }

    #[test]
    fn six_are_admitted_and_the_seventh_waits_for_the_first_to_leave_the_window() {
        let (start, link) = (Instant::now(), Generation::now());
        let mut throttle = Throttle::default();
        let mut admit = |seconds| throttle.admit(link, 1, start + Duration::from_secs(seconds));
        for second in 0..6 {
            assert_eq!(admit(second), Ok(()));
        }
        assert_eq!(admit(10), Err(Duration::from_secs(50)));
        assert_eq!(admit(59), Err(Duration::from_secs(1)));
        assert_eq!(admit(60), Ok(()));
        assert_eq!(admit(60), Err(Duration::from_secs(1)));
        assert_eq!(admit(61), Ok(()));
    }

    #[test]
    fn each_link_of_a_pool_has_its_own_six() {
        let (start, links) = (Instant::now(), [Generation::now(), Generation::now(), Generation::now()]);
        let mut throttle = Throttle::default();
        for link in links {
            for _ in 0..REGISTRATIONS {
                assert_eq!(throttle.admit(link, 3, start), Ok(()));
            }
            assert_eq!(throttle.admit(link, 3, start), Err(WINDOW));
        }
    }

    #[test]
    fn a_new_connection_does_not_begin_at_zero_and_a_pool_that_shrank_waits_for_its_share() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut throttle = Throttle::default();
        for second in 0..12 {
            assert_eq!(throttle.admit(Generation::now(), 2, at(second)), Ok(()));
        }
        assert_eq!(throttle.admit(Generation::now(), 2, at(20)), Err(Duration::from_secs(40)));
        // Of one link, six of the twelve have to leave the window and one more for the next.
        assert_eq!(throttle.admit(Generation::now(), 1, at(20)), Err(Duration::from_secs(46)));
        assert_eq!(throttle.admit(Generation::now(), 1, at(66)), Ok(()));
    }

    #[test]
    fn nothing_is_kept_of_scopes_whose_registrations_are_over() {
        let throttles = Throttles::default();
        throttles.admit(scope("now"), Generation::now(), 1).unwrap();
        lock(&throttles.0).entry(scope("long ago")).or_default();
        throttles.sweep();
        assert_eq!(lock(&throttles.0).keys().collect::<Vec<_>>(), [&scope("now")]);
        let mut throttle = lock(&throttles.0).remove(&scope("now")).unwrap();
        throttle.sweep(Instant::now() + WINDOW);
        assert!(throttle.links.is_empty() && throttle.scope.0.is_empty());
    }

    #[test]
    fn refused_registrations_do_not_count() {
        let (start, link) = (Instant::now(), Generation::now());
        let mut throttle = Throttle::default();
        for _ in 0..100 {
            let _ = throttle.admit(link, 1, start);
        }
        for _ in 0..6 {
            assert_eq!(throttle.admit(link, 1, start + WINDOW), Ok(()));
        }
    }
}
