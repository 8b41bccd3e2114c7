//! Which tools a caller sees.

use platools::wire::ToolDeclaration;

use super::Core;
use super::error::Error;
use super::identity::{Caller, Identity, Role};

/// One tool of the catalogue.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListedTool {
    /// Whose tool it is.
    pub identity: Identity,
    /// Whether its worker is connected.
    pub online: bool,
    /// Whether it may be called.
    pub enabled: bool,
    /// The same as long as the declaration is the same.
    pub fingerprint: String,
    /// When the declaration became what it is, in milliseconds since 1970.
    pub changed_ms: i64,
    /// What its worker declared.
    pub declaration: ToolDeclaration,
}

impl Core {
    /// The tools of the caller's project, by entity and environment, each worker's in its own order. An environment, named
    /// by id or slug, leaves out the others.
    ///
    /// # Errors
    /// The role is not enough, there is no such environment, or the database failed.
    pub async fn list_tools(&self, caller: &Caller, environment: Option<&str>) -> Result<Vec<ListedTool>, Error> {
        caller.require(Role::Viewer)?;
        let only = match environment {
            None => None,
            Some(wanted) => Some(self.directory.environment(&caller.project_id, Some(wanted))?.id),
        };
        let sets = self.catalog.list(&caller.project_id);
        let sets = sets.iter().filter(|set| only.as_ref().is_none_or(|only| set.identity.environment_id == *only));
        Ok(sets
            .flat_map(|set| {
                let scope = set.identity.scope();
                let online = self.workers.is_online(&scope);
                set.tools.iter().map(move |tool| ListedTool {
                    identity: set.identity.clone(),
                    online,
                    enabled: self.catalog.is_enabled(&scope, &tool.declaration.name),
                    fingerprint: tool.fingerprint.clone(),
                    changed_ms: tool.changed_ms,
                    declaration: tool.declaration.clone(),
                })
            })
            .collect())
    }
}
