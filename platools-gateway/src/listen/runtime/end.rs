//! Reasons why an agent's socket ends, and their close codes.

use std::fmt;

use axum::extract::ws::close_code;
use platools_protocol::rpc::CLOSE_TOO_SLOW;
use platools_protocol::tool_sync::CLOSE_SECRET_ROTATED;

use crate::connections::Stay;
use crate::listen::ws::{Unread, Unwritten};
use crate::sessions::SocketEnd;

/// Reasons why a socket ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::listen) enum End {
    /// Nothing more can be read.
    Unread(Unread),
    /// Nothing more can be written, so that nothing can be said either.
    Unwritten(Unwritten),
    /// The agent's key or token has ended.
    CredentialEnded,
    /// The gateway stops.
    ShuttingDown,
    /// The agent has another socket instead, no session any more, or is too slow.
    Ended(SocketEnd),
}

impl End {
    /// The code and the reason that the agent is told, if it can be told.
    pub(super) fn close(self) -> Option<(u16, &'static str)> {
        Some(match self {
            Self::Unread(unread) => return unread.close(),
            Self::Unwritten(_) => return None,
            Self::CredentialEnded => (CLOSE_SECRET_ROTATED, "the key or token has ended"),
            Self::ShuttingDown => (close_code::AWAY, "the gateway is shutting down"),
            Self::Ended(SocketEnd::TooSlow) => (CLOSE_TOO_SLOW, "too many events wait"),
            Self::Ended(SocketEnd::Replaced) => {
                (close_code::POLICY, "the agent has opened another socket, and has three at most")
            }
            Self::Ended(SocketEnd::SessionTimedOut) => {
                (close_code::POLICY, "the session went without a heartbeat for too long; connect again")
            }
            Self::Ended(SocketEnd::Disconnected) => (close_code::NORMAL, "the agent has disconnected"),
        })
    }

    /// The end of the socket of an agent that may not stay. It has nothing running that could be finished.
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
            Self::Unwritten(unwritten) => unwritten.fmt(f),
            end => f.write_str(end.close().map_or("", |(_, reason)| reason)),
        }
    }
}

impl From<Unwritten> for End {
    fn from(unwritten: Unwritten) -> Self {
        Self::Unwritten(unwritten)
    }
}
