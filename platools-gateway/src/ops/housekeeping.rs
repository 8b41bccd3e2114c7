//! [`Housekeeping`]: starts the periodic jobs of a gateway. They apply changes of the directory by other processes, end expired credentials
//! and silent sessions, and delete old data.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio_util::task::AbortOnDropHandle;

use super::credential_upkeep::CredentialUpkeep;
use super::figures::FigureReader;
use super::recent_calls::RecentCalls;
use super::retention::forget_old;
use crate::admin::Reconciler;
use crate::agents::chat::Conversations;
use crate::background::periodic::every;
use crate::background::retention_clock::RetentionClock;
use crate::background::tasks::Tasks;
use crate::calls::Calls;
use crate::connections::BrowserSessions;
use crate::feed::Dashboards;
use crate::journal::Journal;
use crate::limits::Limiter;
use crate::links::{Links, Registrations};
use crate::ports::retention_clock::RetentionClockStore;
use crate::sessions::Sessions;

/// The services that need periodic maintenance.
#[derive(Debug, Clone)]
pub(crate) struct Housekeeping {
    pub(crate) tasks: Tasks,
    pub(crate) store: Arc<dyn RetentionClockStore>,
    pub(crate) retention_clock: Arc<RetentionClock>,
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) reconciler: Arc<Reconciler>,
    pub(crate) registrations: Arc<Registrations>,
    pub(crate) links: Arc<Links>,
    pub(crate) calls: Arc<Calls>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) conversations: Arc<Conversations>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) dashboards: Arc<Dashboards>,
    pub(crate) browser_sessions: Arc<BrowserSessions>,
    pub(crate) figures: Arc<FigureReader>,
    pub(crate) recent_calls: Arc<RecentCalls>,
    pub(crate) credential_upkeep: Arc<CredentialUpkeep>,
}

impl Housekeeping {
    /// Starts the maintenance on the current tokio runtime. Each job is a task of its own: a job that waits for the database delays no
    /// other one, above all not the end of credentials.
    pub(crate) fn start(self) -> HousekeepingTasks {
        let this = Arc::new(self);
        HousekeepingTasks(vec![
            this.repeat("credentials", LOOK, async |this| this.reconciler.end_credentials()),
            this.repeat("directory", LOOK, async |this| this.read_directory().await),
            this.repeat("sessions", LOOK, async |this| this.sessions.end_silent()),
            this.repeat("browser sessions", LOOK, async |this| this.browser_sessions.end_expired()),
            this.repeat("sessions elsewhere", LOOK_ELSEWHERE, async |this| this.browser_sessions.end_remote().await),
            this.repeat("heartbeats", HEARTBEATS, async |this| this.sessions.store_heartbeats()),
            this.repeat("sweep", SWEEP, async |this| this.sweep()),
            this.repeat("retention", SWEEP, async |this| {
                forget_old(&this.calls, &this.conversations, &this.sessions, &this.retention_clock).await;
            }),
            this.repeat("last uses", SWEEP, async |this| this.credential_upkeep.note_uses_of_sockets().await),
            this.repeat("token records", SWEEP, async |this| this.credential_upkeep.remove_ended_tokens().await),
            this.repeat("retention clock", SWEEP, async |this| this.store_retention_clock().await),
            this.keep_pools(),
        ])
    }

    /// Removes the tools of links that left a pool, in a supervised task.
    fn keep_pools(&self) -> AbortOnDropHandle<()> {
        let registrations = Arc::clone(&self.registrations);
        self.tasks.keep("pools", move || Arc::clone(&registrations).settle_departures())
    }

    /// Repeats a job in a supervised task.
    fn repeat<W, F>(self: &Arc<Self>, name: &'static str, period: Duration, job: W) -> AbortOnDropHandle<()>
    where
        W: Fn(Arc<Self>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send,
    {
        let this = Arc::clone(self);
        self.tasks.keep(name, move || {
            let (this, job) = (Arc::clone(&this), job.clone());
            async move { every(period, || job(Arc::clone(&this))).await }
        })
    }

    async fn read_directory(&self) {
        if let Err(error) = self.reconciler.reconcile().await {
            tracing::error!(%error, "directory not read again; it stays as it was");
        }
    }

    fn sweep(&self) {
        self.limiter.sweep();
        self.registrations.sweep();
        self.links.sweep();
        self.figures.sweep();
        self.recent_calls.sweep();
        self.journal.log_losses();
        self.dashboards.sweep_keys();
    }

    async fn store_retention_clock(&self) {
        if let Err(error) = self.retention_clock.store(&*self.store).await {
            tracing::warn!(%error, "time of the retention clock not stored; trying again later");
        }
    }
}

/// The tasks of the periodic maintenance, which end when this is dropped.
#[derive(Debug)]
pub(crate) struct HousekeepingTasks(Vec<AbortOnDropHandle<()>>);

impl HousekeepingTasks {
    /// Ends all tasks, and waits until none of them reads or writes any more.
    pub(crate) async fn stop(&mut self) {
        self.0.iter().for_each(|task| task.abort());
        join_all(self.0.drain(..)).await;
    }
}

/// The interval of looks at the directory, which another process may change, and at credentials that end.
const LOOK: Duration = Duration::from_millis(500);

/// The interval of questions to other gateways about the sessions of browsers that have sockets here.
const LOOK_ELSEWHERE: Duration = Duration::from_secs(2);

/// The largest lag of stored heartbeats of sessions.
const HEARTBEATS: Duration = Duration::from_secs(30);

/// The interval of removals of old data.
const SWEEP: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connections::CallerConnection;
    use crate::connections::ConnectionPhase;
    use crate::core::Core;
    use crate::domain::agent_profile::Profile;
    use crate::domain::identity::{Caller, Credential};
    use crate::feed::KeyedStream;
    use crate::limits::Limits;
    use crate::ports::clock::SETTLING;
    use crate::ports::clock::testing::TestClock;
    use crate::ports::time::ms_after;

    const HOUR: Duration = Duration::from_secs(60 * 60);
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;

    /// A caller that stays connected with a token that ends after a while.
    async fn connected(token_ends_in: Duration) -> (tempfile::TempDir, Core, CallerConnection) {
        let folder = tempfile::tempdir().unwrap();
        let core = Core::open(folder.path(), &Limits::default()).await.unwrap();
        let signed_by = core.directory.token_signer().keys().unwrap().signing().kid.clone();
        let expires_ms = ms_after(token_ends_in);
        let credential = Credential::Token { id: "t".to_owned(), expires_ms, signed_by, parents: Vec::new() };
        let caller = Caller { credential, ..core.authenticator.anonymous() };
        let presence = core.callers.arrive(None);
        core.callers.identify(&presence, &caller).unwrap();
        (folder, core, presence)
    }

    fn phase(presence: &CallerConnection) -> ConnectionPhase {
        *presence.phase().borrow()
    }

    #[tokio::test]
    async fn nothing_is_kept_of_the_keys_of_an_agent_that_was_removed() {
        let folder = tempfile::tempdir().unwrap();
        let core = Arc::new(Core::open(folder.path(), &Limits::default()).await.unwrap());
        let agent = core.local_admin().add_agent("trader", Profile::default()).await.unwrap().id;
        core.feed.watch_keys(&agent, KeyedStream::new("prices"), ["SOL"]);
        (0..3).for_each(|_| core.housekeeping().sweep());
        assert!(core.feed.has_declared_keys());
        core.local_admin().remove_agent("trader").await.unwrap();
        (0..2).for_each(|_| core.housekeeping().sweep());
        assert!(!core.feed.has_declared_keys());
    }

    #[tokio::test]
    async fn a_jump_of_the_wall_clock_ends_no_credential() {
        for jump_ms in [DAY_MS, 365 * DAY_MS, -DAY_MS, -365 * DAY_MS] {
            let clock = TestClock::install();
            let (_folder, core, presence) = connected(HOUR).await;
            clock.jump_ms(jump_ms);
            core.reconciler.reconcile().await.unwrap();
            assert_eq!(phase(&presence), ConnectionPhase::Open);
            clock.pass(SETTLING / 2);
            clock.jump_ms(-jump_ms);
            clock.pass(HOUR - SETTLING / 2 - Duration::from_secs(1));
            core.reconciler.reconcile().await.unwrap();
            assert_eq!(phase(&presence), ConnectionPhase::Open, "the token has not ended");
            clock.pass(Duration::from_secs(1));
            core.reconciler.reconcile().await.unwrap();
            assert_eq!(phase(&presence), ConnectionPhase::CredentialEnded, "it ends when it should");
        }
    }

    #[tokio::test]
    async fn a_correction_of_the_wall_clock_that_lasts_ends_what_has_ended() {
        let clock = TestClock::install();
        let (_folder, core, presence) = connected(HOUR).await;
        clock.jump_ms(DAY_MS);
        core.reconciler.reconcile().await.unwrap();
        assert_eq!(phase(&presence), ConnectionPhase::Open);
        clock.pass(SETTLING);
        core.reconciler.reconcile().await.unwrap();
        assert_eq!(phase(&presence), ConnectionPhase::CredentialEnded);
    }

    #[tokio::test]
    async fn credentials_end_also_while_the_directory_cannot_be_read() {
        let clock = TestClock::install();
        let (_folder, core, presence) = connected(HOUR).await;
        core.store.close().await;
        clock.pass(HOUR);
        core.reconciler.reconcile().await.unwrap_err();
        assert_eq!(phase(&presence), ConnectionPhase::CredentialEnded);
    }
}
