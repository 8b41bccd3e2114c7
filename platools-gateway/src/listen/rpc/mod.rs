//! Gateway RPC: callers that stay connected, over one WebSocket each.

mod connect;
mod connection;
mod end;
mod errors;
mod methods;
mod page;
mod queue;
mod runs;
mod session;
mod standing;

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::settings::{AnonymousAccess, RpcSettings};

use super::Traffic;
use crate::core::Core;
use crate::domain::ids::ConnectionId;
use crate::domain::origin::RequestOrigin;

/// A message over the limit is read to its end and dropped if it has at most so many bytes: 4 MiB. A larger one ends the
/// connection.
const MAX_DROPPED_BYTES: usize = 4 * 1024 * 1024;

/// The socket itself reads a little more than a message may have, so that a message just over the limit can be refused in
/// order: past this size the rest of it is never read, and the goodbye may be lost.
const MORE_READ_BYTES: usize = 64 * 1024;

/// The most bytes of a message that is read to its end.
fn max_dropped_bytes(settings: &RpcSettings) -> usize {
    settings.max_message_bytes.saturating_add(MORE_READ_BYTES).max(MAX_DROPPED_BYTES)
}

/// Most of a caller's messages are short, and a gateway keeps a buffer of this size for each caller.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// The adapter for callers that stay connected.
#[derive(Debug, Clone)]
pub(super) struct Adapter {
    core: Arc<Core>,
    callers: TaskTracker,
    settings: Arc<RpcSettings>,
}

impl Adapter {
    pub(super) fn new(core: Arc<Core>, callers: TaskTracker, settings: RpcSettings) -> Self {
        Self { core, callers, settings: Arc::new(settings) }
    }

    /// Lets a caller in, who says over the socket who it is.
    pub(super) fn upgrade(self, from: RequestOrigin, traffic: Traffic, upgrade: WebSocketUpgrade) -> Response {
        let Self { core, callers, settings } = self;
        // Tracked from here on, so that stopping waits for sockets that are still being opened.
        let tracked = callers.token();
        let max_bytes = max_dropped_bytes(&settings);
        let upgrade = upgrade.max_message_size(max_bytes).max_frame_size(max_bytes).read_buffer_size(READ_BUFFER_BYTES);
        upgrade.on_upgrade(async move |socket| {
            let span = tracing::info_span!(
                "caller",
                connection.id = %ConnectionId::random(),
                client.address = from.address.map(tracing::field::display),
                request.id = from.request_id.as_ref().map(tracing::field::display),
            );
            connection::serve(&core, socket, (from, traffic), &settings).instrument(span).await;
            drop(tracked);
        })
    }
}
