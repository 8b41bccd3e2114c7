//! [`LockKeeper`]: the task that checks at intervals that this gateway still has the lock on its PostgreSQL database. The lock keeps other
//! gateways off the database. When the connection with the lock is lost, the task takes the lock again over a new connection.

use std::sync::Arc;
use std::time::Duration;

use platools_bus::State as BusState;
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use crate::core::Core;
use crate::domain::error::{Error, ErrorKind, causes_of};
use crate::domain::ids::GatewayNumber;
use crate::ops::readiness::LockState;
use crate::store::DatabaseLock;

/// The time between two checks, and between two attempts to take the lock again.
const INTERVAL: Duration = Duration::from_secs(3);

/// Keeps the lock of a database. Dropping it releases the lock.
#[derive(Debug)]
pub(super) struct LockKeeper {
    holder: GatewayNumber,
    state: watch::Receiver<LockState>,
    others_have_bus: watch::Receiver<bool>,
    _task: AbortOnDropHandle<()>,
}

impl LockKeeper {
    /// Starts the task. `bus` is the state of the bus of one of several gateways.
    pub(super) fn start(
        lock: DatabaseLock,
        holder: GatewayNumber,
        bus: Option<watch::Receiver<BusState>>,
        core: &Core,
    ) -> Self {
        let (sender, state) = watch::channel(LockState::Held);
        let (others, others_have_bus) = watch::channel(false);
        let keeping = Arc::new(AsyncMutex::new(Keeping { lock, bus, state: sender, others }));
        let begin = move || {
            let keeping = Arc::clone(&keeping);
            async move { keeping.lock().await.keep().await }
        };
        Self { holder, state, others_have_bus, _task: core.tasks.keep("database lock", begin) }
    }

    /// The state of the lock, and its changes.
    pub(super) fn state(&self) -> watch::Receiver<LockState> {
        self.state.clone()
    }

    /// True while another gateway is known to be connected to the bus.
    pub(super) fn others_have_bus(&self) -> watch::Receiver<bool> {
        self.others_have_bus.clone()
    }

    /// Waits until another gateway has the database or this one's number, and returns the error for that.
    pub(super) async fn taken(&self) -> Error {
        let mut state = self.state.clone();
        if state.wait_for(|state| *state == LockState::Taken).await.is_err() {
            // The task has ended without that.
            std::future::pending::<()>().await;
        }
        let message = match self.holder {
            GatewayNumber::ALONE => {
                "another gateway has taken the database while this one was not connected to it; run one gateway at a time on a database, or \
                 several with `cluster.nats`, and see why the connection was lost"
                    .to_owned()
            }
            number => format!(
                "another gateway has taken the number {}, or the whole database, while this one was not connected to it; give each gateway a \
                 `cluster.gateway` of its own, and see why the connection was lost",
                number.get()
            ),
        };
        Error::new(ErrorKind::Busy, message)
    }
}

/// The lock, and the facts about it that others watch.
struct Keeping {
    lock: DatabaseLock,
    /// The state of the bus of one of several gateways.
    bus: Option<watch::Receiver<BusState>>,
    state: watch::Sender<LockState>,
    others: watch::Sender<bool>,
}

impl Keeping {
    /// Checks the lock, and takes it again when it is lost, until another gateway has it.
    async fn keep(&mut self) {
        loop {
            sleep(INTERVAL).await;
            let Err(error) = self.check().await else { continue };
            self.state.send_replace(LockState::Lost);
            self.others.send_replace(false);
            tracing::warn!(%error, causes = causes_of(&error), "database lock lost");
            while let Err(error) = self.lock.retake().await {
                if error.kind() == ErrorKind::Busy {
                    tracing::error!(%error, "database lock taken by another gateway");
                    self.state.send_replace(LockState::Taken);
                    return;
                }
                tracing::warn!(%error, causes = causes_of(&error), "database lock not taken again");
                sleep(INTERVAL).await;
            }
            self.state.send_replace(LockState::Held);
            tracing::info!("database lock taken again");
        }
    }

    async fn check(&mut self) -> Result<(), Error> {
        let Some(bus) = &self.bus else { return self.lock.check().await };
        let is_on_bus = *bus.borrow() == BusState::Connected;
        self.others.send_replace(self.lock.check_with_others(is_on_bus).await?);
        Ok(())
    }
}
