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
use crate::calls::idempotency::Idempotency;
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

impl Core {
    /// Opens the database in a folder; both are made if they are not there. A gateway may run on the same folder.
    ///
    /// # Errors
    /// The folder or the database cannot be used.
    pub async fn open(folder: &Path, limits: &Limits) -> Result<Self, Error> {
        Self::open_with(folder, limits, SigningKeySource::default()).await
    }

    /// Like [`Core::open`], with the keys that sign tokens somewhere else than in the folder.
    ///
    /// # Errors
    /// The folder, the database or the signing keys cannot be used.
    pub async fn open_with(folder: &Path, limits: &Limits, signing_keys: SigningKeySource) -> Result<Self, Error> {
        let core = Self::on(SqliteStore::open(folder).await?, limits, folder, signing_keys).await?;
        core.directory.open_signing_keys().await?;
        core.catalog.load().await?;
        core.workers.keep_stored(core.catalog.as_declared());
        Ok(core)
    }

    /// Opens the database that a gateway has made in a folder. A gateway may run on the same folder. The tools are read when
    /// they are needed.
    ///
    /// # Errors
    /// There is none, or it cannot be used.
    pub async fn open_existing(folder: &Path) -> Result<Self, Error> {
        Self::open_existing_with(folder, SigningKeySource::default()).await
    }

    /// Like [`Core::open_existing`], with the keys that sign tokens somewhere else than in the folder. They are read when they are
    /// needed, too.
    ///
    /// # Errors
    /// There is no database, or it cannot be used.
    pub async fn open_existing_with(folder: &Path, signing_keys: SigningKeySource) -> Result<Self, Error> {
        let limits = Limits { project: ProjectLimits::unbounded(), ..Limits::default() };
        Self::on(SqliteStore::open_existing(folder).await?, &limits, folder, signing_keys).await
    }

    async fn on(
        store: SqliteStore,
        limits: &Limits,
        folder: &Path,
        signing_keys: SigningKeySource,
    ) -> Result<Self, Error> {
        let news = News::default();
        let tasks = store.tasks().clone();
        let store: Arc<dyn Storage> = Arc::new(store);
        let aging = Arc::new(Aging::open(&*store).await?);
        let directory = Arc::new(Directory::open(Arc::clone(&store) as _, news.clone(), folder, signing_keys).await?);
        let catalog = Catalog::new(Arc::clone(&store) as _);
        let (calls, call_figures) = (Calls::default(), Arc::<CallFigures>::default());
        let workers = Workers::new(calls.clone(), news.clone());
        let audit = Audit::without_task(Arc::clone(&store) as _);
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
            role_of_nobody: Role::Viewer,
            logs: None,
            calls,
            idempotency: Idempotency::default(),
            limiter: Arc::new(Limiter::new(limits)),
            journal: Journal::closed(),
            runs: Runs::default(),
            runtime: Runtime::closed(),
            chat: ChatSettings::default(),
            model: None,
            observers: Observers::new(Arc::clone(&call_figures) as _),
            feed: Feed::new(FeedSettings::default(), None),
            dashboard_auth: None,
            feed_revision: AtomicI64::default(),
            trace_ratio: 0.0,
            call_figures,
            throttles: Throttles::default(),
            departures: Departures::default(),
            audit,
            leaving: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        })
    }

    /// Begins to write a journal of calls, on the current tokio runtime. Without it none is written.
    #[must_use]
    pub fn with_journal(mut self, settings: JournalSettings) -> Self {
        self.aging.log_start();
        self.journal = Journal::start(Arc::clone(&self.store) as _, settings, &self.aging, &self.tasks);
        self
    }

    /// Begins to store sign-ins and refusals, on the current tokio runtime. Without it they are logged only; changes are stored in
    /// any case.
    #[must_use]
    pub fn with_audit(mut self, settings: AuditSettings) -> Self {
        let aging = Arc::clone(&self.aging);
        let cutoff_ms = Arc::new(move |age| aging.cutoff_ms(age));
        self.audit = Audit::start(Arc::clone(&self.store) as _, settings, cutoff_ms, &self.tasks);
        self
    }

    /// Begins to serve agents with sessions, on the current tokio runtime, and takes up the sessions that are stored. Without it
    /// there are none.
    ///
    /// # Errors
    /// The database failed.
    pub async fn with_runtime(mut self, settings: RuntimeSettings) -> Result<Self, Error> {
        let directory = Arc::clone(&self.directory);
        self.runtime = Runtime::start(Arc::clone(&self.store) as _, directory, settings, &self.tasks).await?;
        self.observers.add(self.runtime.observer());
        Ok(self)
    }

    /// Hands the custom events of agents to a function of the application, on the current tokio runtime. It has to come after
    /// [`Core::with_runtime`].
    #[must_use]
    pub(crate) fn with_event_handler(self, handler: EventHandler) -> Self {
        self.runtime.add_handler(handler, &self.tasks);
        self
    }

    /// Tells somebody of every call that ends. Several may be told.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn CallObserver>) -> Self {
        self.observers.add(observer);
        self
    }

    /// Marks so many of the traces that begin here as recorded, from none at 0 to all at 1. Without it none is.
    #[must_use]
    pub fn with_trace_ratio(mut self, ratio: f64) -> Self {
        self.trace_ratio = ratio;
        self
    }

    /// Says how dashboards are served, and by whom their snapshots are made. Without it nobody tells them anything.
    #[must_use]
    pub fn with_feed(mut self, settings: FeedSettings, provider: Option<Arc<dyn SnapshotProvider>>) -> Self {
        self.feed = Feed::new(settings, provider);
        if self.feed.has_own_state() {
            let events = Arc::new(OwnEvents(self.feed.clone()));
            self.observers.add(Arc::clone(&events) as _);
            self.workers.observe(events);
        }
        self
    }

    /// Lets dashboards in with tokens of the application. Without it, only with tokens of the gateway.
    #[must_use]
    pub fn with_dashboard_auth(mut self, auth: Arc<dyn DashboardAuth>) -> Self {
        self.dashboard_auth = Some(AuthChecks::new(auth));
        self
    }

    /// Says how long calls may take, and wait for workers that are not connected. Without it, as [`CallSettings::default`] says.
    #[must_use]
    pub fn with_calls(mut self, settings: CallSettings) -> Self {
        self.workers.configure(settings);
        self
    }

    /// The longest time that a call may take: [`CallSettings::max_timeout`].
    #[must_use]
    pub fn max_call_timeout(&self) -> Duration {
        self.workers.settings().max_timeout
    }

    /// Says how conversations are held. Without it they are held as [`ChatSettings::default`] says.
    #[must_use]
    pub fn with_chat(mut self, settings: ChatSettings) -> Self {
        self.chat = settings;
        self
    }

    /// Gives agents of [`Kind::Model`](crate::domain::profile::Kind::Model) something to think with. Without it they cannot answer.
    #[must_use]
    pub fn with_model(mut self, model: Arc<dyn Agent>) -> Self {
        self.model = Some(model);
        self
    }

    /// Has admins read what is logged. Without it they cannot.
    #[must_use]
    pub fn with_logs(mut self, feed: LogFeed) -> Self {
        self.logs = Some(feed);
        self
    }

    /// Takes whoever comes with nothing for an operator. Without it, nobody may do more than look.
    #[must_use]
    pub(crate) fn without_auth(mut self) -> Self {
        self.role_of_nobody = Role::Operator;
        self
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
