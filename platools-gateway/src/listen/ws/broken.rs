//! Reasons why messages of a socket cannot be read any further.

use tungstenite::Error;
use tungstenite::error::{CapacityError, ProtocolError};

/// The defect of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::listen) enum Broken {
    /// The connection is gone.
    Gone,
    /// A message is larger than the socket reads: so many bytes, if that is known.
    TooLarge(Option<usize>),
    /// A text is none.
    NotUtf8,
    /// It is no WebSocket frame.
    NotWebSocket,
}

impl Broken {
    /// Finds the defect that an error of a socket stands for.
    pub(in crate::listen) fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        match error.downcast_ref() {
            Some(Error::Capacity(CapacityError::MessageTooLong { size, .. })) => Self::TooLarge(Some(*size)),
            Some(Error::Capacity(_)) => Self::TooLarge(None),
            Some(Error::Utf8(_)) => Self::NotUtf8,
            // Most networks end a connection like this.
            Some(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => Self::Gone,
            Some(Error::Protocol(_)) => Self::NotWebSocket,
            _ => Self::Gone,
        }
    }
}
