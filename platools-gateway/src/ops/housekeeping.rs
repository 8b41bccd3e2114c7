//! Periodic maintenance: what another process changed in the directory, credentials that end, sessions, retention, cleanup.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use crate::background::periodic::every;
use crate::core::Core;
use crate::domain::error::Error;
use crate::domain::identity::{Credential, Identity};
use crate::links::Closing;
use crate::ports::time::now_ms;

/// The time between two looks at the directory, which another process may change, and at credentials that end.
const HOUSEKEEPING: Duration = Duration::from_millis(500);

/// The lag that stored heartbeats of sessions may have.
const HEARTBEATS: Duration = Duration::from_secs(30);

/// The time between two removals of old data.
const SWEEPING: Duration = Duration::from_secs(60);

/// Tasks that end when this is dropped.
pub(crate) type Housekeeping = Vec<AbortOnDropHandle<()>>;

impl Core {
    /// Starts the periodic maintenance on the current tokio runtime. Each job is a task of its own: one that waits for the database
    /// delays none of the others, and above all not the end of credentials.
    pub(crate) fn keep_house(self: &Arc<Self>) -> Housekeeping {
        vec![
            self.repeat("credentials", HOUSEKEEPING, async |core| core.end_credentials()),
            self.repeat("directory", HOUSEKEEPING, async |core| core.read_directory().await),
            self.repeat("sessions", HOUSEKEEPING, async |core| core.end_old_sessions()),
            self.repeat("heartbeats", HEARTBEATS, async |core| core.runtime.store_heartbeats()),
            self.repeat("sweep", SWEEPING, async |core| core.sweep()),
            self.repeat("retention", SWEEPING, async |core| core.forget_old().await),
            self.repeat("last uses", SWEEPING, async |core| core.note_uses_of_sockets().await),
            self.repeat("token records", SWEEPING, async |core| core.remove_ended_tokens().await),
            self.repeat("aging", SWEEPING, async |core| core.store_aging().await),
            self.keep_pools(),
        ]
    }

    /// Keeps the catalogues of pools right, in a supervised task.
    fn keep_pools(self: &Arc<Self>) -> AbortOnDropHandle<()> {
        let core = Arc::clone(self);
        self.tasks.keep("pools", move || Arc::clone(&core).settle_departures())
    }

    /// Repeats some work in a supervised task.
    fn repeat<W, F>(self: &Arc<Self>, name: &'static str, period: Duration, work: W) -> AbortOnDropHandle<()>
    where
        W: Fn(Arc<Self>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send,
    {
        let core = Arc::clone(self);
        self.tasks.keep(name, move || {
            let (core, work) = (Arc::clone(&core), work.clone());
            async move { every(period, || work(Arc::clone(&core))).await }
        })
    }

    /// Takes notice of what changed in the directory, by whoever's hand, and ends links and sockets whose credential has ended.
    /// When the database fails, those are ended by what is known.
    ///
    /// # Errors
    /// The database failed.
    pub async fn apply_directory(&self) -> Result<(), Error> {
        // The keys are read also while the database does not answer.
        let (refreshed, _) = tokio::join!(self.directory.refresh(), self.directory.refresh_signing_keys());
        let snapshot = self.directory.snapshot();
        let gone = self.catalog.retain(|scope| snapshot.has(scope));
        gone.iter().for_each(|scope| self.news.tell(scope));
        let looked_at = self.feed_revision.swap(snapshot.revision, Ordering::Relaxed);
        if looked_at != snapshot.revision {
            self.check_watches_since(looked_at);
            self.tools_changed_since(looked_at);
        }
        self.end_credentials();
        refreshed
    }

    /// Ends links and sockets whose credential has ended. Waits for nothing.
    fn end_credentials(&self) {
        let (snapshot, now_ms) = (self.directory.snapshot(), now_ms());
        let has_ended = |link: &Identity, credential: &Credential| {
            // A token of an earlier version stays good by itself when its entity is gone, and any when its environment is.
            !snapshot.has(&link.scope()) || !snapshot.is_good(credential, now_ms)
        };
        self.workers.close_where(has_ended, Closing::SecretRotated);
        self.dismiss_ended_callers();
    }

    async fn read_directory(&self) {
        if let Err(error) = self.apply_directory().await {
            tracing::error!(%error, "the directory could not be read; it stays as it was");
        }
    }

    fn sweep(&self) {
        self.limiter.sweep();
        self.throttles.sweep();
        self.workers.sweep();
        self.forget_old_figures();
        self.journal.log_losses();
        let snapshot = self.directory.snapshot();
        self.feed.sweep_keys(|agent| snapshot.agent(agent).is_some());
    }

    async fn store_aging(&self) {
        if let Err(error) = self.aging.store(&*self.store).await {
            tracing::warn!(%error, "time of deletions could not be stored; it is tried again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connections::Presence;
    use crate::connections::Stay;
    use crate::domain::identity::Caller;
    use crate::domain::profile::Profile;
    use crate::feed::KeyedStream;
    use crate::limits::Limits;
    use crate::ports::clock::SETTLING;
    use crate::ports::clock::testing::TestClock;
    use crate::ports::time::ms_after;

    const HOUR: Duration = Duration::from_secs(60 * 60);
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;

    /// A caller that stays connected with a token that ends after a while.
    async fn connected(token_ends_in: Duration) -> (tempfile::TempDir, Core, Presence) {
        let folder = tempfile::tempdir().unwrap();
        let core = Core::open(folder.path(), &Limits::default()).await.unwrap();
        let signed_by = core.directory.notary().keys().unwrap().signing().kid.clone();
        let expires_ms = ms_after(token_ends_in);
        let credential = Credential::Token { id: "t".to_owned(), expires_ms, signed_by, parents: Vec::new() };
        let caller = Caller { credential, ..core.nobody() };
        let presence = core.arrives();
        core.is_known(&presence, &caller).unwrap();
        (folder, core, presence)
    }

    fn stay(presence: &Presence) -> Stay {
        *presence.stay().borrow()
    }

    #[tokio::test]
    async fn nothing_is_kept_of_the_keys_of_an_agent_that_was_removed() {
        let folder = tempfile::tempdir().unwrap();
        let core = Arc::new(Core::open(folder.path(), &Limits::default()).await.unwrap());
        let agent = core.local_admin().add_agent("trader", Profile::default()).await.unwrap().id;
        core.feed().watch_keys(&agent, KeyedStream::new("prices"), ["SOL"]);
        (0..3).for_each(|_| core.sweep());
        assert!(core.feed().has_declared_keys());
        core.local_admin().remove_agent("trader").await.unwrap();
        (0..2).for_each(|_| core.sweep());
        assert!(!core.feed().has_declared_keys());
    }

    #[tokio::test]
    async fn a_jump_of_the_wall_clock_ends_no_credential() {
        for jump_ms in [DAY_MS, 365 * DAY_MS, -DAY_MS, -365 * DAY_MS] {
            let clock = TestClock::install();
            let (_folder, core, presence) = connected(HOUR).await;
            clock.jump_ms(jump_ms);
            core.apply_directory().await.unwrap();
            assert_eq!(stay(&presence), Stay::Unlimited);
            clock.pass(SETTLING / 2);
            clock.jump_ms(-jump_ms);
            clock.pass(HOUR - SETTLING / 2 - Duration::from_secs(1));
            core.apply_directory().await.unwrap();
            assert_eq!(stay(&presence), Stay::Unlimited, "the token has not ended");
            clock.pass(Duration::from_secs(1));
            core.apply_directory().await.unwrap();
            assert_eq!(stay(&presence), Stay::CredentialEnded, "it ends when it should");
        }
    }

    #[tokio::test]
    async fn a_correction_of_the_wall_clock_that_lasts_ends_what_has_ended() {
        let clock = TestClock::install();
        let (_folder, core, presence) = connected(HOUR).await;
        clock.jump_ms(DAY_MS);
        core.apply_directory().await.unwrap();
        assert_eq!(stay(&presence), Stay::Unlimited);
        clock.pass(SETTLING);
        core.apply_directory().await.unwrap();
        assert_eq!(stay(&presence), Stay::CredentialEnded);
    }

    #[tokio::test]
    async fn credentials_end_also_while_the_directory_cannot_be_read() {
        let clock = TestClock::install();
        let (_folder, core, presence) = connected(HOUR).await;
        core.store.close().await;
        clock.pass(HOUR);
        core.apply_directory().await.unwrap_err();
        assert_eq!(stay(&presence), Stay::CredentialEnded);
    }
}
