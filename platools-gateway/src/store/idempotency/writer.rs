//! [`KeyedCallWriter`]: queues the writes of calls under idempotency keys. Those that wait at the same time are one [`Batch`], and so share one
//! transaction, and with it one wait for the disk.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::batch::{Batch, BeginWrite, EndWrite};
use crate::background::tasks::Tasks;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::idempotency::{AnswerBounds, KeyedBegin, KeyedCall};
use crate::store::failure::{is_conflict, storage_error};
use crate::store::sql::Transaction;
use crate::store::writer::{WriteLock, Writer};

/// Writes of one transaction, at most.
const BATCH: usize = 128;

/// Writes that wait for their transaction, at most. Further ones wait for room.
const WAITING: usize = 1024;

/// The longest time in which a call begins. Without a bound, a database that is too slow for the calls that come would hold each of them
/// until its caller is gone.
const BEGIN: Duration = Duration::from_secs(5);

/// The wait before a call that could not begin is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The queue of writes.
#[derive(Clone)]
pub(in crate::store) struct KeyedCallWriter {
    jobs: mpsc::Sender<Job>,
    /// Ends with the last clone.
    _task: Arc<AbortOnDropHandle<()>>,
}

impl KeyedCallWriter {
    /// An empty queue. It needs a tokio runtime.
    pub(in crate::store) fn new(writer: Writer, tasks: &Tasks) -> Self {
        let (jobs, waiting) = mpsc::channel(WAITING);
        // The task's, one run after the other: what waits outlives a run that panics.
        let waiting = Arc::new(AsyncMutex::new(waiting));
        let run = move || {
            let (writer, waiting) = (writer.clone(), Arc::clone(&waiting));
            async move { run(&writer, &mut *waiting.lock().await).await }
        };
        Self { jobs, _task: Arc::new(tasks.keep("writes of calls under keys", run)) }
    }

    /// Begins a call. The begin is stored when this returns.
    pub(super) async fn begin(&self, call: &KeyedCall, answer_wait: Duration, limit: i64) -> Result<KeyedBegin, Error> {
        let begin = BeginWrite { call: call.clone(), answer_wait, limit };
        timeout(BEGIN, self.write(|reply| Job::Begin(begin, reply))).await.map_err(|_| too_slow())?
    }

    /// Ends a call. The end is stored when this returns.
    pub(super) async fn end(&self, call: &KeyedCall, answer: Option<&str>, bounds: AnswerBounds) -> Result<(), Error> {
        let end = EndWrite { call: call.clone(), answer: answer.map(Arc::from), bounds };
        self.write(|reply| Job::End(end, reply)).await
    }

    /// Forgets a call that did not run.
    pub(super) async fn forget(&self, call: &KeyedCall) -> Result<(), Error> {
        let call = call.clone();
        self.write(|reply| Job::Forget(call, Some(reply))).await
    }

    async fn write<T>(&self, job: impl FnOnce(ReplySender<T>) -> Job) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(job(reply)).await.map_err(|_| unwritten())?;
        // The task panicked, or was aborted at the end.
        answer.await.unwrap_or_else(|_| Err(unwritten()))
    }
}

impl fmt::Debug for KeyedCallWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedCallWriter").finish_non_exhaustive()
    }
}

type ReplySender<T> = oneshot::Sender<Result<T, Error>>;

/// A write that waits.
enum Job {
    Begin(BeginWrite, ReplySender<KeyedBegin>),
    End(EndWrite, ReplySender<()>),
    /// Nobody waits for it if its call began after its caller had given up.
    Forget(KeyedCall, Option<ReplySender<()>>),
}

impl Job {
    fn is_given_up(&self) -> bool {
        matches!(self, Self::Begin(_, reply) if reply.is_closed())
    }

    /// Answers. Returns the call if it has begun, and its caller gave up meanwhile.
    fn finish(self, begun: Result<Option<KeyedBegin>, Error>) -> Option<KeyedCall> {
        match self {
            Self::Begin(begin, reply) => {
                let outcome = begun.and_then(|begun| begun.ok_or_else(unwritten));
                matches!(reply.send(outcome), Err(Ok(KeyedBegin::Begun))).then_some(begin.call)
            }
            Self::End(_, reply) | Self::Forget(_, Some(reply)) => {
                // The caller may have gone.
                let _ = reply.send(begun.map(drop));
                None
            }
            Self::Forget(_, None) => None,
        }
    }
}

/// Writes until every [`KeyedCallWriter`] is gone.
async fn run(writer: &Writer, waiting: &mut mpsc::Receiver<Job>) {
    let mut jobs = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut jobs, BATCH).await > 0 {
        let mut unwanted = write(writer, waiting, &mut jobs).await;
        while !unwanted.is_empty() {
            jobs.extend(unwanted.drain(..).map(|call| Job::Forget(call, None)));
            unwanted = write(writer, waiting, &mut jobs).await;
        }
    }
}

/// Writes these and those that come while their transaction waits for its turn: together or, if that fails, each on its own, so that a write
/// that the database refuses spoils no other. Returns the calls that nobody wants any more.
async fn write(writer: &Writer, waiting: &mut mpsc::Receiver<Job>, jobs: &mut Vec<Job>) -> Vec<KeyedCall> {
    let transaction = match writer.begin(WriteLock::KeyedCalls).await {
        Ok(transaction) => transaction,
        Err(error) => return finish(jobs, |_| Err(storage_error(&error))),
    };
    while jobs.len() < BATCH
        && let Ok(job) = waiting.try_recv()
    {
        jobs.push(job);
    }
    jobs.retain(|job| !job.is_given_up());
    let written = try_write(transaction, jobs).await;
    match written {
        Ok(begun) => {
            let mut begun = begun.into_iter();
            finish(jobs, |job| Ok(if matches!(job, Job::Begin(..)) { begun.next() } else { None }))
        }
        Err(error) if jobs.len() == 1 && !is_conflict(&error) => finish(jobs, |_| Err(storage_error(&error))),
        Err(_) => {
            let mut unwanted = Vec::new();
            for job in jobs.drain(..) {
                let begun = write_alone(writer, &job).await;
                unwanted.extend(job.finish(begun));
            }
            unwanted
        }
    }
}

fn finish(jobs: &mut Vec<Job>, mut begun: impl FnMut(&Job) -> Result<Option<KeyedBegin>, Error>) -> Vec<KeyedCall> {
    jobs.drain(..)
        .filter_map(|job| {
            let begun = begun(&job);
            job.finish(begun)
        })
        .collect()
}

async fn write_alone(writer: &Writer, job: &Job) -> Result<Option<KeyedBegin>, Error> {
    let written = async {
        let transaction = writer.begin(WriteLock::KeyedCalls).await?;
        try_write(transaction, std::slice::from_ref(job)).await
    };
    let begun = written.await.map_err(|error| storage_error(&error))?;
    Ok(begun.first().copied())
}

async fn try_write(mut transaction: Transaction, jobs: &[Job]) -> Result<Vec<KeyedBegin>, sqlx::Error> {
    let mut batch = Batch::default();
    for job in jobs {
        match job {
            Job::Begin(begin, _) => batch.begins.push(begin),
            Job::End(end, _) => batch.ends.push(end),
            Job::Forget(call, _) => batch.forgotten.push(call),
        }
    }
    let begun = batch.write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(begun)
}

fn unwritten() -> Error {
    Error::new(ErrorKind::Storage, "the gateway failed while it wrote this; try again")
}

fn too_slow() -> Error {
    let message = "the gateway's database is too slow for the calls under idempotency keys that come; try again later";
    Error::new(ErrorKind::Overloaded, message).retry_after(RETRY)
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;
    use tempfile::TempDir;

    use super::*;
    use crate::ports::directory::ProjectStore as _;
    use crate::ports::idempotency::IdempotencyStore as _;
    use crate::ports::store::Storage as _;
    use crate::store::SqlStore;

    /// A database, and a call of its project.
    async fn database() -> (TempDir, SqlStore, KeyedCall) {
        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::open(folder.path()).await.unwrap();
        let project = store.default_project().await.unwrap();
        (
            folder,
            store,
            KeyedCall { id: "0".to_owned(), project, fingerprint: "f".to_owned(), call_id: "call_1".into() },
        )
    }

    fn with_id(call: &KeyedCall, id: impl Into<String>) -> KeyedCall {
        KeyedCall { id: id.into(), ..call.clone() }
    }

    async fn begin(store: &SqlStore, call: KeyedCall) -> Result<KeyedBegin, Error> {
        store.begin_keyed_call(&call, Duration::from_secs(60), 10_000).await
    }

    async fn is_known(store: &SqlStore, id: &str) -> bool {
        store.earlier_call(id).await.unwrap().is_some()
    }

    #[tokio::test]
    async fn writes_that_wait_together_share_one_commit() {
        let (folder, store, call) = database().await;
        let written = || std::fs::metadata(folder.path().join("gateway.sqlite-wal")).unwrap().len();
        begin(&store, with_id(&call, "first")).await.unwrap();
        let before = written();
        begin(&store, with_id(&call, "second")).await.unwrap();
        let of_one = written() - before;
        let turn = store.writes.begin(WriteLock::Directory).await.unwrap();
        let waiting = join_all(["a", "b", "c"].map(|id| begin(&store, with_id(&call, id))));
        let mut waiting = std::pin::pin!(waiting);
        // They are queued, and behind the transaction whose turn it is.
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(turn);
        let before = written();
        assert!(waiting.await.into_iter().all(|begun| begun.unwrap() == KeyedBegin::Begun));
        let grown = written() - before;
        // A commit writes every page that it changed once.
        assert!(grown < 2 * of_one, "one commit writes {of_one} bytes, these {grown}");
        store.close().await;
    }

    #[tokio::test]
    async fn writes_past_the_bound_wait_and_are_made() {
        let (_folder, store, call) = database().await;
        let number = WAITING + 2 * BATCH;
        let turn = store.writes.begin(WriteLock::Directory).await.unwrap();
        let mut waiting = std::pin::pin!(join_all((0..number).map(|id| begin(&store, with_id(&call, id.to_string())))));
        assert!(futures::poll!(&mut waiting).is_pending());
        assert_eq!(store.keyed_calls.jobs.capacity(), 0, "the queue takes no more");
        drop(turn);
        assert!(waiting.await.into_iter().all(|begun| begun.unwrap() == KeyedBegin::Begun));
        store.close().await;
    }

    #[tokio::test]
    async fn a_write_that_the_database_refuses_spoils_no_other() {
        let (_folder, store, call) = database().await;
        let turn = store.writes.begin(WriteLock::Directory).await.unwrap();
        let strange = KeyedCall { project: "prj_none".into(), ..with_id(&call, "b") };
        let waiting = async {
            tokio::join!(begin(&store, with_id(&call, "a")), begin(&store, strange), begin(&store, with_id(&call, "c")))
        };
        let mut waiting = std::pin::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(turn);
        let (a, b, c) = waiting.await;
        assert_eq!((a.unwrap(), c.unwrap()), (KeyedBegin::Begun, KeyedBegin::Begun));
        assert_eq!(b.unwrap_err().kind(), ErrorKind::Storage);
        assert_eq!((is_known(&store, "a").await, is_known(&store, "b").await), (true, false));
        store.close().await;
    }

    #[tokio::test]
    async fn a_call_that_cannot_begin_in_time_is_refused_and_its_key_is_free() {
        let (_folder, store, call) = database().await;
        let turn = store.writes.begin(WriteLock::Directory).await.unwrap();
        tokio::time::pause();
        let refused = begin(&store, with_id(&call, "a")).await.unwrap_err();
        assert_eq!((refused.kind(), refused.wait()), (ErrorKind::Overloaded, Some(RETRY)));
        tokio::time::resume();
        drop(turn);
        // Writes are made in the order in which they came.
        begin(&store, with_id(&call, "b")).await.unwrap();
        assert!(!is_known(&store, "a").await);
        store.close().await;
    }

    #[tokio::test]
    async fn a_call_that_begins_after_its_caller_gave_up_is_forgotten() {
        let (_folder, store, call) = database().await;
        let (reply, gone) = oneshot::channel();
        drop(gone);
        let job = Job::Begin(BeginWrite { call: call.clone(), answer_wait: BEGIN, limit: 10 }, reply);
        assert!(job.is_given_up());
        let unwanted = job.finish(Ok(Some(KeyedBegin::Begun)));
        assert_eq!(unwanted.map(|call| call.id), Some(call.id));
        store.close().await;
    }

    #[tokio::test]
    async fn a_closed_database_is_an_error() {
        let (_folder, store, call) = database().await;
        store.close().await;
        assert_eq!(begin(&store, call).await.unwrap_err().kind(), ErrorKind::Storage);
    }
}
