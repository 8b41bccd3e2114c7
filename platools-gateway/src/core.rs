//! [`Core`]: builds the services of a gateway in order, holds them, and stops them in order. It has no protocols. `base_services` builds
//! the lowest services, such as the directory, and `Core::start` builds the others, each from the services that it names.

mod base_services;
mod options;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::admin::{Admin, Administration, Projects, Reconciler};
use crate::agents::chat::{ConversationServices, Conversations};
use crate::audit::Audit;
use crate::authority::SigningKeySource;
use crate::background::retention_clock::RetentionClock;
use crate::background::tasks::Tasks;
use crate::calls::{CallServices, Calls};
use crate::catalog::Catalog;
use crate::cluster::{Cluster, ClusterServices, MemberPeers};
use crate::connections::{Authenticator, BrowserSessions, Callers, SignInCodes};
use crate::directory::Directory;
use crate::domain::database::DataSource;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Role;
use crate::feed::{BuiltinState, Dashboards, Feed, SnapshotSource};
use crate::journal::{Journal, JournalFigures};
use crate::limits::{Limiter, Limits, ProjectLimits};
use crate::links::{Closing, HealthMonitor, Links, Notice, Registrations};
use crate::ops::credential_upkeep::CredentialUpkeep;
use crate::ops::figures::FigureReader;
use crate::ops::housekeeping::Housekeeping;
use crate::ops::installation::InstallationStatus;
use crate::ops::live_events::LiveEvents;
use crate::ops::log_tail::Logs;
use crate::ops::readiness::Readiness;
use crate::ops::recent_calls::RecentCalls;
use crate::pending::PendingCalls;
use crate::ports::browser_session_peers::BrowserSessionPeers;
use crate::ports::call_observer::Observers;
use crate::ports::call_peers::CallPeers;
use crate::ports::session_peers::SessionPeers;
use crate::ports::store::Storage;
use crate::ports::ticket_peers::TicketPeers;
use crate::sessions::{SessionServices, Sessions};
use crate::store::SqlStore;
use crate::tools::Tools;

use base_services::BaseServices;
pub(crate) use options::CoreOptions;

/// The needs of a service: each field is a clone of the variable of that name, or of the one behind the colon.
macro_rules! needs {
    ($needs:ident { $($field:ident $(: $variable:ident)?),* $(,)? }) => {
        $needs { $($field: needs!(@ $field $($variable)?)),* }
    };
    (@ $variable:ident) => { $variable.clone() };
    (@ $field:ident $variable:ident) => { $variable.clone() };
}

/// A gateway without its protocols.
#[derive(Debug)]
pub struct Core {
    pub(crate) store: Arc<dyn Storage>,
    /// The tasks that run beside requests.
    pub(crate) tasks: Tasks,
    pub(crate) retention_clock: Arc<RetentionClock>,
    pub(crate) admin: Administration,
    pub(crate) reconciler: Arc<Reconciler>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) catalog: Arc<Catalog>,
    /// Tools as callers see them.
    pub tools: Arc<Tools>,
    pub(crate) health: Arc<HealthMonitor>,
    /// Registration of the tools of workers.
    pub registrations: Arc<Registrations>,
    pub(crate) links: Arc<Links>,
    /// Authentication of workers and callers.
    pub authenticator: Arc<Authenticator>,
    pub(crate) callers: Arc<Callers>,
    pub(crate) browser_sessions: Arc<BrowserSessions>,
    pub(crate) sign_in_codes: SignInCodes,
    /// True of a gateway for development.
    pub(crate) is_development: bool,
    pub(crate) logs: Logs,
    /// Calls that wait for the answers of their workers.
    pub pending: PendingCalls,
    /// Calls of tools.
    pub calls: Arc<Calls>,
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) sessions: Arc<Sessions>,
    /// Conversations of users with agents.
    pub conversations: Arc<Conversations>,
    /// Events for dashboards.
    pub feed: Feed,
    pub(crate) dashboards: Arc<Dashboards>,
    pub(crate) figures: Arc<FigureReader>,
    pub(crate) audit: Arc<Audit>,
    /// Readiness for traffic.
    pub readiness: Readiness,
    pub(crate) credential_upkeep: Arc<CredentialUpkeep>,
    /// The other gateways of the installation, if there are any.
    pub(crate) cluster: Option<Arc<Cluster>>,
    pub(crate) installation: InstallationStatus,
    pub(crate) recent_calls: Arc<RecentCalls>,
    pub(crate) live_events: Arc<LiveEvents>,
}

impl Core {
    /// Opens the database in a folder, creating both if they do not exist. A gateway may run on the same folder. Nothing is recorded:
    /// the journal is off, and there are no agent sessions.
    ///
    /// # Errors
    /// The folder or the database cannot be used.
    pub async fn open(folder: &Path, limits: &Limits) -> Result<Self, Error> {
        Self::open_with(folder, CoreOptions { limits: limits.clone(), ..CoreOptions::default() }).await
    }

    /// Opens the database at a place, like [`Core::open`], with these options.
    ///
    /// # Errors
    /// The folder, the database or the signing keys cannot be used.
    pub(crate) async fn open_with(source: impl Into<DataSource>, options: CoreOptions) -> Result<Self, Error> {
        let source = source.into();
        let store = SqlStore::open_at(&source).await?;
        let tasks = store.tasks().clone();
        let core = Self::start(Arc::new(store), tasks, source.folder(), options).await?;
        core.directory.open_signing_keys().await?;
        core.catalog.load().await?;
        core.links.keep_stored(core.catalog.as_declared());
        Ok(core)
    }

    /// Opens the database that a gateway has made in a folder. A gateway may run on the same folder. Tools are read when they are
    /// needed.
    ///
    /// # Errors
    /// There is no database, or it cannot be used.
    pub async fn open_existing(folder: &Path) -> Result<Self, Error> {
        Self::open_existing_with(&folder.into(), SigningKeySource::default()).await
    }

    /// Like [`Core::open_existing`], with a database elsewhere, or signing keys that are not in the folder. They are read when they are
    /// needed, too.
    ///
    /// # Errors
    /// There is no database, or it cannot be used.
    pub async fn open_existing_with(source: &DataSource, signing_keys: SigningKeySource) -> Result<Self, Error> {
        let limits = Limits { project: ProjectLimits::unbounded(), ..Limits::default() };
        let store = SqlStore::open_existing_at(source).await?;
        let tasks = store.tasks().clone();
        let options = CoreOptions { limits, signing_keys, ..CoreOptions::default() };
        Self::start(Arc::new(store), tasks, source.folder(), options).await
    }

    /// Builds every service over a store, from the lowest to the highest, on the current tokio runtime.
    ///
    /// # Errors
    /// The database failed.
    pub(crate) async fn start(
        store: Arc<dyn Storage>,
        tasks: Tasks,
        folder: Option<&Path>,
        mut options: CoreOptions,
    ) -> Result<Self, Error> {
        let base = BaseServices::open(store, tasks, folder, &mut options).await?;
        let observers = base.observers();
        let BaseServices { store, tasks, retention_clock, directory, catalog, tool_changes, clock, .. } = base;
        let BaseServices { limiter, journal, audit, pending, links, messenger, feed, .. } = base;
        let BaseServices { call_figures, recent_calls, live_events, .. } = base;

        let callers = Arc::new(Callers::new(directory.clone()));
        let peers = messenger.as_ref().map(|(messenger, _)| Arc::new(MemberPeers::new(messenger.clone())));
        let of_sessions = (options.gateway, peers.clone().map(|peers| peers as Arc<dyn BrowserSessionPeers>));
        let browser_sessions =
            BrowserSessions::new(directory.clone(), callers.clone(), options.console.clone(), of_sessions);
        let browser_sessions = Arc::new(browser_sessions);
        let sign_in_codes = SignInCodes::new(directory.clone());
        let role = if options.is_without_auth { Role::Operator } else { Role::Viewer };
        let authenticator = Authenticator::new(directory.clone(), limiter.clone(), audit.clone(), links.clone(), role);
        let authenticator = Arc::new(authenticator);
        let observer = messenger.as_ref().map(|(_, publishers)| Arc::clone(&publishers.fan_out) as _);
        let health = Arc::new(HealthMonitor::new(catalog.clone(), links.clone(), observer));
        let (limit, changes) = (options.calls.max_timeout, tool_changes.clone());
        let registrations = Registrations::new(catalog.clone(), links.clone(), limiter.clone(), changes, limit);
        let registrations = Arc::new(registrations);
        let changes = tool_changes.clone();
        let tools = Tools::new(directory.clone(), catalog.clone(), links.clone(), health.clone(), changes);
        let tools = Arc::new(tools);
        let builtin = needs!(BuiltinState { feed, directory, catalog, links, health, journal });
        let snapshots = SnapshotSource { builtin, provider: options.snapshots, limit: options.feed.snapshot_limit };
        let dashboards = Dashboards::new(
            feed.clone(),
            directory.clone(),
            authenticator.clone(),
            audit.clone(),
            options.dashboard_auth,
            snapshots,
        );
        let dashboards = Arc::new(dashboards);
        let reconciler = needs!(Reconciler { directory, catalog, tool_changes, links, callers, dashboards });
        let reconciler = Arc::new(reconciler);
        let admin = needs!(Administration { directory, limiter, audit, catalog, links, tools, reconciler });

        let session_peers =
            messenger.as_ref().map(|(_, publishers)| Arc::clone(&publishers.fan_out) as Arc<dyn SessionPeers>);
        let gateway = options.gateway;
        let ticket_peers = peers.clone().map(|peers| peers as Arc<dyn TicketPeers>);
        let services = needs!(SessionServices {
            directory,
            limiter,
            audit,
            authenticator,
            sessions: store,
            channels: store,
            clock,
            peers: session_peers,
            gateway,
            ticket_peers,
        });
        let sessions = Sessions::start(services, options.sessions, options.event_handlers, &tasks).await?;
        let sessions = Arc::new(sessions);
        let observers =
            observers.into_iter().chain([sessions.observer()]).chain(options.observers).collect::<Observers>();
        let (peers, is_member) = (peers.map(|peers| peers as Arc<dyn CallPeers>), messenger.is_some());
        let services = needs!(CallServices {
            directory,
            catalog,
            tools,
            links,
            pending,
            limiter,
            journal,
            journal_store: store,
            idempotency_store: store,
            retention_clock,
            observers,
            peers,
        });
        let origin = (options.gateway, options.trace_ratio);
        let calls = Arc::new(Calls::new(services, options.calls, options.idempotency, origin));
        let services = needs!(ConversationServices { directory, limiter, tools, calls, store });
        let conversations = Conversations::new(services, options.chat, options.model);
        let conversations = Arc::new(if is_member { conversations.shared() } else { conversations });

        let cluster = messenger.map(|(messenger, publishers)| {
            let max_timeout = options.calls.max_timeout;
            let services = needs!(ClusterServices {
                messenger,
                publishers,
                links,
                catalog,
                pending,
                tool_changes,
                reconciler,
                sessions,
                browser_sessions,
                feed,
                health,
                calls,
                limiter,
                max_timeout,
            });
            Arc::new(Cluster::start(services, &tasks))
        });
        let figures = needs!(FigureReader {
            directory,
            limiter,
            catalog,
            links,
            tools,
            journal,
            callers,
            sessions,
            feed,
            calls: call_figures,
            cluster,
        });
        let figures = Arc::new(figures);
        let outages = cluster.as_ref().map(|cluster| cluster.outages().clone());
        let readiness = Readiness::new(tasks.clone(), store.clone(), outages);
        let setting_report = Arc::new(std::mem::take(&mut options.setting_report));
        let installation = needs!(InstallationStatus { directory, cluster, setting_report });
        let logs = Logs::new(options.logs, directory.clone());
        let credential_upkeep = Arc::new(needs!(CredentialUpkeep { directory, callers, links, retention_clock }));
        Ok(Self {
            store,
            tasks,
            retention_clock,
            admin,
            reconciler,
            directory,
            catalog,
            tools,
            health,
            registrations,
            links,
            authenticator,
            callers,
            browser_sessions,
            sign_in_codes,
            is_development: options.is_development,
            logs,
            pending,
            calls,
            limiter,
            journal,
            sessions,
            conversations,
            feed,
            dashboards,
            figures,
            audit,
            readiness,
            credential_upkeep,
            cluster,
            installation,
            recent_calls,
            live_events,
        })
    }

    /// The default project, for the program that the gateway runs in.
    #[must_use]
    pub fn local_admin(&self) -> Admin<'_> {
        self.admin.local()
    }

    /// All projects, for the command line. A program that can read the data folder may do anything.
    #[must_use]
    pub fn local_projects(&self) -> Projects<'_> {
        self.admin.local_projects()
    }

    /// The periodic maintenance of the services.
    pub(crate) fn housekeeping(&self) -> Housekeeping {
        Housekeeping {
            tasks: self.tasks.clone(),
            store: Arc::clone(&self.store) as _,
            retention_clock: Arc::clone(&self.retention_clock),
            limiter: Arc::clone(&self.limiter),
            reconciler: Arc::clone(&self.reconciler),
            registrations: Arc::clone(&self.registrations),
            links: Arc::clone(&self.links),
            calls: Arc::clone(&self.calls),
            journal: Arc::clone(&self.journal),
            conversations: Arc::clone(&self.conversations),
            sessions: Arc::clone(&self.sessions),
            dashboards: Arc::clone(&self.dashboards),
            browser_sessions: Arc::clone(&self.browser_sessions),
            figures: Arc::clone(&self.figures),
            recent_calls: Arc::clone(&self.recent_calls),
            credential_upkeep: Arc::clone(&self.credential_upkeep),
        }
    }

    /// Makes the gateway not ready, and lets callers finish their requests.
    pub(crate) fn begin_drain(&self) {
        self.readiness.begin_drain();
        if let Some(cluster) = &self.cluster {
            cluster.begin_drain();
        }
        self.calls.begin_drain();
        self.callers.drain();
    }

    /// Waits until no call is in flight, also none of another gateway at a worker of this one.
    pub(crate) async fn drained(&self) {
        self.calls.idle().await;
        if let Some(cluster) = &self.cluster {
            cluster.answers_sent().await;
        }
    }

    /// Tells every worker that the gateway is about to close its socket.
    pub(crate) fn announce_drain(&self, deadline: Duration) {
        self.links.notify_all(&Notice::Drain { deadline: Some(deadline) });
    }

    /// Ends every call that still waits, and closes every link over a while.
    pub(crate) async fn close_links(&self) {
        self.fail_calls();
        self.links.close_spread(Closing::ShuttingDown).await;
    }

    /// Ends every call that still waits, and closes every link and every caller's socket at once.
    pub(crate) fn abort(&self) {
        self.sessions.abort();
        self.fail_calls();
        self.links.close_all(Closing::ShuttingDown);
        self.callers.dismiss_all();
    }

    fn fail_calls(&self) {
        self.calls.begin_drain();
        self.calls.end_waits();
        self.pending.fail_all(ErrorKind::Interrupted, "the gateway stopped before the tool answered");
    }

    /// Writes what is queued for the store, and closes it. Each part has a deadline, so that a database that does not answer does
    /// not hold up the stop.
    pub async fn close(&self) {
        // The calls have ended; their answers are still to be stored.
        within(LAST_ANSWERS, "answers to calls with a key", self.calls.answers_kept()).await;
        if let Some(cluster) = &self.cluster {
            within(LAST_ANSWERS, "answers for other gateways", cluster.answers_sent()).await;
        }
        tokio::join!(self.sessions.close(), self.journal.close());
        let notes = async {
            tokio::join!(
                self.credential_upkeep.store_last_uses(),
                self.store_retention_clock(),
                self.audit.close(),
                self.conversations.close(),
            )
        };
        within(LAST_NOTES, "last notes", notes).await;
        self.store.close().await;
    }

    async fn store_retention_clock(&self) {
        if let Err(error) = self.retention_clock.store(&*self.store).await {
            tracing::debug!(%error, "time of the retention clock not stored");
        }
    }

    /// Counters of the journal since the start.
    #[must_use]
    pub fn journal_figures(&self) -> JournalFigures {
        self.journal.figures()
    }

    /// The number of connected workers.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.links.count()
    }

    /// The number of callers that are connected and known.
    #[must_use]
    pub fn caller_count(&self) -> usize {
        self.callers.count()
    }

    /// True if this start made the database.
    pub(crate) fn is_first_start(&self) -> bool {
        self.store.is_made()
    }

    /// True if there is no key yet.
    pub(crate) fn is_new(&self) -> bool {
        self.directory.snapshot().has_no_keys()
    }
}

/// The time that the answers to calls with a key may take to be stored.
const LAST_ANSWERS: Duration = Duration::from_secs(3);

/// The time that the last small notes may take to be stored.
const LAST_NOTES: Duration = Duration::from_secs(2);

/// Waits for a part of the gateway to end, up to a deadline.
async fn within<T>(deadline: Duration, part: &'static str, end: impl Future<Output = T>) {
    if timeout(deadline, end).await.is_err() {
        tracing::error!(part, deadline_seconds = deadline.as_secs(), "part of the gateway not ended in time");
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::journal::JournalSettings;
    use crate::sessions::RuntimeSettings;

    #[tokio::test]
    async fn a_database_that_does_not_answer_does_not_hold_up_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let options = CoreOptions {
            journal: Some(JournalSettings::default()),
            sessions: Some(RuntimeSettings::default()),
            ..CoreOptions::default()
        };
        let core = Core::open_with(folder.path(), options).await.unwrap();
        let held = core.store.hold_writes().await;
        tokio::time::pause();
        let begun = Instant::now();
        core.close().await;
        // The end of a gateway has 20 seconds, of which workers and callers have five to take leave.
        assert!(begun.elapsed() <= Duration::from_secs(15), "{:?}", begun.elapsed());
        drop(held);
    }
}
