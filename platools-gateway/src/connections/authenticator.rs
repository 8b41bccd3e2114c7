//! [`Authenticator`]: authenticates workers when they connect, and callers with each request. It counts and records failed attempts. A
//! worker's secret is checked again once its link is live, because it may have been revoked meanwhile.

use std::sync::Arc;

use platools_protocol::tool_sync::Features;
use secrecy::SecretString;

use crate::audit::Audit;
use crate::directory::{Claim, Directory, Refusal};
use crate::domain::audit::{Actor, action};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::{Caller, Credential, Role, SpeaksFor};
use crate::domain::origin::RequestOrigin;
use crate::limits::Limiter;
use crate::links::{Generation, Link, Links, NewLink, WorkerPeer};
use crate::ports::time::now_ms;

/// Authenticates workers and callers. It limits and records failed attempts.
#[derive(Debug)]
pub struct Authenticator {
    directory: Arc<Directory>,
    limiter: Arc<Limiter>,
    audit: Arc<Audit>,
    links: Arc<Links>,
    /// The role of callers without a credential.
    anonymous_role: Role,
}

impl Authenticator {
    pub(crate) fn new(
        directory: Arc<Directory>,
        limiter: Arc<Limiter>,
        audit: Arc<Audit>,
        links: Arc<Links>,
        anonymous_role: Role,
    ) -> Self {
        Self { directory, limiter, audit, links, anonymous_role }
    }

    /// The generation of a worker that comes now, for [`Authenticator::connect`].
    #[must_use]
    pub fn next_generation(&self) -> Generation {
        self.links.next_generation()
    }

    /// Lets a worker in. Its link replaces an older one of the same entity and environment, unless the entity is a pool.
    ///
    /// # Errors
    /// The claim does not hold; the text of the refusal is meant for the worker.
    pub async fn connect(
        &self,
        generation: Generation,
        claim: Claim,
        from: impl Into<RequestOrigin>,
    ) -> Result<Link, Refusal> {
        let from = from.into();
        let too_many = |of| move |wait| Refusal::TooMany { of, wait };
        if let Some(address) = from.address {
            self.limiter.count_handshake(address).map_err(too_many("connections from this address"))?;
        }
        let admitted = match self.directory.authenticate_worker(&claim).await {
            Err(refusal) => {
                self.audit_refused_worker(&refusal, &claim, &from);
                if let (Refusal::Unknown, Some(address)) = (&refusal, from.address) {
                    self.limiter.count_failure(address).map_err(too_many("failed attempts from this address"))?;
                }
                return Err(refusal);
            }
            Ok(admitted) => admitted,
        };
        let entity = &admitted.identity.entity_id;
        let permit = self.limiter.admit_worker(entity, admitted.policy, self.links.count_remote(entity));
        let permit = permit.map_err(too_many("connections of this entity"))?;
        let (entity, credential) = (admitted.identity.entity_id.clone(), admitted.credential.clone());
        let secret = claim.secret.ok_or(Refusal::NoBearer)?;
        let (features, address) = (claim.features.intersection(Features::all()), from.address);
        let peer = WorkerPeer { address, instance: claim.instance };
        let link = self.links.attach(NewLink { peer, generation, admitted, secret, features, permit });
        // The end of a credential closes the links that exist then. This link may have been added after that.
        let snapshot = self.directory.snapshot();
        if snapshot.entity(&entity).is_none() || !snapshot.is_good(&credential, now_ms()) {
            let reason = "the secret or token ended while the worker connected";
            self.audit.refused_stranger(action::WORKER_CONNECT, &from, Some(entity.as_str()), reason);
            return Err(Refusal::Unknown);
        }
        self.audit.signed_in(action::WORKER_CONNECT, Actor::worker(&credential, from), |event| {
            let identity = link.identity();
            let detail = format!("entity {}, environment {}", identity.entity, identity.environment);
            event.in_project(&identity.project_id).on(identity.entity_id.as_str()).because(&detail)
        });
        Ok(link)
    }

    /// Records the refusal of a worker. The entity that the worker names is recorded only if it exists: any other text may be a
    /// secret in the wrong place.
    fn audit_refused_worker(&self, refusal: &Refusal, claim: &Claim, from: &RequestOrigin) {
        if !matches!(refusal, Refusal::NoBearer | Refusal::Unknown | Refusal::UnknownEnvironment) {
            return;
        }
        let snapshot = self.directory.snapshot();
        let subject = claim.entity.as_deref().filter(|name| snapshot.has_entity_named(name));
        self.audit.refused_stranger(action::WORKER_CONNECT, from, subject, &refusal.to_string());
    }

    /// Finds the caller of a key or token.
    ///
    /// # Errors
    /// The key or token is not known, or the database failed.
    pub async fn authenticate(&self, key: &SecretString, from: impl Into<RequestOrigin>) -> Result<Caller, Error> {
        let from = from.into();
        match self.directory.authenticate_caller(key).await {
            Ok(caller) => Ok(Caller { origin: from, ..caller }),
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Err(self.refuse_credential(&from, error)),
            Err(error) => Err(error),
        }
    }

    /// Records a missing or wrong credential, and counts it for the client's address. Returns the error for the client, which is
    /// a different one after too many attempts.
    pub(crate) fn refuse_credential(&self, from: &RequestOrigin, error: Error) -> Error {
        self.audit.refused_stranger(action::CALLER_AUTHENTICATE, from, None, &error.to_string());
        from.address.and_then(|address| self.limiter.count_failed_login(address).err()).unwrap_or(error)
    }

    /// The caller of an admin's key or token; `None` for any other. Nothing is counted or recorded, since a gateway without
    /// authentication refuses nobody.
    pub(crate) async fn admin_with(&self, key: &SecretString, from: RequestOrigin) -> Option<Caller> {
        let caller = self.directory.authenticate_caller(key).await.ok()?;
        (caller.role == Role::Admin).then_some(Caller { origin: from, ..caller })
    }

    /// Returns true if a caller without a credential is an operator.
    pub(crate) fn is_without_auth(&self) -> bool {
        self.anonymous_role != Role::Viewer
    }

    /// The caller without a credential, in the default project.
    #[must_use]
    pub fn anonymous(&self) -> Caller {
        Caller {
            credential: Credential::Nothing,
            project_id: self.directory.default_project().clone(),
            role: self.anonymous_role,
            tool_roles: Vec::new(),
            user_id: None,
            speaks_for: SpeaksFor::default_of(self.anonymous_role, None),
            environments: None,
            agent_id: None,
            origin: RequestOrigin::default(),
        }
    }
}
