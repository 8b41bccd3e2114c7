//! Tool sync: the sockets of workers.

mod close;
mod connection;
mod end;
mod frames;
mod handshake;
mod health;
mod replies;
mod socket;
mod throttled;
mod truncate;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::any;
use axum::{Extension, Router};
use platools_protocol::tool_sync::MAX_FRAME_BYTES;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use socket::Socket;

use crate::core::Core;
use crate::directory::{Claim, Refusal};
use crate::domain::error::causes_of;
use crate::domain::origin::{Protocol, RequestOrigin};
use crate::links::Arrival;
use crate::listen::Traffic;
use crate::listen::http::RequestContext;
use crate::settings::WorkerSettings;

/// Where workers connect; all three are the same.
const PATHS: [&str; 3] = ["/ws/sdk", "/tools/sync", "/tools/sync/ws/sdk"];

/// The socket itself reads a little more than a frame may have, so that a frame just over the limit can be refused in order:
/// past this size the rest of the frame is never read, and the goodbye may be lost.
const MAX_READ_BYTES: usize = MAX_FRAME_BYTES + 1024 * 1024;

/// Most of a worker's frames are short, and a gateway keeps a buffer of this size for each worker.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// How long finding out who a worker is may take.
const AUTHENTICATION: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct Adapter {
    core: Arc<Core>,
    links: TaskTracker,
    settings: WorkerSettings,
}

/// The routes of workers.
pub(super) fn router(core: Arc<Core>, links: TaskTracker, settings: WorkerSettings) -> Router {
    let adapter = Adapter { core, links, settings };
    PATHS.into_iter().fold(Router::new(), |router, path| router.route(path, any(upgrade))).with_state(adapter)
}

async fn upgrade(
    State(adapter): State<Adapter>,
    Extension(context): Extension<RequestContext>,
    Extension(traffic): Extension<Traffic>,
    query: Result<Query<handshake::Parts>, QueryRejection>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    // Whatever is wrong with a claim is said after the upgrade, where workers expect it.
    let query = query.map(|Query(parts)| parts).unwrap_or_default();
    let (arrival, claim) = (Arrival::now(), handshake::read(&query, &headers));
    // Tracked from here on, so that stopping waits for sockets that are still being opened.
    let tracked = adapter.links.token();
    let upgrade = upgrade.max_message_size(MAX_READ_BYTES).max_frame_size(MAX_READ_BYTES);
    upgrade.read_buffer_size(READ_BUFFER_BYTES).on_upgrade(async move |socket| {
        let socket = Socket::new(socket, traffic, adapter.settings);
        serve(&adapter.core, arrival, claim, context.origin(Protocol::ToolSync), socket).await;
        drop(tracked);
    })
}

/// Lets a worker in or turns it away.
///
/// Nothing is read before the worker is known: frames it sent early wait in the socket, in order, and the network's own
/// flow control bounds them.
async fn serve(core: &Core, arrival: Arrival, claim: Claim, from: RequestOrigin, socket: Socket) {
    match timeout(AUTHENTICATION, core.authenticator.connect(arrival, claim, from.clone()))
        .await
        .unwrap_or(Err(Refusal::TookTooLong))
    {
        Ok(link) => {
            socket.trust();
            connection::run(core, link, &from, socket).await;
        }
        Err(refusal) => {
            report(&refusal, &from);
            close::refuse(socket.into_inner(), close::code_of(&refusal), &refusal.to_string(), |_| {}).await;
        }
    }
}

/// Logs a refusal that is about the gateway or its limits. The audit has those that are about the worker's secret.
fn report(refusal: &Refusal, from: &RequestOrigin) {
    let address = from.address.map(tracing::field::display);
    match refusal {
        Refusal::Unavailable(cause) => {
            let causes = causes_of(cause);
            tracing::error!(client.address = address, error = %cause, causes, "a worker could not be checked");
        }
        Refusal::TookTooLong => tracing::error!(client.address = address, "a worker could not be checked in time"),
        Refusal::TooMany { .. } => {
            tracing::debug!(client.address = address, reason = %refusal, "a worker was turned away")
        }
        Refusal::NoBearer | Refusal::Unknown | Refusal::UnknownEnvironment => {}
    }
}
