//! [`ToolView`]: the tools of one environment that a caller may call, under the names that models take.

use std::sync::Arc;

use super::Tools;
use super::listing::{ListedTool, ToolName};
use super::name_table::HandleTable;
use crate::authority::{Action, may_use};
use crate::catalog::CatalogTool;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::{Caller, Identity, Scope};
use crate::domain::ids::{EntityId, EnvironmentId};

/// A view of the tools: those of one environment, of all entities or of one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ToolView {
    /// The environment.
    pub environment: EnvironmentId,
    /// The entity, where it is only one: its id and its slug.
    pub entity: Option<(EntityId, String)>,
}

impl ToolView {
    /// True if the view has the tools of a scope.
    #[must_use]
    pub fn has(&self, scope: &Scope) -> bool {
        scope.environment == self.environment && self.entity.as_ref().is_none_or(|(entity, _)| *entity == scope.entity)
    }
}

/// A tool with the name that models and their clients call it by.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NamedTool {
    /// The name: letters, digits, `_` and `-`, at most 64, and no other tool of the view has it. It is the tool's own name wherever
    /// that fits, and stays the same as long as the catalogue does, whichever workers are connected.
    pub handle: String,
    /// The tool.
    pub tool: ListedTool,
}

impl NamedTool {
    /// The tool's own name, with its entity and its environment.
    pub(crate) fn name(&self) -> ToolName {
        name_of(&self.tool.identity, &self.tool.declaration.name)
    }
}

impl Tools {
    /// A view of the caller's project: the environment by slug or id, development if none is named; the entity by slug or id.
    ///
    /// # Errors
    /// There is no such environment or entity.
    pub fn view(&self, caller: &Caller, environment: Option<&str>, entity: Option<&str>) -> Result<ToolView, Error> {
        let environment = self.directory.environment_of(caller, environment)?.id;
        let snapshot = self.directory.snapshot();
        let find = |name| {
            let found = snapshot.entity_named(&caller.project_id, name);
            let none = || Error::new(ErrorKind::NotFound, format!("there is no entity `{name}`"));
            found.map(|row| (row.id.clone(), row.slug.clone())).ok_or_else(none)
        };
        Ok(ToolView { environment, entity: entity.map(find).transpose()? })
    }

    /// The tools of a view that the caller may use, also those whose worker is away: by entity, each worker's in its own order. MCP
    /// clients and agents see the same names.
    ///
    /// # Errors
    /// The database failed.
    pub async fn in_view(&self, caller: &Caller, view: &ToolView) -> Result<Vec<NamedTool>, Error> {
        let table = self.handle_table(caller, view).await?;
        let named =
            table.tools().filter(|(_, identity, tool)| may_use(caller, Action::Call, identity, &tool.declaration));
        let named = named.map(|(handle, identity, tool)| (handle, self.listed(identity, tool)));
        let usable = named.filter(|(_, tool)| tool.enabled);
        Ok(usable.map(|(handle, tool)| NamedTool { handle: handle.to_owned(), tool }).collect())
    }

    /// The tool of a view that has the handle, or the only one that has this name of its own, whether the caller may use it or not.
    ///
    /// # Errors
    /// There is none, several entities have a tool of that name, or the database failed.
    pub async fn of_handle(&self, caller: &Caller, view: &ToolView, handle: &str) -> Result<ToolName, Error> {
        let table = self.handle_table(caller, view).await?;
        if let Some((identity, tool)) = table.find(handle) {
            return Ok(name_of(identity, &tool.declaration.name));
        }
        let visible =
            |(identity, tool): &(&Identity, &CatalogTool)| may_use(caller, Action::View, identity, &tool.declaration);
        let mut named = table.named(handle).filter(visible);
        match (named.next(), named.next()) {
            (Some((identity, _)), None) => Ok(name_of(identity, handle)),
            (None, _) => Err(Error::new(ErrorKind::UnknownTool, format!("unknown tool: {handle}"))),
            (Some(_), Some(_)) => {
                let message =
                    format!("several entities have a tool `{handle}`; call it by the name that the list has for it");
                Err(Error::new(ErrorKind::AmbiguousTool, message))
            }
        }
    }

    async fn handle_table(&self, caller: &Caller, view: &ToolView) -> Result<Arc<HandleTable>, Error> {
        let mut sets = self.catalog.list(&caller.project_id).await?;
        sets.retain(|set| view.has(&set.identity.scope()));
        Ok(self.handle_tables.of(view, sets))
    }
}

fn name_of(identity: &Identity, name: &str) -> ToolName {
    ToolName {
        name: name.to_owned(),
        entity: Some(identity.entity_id.to_string()),
        environment: Some(identity.environment_id.to_string()),
    }
}
