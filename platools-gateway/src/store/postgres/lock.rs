//! [`DatabaseLock`]: keeps a second gateway off a PostgreSQL database.
//!
//! Several gateways could share the tables, but a worker is connected to only one of them, and the others would not find it.

use std::fmt;

use sqlx::PgConnection;

use super::connections::connect;
use crate::domain::database::PostgresServer;
use crate::domain::error::{Error, ErrorKind};
use crate::store::failure::storage_error;
use crate::store::sql;

/// The lock of a gateway that runs. It goes with its connection.
pub(crate) struct DatabaseLock {
    _connection: PgConnection,
}

impl fmt::Debug for DatabaseLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseLock").finish_non_exhaustive()
    }
}

/// Takes the lock, once a gateway that is stopping has left it.
pub(crate) async fn lock_database(server: &PostgresServer) -> Result<DatabaseLock, Error> {
    let mut connection = connect(server).await?;
    let lock = sql::query("SELECT pg_advisory_lock(hashtext('platools-gateway'))");
    match lock.execute(&mut connection).await.map_err(|error| storage_error(&error)) {
        Ok(_) => Ok(DatabaseLock { _connection: connection }),
        Err(error) if error.wait().is_some() => {
            Err(Error::new(ErrorKind::Busy, "another gateway runs on the database; stop it first"))
        }
        Err(error) => Err(error),
    }
}
