//! `/mcp`: the Model Context Protocol over streamable HTTP. A client gets all tools that its caller may use, or those of one entity.
//!
//! [`platools::mcp`] answers clients, over the library `rmcp`. [`GatewayHost`](tool_host::GatewayHost) gives it the tools of a caller, and
//! [`McpSessions`] has the sessions.

mod call;
mod challenge;
mod errors;
mod request_context;
mod result;
mod routes;
mod session;
mod session_manager;
mod sessions;
mod tool_host;
mod tools;

use std::sync::Arc;

use axum::Router;
use axum::routing::any;
use rmcp::transport::streamable_http_server::StreamableHttpServerConfig;
use tokio_util::task::TaskTracker;

use crate::core::Core;
use crate::settings::McpSettings;
use routes::McpAdapter;
use sessions::McpSessions;

/// The path of the tools of all entities; those of one are below it.
const PATH: &str = "/mcp";

/// The routes of clients of the protocol. The tasks that look after sessions are tracked.
pub(super) fn router(core: Arc<Core>, tasks: TaskTracker, settings: McpSettings) -> Router {
    let config = StreamableHttpServerConfig::default().with_max_request_body_bytes(core.limiter.body_bytes());
    // The guard before every route has checked both.
    let config = config.disable_allowed_hosts().disable_allowed_origins();
    let sessions = Arc::new(McpSessions::new(core, tasks, settings));
    let adapter = Arc::new(McpAdapter { sessions, config });
    let of_entity = format!("{PATH}/entities/{{slug}}");
    Router::new().route(PATH, any(routes::all)).route(&of_entity, any(routes::of_entity)).with_state(adapter)
}
