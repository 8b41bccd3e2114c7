//! The tools of a project, and which of them may be called.

use super::Admin;
use crate::core::error::Error;
use crate::core::{ListedTool, Switch, ToolName};

impl Admin<'_> {
    /// The tools, by entity and environment, each worker's in its own order. An environment, named by id or slug, leaves out
    /// the others.
    ///
    /// # Errors
    /// There is no such environment, or the database failed.
    pub async fn tools(&self, environment: Option<&str>) -> Result<Vec<ListedTool>, Error> {
        let only = match environment {
            None => None,
            Some(wanted) => Some(self.core.directory.environment(&self.project, Some(wanted))?.id),
        };
        self.core.list_tools_where(&self.project, only.as_ref(), |_, _| true).await
    }

    /// Switches a tool on or off; it stays so when its worker connects again.
    ///
    /// # Errors
    /// There is no such tool, there are several, or the database failed.
    pub async fn switch_tool(&self, which: &ToolName, switch: Switch) -> Result<ListedTool, Error> {
        self.core.switch_tool_of(&self.project, which, switch).await
    }
}
