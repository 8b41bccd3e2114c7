//! [`KeyedCall`]: the stored record of a call under an idempotency key. [`EarlierEnd`] tells how that call ended, and [`KeyedCallStatus`] is
//! what the gateway knows that makes it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::{CallId, ProjectId};

/// A call under an idempotency key, as it is found again.
#[derive(Debug, Clone)]
pub(crate) struct KeyedCall {
    /// Derived from the owner and the key.
    pub(crate) id: String,
    pub(crate) project: ProjectId,
    /// The fingerprint of the request.
    pub(crate) fingerprint: String,
    /// The call. A repeat after a call that did not run is another one.
    pub(crate) call_id: CallId,
}

/// The outcome of the begin of a call under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyedBegin {
    /// The key is this call's.
    Begun,
    /// Another call has the key.
    Taken,
    /// The project has as many keys as it may have.
    TooManyKeys,
}

/// A call that ran, or may have, under a key.
#[derive(Debug)]
pub(crate) struct EarlierCall {
    pub(crate) fingerprint: String,
    pub(crate) call_id: CallId,
    pub(crate) end: EarlierEnd,
}

/// The end of an earlier call, as far as it is stored.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum EarlierEnd {
    /// None is stored. It may still come within this time; if that is zero, nothing is known of the call's end.
    Begun { answer_wait: Duration },
    /// The sealed answer.
    Answered(String),
    /// The answer was too large to be kept.
    TooLarge,
    /// The answer made room for newer ones.
    Dropped,
}

/// The room that answers may take, in bytes as they are stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnswerBounds {
    pub(crate) project: i64,
    pub(crate) total: i64,
}

/// A call under a key, as the gateway that makes it knows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyedCallStatus {
    /// The call ended.
    Ended {
        /// The answer, sealed like a stored one.
        sealed: String,
        /// The wait before the same call may succeed, in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// The call is still under way.
    Running,
    /// The gateway makes no such call.
    NotHere,
}

/// The sort of status only: an answer is its caller's.
impl fmt::Debug for KeyedCallStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ended { .. } => "Ended",
            Self::Running => "Running",
            Self::NotHere => "NotHere",
        })
    }
}
