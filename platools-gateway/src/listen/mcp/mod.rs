//! Clients of the Model Context Protocol, over its streamable HTTP: every tool that a caller may use, or those of one entity.
//!
//! `rmcp` speaks the protocol, in all its revisions that are in use. Those up to 2025-11-25 have sessions; what is here is whose
//! they are, how many there may be, and how they end.

mod call;
mod endpoint;
mod failure;
#[expect(deprecated, reason = "clients of the revisions in use ask for a log")]
mod handler;
#[expect(deprecated, reason = "clients of the revisions in use ask for a log")]
mod log;
mod public_url;
mod readers;
mod replay;
mod request_context;
mod resource;
mod result;
mod session;
mod session_manager;
mod sessions;
mod telling;
mod tools;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get};
use rmcp::transport::streamable_http_server::StreamableHttpServerConfig;
use tokio_util::task::TaskTracker;

use crate::settings::McpSettings;

use crate::core::Core;
use public_url::PublicUrl;
use resource::WELL_KNOWN;
use sessions::Sessions;

/// The path of the tools of all entities; those of one are below it.
const PATH: &str = "/mcp";

#[derive(Debug)]
struct Adapter {
    sessions: Arc<Sessions>,
    config: StreamableHttpServerConfig,
    public_url: PublicUrl,
}

/// The routes of clients of the protocol. The tasks that look after sessions are tracked.
pub(super) fn router(core: Arc<Core>, tasks: TaskTracker, settings: McpSettings, is_tls: bool) -> Router {
    let config = StreamableHttpServerConfig::default().with_max_request_body_bytes(core.limiter().body_bytes());
    // The guard before every route has checked both.
    let config = config.disable_allowed_hosts().disable_allowed_origins();
    let public_url = PublicUrl::new(&settings, is_tls);
    let sessions = Arc::new(Sessions::new(core, tasks, settings));
    let adapter = Arc::new(Adapter { sessions, config, public_url });
    let of_entity = format!("{PATH}/entities/{{slug}}");
    Router::new()
        .route(PATH, any(endpoint::all))
        .route(&of_entity, any(endpoint::of_entity))
        .route(WELL_KNOWN, get(resource::show))
        .route(&format!("{WELL_KNOWN}{PATH}"), get(resource::show))
        .route(&format!("{WELL_KNOWN}{of_entity}"), get(resource::show))
        .with_state(adapter)
}
