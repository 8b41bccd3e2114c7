//! [`SigningKeyStore`] in SQL: stores the id of the signing key in use. It also reads and erases keys that earlier versions kept in the
//! database.

use async_trait::async_trait;
use sqlx::{Connection as _, SqlitePool};

use super::change_log::ChangedRows;
use crate::domain::error::Error;
use crate::ports::directory::SigningKeyStore;
use crate::store::SqlStore;
use crate::store::sql::{self, Pool};

#[async_trait]
impl SigningKeyStore for SqlStore {
    async fn stored_signing_key(&self) -> Result<Option<String>, Error> {
        let row = sql::query("SELECT key FROM signing_keys WHERE id = 'current'").fetch_optional(&self.reads).await?;
        Ok(row.map(|row| row.get("key")))
    }

    async fn erase_stored_signing_keys(&self) -> Result<(), Error> {
        match self.writes.connections() {
            Pool::Sqlite(pool) => Ok(erase(pool).await?),
            // Unlike deleted rows, the pages of a truncated table are gone with the commit.
            #[cfg(feature = "postgres")]
            Pool::Postgres(_) => {
                sql::query("TRUNCATE signing_keys").execute(self.writes.connections()).await?;
                Ok(())
            }
        }
    }

    async fn signing_key_in_use(&self) -> Result<Option<String>, Error> {
        let row = sql::query("SELECT signed_by FROM signing_key_in_use").fetch_optional(&self.reads).await?;
        Ok(row.map(|row| row.get("signed_by")))
    }

    async fn note_signing_key(&self, id: &str) -> Result<(), Error> {
        let mut change = self.change_directory(ChangedRows::Signing).await?;
        sql::query(
            "INSERT INTO signing_key_in_use (one, signed_by) VALUES (1, $1) \
             ON CONFLICT (one) DO UPDATE SET signed_by = excluded.signed_by",
        )
        .bind(id)
        .execute(&mut *change)
        .await?;
        change.commit().await?;
        Ok(())
    }
}

/// Removes the keys from the file, and from SQLite's log.
async fn erase(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    // A connection of its own, because the others are faster without overwriting what they remove.
    let mut connection = pool.acquire().await?.detach();
    sql::query("PRAGMA secure_delete = ON").execute(&mut connection).await?;
    sql::query("DELETE FROM signing_keys").execute(&mut connection).await?;
    // The write-ahead log still has the old page. While a reader is active, a later checkpoint removes it.
    if let Err(error) = sql::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await {
        tracing::warn!(%error, "write-ahead log of the database not emptied; the signing key of an earlier version may still be in it");
    }
    connection.close().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::store::Storage as _;

    #[tokio::test]
    async fn a_key_that_was_erased_is_in_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::open(folder.path()).await.unwrap();
        let key = "0123456789abcdef".repeat(4);
        sql::query("INSERT INTO signing_keys (id, key, created_ms) VALUES ('current', $1, 0)")
            .bind(&key)
            .execute(store.writes.connections())
            .await
            .unwrap();
        assert_eq!(store.stored_signing_key().await.unwrap().as_deref(), Some(&*key));
        store.erase_stored_signing_keys().await.unwrap();
        assert_eq!(store.stored_signing_key().await.unwrap(), None);
        for entry in folder.path().read_dir().unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(key.len()).any(|window| window == key.as_bytes()), "{}", path.display());
        }
        store.close().await;
    }
}
