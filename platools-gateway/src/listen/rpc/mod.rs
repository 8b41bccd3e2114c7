//! [`RpcAdapter`]: serves gateway RPC to callers that stay connected over a WebSocket.

mod connect;
mod connection;
mod errors;
mod method_context;
mod methods;
mod params;
mod queue;
mod requests;
mod runs;
mod token_status;

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use secrecy::SecretString;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::settings::{AnonymousAccess, RpcSettings};

use super::ByteActivity;
use super::ws::{self, ReadLimits};
use crate::core::Core;
use crate::domain::ids::ConnectionId;
use crate::domain::origin::RequestOrigin;
use connection::RpcPeer;

/// The adapter for callers that stay connected.
#[derive(Debug, Clone)]
pub(super) struct RpcAdapter {
    core: Arc<Core>,
    callers: TaskTracker,
    settings: Arc<RpcSettings>,
}

impl RpcAdapter {
    pub(super) fn new(core: Arc<Core>, callers: TaskTracker, settings: RpcSettings) -> Self {
        Self { core, callers, settings: Arc::new(settings) }
    }

    /// Lets a caller in, who says over the socket who it is, unless it has the session of a browser.
    pub(super) fn upgrade(
        self,
        from: RequestOrigin,
        session: Option<SecretString>,
        activity: ByteActivity,
        upgrade: WebSocketUpgrade,
    ) -> Response {
        let Self { core, callers, settings } = self;
        let limits = ReadLimits { message_bytes: connection::max_dropped_bytes(&settings), buffer_bytes: 4 * 1024 };
        ws::open(upgrade, limits, &callers, async move |socket| {
            let span = ws::socket_span!("caller", ConnectionId::random(), from);
            connection::serve(&core, socket, RpcPeer { from, session, activity }, &settings).instrument(span).await;
        })
    }
}
