//! [`AgingStore`] on SQLite: the last time of the clock for deletion by age.

use async_trait::async_trait;

use super::SqliteStore;
use crate::domain::error::Error;
use crate::ports::aging::AgingStore;

#[async_trait]
impl AgingStore for SqliteStore {
    async fn aging_ms(&self) -> Result<Option<i64>, Error> {
        let sql = "SELECT COALESCE((SELECT MAX(ms) FROM aging), (SELECT MAX(started_ms) FROM calls))";
        Ok(sqlx::query_scalar(sql).fetch_one(&self.reads).await?)
    }

    async fn set_aging_ms(&self, ms: i64) -> Result<(), Error> {
        let mut transaction = self.writes.begin().await?;
        sqlx::query("DELETE FROM aging").execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO aging (ms) VALUES ($1)").bind(ms).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }
}
