//! What a gateway does, without a word of how it is reached.
//!
//! Protocol adapters call [`Core`]: they bring claims, registrations, answers and calls, and take away links, deliveries and
//! results. Nothing in here knows of HTTP or of sockets.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use crate::agents::Agent;
use crate::agents::chat::{ChatSettings, Runs};
use crate::audit::{Audit, AuditSettings};
use crate::authority::SigningKeySource;
use crate::background::retention_clock::Aging;
use crate::background::tasks::Tasks;
use crate::calls::idempotency::{Idempotency, IdempotencySettings};
use crate::catalog::Catalog;
use crate::catalog::changes::News;
use crate::connections::{Callers, OpenSockets};
use crate::directory::Directory;
use crate::domain::error::Error;
use crate::domain::identity::{Role, Scope};
use crate::domain::ids::CallId;
use crate::feed::{AuthChecks, DashboardAuth, Feed, FeedSettings, OwnEvents, SnapshotProvider};
use crate::journal::{Journal, JournalFigures, JournalSettings};
use crate::limits::{Limiter, Limits, ProjectLimits};
use crate::links::tool_health::HealthTable;
use crate::links::{Departures, Throttles, Workers};
use crate::ops::log_feed::LogFeed;
use crate::ops::metrics::CallFigures;
use crate::pending::{CallSettings, Calls, Outcome, Receipt, Report};
use crate::ports::call_observer::{CallObserver, Observers};
use crate::ports::store::Storage;
use crate::sessions::{EventHandler, Runtime, RuntimeSettings};
use crate::store::SqliteStore;
use crate::tools::HandleTables;

/// A gateway without its protocols.
#[derive(Debug)]
pub struct Core {
    pub(crate) store: Arc<dyn Storage>,
    /// The tasks that run beside requests.
    pub(crate) tasks: Tasks,
    pub(crate) aging: Arc<Aging>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) catalog: Catalog,
    pub(crate) handle_tables: HandleTables,
    pub(crate) health: HealthTable,
    pub(crate) news: News,
    pub(crate) workers: Workers,
    pub(crate) callers: Callers,
    /// What whoever comes with nothing may do.
    pub(crate) role_of_nobody: Role,
    pub(crate) logs: Option<LogFeed>,
    pub(crate) calls: Calls,
    pub(crate) idempotency: Idempotency,
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) journal: Journal,
    pub(crate) runs: Runs,
    pub(crate) runtime: Runtime,
    pub(crate) chat: ChatSettings,
    /// What agents think with that need a model.
    pub(crate) model: Option<Arc<dyn Agent>>,
    pub(crate) observers: Observers,
    pub(crate) feed: Feed,
    /// The application's check of its own tokens, if it has one.
    pub(crate) dashboard_auth: Option<AuthChecks>,
    /// The revision of the directory that the feed's own state was last looked at for.
    pub(crate) feed_revision: AtomicI64,
    /// How many of the traces that begin here are recorded, from 0 to 1.
    pub(crate) trace_ratio: f64,
    pub(crate) call_figures: Arc<CallFigures>,
    pub(crate) throttles: Throttles,
    pub(crate) departures: Departures,
    pub(crate) audit: Audit,
    /// True once the gateway is about to stop and still serves everything.
    pub(crate) leaving: AtomicBool,
    /// Whether the gateway has begun to stop.
    pub(crate) stopping: AtomicBool,
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

    /// Opens the database in a folder, like [`Core::open`], with these options.
    ///
    /// # Errors
    /// The folder, the database or the signing keys cannot be used.
    pub(crate) async fn open_with(folder: &Path, options: CoreOptions) -> Result<Self, Error> {
        let store = SqliteStore::open(folder).await?;
        let tasks = store.tasks().clone();
        let core = Self::start(Arc::new(store), tasks, folder, options).await?;
        core.directory.open_signing_keys().await?;
        core.catalog.load().await?;
        core.workers.keep_stored(core.catalog.as_declared());
        Ok(core)
    }

    /// Opens the database that a gateway has made in a folder. A gateway may run on the same folder. Tools are read when they are
    /// needed.
    ///
    /// # Errors
    /// There is no database, or it cannot be used.
    pub async fn open_existing(folder: &Path) -> Result<Self, Error> {
        Self::open_existing_with(folder, SigningKeySource::default()).await
    }

    /// Like [`Core::open_existing`], with signing keys that are not in the folder. They are read when they are needed, too.
    ///
    /// # Errors
    /// There is no database, or it cannot be used.
    pub async fn open_existing_with(folder: &Path, signing_keys: SigningKeySource) -> Result<Self, Error> {
        let limits = Limits { project: ProjectLimits::unbounded(), ..Limits::default() };
        let store = SqliteStore::open_existing(folder).await?;
        let tasks = store.tasks().clone();
        Self::start(Arc::new(store), tasks, folder, CoreOptions { limits, signing_keys, ..CoreOptions::default() })
            .await
    }

    /// Builds every service over a store, from the lowest to the highest, on the current tokio runtime.
    ///
    /// # Errors
    /// The database failed.
    pub(crate) async fn start(
        store: Arc<dyn Storage>,
        tasks: Tasks,
        folder: &Path,
        options: CoreOptions,
    ) -> Result<Self, Error> {
        let news = News::default();
        let aging = Arc::new(Aging::open(&*store).await?);
        let directory = Directory::open(Arc::clone(&store) as _, news.clone(), folder, options.signing_keys).await?;
        let directory = Arc::new(directory);
        let catalog = Catalog::new(Arc::clone(&store) as _);
        let (calls, call_figures) = (Calls::default(), Arc::<CallFigures>::default());
        let mut observers = Observers::new(Arc::clone(&call_figures) as _);

        let journal = match options.journal {
            Some(settings) => {
                aging.log_start();
                Journal::start(Arc::clone(&store) as _, settings, &aging, &tasks)
            }
            None => Journal::closed(),
        };
        let audit = match options.audit {
            Some(settings) => {
                let aging = Arc::clone(&aging);
                let cutoff_ms = Arc::new(move |age| aging.cutoff_ms(age));
                Audit::start(Arc::clone(&store) as _, settings, cutoff_ms, &tasks)
            }
            None => Audit::without_task(Arc::clone(&store) as _),
        };
        let runtime = match options.sessions {
            Some(settings) => {
                let runtime = Runtime::start(Arc::clone(&store) as _, Arc::clone(&directory), settings, &tasks).await?;
                options.event_handlers.into_iter().for_each(|handler| runtime.add_handler(handler, &tasks));
                observers.add(runtime.observer());
                runtime
            }
            None => Runtime::closed(),
        };
        let feed = Feed::new(options.feed, options.snapshots);
        let mut workers = Workers::new(calls.clone(), news.clone());
        workers.configure(options.calls);
        if feed.has_own_state() {
            let events = Arc::new(OwnEvents(feed.clone()));
            observers.add(Arc::clone(&events) as _);
            workers.observe(events);
        }
        options.observers.into_iter().for_each(|observer| observers.add(observer));
        Ok(Self {
            tasks,
            store,
            aging,
            directory,
            catalog,
            handle_tables: HandleTables::default(),
            health: HealthTable::default(),
            news,
            workers,
            callers: Callers::default(),
            role_of_nobody: if options.is_without_auth { Role::Operator } else { Role::Viewer },
            logs: options.logs,
            calls,
            idempotency: Idempotency::new(options.idempotency),
            limiter: Arc::new(Limiter::new(&options.limits)),
            journal,
            runs: Runs::default(),
            runtime,
            chat: options.chat,
            model: options.model,
            observers,
            feed,
            dashboard_auth: options.dashboard_auth.map(AuthChecks::new),
            feed_revision: AtomicI64::default(),
            trace_ratio: options.trace_ratio,
            call_figures,
            throttles: Throttles::default(),
            departures: Departures::default(),
            audit,
            leaving: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        })
    }

    /// The longest time that a call may take: [`CallSettings::max_timeout`].
    #[must_use]
    pub fn max_call_timeout(&self) -> Duration {
        self.workers.settings().max_timeout
    }

    /// What the journal counted since the start.
    #[must_use]
    pub fn journal_figures(&self) -> JournalFigures {
        self.journal.figures()
    }

    /// Ends a call with a worker's answer, if the call went to that worker.
    pub fn answer(&self, from: &Scope, call_id: &CallId, outcome: Outcome) -> Receipt {
        self.calls.answer(from, call_id, outcome)
    }

    /// The record of changes, sign-ins and refusals.
    pub(crate) fn audit(&self) -> &Audit {
        &self.audit
    }

    /// The tasks that run beside requests.
    pub(crate) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// What keeps to the limits.
    pub(crate) fn limiter(&self) -> &Arc<Limiter> {
        &self.limiter
    }

    /// How many workers are connected.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.workers.count()
    }

    /// How many callers are connected and known.
    #[must_use]
    pub fn caller_count(&self) -> usize {
        self.callers.count()
    }

    /// The WebSockets that are open: of callers, dashboards, agents with sessions, and workers.
    #[must_use]
    pub fn open_sockets(&self) -> OpenSockets {
        OpenSockets { workers: self.workers.count(), ..self.callers.sockets() }
    }

    /// Whether the gateway has begun to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// True if this start made the database.
    pub(crate) fn is_first_start(&self) -> bool {
        self.store.is_made()
    }

    /// Whether nobody has a key yet.
    pub(crate) fn is_new(&self) -> bool {
        self.directory.snapshot().has_no_keys()
    }

    /// Takes what a tool says while it runs, if the call went to that worker and its caller wants to know.
    pub fn report(&self, from: &Scope, call_id: &CallId, report: Report) {
        self.calls.report(from, call_id, report);
    }
}
