//! Implements [`ToolHost`] for [`RegistryHost`]: the MCP methods that list and call the tools of a registry.

use std::sync::Arc;

use rmcp::RoleServer;
use rmcp::model::{CallToolRequestParams, CallToolResult, ErrorData, ListToolsResult, ServerConfig, Tool};
use rmcp::service::RequestContext;

use super::call;
use super::registry_host::RegistryHost;
use super::tools::ServedChanges;
use crate::mcp::{Notifier, Revision, ToolChanges, ToolHost};

impl ToolHost for Arc<RegistryHost> {
    type Changes = ServedChanges;

    fn config(&self) -> ServerConfig {
        self.info.config()
    }

    fn tool(&self, name: &str) -> Option<Tool> {
        self.tools.get(name).map(|tool| self.tools.wire(&tool))
    }

    async fn list(
        &self,
        cursor: Option<&str>,
        context: &RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.tools.page(cursor, Revision::of_request(context))
    }

    async fn call(
        &self,
        request: CallToolRequestParams,
        notifier: Notifier<'_>,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let name = request.name;
        let unknown = || ErrorData::invalid_params(format!("Unknown tool: {name}"), None);
        let tool = self.tools.get(&name).ok_or_else(unknown)?;
        let params = call::params(request.arguments, self.user.as_deref());
        call::run(self, &tool, params, notifier, &context.ct).await.ok_or_else(unknown)
    }

    fn changes(&self) -> ServedChanges {
        self.tools.changes()
    }

    async fn subscription_end(&self, _: &RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.calls.stopping().await;
        Ok(())
    }
}

impl ToolChanges for ServedChanges {
    async fn next(&mut self) -> bool {
        self.next_change().await
    }
}
