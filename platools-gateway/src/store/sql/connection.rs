//! [`Pool`], [`Transaction`] and [`SqlConnection`]: hide whether statements run on SQLite or on PostgreSQL. A pool has connections, and a
//! transaction is made over one of them.

use std::ops::{Deref, DerefMut};

#[cfg(feature = "postgres")]
use sqlx::{PgConnection, PgPool, Postgres};
use sqlx::{Sqlite, SqliteConnection, SqlitePool};

/// The database's kind of SQL, where the two differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Dialect {
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres,
}

impl Dialect {
    /// The present time by the database's clock, in milliseconds since 1970. Gateways whose clocks differ agree on it.
    pub(in crate::store) fn now_ms(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)",
            #[cfg(feature = "postgres")]
            Self::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }
}

/// Connections to the database.
#[derive(Debug, Clone)]
pub(in crate::store) enum Pool {
    Sqlite(SqlitePool),
    #[cfg(feature = "postgres")]
    Postgres(PgPool),
}

impl Pool {
    /// Begins a transaction whose statements all see the data as of one moment.
    pub(in crate::store) async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        Ok(Transaction(match self {
            Self::Sqlite(pool) => SqlConnection::Sqlite(pool.begin().await?),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => {
                SqlConnection::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        }))
    }

    /// The kind of SQL.
    pub(in crate::store) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Closes the connections, and waits for those that are in use.
    pub(in crate::store) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A transaction. Dropped without a commit, it changes nothing.
pub(in crate::store) struct Transaction(pub(in crate::store) SqlConnection);

impl Transaction {
    /// Stores everything that the transaction changed.
    pub(in crate::store) async fn commit(self) -> Result<(), sqlx::Error> {
        match self.0 {
            SqlConnection::Sqlite(transaction) => transaction.commit().await,
            #[cfg(feature = "postgres")]
            SqlConnection::Postgres(transaction) => transaction.commit().await,
        }
    }
}

impl Deref for Transaction {
    type Target = SqlConnection;

    fn deref(&self) -> &SqlConnection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut SqlConnection {
        &mut self.0
    }
}

/// A connection in a transaction.
pub(in crate::store) enum SqlConnection {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl SqlConnection {
    /// The kind of SQL.
    pub(in crate::store) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Dialect::Postgres,
        }
    }
}

/// The place where a statement runs: a connection, or any of a pool.
pub(in crate::store) enum Target<'c> {
    Sqlite(&'c mut SqliteConnection),
    SqlitePool(&'c SqlitePool),
    #[cfg(feature = "postgres")]
    Postgres(&'c mut PgConnection),
    #[cfg(feature = "postgres")]
    PostgresPool(&'c PgPool),
}

impl<'c> From<&'c Pool> for Target<'c> {
    fn from(pool: &'c Pool) -> Self {
        match pool {
            Pool::Sqlite(pool) => Self::SqlitePool(pool),
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => Self::PostgresPool(pool),
        }
    }
}

impl<'c> From<&'c mut SqlConnection> for Target<'c> {
    fn from(connection: &'c mut SqlConnection) -> Self {
        match connection {
            SqlConnection::Sqlite(transaction) => Self::Sqlite(transaction),
            #[cfg(feature = "postgres")]
            SqlConnection::Postgres(transaction) => Self::Postgres(transaction),
        }
    }
}

impl<'c> From<&'c mut SqliteConnection> for Target<'c> {
    fn from(connection: &'c mut SqliteConnection) -> Self {
        Self::Sqlite(connection)
    }
}

#[cfg(feature = "postgres")]
impl<'c> From<&'c mut PgConnection> for Target<'c> {
    fn from(connection: &'c mut PgConnection) -> Self {
        Self::Postgres(connection)
    }
}
