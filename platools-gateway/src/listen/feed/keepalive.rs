//! [`Keepalive`]: sends pings to a dashboard, and ends the connection when no pongs come back.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// Pings that a dashboard may leave unanswered, one after the other. Each has a whole interval for its pong.
const MAX_UNANSWERED: u32 = 2;

/// The pings of one connection. The first is due an interval after the start, and a connection whose two last pings had no pong is silent
/// when the third would be due: two to three intervals after its last pong.
#[derive(Debug)]
pub(super) struct Keepalive {
    interval: Duration,
    /// Pings since the last pong.
    unanswered: AtomicU32,
    due: Notify,
}

impl Keepalive {
    pub(super) fn new(interval: Duration) -> Self {
        // An interval of zero would have no end.
        let interval = interval.max(Duration::from_millis(1));
        Self { interval, unanswered: AtomicU32::new(0), due: Notify::new() }
    }

    /// Notes a pong.
    pub(super) fn pong(&self) {
        self.unanswered.store(0, Ordering::Relaxed);
    }

    /// Waits until a ping is due. Cancel-safe.
    pub(super) async fn ping_due(&self) {
        self.due.notified().await;
    }

    /// Makes pings due, and returns when the dashboard is silent. It does not depend on whether pings can be written: a dashboard that
    /// reads nothing answers none either.
    pub(super) async fn silence(&self) {
        let mut ticks = interval_at(Instant::now() + self.interval, self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if self.is_silent() {
                // After a pause of the whole machine the pong may have come and not been read yet.
                yield_now().await;
                if self.is_silent() {
                    return;
                }
            }
            self.unanswered.fetch_add(1, Ordering::Relaxed);
            self.due.notify_one();
        }
    }

    fn is_silent(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) >= MAX_UNANSWERED
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::time::sleep;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(30);
    /// The time from a ping to its pong.
    const ANSWER: Duration = Duration::from_secs(1);

    /// The seconds at which pings were due and at which the dashboard was silent, if it answers the pings that `answers` chooses.
    async fn course(answers: impl Fn(usize) -> bool, limit: Duration) -> (Vec<u64>, Option<u64>) {
        let (keepalive, begun, pings) = (Keepalive::new(INTERVAL), Instant::now(), Mutex::new(Vec::new()));
        let dashboard = async {
            for number in 1.. {
                keepalive.ping_due().await;
                pings.lock().unwrap().push(begun.elapsed().as_secs());
                if answers(number) {
                    sleep(ANSWER).await;
                    keepalive.pong();
                }
            }
        };
        let silent = tokio::select! {
            () = dashboard => None,
            () = keepalive.silence() => Some(begun.elapsed().as_secs()),
            () = sleep(limit) => None,
        };
        (pings.into_inner().unwrap(), silent)
    }

    #[tokio::test(start_paused = true)]
    async fn a_missed_ping_is_followed_by_another_and_the_end_by_none() {
        assert_eq!(course(|_| false, INTERVAL * 10).await, (vec![30, 60], Some(90)));
        assert_eq!(course(|number| number == 1, INTERVAL * 10).await, (vec![30, 60, 90], Some(120)));
        // The second ping in a row is answered each time.
        let (pings, silent) = course(|number| number % 2 == 0, INTERVAL * 100).await;
        assert!(pings.len() >= 99 && silent.is_none(), "{pings:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_dashboard_that_answers_is_never_silent() {
        let (pings, silent) = course(|_| true, INTERVAL * 1000).await;
        assert!(pings.len() >= 999 && silent.is_none(), "{}", pings.len());
    }

    #[tokio::test(start_paused = true)]
    async fn pings_that_nobody_can_write_count_as_well() {
        let begun = Instant::now();
        Keepalive::new(INTERVAL).silence().await;
        assert_eq!(begun.elapsed(), INTERVAL * 3);
    }
}
