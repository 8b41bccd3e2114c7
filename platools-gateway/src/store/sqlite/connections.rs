//! Functions that open connections to a SQLite file: one that writes, and others for short reads and for lists.

use std::path::Path;
use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Sqlite, SqliteConnection};

use crate::domain::error::Error;
use crate::store::failure::storage_error;
use crate::store::list_connections;
use crate::store::sql::Pool;

/// Connections for short reads.
const READERS: u32 = 3;

/// The longest wait for a free connection.
const ACQUIRE: Duration = Duration::from_secs(5);

/// The longest wait for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

/// The size that the write-ahead log is cut back to once a burst is over, in bytes.
const LOG_BYTES: u32 = 64 * 1024 * 1024;

/// Rows that SQLite looks at per index when it takes statistics, so that this is over in milliseconds at any size.
const ANALYZED_ROWS: u32 = 400;

/// The settings of every connection to a database file.
pub(in crate::store) fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        // An acknowledged write survives a power cut too; writes are rare enough to wait for the disk.
        .synchronous(SqliteSynchronous::Full)
        .pragma("journal_size_limit", LOG_BYTES.to_string())
        .analysis_limit(ANALYZED_ROWS)
        .busy_timeout(BUSY)
}

/// Settings of a connection that makes a database or a copy of one: free pages of the new file can be given back to the file system. Only
/// such a connection says so, because it takes the lock for writing.
pub(in crate::store) fn shrinkable(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.auto_vacuum(SqliteAutoVacuum::Incremental)
}

/// A connection that keeps the files beside the database in place: with its last connection SQLite removes them, and on a full disk there
/// is no room to make them again, so that nothing could even be read.
pub(in crate::store) async fn anchor(options: &SqliteConnectOptions) -> Result<SqliteConnection, sqlx::Error> {
    let mut anchor = SqliteConnection::connect_with(options).await?;
    // Only a connection that has read holds on to those files.
    sqlx::query("SELECT name FROM sqlite_schema LIMIT 1").fetch_optional(&mut anchor).await?;
    Ok(anchor)
}

/// The pool for short reads. It connects at the first one.
pub(in crate::store) fn read_pool(options: SqliteConnectOptions) -> Pool {
    Pool::Sqlite(pool(READERS).connect_lazy_with(read_only(options)))
}

/// The pool for lists.
pub(in crate::store) fn list_pool(options: SqliteConnectOptions) -> Pool {
    Pool::Sqlite(
        pool(list_connections::AT_ONCE).acquire_timeout(list_connections::TURN).connect_lazy_with(read_only(options)),
    )
}

/// The one connection that writes, as a pool: one that failed is replaced.
pub(in crate::store) fn write_pool(options: SqliteConnectOptions) -> Pool {
    Pool::Sqlite(pool(1).connect_lazy_with(options))
}

/// Settings of a connection that refuses to write. Opened for writing nevertheless, because the write-ahead log asks for it.
fn read_only(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.pragma("query_only", "ON")
}

/// A pool of so many connections.
fn pool(connections: u32) -> PoolOptions<Sqlite> {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        // A connection to a file does not go stale.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_release(|connection, _| Box::pin(is_reusable(connection)))
}

/// Returns true if a connection may be used again, because its last transaction is over.
///
/// When the disk is full, SQLite rolls the transaction back itself. The rollback of the driver then fails, and the driver still counts an
/// open transaction. Its next transaction would be a savepoint, which a rollback leaves open: later writes over this connection would be
/// lost when it closes, and no other connection could write.
async fn is_reusable(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // Answered after a rollback that is still on its way.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

/// Opens a database for something that may take long, without a warning that it did.
pub(super) async fn open(options: SqliteConnectOptions) -> Result<SqliteConnection, Error> {
    SqliteConnection::connect_with(&options.disable_statement_logging()).await.map_err(|error| storage_error(&error))
}

/// Closes a database, with an error where that fails.
pub(super) async fn close(connection: SqliteConnection) -> Result<(), Error> {
    connection.close().await.map_err(|error| storage_error(&error))
}
