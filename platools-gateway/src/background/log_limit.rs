//! [`LogLimit`]: lets a repeated failure write at most one line of the log in each interval.

use std::time::Duration;

use tokio::time::Instant;

/// The limit of one line in each interval, with the time of the last line.
#[derive(Debug, Default)]
pub(crate) struct LogLimit(Option<Instant>);

impl LogLimit {
    /// Says whether to log a line now, and counts it as logged: true the first time, and once `interval` has passed since the
    /// last line.
    pub(crate) fn admits(&mut self, interval: Duration) -> bool {
        let is_time = self.0.is_none_or(|at| at.elapsed() >= interval);
        if is_time {
            self.0 = Some(Instant::now());
        }
        is_time
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_is_logged_in_each_interval() {
        let mut limit = LogLimit::default();
        let mut admits = || limit.admits(Duration::from_secs(60));
        assert!(admits() && !admits());
        advance(Duration::from_secs(59)).await;
        assert!(!admits(), "a line that was refused does not begin the interval again");
        advance(Duration::from_secs(1)).await;
        assert!(admits() && !admits());
    }
}
