//! Tool sync, the protocol of workers: lets workers connect, each over one WebSocket, and refuses those with a wrong secret. `connection`
//! serves a worker that was accepted.

mod connection;
mod frames;
mod health_alerts;
mod responses;
mod socket;
mod throttled_registration;
mod worker_claim;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::ws::{WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::any;
use axum::{Extension, Router};
use platools_protocol::tool_sync::MAX_FRAME_BYTES;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::core::Core;
use crate::directory::{Claim, Refusal};
use crate::domain::error::causes_of;
use crate::domain::origin::{Protocol, RequestOrigin};
use crate::links::Generation;
use crate::listen::ByteActivity;
use crate::listen::http::RequestContext;
use crate::listen::ws::{self, Close, Farewell, ReadLimits, Socket};
use crate::settings::WorkerSettings;
use socket::SocketTimes;

/// Paths at which workers connect; all three are the same.
const PATHS: [&str; 3] = ["/ws/sdk", "/tools/sync", "/tools/sync/ws/sdk"];

/// Bytes that a socket reads of a frame, which is 1 MiB more than a frame may have.
const MAX_READ_BYTES: usize = MAX_FRAME_BYTES + 1024 * 1024;

/// Bytes that are read from a worker that is not known.
const UNTRUSTED_BYTES: usize = 16 * 1024;

/// The longest time to authenticate a worker.
const AUTHENTICATION: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct SyncAdapter {
    core: Arc<Core>,
    links: TaskTracker,
    settings: WorkerSettings,
}

/// The routes of workers.
pub(super) fn router(core: Arc<Core>, links: TaskTracker, settings: WorkerSettings) -> Router {
    let adapter = SyncAdapter { core, links, settings };
    PATHS.into_iter().fold(Router::new(), |router, path| router.route(path, any(upgrade))).with_state(adapter)
}

async fn upgrade(
    State(adapter): State<SyncAdapter>,
    Extension(context): Extension<RequestContext>,
    Extension(activity): Extension<ByteActivity>,
    query: Result<Query<worker_claim::WorkerQuery>, QueryRejection>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    // Whatever is wrong with a claim is said after the upgrade, where workers expect it.
    let query = query.map(|Query(parts)| parts).unwrap_or_default();
    let generation = adapter.core.authenticator.next_generation();
    let claim = worker_claim::read(&query, &headers);
    let limits = ReadLimits { message_bytes: MAX_READ_BYTES, buffer_bytes: 4 * 1024 };
    ws::open(upgrade, limits, &adapter.links.clone(), async move |socket| {
        // Its frames are read when it has been turned away, too, so that the goodbye arrives.
        activity.allow(UNTRUSTED_BYTES);
        let times = SocketTimes { activity, settings: adapter.settings };
        serve(&adapter.core, generation, claim, context.origin(Protocol::ToolSync), (Socket::new(socket), times)).await;
    })
}

/// Lets a worker in or turns it away.
///
/// Nothing is read before the worker is known: frames it sent early wait in the socket, in order, and the network's own
/// flow control bounds them.
async fn serve(
    core: &Core,
    generation: Generation,
    claim: Claim,
    from: RequestOrigin,
    (socket, times): (Socket<WebSocket>, SocketTimes),
) {
    if core.readiness.turns_workers_away() {
        turn_away(socket, close_code::AGAIN, ISOLATED).await;
        return;
    }
    match timeout(AUTHENTICATION, core.authenticator.connect(generation, claim, from.clone()))
        .await
        .unwrap_or(Err(Refusal::TookTooLong))
    {
        Ok(link) => {
            // Any number of frames is read from now on: it is known who sends them.
            times.activity.allow_everything();
            connection::run(core, link, &from, socket, times).await;
        }
        Err(refusal) => {
            report(&refusal, &from);
            turn_away(socket, code_of(&refusal), &refusal.to_string()).await;
        }
    }
}

/// The answer to a worker while this gateway lacks a part that others have.
const ISOLATED: &str = "this gateway is cut off from the others; connect again to reach another one";

/// Closes the socket of a worker that is not let in, and tells it why.
async fn turn_away(socket: Socket<WebSocket>, code: u16, error: &str) {
    let farewell = Farewell::new(vec![connection::error_frame(error).into()]);
    socket.close(Close::because(code, error.to_owned()), farewell, connection::FAREWELL).await;
}

/// The close code of a refusal. A worker that could not be checked may be right, so it is told something else.
fn code_of(refusal: &Refusal) -> u16 {
    match refusal {
        Refusal::Unavailable(_) | Refusal::TookTooLong => close_code::ERROR,
        Refusal::TooMany { .. } => close_code::AGAIN,
        Refusal::NoBearer | Refusal::Unknown | Refusal::UnknownEnvironment => close_code::POLICY,
    }
}

/// Logs a refusal that is about the gateway or its limits. The audit has those that are about the worker's secret.
fn report(refusal: &Refusal, from: &RequestOrigin) {
    let address = from.address.map(tracing::field::display);
    match refusal {
        Refusal::Unavailable(cause) => {
            let causes = causes_of(cause);
            tracing::error!(client.address = address, error = %cause, causes, "worker not authenticated: the check failed");
        }
        Refusal::TookTooLong => tracing::error!(client.address = address, "worker not authenticated in time"),
        Refusal::TooMany { .. } => {
            tracing::debug!(client.address = address, reason = %refusal, "a worker was turned away")
        }
        Refusal::NoBearer | Refusal::Unknown | Refusal::UnknownEnvironment => {}
    }
}
