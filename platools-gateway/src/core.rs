//! [`Core`]: the services of a gateway, without its protocols. It builds them in order, holds them, and stops them in order.
//!
//! Adapters of protocols in `listen` call the services. Nothing in here knows HTTP or sockets.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::admin::{Admin, Administration, Projects, Reconciler};
use crate::agents::Agent;
use crate::agents::chat::{ChatSettings, ConversationServices, Conversations};
use crate::audit::{Audit, AuditSettings};
use crate::authority::SigningKeySource;
use crate::background::retention_clock::Aging;
use crate::background::tasks::Tasks;
use crate::calls::idempotency::IdempotencySettings;
use crate::calls::{CallServices, Calls};
use crate::catalog::Catalog;
use crate::connections::{Authenticator, Callers};
use crate::directory::Directory;
use crate::domain::database::DataSource;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Role;
use crate::feed::{BuiltinEvents, BuiltinState, DashboardAuth, Dashboards, Feed, FeedSettings, SnapshotProvider};
use crate::journal::{Journal, JournalFigures, JournalSettings};
use crate::limits::{Limiter, Limits, ProjectLimits};
use crate::links::{Closing, HealthMonitor, Links, Notice, Registrations};
use crate::ops::credential_upkeep::CredentialUpkeep;
use crate::ops::housekeeping::Housekeeping;
use crate::ops::log_feed::{LogFeed, Logs};
use crate::ops::metrics::{CallFigures, Metrics};
use crate::ops::readiness::Readiness;
use crate::pending::{CallSettings, PendingCalls};
use crate::ports::call_observer::{CallObserver, Observers};
use crate::ports::store::Storage;
use crate::ports::tool_changes::ToolChanges;
use crate::sessions::{EventHandler, RuntimeSettings, SessionServices, Sessions};
use crate::store::SqlStore;
use crate::tools::Tools;

/// A gateway without its protocols.
#[derive(Debug)]
pub struct Core {
    pub(crate) store: Arc<dyn Storage>,
    /// The tasks that run beside requests.
    pub(crate) tasks: Tasks,
    pub(crate) aging: Arc<Aging>,
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
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) audit: Arc<Audit>,
    /// Readiness for traffic.
    pub readiness: Readiness,
    pub(crate) credential_upkeep: Arc<CredentialUpkeep>,
}

/// Options of [`Core::start`]. The default keeps no journal, stores no sign-ins and refusals, and has no agent sessions.
#[derive(Debug, Default)]
pub(crate) struct CoreOptions {
    pub(crate) limits: Limits,
    pub(crate) signing_keys: SigningKeySource,
    /// None: no call is recorded.
    pub(crate) journal: Option<JournalSettings>,
    /// None: sign-ins and refusals are logged only. Changes are stored in any case.
    pub(crate) audit: Option<AuditSettings>,
    /// None: no agent begins a session.
    pub(crate) sessions: Option<RuntimeSettings>,
    /// The application's handlers of custom events of agents.
    pub(crate) event_handlers: Vec<EventHandler>,
    pub(crate) idempotency: IdempotencySettings,
    pub(crate) calls: CallSettings,
    pub(crate) chat: ChatSettings,
    /// The implementation of agents of [`Kind::Model`](crate::domain::profile::Kind::Model). None: they cannot answer.
    pub(crate) model: Option<Arc<dyn Agent>>,
    pub(crate) feed: FeedSettings,
    /// The application's snapshots for dashboards. None: dashboards see the gateway's own state.
    pub(crate) snapshots: Option<Arc<dyn SnapshotProvider>>,
    /// The check of the application's own tokens. None: dashboards need a token of the gateway.
    pub(crate) dashboard_auth: Option<Arc<dyn DashboardAuth>>,
    /// The log that admins may follow.
    pub(crate) logs: Option<LogFeed>,
    /// Observers of calls, beside those of the services.
    pub(crate) observers: Vec<Arc<dyn CallObserver>>,
    /// The share of new traces that are recorded, from 0 to 1.
    pub(crate) trace_ratio: f64,
    /// True if a caller without a credential is an operator instead of a viewer.
    pub(crate) is_without_auth: bool,
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
        options: CoreOptions,
    ) -> Result<Self, Error> {
        let tool_changes = ToolChanges::default();
        let aging = Arc::new(Aging::open(&*store).await?);
        let directory =
            Directory::open(Arc::clone(&store) as _, tool_changes.clone(), folder, options.signing_keys).await?;
        let directory = Arc::new(directory);
        let catalog = Arc::new(Catalog::new(Arc::clone(&store) as _));
        let (pending, call_figures) = (PendingCalls::default(), Arc::<CallFigures>::default());
        let mut observers = Observers::new(Arc::clone(&call_figures) as _);

        let journal = Arc::new(match options.journal {
            Some(settings) => {
                aging.log_start();
                Journal::start(Arc::clone(&store) as _, settings, &aging, &tasks)
            }
            None => Journal::closed(),
        });
        let limiter = Arc::new(Limiter::new(&options.limits));
        let audit = Arc::new(match options.audit {
            Some(settings) => {
                let aging = Arc::clone(&aging);
                let cutoff_ms = Arc::new(move |age| aging.cutoff_ms(age));
                Audit::start(Arc::clone(&store) as _, settings, cutoff_ms, &tasks)
            }
            None => Audit::without_task(Arc::clone(&store) as _),
        });
        let feed = Feed::new(options.feed, options.snapshots);
        let mut links = Links::new(pending.clone(), tool_changes.clone());
        links.configure(options.calls);
        if feed.has_builtin_state() {
            let events = Arc::new(BuiltinEvents(feed.clone()));
            observers.add(Arc::clone(&events) as _);
            links.observe(events);
        }
        let links = Arc::new(links);

        let callers = Arc::new(Callers::new(Arc::clone(&directory)));
        let anonymous_role = if options.is_without_auth { Role::Operator } else { Role::Viewer };
        let authenticator = Arc::new(Authenticator::new(
            Arc::clone(&directory),
            Arc::clone(&limiter),
            Arc::clone(&audit),
            Arc::clone(&links),
            anonymous_role,
        ));
        let health = Arc::new(HealthMonitor::new(Arc::clone(&catalog), Arc::clone(&links)));
        let registrations = Arc::new(Registrations::new(
            Arc::clone(&catalog),
            Arc::clone(&links),
            Arc::clone(&limiter),
            tool_changes.clone(),
        ));
        let tools = Arc::new(Tools::new(
            Arc::clone(&directory),
            Arc::clone(&catalog),
            Arc::clone(&links),
            Arc::clone(&health),
            tool_changes.clone(),
        ));
        let builtin = BuiltinState {
            feed: feed.clone(),
            directory: Arc::clone(&directory),
            catalog: Arc::clone(&catalog),
            links: Arc::clone(&links),
            health: Arc::clone(&health),
            journal: Arc::clone(&journal),
        };
        let dashboards = Arc::new(Dashboards::new(
            feed.clone(),
            Arc::clone(&directory),
            Arc::clone(&authenticator),
            Arc::clone(&audit),
            options.dashboard_auth,
            builtin,
        ));
        let reconciler = Arc::new(Reconciler {
            directory: Arc::clone(&directory),
            catalog: Arc::clone(&catalog),
            tool_changes: tool_changes.clone(),
            links: Arc::clone(&links),
            callers: Arc::clone(&callers),
            dashboards: Arc::clone(&dashboards),
        });
        let admin = Administration {
            directory: Arc::clone(&directory),
            limiter: Arc::clone(&limiter),
            audit: Arc::clone(&audit),
            catalog: Arc::clone(&catalog),
            links: Arc::clone(&links),
            tools: Arc::clone(&tools),
            reconciler: Arc::clone(&reconciler),
        };
        let services = SessionServices {
            directory: Arc::clone(&directory),
            limiter: Arc::clone(&limiter),
            audit: Arc::clone(&audit),
            authenticator: Arc::clone(&authenticator),
            sessions: Arc::clone(&store) as _,
            channels: Arc::clone(&store) as _,
        };
        let sessions = Arc::new(Sessions::start(services, options.sessions, options.event_handlers, &tasks).await?);
        observers.add(sessions.observer());
        options.observers.into_iter().for_each(|observer| observers.add(observer));

        let services = CallServices {
            directory: Arc::clone(&directory),
            catalog: Arc::clone(&catalog),
            tools: Arc::clone(&tools),
            links: Arc::clone(&links),
            pending: pending.clone(),
            limiter: Arc::clone(&limiter),
            journal: Arc::clone(&journal),
            records: Arc::clone(&store) as _,
            answers: Arc::clone(&store) as _,
            aging: Arc::clone(&aging),
            observers,
        };
        let calls = Arc::new(Calls::new(services, options.idempotency, options.trace_ratio));

        let services = ConversationServices {
            directory: Arc::clone(&directory),
            limiter: Arc::clone(&limiter),
            tools: Arc::clone(&tools),
            calls: Arc::clone(&calls),
            store: Arc::clone(&store) as _,
        };
        let conversations = Arc::new(Conversations::new(services, options.chat, options.model));
        let metrics = Arc::new(Metrics {
            directory: Arc::clone(&directory),
            limiter: Arc::clone(&limiter),
            catalog: Arc::clone(&catalog),
            links: Arc::clone(&links),
            tools: Arc::clone(&tools),
            journal: Arc::clone(&journal),
            callers: Arc::clone(&callers),
            sessions: Arc::clone(&sessions),
            feed: feed.clone(),
            calls: call_figures,
        });
        let readiness = Readiness::new(tasks.clone(), Arc::clone(&store) as _);
        let logs = Logs::new(options.logs, Arc::clone(&directory));
        let credential_upkeep = Arc::new(CredentialUpkeep {
            directory: Arc::clone(&directory),
            callers: Arc::clone(&callers),
            links: Arc::clone(&links),
            aging: Arc::clone(&aging),
        });
        Ok(Self {
            tasks,
            store,
            aging,
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
            logs,
            pending,
            calls,
            limiter,
            journal,
            sessions,
            conversations,
            feed,
            dashboards,
            metrics,
            audit,
            readiness,
            credential_upkeep,
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
            aging: Arc::clone(&self.aging),
            limiter: Arc::clone(&self.limiter),
            reconciler: Arc::clone(&self.reconciler),
            registrations: Arc::clone(&self.registrations),
            links: Arc::clone(&self.links),
            calls: Arc::clone(&self.calls),
            journal: Arc::clone(&self.journal),
            conversations: Arc::clone(&self.conversations),
            sessions: Arc::clone(&self.sessions),
            dashboards: Arc::clone(&self.dashboards),
            metrics: Arc::clone(&self.metrics),
            credential_upkeep: Arc::clone(&self.credential_upkeep),
        }
    }

    /// Makes the gateway not ready, and lets callers finish their requests.
    pub(crate) fn begin_drain(&self) {
        self.readiness.begin_drain();
        self.calls.begin_drain();
        self.callers.drain();
    }

    /// Waits until no call is in flight.
    pub(crate) async fn drained(&self) {
        self.calls.idle().await;
    }

    /// Tells every worker that the gateway is about to close its socket.
    pub(crate) fn announce_drain(&self, deadline: Duration) {
        self.links.notify_all(&Notice::Drain { deadline });
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
        self.pending.fail_all(ErrorKind::Interrupted, "the gateway stopped before the tool answered");
    }

    /// Writes what is queued for the store, and closes it. Each part has a deadline, so that a database that does not answer does
    /// not hold up the stop.
    pub async fn close(&self) {
        // The calls have ended; their answers are still to be stored.
        within(LAST_ANSWERS, "answers to calls with a key", self.calls.answers_kept()).await;
        tokio::join!(self.sessions.close(), self.journal.close());
        let notes = async {
            tokio::join!(self.credential_upkeep.store_last_uses(), self.store_last_aging(), self.audit.close())
        };
        within(LAST_NOTES, "last notes", notes).await;
        self.store.close().await;
    }

    async fn store_last_aging(&self) {
        if let Err(error) = self.aging.store(&*self.store).await {
            tracing::debug!(%error, "time of deletions could not be stored");
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
        tracing::error!(part, deadline_seconds = deadline.as_secs(), "part of the gateway did not end in time");
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

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
