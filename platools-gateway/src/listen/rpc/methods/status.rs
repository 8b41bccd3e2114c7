//! `health` and `status`: how the gateway is.

use platools::wire::rpc::PROTOCOL;
use serde_json::json;

use super::{Params, Reply, reply};
use crate::core::error::causes_of;
use crate::listen::rpc::session::Session;

/// Says that the gateway is up.
pub(super) async fn health(session: &Session<'_>, _: Params) -> Reply {
    reply(&json!({"status": "healthy", "connectionCount": session.core.socket_count()}))
}

/// Says whether the gateway can do its work, and how much of it there is in the caller's project.
pub(super) async fn status(session: &Session<'_>, _: Params) -> Reply {
    let ready = session.core.check_ready().await.inspect_err(|why| {
        tracing::warn!(%why, causes = causes_of(why), "not ready");
    });
    let (workers, callers) = match session.has_catalogue {
        true => (session.core.connected_workers(&session.caller)?, session.core.caller_count()),
        false => (Vec::new(), 0),
    };
    reply(&json!({
        "status": if ready.is_ok() { "ready" } else { "not_ready" },
        "version": env!("CARGO_PKG_VERSION"),
        "protocol": PROTOCOL,
        "workers": workers.len(),
        "callers": callers,
        "callsInFlight": workers.iter().map(|worker| worker.calls_in_flight).sum::<usize>(),
    }))
}
