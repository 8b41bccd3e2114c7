//! The methods `health` and `status`, which show that the gateway runs, and the load of the caller's project.

use platools_protocol::rpc::PROTOCOL;
use serde_json::json;

use crate::domain::error::causes_of;
use crate::listen::rpc::method_context::MethodContext;
use crate::listen::rpc::params::{Params, Reply, reply};
use crate::tools::WorkerLoad;

/// Answers that the gateway is up.
pub(super) async fn health(context: &MethodContext<'_>, _: Params) -> Reply {
    reply(&json!({"status": "healthy", "connectionCount": context.core.figures.open_sockets().total()}))
}

/// Says whether the gateway can do its work, and how much of it there is in the caller's project.
pub(super) async fn status(context: &MethodContext<'_>, _: Params) -> Reply {
    let ready = context.core.readiness.check().await.inspect_err(|why| {
        tracing::warn!(%why, causes = causes_of(why), "not ready");
    });
    let (load, callers) = match context.has_catalog {
        true => (context.core.tools.worker_load(&context.caller)?, context.core.caller_count()),
        false => (WorkerLoad::default(), 0),
    };
    reply(&json!({
        "status": if ready.is_ok() { "ready" } else { "not_ready" },
        "version": env!("CARGO_PKG_VERSION"),
        "protocol": PROTOCOL,
        "workers": load.workers,
        "callers": callers,
        "callsInFlight": load.calls_in_flight,
    }))
}
