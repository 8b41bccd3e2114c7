//! [`ReadError`]: the reason why the gateway can read no more messages from a WebSocket.

use std::fmt;

use axum::extract::ws::close_code;
use tungstenite::Error;
use tungstenite::error::{CapacityError, ProtocolError};

use super::End;

/// The reason why nothing more can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::listen) enum ReadError {
    /// The peer closed the connection, or the network did.
    Closed,
    /// Nothing came for too long.
    Idle,
    /// A message is larger than the socket reads.
    TooLarge(MessageTooLarge),
    /// A text is not UTF-8.
    InvalidUtf8,
    /// The bytes are no WebSocket frame.
    Protocol,
}

impl ReadError {
    /// Reads the error of a socket that takes messages of so many bytes.
    pub(in crate::listen) fn of(error: axum::Error, limit: usize) -> Self {
        let error = error.into_inner();
        let read_error = match error.downcast_ref() {
            Some(Error::Capacity(CapacityError::MessageTooLong { size, .. })) => {
                MessageTooLarge { bytes: Some(*size), limit }.into()
            }
            Some(Error::Capacity(_)) => MessageTooLarge { bytes: None, limit }.into(),
            Some(Error::Utf8(_)) => Self::InvalidUtf8,
            // Most networks end a connection like this.
            Some(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => Self::Closed,
            Some(Error::Protocol(_)) => Self::Protocol,
            _ => Self::Closed,
        };
        if matches!(read_error, Self::InvalidUtf8 | Self::Protocol) {
            // Once for each connection, which ends with it.
            tracing::warn!(%error, "messages of a socket not read");
        }
        read_error
    }
}

impl From<MessageTooLarge> for ReadError {
    fn from(too_large: MessageTooLarge) -> Self {
        Self::TooLarge(too_large)
    }
}

/// The close code and reason of protocols that have none of their own.
impl From<ReadError> for End {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Closed => Self::GONE,
            ReadError::Idle => Self::close(close_code::POLICY, "no message and no pong"),
            ReadError::TooLarge(_) => Self::close(close_code::SIZE, "the message is too large"),
            ReadError::InvalidUtf8 => Self::close(close_code::INVALID, "not UTF-8"),
            ReadError::Protocol => Self::close(close_code::PROTOCOL, "not a WebSocket frame"),
        }
    }
}

/// A message that is larger than the gateway reads, in words for the log and for its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::listen) struct MessageTooLarge {
    /// Its length, if that is known.
    pub(in crate::listen) bytes: Option<usize>,
    /// The most bytes that a message may have.
    pub(in crate::listen) limit: usize,
}

impl MessageTooLarge {
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

impl fmt::Display for MessageTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes {
            Some(bytes) => write!(f, "message too large: {bytes} bytes; the limit is {}", self.limit),
            None => write!(f, "message too large: more than {} bytes", self.limit),
        }
    }
}
