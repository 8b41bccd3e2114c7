//! Why a link ended.

/// Why a link ended.
pub(super) enum End {
    /// The worker closed it, or the network did.
    Gone,
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

impl End {
    pub(super) fn close(code: u16, reason: &'static str) -> Self {
        Self::Close { code, reason }
    }

    pub(super) fn refuse(code: u16, error: impl Into<String>) -> Self {
        Self::Refuse { code, error: error.into() }
    }
}
