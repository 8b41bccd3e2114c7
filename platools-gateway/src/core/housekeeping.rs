//! What happens by itself, now and then.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use super::clock::now_ms;
use super::error::Error;
use super::identity::{Credential, Identity};
use super::{Closing, Core};

/// How often a gateway looks whether another process changed the directory, and which credentials have ended.
const HOUSEKEEPING: Duration = Duration::from_millis(500);

/// How often what is old enough is forgotten.
const SWEEPING: Duration = Duration::from_secs(60);

impl Core {
    /// Looks after what changes by itself: what another process wrote into the directory, and credentials that end. Never
    /// returns.
    pub(crate) async fn keep_house(&self) {
        let mut interval = interval(HOUSEKEEPING);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut swept, mut heartbeats_stored) = (Instant::now(), Instant::now());
        loop {
            interval.tick().await;
            if let Err(error) = self.apply_directory().await {
                tracing::error!(%error, "the directory could not be read; it stays as it was");
            }
            self.end_old_sessions();
            self.runtime.store_heartbeats(&mut heartbeats_stored);
            if swept.elapsed() >= SWEEPING {
                swept = Instant::now();
                self.limiter.sweep();
                self.throttles.sweep();
                self.forget_old_figures();
                self.forget_old().await;
            }
        }
    }

    /// Takes notice of what changed in the directory, by whoever's hand, and has those go whose credential has ended.
    ///
    /// # Errors
    /// The database failed.
    pub async fn apply_directory(&self) -> Result<(), Error> {
        self.directory.refresh().await?;
        let (snapshot, now_ms) = (self.directory.snapshot(), now_ms());
        self.check_watches();
        if self.feed_revision.swap(snapshot.revision, Ordering::Relaxed) != snapshot.revision {
            self.all_tools_changed();
        }
        let gone = self.catalog.retain(|scope| snapshot.has(scope));
        gone.iter().for_each(|scope| self.news.tell(scope));
        let has_ended = |link: &Identity, credential: &Credential| {
            // A token stays good by itself when its entity or its environment is gone.
            !snapshot.has(&link.scope()) || !snapshot.is_good(credential, now_ms)
        };
        self.workers.close_where(has_ended, Closing::SecretRotated);
        self.dismiss_ended_callers();
        Ok(())
    }
}
