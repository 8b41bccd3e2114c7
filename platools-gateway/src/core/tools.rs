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
            Some(wanted) => Some(self.directory.environment(&caller.project_id, Some(wanted)).await?.id),
        };
        let sets = self.catalog.list(&caller.project_id);
        let sets = sets.iter().filter(|set| only.as_ref().is_none_or(|only| set.identity.environment_id == *only));
        Ok(sets
            .flat_map(|set| {
                let online = self.workers.is_online(&set.identity.scope());
                let listed = move |declaration: &ToolDeclaration| ListedTool {
                    identity: set.identity.clone(),
                    online,
                    declaration: declaration.clone(),
                };
                set.tools.iter().map(listed)
            })
            .collect())
    }
}
