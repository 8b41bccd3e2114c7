//! [`IdempotencyStore`]: the port that stores calls under idempotency keys, and their encrypted answers.

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::error::Error;
use crate::domain::idempotency::{AnswerBounds, EarlierCall, KeyedBegin, KeyedCall};

/// Stores calls under idempotency keys, and their sealed answers.
#[async_trait]
pub(crate) trait IdempotencyStore: std::fmt::Debug + Send + Sync {
    /// Notes that a call is about to run under a key, unless another call has the key: of several gateways that begin at the same time, one
    /// succeeds. A project has at most `limit` keys. The answer may come within `answer_wait`, which the database's clock measures.
    async fn begin_keyed_call(&self, call: &KeyedCall, answer_wait: Duration, limit: i64) -> Result<KeyedBegin, Error>;

    /// The call that ran under a key.
    async fn earlier_call(&self, id: &str) -> Result<Option<EarlierCall>, Error>;

    /// Keeps the sealed answer of a call; without one it was too large. The oldest answers make room for it: those of the same
    /// project, and then those of the project that has most. The first answer of a call stays.
    async fn end_keyed_call(&self, call: &KeyedCall, answer: Option<&str>, bounds: AnswerBounds) -> Result<(), Error>;

    /// Forgets a call that certainly did not run. Another call that began under the key since then stays.
    async fn forget_keyed_call(&self, call: &KeyedCall) -> Result<(), Error>;

    /// Forgets the calls that began before some time.
    async fn forget_keyed_calls_before(&self, ms: i64) -> Result<(), Error>;
}
