//! How dashboards are served.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use platools_gateway::feed::{FeedSettings, JwtAuth};
use serde::{Deserialize, Serialize};

use super::SHORTEST_PATIENCE;
use super::feed_jwt::{FeedJwt, GivenFeedJwt};
use super::size::Size;
use super::span::Span;

/// Less would be a message for each value.
const SHORTEST_TICK: Duration = Duration::from_millis(1);

/// What was said of dashboards.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GivenFeed {
    /// Time from one ping of a dashboard to the next; after two without a pong, each for this time, it is closed. Default: 30s.
    #[arg(id = "feed-ping-interval", long, value_name = "TIME", env = "PLATOOLS_GATEWAY_FEED_PING_INTERVAL")]
    ping_interval: Option<Span>,
    /// How long values for a dashboard are gathered before they travel as one message. Default: 100ms.
    #[arg(id = "feed-tick", long, value_name = "TIME", env = "PLATOOLS_GATEWAY_FEED_TICK")]
    tick: Option<Span>,
    /// How long a snapshot for a dashboard may take. Default: 10s.
    #[arg(id = "feed-snapshot-limit", long, value_name = "TIME", env = "PLATOOLS_GATEWAY_FEED_SNAPSHOT_LIMIT")]
    snapshot_limit: Option<Span>,
    /// Longest message of a dashboard. Default: 64KiB.
    #[arg(id = "feed-max-message", long, value_name = "SIZE", env = "PLATOOLS_GATEWAY_FEED_MAX_MESSAGE")]
    max_message: Option<Size>,
    /// How many events wait for a slow dashboard before a fresh snapshot takes their place. Default: 256.
    #[arg(id = "feed-waiting-events", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_FEED_WAITING_EVENTS")]
    waiting_events: Option<NonZeroU32>,
    /// The values of how many keys wait for it. Default: 16384.
    #[arg(id = "feed-waiting-keys", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_FEED_WAITING_KEYS")]
    waiting_keys: Option<NonZeroU32>,
    /// How many bytes of events, and of values, wait for it. Default: 4MiB.
    #[arg(id = "feed-waiting-bytes", long, value_name = "SIZE", env = "PLATOOLS_GATEWAY_FEED_WAITING_BYTES")]
    waiting_bytes: Option<Size>,
    #[command(flatten)]
    jwt: GivenFeedJwt,
}

/// How dashboards are served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Feed {
    /// How long it is from one ping to the next. Default: 30 seconds.
    ping_interval: Span,
    /// How long values are gathered before they travel as one message. Default: 100 milliseconds.
    tick: Span,
    /// How long a snapshot may take. Default: 10 seconds.
    snapshot_limit: Span,
    /// Longest message of a dashboard. Default: 64 KiB.
    max_message: Size,
    /// How many events wait for a slow dashboard before a fresh snapshot takes their place. Default: 256.
    waiting_events: NonZeroU32,
    /// The values of how many keys wait for it. Default: 16,384.
    waiting_keys: NonZeroU32,
    /// How many bytes of events, and of values, wait for it. Default: 4 MiB.
    waiting_bytes: Size,
    /// The application's own tokens of dashboards. Default: none are accepted.
    #[serde(skip_serializing_if = "FeedJwt::is_default")]
    jwt: FeedJwt,
}

impl Default for Feed {
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).expect("a default is not zero");
        Self {
            ping_interval: Span::from_secs(30),
            tick: Span::from_millis(100),
            snapshot_limit: Span::from_secs(10),
            max_message: Size::bytes(64 * 1024),
            waiting_events: number(256),
            waiting_keys: number(16_384),
            waiting_bytes: Size::bytes(4 * 1024 * 1024),
            jwt: FeedJwt::default(),
        }
    }
}

impl Feed {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        for (name, span, least) in [
            ("ping_interval", self.ping_interval, SHORTEST_PATIENCE),
            ("snapshot_limit", self.snapshot_limit, SHORTEST_PATIENCE),
            ("tick", self.tick, SHORTEST_TICK),
        ] {
            ensure!(span.get() >= least, "`feed.{name}` is {span}; it takes at least {least:?}");
        }
        ensure!(self.max_message.get() >= 1024, "`feed.max_message` is {}; it takes at least 1KiB", self.max_message);
        self.dashboard_auth().map(drop)
    }

    /// The check of the application's own tokens, if there is a secret for it.
    ///
    /// # Errors
    /// The secret or a name cannot be used, or there is no secret for the other settings.
    pub(crate) fn dashboard_auth(&self) -> anyhow::Result<Option<JwtAuth>> {
        self.jwt.auth()
    }

    /// As the gateway takes them.
    pub(crate) fn settings(&self) -> FeedSettings {
        let bytes = |size: Size| usize::try_from(size.get()).unwrap_or(usize::MAX);
        let mut settings = FeedSettings::default();
        settings.ping_interval = self.ping_interval.get();
        settings.tick = self.tick.get();
        settings.snapshot_limit = self.snapshot_limit.get();
        settings.max_message_bytes = bytes(self.max_message);
        settings.waiting_events = self.waiting_events.get() as usize;
        settings.waiting_keys = self.waiting_keys.get() as usize;
        settings.waiting_bytes = bytes(self.waiting_bytes);
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_library() {
        assert_eq!(Feed::default().settings(), FeedSettings::default());
    }
}
