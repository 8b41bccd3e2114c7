//! [`KeyedCall`]: the stored record of a call under an idempotency key. [`EarlierEnd`] tells how that call ended.

use super::ids::{CallId, ProjectId};

/// A call under an idempotency key, as it is found again.
#[derive(Debug, Clone)]
pub(crate) struct KeyedCall {
    /// Derived from the owner and the key.
    pub(crate) id: String,
    pub(crate) project: ProjectId,
    /// The fingerprint of the request.
    pub(crate) fingerprint: String,
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
    /// None is stored: the gateway ended before the call did.
    Unknown,
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
