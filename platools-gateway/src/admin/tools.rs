//! Functions of [`Admin`] that list the tools of a project, and switch a tool on or off.

use std::sync::Arc;

use super::Admin;
use crate::audit::action;
use crate::domain::error::Error;
use crate::tools::{ListedTool, Switch, ToolName};

impl Admin<'_> {
    /// The tools, by entity and environment, each worker's in its own order. An environment, named by id or slug, leaves out
    /// the others.
    ///
    /// # Errors
    /// There is no such environment, or the database failed.
    pub async fn tools(&self, environment: Option<&str>) -> Result<Vec<ListedTool>, Error> {
        let only = match environment {
            None => None,
            Some(wanted) => Some(self.services.directory.environment(&self.project, Some(wanted))?.id),
        };
        self.services.tools.list_where(&self.project, only.as_ref(), |_, _| true).await
    }

    /// Switches a tool on or off; it stays so when its worker connects again.
    ///
    /// # Errors
    /// There is no such tool, there are several, or the database failed.
    pub async fn switch_tool(&self, which: &ToolName, switch: Switch) -> Result<ListedTool, Error> {
        let environment = self.services.directory.environment(&self.project, which.environment.as_deref())?.id;
        self.check_reaches(Some(std::slice::from_ref(&environment)))?;
        let found = self.services.catalog.find(&environment, &which.name, which.entity.as_deref(), |_| true).await?;
        let action = match switch {
            Switch::On => action::TOOL_ENABLE,
            Switch::Off => action::TOOL_DISABLE,
        };
        let detail = format!("entity {}, environment {}", found.identity.entity, found.identity.environment);
        let change = self.record(action, &which.name, &detail);
        match switch {
            Switch::On => change.store().enable_tool(&found.identity.scope(), &which.name).await?,
            Switch::Off => change.store().disable_tool(&found.identity.scope(), &which.name).await?,
        }
        change.done();
        self.services.directory.refresh().await?;
        Ok(self.services.tools.listed(&Arc::new(found.identity), &found.tool))
    }
}
