//! [`Outages`]: knows for how long this gateway has been without the bus or the database.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// The time for which a gateway goes on as if nothing had happened. A server that starts again takes less.
pub(crate) const TOLERANCE: Duration = Duration::from_secs(10);

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
    pub(crate) fn note(&self, part: SharedPart, is_there: bool) {
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

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

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
}
