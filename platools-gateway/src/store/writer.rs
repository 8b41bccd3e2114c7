//! [`Writer`]: begins the transactions that change the database.
//!
//! Transactions take turns in the order in which they ask: all of them on SQLite, those with the same [`WriteLock`] on PostgreSQL. That
//! holds between processes, too: an administrative command writes beside a gateway that runs.

use std::fmt;

#[cfg(feature = "postgres")]
use super::sql;
use super::sql::{Pool, SqlConnection, Transaction};

/// The connections that write. Of SQLite there is one: the queue for it is in the order of arrival.
#[derive(Clone)]
pub(in crate::store) struct Writer {
    connections: Pool,
}

impl Writer {
    /// A writer that connects at the first write.
    pub(in crate::store) fn new(connections: Pool) -> Self {
        Self { connections }
    }

    /// The connections, for a statement that is a transaction of its own.
    pub(in crate::store) fn connections(&self) -> &Pool {
        &self.connections
    }

    /// Begins a transaction, when it is its turn. It has its lock from the start, so that no other writes what the lock is for between its
    /// reads and its writes.
    pub(in crate::store) async fn begin(&self, lock: WriteLock) -> Result<Transaction, sqlx::Error> {
        lock.begin(&self.connections).await
    }

    /// Writes no more, and waits until the last transaction has ended.
    pub(in crate::store) async fn close(&self) {
        self.connections.close().await;
    }
}

/// The data that a transaction decides about. Transactions with the same lock take turns, so that what one has read is still so when it
/// writes: a limit, the next position, the last key of an admin. A transaction that changes several kinds of data, also by a cascade, has
/// all of their locks, and takes them in the order of this enum. Two transactions never wait for each other then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum WriteLock {
    Directory = 1,
    Tools,
    Calls,
    KeyedCalls,
    Conversations,
    Channels,
    Audit,
    RetentionClock,
}

/// The first of the two numbers of every lock, so that other programs on a PostgreSQL database do not take them.
#[cfg(feature = "postgres")]
const LOCKS: i32 = 0x706c_6174;

impl WriteLock {
    async fn begin(self, connections: &Pool) -> Result<Transaction, sqlx::Error> {
        Ok(Transaction(match connections {
            Pool::Sqlite(pool) => SqlConnection::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => {
                // One round trip.
                let begin = format!("BEGIN; {}", self.statement());
                SqlConnection::Postgres(pool.begin_with(sqlx::AssertSqlSafe(begin)).await?)
            }
        }))
    }

    /// Takes further locks for a transaction. They are in order, and behind the lock that it began with.
    pub(in crate::store) async fn take_further(
        connection: &mut SqlConnection,
        further: &[Self],
    ) -> Result<(), sqlx::Error> {
        debug_assert!(further.is_sorted(), "the order is the same everywhere: {further:?}");
        for lock in further {
            lock.take(connection).await?;
        }
        Ok(())
    }

    async fn take(self, connection: &mut SqlConnection) -> Result<(), sqlx::Error> {
        match connection {
            SqlConnection::Sqlite(_) => Ok(()),
            #[cfg(feature = "postgres")]
            SqlConnection::Postgres(_) => sql::dynamic(self.statement()).execute(connection).await.map(drop),
        }
    }

    /// Takes the lock until the transaction ends.
    #[cfg(feature = "postgres")]
    fn statement(self) -> String {
        format!("SELECT pg_advisory_xact_lock({LOCKS}, {})", self as u8)
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}
