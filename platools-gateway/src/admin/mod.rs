//! [`Administration`]: changes the directory for admins, and records each change in the audit. [`Admin`] changes one project, [`Projects`]
//! adds and removes projects.

mod agents;
mod audit;
mod entities;
mod environments;
mod grants;
mod keys;
mod projects;
mod reconciler;
mod record;
mod signing;
mod tokens;
mod tools;
mod validation;
mod views;
mod workers;

use std::sync::Arc;

use crate::audit::{Actor, Audit};
use crate::authority::{Action, Resource, authorize};
use crate::catalog::Catalog;
use crate::directory::{Directory, DirectorySnapshot};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::{EnvironmentId, ProjectId};
use crate::domain::origin::{Protocol, RequestOrigin};
use crate::limits::Limiter;
use crate::links::Links;
use crate::tools::Tools;

pub use crate::authority::{MAX_TOKEN_TTL, SigningKeySource};
pub use crate::domain::agent::{Agent, AgentChange};
pub use crate::domain::entity::Entity;
pub use environments::WhenInUse;
pub use projects::Projects;
pub(crate) use reconciler::Reconciler;
pub use signing::SigningKeyView;
pub use tokens::{MAX_TOKENS, TokensBefore};
pub use views::{Key, NewAgent, NewCredential, NewKey, NewToken, NewWorkerToken, SignedToken, Token, WithSecret};

/// Changes the directory for admins, and records each change.
#[derive(Debug)]
pub struct Administration {
    pub(crate) directory: Arc<Directory>,
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) audit: Arc<Audit>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) links: Arc<Links>,
    pub(crate) tools: Arc<Tools>,
    pub(crate) reconciler: Arc<Reconciler>,
}

impl Administration {
    /// The project of a caller who may administer it.
    ///
    /// # Errors
    /// The caller is no admin.
    pub fn of(&self, caller: &Caller) -> Result<Admin<'_>, Error> {
        authorize(caller, Action::Administer, Resource::Project(&caller.project_id))?;
        let (project, maker) = (caller.project_id.clone(), Some(caller.clone()));
        Ok(Admin { services: self, project, maker, actor: caller.into(), is_quiet: false })
    }

    /// The default project, for the program that the gateway runs in.
    #[must_use]
    pub fn local(&self) -> Admin<'_> {
        let (project, actor) =
            (self.directory.default_project().clone(), Actor::unknown(RequestOrigin::local(Protocol::Program)));
        Admin { services: self, project, maker: None, actor, is_quiet: false }
    }
}

/// The directory of one project, with the permission to change it.
#[derive(Debug)]
pub struct Admin<'a> {
    services: &'a Administration,
    project: ProjectId,
    /// The caller that makes keys and tokens; none on the command line, which makes them without limits.
    maker: Option<Caller>,
    /// The author of its changes, for the audit.
    actor: Actor,
    /// True if its changes are logged at `debug` only.
    is_quiet: bool,
}

impl Admin<'_> {
    /// Refuses a caller that is confined to some environments. The command line is confined to none.
    fn check_whole_project(&self) -> Result<(), Error> {
        let Some(maker) = &self.maker else { return Ok(()) };
        Ok(authorize(maker, Action::Administer, Resource::WholeProject(&self.project))?)
    }

    /// Refuses a caller that reaches fewer environments than a credential that it wants to change; `None` is all of them.
    fn check_reaches(&self, environments: Option<&[EnvironmentId]>) -> Result<(), Error> {
        let Some(environments) = environments else { return self.check_whole_project() };
        let Some(maker) = &self.maker else { return Ok(()) };
        for environment in environments {
            authorize(maker, Action::Administer, Resource::Environment(environment))
                .map_err(|denial| denial.or_missing(|| Error::new(ErrorKind::Forbidden, BEYOND_REACH)))?;
        }
        Ok(())
    }

    fn snapshot(&self) -> Arc<DirectorySnapshot> {
        self.services.directory.snapshot()
    }
}

const BEYOND_REACH: &str = "the key or token reaches environments that the credential which asks does not";

fn exists(what: &str, slug: &str) -> Error {
    let article = if what.starts_with(['a', 'e']) { "an" } else { "a" };
    Error::new(ErrorKind::AlreadyExists, format!("there is {article} {what} `{slug}` already"))
}

pub(crate) fn missing(what: &str, name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no {what} `{name}`"))
}
