//! What callers over the gateway RPC protocol may ask for, and how long they may take.

use std::num::NonZeroU32;

use anyhow::ensure;
use clap::Args;
use platools_gateway::{AnonymousAccess, RpcSettings};
use serde::{Deserialize, Serialize};

use super::SHORTEST_PATIENCE;
use super::size::Size;
use super::span::Span;

/// What was said of callers over the gateway RPC protocol.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GivenRpc {
    /// Longest message of a caller at /ws. Default: 512KiB.
    #[arg(long = "rpc-max-message", value_name = "SIZE", env = "PLATOOLS_GATEWAY_RPC_MAX_MESSAGE")]
    max_message: Option<Size>,
    /// How long it is from one ping of a caller at /ws to the next. Default: 30s.
    #[arg(long = "rpc-ping-interval", value_name = "TIME", env = "PLATOOLS_GATEWAY_RPC_PING_INTERVAL")]
    ping_interval: Option<Span>,
    /// How long a caller at /ws may send neither a message nor a pong. Default: 1m.
    #[arg(long = "rpc-read-deadline", value_name = "TIME", env = "PLATOOLS_GATEWAY_RPC_READ_DEADLINE")]
    read_deadline: Option<Span>,
    /// How long a caller at /ws may take for one message. Default: 10s.
    #[arg(long = "rpc-write-deadline", value_name = "TIME", env = "PLATOOLS_GATEWAY_RPC_WRITE_DEADLINE")]
    write_deadline: Option<Span>,
    /// How many messages wait for a slow caller at /ws before events are dropped. Default: 256.
    #[arg(long = "rpc-waiting-messages", value_name = "NUMBER", env = "PLATOOLS_GATEWAY_RPC_WAITING_MESSAGES")]
    waiting_messages: Option<NonZeroU32>,
    /// How long the messages that wait for a slow caller at /ws may be in all. Default: 16MiB.
    #[arg(long = "rpc-waiting-bytes", value_name = "SIZE", env = "PLATOOLS_GATEWAY_RPC_WAITING_BYTES")]
    waiting_bytes: Option<Size>,
    /// How many requests of one connection at /ws are under way at once. Default: 256.
    #[arg(long = "rpc-requests-in-flight", value_name = "NUMBER", env = "PLATOOLS_GATEWAY_RPC_REQUESTS_IN_FLIGHT")]
    requests_in_flight: Option<NonZeroU32>,
    /// What callers at /ws without a valid key or token may see: `none` (they are refused), `empty` lists, or the `catalogue` of
    /// the default project. Default: empty.
    #[arg(long = "rpc-anonymous", value_name = "WHAT", env = "PLATOOLS_GATEWAY_RPC_ANONYMOUS", value_parser = anonymous)]
    anonymous: Option<AnonymousAccess>,
    /// Let viewers at /ws with a valid key or token read the history of the conversations that they see. Default: false.
    #[arg(long = "rpc-viewers-read-history", value_name = "BOOL", env = "PLATOOLS_GATEWAY_RPC_VIEWERS_READ_HISTORY")]
    viewers_read_history: Option<bool>,
}

fn anonymous(name: &str) -> Result<AnonymousAccess, &'static str> {
    AnonymousAccess::from_name(name).ok_or("it takes none, empty or catalogue")
}

/// What callers over the gateway RPC protocol may ask for, and how long they may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Rpc {
    /// Longest message. Default: 512 KiB.
    max_message: Size,
    /// How long it is from one ping to the next. Default: 30 seconds.
    ping_interval: Span,
    /// How long a caller may send neither a message nor a pong. Default: 60 seconds.
    read_deadline: Span,
    /// How long a caller may take for one message. Default: 10 seconds.
    write_deadline: Span,
    /// How many messages wait for a slow caller before events are dropped. Default: 256.
    waiting_messages: NonZeroU32,
    /// How long the messages that wait for a slow caller may be in all. Default: 16 MiB.
    waiting_bytes: Size,
    /// How many requests of one connection are under way at once. Default: 256.
    requests_in_flight: NonZeroU32,
    /// What callers without a valid key or token may see. Default: empty lists.
    anonymous: AnonymousAccess,
    /// Lets viewers with a valid key or token read the history of the conversations that they see. Default: no.
    viewers_read_history: bool,
}

impl Default for Rpc {
    fn default() -> Self {
        let many = NonZeroU32::new(256).expect("a default is not zero");
        Self {
            max_message: Size::bytes(512 * 1024),
            ping_interval: Span::from_secs(30),
            read_deadline: Span::from_secs(60),
            write_deadline: Span::from_secs(10),
            waiting_messages: many,
            waiting_bytes: Size::bytes(16 * 1024 * 1024),
            requests_in_flight: many,
            anonymous: AnonymousAccess::default(),
            viewers_read_history: false,
        }
    }
}

impl Rpc {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        for (name, span) in [("ping_interval", self.ping_interval), ("write_deadline", self.write_deadline)] {
            ensure!(span.get() >= SHORTEST_PATIENCE, "`rpc.{name}` is {span}; it takes at least 1s");
        }
        ensure!(
            self.read_deadline.get() > self.ping_interval.get(),
            "`rpc.read_deadline` is {} and `rpc.ping_interval` {}; whoever answers pings needs more time than from one to \
             the next",
            self.read_deadline,
            self.ping_interval
        );
        for (name, size) in [("max_message", self.max_message), ("waiting_bytes", self.waiting_bytes)] {
            ensure!(size.get() >= 1024, "`rpc.{name}` is {size}; it takes at least 1KiB");
        }
        Ok(())
    }

    /// As the gateway takes them.
    pub(crate) fn settings(&self) -> RpcSettings {
        let mut settings = RpcSettings::default();
        settings.max_message_bytes = usize::try_from(self.max_message.get()).unwrap_or(usize::MAX);
        settings.ping_interval = self.ping_interval.get();
        settings.read_deadline = self.read_deadline.get();
        settings.write_deadline = self.write_deadline.get();
        settings.waiting_messages = self.waiting_messages.get() as usize;
        settings.waiting_bytes = usize::try_from(self.waiting_bytes.get()).unwrap_or(usize::MAX);
        settings.anonymous = self.anonymous;
        settings.viewers_read_history = self.viewers_read_history;
        settings.requests_in_flight = self.requests_in_flight.get() as usize;
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_protocol() {
        assert_eq!(Rpc::default().settings(), RpcSettings::default());
    }
}
