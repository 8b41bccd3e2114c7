//! [`GatewayHost`]: gives the MCP server the tools that one caller may use, and runs their calls.

use std::sync::Arc;

use axum::http::request::Parts;
use platools::mcp::http::UsageKind;
use platools::mcp::{Notifier, Revision, ToolChanges, ToolHost, server_config};
use rmcp::RoleServer;
use rmcp::model::{CallToolRequestParams, CallToolResult, ErrorData, Implementation, ListToolsResult, ServerConfig};
use rmcp::service::RequestContext;

use super::call;
use super::request_context::McpRequest;
use super::session::McpSession;
use super::sessions::McpSessions;
use super::tools;
use crate::connections::ConnectionPhase;
use crate::ports::tool_changes::ToolChangeListener;

/// Answers the requests of one session, or a single request without one.
#[derive(Debug, Clone)]
pub(super) struct GatewayHost {
    pub(super) sessions: Arc<McpSessions>,
    pub(super) session: Arc<McpSession>,
}

/// Changes of the tools of a session.
pub(super) struct ViewChanges {
    tool_changes: ToolChangeListener,
    session: Arc<McpSession>,
}

/// Instructions for the models of clients.
const INSTRUCTIONS: &str = "The tools are run by workers that come and go. `platools/online` in a tool's `_meta` says whether its \
                            worker is connected; a call of one that is not fails at once, and may be tried again later.";

impl ToolHost for GatewayHost {
    type Changes = ViewChanges;

    fn config(&self) -> ServerConfig {
        let version = env!("CARGO_PKG_VERSION");
        let server = match &self.session.view.entity {
            Some((_, slug)) => Implementation::new(slug, version),
            None => Implementation::new("platools-gateway", version),
        };
        server_config(server).with_instructions(INSTRUCTIONS)
    }

    async fn list(
        &self,
        cursor: Option<&str>,
        context: &RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let (caller, revision) = (&request_of(context)?.caller, Revision::of_request(context));
        tools::page(&self.sessions.core, caller, &self.session.view, cursor, revision).await
    }

    async fn call(
        &self,
        request: CallToolRequestParams,
        notifier: Notifier<'_>,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let _use = self.session.usage.begin(UsageKind::Work);
        let origin = request_of(context)?;
        call::run(&self.sessions, &self.session.view, origin, &request.name, &notifier, &context.ct).await
    }

    fn changes(&self) -> ViewChanges {
        let tool_changes = self.sessions.core.tools.changes(&self.session.view.environment);
        ViewChanges { tool_changes, session: Arc::clone(&self.session) }
    }

    /// Subscriptions have no session. Each has a connection of its own, of which an address has so many.
    async fn subscription_end(&self, context: &RequestContext<RoleServer>) -> Result<(), ErrorData> {
        let core = &self.sessions.core;
        let presence = core.callers.arrive(None);
        let known = core.callers.identify(&presence, &request_of(context)?.caller);
        known.map_err(|error| ErrorData::invalid_request(error.to_string(), None))?;
        let _ = presence.phase().wait_for(|phase| *phase > ConnectionPhase::Open).await;
        Ok(())
    }
}

impl ToolChanges for ViewChanges {
    async fn next(&mut self) -> bool {
        self.tool_changes.changed(|scope| self.session.view.has(scope)).await;
        true
    }
}

/// The HTTP request behind a message.
fn request_of(context: &RequestContext<RoleServer>) -> Result<&McpRequest, ErrorData> {
    let request = context.extensions.get::<Parts>().and_then(|parts| parts.extensions.get());
    request.ok_or_else(|| ErrorData::internal_error("the request came without its caller", None))
}
