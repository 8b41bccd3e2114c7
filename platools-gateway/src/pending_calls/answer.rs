//! [`WorkerAnswer`]: the result or the error with which a worker ends a call. [`Receipt`]: tells the worker's link whether a call waited
//! for that answer.

use std::fmt;

use platools_protocol::ErrorDetails;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The end of a call, as its worker reports it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WorkerAnswer {
    /// The tool returned.
    Returned {
        /// The result.
        result: Box<RawValue>,
        /// The worker's time for the call, in milliseconds.
        latency_ms: u64,
    },
    /// The tool failed.
    Failed {
        /// The reason, for the caller.
        message: String,
        /// The facts that the tool gave beside the message.
        details: Option<Box<ErrorDetails>>,
        /// The stack or the causes, for the operator of the tool; and for the caller, if the tool exposes its errors.
        traceback: Option<Box<str>>,
    },
}

/// Lengths only: results and messages belong to the caller.
impl fmt::Debug for WorkerAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Returned { result, latency_ms } => f
                .debug_struct("Returned")
                .field("result_bytes", &result.get().len())
                .field("latency_ms", latency_ms)
                .finish(),
            Self::Failed { message, .. } => f.debug_struct("Failed").field("message_bytes", &message.len()).finish(),
        }
    }
}

/// The gateway's treatment of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receipt {
    /// The answer ended the call.
    Accepted,
    /// No call waits for the answer: it is a repeat, or came too late.
    NotPending,
    /// The call is another worker's. It still waits.
    Foreign,
}
