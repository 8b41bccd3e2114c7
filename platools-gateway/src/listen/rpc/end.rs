//! Reasons why a connection ends, and their close codes.

use std::fmt;

use axum::extract::ws::close_code;
use platools_protocol::rpc::CLOSE_TOO_SLOW;
use platools_protocol::tool_sync::CLOSE_SECRET_ROTATED;

use crate::connections::Stay;
use crate::listen::ws::{Unread, Unwritten};

/// Reasons why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing more can be read.
    Unread(Unread),
    /// The caller did not connect in time.
    NotConnected,
    /// Nothing more can be written, so that nothing can be said either.
    Unwritten(Unwritten),
    /// The caller reads so slowly that responses do not fit into the queue.
    TooSlow,
    /// The caller's key or token has ended.
    CredentialEnded,
    /// The gateway stops.
    ShuttingDown,
}

impl End {
    /// The code and the reason that the caller is told, if it can be told.
    pub(super) fn close(self) -> Option<(u16, String)> {
        let (code, reason) = match self {
            Self::Unread(Unread::TooLarge(too_large)) => return Some((close_code::SIZE, too_large.to_string())),
            Self::Unread(unread) => unread.close()?,
            Self::Unwritten(_) => return None,
            Self::NotConnected => (close_code::POLICY, "no `connect` within 10 seconds"),
            Self::TooSlow => (CLOSE_TOO_SLOW, "too many responses wait"),
            Self::CredentialEnded => (CLOSE_SECRET_ROTATED, "the key or token has ended"),
            Self::ShuttingDown => (close_code::AWAY, "the gateway is shutting down"),
        };
        Some((code, reason.to_owned()))
    }

    /// True if waiting messages are sent before the close.
    pub(super) fn is_orderly(self) -> bool {
        self != Self::TooSlow
    }

    /// The end of the connection of a caller that may not stay.
    pub(super) fn of(stay: Stay) -> Option<Self> {
        match stay {
            Stay::Unlimited | Stay::ToFinish => None,
            Stay::CredentialEnded => Some(Self::CredentialEnded),
            Stay::ShuttingDown => Some(Self::ShuttingDown),
        }
    }
}

impl From<Unread> for End {
    fn from(unread: Unread) -> Self {
        Self::Unread(unread)
    }
}

/// The reason for the log, in words.
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread(unread) => unread.fmt(f),
            Self::Unwritten(unwritten) => unwritten.fmt(f),
            end => f.write_str(&end.close().map_or_else(String::new, |(_, reason)| reason)),
        }
    }
}

impl From<Unwritten> for End {
    fn from(unwritten: Unwritten) -> Self {
        Self::Unwritten(unwritten)
    }
}
