//! The route `/ws/runtime`, which opens a WebSocket of an agent in exchange for a ticket.

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

use super::connection::AgentConnection;
use crate::connections::SocketKind;
use crate::core::Core;
use crate::domain::ids::ConnectionId;
use crate::domain::origin::Protocol;
use crate::listen::bearer_token;
use crate::listen::http::{ErrorView, RequestContext};
use crate::listen::ws::{self, ReadLimits, Socket};

/// Bytes that a socket reads of a frame beyond the limit.
const MORE_READ_BYTES: usize = 1024 * 1024;

#[derive(Clone)]
pub(super) struct RuntimeAdapter {
    pub(super) core: Arc<Core>,
    pub(super) sockets: TaskTracker,
}

/// The credentials of an upgrade. They are never logged: they are secrets in a URL.
#[derive(Default, Deserialize)]
pub(super) struct UpgradeQuery {
    ticket: Option<String>,
}

pub(super) async fn upgrade(
    State(adapter): State<RuntimeAdapter>,
    Extension(context): Extension<RequestContext>,
    query: Result<Query<UpgradeQuery>, QueryRejection>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ErrorView> {
    // Before the ticket is used up: a request that is no upgrade costs nothing.
    let upgrade =
        upgrade.map_err(|refusal| ErrorView::new(refusal.status(), "upgrade_required", refusal.body_text()))?;
    let RuntimeAdapter { core, sockets } = adapter;
    let ticket = query.map(|Query(parts)| parts).unwrap_or_default().ticket.map(SecretString::from);
    let from = context.origin(Protocol::Runtime);
    let peer = core.sessions.admit_by_ticket(ticket.as_ref(), bearer_token(&headers).as_ref(), from.clone()).await?;
    context.note_caller(&peer.caller);
    let presence = core.callers.arrive(Some(SocketKind::Agent));
    core.callers.identify(&presence, &peer.caller)?;
    let message_bytes = core.sessions.settings().max_frame_bytes.saturating_add(MORE_READ_BYTES);
    Ok(ws::open(upgrade, ReadLimits { message_bytes, buffer_bytes: 4 * 1024 }, &sockets, async move |socket| {
        let span = ws::socket_span!("agent", ConnectionId::random(), from, agent.id = %peer.id);
        let agent = core.sessions.open_socket(peer);
        async {
            tracing::info!("agent socket opened");
            ws::serve(AgentConnection { core: &core, agent, presence }, (), Socket::new(socket)).await;
        }
        .instrument(span)
        .await;
    }))
}
