//! Reasons why a dashboard's connection ends, and their close codes.

use std::fmt;

use axum::extract::ws::close_code;
use platools_protocol::tool_sync::CLOSE_SECRET_ROTATED;

use crate::connections::Stay;
use crate::feed::WatchEnd;
use crate::listen::ws::{Broken, Unread};

/// Reasons why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing more can be read.
    Unread(Unread),
    /// The network is gone.
    Gone,
    /// Two pings had no pong, each for an interval.
    Silent,
    /// A newer connection watches the agent.
    Displaced,
    /// There is no such agent that may be watched.
    NoSuchAgent,
    /// The token has ended.
    CredentialEnded,
    /// The gateway stops.
    ShuttingDown,
}

impl End {
    /// The code and the reason that the dashboard is told, if it can be told.
    pub(super) fn close(self) -> Option<(u16, &'static str)> {
        Some(match self {
            Self::Unread(unread) => return unread.close(),
            Self::Gone => return None,
            Self::Silent => (close_code::NORMAL, "Connection timeout"),
            Self::Displaced => (close_code::NORMAL, "New connection established"),
            Self::NoSuchAgent => (close_code::POLICY, "Agent not found"),
            Self::CredentialEnded => (CLOSE_SECRET_ROTATED, "the key or token has ended"),
            Self::ShuttingDown => (close_code::NORMAL, "Server shutdown"),
        })
    }

    /// The end of the connection of a caller that may not stay. A dashboard has nothing to finish when the gateway stops.
    pub(super) fn of(stay: Stay) -> Option<Self> {
        match stay {
            Stay::Unlimited => None,
            Stay::CredentialEnded => Some(Self::CredentialEnded),
            Stay::ToFinish | Stay::ShuttingDown => Some(Self::ShuttingDown),
        }
    }
}

/// The reason for the log, in words.
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread(unread) => unread.fmt(f),
            Self::Gone => Unread::Broken(Broken::Gone).fmt(f),
            end => f.write_str(end.close().map_or("", |(_, reason)| reason)),
        }
    }
}

impl From<WatchEnd> for End {
    fn from(end: WatchEnd) -> Self {
        match end {
            WatchEnd::Displaced => Self::Displaced,
            WatchEnd::NoSuchAgent => Self::NoSuchAgent,
        }
    }
}
