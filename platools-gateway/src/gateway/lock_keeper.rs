//! [`LockKeeper`]: the task that checks at intervals that this gateway still has the lock on its PostgreSQL database. The lock keeps other
//! gateways off the database. When the connection with the lock is lost, the task takes the lock again over a new connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use crate::core::Core;
use crate::domain::error::{Error, ErrorKind, causes_of};
use crate::ops::readiness::LockState;
use crate::store::DatabaseLock;

/// The time between two checks, and between two attempts to take the lock again.
const INTERVAL: Duration = Duration::from_secs(3);

/// Keeps the lock of a database. Dropping it releases the lock.
#[derive(Debug)]
pub(super) struct LockKeeper {
    state: watch::Receiver<LockState>,
    _task: AbortOnDropHandle<()>,
}

impl LockKeeper {
    /// Starts the task. The gateway is not ready while the lock is lost.
    pub(super) fn start(lock: DatabaseLock, core: &Core) -> Self {
        let (sender, state) = watch::channel(LockState::Held);
        core.readiness.watch_lock(state.clone());
        let (lock, sender) = (Arc::new(AsyncMutex::new(lock)), Arc::new(sender));
        let begin = move || {
            let (lock, sender) = (Arc::clone(&lock), Arc::clone(&sender));
            async move { keep(&mut *lock.lock().await, &sender).await }
        };
        Self { state, _task: core.tasks.keep("database lock", begin) }
    }

    /// Waits until another gateway has the database, and returns the error for that.
    pub(super) async fn taken(&self) -> Error {
        let mut state = self.state.clone();
        if state.wait_for(|state| *state == LockState::Taken).await.is_err() {
            // The task has ended without that.
            std::future::pending::<()>().await;
        }
        let message = "another gateway has taken the database while this one was not connected to it; run one gateway at a time on a \
                       database, and see why the connection was lost";
        Error::new(ErrorKind::Busy, message)
    }
}

/// Checks the lock, and takes it again when it is lost, until another gateway has it.
async fn keep(lock: &mut DatabaseLock, state: &watch::Sender<LockState>) {
    loop {
        sleep(INTERVAL).await;
        let Err(error) = lock.check().await else { continue };
        state.send_replace(LockState::Lost);
        tracing::warn!(%error, causes = causes_of(&error), "database lock lost");
        while let Err(error) = lock.retake().await {
            if error.kind() == ErrorKind::Busy {
                tracing::error!(%error, "database lock taken by another gateway");
                state.send_replace(LockState::Taken);
                return;
            }
            tracing::warn!(%error, causes = causes_of(&error), "database lock not taken again");
            sleep(INTERVAL).await;
        }
        state.send_replace(LockState::Held);
        tracing::info!("database lock taken again");
    }
}
