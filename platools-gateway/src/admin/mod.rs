//! [`Administration`]: changes of the directory by admins. [`Admin`] changes one project, [`Projects`] the list of projects.

mod audit;
mod entities;
mod environments;
mod grants;
mod keys;
mod projects;
mod reconciler;
mod record;
mod signing;
mod texts;
mod tokens;
mod tools;
mod views;

use std::sync::Arc;

use crate::audit::{Actor, Audit, action};
use crate::authority::{Action, Resource, authorize};
use crate::catalog::Catalog;
use crate::directory::{Directory, Snapshot, check_address, missing_agent};
use crate::domain::environment::{self, Environment};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::{AgentId, EnvironmentId, ProjectId};
use crate::domain::origin::{Protocol, RequestOrigin};
use crate::domain::profile::{MemberChange, Profile};
use crate::domain::slug::check_slug;
use crate::limits::Limiter;
use crate::links::Links;
use crate::ports::time::now_ms;
use crate::tools::Tools;

pub use crate::authority::{MAX_TOKEN_TTL, SigningKeySource};
pub use crate::domain::agent::{Agent, AgentChange};
pub use crate::domain::entity::Entity;
pub use environments::WhenInUse;
pub use projects::Projects;
pub(crate) use reconciler::Reconciler;
pub use signing::SigningKey;
pub use tokens::{MAX_TOKENS, TokensBefore};
pub use views::{Key, NewAgent, NewKey, NewToken, NewWorkerToken, SignedToken, Token, WithSecret};

use texts::check_title;

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
    /// The environments, by slug.
    #[must_use]
    pub fn environments(&self) -> Vec<Environment> {
        self.snapshot().environments(&self.project).to_vec()
    }

    /// Adds an environment.
    ///
    /// # Errors
    /// The slug means an environment already, in any case or as an alias such as `prod`; it is malformed; the project has as many
    /// environments as it may have; or the database failed.
    pub async fn add_environment(&self, slug: &str) -> Result<Environment, Error> {
        self.check_whole_project()?;
        check_slug(slug)?;
        if let Some(meant) = environment::resolve(self.snapshot().environments(&self.project), Some(slug)) {
            return Err(means(slug, &meant.slug));
        }
        let limit = self.services.limiter.project().environments.get();
        let change = self.record(action::ENVIRONMENT_CREATE, slug, "");
        if !change.store().add_environment(&self.project, slug, limit).await? {
            return Err(exists("environment", slug));
        }
        change.done();
        self.services.directory.refresh().await?;
        let snapshot = self.snapshot();
        let added = environment::resolve(snapshot.environments(&self.project), Some(slug));
        added.cloned().ok_or_else(|| missing("environment", slug))
    }

    /// The agents, by slug.
    #[must_use]
    pub fn agents(&self) -> Vec<Agent> {
        self.snapshot().agents_of(&self.project).into_iter().cloned().collect()
    }

    /// Finds an agent by slug or id.
    ///
    /// # Errors
    /// There is no such agent.
    pub fn agent(&self, name: &str) -> Result<Agent, Error> {
        let snapshot = self.snapshot();
        let found = snapshot.agent_named(&self.project, name).cloned();
        found.ok_or_else(|| missing_agent(&snapshot, &self.project, name))
    }

    /// Adds an agent.
    ///
    /// # Errors
    /// There is one of that slug or address, the slug, a name or the owner is malformed, the profile's environment is not there, or
    /// the database failed.
    pub async fn add_agent(&self, slug: &str, new: impl Into<NewAgent>) -> Result<Agent, Error> {
        check_slug(slug)?;
        let NewAgent { profile, owner, title, address } = new.into();
        self.check_profile(&profile)?;
        let limit = self.services.limiter.project().agents.get();
        let row = Agent {
            id: AgentId::random(),
            project_id: self.project.clone(),
            slug: slug.to_owned(),
            title: title.as_deref().map(check_title).transpose()?,
            address: address.as_deref().map(check_address).transpose()?,
            profile: Arc::new(profile),
            owner: owner.as_deref().map(owner_named).transpose()?,
            created_ms: now_ms(),
        };
        let change = self.record(action::AGENT_CREATE, row.id.as_str(), &format!("slug {slug}"));
        if !change.store().add_agent(&row, limit).await? {
            return Err(exists("agent", slug));
        }
        change.done();
        self.services.directory.refresh().await?;
        Ok(row)
    }

    /// Changes an agent's names, how it answers, or whose it is. Agents with sessions see new names at once. Members that the change does not name keep the value that they have when it is
    /// written, so two changes at the same time do not undo each other. Whoever may not watch it any more is told to go.
    ///
    /// # Errors
    /// There is no such agent, the address is another agent's, the profile's environment is not there, a name or the owner is malformed,
    /// or the database failed.
    pub async fn change_agent(&self, name: &str, change: impl Into<AgentChange>) -> Result<Agent, Error> {
        let snapshot = self.snapshot();
        let row = snapshot.agent_named(&self.project, name).ok_or_else(|| missing("agent", name))?;
        let mut change = change.into();
        if let MemberChange::To(environment) = &change.profile.environment {
            self.services.directory.environment(&self.project, Some(environment))?;
        }
        change.owner = change.owner.map(|owner| unless_empty(owner, owner_named)).transpose()?;
        change.title = change.title.map(|title| unless_empty(title, check_title)).transpose()?;
        change.address = change.address.map(|address| unless_empty(address, check_address)).transpose()?;
        let recorded = self.record(action::AGENT_UPDATE, row.id.as_str(), &format!("slug {}", row.slug));
        recorded.store().change_agent(&row.id, &change).await?;
        recorded.done();
        self.services.reconciler.reconcile().await?;
        // Another process may have removed it meanwhile.
        self.snapshot().agent(&row.id).cloned().ok_or_else(|| missing("agent", name))
    }

    /// Removes an agent, its keys and its conversations. Its tokens are good for nothing any more.
    ///
    /// # Errors
    /// There is no such agent, or the database failed.
    pub async fn remove_agent(&self, name: &str) -> Result<(), Error> {
        let snapshot = self.snapshot();
        let row = snapshot.agent_named(&self.project, name).ok_or_else(|| missing("agent", name))?;
        let change = self.record(action::AGENT_DELETE, row.id.as_str(), &format!("slug {}", row.slug));
        change.store().remove_agent(&row.id).await?;
        change.done();
        self.services.reconciler.reconcile().await
    }

    fn agent_id(&self, name: Option<&str>) -> Result<Option<AgentId>, Error> {
        let snapshot = self.snapshot();
        let find = |name: &str| snapshot.agent_named(&self.project, name).map(|row| row.id.clone());
        name.map(|name| find(name).ok_or_else(|| missing_agent(&snapshot, &self.project, name))).transpose()
    }

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

    /// Refuses a profile whose agent could never answer.
    fn check_profile(&self, profile: &Profile) -> Result<(), Error> {
        texts::check_profile(profile)?;
        self.services.directory.environment(&self.project, profile.environment.as_deref()).map(drop)
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.services.directory.snapshot()
    }
}

/// The longest id of an owner, in characters.
const MAX_OWNER_CHARS: usize = 255;

const BEYOND_REACH: &str = "the key or token reaches environments that the credential which asks does not";

/// Checks the name of an owner. Its form is its program's business; its size has to fit into a token.
fn owner_named(owner: &str) -> Result<String, Error> {
    if owner.is_empty() || owner.chars().nth(MAX_OWNER_CHARS).is_some() || owner.chars().any(char::is_control) {
        let message = "an owner is a user's id: 1 to 255 characters, and no control characters";
        return Err(Error::new(ErrorKind::InvalidRequest, message));
    }
    Ok(owner.to_owned())
}

/// An empty text takes back what was said before.
fn unless_empty(said: String, check: fn(&str) -> Result<String, Error>) -> Result<String, Error> {
    if said.is_empty() { Ok(said) } else { check(&said) }
}

/// A slug that means an environment already would hide it: from then on, requests that name it would mean the new one.
fn means(slug: &str, meant: &str) -> Error {
    if slug == meant {
        return exists("environment", slug);
    }
    let message = format!("`{slug}` means the environment `{meant}` already; choose another name");
    Error::new(ErrorKind::AlreadyExists, message)
}

fn exists(what: &str, slug: &str) -> Error {
    let article = if what.starts_with(['a', 'e']) { "an" } else { "a" };
    Error::new(ErrorKind::AlreadyExists, format!("there is {article} {what} `{slug}` already"))
}

pub(crate) fn missing(what: &str, name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no {what} `{name}`"))
}
