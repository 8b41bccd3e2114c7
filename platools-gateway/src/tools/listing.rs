//! Lists of the tools and workers that a caller may see.

use std::ops::Deref;
use std::sync::Arc;

use platools::ToolDefinition;
use platools::tool::{Auth, Content, Dialect, ResultRule, ToolExport};
use platools_protocol::tool_sync::ToolDeclaration;
use serde_json::Value;

use super::Tools;
use crate::arguments::Arguments;
use crate::authority::{Action, Resource, authorize, may_use};
use crate::catalog::{CatalogTool, Found};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::{Caller, Identity};
use crate::domain::ids::{EnvironmentId, ProjectId};
use crate::links::ConnectedWorker;
use crate::links::tool_health::{ReportedHealth, sees_errors};

/// A tool of the catalog.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListedTool {
    /// The entity of the tool.
    pub identity: Arc<Identity>,
    /// True if a worker is connected that declared it in this version.
    pub online: bool,
    /// True if it is enabled.
    pub enabled: bool,
    /// The same as long as the declaration is the same.
    pub fingerprint: String,
    /// Time of the last change of the declaration, in milliseconds since 1970.
    pub changed_ms: i64,
    /// The health that its worker reported; none if it reported nothing.
    pub health: Option<ReportedHealth>,
    /// The worker's declaration.
    pub declaration: SharedDeclaration,
}

/// A declaration of the catalogue. A clone copies nothing.
#[derive(Debug, Clone)]
pub struct SharedDeclaration(Arc<CatalogTool>);

impl Deref for SharedDeclaration {
    type Target = ToolDeclaration;

    fn deref(&self) -> &ToolDeclaration {
        &self.0.declaration
    }
}

impl ListedTool {
    /// The tool in the form that a model's interface takes.
    ///
    /// # Errors
    /// The tool's schema is one that cannot be written in other forms.
    pub async fn export(&self, dialect: Dialect) -> Result<Value, Error> {
        Ok(self.to_export(dialect).await?.into_value())
    }

    /// The tool in the form that a model's interface takes, with the way back from the arguments that a model writes for it.
    ///
    /// # Errors
    /// The tool's schema is one that cannot be written in other forms.
    pub async fn to_export(&self, dialect: Dialect) -> Result<ToolExport, Error> {
        if dialect == Dialect::Platform {
            // This form is the declaration, whatever its schemas are.
            return Ok(definition(&self.declaration).to_export(dialect));
        }
        Ok(self.shown(dialect).await?.to_export(dialect))
    }

    /// The rule that the tool's results are checked by before clients of the Model Context Protocol get them. A tool whose schemas cannot be
    /// used has one that checks nothing.
    pub async fn result_rule(&self) -> Arc<ResultRule> {
        let shown = async || {
            self.shown(Dialect::Mcp).await.unwrap_or_else(|_| {
                let mut definition = definition(&self.declaration);
                let content = definition.output_schema.filter(Content::is_declared_by);
                definition.output_schema = content.map(|_| Content::schema());
                definition
            })
        };
        self.declaration.0.results(shown).await
    }

    /// The definition with its schemas as readers of a dialect take them.
    async fn shown(&self, dialect: Dialect) -> Result<ToolDefinition, Error> {
        let mut definition = definition(&self.declaration);
        let schemas = self.declaration.0.arguments().await?;
        // Some forms write every reference out, which must not be done for just any schema.
        if let Some(reason) = schemas.unused_because() {
            let message = format!("the tool's schema cannot be used: {reason}");
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        definition.input_schema = schemas.input_for(&self.declaration.input_schema, dialect);
        definition.output_schema =
            self.declaration.output_schema.as_ref().map(|schema| schemas.output_for(schema).clone());
        Ok(definition)
    }
}

/// The work that the workers of a project have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerLoad {
    /// Connected workers.
    pub workers: usize,
    /// Calls that they have not answered.
    pub calls_in_flight: usize,
}

/// The name of a tool, with its entity where several have it.
#[derive(Debug, Clone)]
pub struct ToolName {
    /// Its name.
    pub name: String,
    /// The entity, by slug or id, where several have a tool of that name.
    pub entity: Option<String>,
    /// The environment, by slug or id; development if none is named.
    pub environment: Option<String>,
}

/// The switch of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// It may.
    On,
    /// It may not.
    Off,
}

impl Tools {
    /// The tools of the caller's project that the caller may see, by entity and environment, each worker's in its own order. An
    /// environment, named by id or slug, leaves out the others.
    ///
    /// # Errors
    /// The role is not enough, there is no such environment, or the database failed.
    pub async fn list(&self, caller: &Caller, environment: Option<&str>) -> Result<Vec<ListedTool>, Error> {
        authorize(caller, Action::View, Resource::Project(&caller.project_id))?;
        let only = match environment {
            None => None,
            Some(wanted) => Some(self.directory.environment_of(caller, Some(wanted))?.id),
        };
        let is_listed =
            |identity: &Identity, tool: &CatalogTool| may_use(caller, Action::View, identity, &tool.declaration);
        let mut listed = self.list_where(&caller.project_id, only.as_ref(), is_listed).await?;
        if !sees_errors(caller, &caller.project_id) {
            listed.iter_mut().for_each(ListedTool::hide_error);
        }
        Ok(listed)
    }

    /// The tools of a project, of one environment or of all, that pass a filter.
    pub(crate) async fn list_where(
        &self,
        project: &ProjectId,
        environment: Option<&EnvironmentId>,
        is_listed: impl Fn(&Identity, &CatalogTool) -> bool,
    ) -> Result<Vec<ListedTool>, Error> {
        let sets = self.catalog.list(project).await?;
        let sets = sets.iter().filter(|set| environment.is_none_or(|only| set.identity.environment_id == *only));
        let mut listed = Vec::new();
        for set in sets {
            // One for all of them.
            let identity = Arc::new(set.identity.clone());
            let tools = set.tools.iter().filter(|tool| is_listed(&identity, tool));
            listed.extend(tools.map(|tool| self.listed(&identity, tool)));
        }
        Ok(listed)
    }

    /// Finds a tool.
    ///
    /// # Errors
    /// The role is not enough, there is none of that name, there are several, or the database failed.
    pub async fn get(&self, caller: &Caller, which: &ToolName) -> Result<ListedTool, Error> {
        let Found { identity, tool } = self.find(caller, which).await?;
        let mut listed = self.listed(&Arc::new(identity), &tool);
        if !sees_errors(caller, &caller.project_id) {
            listed.hide_error();
        }
        Ok(listed)
    }

    /// The rule of a tool's results.
    ///
    /// # Errors
    /// Like [`Tools::get`].
    pub async fn result_rule(&self, caller: &Caller, which: &ToolName) -> Result<Arc<ResultRule>, Error> {
        let Found { identity, tool } = self.find(caller, which).await?;
        Ok(self.listed(&Arc::new(identity), &tool).result_rule().await)
    }

    /// Returns a tool in the form that a model's interface takes.
    ///
    /// # Errors
    /// Like [`Tools::get`]; or the tool's schema cannot be used, and `dialect` is another than the platform's own.
    pub async fn export(&self, caller: &Caller, which: &ToolName, dialect: Dialect) -> Result<Value, Error> {
        self.get(caller, which).await?.export(dialect).await
    }

    /// The arguments of a tool, from those that a model wrote for one of its forms. Those of a tool that the caller cannot see stay: the
    /// call itself is refused.
    ///
    /// # Errors
    /// The result is no object of arguments.
    pub async fn arguments_from(
        &self,
        caller: &Caller,
        which: &ToolName,
        dialect: Dialect,
        sent: Arguments,
    ) -> Result<Arguments, Error> {
        let Ok(tool) = self.get(caller, which).await else { return Ok(sent) };
        let Ok(exported) = tool.to_export(dialect).await else { return Ok(sent) };
        match exported.arguments(sent.as_str()) {
            Ok(own) => Arguments::take(own).await,
            Err(_) => Ok(sent),
        }
    }

    /// The workers of the caller's project that are connected, in the order they came.
    ///
    /// # Errors
    /// The role is not enough, or the key or token belongs to a user or an agent.
    pub fn connected_workers(&self, caller: &Caller) -> Result<Vec<ConnectedWorker>, Error> {
        authorize(caller, Action::View, Resource::Operations(&caller.project_id))?;
        Ok(self.workers_seen_by(caller))
    }

    /// The number of connected workers of the caller's project, and of the calls that they have not answered.
    ///
    /// # Errors
    /// The role is not enough.
    pub fn worker_load(&self, caller: &Caller) -> Result<WorkerLoad, Error> {
        authorize(caller, Action::View, Resource::Project(&caller.project_id))?;
        let workers = self.workers_seen_by(caller);
        let calls_in_flight = workers.iter().map(|worker| worker.calls_in_flight).sum();
        Ok(WorkerLoad { workers: workers.len(), calls_in_flight })
    }

    pub(crate) fn workers_seen_by(&self, caller: &Caller) -> Vec<ConnectedWorker> {
        let mut workers = self.workers.list(&caller.project_id);
        workers.retain(|worker| {
            authorize(caller, Action::View, Resource::Environment(&worker.identity.environment_id)).is_ok()
        });
        workers
    }

    /// Finds a tool that the caller may see.
    pub(crate) async fn find(&self, caller: &Caller, which: &ToolName) -> Result<Found, Error> {
        authorize(caller, Action::View, Resource::Project(&caller.project_id))?;
        let environment = self.directory.environment_of(caller, which.environment.as_deref())?.id;
        let is_visible = |found: &Found| may_use(caller, Action::View, &found.identity, &found.tool.declaration);
        self.catalog.find(&environment, &which.name, which.entity.as_deref(), is_visible).await
    }

    pub(crate) fn listed(&self, identity: &Arc<Identity>, tool: &Arc<CatalogTool>) -> ListedTool {
        let scope = identity.scope();
        ListedTool {
            identity: Arc::clone(identity),
            online: self.workers.is_online(&scope, &tool.version()),
            enabled: self.directory.snapshot().is_enabled(&scope, &tool.declaration.name),
            fingerprint: tool.fingerprint.clone(),
            changed_ms: tool.changed_ms,
            health: self.health.of_tool(&scope, &tool.declaration.name),
            declaration: SharedDeclaration(Arc::clone(tool)),
        }
    }
}

impl ListedTool {
    /// Leaves out the error that its worker told of.
    fn hide_error(&mut self) {
        self.health.iter_mut().for_each(|health| health.last_error = None);
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
