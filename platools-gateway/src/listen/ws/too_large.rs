//! `TooLarge`: a message that is larger than the gateway reads.

use std::fmt;

/// A message that is larger than the gateway reads, in words for the log and for its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::listen) struct TooLarge {
    /// Its length, if that is known.
    pub(in crate::listen) bytes: Option<usize>,
    /// The most bytes that a message may have.
    pub(in crate::listen) limit: usize,
}

impl TooLarge {
    /// Logs that the connection ends for the message.
    pub(in crate::listen) fn log_close(self) {
        tracing::warn!(
            message.bytes = self.bytes,
            message.limit = self.limit,
            "message too large; the connection is closed"
        );
    }

    /// Logs that the message was dropped, and that the connection goes on.
    pub(super) fn log_drop(self) {
        tracing::warn!(message.bytes = self.bytes, message.limit = self.limit, "message too large; it was dropped");
    }
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes {
            Some(bytes) => write!(f, "message too large: {bytes} bytes; the limit is {}", self.limit),
            None => write!(f, "message too large: more than {} bytes", self.limit),
        }
    }
}
