//! [`Lists`]: the connections over which long lists are read: few lists at the same time, each with a deadline and, on Linux, a lower
//! priority.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::Sqlite;
use sqlx::pool::PoolConnection;
use tokio::time::{Instant, timeout_at};

use super::failure::{is_interrupted, storage_error};
use super::sql::{Dialect, Pool, Row, Statement};
use crate::domain::error::{Error, ErrorKind};

/// Lists that are read at the same time.
pub(super) const AT_ONCE: u32 = 2;

/// The longest wait for one of the lists before to end.
pub(super) const TURN: Duration = Duration::from_millis(500);

/// The longest a list may take, with the wait for its turn. With the wait for the journal, a list is over within two seconds.
pub(super) const LIMIT: Duration = Duration::from_secs(1);

/// The delay after which a caller may repeat a list that was refused.
const SOON: Duration = Duration::from_secs(1);

/// Instructions of SQLite's machine between two looks at the deadline: a fraction of a millisecond.
const STEPS: i32 = 4096;

/// The niceness of threads that read lists, from 0, which is that of others, to 19.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// The connections that lists are read over.
#[derive(Debug, Clone)]
pub(super) struct Lists {
    connections: Pool,
    limit: Duration,
}

impl Lists {
    /// Lists over these connections. PostgreSQL's have [`LIMIT`] for each statement.
    pub(super) fn new(connections: Pool) -> Self {
        Self { connections, limit: LIMIT }
    }

    /// The kind of SQL.
    pub(super) fn dialect(&self) -> Dialect {
        self.connections.dialect()
    }

    /// Begins a list, when it is its turn.
    ///
    /// # Errors
    /// Too many lists are being read ([`ErrorKind::Overloaded`]), or the database failed.
    pub(super) async fn begin(&self) -> Result<List, Error> {
        let until = Instant::now() + self.limit;
        let connection = match &self.connections {
            Pool::Sqlite(pool) => {
                let mut connection = pool.acquire().await.map_err(|error| refused(&error))?;
                let given_up = Arc::new(AtomicBool::new(false));
                let goes_on = goes_on(Arc::clone(&given_up), until.into_std());
                // The list before may still be ending.
                let handle = timeout_at(until, connection.lock_handle()).await.map_err(|_| too_long())?;
                handle.map_err(|error| storage_error(&error))?.set_progress_handler(STEPS, goes_on);
                ListConnection::Sqlite { connection, given_up }
            }
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => ListConnection::Postgres(pool.acquire().await.map_err(|error| refused(&error))?),
        };
        Ok(List { connection, until })
    }

    /// Waits for the lists that are being read, and reads no more.
    pub(super) async fn close(&self) {
        self.connections.close().await;
    }
}

/// A list that is being read. Its statements are interrupted at its deadline, and those of SQLite when it is dropped.
pub(super) struct List {
    connection: ListConnection,
    until: Instant,
}

enum ListConnection {
    Sqlite {
        connection: PoolConnection<Sqlite>,
        given_up: Arc<AtomicBool>,
    },
    #[cfg(feature = "postgres")]
    Postgres(PoolConnection<sqlx::Postgres>),
}

impl List {
    /// Reads the rows of a statement.
    ///
    /// # Errors
    /// The deadline passed ([`ErrorKind::Overloaded`]), or the database failed.
    pub(super) async fn rows(&mut self, statement: Statement<'_>) -> Result<Vec<Row>, Error> {
        let rows = async {
            match &mut self.connection {
                ListConnection::Sqlite { connection, .. } => statement.fetch_all(&mut **connection).await,
                #[cfg(feature = "postgres")]
                ListConnection::Postgres(connection) => statement.fetch_all(&mut **connection).await,
            }
        };
        // On a busy machine the thread that reads may notice its deadline late.
        let rows = timeout_at(self.until, rows).await.map_err(|_| too_long())?;
        rows.map_err(|error| refused(&error))
    }
}

impl Drop for ListConnection {
    fn drop(&mut self) {
        match self {
            // The statement of a caller that has gone would run on without it.
            Self::Sqlite { given_up, .. } => given_up.store(true, Ordering::Relaxed),
            // PostgreSQL ends it at its deadline.
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => {}
        }
    }
}

/// Decides whether a list may continue. SQLite asks in the thread that reads.
fn goes_on(given_up: Arc<AtomicBool>, until: std::time::Instant) -> impl FnMut() -> bool + Send + 'static {
    let mut is_yielding = false;
    move || {
        if !is_yielding {
            is_yielding = true;
            yield_to_calls();
        }
        !given_up.load(Ordering::Relaxed) && std::time::Instant::now() < until
    }
}

/// Has the kernel prefer other threads to the present one, so that calls do not wait for a processor that reads lists.
fn yield_to_calls() {
    // A kernel that refuses makes calls slower beside lists, and nothing wrong.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, NICE);
}

fn refused(error: &sqlx::Error) -> Error {
    match error {
        sqlx::Error::PoolTimedOut => overloaded("too many lists are being read at the moment; try again"),
        error if is_interrupted(error) => too_long(),
        error => storage_error(error),
    }
}

fn too_long() -> Error {
    overloaded("the list took too long and was given up; ask for less, such as fewer items, or try again")
}

fn overloaded(message: &str) -> Error {
    Error::new(ErrorKind::Overloaded, message).retry_after(SOON)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tempfile::TempDir;
    use tokio::time::timeout;

    use super::super::sql::query;
    use super::super::sqlite::{list_pool, options};
    use super::*;

    /// Never ends by itself.
    const ENDLESS: &str =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0";

    const LONG: Duration = Duration::from_secs(60);

    fn lists(limit: Duration) -> (TempDir, Lists) {
        let folder = tempfile::tempdir().unwrap();
        let lists = Lists::new(list_pool(options(&folder.path().join("db")).create_if_missing(true)));
        (folder, Lists { limit, ..lists })
    }

    async fn is_free(lists: &Lists) {
        let mut list = timeout(LONG, lists.begin()).await.unwrap().unwrap();
        timeout(LONG, list.rows(query("SELECT 1"))).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_list_that_takes_too_long_is_interrupted_and_may_be_tried_again() {
        let (_folder, lists) = lists(Duration::from_millis(50));
        let mut list = lists.begin().await.unwrap();
        let refused = timeout(LONG, list.rows(query(ENDLESS))).await.unwrap().unwrap_err();
        assert_eq!((refused.kind(), refused.wait()), (ErrorKind::Overloaded, Some(SOON)));
        assert!(refused.kind().is_retryable());
        drop(list);
        let patient = Lists { limit: LONG, ..lists };
        is_free(&patient).await;
    }

    #[tokio::test]
    async fn a_third_list_waits_for_its_turn_and_is_refused_when_that_takes_long() {
        let (_folder, lists) = lists(LONG);
        let (first, second) = (lists.begin().await.unwrap(), lists.begin().await.unwrap());
        let refused = timeout(LONG, lists.begin()).await.unwrap().err().unwrap();
        assert_eq!((refused.kind(), refused.wait()), (ErrorKind::Overloaded, Some(SOON)));
        drop(first);
        is_free(&lists).await;
        drop(second);
    }

    #[tokio::test]
    async fn a_list_whose_caller_has_gone_is_interrupted() {
        let (_folder, lists) = lists(LONG);
        for _ in 0..AT_ONCE {
            let mut list = lists.begin().await.unwrap();
            let mut rows = pin!(list.rows(query(ENDLESS)));
            assert!(futures::poll!(&mut rows).is_pending());
        }
        for _ in 0..AT_ONCE {
            is_free(&lists).await;
        }
        timeout(LONG, lists.close()).await.unwrap();
    }
}
