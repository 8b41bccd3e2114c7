//! The tools of one environment as clients of models see them: under handles, and only those that a caller may use.

use std::sync::Arc;

use super::Core;
use super::catalog::{CatalogTool, ToolSet};
use super::error::{Error, ErrorKind};
use super::handles::{Named, handles};
use super::identity::{Caller, Identity, Scope};
use super::ids::{EntityId, EnvironmentId};
use super::tools::{ListedTool, ToolName, may};
use crate::authority::Action;

/// Whose tools are seen: those of one environment, of all entities or of one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolView {
    /// The environment.
    pub environment: EnvironmentId,
    /// The entity, where it is only one: its id and its slug.
    pub entity: Option<(EntityId, String)>,
}

impl ToolView {
    /// Whether tools of a scope are seen.
    #[must_use]
    pub fn has(&self, scope: &Scope) -> bool {
        scope.environment == self.environment && self.entity.as_ref().is_none_or(|(entity, _)| *entity == scope.entity)
    }
}

/// A tool under its handle.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ViewedTool {
    /// What clients call it by: letters, digits, `_` and `-`, at most 64, and no other tool of the view has it.
    pub handle: String,
    /// The tool.
    pub tool: ListedTool,
}

impl Core {
    /// A view of the caller's project: the environment by slug or id, development if none is named; the entity by slug or id.
    ///
    /// # Errors
    /// There is no such environment or entity.
    pub fn tool_view(
        &self,
        caller: &Caller,
        environment: Option<&str>,
        entity: Option<&str>,
    ) -> Result<ToolView, Error> {
        let environment = self.environment_of(caller, environment)?.id;
        let snapshot = self.directory.snapshot();
        let find = |name| {
            let found = snapshot.entity_named(&caller.project_id, name);
            let none = || Error::new(ErrorKind::NotFound, format!("there is no entity `{name}`"));
            found.map(|row| (row.id.clone(), row.slug.clone())).ok_or_else(none)
        };
        Ok(ToolView { environment, entity: entity.map(find).transpose()? })
    }

    /// The tools of a view that the caller may use, also those whose worker is away: by entity, each worker's in its own order.
    ///
    /// # Errors
    /// The database failed.
    pub async fn viewed_tools(&self, caller: &Caller, view: &ToolView) -> Result<Vec<ViewedTool>, Error> {
        let sets = self.sets_of(caller, view).await?;
        let tools = all(&sets);
        let viewed = handles_of(&tools).into_iter().zip(&tools).map(|(handle, (identity, tool))| {
            // What the caller may not use counts for the names, which would change with a switch otherwise.
            let may_use = may(caller, Action::Call, identity, tool);
            let tool = may_use.then(|| self.listed(identity, tool)).filter(|tool| tool.enabled);
            tool.map(|tool| ViewedTool { handle, tool })
        });
        Ok(viewed.flatten().collect())
    }

    /// The tool of a view that has the handle, whether the caller may use it or not.
    ///
    /// # Errors
    /// There is none, or the database failed.
    pub async fn tool_of_handle(&self, caller: &Caller, view: &ToolView, handle: &str) -> Result<ToolName, Error> {
        let sets = self.sets_of(caller, view).await?;
        let tools = all(&sets);
        let found = handles_of(&tools).into_iter().position(|candidate| candidate == handle);
        let none = || Error::new(ErrorKind::UnknownTool, format!("unknown tool: {handle}"));
        let (identity, tool) = tools[found.ok_or_else(none)?];
        Ok(ToolName {
            name: tool.declaration.name.clone(),
            entity: Some(identity.entity_id.to_string()),
            environment: Some(identity.environment_id.to_string()),
        })
    }

    async fn sets_of(&self, caller: &Caller, view: &ToolView) -> Result<Vec<Arc<ToolSet>>, Error> {
        let mut sets = self.catalog.list(&caller.project_id).await?;
        sets.retain(|set| view.has(&set.identity.scope()));
        Ok(sets)
    }
}

fn all(sets: &[Arc<ToolSet>]) -> Vec<(&Identity, &CatalogTool)> {
    sets.iter().flat_map(|set| set.tools.iter().map(|tool| (&set.identity, &**tool))).collect()
}

fn handles_of(tools: &[(&Identity, &CatalogTool)]) -> Vec<String> {
    let named = tools.iter().map(|(identity, tool)| Named { entity: &identity.entity, name: &tool.declaration.name });
    handles(&named.collect::<Vec<_>>())
}
