//! [`ChangedRows`]: names the rows of the directory that a change touches. [`ChangedRows::note`] raises the revision and stores these
//! names, so that gateways read only those rows again.

use crate::domain::error::Error;
use crate::domain::ids::{AgentId, EntityId, EnvironmentId, KeyId, ProjectId};
use crate::store::sql::{self, SqlConnection};

/// Revisions whose changes are kept. A gateway that has missed more of them reads everything.
const KEPT_REVISIONS: i64 = 1000;

/// The rows that a change touches.
#[derive(Debug, Clone, Copy)]
pub(super) enum ChangedRows<'a> {
    /// A project that comes or goes, with all that is in it.
    Project(&'a ProjectId),
    /// The environments of a project.
    Environments(&'a ProjectId),
    /// The environments of the project that has this one.
    Environment(&'a EnvironmentId),
    /// An entity, its secrets, and those of its tools that are switched off.
    Entity(&'a EntityId),
    /// An agent. Its keys go with it.
    Agent(&'a AgentId),
    Key(&'a KeyId),
    /// The revoked tokens of a project.
    Tokens(&'a ProjectId),
    /// The signing keys, which are in a file.
    Signing,
}

impl ChangedRows<'_> {
    fn kind_and_id(&self) -> (&'static str, &str) {
        match self {
            Self::Project(id) => ("project", id.as_str()),
            Self::Environments(project) => ("environments", project.as_str()),
            Self::Environment(id) => ("environment", id.as_str()),
            Self::Entity(id) => ("entity", id.as_str()),
            Self::Agent(id) => ("agent", id.as_str()),
            Self::Key(id) => ("key", id.as_str()),
            Self::Tokens(project) => ("tokens", project.as_str()),
            Self::Signing => ("signing", ""),
        }
    }

    /// Raises the revision, and notes the rows that the new one touches.
    pub(super) async fn note(&self, change: &mut SqlConnection) -> Result<(), Error> {
        let raise = "UPDATE directory_revision SET revision = revision + 1 RETURNING revision";
        let revision: i64 = sql::query(raise).fetch_one(&mut *change).await?.get("revision");
        let (kind, id) = self.kind_and_id();
        let note = match self {
            Self::Environment(_) => {
                "INSERT INTO directory_changes (revision, kind, id) \
                 SELECT $1, $2 || 's', project_id FROM environments WHERE id = $3"
            }
            _ => "INSERT INTO directory_changes (revision, kind, id) VALUES ($1, $2, $3)",
        };
        sql::query(note).bind(revision).bind(kind).bind(id).execute(&mut *change).await?;
        let forget = sql::query("DELETE FROM directory_changes WHERE revision <= $1");
        forget.bind(revision - KEPT_REVISIONS).execute(change).await?;
        Ok(())
    }
}
