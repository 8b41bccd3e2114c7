//! `/ws/runtime`: a ticket becomes a socket.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use secrecy::SecretString;
use serde::Deserialize;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::connection;
use super::failure::Failure;
use crate::connections::SocketKind;
use crate::core::Core;
use crate::domain::ids::ConnectionId;
use crate::domain::origin::Protocol;
use crate::listen::bearer_token;
use crate::listen::http::RequestContext;

/// The socket itself reads a little more than a frame may have, so that a frame just over the limit can be refused in order:
/// past this size the rest of it is never read, and the goodbye may be lost.
const MORE_READ_BYTES: usize = 1024 * 1024;

/// Most of an agent's frames are short, and a gateway keeps a buffer of this size for each socket.
const READ_BUFFER_BYTES: usize = 4 * 1024;

#[derive(Clone)]
pub(super) struct Adapter {
    pub(super) core: Arc<Core>,
    pub(super) sockets: TaskTracker,
}

/// The credentials of an upgrade. They are never logged: they are secrets in a URL.
#[derive(Default, Deserialize)]
pub(super) struct Parts {
    ticket: Option<String>,
}

pub(super) async fn upgrade(
    State(adapter): State<Adapter>,
    Extension(context): Extension<RequestContext>,
    query: Result<Query<Parts>, QueryRejection>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Failure> {
    // Nothing is taken from whoever does not mean a WebSocket.
    let upgrade = upgrade?;
    let Adapter { core, sockets } = adapter;
    let ticket = query.map(|Query(parts)| parts).unwrap_or_default().ticket.map(SecretString::from);
    let peer = core
        .sessions
        .admit_by_ticket(ticket.as_ref(), bearer_token(&headers).as_ref(), context.origin(Protocol::Runtime))
        .await?;
    context.is_from(&peer.caller);
    let presence = core.callers.arrive_at(SocketKind::Agent);
    core.callers.identify(&presence, &peer.caller)?;
    // Tracked from here on, so that stopping waits for sockets that are still being opened.
    let tracked = sockets.token();
    let max_bytes = core.sessions.settings().max_frame_bytes.saturating_add(MORE_READ_BYTES);
    let upgrade = upgrade.max_message_size(max_bytes).max_frame_size(max_bytes).read_buffer_size(READ_BUFFER_BYTES);
    Ok(upgrade.on_upgrade(async move |socket| {
        let span = tracing::info_span!(
            "agent",
            agent.id = %peer.id,
            connection.id = %ConnectionId::random(),
            client.address = %context.address(),
            request.id = %context.id(),
        );
        let agent = core.sessions.open_socket(peer);
        async {
            tracing::info!("agent connected");
            connection::serve(&core, socket, agent, presence).await;
        }
        .instrument(span)
        .await;
        drop(tracked);
    }))
}
