//! How often a worker may register.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::identity::Scope;

/// How many registrations an entity has in one environment within [`WINDOW`].
pub(crate) const REGISTRATIONS: usize = 6;

/// The time over which registrations are counted.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);

/// Of every scope that registered.
#[derive(Debug, Default)]
pub(crate) struct Throttles(Mutex<HashMap<Scope, Throttle>>);

impl Throttles {
    /// Counts one registration, or says how long to wait until the next is admitted.
    pub(crate) fn admit(&self, scope: Scope) -> Result<(), Duration> {
        self.lock().entry(scope).or_default().admit(Instant::now())
    }

    /// Forgets those whose registrations are long over.
    pub(crate) fn sweep(&self) {
        self.lock().retain(|_, throttle| throttle.admitted.back().is_some_and(|last| last.elapsed() < WINDOW));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Scope, Throttle>> {
        // Every section leaves the table whole, so a panic in another task spoils nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The registrations of the last minute. Refused ones do not count, so waiting as told always helps.
#[derive(Debug, Default)]
struct Throttle {
    admitted: VecDeque<Instant>,
}

impl Throttle {
    /// Counts one registration, or says how long to wait until the next is admitted.
    fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        while self.admitted.front().is_some_and(|at| now.duration_since(*at) >= WINDOW) {
            self.admitted.pop_front();
        }
        if self.admitted.len() < REGISTRATIONS {
            self.admitted.push_back(now);
            return Ok(());
        }
        Err(WINDOW.saturating_sub(now.duration_since(self.admitted[0])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_are_admitted_and_the_seventh_waits_for_the_first_to_leave_the_window() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut throttle = Throttle::default();
        for second in 0..6 {
            assert_eq!(throttle.admit(at(second)), Ok(()));
        }
        assert_eq!(throttle.admit(at(10)), Err(Duration::from_secs(50)));
        assert_eq!(throttle.admit(at(59)), Err(Duration::from_secs(1)));
        assert_eq!(throttle.admit(at(60)), Ok(()));
        assert_eq!(throttle.admit(at(60)), Err(Duration::from_secs(1)));
        assert_eq!(throttle.admit(at(61)), Ok(()));
    }

    #[test]
    fn nothing_is_kept_of_scopes_whose_registrations_are_over() {
        let scope = |entity: &str| Scope { entity: entity.into(), environment: "env".into() };
        let throttles = Throttles::default();
        throttles.admit(scope("now")).unwrap();
        throttles.lock().entry(scope("long ago")).or_default();
        throttles.sweep();
        assert_eq!(throttles.lock().keys().collect::<Vec<_>>(), [&scope("now")]);
    }

    #[test]
    fn refused_registrations_do_not_count() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        for _ in 0..100 {
            let _ = throttle.admit(start);
        }
        for _ in 0..6 {
            assert_eq!(throttle.admit(start + WINDOW), Ok(()));
        }
    }
}
