//! [`Tools`]: finds and lists the tools of a project that a caller may see, and makes the views of MCP clients and model agents.

use std::sync::Arc;

use platools::tool::{Dialect, ResultRule};
use serde_json::Value;

use super::handle_table::{HandleTable, HandleTables};
use super::listing::{ListedTool, SharedDeclaration, ToolName, WorkerLoad};
use super::view::{NamedTool, ToolView, name_of};
use crate::arguments::Arguments;
use crate::authority::{Action, Resource, authorize, may_use};
use crate::catalog::{Catalog, CatalogTool, FoundTool};
use crate::directory::Directory;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::{Caller, Identity};
use crate::domain::ids::{EnvironmentId, ProjectId};
use crate::links::tool_health::sees_errors;
use crate::links::{ConnectedWorker, HealthMonitor, Links};
use crate::ports::tool_changes::{ToolChangeListener, ToolChanges};

/// The tools of a project as its callers see them, with their workers.
#[derive(Debug)]
pub struct Tools {
    directory: Arc<Directory>,
    catalog: Arc<Catalog>,
    links: Arc<Links>,
    health: Arc<HealthMonitor>,
    tool_changes: Arc<dyn ToolChanges>,
    handle_tables: HandleTables,
}

impl Tools {
    pub(crate) fn new(
        directory: Arc<Directory>,
        catalog: Arc<Catalog>,
        links: Arc<Links>,
        health: Arc<HealthMonitor>,
        tool_changes: Arc<dyn ToolChanges>,
    ) -> Self {
        Self { directory, catalog, links, health, tool_changes, handle_tables: HandleTables::default() }
    }

    /// Notices of changes of an environment's tools.
    #[must_use]
    pub fn changes(&self, environment: &EnvironmentId) -> ToolChangeListener {
        self.tool_changes.subscribe(environment)
    }

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
            // One identity for all of its tools.
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
        let FoundTool { identity, tool } = self.find(caller, which).await?;
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
        let FoundTool { identity, tool } = self.find(caller, which).await?;
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
            Ok(own) => Arguments::from_boxed_offloaded(own).await,
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
        let mut workers = self.links.list(&caller.project_id);
        workers.retain(|worker| {
            authorize(caller, Action::View, Resource::Environment(&worker.identity.environment_id)).is_ok()
        });
        workers
    }

    /// Finds a tool that the caller may see.
    pub(crate) async fn find(&self, caller: &Caller, which: &ToolName) -> Result<FoundTool, Error> {
        authorize(caller, Action::View, Resource::Project(&caller.project_id))?;
        let environment = self.directory.environment_of(caller, which.environment.as_deref())?.id;
        let is_visible = |found: &FoundTool| may_use(caller, Action::View, &found.identity, &found.tool.declaration);
        self.catalog.find(&environment, &which.name, which.entity.as_deref(), is_visible).await
    }

    pub(crate) fn listed(&self, identity: &Arc<Identity>, tool: &Arc<CatalogTool>) -> ListedTool {
        let scope = identity.scope();
        ListedTool {
            identity: Arc::clone(identity),
            online: self.links.is_online(&scope, &tool.version()),
            enabled: self.directory.snapshot().is_enabled(&scope, &tool.declaration.name),
            fingerprint: tool.fingerprint.clone(),
            changed_ms: tool.changed_ms,
            health: self.health.of_tool(&scope, &tool.declaration.name),
            declaration: SharedDeclaration(Arc::clone(tool)),
        }
    }

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
