//! The project of a caller.

use crate::authority::{Action, Resource, authorize};
use crate::core::Core;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::project::Project;

impl Core {
    /// The project of the caller.
    ///
    /// # Errors
    /// The role is not enough, or the project was removed this moment.
    pub fn project(&self, caller: &Caller) -> Result<Project, Error> {
        authorize(caller, Action::View, Resource::Project(&caller.project_id))?;
        let project = self.directory.snapshot().project(&caller.project_id).cloned();
        project.ok_or_else(|| Error::new(ErrorKind::NotFound, "the project is gone"))
    }
}
