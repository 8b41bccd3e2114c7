//! `Directory`: organizations, projects, environments, entities, agents and keys. They are stored in the database, and read from memory.
//!
//! An unknown secret of a worker or caller may be a new one, so the directory looks for it in the database, at most a few times a second.

mod agent_address;
mod caller_lookup;
mod shared_map;
mod signing_keys;
mod snapshot;
mod update;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use platools_protocol::tool_sync::{Features, WorkerInstance};
use secrecy::SecretString;
use serde::de::DeserializeOwned;

use crate::authority::{
    self, CallerClaims, LastUses, SigningKeySource, TokenSigner, Unverified, VerifiedToken, WorkerClaims,
    default_speaks_for,
};
use crate::domain::entity::Entity;
use crate::domain::environment::{self, Environment};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::{Caller, Credential, Identity, Policy, Role};
use crate::domain::ids::ProjectId;
use crate::domain::key::StoredKey;
use crate::domain::lock::{lock, read, write};
use crate::domain::origin::RequestOrigin;
use crate::ports::directory::{DirectoryObserver, DirectoryStore};
use crate::ports::time::now_ms;
use crate::ports::tool_changes::ToolChanges;

pub(crate) use agent_address::check_address;
pub(crate) use caller_lookup::missing_agent;
pub(crate) use snapshot::DirectorySnapshot;

/// The shortest time between two looks into the database for secrets that are not in memory.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// The claims of a worker when it connects.
#[derive(Debug, Clone, Default)]
pub struct Claim {
    /// The bearer token.
    pub secret: Option<SecretString>,
    /// The entity's slug or id. Without one, the secret alone says which entity it is.
    pub entity: Option<String>,
    /// The environment's slug or id.
    pub environment: Option<String>,
    /// The extensions of the protocol it knows.
    pub features: Features,
    /// The process that it says it is.
    pub instance: Option<WorkerInstance>,
}

/// Reasons why a worker is refused. The text is sent to the worker.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The worker sent no secret.
    #[error("missing bearer token: connect with the header `Authorization: Bearer <secret>`")]
    NoBearer,
    /// Its secret is not known, or is not the one of the entity it names. It is never told which.
    #[error("unknown entity or secret")]
    Unknown,
    /// Its entity's project has no such environment.
    #[error("unknown environment")]
    UnknownEnvironment,
    /// There is too much of something.
    #[error("too many {of}; try again in {wait:.1?}")]
    TooMany {
        /// The kind of thing that the name is for.
        of: &'static str,
        /// The time to wait.
        wait: Duration,
    },
    /// The gateway could not tell.
    #[error("the gateway could not check the secret; try again")]
    Unavailable(#[source] Error),
    /// The gateway could not tell in time.
    #[error("the gateway could not check the secret in time; try again")]
    TookTooLong,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Unavailable(error)
    }
}

/// A worker that may connect.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) identity: Identity,
    pub(crate) credential: Credential,
    pub(crate) policy: Policy,
}

/// Organizations, projects, environments, entities, agents, keys, and which tools are switched off: kept in the database, looked up in
/// memory.
pub(crate) struct Directory {
    store: Arc<dyn DirectoryStore>,
    default_project: ProjectId,
    token_signer: TokenSigner,
    last_uses: LastUses,
    snapshot: RwLock<Arc<DirectorySnapshot>>,
    tool_changes: Arc<dyn ToolChanges>,
    /// Tells other gateways of new revisions, if there are any.
    observer: Option<Arc<dyn DirectoryObserver>>,
    /// Time when an unknown secret last made the directory read the database.
    looked: Mutex<Option<Instant>>,
}

impl Directory {
    /// Opens the directory, and makes what every gateway has. The signing keys are not read yet.
    pub(crate) async fn open(
        store: Arc<dyn DirectoryStore>,
        tool_changes: Arc<dyn ToolChanges>,
        folder: Option<&Path>,
        signing_keys: SigningKeySource,
    ) -> Result<Self, Error> {
        let default_project = store.default_project().await?;
        let token_signer = TokenSigner::new(signing_keys, folder);
        let snapshot = DirectorySnapshot::new(store.directory().await?, token_signer.clone());
        Ok(Self {
            store,
            default_project,
            token_signer,
            last_uses: LastUses::default(),
            snapshot: RwLock::new(Arc::new(snapshot)),
            tool_changes,
            observer: None,
            looked: Mutex::default(),
        })
    }

    /// Tells other gateways of the revisions that this one reads.
    pub(crate) fn observed(self, observer: Option<Arc<dyn DirectoryObserver>>) -> Self {
        Self { observer, ..self }
    }

    pub(crate) fn store(&self) -> &dyn DirectoryStore {
        &*self.store
    }

    /// The signer and verifier of tokens.
    pub(crate) fn token_signer(&self) -> &TokenSigner {
        &self.token_signer
    }

    /// The times of the last uses of keys and tokens.
    pub(crate) fn last_uses(&self) -> &LastUses {
        &self.last_uses
    }

    /// The project of the command line.
    pub(crate) fn default_project(&self) -> &ProjectId {
        &self.default_project
    }

    /// The directory as it is now.
    pub(crate) fn snapshot(&self) -> Arc<DirectorySnapshot> {
        Arc::clone(&read(&self.snapshot))
    }

    /// Reads what changed in the directory since it was read, or all of it if that is not known.
    pub(crate) async fn refresh(&self) -> Result<(), Error> {
        let known = self.snapshot();
        if self.store.directory_revision().await? == known.revision {
            return Ok(());
        }
        let fresh = match self.store.directory_since(known.revision).await? {
            Some(update) => known.updated(update),
            None => DirectorySnapshot::new(self.store.directory().await?, self.token_signer.clone()),
        };
        let revision = fresh.revision;
        if self.replace(fresh)
            && let Some(observer) = &self.observer
        {
            observer.changed(revision);
        }
        Ok(())
    }

    /// Puts a snapshot in the place of the present one. Of two that were read at the same time the later one stays. Returns false if that
    /// is the present one.
    fn replace(&self, fresh: DirectorySnapshot) -> bool {
        let mut current = write(&self.snapshot);
        let is_later = fresh.revision > current.revision;
        if is_later {
            let before = std::mem::replace(&mut *current, Arc::new(fresh));
            current.switched_since(&before).for_each(|scope| self.tool_changes.notify(scope));
        }
        is_later
    }

    /// Finds out who a worker is.
    pub(crate) async fn authenticate_worker(&self, claim: &Claim) -> Result<Admitted, Refusal> {
        let secret = claim.secret.as_ref().ok_or(Refusal::NoBearer)?;
        if authority::looks_like_one(secret) {
            return self.by_worker_token(claim, secret).await;
        }
        let entity_id = |snapshot: &DirectorySnapshot| {
            snapshot.secret(secret, now_ms()).map(|row| (row.entity_id.clone(), Credential::Secret(row.id.clone())))
        };
        let (entity, credential) = self.look_up(entity_id).await?.ok_or(Refusal::Unknown)?;
        let snapshot = self.snapshot();
        let entity = snapshot.entity(&entity).ok_or(Refusal::Unknown)?;
        admit(&snapshot, entity, claim, claim.environment.as_deref(), credential)
    }

    async fn by_worker_token(&self, claim: &Claim, secret: &SecretString) -> Result<Admitted, Refusal> {
        let token = self.verify::<WorkerClaims>(authority::WORKER, secret).await.ok_or(Refusal::Unknown)?;
        let project = ProjectId::from(&*token.claims.project);
        let entity_id = |snapshot: &DirectorySnapshot| {
            let row = snapshot.entity_named(&project, &token.claims.entity)?;
            snapshot.is_good(&token.credential, now_ms()).then(|| row.id.clone())
        };
        let entity = self.look_up(entity_id).await?.ok_or(Refusal::Unknown)?;
        let snapshot = self.snapshot();
        let entity = snapshot.entity(&entity).ok_or(Refusal::Unknown)?;
        let credential = token.credential.clone();
        // A token for one environment opens no other.
        let environment = match (token.claims.env.as_deref(), claim.environment.as_deref()) {
            (Some(granted), Some(wanted)) if !same_environment(&snapshot, &project, granted, wanted) => {
                return Err(Refusal::UnknownEnvironment);
            }
            (granted, wanted) => granted.or(wanted),
        };
        let admitted = admit(&snapshot, entity, claim, environment, credential)?;
        self.last_uses.note(&admitted.credential, now_ms());
        Ok(admitted)
    }

    /// Finds out whose key or token this is.
    pub(crate) async fn authenticate_caller(&self, key: &SecretString) -> Result<Caller, Error> {
        let found = match authority::looks_like_one(key) {
            true => self.by_caller_token(key).await?,
            false => self.look_up(|snapshot| snapshot.key(key, now_ms()).map(caller)).await?,
        };
        let caller =
            found.ok_or_else(|| Error::new(ErrorKind::Unauthenticated, "unknown key, or one that has ended"))?;
        self.last_uses.note(&caller.credential, now_ms());
        Ok(caller)
    }

    async fn by_caller_token(&self, token: &SecretString) -> Result<Option<Caller>, Error> {
        match self.verify::<CallerClaims>(authority::CALLER, token).await {
            Some(token) => self.look_up(|snapshot| bearer(snapshot, &token)).await,
            None => Ok(None),
        }
    }

    /// Verifies a token. One that names an unknown key may be signed by a key that another process has just made.
    async fn verify<C: DeserializeOwned>(&self, audience: &str, token: &SecretString) -> Option<VerifiedToken<C>> {
        match self.token_signer.verify(audience, token, now_ms()) {
            Ok(token) => Some(token),
            Err(Unverified::UnknownKey) if self.may_look() && self.refresh_signing_keys().await => {
                self.token_signer.verify(audience, token, now_ms()).ok()
            }
            Err(_) => None,
        }
    }

    /// Finds the environment a caller means.
    pub(crate) fn environment(&self, project: &ProjectId, wanted: Option<&str>) -> Result<Environment, Error> {
        environment::resolve(self.snapshot().environments(project), wanted)
            .cloned()
            .ok_or_else(|| Error::new(ErrorKind::InvalidRequest, "unknown environment"))
    }

    /// Looks something up in memory, and once more if it is not there but may be new.
    async fn look_up<T>(&self, find: impl Fn(&DirectorySnapshot) -> Option<T>) -> Result<Option<T>, Error> {
        if let Some(found) = find(&self.snapshot()) {
            return Ok(Some(found));
        }
        // Wrong secrets in bulk must not become queries in bulk.
        if !self.may_look() {
            return Ok(None);
        }
        self.refresh().await?;
        Ok(find(&self.snapshot()))
    }

    fn may_look(&self) -> bool {
        let mut looked = lock(&self.looked);
        let is_time = looked.is_none_or(|last| last.elapsed() >= LOOK_INTERVAL);
        if is_time {
            *looked = Some(Instant::now());
        }
        is_time
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("revision", &self.snapshot().revision).finish_non_exhaustive()
    }
}

/// Lets a worker in whose secret is good, if the rest of its claim fits.
fn admit(
    snapshot: &DirectorySnapshot,
    entity: &Entity,
    claim: &Claim,
    environment: Option<&str>,
    credential: Credential,
) -> Result<Admitted, Refusal> {
    if claim.entity.as_deref().is_some_and(|name| name != entity.slug && name != entity.id.as_str()) {
        return Err(Refusal::Unknown);
    }
    let environments = snapshot.environments(&entity.project_id);
    let environment = environment::resolve(environments, environment).ok_or(Refusal::UnknownEnvironment)?;
    let identity = snapshot.identity(entity, environment).ok_or(Refusal::Unknown)?;
    Ok(Admitted { identity, credential, policy: entity.policy })
}

fn same_environment(snapshot: &DirectorySnapshot, project: &ProjectId, left: &str, right: &str) -> bool {
    let resolve = |name| environment::resolve(snapshot.environments(project), Some(name));
    resolve(left).is_some_and(|left| Some(left) == resolve(right))
}

/// The caller with a token, unless the token or what it depends on has ended.
fn bearer(snapshot: &DirectorySnapshot, token: &VerifiedToken<CallerClaims>) -> Option<Caller> {
    let claims = &token.claims;
    let project_id = snapshot.project(&ProjectId::from(&*claims.project))?.id.clone();
    let agent_id = match &claims.agent {
        Some(agent) => Some(snapshot.agent_named(&project_id, agent)?.id.clone()),
        None => None,
    };
    let role = Role::from_name(&claims.role)?;
    let default = || default_speaks_for(role, claims.user.as_deref(), agent_id.as_ref());
    let environments = claims.environments.as_ref();
    snapshot.is_good(&token.credential, now_ms()).then(|| Caller {
        credential: token.credential.clone(),
        role,
        tool_roles: claims.roles.clone(),
        speaks_for: claims.speaks_for.clone().unwrap_or_else(default),
        environments: environments.map(|ids| ids.iter().map(|id| id.as_str().into()).collect()),
        user_id: claims.user.clone(),
        agent_id: agent_id.clone(),
        project_id,
        origin: RequestOrigin::default(),
    })
}

fn caller(key: &StoredKey) -> Caller {
    Caller {
        credential: Credential::Key(key.id.clone()),
        project_id: key.project_id.clone(),
        role: key.role,
        tool_roles: key.tool_roles.clone(),
        user_id: None,
        speaks_for: key.speaks_for.clone(),
        environments: key.environments.clone(),
        agent_id: key.agent_id.clone(),
        origin: RequestOrigin::default(),
    }
}
