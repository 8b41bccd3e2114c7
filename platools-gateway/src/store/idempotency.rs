//! What was answered to requests that their callers named.

use sqlx::Row as _;

use super::Store;
use crate::core::clock::now_ms;
use crate::core::error::Error;

/// Whose request it is, and how they named it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RequestName {
    pub(crate) owner: String,
    pub(crate) name: String,
}

/// A request that was made before.
#[derive(Debug)]
pub(crate) struct EarlierRequest {
    pub(crate) fingerprint: String,
    pub(crate) answer: Option<String>,
}

impl Store {
    /// Notes that a request is about to be made, unless it was before: then, what became of it.
    pub(crate) async fn begin_request(
        &self,
        request: &RequestName,
        fingerprint: &str,
    ) -> Result<Option<EarlierRequest>, Error> {
        let (RequestName { owner, name }, fingerprint) = (request.clone(), fingerprint.to_owned());
        let insert = self.writes.share(move |connection| {
            let insert = sqlx::query(
                "INSERT INTO idempotent_calls (owner, name, fingerprint, created_ms) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (owner, name) DO NOTHING",
            );
            let insert = insert.bind(owner.clone()).bind(name.clone()).bind(fingerprint.clone()).bind(now_ms());
            Box::pin(async move { Ok(insert.execute(connection).await?.rows_affected()) })
        });
        match insert.await {
            Ok(begun) if begun > 0 => Ok(None),
            Ok(_) => Ok(Some(self.earlier_request(request).await?.ok_or(sqlx::Error::RowNotFound)?)),
            // What was answered can still be read when the disk is full.
            Err(error) => match self.earlier_request(request).await {
                Ok(Some(earlier)) => Ok(Some(earlier)),
                Ok(None) | Err(_) => Err(error),
            },
        }
    }

    async fn earlier_request(&self, request: &RequestName) -> Result<Option<EarlierRequest>, Error> {
        let row = sqlx::query("SELECT fingerprint, answer FROM idempotent_calls WHERE owner = $1 AND name = $2")
            .bind(&request.owner)
            .bind(&request.name)
            .fetch_optional(&self.reads)
            .await?;
        Ok(row.map(|row| EarlierRequest { fingerprint: row.get("fingerprint"), answer: row.get("answer") }))
    }

    /// Notes the answer to a request.
    pub(crate) async fn end_request(&self, request: &RequestName, answer: &str) -> Result<(), Error> {
        let (RequestName { owner, name }, answer) = (request.clone(), answer.to_owned());
        let update = self.writes.share(move |connection| {
            let update = sqlx::query("UPDATE idempotent_calls SET answer = $3 WHERE owner = $1 AND name = $2");
            let update = update.bind(owner.clone()).bind(name.clone()).bind(answer.clone());
            Box::pin(async move { update.execute(connection).await.map(drop) })
        });
        update.await
    }

    /// Forgets a request, as if it had never been made.
    pub(crate) async fn forget_request(&self, request: &RequestName) -> Result<(), Error> {
        let RequestName { owner, name } = request.clone();
        let delete = self.writes.share(move |connection| {
            let delete = sqlx::query("DELETE FROM idempotent_calls WHERE owner = $1 AND name = $2");
            let delete = delete.bind(owner.clone()).bind(name.clone());
            Box::pin(async move { delete.execute(connection).await.map(drop) })
        });
        delete.await
    }

    /// Forgets the requests that were made before some time.
    pub(crate) async fn forget_requests_before(&self, ms: i64) -> Result<(), Error> {
        sqlx::query("DELETE FROM idempotent_calls WHERE created_ms < $1")
            .bind(ms)
            .execute(self.writes.connection())
            .await?;
        Ok(())
    }
}
