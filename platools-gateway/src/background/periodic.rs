//! [`every`]: repeats a job of the gateway at an interval, such as the deletion of old rows.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

/// Repeats some work, first at once. The next run begins a whole period after the last one ended at the earliest, so slow work
/// never piles up. Never returns.
pub(crate) async fn every<W, F>(period: Duration, mut work: W)
where
    W: FnMut() -> F,
    F: Future<Output = ()>,
{
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        work().await;
    }
}
