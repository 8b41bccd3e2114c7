//! [`IdempotencyStore`]: the port that stores calls under idempotency keys, and their encrypted answers.

use async_trait::async_trait;

use crate::domain::error::Error;
use crate::domain::idempotency::{AnswerBounds, EarlierCall, KeyedCall};
use crate::domain::ids::CallId;

/// Stores calls under idempotency keys, and their sealed answers.
#[async_trait]
pub(crate) trait IdempotencyStore: std::fmt::Debug + Send + Sync {
    /// Notes that a call is about to run under a key. Returns true if there was room: a project has at most `limit` keys.
    async fn begin_keyed_call(&self, call: &KeyedCall, call_id: &CallId, limit: i64) -> Result<bool, Error>;

    /// The call that ran under a key.
    async fn earlier_call(&self, id: &str) -> Result<Option<EarlierCall>, Error>;

    /// True if an earlier version of the gateway, which did not seal answers, recorded a call under this key.
    async fn is_key_of_earlier_version(&self, owner: &str, key: &str) -> Result<bool, Error>;

    /// Keeps the sealed answer of a call; without one it was too large. The oldest answers make room for it: those of the same
    /// project, and then those of the project that has most.
    async fn end_keyed_call(&self, call: &KeyedCall, answer: Option<&str>, bounds: AnswerBounds) -> Result<(), Error>;

    /// Forgets a call that certainly did not run.
    async fn forget_keyed_call(&self, call: &KeyedCall) -> Result<(), Error>;

    /// Forgets the calls that began before some time.
    async fn forget_keyed_calls_before(&self, ms: i64) -> Result<(), Error>;
}
