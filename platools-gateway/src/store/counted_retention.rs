//! Function of [`SqlStore`] that deletes old rows which [`usage`](super::usage) counts.

use super::SqlStore;
use super::sql;
use super::usage::{Counted, subtract_removed};
use crate::domain::error::Error;

impl SqlStore {
    /// Deletes counted rows by age, `batch` of them in each transaction, so that other writers have their turn in between.
    /// `delete` deletes the `$2` oldest rows of those before `$1`, and returns their `project_id` and `bytes`.
    pub(super) async fn delete_counted_before(
        &self,
        counted: Counted,
        delete: &'static str,
        ms: i64,
        batch: u32,
    ) -> Result<(), Error> {
        loop {
            let mut change = self.writes.begin(counted.lock()).await?;
            let rows = sql::query(delete).bind(ms).bind(batch).fetch_all(&mut *change).await?;
            subtract_removed(&mut change, counted, &rows).await?;
            change.commit().await?;
            if rows.len() < batch as usize {
                return Ok(());
            }
        }
    }
}
