//! [`Order`]: a call or a notice that waits to be written to a worker. [`Closing`]: the reason for which the gateway closes a link.

use std::fmt;
use std::time::Duration;

use platools_protocol::tool_sync::Feature;

use crate::domain::ids::CallId;

/// A message to write to a worker.
#[derive(Debug)]
pub enum Order {
    /// A call.
    Call(Delivery),
    /// A notice beside the calls.
    Notice(Notice),
}

/// The reason why the gateway closes a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// A newer connection of the same entity and environment took its place.
    Superseded,
    /// The secret it was opened with is no longer valid.
    SecretRotated,
    /// The gateway is stopping.
    ShuttingDown,
    /// An admin disconnected the worker.
    Disconnected,
}

/// A notice for a worker, beside its calls.
#[derive(Debug, Clone)]
pub enum Notice {
    /// Cancels a call for which nobody waits any more.
    Cancel {
        /// The call.
        call_id: CallId,
    },
    /// The worker is to connect elsewhere, because the gateway stops or cannot serve it well.
    Drain {
        /// The longest time until the gateway closes the socket. None: until the worker has moved.
        deadline: Option<Duration>,
    },
}

impl Notice {
    /// The extension of the protocol it belongs to.
    pub(super) fn feature(&self) -> Feature {
        match self {
            Self::Cancel { .. } => Feature::Cancel,
            Self::Drain { .. } => Feature::Drain,
        }
    }
}

/// The form in which a worker takes arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArgumentForm {
    /// As their caller wrote them, for workers that verify signatures over the text that they receive.
    AsWritten,
    /// As JavaScript writes them, for workers that parse them first and verify the signature over a text of their own.
    JavaScript,
}

/// A call on its way to a worker.
#[derive(Debug)]
pub struct Delivery {
    /// The call.
    pub call_id: CallId,
    /// The frame to write.
    pub frame: CallFrame,
}

/// The reason for which a link did not take a call. The call certainly did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Too much waits for the link's socket.
    Busy,
    /// The link has ended.
    Ended,
}

/// The text of a signed `tool_call` frame; or of the parts of one, for the gateway that has the socket. `Debug` shows its length only: arguments belong to the caller and the worker.
pub struct CallFrame(String);

impl CallFrame {
    /// The frame with this text.
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// The length of the frame in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.len()
    }

    /// The text of the frame.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }
}

impl fmt::Debug for CallFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallFrame").field("bytes", &self.bytes()).finish()
    }
}
