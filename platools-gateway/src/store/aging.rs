//! The time that deletion by age went by last.

use super::Store;
use crate::domain::error::Error;

impl Store {
    /// The time that was noted last, in milliseconds since 1970; before there is one, the begin of the newest call.
    pub(crate) async fn aging_ms(&self) -> Result<Option<i64>, Error> {
        let sql = "SELECT COALESCE((SELECT MAX(ms) FROM aging), (SELECT MAX(started_ms) FROM calls))";
        Ok(sqlx::query_scalar(sql).fetch_one(&self.reads).await?)
    }

    /// Notes a time.
    pub(crate) async fn set_aging_ms(&self, ms: i64) -> Result<(), Error> {
        let mut transaction = self.writes.begin().await?;
        sqlx::query("DELETE FROM aging").execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO aging (ms) VALUES ($1)").bind(ms).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }
}
