//! What a gateway does, without a word of how it is reached.
//!
//! Protocol adapters call [`Core`]: they bring claims, registrations, answers and calls, and take away links, deliveries and
//! results. Nothing in here knows of HTTP or of sockets.

pub mod arguments;
mod calls;
mod catalog;
pub mod directory;
mod envelope;
pub mod environment;
pub mod error;
pub mod identity;
pub mod ids;
mod invoke;
pub mod oversize;
mod random;
pub mod registration;
pub mod secret;
mod throttle;
mod tools;
mod workers;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use platools::wire::ToolDeclaration;
use secrecy::SecretString;
use tokio::sync::RwLock;

pub use calls::{Outcome, Receipt};
pub use catalog::Changes;
pub use invoke::{CallReply, CallRequest};
pub use tools::ListedTool;
pub use workers::{Arrival, Closing, ClosingSignal, Delivery, Fence, Link};

use calls::Calls;
use catalog::Catalog;
use directory::{Claim, Directory, Entity, Refusal};
use error::{Error, ErrorKind};
use identity::{Caller, Identity, Role, Scope};
use ids::CallId;
use throttle::Throttle;
use workers::Workers;

use crate::store::Store;

/// A gateway without its protocols.
#[derive(Debug)]
pub struct Core {
    store: Store,
    directory: Directory,
    catalog: Catalog,
    workers: Workers,
    calls: Calls,
    throttles: Mutex<HashMap<Scope, Throttle>>,
    /// Read while a worker is let in, written while secrets change: no worker gets in on a secret that was just replaced.
    rotation: RwLock<()>,
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
    pub async fn open(folder: &Path) -> Result<Self, Error> {
        let store = Store::open(folder).await?;
        let directory = Directory::open(store.clone()).await?;
        let catalog = Catalog::open(store.clone()).await?;
        let calls = Calls::default();
        let workers = Workers::new(calls.clone());
        Ok(Self { store, directory, catalog, workers, calls, throttles: Mutex::default(), rotation: RwLock::default() })
    }

    /// Lets a worker in, in the place of a link of the same entity and environment that came before it.
    ///
    /// # Errors
    /// The claim does not hold; the text of the refusal is meant for the worker.
    pub async fn connect(&self, arrival: Arrival, claim: Claim) -> Result<Link, Refusal> {
        let _rotation = self.rotation.read().await;
        let identity = self.directory.authenticate_worker(&claim).await?;
        let secret = claim.secret.ok_or(Refusal::NoBearer)?;
        Ok(self.workers.attach(arrival, identity, secret))
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

    /// Ends a call with a worker's answer, if the call went to that worker.
    pub fn answer(&self, from: &Scope, call_id: &CallId, outcome: Outcome) -> Receipt {
        self.calls.answer(from, call_id, outcome)
    }

    /// Finds out whose key this is.
    ///
    /// # Errors
    /// The key is not known, or the database failed.
    pub async fn authenticate(&self, key: &SecretString) -> Result<Caller, Error> {
        self.directory.authenticate_caller(key).await
    }

    /// How many workers are connected.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.workers.count()
    }

    /// Adds an entity and returns its secret, which is not kept.
    ///
    /// # Errors
    /// There is one of that slug, the slug is malformed, or the database failed.
    pub async fn add_entity(&self, slug: &str) -> Result<SecretString, Error> {
        let secret = secret::generate();
        self.add_entity_with(slug, &secret).await?;
        Ok(secret)
    }

    pub(crate) async fn add_entity_with(&self, slug: &str, secret: &SecretString) -> Result<(), Error> {
        self.directory.add_entity(slug, secret).await
    }

    /// The entities, by slug.
    ///
    /// # Errors
    /// The database failed.
    pub async fn entities(&self) -> Result<Vec<Entity>, Error> {
        self.directory.entities().await
    }

    /// Gives an entity a new secret and closes the links that were opened with the old one.
    ///
    /// # Errors
    /// There is no such entity, or the database failed.
    pub async fn rotate_secret(&self, slug: &str) -> Result<SecretString, Error> {
        let secret = secret::generate();
        let _rotation = self.rotation.write().await;
        let entity = self.directory.rotate(slug, &secret).await?;
        self.workers.close_entity(&entity, Closing::SecretRotated);
        Ok(secret)
    }

    /// Adds a caller's key and returns it; it is not kept.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_key(&self, role: Role) -> Result<SecretString, Error> {
        let key = secret::generate();
        self.add_key_with(role, &key).await?;
        Ok(key)
    }

    pub(crate) async fn add_key_with(&self, role: Role, key: &SecretString) -> Result<(), Error> {
        self.directory.add_key(role, key).await
    }

    pub(crate) async fn add_agent_with(&self, slug: &str, key: &SecretString) -> Result<(), Error> {
        self.directory.add_agent(slug, key).await
    }

    pub(crate) async fn is_new(&self) -> Result<bool, Error> {
        self.directory.is_new().await
    }

    /// Closes every link, and ends every call that still waits.
    pub(crate) fn stop(&self) {
        self.workers.close_all(Closing::ShuttingDown);
        self.calls.fail_all(ErrorKind::Interrupted, "the gateway stopped before the tool answered");
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.store.close().await;
    }
}
