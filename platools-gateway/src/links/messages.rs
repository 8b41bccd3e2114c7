//! [`Order`]: a call or a notice for the task of a worker's socket. [`Closing`]: the reason to close the link.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use platools_protocol::tool_sync::Feature;

use crate::domain::ids::CallId;

/// The reason why the gateway closes a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// A newer connection of the same entity and environment took its place.
    Superseded,
    /// The secret it was opened with is no longer valid.
    SecretRotated,
    /// The gateway is stopping.
    ShuttingDown,
}

/// A notice for a worker, beside its calls.
#[derive(Debug, Clone)]
pub enum Notice {
    /// Cancels a call for which nobody waits any more.
    Cancel {
        /// The call.
        call_id: CallId,
    },
    /// The gateway is about to close the socket.
    Drain {
        /// The longest time until the gateway closes the socket.
        deadline: Duration,
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
pub struct Delivery {
    /// The call.
    pub call_id: CallId,
    /// The tool to run.
    pub tool_name: String,
    /// A JSON object: arguments and envelopes.
    pub params: SignedParams,
}

/// The `params` of a call inside of its `tool_call` frame, which is written once.
pub struct SignedParams {
    frame: String,
    range: Range<usize>,
}

impl SignedParams {
    /// The params that are at a place of a frame.
    pub(crate) fn in_frame(frame: String, range: Range<usize>) -> Self {
        Self { frame, range }
    }

    /// The text of the params.
    #[must_use]
    pub fn get(&self) -> &str {
        &self.frame[self.range.clone()]
    }

    /// The whole frame.
    #[must_use]
    pub fn into_frame(self) -> String {
        self.frame
    }
}

/// The length only: arguments belong to the caller and the worker.
impl fmt::Debug for SignedParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedParams").field("bytes", &self.range.len()).finish()
    }
}

/// The length only: arguments belong to the caller and the worker.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("call_id", &self.call_id)
            .field("tool_name", &self.tool_name)
            .field("params_bytes", &self.params.get().len())
            .finish()
    }
}

/// A message to write to a worker.
#[derive(Debug)]
pub enum Order {
    /// A call.
    Call(Delivery),
    /// Something beside its calls.
    Notice(Notice),
}
