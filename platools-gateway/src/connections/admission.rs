//! Who is let in: workers for as long as their link, callers for one request.

use platools_protocol::tool_sync::Features;
use secrecy::SecretString;

use crate::core::Core;
use crate::directory::{Claim, Refusal};
use crate::domain::audit::{Actor, action};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::{Caller, Credential, Role, SpeaksFor};
use crate::domain::origin::RequestOrigin;
use crate::links::WorkerPeer;
use crate::links::{Arrival, Link};
use crate::ports::time::now_ms;

impl Core {
    /// Lets a worker in, in the place of a link of the same entity and environment that came before it.
    ///
    /// # Errors
    /// The claim does not hold; the text of the refusal is meant for the worker.
    pub async fn connect(
        &self,
        arrival: Arrival,
        claim: Claim,
        from: impl Into<RequestOrigin>,
    ) -> Result<Link, Refusal> {
        let from = from.into();
        let too_many = |of| move |wait| Refusal::TooMany { of, wait };
        if let Some(address) = from.address {
            self.limiter.handshake(address).map_err(too_many("connections from this address"))?;
        }
        let admitted = match self.directory.authenticate_worker(&claim).await {
            Err(refusal) => {
                self.audit_refused_worker(&refusal, &claim, &from);
                if let (Refusal::Unknown, Some(address)) = (&refusal, from.address) {
                    self.limiter.failure(address).map_err(too_many("failed attempts from this address"))?;
                }
                return Err(refusal);
            }
            Ok(admitted) => admitted,
        };
        let place = self.limiter.worker(&admitted.identity.entity_id, admitted.policy);
        let place = place.map_err(too_many("connections of this entity"))?;
        let (entity, credential) = (admitted.identity.entity_id.clone(), admitted.credential.clone());
        let secret = claim.secret.ok_or(Refusal::NoBearer)?;
        let (features, address) = (claim.features.intersection(Features::all()), from.address);
        let peer = WorkerPeer { address, instance: claim.instance };
        let link = self.workers.attach_from(peer, arrival, admitted, secret, features, place);
        // What ended the credential meanwhile closed the links it saw, and this was not one of them yet.
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

    /// Records that a worker was refused for what it brought. The entity that it names is recorded if there is such an entity: any
    /// other text may be a secret in the wrong place.
    fn audit_refused_worker(&self, refusal: &Refusal, claim: &Claim, from: &RequestOrigin) {
        if !matches!(refusal, Refusal::NoBearer | Refusal::Unknown | Refusal::UnknownEnvironment) {
            return;
        }
        let snapshot = self.directory.snapshot();
        let subject = claim.entity.as_deref().filter(|name| snapshot.has_entity_named(name));
        self.audit.refused_stranger(action::WORKER_CONNECT, from, subject, &refusal.to_string());
    }

    /// Finds out whose key this is.
    ///
    /// # Errors
    /// The key is not known, or the database failed.
    pub async fn authenticate(&self, key: &SecretString, from: impl Into<RequestOrigin>) -> Result<Caller, Error> {
        let from = from.into();
        match self.directory.authenticate_caller(key).await {
            Ok(caller) => Ok(Caller { origin: from, ..caller }),
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Err(self.refuse_credential(&from, error)),
            Err(error) => Err(error),
        }
    }

    /// Records that somebody brought no credential or a wrong one, and counts it for the address. Returns the error to answer with,
    /// which is another one after too many attempts.
    pub(crate) fn refuse_credential(&self, from: &RequestOrigin, error: Error) -> Error {
        self.audit.refused_stranger(action::CALLER_AUTHENTICATE, from, None, &error.to_string());
        from.address.and_then(|address| self.limiter.failed_call(address).err()).unwrap_or(error)
    }

    /// The caller of an admin's key or token; `None` for any other. Nothing is counted or recorded, since a gateway without
    /// authentication refuses nobody.
    pub(crate) async fn admin_with(&self, key: &SecretString, from: RequestOrigin) -> Option<Caller> {
        let caller = self.directory.authenticate_caller(key).await.ok()?;
        (caller.role == Role::Admin).then_some(Caller { origin: from, ..caller })
    }

    /// Whether whoever comes with nothing is an operator.
    pub(crate) fn is_without_auth(&self) -> bool {
        self.role_of_nobody != Role::Viewer
    }

    /// Whoever comes with nothing, where that is allowed at all: in the default project.
    #[must_use]
    pub fn nobody(&self) -> Caller {
        Caller {
            credential: Credential::Nothing,
            project_id: self.directory.default_project().clone(),
            role: self.role_of_nobody,
            tool_roles: Vec::new(),
            user_id: None,
            speaks_for: SpeaksFor::default_of(self.role_of_nobody, None),
            environments: None,
            agent_id: None,
            origin: RequestOrigin::default(),
        }
    }
}
