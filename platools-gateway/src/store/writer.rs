//! [`Writer`]: begins the transactions that change the database.
//!
//! Transactions take turns in the order in which they ask: all of them on SQLite, those with the same [`WriteLock`] on PostgreSQL. That
//! holds between processes, too: an administrative command writes beside a gateway that runs. Small writes that wait at the same time share
//! one transaction, and with it one wait for the disk.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use super::failure::{is_conflict, storage_error};
#[cfg(any(feature = "postgres", test))]
use super::sql;
use super::sql::{Pool, SqlConnection, Transaction};
use crate::background::tasks::Tasks;
use crate::domain::error::{Error, ErrorKind};

/// Small writes in one transaction, at most.
const GROUP: usize = 128;

/// Small writes that wait for their transaction, at most. Further ones wait for room.
const WAITING: usize = 1024;

/// The connections that write. Of SQLite there is one: the queue for it is in the order of arrival.
#[derive(Clone)]
pub(in crate::store) struct Writer {
    connections: Pool,
    jobs: mpsc::Sender<Box<dyn Job>>,
    /// Ends with the last clone.
    _task: Arc<AbortOnDropHandle<()>>,
}

impl Writer {
    /// A writer that connects at the first write. It needs a tokio runtime.
    pub(in crate::store) fn new(connections: Pool, tasks: &Tasks) -> Self {
        let (jobs, waiting) = mpsc::channel(WAITING);
        // The task's, one run after the other: what waits outlives a run that panics.
        let waiting = Arc::new(AsyncMutex::new(waiting));
        let shared = connections.clone();
        let begin = move || {
            let (connections, waiting) = (shared.clone(), Arc::clone(&waiting));
            async move { run(connections, &mut *waiting.lock().await).await }
        };
        Self { connections, jobs, _task: Arc::new(tasks.keep("small writes", begin)) }
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

    /// Makes a small write of a call under a key, in a transaction that it shares with others. It is stored when this returns.
    ///
    /// `write` may run twice: when another write of the transaction fails, each one is tried again on its own.
    pub(in crate::store) async fn share<T, W>(&self, write: W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: for<'c> Fn(&'c mut SqlConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(SmallWrite { write, output: None, reply });
        self.jobs.send(job).await.map_err(|_| closed())?;
        // The task panicked, or was aborted at the end.
        answer.await.unwrap_or_else(|_| Err(unwritten()))
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
const LOCKS: i64 = 0x706c_6174;

impl WriteLock {
    async fn begin(self, connections: &Pool) -> Result<Transaction, sqlx::Error> {
        Ok(Transaction(match connections {
            Pool::Sqlite(pool) => SqlConnection::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => {
                let mut connection = SqlConnection::Postgres(pool.begin().await?);
                self.take(&mut connection).await?;
                connection
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
            SqlConnection::Postgres(_) => {
                let lock = "SELECT pg_advisory_xact_lock(CAST($1 AS INTEGER), CAST($2 AS INTEGER))";
                sql::query(lock).bind(LOCKS).bind(i64::from(self as u8)).execute(connection).await.map(drop)
            }
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

/// A write that shares its transaction.
trait Job: Send {
    /// Writes, without committing. May be repeated in another transaction.
    fn write<'c>(&'c mut self, connection: &'c mut SqlConnection) -> BoxFuture<'c, Result<(), sqlx::Error>>;

    /// Answers when the transaction has ended.
    fn end(self: Box<Self>, committed: Result<(), Error>);
}

struct SmallWrite<T, W> {
    write: W,
    output: Option<T>,
    reply: oneshot::Sender<Result<T, Error>>,
}

impl<T, W> Job for SmallWrite<T, W>
where
    T: Send + 'static,
    W: for<'c> Fn(&'c mut SqlConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send + 'static,
{
    fn write<'c>(&'c mut self, connection: &'c mut SqlConnection) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        Box::pin(async move {
            let written = (self.write)(connection);
            self.output = Some(written.await?);
            Ok(())
        })
    }

    fn end(self: Box<Self>, committed: Result<(), Error>) {
        let Self { output, reply, .. } = *self;
        // The caller may have gone.
        let _ = reply.send(committed.and_then(|()| output.ok_or_else(closed)));
    }
}

/// Writes until every [`Writer`] is gone.
async fn run(connections: Pool, waiting: &mut mpsc::Receiver<Box<dyn Job>>) {
    let mut group = Vec::with_capacity(GROUP);
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        match WriteLock::KeyedCalls.begin(&connections).await {
            Ok(transaction) => {
                join_in(&mut group, waiting);
                write(&connections, transaction, &mut group).await;
            }
            Err(error) => group.drain(..).for_each(|job| job.end(Err(storage_error(&error)))),
        }
    }
}

/// Takes along the writes that came while the transaction waited for its turn.
fn join_in(group: &mut Vec<Box<dyn Job>>, waiting: &mut mpsc::Receiver<Box<dyn Job>>) {
    while group.len() < GROUP
        && let Ok(job) = waiting.try_recv()
    {
        group.push(job);
    }
}

/// Writes a group together or, if that fails, each on its own, so that a write that the database refuses spoils no other. A single write is
/// tried again if it lost against another transaction.
async fn write(connections: &Pool, transaction: Transaction, group: &mut Vec<Box<dyn Job>>) {
    match try_write(transaction, group).await {
        Ok(()) => group.drain(..).for_each(|job| job.end(Ok(()))),
        Err(error) if group.len() == 1 && !is_conflict(&error) => {
            group.drain(..).for_each(|job| job.end(Err(storage_error(&error))))
        }
        Err(_) => {
            for job in group.drain(..) {
                write_alone(connections, job).await;
            }
        }
    }
}

async fn write_alone(connections: &Pool, mut job: Box<dyn Job>) {
    let written = match WriteLock::KeyedCalls.begin(connections).await {
        Ok(transaction) => try_write(transaction, std::slice::from_mut(&mut job)).await,
        Err(error) => Err(error),
    };
    job.end(written.map_err(|error| storage_error(&error)));
}

async fn try_write(mut transaction: Transaction, group: &mut [Box<dyn Job>]) -> Result<(), sqlx::Error> {
    for job in group {
        job.write(&mut transaction).await?;
    }
    transaction.commit().await
}

fn unwritten() -> Error {
    Error::new(ErrorKind::Storage, "the gateway failed while it wrote this; try again")
}

fn closed() -> Error {
    Error::new(ErrorKind::Storage, "the gateway's database is closed; the gateway is stopping")
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::sqlite::{options, write_pool};
    use super::*;

    /// A writer on a table of unique words.
    async fn words() -> (TempDir, Writer) {
        let folder = tempfile::tempdir().unwrap();
        let writer =
            Writer::new(write_pool(options(&folder.path().join("db")).create_if_missing(true)), &Tasks::default());
        sql::query("CREATE TABLE words (word TEXT PRIMARY KEY)").execute(writer.connections()).await.unwrap();
        (folder, writer)
    }

    async fn add(writer: &Writer, word: &'static str) -> Result<u64, Error> {
        let add = writer.share(move |connection| {
            let query = sql::query("INSERT INTO words VALUES ($1)").bind(word);
            Box::pin(async move { query.execute(connection).await })
        });
        add.await
    }

    async fn all(writer: &Writer) -> Vec<String> {
        let rows = sql::query("SELECT word FROM words ORDER BY word").fetch_all(writer.connections()).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    #[tokio::test]
    async fn writes_that_wait_together_share_one_commit() {
        let (folder, writer) = words().await;
        let frames = |folder: &TempDir| std::fs::metadata(folder.path().join("db-wal")).unwrap().len();
        let mut turn = writer.begin(WriteLock::Directory).await.unwrap();
        sql::query("INSERT INTO words VALUES ('first')").execute(&mut *turn).await.unwrap();
        let waiting = async { tokio::join!(add(&writer, "a"), add(&writer, "b"), add(&writer, "c")) };
        let mut waiting = std::pin::pin!(waiting);
        // They are queued, and behind the transaction whose turn it is.
        assert!(futures::poll!(&mut waiting).is_pending());
        turn.commit().await.unwrap();
        let before = frames(&folder);
        let (a, b, c) = waiting.await;
        assert_eq!((a.unwrap(), b.unwrap(), c.unwrap()), (1, 1, 1));
        let grown = frames(&folder) - before;
        // A frame is a page of 4096 bytes and its head of 24: one of the table's page, one of its index's.
        assert!(grown <= 2 * (4096 + 24), "three commits write six frames: {grown} bytes");
        assert_eq!(all(&writer).await, ["a", "b", "c", "first"]);
        writer.close().await;
    }

    #[tokio::test]
    async fn small_writes_past_the_bound_wait_and_are_made() {
        let (_folder, writer) = words().await;
        let number = WAITING + 2 * GROUP;
        let add = |word: usize| {
            writer.share(move |connection| {
                let query = sql::query("INSERT INTO words VALUES ($1)").bind(word.to_string());
                Box::pin(async move { query.execute(connection).await })
            })
        };
        let turn = writer.begin(WriteLock::Directory).await.unwrap();
        let mut waiting = std::pin::pin!(futures::future::join_all((0..number).map(add)));
        assert!(futures::poll!(&mut waiting).is_pending());
        assert_eq!(writer.jobs.capacity(), 0, "the queue takes no more");
        drop(turn);
        let written = tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await.unwrap();
        assert!(written.into_iter().all(|rows| rows.unwrap() == 1));
        assert_eq!(all(&writer).await.len(), number);
        writer.close().await;
    }

    #[tokio::test]
    async fn a_write_that_the_database_refuses_spoils_no_other() {
        let (_folder, writer) = words().await;
        add(&writer, "a").await.unwrap();
        let turn = writer.begin(WriteLock::Directory).await.unwrap();
        let waiting = async { tokio::join!(add(&writer, "b"), add(&writer, "a"), add(&writer, "c")) };
        let mut waiting = std::pin::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(turn);
        let (b, again, c) = waiting.await;
        assert_eq!((b.unwrap(), c.unwrap()), (1, 1));
        assert_eq!(again.unwrap_err().kind(), ErrorKind::Storage);
        assert_eq!(all(&writer).await, ["a", "b", "c"]);
        writer.close().await;
    }

    #[tokio::test]
    async fn a_write_that_panics_costs_no_later_one() {
        let folder = tempfile::tempdir().unwrap();
        let tasks = Tasks::default();
        let writer = Writer::new(write_pool(options(&folder.path().join("db")).create_if_missing(true)), &tasks);
        let panics = writer.share(|_| -> BoxFuture<'_, Result<(), sqlx::Error>> { panic!("for the test") });
        assert_eq!(panics.await.unwrap_err().kind(), ErrorKind::Storage);
        assert_eq!(tasks.down(), ["small writes"]);
        // The wait before the restart.
        tokio::time::pause();
        tokio::time::advance(std::time::Duration::from_secs(2)).await;
        tokio::time::resume();
        let create = writer.share(|connection| {
            Box::pin(async move { sql::query("CREATE TABLE words (word TEXT PRIMARY KEY)").execute(connection).await })
        });
        create.await.unwrap();
        assert_eq!(tasks.down(), [""; 0]);
        writer.close().await;
    }

    #[tokio::test]
    async fn a_closed_writer_says_so() {
        let (_folder, writer) = words().await;
        writer.close().await;
        assert_eq!(add(&writer, "a").await.unwrap_err().kind(), ErrorKind::Storage);
    }
}
