//! [`ToolView`]: selects the tools that an MCP client or a model agent sees: those of one environment, of all entities or of one.
//! [`NamedTool`] is a selected tool with its handle.

use super::listing::{ListedTool, ToolName};
use crate::domain::identity::{Identity, Scope};
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
    /// that fits, and stays the same as long as the catalog does, whichever workers are connected.
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

pub(super) fn name_of(identity: &Identity, name: &str) -> ToolName {
    ToolName {
        name: name.to_owned(),
        entity: Some(identity.entity_id.to_string()),
        environment: Some(identity.environment_id.to_string()),
    }
}
