//! Functions of [`Admin`] and [`Projects`] that list audit events. An admin sees the events of its project; an admin of the default project
//! also sees those of no project, such as refused sign-ins of strangers.

use super::{Admin, Projects};
use crate::audit::{AuditEvent, AuditQuery};
use crate::domain::audit::AuditScope;
use crate::domain::error::Error;

impl Admin<'_> {
    /// Audit events of the project, newest first. The default project's admins also see events that belong to no project:
    /// refusals of strangers, and projects that come and go.
    ///
    /// # Errors
    /// The database failed.
    pub async fn audit_events(&self, query: AuditQuery, limit: usize) -> Result<Vec<AuditEvent>, Error> {
        let project = self.project.clone();
        let is_default = project == *self.services.directory.default_project();
        let scope = if is_default { AuditScope::ProjectAndGateway(project) } else { AuditScope::Project(project) };
        self.services.audit.list(scope, query, limit).await
    }
}

impl Projects<'_> {
    /// Audit events of all projects and of none, newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn audit_events(&self, query: AuditQuery, limit: usize) -> Result<Vec<AuditEvent>, Error> {
        self.services.audit.list(AuditScope::Everything, query, limit).await
    }
}
