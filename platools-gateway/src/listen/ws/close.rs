//! [`End`]: the reason for which a WebSocket ends. [`Close`]: the code and the reason in the close frame that its peer gets.

use std::borrow::Cow;
use std::fmt;

use axum::extract::ws::{CloseFrame, Utf8Bytes, close_code};
use platools_protocol::tool_sync::CLOSE_SECRET_ROTATED;

use crate::connections::{CallerConnection, ConnectionPhase};

/// The end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::listen) enum End {
    /// The peer closed the connection, the network did, or the peer takes nothing any more. It can be told nothing; the reason is for the log.
    Gone(&'static str),
    /// The gateway closes the connection.
    Close(Close),
    /// The gateway closes the connection because of a mistake of the peer, which the log warns of.
    Refuse(Close),
}

impl End {
    /// The connection is gone.
    pub(in crate::listen) const GONE: Self = Self::Gone("the peer closed the connection, or it broke");

    /// The gateway closes the connection with this code and reason.
    pub(in crate::listen) const fn close(code: u16, reason: &'static str) -> Self {
        Self::Close(Close::new(code, reason))
    }

    /// The close that the peer is told, if it can be told.
    pub(in crate::listen) fn to_close(&self) -> Option<Close> {
        match self {
            Self::Gone(_) => None,
            Self::Close(close) | Self::Refuse(close) => Some(close.clone()),
        }
    }
}

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

/// A socket that breaks while something is written is gone.
impl From<axum::Error> for End {
    fn from(_: axum::Error) -> Self {
        Self::GONE
    }
}

/// The reason for the log, with the close code.
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(reason) => f.write_str(reason),
            Self::Close(Close { code, reason }) | Self::Refuse(Close { code, reason }) => {
                write!(f, "{reason} ({code})")
            }
        }
    }
}

/// A close code with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::listen) struct Close {
    pub(in crate::listen) code: u16,
    pub(in crate::listen) reason: Cow<'static, str>,
}

impl Close {
    /// The key or token that the peer came with has ended.
    pub(in crate::listen) const CREDENTIAL_ENDED: Self = Self::new(CLOSE_SECRET_ROTATED, "the key or token has ended");

    /// The gateway stops.
    pub(in crate::listen) const SHUTTING_DOWN: Self = Self::new(close_code::AWAY, "the gateway is shutting down");

    pub(in crate::listen) const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason: Cow::Borrowed(reason) }
    }

    /// A close whose reason has particulars of the connection.
    pub(in crate::listen) fn because(code: u16, reason: impl Into<String>) -> Self {
        Self { code, reason: Cow::Owned(reason.into()) }
    }

    /// The close frame. Its reason is cut to what fits.
    pub(super) fn into_frame(self) -> CloseFrame {
        let reason = &self.reason[..self.reason.floor_char_boundary(MAX_REASON_BYTES)];
        CloseFrame { code: self.code, reason: Utf8Bytes::from(reason) }
    }
}

/// Bytes of a reason that fit into a close frame beside its code (RFC 6455, section 5.5).
const MAX_REASON_BYTES: usize = 123;

/// Waits until a peer may not stay any longer: its credential has ended, or the stop of the gateway has come as far as `last`, which closes
/// the connection with `shutdown`.
pub(in crate::listen) async fn dismissed(presence: &CallerConnection, last: ConnectionPhase, shutdown: Close) -> End {
    let mut phase = presence.phase();
    // The sender is gone only with the core, and then everybody goes with it.
    match phase.wait_for(|phase| *phase == ConnectionPhase::CredentialEnded || *phase >= last).await.map(|phase| *phase)
    {
        Ok(ConnectionPhase::CredentialEnded) => Close::CREDENTIAL_ENDED.into(),
        Ok(_) => shutdown.into(),
        Err(_) => std::future::pending().await,
    }
}
