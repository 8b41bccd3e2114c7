//! [`Readiness`]: tells whether a gateway should get traffic: its database answers, its tasks run, and it is not stopping.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::background::tasks::Tasks;
use crate::cluster::{Outages, SharedPart, TOLERANCE};
use crate::domain::error::Error;
use crate::ports::directory::DirectoryStore;

/// Tells whether a gateway should get traffic: it is not stopping, its background tasks run, its database answers, and it has the lock of that.
#[derive(Debug)]
pub struct Readiness {
    tasks: Tasks,
    store: Arc<dyn DirectoryStore>,
    /// Empty for a gateway on a folder, and for one of several.
    lock: OnceLock<watch::Receiver<LockState>>,
    /// None for a gateway that is alone.
    outages: Option<Outages>,
    /// True while workers are sent elsewhere. Empty for a gateway that is alone.
    is_evacuating: OnceLock<watch::Receiver<bool>>,
    /// True once the gateway is about to stop and still serves everything.
    is_leaving: AtomicBool,
    is_stopping: AtomicBool,
}

impl Readiness {
    pub(crate) fn new(tasks: Tasks, store: Arc<dyn DirectoryStore>, outages: Option<Outages>) -> Self {
        Self {
            tasks,
            store,
            lock: OnceLock::new(),
            outages,
            is_evacuating: OnceLock::new(),
            is_leaving: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
        }
    }

    /// Checks that the gateway is not stopping, that its background tasks run, that its database answers, and that it has the lock of that. One of
    /// several gateways checks for outages of the bus and the database that last instead.
    ///
    /// # Errors
    /// The gateway is stopping, a background task is down, the database does not answer, its lock is lost, or one of several gateways has
    /// been without the database or the bus for 10 seconds.
    pub async fn check(&self) -> Result<(), NotReady> {
        if self.is_leaving.load(Ordering::Acquire) || self.is_stopping() {
            return Err(NotReady::Stopping);
        }
        let down = self.tasks.down();
        if !down.is_empty() {
            return Err(NotReady::TasksDown(down));
        }
        if let Some(outages) = &self.outages {
            return match outages.lasting(TOLERANCE) {
                None => Ok(()),
                Some(SharedPart::Bus) => Err(NotReady::BusLost),
                Some(SharedPart::Database) => Err(NotReady::DatabaseLost),
            };
        }
        let answer = timeout(LIMIT, self.store.directory_revision()).await.map_err(|_| NotReady::TookTooLong)?;
        answer.map_err(NotReady::Database)?;
        match self.lock.get().map(|lock| *lock.borrow()) {
            None | Some(LockState::Held) => Ok(()),
            Some(LockState::Lost) => Err(NotReady::LockLost),
            Some(LockState::Taken) => Err(NotReady::LockTaken),
        }
    }

    /// Makes the gateway ready only while it has the lock of its database.
    pub(crate) fn watch_lock(&self, lock: watch::Receiver<LockState>) {
        // A gateway has one lock, and starts once.
        let _ = self.lock.set(lock);
    }

    /// Has the gateway turn workers away while those that it has are sent elsewhere.
    pub(crate) fn watch_evacuation(&self, is_evacuating: watch::Receiver<bool>) {
        // As above.
        let _ = self.is_evacuating.set(is_evacuating);
    }

    /// True while workers are to connect to other gateways.
    pub(crate) fn turns_workers_away(&self) -> bool {
        self.is_evacuating.get().is_some_and(|is_evacuating| *is_evacuating.borrow())
    }

    /// Returns true once the gateway has begun to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    /// Makes the gateway not ready. Everything else goes on.
    pub(crate) fn set_not_ready(&self) {
        self.is_leaving.store(true, Ordering::Release);
    }

    /// Notes that the gateway has begun to stop.
    pub(crate) fn begin_drain(&self) {
        self.is_stopping.store(true, Ordering::Release);
    }
}

/// The state of the lock that keeps a second gateway off a PostgreSQL database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockState {
    Held,
    /// Its connection has ended, and the gateway tries to take it again.
    Lost,
    /// Another gateway has it.
    Taken,
}

/// Reasons why a gateway should get no traffic.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotReady {
    /// The gateway stops: it lets calls finish and accepts no new ones.
    #[error("the gateway is stopping")]
    Stopping,
    /// Background tasks panicked and do not run again yet.
    #[error("background tasks of the gateway are down and will be restarted: {}; its log says why", .0.join(", "))]
    TasksDown(Vec<&'static str>),
    /// The database failed.
    #[error("the gateway's database does not answer; its log says why")]
    Database(#[source] Error),
    /// The database took too long.
    #[error("the gateway's database takes more than 2 seconds to answer")]
    TookTooLong,
    /// The lock that keeps a second gateway off the database is lost, and not taken again yet.
    #[error("the gateway has lost the lock of its database and cannot take it again; its log says why")]
    LockLost,
    /// The gateway is one of several, and has been without the messages of the others for long.
    #[error("the gateway has not been connected to the other gateways over NATS for 10 seconds; its log says why")]
    BusLost,
    /// The gateway is one of several, and has been without the database, or without its lock there, for long.
    #[error("the gateway's database has not answered for 10 seconds; its log says why")]
    DatabaseLost,
    /// Another gateway has the lock of the database. This one stops.
    #[error("another gateway has taken the database; this one stops")]
    LockTaken,
}

/// The longest time for the smallest query of the database.
const LIMIT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Core;
    use crate::limits::Limits;

    #[tokio::test]
    async fn a_gateway_is_ready_until_it_begins_to_stop() {
        let folder = tempfile::tempdir().unwrap();
        let core = Core::open(folder.path(), &Limits::default()).await.unwrap();
        core.readiness.check().await.unwrap();
        core.begin_drain();
        assert!(matches!(core.readiness.check().await, Err(NotReady::Stopping)));
    }

    #[tokio::test]
    async fn a_gateway_with_a_task_that_is_down_is_not_ready_and_says_which() {
        let folder = tempfile::tempdir().unwrap();
        let core = Core::open(folder.path(), &Limits::default()).await.unwrap();
        let _task = core.tasks.keep("journal", || async { panic!("for the test") });
        let not_ready = timeout(LIMIT, async {
            loop {
                if let Err(why) = core.readiness.check().await {
                    return why;
                }
            }
        });
        let why = not_ready.await.unwrap();
        assert!(matches!(&why, NotReady::TasksDown(down) if *down == ["journal"]));
        assert!(why.to_string().contains("journal"), "{why}");
    }

    #[tokio::test]
    async fn one_of_several_gateways_goes_on_for_a_while_without_the_bus_or_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let core = Core::open(folder.path(), &Limits::default()).await.unwrap();
        let outages = Outages::default();
        let readiness = Readiness::new(core.tasks.clone(), core.store.clone(), Some(outages.clone()));
        tokio::time::pause();
        outages.note(SharedPart::Bus, false);
        tokio::time::advance(TOLERANCE - Duration::from_secs(1)).await;
        readiness.check().await.unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        let lost = readiness.check().await.unwrap_err();
        assert!(matches!(lost, NotReady::BusLost) && lost.to_string().contains("NATS"), "{lost}");
        outages.note(SharedPart::Bus, true);
        readiness.check().await.unwrap();
        outages.note(SharedPart::Database, false);
        tokio::time::advance(TOLERANCE).await;
        assert!(matches!(readiness.check().await, Err(NotReady::DatabaseLost)));
    }

    #[tokio::test]
    async fn a_gateway_without_its_database_is_not_ready() {
        let folder = tempfile::tempdir().unwrap();
        let core = Core::open(folder.path(), &Limits::default()).await.unwrap();
        core.close().await;
        assert!(matches!(core.readiness.check().await, Err(NotReady::Database(_))));
    }
}
