//! What a gateway does, without a word of how it is reached.
//!
//! Protocol adapters call [`Core`]: they bring claims, registrations, answers and calls, and take away links, deliveries and
//! results. Nothing in here knows of HTTP or of sockets.

mod access;
pub mod admin;
pub mod agent;
pub mod arguments;
mod calls;
mod catalog;
pub mod chat;
pub mod clock;
pub(crate) mod digest;
pub mod directory;
mod envelope;
pub mod environment;
pub mod error;
pub mod figures;
pub(crate) mod gauge;
mod history;
pub mod idempotency;
pub mod identity;
pub mod ids;
mod invoke;
pub mod journal;
pub mod limits;
pub mod observe;
pub mod oversize;
pub mod project;
pub(crate) mod random;
pub mod ready;
pub mod registration;
pub mod schema;
mod secret;
mod throttle;
mod token;
mod tools;
pub mod trace;
mod workers;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use platools::wire::Features;
use platools::wire::ToolDeclaration;
use secrecy::SecretString;
use tokio::time::MissedTickBehavior;

pub use calls::{Outcome, Progress, Receipt};
pub use catalog::Changes;
pub use history::{CallQuery, CallsBefore};
pub use invoke::{CallReply, CallRequest};
pub use tools::{ListedTool, Switch, ToolName};
pub use workers::{Arrival, Closing, ClosingSignal, ConnectedWorker, Delivery, Fence, Link, Notice, Order};

use agent::Agent;
use calls::Calls;
use catalog::Catalog;
use chat::{ChatSettings, Runs};
use clock::now_ms;
use directory::{Claim, Directory, Refusal};
use error::{Error, ErrorKind};
use figures::CallFigures;
use idempotency::Idempotency;
use identity::{Caller, Credential, Identity, Scope};
use ids::CallId;
use journal::{Journal, JournalFigures, JournalSettings};
use limits::{Limiter, Limits};
use observe::{CallObserver, Observers};
use throttle::Throttle;
use workers::Workers;

use crate::store::Store;

/// How often a gateway looks whether another process changed the directory, and which credentials have ended.
const HOUSEKEEPING: Duration = Duration::from_millis(500);

/// How often what is old enough is forgotten.
const SWEEPING: Duration = Duration::from_secs(60);

/// A gateway without its protocols.
#[derive(Debug)]
pub struct Core {
    store: Store,
    directory: Directory,
    catalog: Catalog,
    workers: Workers,
    calls: Calls,
    idempotency: Idempotency,
    limiter: Arc<Limiter>,
    journal: Journal,
    runs: Runs,
    chat: ChatSettings,
    /// What agents think with that need a model.
    model: Option<Arc<dyn Agent>>,
    observers: Observers,
    /// How many of the traces that begin here are recorded, from 0 to 1.
    trace_ratio: f64,
    call_figures: Arc<CallFigures>,
    throttles: Mutex<HashMap<Scope, Throttle>>,
    /// Whether the gateway has begun to stop.
    stopping: AtomicBool,
}

/// What became of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Registration {
    /// The tools are these now.
    Stored(Changes),
    /// It came too soon.
    Throttled {
        /// How long to wait before registering again, in milliseconds.
        retry_after_ms: u64,
    },
    /// It has too many tools; nothing changed.
    TooMany {
        /// How many it has.
        count: usize,
    },
    /// A newer connection took this one's place; nothing changed.
    Superseded,
}

impl Core {
    /// Opens the database in a folder; both are made if they are not there. A gateway may run on the same folder.
    ///
    /// # Errors
    /// The folder or the database cannot be used.
    pub async fn open(folder: &Path, limits: &Limits) -> Result<Self, Error> {
        let core = Self::on(Store::open(folder).await?, limits).await?;
        core.catalog.load().await?;
        Ok(core)
    }

    /// Opens the database that a gateway has made in a folder. A gateway may run on the same folder. The tools are read when
    /// they are needed.
    ///
    /// # Errors
    /// There is none, or it cannot be used.
    pub async fn open_existing(folder: &Path) -> Result<Self, Error> {
        Self::on(Store::open_existing(folder).await?, &Limits::default()).await
    }

    async fn on(store: Store, limits: &Limits) -> Result<Self, Error> {
        let directory = Directory::open(store.clone()).await?;
        let catalog = Catalog::new(store.clone());
        let (calls, call_figures) = (Calls::default(), Arc::<CallFigures>::default());
        let workers = Workers::new(calls.clone());
        Ok(Self {
            store,
            directory,
            catalog,
            workers,
            calls,
            idempotency: Idempotency::default(),
            limiter: Arc::new(Limiter::new(limits)),
            journal: Journal::closed(),
            runs: Runs::default(),
            chat: ChatSettings::default(),
            model: None,
            observers: Observers::new(Arc::clone(&call_figures) as _),
            trace_ratio: 0.0,
            call_figures,
            throttles: Mutex::default(),
            stopping: AtomicBool::new(false),
        })
    }

    /// Begins to write a journal of calls, on the current tokio runtime. Without it none is written.
    #[must_use]
    pub fn with_journal(mut self, settings: JournalSettings) -> Self {
        self.journal = Journal::start(self.store.clone(), settings);
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

    /// Says how conversations are held. Without it they are held as [`ChatSettings::default`] says.
    #[must_use]
    pub fn with_chat(mut self, settings: ChatSettings) -> Self {
        self.chat = settings;
        self
    }

    /// Gives agents of [`Kind::Model`](agent::Kind::Model) something to think with. Without it they cannot answer.
    #[must_use]
    pub fn with_model(mut self, model: Arc<dyn Agent>) -> Self {
        self.model = Some(model);
        self
    }

    /// What the journal counted since the start.
    #[must_use]
    pub fn journal_figures(&self) -> JournalFigures {
        self.journal.figures()
    }

    /// Lets a worker in, in the place of a link of the same entity and environment that came before it.
    ///
    /// # Errors
    /// The claim does not hold; the text of the refusal is meant for the worker.
    pub async fn connect(&self, arrival: Arrival, claim: Claim, from: IpAddr) -> Result<Link, Refusal> {
        let too_many = |of| move |wait| Refusal::TooMany { of, wait };
        self.limiter.handshake(from).map_err(too_many("connections from this address"))?;
        let admitted = match self.directory.authenticate_worker(&claim).await {
            Err(Refusal::Unknown) => {
                self.limiter.failure(from).map_err(too_many("failed attempts from this address"))?;
                return Err(Refusal::Unknown);
            }
            other => other?,
        };
        let place = self.limiter.worker(&admitted.identity.entity_id, admitted.policy);
        let place = place.map_err(too_many("connections of this entity"))?;
        let (entity, credential) = (admitted.identity.entity_id.clone(), admitted.credential.clone());
        let secret = claim.secret.ok_or(Refusal::NoBearer)?;
        let link = self.workers.attach(arrival, admitted, secret, claim.features.intersection(Features::all()), place);
        // What ended the credential meanwhile closed the links it saw, and this was not one of them yet.
        let snapshot = self.directory.snapshot();
        if snapshot.entity(&entity).is_none() || !snapshot.is_good(&credential, now_ms()) {
            return Err(Refusal::Unknown);
        }
        Ok(link)
    }

    /// Takes notice of what changed in the directory, by whoever's hand, and closes links whose credential has ended.
    ///
    /// # Errors
    /// The database failed.
    pub async fn apply_directory(&self) -> Result<(), Error> {
        self.directory.refresh().await?;
        let (snapshot, now_ms) = (self.directory.snapshot(), now_ms());
        self.catalog.retain(|entity| snapshot.entity(entity).is_some());
        let has_ended = |link: &Identity, credential: &Credential| {
            // A token stays good by itself when its entity is gone.
            snapshot.entity(&link.entity_id).is_none() || !snapshot.is_good(credential, now_ms)
        };
        self.workers.close_where(has_ended, Closing::SecretRotated);
        Ok(())
    }

    /// Takes the complete set of tools of a worker: those it leaves out are gone.
    ///
    /// # Errors
    /// The database failed; nothing changed.
    pub async fn register(
        &self,
        identity: &Identity,
        fence: &Fence,
        tools: Vec<ToolDeclaration>,
    ) -> Result<Registration, Error> {
        if tools.len() > registration::MAX_TOOLS {
            return Ok(Registration::TooMany { count: tools.len() });
        }
        if let Some(retry_after_ms) = self.throttled(identity.scope()) {
            return Ok(Registration::Throttled { retry_after_ms });
        }
        let tools = registration::acceptable(tools);
        let changes = self.catalog.replace(identity, tools, || fence.is_current()).await?;
        Ok(changes.map_or(Registration::Superseded, Registration::Stored))
    }

    fn throttled(&self, scope: Scope) -> Option<u64> {
        let mut throttles = self.throttles.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = throttles.entry(scope).or_default().admit(Instant::now()).err()?;
        // Rounded up, so that a worker that waits exactly so long is admitted.
        Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1))
    }

    /// Looks after what changes by itself: what another process wrote into the directory, and credentials that end. Never
    /// returns.
    pub(crate) async fn keep_house(&self) {
        let mut interval = tokio::time::interval(HOUSEKEEPING);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut swept = Instant::now();
        loop {
            interval.tick().await;
            if let Err(error) = self.apply_directory().await {
                tracing::error!(%error, "the directory could not be read; it stays as it was");
            }
            if swept.elapsed() >= SWEEPING {
                swept = Instant::now();
                self.limiter.sweep();
                self.forget_old_figures();
                if let Err(error) = self.forget_old_answers().await {
                    tracing::error!(%error, "old answers could not be removed; they will be later");
                }
            }
        }
    }

    /// Ends a call with a worker's answer, if the call went to that worker.
    pub fn answer(&self, from: &Scope, call_id: &CallId, outcome: Outcome) -> Receipt {
        self.calls.answer(from, call_id, outcome)
    }

    /// Finds out whose key this is.
    ///
    /// # Errors
    /// The key is not known, or the database failed.
    pub async fn authenticate(&self, key: &SecretString, from: IpAddr) -> Result<Caller, Error> {
        let caller = self.directory.authenticate_caller(key).await;
        if caller.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unauthenticated) {
            self.limiter.failed_call(from)?;
        }
        caller
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

    /// Whether nobody has a key yet.
    pub(crate) fn is_new(&self) -> bool {
        self.directory.snapshot().has_no_keys()
    }

    /// Takes a worker's word on how far a call is, if the call went to that worker and its caller wants to know.
    pub fn progress(&self, from: &Scope, call_id: &CallId, progress: Progress) {
        self.calls.progress(from, call_id, progress);
    }

    /// Waits until no call is under way.
    pub(crate) async fn idle(&self) {
        self.journal.idle().await;
        self.idempotency.idle().await;
    }

    /// Tells every worker that the gateway is about to close its socket.
    pub(crate) fn announce_stop(&self, deadline: Duration) {
        self.workers.notify_all(&Notice::Drain { deadline });
    }

    /// Ends every call that still waits, and closes every link over a while.
    pub(crate) async fn stop(&self) {
        self.fail_calls();
        self.workers.close_spread(Closing::ShuttingDown).await;
    }

    /// Ends every call that still waits, and closes every link at once.
    pub(crate) fn abort(&self) {
        self.fail_calls();
        self.workers.close_all(Closing::ShuttingDown);
    }

    fn fail_calls(&self) {
        self.idempotency.begin_stop();
        self.calls.fail_all(ErrorKind::Interrupted, "the gateway stopped before the tool answered");
    }

    /// Writes the journal to its end, and closes the database.
    pub async fn close(&self) {
        // The calls have been ended; what they came to is still to be kept.
        self.idempotency.idle().await;
        self.journal.close().await;
        self.store.close().await;
    }
}
