//! [`Projects`]: lists, adds and removes projects.

use super::record::RecordedChange;
use super::{Admin, Administration, exists, missing};
use crate::audit::{Actor, action};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::origin::{Protocol, RequestOrigin};
use crate::domain::project::{Project, ProjectName};

/// The list of projects, with the permission to change it: for programs that can read the data folder.
#[derive(Debug)]
pub struct Projects<'a> {
    pub(super) services: &'a Administration,
    /// The author of the changes, for the audit.
    actor: Actor,
}

impl Administration {
    /// All projects, for the command line. A program that can read the data folder may do anything.
    #[must_use]
    pub fn local_projects(&self) -> Projects<'_> {
        Projects { services: self, actor: Actor::unknown(RequestOrigin::local(Protocol::CommandLine)) }
    }
}

impl<'a> Projects<'a> {
    /// The projects, by name.
    #[must_use]
    pub fn list(&self) -> Vec<Project> {
        self.services.directory.snapshot().projects()
    }

    /// The directory of one project.
    ///
    /// # Errors
    /// There is no such project.
    pub fn admin(&self, name: &ProjectName) -> Result<Admin<'a>, Error> {
        Ok(Admin {
            services: self.services,
            project: self.named(name)?.id,
            maker: None,
            actor: self.actor.clone(),
            is_quiet: false,
        })
    }

    /// Adds a project with the usual environments. Its organization comes into being with its first project.
    ///
    /// # Errors
    /// There is one of that name, or the database failed.
    pub async fn add(&self, name: &ProjectName) -> Result<Project, Error> {
        let change = self.record(action::PROJECT_CREATE, name);
        if !change.store().add_project(name).await? {
            return Err(exists("project", &name.to_string()));
        }
        change.done();
        self.services.directory.refresh().await?;
        self.named(name)
    }

    /// Removes a project with everything in it, and its organization with the last of its projects. Links of its workers are
    /// closed. Its calls stay in the journal until they are old enough, and nobody sees them.
    ///
    /// # Errors
    /// There is no such project, it is the default project, or the database failed.
    pub async fn remove(&self, name: &ProjectName) -> Result<(), Error> {
        let project = self.named(name)?;
        if project.id == *self.services.directory.default_project() {
            let message = format!("the project `{name}` cannot be removed: every gateway has it");
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        let change = self.record(action::PROJECT_DELETE, name);
        change.store().remove_project(&project.id).await?;
        change.done();
        self.services.reconciler.reconcile().await
    }

    /// A change of the list of projects. It belongs to no project, so it stays visible when the project is gone.
    fn record(&self, action: &'static str, name: &ProjectName) -> RecordedChange<'a> {
        RecordedChange::new(self.services, self.actor.clone(), action, |event| event.on(&name.to_string()))
    }

    fn named(&self, name: &ProjectName) -> Result<Project, Error> {
        let snapshot = self.services.directory.snapshot();
        snapshot.project_named(name).cloned().ok_or_else(|| missing("project", &name.to_string()))
    }
}
