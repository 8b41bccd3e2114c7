//! Why a link ended.

use std::fmt;

use axum::extract::ws::close_code;

/// Why a link ended.
pub(super) enum End {
    /// The worker closed it, or the network did.
    Gone,
    /// The worker closed it because it stops.
    Stopped,
    /// The gateway closes it.
    Close {
        /// The close code.
        code: u16,
        /// Why, in words.
        reason: &'static str,
    },
    /// The gateway sends an `error` frame and closes it.
    Refuse {
        /// The close code.
        code: u16,
        /// Why, in words.
        error: String,
    },
}

/// The reason for the log, in words.
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("the worker closed the connection, or it broke"),
            Self::Stopped => f.write_str("the worker stopped"),
            Self::Close { code, reason } => write!(f, "{reason} ({code})"),
            Self::Refuse { code, error } => write!(f, "{error} ({code})"),
        }
    }
}

impl End {
    pub(super) fn close(code: u16, reason: &'static str) -> Self {
        Self::Close { code, reason }
    }

    /// Whether the worker sent a frame that is too large.
    pub(super) fn is_for_large_frame(&self) -> bool {
        matches!(self, Self::Close { code: close_code::SIZE, .. })
    }

    pub(super) fn refuse(code: u16, error: impl Into<String>) -> Self {
        Self::Refuse { code, error: error.into() }
    }
}
