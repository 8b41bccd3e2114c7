//! Whether a dashboard is still there.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// When a dashboard last said that it is there.
#[derive(Debug)]
pub(super) struct Pulse {
    last: Mutex<Instant>,
    patience: Duration,
}

impl Pulse {
    /// Beats now, and from then on at least that often.
    pub(super) fn new(patience: Duration) -> Self {
        Self { last: Mutex::new(Instant::now()), patience }
    }

    pub(super) fn beats(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Waits until it has not beaten for too long.
    pub(super) async fn stopped(&self) {
        loop {
            let deadline = *self.last.lock().unwrap_or_else(PoisonError::into_inner) + self.patience;
            if deadline <= Instant::now() {
                return;
            }
            sleep_until(deadline).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_stops_a_while_after_the_last_beat() {
        let (pulse, begun) = (Pulse::new(Duration::from_secs(60)), Instant::now());
        let beats = async {
            for _ in 0..3 {
                sleep(Duration::from_secs(59)).await;
                pulse.beats();
            }
        };
        tokio::join!(beats, pulse.stopped());
        assert_eq!(begun.elapsed().as_secs(), 3 * 59 + 60);
    }
}
