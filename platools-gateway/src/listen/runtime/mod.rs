//! [`router`]: the runtime protocol, for agents with sessions: routes over HTTP, and a WebSocket that an agent opens with a ticket.

mod auth;
mod channels;
mod connection;
mod errors;
mod messages;
mod metadata;
mod page;
mod sessions;
mod upgrade;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use platools_protocol::runtime::{MAX_MESSAGE_BYTES, path};
use tokio_util::task::TaskTracker;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::core::Core;
use crate::domain::origin::Protocol;
use crate::listen::http::{HttpProtocol, no_such_method};

/// The protocol over HTTP.
const PROTOCOL: HttpProtocol =
    HttpProtocol { protocol: Protocol::Runtime, max_body_bytes: MAX_MESSAGE_BYTES, error: errors::failure };

/// The routes of agents with sessions, and the description of those over HTTP. The tasks that own sockets are tracked.
pub(super) fn router(core: &Arc<Core>, sockets: TaskTracker) -> (Router, OpenApi) {
    let (served, document) = OpenApiRouter::new()
        .routes(routes!(sessions::connect))
        .routes(routes!(sessions::heartbeat))
        .routes(routes!(sessions::status))
        .routes(routes!(sessions::presence))
        .routes(routes!(sessions::disconnect))
        .routes(routes!(sessions::ticket))
        .routes(routes!(channels::list, channels::create))
        .routes(routes!(channels::show, channels::remove))
        .routes(routes!(channels::join))
        .routes(routes!(channels::leave))
        .routes(routes!(channels::members))
        .routes(routes!(channels::presence))
        .routes(routes!(messages::history, messages::say))
        .split_for_parts();
    let adapter = upgrade::RuntimeAdapter { core: Arc::clone(core), sockets };
    let socket = Router::new().route(path::SOCKET, get(upgrade::upgrade)).with_state(adapter);
    let routes = served.with_state(Arc::clone(core)).merge(socket);
    (PROTOCOL.serve(routes.method_not_allowed_fallback(no_such_method)), document)
}
