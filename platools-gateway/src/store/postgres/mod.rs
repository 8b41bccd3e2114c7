//! The PostgreSQL side of the store: its connections, and the version of its schema.
//!
//! [`SqlStore::connect`] opens a database, and makes its tables if there are none.

mod connections;
mod copy;
mod lock;
mod schema;
#[cfg(test)]
#[cfg(feature = "postgres-tests")]
pub(super) mod tests;

use std::sync::Arc;

use super::SqlStore;
use super::idempotency::KeyedCallWriter;
use super::list_connections::Lists;
use super::sql::Pool;
use super::writer::Writer;
use crate::background::tasks::Tasks;
use crate::domain::database::{PostgresServer, UpgradedDatabase};
use crate::domain::error::Error;
use crate::domain::ids::GatewayNumber;
use connections::Connections;
pub(crate) use copy::copy_to_database;
pub(crate) use lock::{DatabaseLock, lock_database};

impl SqlStore {
    /// Opens a database, and makes its tables if there are none. It takes no [`DatabaseLock`]. The data must have this program's version:
    /// [`upgrade`] brings it up.
    pub(crate) async fn connect(server: &PostgresServer) -> Result<Self, Error> {
        let is_made = schema::make(server).await?;
        Ok(Self::over(server, is_made))
    }

    /// Opens a database that a gateway has made.
    pub(crate) async fn connect_existing(server: &PostgresServer) -> Result<Self, Error> {
        schema::check(server).await?;
        Ok(Self::over(server, false))
    }

    fn over(server: &PostgresServer, is_made: bool) -> Self {
        let Connections { reads, writes, lists } = Connections::new(server);
        let (tasks, writes) = (Tasks::default(), Writer::new(Pool::Postgres(writes)));
        Self {
            reads: Pool::Postgres(reads),
            keyed_calls: KeyedCallWriter::new(writes.clone(), &tasks),
            writes,
            lists: Lists::new(Pool::Postgres(lists)),
            tasks,
            is_made,
            anchor: Arc::default(),
            recorded: None,
            upkeep: Arc::default(),
        }
    }
}

/// Brings a database up to this program's version, if it has an earlier one. No gateway may run on it.
pub(crate) async fn upgrade(server: &PostgresServer) -> Result<Option<UpgradedDatabase>, Error> {
    let _lock = lock_database(server, GatewayNumber::ALONE).await?;
    schema::upgrade(server).await
}
