//! Settings of the feed.

use std::time::Duration;

/// Settings of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedSettings {
    /// The time from one ping to the next. A dashboard is closed when two pings in a row had no pong, each for this time. Default: 30
    /// seconds.
    pub ping_interval: Duration,
    /// The time that keyed values are gathered before they are sent as one message. Default: 100 milliseconds.
    pub tick: Duration,
    /// The longest time for a snapshot; after it the dashboard is told that there is none. Default: 10 seconds.
    pub snapshot_limit: Duration,
    /// A message of a dashboard has at most so many bytes; over a larger one its connection is closed with 1009. Default: 64 KiB.
    pub max_message_bytes: usize,
    /// The number of events that wait for a slow dashboard. With more, they are dropped, and it gets a fresh snapshot as soon as it
    /// reads again. Default: 256.
    pub waiting_events: usize,
    /// The values of so many keys wait for a slow dashboard. When there are more, it is the same. Default: 16,384.
    pub waiting_keys: usize,
    /// The bytes of events, and of values, that wait for a slow dashboard. With more, it is the same. Default:
    /// 4 MiB.
    pub waiting_bytes: usize,
}

impl Default for FeedSettings {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(30),
            tick: Duration::from_millis(100),
            snapshot_limit: Duration::from_secs(10),
            max_message_bytes: 64 * 1024,
            waiting_events: 256,
            waiting_keys: 16_384,
            waiting_bytes: 4 * 1024 * 1024,
        }
    }
}
