//! Projects that come and go.

use super::{Admin, exists, missing};
use crate::core::Core;
use crate::core::error::{Error, ErrorKind};
use crate::core::project::{Project, ProjectName};

/// All projects, in the hands of whoever can read the data folder.
#[derive(Debug)]
pub struct Projects<'a> {
    core: &'a Core,
}

impl Core {
    /// All projects, for whoever can read the data folder anyway.
    #[must_use]
    pub fn local_projects(&self) -> Projects<'_> {
        Projects { core: self }
    }
}

impl<'a> Projects<'a> {
    /// The projects, by name.
    #[must_use]
    pub fn list(&self) -> Vec<Project> {
        self.core.directory.snapshot().projects()
    }

    /// The directory of one project.
    ///
    /// # Errors
    /// There is no such project.
    pub fn admin(&self, name: &ProjectName) -> Result<Admin<'a>, Error> {
        Ok(Admin { core: self.core, project: self.named(name)?.id, maker: None })
    }

    /// Adds a project with the usual environments. Its organization comes into being with its first project.
    ///
    /// # Errors
    /// There is one of that name, or the database failed.
    pub async fn add(&self, name: &ProjectName) -> Result<Project, Error> {
        if !self.core.directory.store().add_project(name).await? {
            return Err(exists("project", &name.to_string()));
        }
        self.core.directory.refresh().await?;
        self.named(name)
    }

    /// Removes a project with everything in it, and its organization with the last of its projects. Links of its workers are
    /// closed. Its calls stay in the journal until they are old enough, and nobody sees them.
    ///
    /// # Errors
    /// There is no such project, it is the one that every gateway has, or the database failed.
    pub async fn remove(&self, name: &ProjectName) -> Result<(), Error> {
        let project = self.named(name)?;
        if project.id == *self.core.directory.default_project() {
            let message = format!("the project `{name}` cannot be removed: every gateway has it");
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        self.core.directory.store().remove_project(&project.id).await?;
        self.core.apply_directory().await
    }

    fn named(&self, name: &ProjectName) -> Result<Project, Error> {
        let snapshot = self.core.directory.snapshot();
        snapshot.project_named(name).cloned().ok_or_else(|| missing("project", &name.to_string()))
    }
}
