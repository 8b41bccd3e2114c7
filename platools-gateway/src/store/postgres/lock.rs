//! [`DatabaseLock`]: keeps a second gateway off a PostgreSQL database.
//!
//! One gateway at a time runs on a database: a worker is connected to one gateway, and calls are not routed between gateways. Administrative
//! commands need no lock.

use std::fmt;
use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::timeout;

use super::connections::connect;
use crate::domain::database::PostgresServer;
use crate::domain::error::{Error, ErrorKind};
use crate::store::failure::storage_error;
use crate::store::sql;

/// The longest time of a check, and of the statements that take the lock again.
const ANSWER: Duration = Duration::from_secs(5);

/// The lock of a gateway that runs. The server releases it when its connection ends: [`DatabaseLock::check`] notices that, and
/// [`DatabaseLock::retake`] takes the lock over a new connection.
pub(crate) struct DatabaseLock {
    server: PostgresServer,
    /// None once it failed.
    connection: Option<PgConnection>,
    backend: Backend,
}

impl DatabaseLock {
    /// Asks the server over the lock's connection, which ends if that fails.
    ///
    /// # Errors
    /// The connection has ended, or the server does not answer. The lock is gone then, or soon will be.
    pub(crate) async fn check(&mut self) -> Result<(), Error> {
        // Back in place only after an answer: a connection with a statement under way is of no use.
        let mut connection = self.connection.take().ok_or_else(unanswered)?;
        timeout(ANSWER, sql::query("SELECT 1 AS one").fetch_one(&mut connection)).await.map_err(|_| unanswered())??;
        self.connection = Some(connection);
        Ok(())
    }

    /// Takes the lock again over a new connection. It does not wait for another gateway.
    ///
    /// # Errors
    /// Another gateway has the lock ([`ErrorKind::Busy`]), or the database failed.
    pub(crate) async fn retake(&mut self) -> Result<(), Error> {
        self.connection = None;
        let mut connection = connect(&self.server).await?;
        self.backend = timeout(ANSWER, retake(&mut connection, self.backend)).await.map_err(|_| unanswered())??;
        self.connection = Some(connection);
        Ok(())
    }

    /// The lock's connection, which stays open as the server sees it.
    #[cfg(test)]
    #[cfg(feature = "postgres-tests")]
    pub(super) fn take_connection(&mut self) -> Option<PgConnection> {
        self.connection.take()
    }
}

impl fmt::Debug for DatabaseLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseLock").finish_non_exhaustive()
    }
}

/// The server's process for a connection. Its number may be used again, so the time of its start is part of it.
#[derive(Debug, Clone, Copy)]
struct Backend {
    number: i64,
    started_us: i64,
}

impl Backend {
    async fn of(connection: &mut PgConnection) -> Result<Self, Error> {
        let own = "SELECT CAST(pid AS BIGINT) AS number, CAST(EXTRACT(EPOCH FROM backend_start) * 1000000 AS BIGINT) AS started_us \
                   FROM pg_stat_activity WHERE pid = pg_backend_pid()";
        let row = sql::query(own).fetch_one(connection).await?;
        Ok(Self { number: row.get("number"), started_us: row.get("started_us") })
    }
}

/// Takes the lock, once a gateway that is stopping has left it.
pub(crate) async fn lock_database(server: &PostgresServer) -> Result<DatabaseLock, Error> {
    let mut connection = connect(server).await?;
    let lock = sql::query("SELECT pg_advisory_lock(hashtext('platools-gateway'))");
    match lock.execute(&mut connection).await.map_err(|error| storage_error(&error)) {
        Ok(_) => {
            let backend = Backend::of(&mut connection).await?;
            Ok(DatabaseLock { server: server.clone(), connection: Some(connection), backend })
        }
        Err(error) if error.wait().is_some() => {
            Err(Error::new(ErrorKind::Busy, "another gateway runs on the database; stop it first"))
        }
        Err(error) => Err(error),
    }
}

/// Takes the lock that another connection of this gateway had. Returns the process of the new connection.
async fn retake(connection: &mut PgConnection, former: Backend) -> Result<Backend, Error> {
    // The server may not know yet that the former connection has ended.
    let end = "SELECT pg_terminate_backend(pid, 3000) AS has_ended FROM pg_stat_activity WHERE pid = CAST($1 AS INTEGER) \
               AND CAST(EXTRACT(EPOCH FROM backend_start) * 1000000 AS BIGINT) = $2";
    let end = sql::query(end).bind(former.number).bind(former.started_us);
    if end.fetch_optional(&mut *connection).await?.is_some_and(|row| !row.get::<bool, _>("has_ended")) {
        return Err(Error::new(ErrorKind::Storage, "the server does not end the former connection of this gateway"));
    }
    let take = sql::query("SELECT pg_try_advisory_lock(hashtext('platools-gateway')) AS is_taken");
    if !take.fetch_one(&mut *connection).await?.get::<bool, _>("is_taken") {
        return Err(Error::new(ErrorKind::Busy, "another gateway has taken the database"));
    }
    Backend::of(connection).await
}

fn unanswered() -> Error {
    Error::new(ErrorKind::Storage, "the connection of the database's lock does not answer")
}
