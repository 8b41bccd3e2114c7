//! How agents with sessions are served.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use platools_gateway::RuntimeSettings;
use serde::{Deserialize, Serialize};

use super::SHORTEST_PATIENCE;
use super::size::Size;
use super::span::Span;

/// Less than agents need to come back to a channel.
const SHORTEST_IDLE: Duration = Duration::from_secs(60);

/// What was said of agents with sessions.
///
/// Their ids begin with `runtime_`, because other settings have the same names.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GivenRuntime {
    /// A session of an agent without a heartbeat for so long is ended. Default: 2m.
    #[arg(
        id = "runtime_session_timeout",
        long = "runtime-session-timeout",
        value_name = "TIME",
        env = "PLATOOLS_GATEWAY_RUNTIME_SESSION_TIMEOUT"
    )]
    session_timeout: Option<Span>,
    /// How long a ticket for a socket at /ws/runtime is good. Default: 1m.
    #[arg(
        id = "runtime_ticket_lifetime",
        long = "runtime-ticket-lifetime",
        value_name = "TIME",
        env = "PLATOOLS_GATEWAY_RUNTIME_TICKET_LIFETIME"
    )]
    ticket_lifetime: Option<Span>,
    /// Longest frame of an agent at /ws/runtime. Default: 256KiB.
    #[arg(
        id = "runtime_max_frame",
        long = "runtime-max-frame",
        value_name = "SIZE",
        env = "PLATOOLS_GATEWAY_RUNTIME_MAX_FRAME"
    )]
    max_frame: Option<Size>,
    /// How long it is from one ping of a socket at /ws/runtime to the next. Default: 30s.
    #[arg(
        id = "runtime_ping_interval",
        long = "runtime-ping-interval",
        value_name = "TIME",
        env = "PLATOOLS_GATEWAY_RUNTIME_PING_INTERVAL"
    )]
    ping_interval: Option<Span>,
    /// How long an agent at /ws/runtime may send neither a frame nor a pong. Default: 1m.
    #[arg(
        id = "runtime_read_deadline",
        long = "runtime-read-deadline",
        value_name = "TIME",
        env = "PLATOOLS_GATEWAY_RUNTIME_READ_DEADLINE"
    )]
    read_deadline: Option<Span>,
    /// How long an agent at /ws/runtime may take for one event. Default: 10s.
    #[arg(
        id = "runtime_write_deadline",
        long = "runtime-write-deadline",
        value_name = "TIME",
        env = "PLATOOLS_GATEWAY_RUNTIME_WRITE_DEADLINE"
    )]
    write_deadline: Option<Span>,
    /// How many events wait for a slow agent at /ws/runtime before its socket is closed. Default: 1024.
    #[arg(
        id = "runtime_waiting_events",
        long = "runtime-waiting-events",
        value_name = "NUMBER",
        env = "PLATOOLS_GATEWAY_RUNTIME_WAITING_EVENTS"
    )]
    waiting_events: Option<NonZeroU32>,
    /// How many messages of each channel are kept. Default: 1000.
    #[arg(
        id = "runtime_channel_history",
        long = "runtime-channel-history",
        value_name = "NUMBER",
        env = "PLATOOLS_GATEWAY_RUNTIME_CHANNEL_HISTORY"
    )]
    channel_history: Option<NonZeroU32>,
    /// How much room the messages of one channel may take; further ones take the place of the oldest. Default: 16MiB.
    #[arg(
        id = "runtime_channel_size",
        long = "runtime-channel-size",
        value_name = "SIZE",
        env = "PLATOOLS_GATEWAY_RUNTIME_CHANNEL_SIZE"
    )]
    channel_size: Option<Size>,
    /// How much room the channels of one project may take. Default: 1GiB.
    #[arg(
        id = "runtime_project_size",
        long = "runtime-project-size",
        value_name = "SIZE",
        env = "PLATOOLS_GATEWAY_RUNTIME_PROJECT_SIZE"
    )]
    project_size: Option<Size>,
    /// Channels of one project. Default: 10000.
    #[arg(
        id = "runtime_channels",
        long = "runtime-channels",
        value_name = "NUMBER",
        env = "PLATOOLS_GATEWAY_RUNTIME_CHANNELS"
    )]
    channels: Option<NonZeroU32>,
    /// Channels that one agent has made. Default: 1000.
    #[arg(
        id = "runtime_agent_channels",
        long = "runtime-agent-channels",
        value_name = "NUMBER",
        env = "PLATOOLS_GATEWAY_RUNTIME_AGENT_CHANNELS"
    )]
    agent_channels: Option<NonZeroU32>,
    /// How long nothing happens in a channel without members before it is deleted. Default: 30d.
    #[arg(
        id = "runtime_channel_idle",
        long = "runtime-channel-idle",
        value_name = "TIME",
        env = "PLATOOLS_GATEWAY_RUNTIME_CHANNEL_IDLE"
    )]
    channel_idle: Option<Span>,
}

/// How agents with sessions are served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Runtime {
    /// A session without a heartbeat for so long is ended. Default: 2 minutes.
    session_timeout: Span,
    /// How long a ticket for a socket is good. Default: 1 minute.
    ticket_lifetime: Span,
    /// Longest frame. Default: 256 KiB.
    max_frame: Size,
    /// How long it is from one ping to the next. Default: 30 seconds.
    ping_interval: Span,
    /// How long an agent may send neither a frame nor a pong. Default: 60 seconds.
    read_deadline: Span,
    /// How long an agent may take for one event. Default: 10 seconds.
    write_deadline: Span,
    /// How many events wait for a slow agent before its socket is closed. Default: 1024.
    waiting_events: NonZeroU32,
    /// How many messages of each channel are kept. Default: 1000.
    channel_history: NonZeroU32,
    /// Room of the messages of one channel. Default: 16 MiB.
    channel_size: Size,
    /// Room of the channels of one project. Default: 1 GiB.
    project_size: Size,
    /// Channels of one project. Default: 10,000.
    channels: NonZeroU32,
    /// Channels that one agent has made. Default: 1,000.
    agent_channels: NonZeroU32,
    /// How long nothing happens in a channel without members before it is deleted. Default: 30 days.
    channel_idle: Span,
}

impl Default for Runtime {
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).expect("a default is not zero");
        Self {
            session_timeout: Span::from_secs(120),
            ticket_lifetime: Span::from_secs(60),
            max_frame: Size::bytes(256 * 1024),
            ping_interval: Span::from_secs(30),
            read_deadline: Span::from_secs(60),
            write_deadline: Span::from_secs(10),
            waiting_events: number(1024),
            channel_history: number(1000),
            channel_size: Size::bytes(16 * 1024 * 1024),
            project_size: Size::bytes(1024 * 1024 * 1024),
            channels: number(10_000),
            agent_channels: number(1000),
            channel_idle: Span::from_secs(30 * 24 * 60 * 60),
        }
    }
}

impl Runtime {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let spans = [
            ("session_timeout", self.session_timeout),
            ("ticket_lifetime", self.ticket_lifetime),
            ("ping_interval", self.ping_interval),
            ("write_deadline", self.write_deadline),
        ];
        for (name, span) in spans {
            ensure!(span.get() >= SHORTEST_PATIENCE, "`runtime.{name}` is {span}; it takes at least 1s");
        }
        ensure!(
            self.read_deadline.get() > self.ping_interval.get(),
            "`runtime.read_deadline` is {} and `runtime.ping_interval` {}; whoever answers pings needs more time than from one \
             to the next",
            self.read_deadline,
            self.ping_interval
        );
        ensure!(
            self.channel_idle.get() >= SHORTEST_IDLE,
            "`runtime.channel_idle` is {}; it takes at least 1m",
            self.channel_idle
        );
        ensure!(self.max_frame.get() >= 1024, "`runtime.max_frame` is {}; it takes at least 1KiB", self.max_frame);
        Ok(())
    }

    /// As the gateway takes them.
    pub(crate) fn settings(&self) -> RuntimeSettings {
        let mut settings = RuntimeSettings::default();
        settings.session_timeout = self.session_timeout.get();
        settings.ticket_lifetime = self.ticket_lifetime.get();
        settings.max_frame_bytes = usize::try_from(self.max_frame.get()).unwrap_or(usize::MAX);
        settings.ping_interval = self.ping_interval.get();
        settings.read_deadline = self.read_deadline.get();
        settings.write_deadline = self.write_deadline.get();
        settings.waiting_events = self.waiting_events.get() as usize;
        settings.channel_history = self.channel_history.get();
        settings.max_channel_bytes = self.channel_size.get();
        settings.max_project_bytes = self.project_size.get();
        settings.max_channels = self.channels.get();
        settings.max_channels_of_agent = self.agent_channels.get();
        settings.channel_idle = self.channel_idle.get();
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_protocol() {
        assert_eq!(Runtime::default().settings(), RuntimeSettings::default());
    }

    #[test]
    fn what_would_end_everything_at_once_is_refused() {
        let second = Span::from_secs(1);
        let zero = Span::from_secs(0);
        assert!(Runtime::default().check().is_ok());
        assert!(Runtime { session_timeout: zero, ..Runtime::default() }.check().is_err());
        assert!(Runtime { ticket_lifetime: zero, ..Runtime::default() }.check().is_err());
        assert!(Runtime { read_deadline: second, ping_interval: second, ..Runtime::default() }.check().is_err());
        assert!(Runtime { max_frame: Size::bytes(10), ..Runtime::default() }.check().is_err());
    }
}
