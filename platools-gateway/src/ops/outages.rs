//! [`Outages`]: knows for how long one of several gateways has been without the bus or the database. [`OutageWatch`] looks at both.

use std::sync::Arc;
use std::time::Duration;

use platools_bus::State;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::readiness::LockState;
use crate::background::periodic::every;
use crate::ports::directory::DirectoryStore;

/// The time for which a gateway goes on as if nothing had happened. A server that starts again takes less.
pub(crate) const TOLERANCE: Duration = Duration::from_secs(10);

/// The interval of looks at the bus and the database.
const LOOK: Duration = Duration::from_secs(1);

/// The longest time for the smallest query of the database.
const ANSWER: Duration = Duration::from_secs(2);

/// A part that a gateway shares with the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SharedPart {
    /// The messages between gateways.
    Bus,
    Database,
}

/// The times since when the bus and the database are lost. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Outages(Arc<watch::Sender<LossTimes>>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct LossTimes {
    bus: Option<Instant>,
    database: Option<Instant>,
}

impl Default for Outages {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(LossTimes::default())))
    }
}

impl Outages {
    /// Notes that a part is there or lost.
    pub(super) fn note(&self, part: SharedPart, is_there: bool) {
        let has_changed = self.0.send_if_modified(|times| {
            let since = match part {
                SharedPart::Bus => &mut times.bus,
                SharedPart::Database => &mut times.database,
            };
            let is_change = since.is_some() == is_there;
            if is_change {
                *since = (!is_there).then(Instant::now);
            }
            is_change
        });
        match (has_changed, is_there) {
            (true, true) => tracing::info!(?part, "part that all gateways share is back"),
            (true, false) => tracing::warn!(?part, "part that all gateways share is lost"),
            (false, _) => {}
        }
    }

    /// True if a part is there.
    pub(crate) fn has(&self, part: SharedPart) -> bool {
        self.since(part).is_none()
    }

    /// The part that has been lost for a time.
    pub(crate) fn lasting(&self, time: Duration) -> Option<SharedPart> {
        [SharedPart::Bus, SharedPart::Database].into_iter().find(|part| self.lasts(*part, time))
    }

    /// True if a part has been lost for a time.
    pub(crate) fn lasts(&self, part: SharedPart, time: Duration) -> bool {
        self.since(part).is_some_and(|since| since.elapsed() >= time)
    }

    fn since(&self, part: SharedPart) -> Option<Instant> {
        let times = self.0.borrow();
        match part {
            SharedPart::Bus => times.bus,
            SharedPart::Database => times.database,
        }
    }
}

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
    use tokio::time::advance;

    use super::*;
    use crate::core::Core;
    use crate::limits::Limits;

    #[tokio::test(start_paused = true)]
    async fn an_outage_counts_from_its_first_loss_to_the_return() {
        let outages = Outages::default();
        assert_eq!(outages.lasting(Duration::ZERO), None);
        outages.note(SharedPart::Database, false);
        advance(TOLERANCE / 2).await;
        outages.note(SharedPart::Database, false);
        assert_eq!(outages.lasting(TOLERANCE), None);
        advance(TOLERANCE / 2).await;
        assert_eq!(outages.lasting(TOLERANCE), Some(SharedPart::Database));
        assert!(outages.has(SharedPart::Bus) && !outages.has(SharedPart::Database));
        outages.note(SharedPart::Database, true);
        assert_eq!(outages.lasting(Duration::ZERO), None);
        outages.note(SharedPart::Database, false);
        assert!(!outages.lasts(SharedPart::Database, TOLERANCE), "it counts anew");
    }

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
