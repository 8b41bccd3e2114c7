//! Functions of [`Admin`] and [`Projects`] that list audit events, newest first: [`Admin`] those of one project, [`Projects`] those of all
//! projects, for the command line.

use super::{Admin, Projects};
use crate::audit::{AuditEvent, AuditFilter};
use crate::domain::audit::AuditScope;
use crate::domain::error::Error;

impl Admin<'_> {
    /// Audit events of the project, newest first. Admins of the default project also see events of no project: refusals of strangers, and
    /// changes of the list of projects.
    ///
    /// # Errors
    /// The database failed.
    pub async fn audit_events(&self, filter: AuditFilter, limit: usize) -> Result<Vec<AuditEvent>, Error> {
        let project = self.project.clone();
        let is_default = project == *self.services.directory.default_project();
        let scope = if is_default { AuditScope::ProjectAndGateway(project) } else { AuditScope::Project(project) };
        self.services.audit.list(scope, filter, limit).await
    }
}

impl Projects<'_> {
    /// Audit events of all projects and of none, newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn audit_events(&self, filter: AuditFilter, limit: usize) -> Result<Vec<AuditEvent>, Error> {
        self.services.audit.list(AuditScope::Everything, filter, limit).await
    }
}
