//! [`Takeovers`]: counts how often another worker of the same entity took over from this one, and tells when the client warns of it in the
//! log.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The time within which takeovers count.
const WINDOW: Duration = Duration::from_secs(10 * 60);

/// The number of takeovers within the window that is more than a deployment makes.
const MANY: usize = 3;

/// The time between two warnings.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);

/// The takeovers of one client within the last ten minutes.
#[derive(Debug, Default)]
pub(super) struct Takeovers {
    recent: VecDeque<Instant>,
    warned: Option<Instant>,
}

impl Takeovers {
    /// Counts a takeover. Returns the number within the window if it is time to warn: there are many, and the last warning is a minute ago.
    pub(super) fn note(&mut self, now: Instant) -> Option<usize> {
        self.recent.retain(|moment| now.duration_since(*moment) < WINDOW);
        self.recent.push_back(now);
        let is_due = self.warned.is_none_or(|warned| now.duration_since(warned) >= BETWEEN_WARNINGS);
        let count = self.recent.len();
        (count >= MANY && is_due).then(|| {
            self.warned = Some(now);
            count
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_takeovers_are_warned_of_once_a_minute() {
        let (mut takeovers, start) = (Takeovers::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let warned = [0, 1, 2, 3, 61, 62].map(|seconds| takeovers.note(at(seconds)));
        assert_eq!(warned, [None, None, Some(3), None, None, Some(6)]);
    }

    #[test]
    fn takeovers_of_deployments_are_not_many() {
        let (mut takeovers, start) = (Takeovers::default(), Instant::now());
        for deployment in 0..20 {
            assert_eq!(takeovers.note(start + WINDOW / 2 * deployment), None);
        }
    }
}
