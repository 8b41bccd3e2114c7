//! Which tools and workers a caller sees.

use platools::ToolDefinition;
use platools::tool::{Auth, Dialect};
use platools::wire::ToolDeclaration;
use serde_json::Value;

use super::Core;
use super::catalog::{CatalogTool, Found};
use super::error::{Error, ErrorKind};
use super::identity::{Caller, Identity, Role, Scope};
use super::ids::{CallId, ProjectId};
use super::workers::ConnectedWorker;

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

/// Which tool is meant.
#[derive(Debug, Clone)]
pub struct ToolName {
    /// Its name.
    pub name: String,
    /// The entity, by slug or id, where several have a tool of that name.
    pub entity: Option<String>,
    /// The environment, by slug or id; development if none is named.
    pub environment: Option<String>,
}

/// Whether a tool may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// It may.
    On,
    /// It may not.
    Off,
}

impl Core {
    /// The tools of the caller's project, by entity and environment, each worker's in its own order. An environment, named
    /// by id or slug, leaves out the others.
    ///
    /// # Errors
    /// The role is not enough, there is no such environment, or the database failed.
    pub async fn list_tools(&self, caller: &Caller, environment: Option<&str>) -> Result<Vec<ListedTool>, Error> {
        caller.require(Role::Viewer)?;
        self.list_tools_of(&caller.project_id, environment).await
    }

    pub(super) async fn list_tools_of(
        &self,
        project: &ProjectId,
        environment: Option<&str>,
    ) -> Result<Vec<ListedTool>, Error> {
        let only = match environment {
            None => None,
            Some(wanted) => Some(self.directory.environment(project, Some(wanted))?.id),
        };
        let sets = self.catalog.list(project).await?;
        let sets = sets.iter().filter(|set| only.as_ref().is_none_or(|only| set.identity.environment_id == *only));
        Ok(sets.flat_map(|set| set.tools.iter().map(|tool| self.listed(&set.identity, tool))).collect())
    }

    /// One tool.
    ///
    /// # Errors
    /// The role is not enough, there is none of that name, there are several, or the database failed.
    pub async fn tool(&self, caller: &Caller, which: &ToolName) -> Result<ListedTool, Error> {
        let Found { identity, tool } = self.find_tool(caller, which).await?;
        Ok(self.listed(&identity, &tool))
    }

    /// One tool in the form that a model's interface takes.
    ///
    /// # Errors
    /// Like [`Core::tool`]; or the tool's schema is one that cannot be written in other forms.
    pub async fn tool_in(&self, caller: &Caller, which: &ToolName, dialect: Dialect) -> Result<Value, Error> {
        let Found { tool, .. } = self.find_tool(caller, which).await?;
        // Some forms write every reference out, which must not be done for just any schema.
        if let Some(reason) = tool.arguments().await?.unused_because() {
            let message = format!("the tool's schema cannot be used: {reason}");
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        Ok(definition(&tool.declaration).export(dialect))
    }

    /// Switches a tool on or off; it stays so when its worker connects again.
    ///
    /// # Errors
    /// The caller is no admin, there is no such tool, there are several, or the database failed.
    pub async fn switch_tool(&self, caller: &Caller, which: &ToolName, switch: Switch) -> Result<ListedTool, Error> {
        self.admin(caller)?.switch_tool(which, switch).await
    }

    /// The workers of the caller's project that are connected, in the order they came.
    ///
    /// # Errors
    /// The role is not enough.
    pub fn connected_workers(&self, caller: &Caller) -> Result<Vec<ConnectedWorker>, Error> {
        caller.require(Role::Viewer)?;
        Ok(self.workers.list(&caller.project_id))
    }

    /// Gives a call of the caller's project up. Whoever waits for it is told, and so is its worker.
    ///
    /// # Errors
    /// The role is not enough, or there is no such call under way.
    pub fn cancel_call(&self, caller: &Caller, call_id: &CallId) -> Result<(), Error> {
        caller.require(Role::Operator)?;
        let snapshot = self.directory.snapshot();
        let is_theirs =
            |scope: &Scope| snapshot.entity(&scope.entity).is_some_and(|entity| entity.project_id == caller.project_id);
        let none = || Error::new(ErrorKind::NotFound, "there is no such call under way");
        self.calls.cancel(call_id, is_theirs).ok_or_else(none)
    }

    /// Finds a tool for a caller.
    pub(super) async fn find_tool(&self, caller: &Caller, which: &ToolName) -> Result<Found, Error> {
        caller.require(Role::Viewer)?;
        self.find_tool_of(&caller.project_id, which).await
    }

    pub(super) async fn find_tool_of(&self, project: &ProjectId, which: &ToolName) -> Result<Found, Error> {
        let environment = self.directory.environment(project, which.environment.as_deref())?;
        self.catalog.find(&environment.id, &which.name, which.entity.as_deref()).await
    }

    pub(super) fn listed(&self, identity: &Identity, tool: &CatalogTool) -> ListedTool {
        let scope = identity.scope();
        ListedTool {
            identity: identity.clone(),
            online: self.workers.is_online(&scope),
            enabled: self.directory.snapshot().is_enabled(&scope, &tool.declaration.name),
            fingerprint: tool.fingerprint.clone(),
            changed_ms: tool.changed_ms,
            declaration: tool.declaration.clone(),
        }
    }
}

fn definition(declaration: &ToolDeclaration) -> ToolDefinition {
    let mut definition =
        ToolDefinition::new(&declaration.name, &declaration.description, declaration.input_schema.clone());
    definition.output_schema.clone_from(&declaration.output_schema);
    definition.auth = match declaration.auth.as_str() {
        "user" => Auth::User,
        "admin" => Auth::Admin,
        _ => Auth::None,
    };
    definition.roles.clone_from(&declaration.roles);
    definition.annotations.clone_from(&declaration.annotations);
    definition
}
