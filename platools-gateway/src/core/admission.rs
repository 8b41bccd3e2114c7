//! Who is let in: workers for as long as their link, callers for one request.

use std::net::IpAddr;

use platools::wire::Features;
use secrecy::SecretString;

use super::clock::now_ms;
use super::directory::{Claim, Refusal};
use super::error::{Error, ErrorKind};
use super::identity::{Caller, Credential, Role, SpeaksFor};
use super::{Arrival, Core, Link};

impl Core {
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
        }
    }
}
