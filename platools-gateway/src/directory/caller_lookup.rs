//! Functions of `Directory` that find projects, agents and environments for a caller, and refuse those that the caller may not use.

use super::{Directory, DirectorySnapshot};
use crate::authority::{Action, Resource, authorize};
use crate::domain::agent::Agent;
use crate::domain::environment::{self, Environment};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::ProjectId;
use crate::domain::project::{Project, ProjectName};
use crate::domain::slug::check_slug;

impl Directory {
    /// The project of the caller.
    ///
    /// # Errors
    /// The role is not enough, or the project was removed this moment.
    pub(crate) fn project(&self, caller: &Caller) -> Result<Project, Error> {
        authorize(caller, Action::View, Resource::Project(&caller.project_id))?;
        let project = self.snapshot().project(&caller.project_id).cloned();
        project.ok_or_else(|| Error::new(ErrorKind::NotFound, "the project was removed"))
    }

    /// Lists the agents of the caller's project, by slug.
    ///
    /// # Errors
    /// The role is not enough.
    pub(crate) fn agents(&self, caller: &Caller) -> Result<Vec<Agent>, Error> {
        authorize(caller, Action::View, Resource::Project(&caller.project_id))?;
        Ok(self.snapshot().agents_of(&caller.project_id).into_iter().cloned().collect())
    }

    /// Finds an agent of the caller's project by slug or id.
    ///
    /// # Errors
    /// The role is not enough, or there is no such agent.
    pub(crate) fn agent(&self, caller: &Caller, name: &str) -> Result<Agent, Error> {
        authorize(caller, Action::View, Resource::Project(&caller.project_id))?;
        let snapshot = self.snapshot();
        let found = snapshot.agent_named(&caller.project_id, name).cloned();
        found.ok_or_else(|| missing_agent(&snapshot, &caller.project_id, name))
    }

    /// The environment that a caller names, by slug or id. Without a name it is `development`, or the first of those that the caller is
    /// confined to.
    ///
    /// # Errors
    /// There is none of that name that the caller may use.
    pub(crate) fn environment_of(&self, caller: &Caller, wanted: Option<&str>) -> Result<Environment, Error> {
        let snapshot = self.snapshot();
        let environments = snapshot.environments(&caller.project_id);
        let is_open = |environment: &&Environment| {
            authorize(caller, Action::View, Resource::Environment(&environment.id)).is_ok()
        };
        let found = environment::resolve(environments, wanted).filter(is_open);
        let found = if wanted.is_none() { found.or_else(|| environments.iter().find(is_open)) } else { found };
        found.cloned().ok_or_else(|| Error::new(ErrorKind::InvalidRequest, "unknown environment"))
    }
}

/// The error for an agent that does not exist. It tells how to add the agent, if the name can be an agent's.
pub(crate) fn missing_agent(snapshot: &DirectorySnapshot, project: &ProjectId, name: &str) -> Error {
    let message = format!("there is no agent `{name}`");
    if check_slug(name).is_err() {
        return Error::new(ErrorKind::NotFound, message);
    }
    let project = snapshot.project(project).map(|project| project.name.clone()).unwrap_or_default();
    let option = if project == ProjectName::default() { String::new() } else { format!(" --project {project}") };
    Error::new(ErrorKind::NotFound, format!("{message}; make one with `platools-gateway agent add {name}{option}`"))
}
