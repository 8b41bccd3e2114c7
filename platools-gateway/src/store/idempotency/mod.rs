//! [`IdempotencyStore`] in SQL: stores calls under idempotency keys, and their encrypted answers.
//!
//! [`KeyedCallWriter`] collects the writes that wait at the same time, and `batch` has the statements that make all of them together.

mod batch;
mod writer;

use std::time::Duration;

use async_trait::async_trait;

use super::SqlStore;
use super::sql;
use super::usage::Counted;
use crate::domain::error::Error;
use crate::domain::idempotency::{AnswerBounds, EarlierCall, EarlierEnd, KeyedBegin, KeyedCall};
use crate::ports::idempotency::IdempotencyStore;
pub(super) use writer::KeyedCallWriter;

/// Rows that one transaction removes at most, so that other writers have their turn in between.
const BATCH: u32 = 500;

#[async_trait]
impl IdempotencyStore for SqlStore {
    async fn begin_keyed_call(&self, call: &KeyedCall, answer_wait: Duration, limit: i64) -> Result<KeyedBegin, Error> {
        self.keyed_calls.begin(call, answer_wait, limit).await
    }

    async fn earlier_call(&self, id: &str) -> Result<Option<EarlierCall>, Error> {
        let now = self.reads.dialect().now_ms();
        let query = sql::dynamic(format!(
            "SELECT fingerprint, call_id, state, answer, answer_until_ms - {now} AS answer_wait_ms FROM named_calls WHERE id = $1"
        ));
        let row = query.bind(id).fetch_optional(&self.reads).await?;
        Ok(row.map(|row| EarlierCall {
            fingerprint: row.get("fingerprint"),
            call_id: row.get::<String, _>("call_id").into(),
            end: match (row.get::<&str, _>("state"), row.get::<Option<String>, _>("answer")) {
                ("answered", Some(answer)) => EarlierEnd::Answered(answer),
                ("too_large", _) => EarlierEnd::TooLarge,
                ("dropped", _) => EarlierEnd::Dropped,
                _ => EarlierEnd::Begun { answer_wait: milliseconds(row.get("answer_wait_ms")) },
            },
        }))
    }

    async fn end_keyed_call(&self, call: &KeyedCall, answer: Option<&str>, bounds: AnswerBounds) -> Result<(), Error> {
        self.keyed_calls.end(call, answer, bounds).await
    }

    async fn forget_keyed_call(&self, call: &KeyedCall) -> Result<(), Error> {
        self.keyed_calls.forget(call).await
    }

    async fn forget_keyed_calls_before(&self, ms: i64) -> Result<(), Error> {
        let delete = "DELETE FROM named_calls WHERE id IN \
                      (SELECT id FROM named_calls WHERE created_ms < $1 ORDER BY created_ms LIMIT $2) \
                      RETURNING project_id, COALESCE(octet_length(answer), 0) AS bytes";
        self.delete_counted_before(Counted::KeyedCalls, delete, ms, BATCH).await
    }
}

/// A time of zero or more.
fn milliseconds(number: i64) -> Duration {
    Duration::from_millis(u64::try_from(number).unwrap_or(0))
}
