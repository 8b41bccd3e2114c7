//! [`RetentionClockStore`] in SQL: stores the time of the retention clock.

use async_trait::async_trait;

use super::SqlStore;
use super::sql;
use super::writer::WriteLock;
use crate::domain::error::Error;
use crate::ports::retention_clock::RetentionClockStore;

#[async_trait]
impl RetentionClockStore for SqlStore {
    async fn retention_ms(&self) -> Result<Option<i64>, Error> {
        let newest = "SELECT COALESCE((SELECT MAX(ms) FROM aging), (SELECT MAX(started_ms) FROM calls)) AS ms";
        Ok(sql::query(newest).fetch_one(&self.reads).await?.get("ms"))
    }

    async fn set_retention_ms(&self, ms: i64) -> Result<(), Error> {
        let mut transaction = self.writes.begin(WriteLock::RetentionClock).await?;
        sql::query("DELETE FROM aging").execute(&mut *transaction).await?;
        sql::query("INSERT INTO aging (ms) VALUES ($1)").bind(ms).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }
}
