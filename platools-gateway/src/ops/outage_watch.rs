//! [`OutageWatch`]: looks at the bus and the database of one of several gateways, and notes their outages.

use std::sync::Arc;
use std::time::Duration;

use platools_bus::State;
use tokio::sync::watch;
use tokio::time::timeout;

use super::readiness::LockState;
use crate::background::periodic::every;
use crate::cluster::{Outages, SharedPart};
use crate::ports::directory::DirectoryStore;

/// The interval of looks at the bus and the database.
const LOOK: Duration = Duration::from_secs(1);

/// The longest time for the smallest query of the database.
const ANSWER: Duration = Duration::from_secs(2);

/// Looks at the bus and the database of one of several gateways.
#[derive(Debug)]
pub(crate) struct OutageWatch {
    pub(crate) outages: Outages,
    pub(crate) bus: watch::Receiver<State>,
    pub(crate) store: Arc<dyn DirectoryStore>,
    pub(crate) lock: watch::Receiver<LockState>,
}

impl OutageWatch {
    /// Looks at intervals. Never returns.
    pub(crate) async fn run(&self) {
        // A database that does not answer delays no look at the bus.
        tokio::join!(every(LOOK, || async { self.look_at_bus() }), every(LOOK, || self.look_at_database()));
    }

    fn look_at_bus(&self) {
        self.outages.note(SharedPart::Bus, *self.bus.borrow() == State::Connected);
    }

    async fn look_at_database(&self) {
        let answers = timeout(ANSWER, self.store.directory_revision()).await.is_ok_and(|answer| answer.is_ok());
        let is_locked = *self.lock.borrow() == LockState::Held;
        self.outages.note(SharedPart::Database, answers && is_locked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Core;
    use crate::limits::Limits;

    #[tokio::test]
    async fn a_lost_bus_lock_or_database_is_an_outage() {
        let folder = tempfile::tempdir().unwrap();
        let core = Core::open(folder.path(), &Limits::default()).await.unwrap();
        let (bus, lock) = (watch::Sender::new(State::Connected), watch::Sender::new(LockState::Held));
        let watch = OutageWatch {
            outages: Outages::default(),
            bus: bus.subscribe(),
            store: core.store.clone(),
            lock: lock.subscribe(),
        };
        let has = async || {
            watch.look_at_bus();
            watch.look_at_database().await;
            (watch.outages.has(SharedPart::Bus), watch.outages.has(SharedPart::Database))
        };
        assert_eq!(has().await, (true, true));
        bus.send_replace(State::Disconnected);
        assert_eq!(has().await, (false, true));
        bus.send_replace(State::Connected);
        lock.send_replace(LockState::Lost);
        assert_eq!(has().await, (true, false));
        lock.send_replace(LockState::Held);
        assert_eq!(has().await, (true, true));
        core.store.close().await;
        assert_eq!(has().await, (true, false));
    }
}
