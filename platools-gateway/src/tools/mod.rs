//! [`Tools`]: the tools of a project as its callers see them.
//!
//! `listing` has the tools that a caller may see, and `view` those that clients of the Model Context Protocol and agents get, under the
//! names that `client_names` makes.

pub(crate) mod client_names;
mod listing;
mod name_table;
mod view;

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::directory::Directory;
use crate::domain::ids::EnvironmentId;
use crate::links::{HealthMonitor, Workers};
use crate::ports::tool_changes::{ToolChangeListener, ToolChanges};

pub use listing::{ListedTool, SharedDeclaration, Switch, ToolName, WorkerLoad};
pub use view::{NamedTool, ToolView};

use name_table::HandleTables;

/// The tools of a project as its callers see them, with their workers.
#[derive(Debug)]
pub struct Tools {
    directory: Arc<Directory>,
    catalog: Arc<Catalog>,
    workers: Arc<Workers>,
    health: Arc<HealthMonitor>,
    tool_changes: ToolChanges,
    handle_tables: HandleTables,
}

impl Tools {
    pub(crate) fn new(
        directory: Arc<Directory>,
        catalog: Arc<Catalog>,
        workers: Arc<Workers>,
        health: Arc<HealthMonitor>,
        tool_changes: ToolChanges,
    ) -> Self {
        Self { directory, catalog, workers, health, tool_changes, handle_tables: HandleTables::default() }
    }

    /// Notices of changes of an environment's tools.
    pub(crate) fn changes(&self, environment: &EnvironmentId) -> ToolChangeListener {
        self.tool_changes.subscribe(environment)
    }
}
