//! [`routes`]: the routes of every protocol. Each folder is the adapter of one protocol, and all adapters use the same services. Adapters
//! never import each other.

mod console;
mod feed;
mod http;
#[cfg(feature = "mcp")]
mod mcp;
mod openai;
mod params;
mod rest;
mod rpc;
mod runtime;
mod server;
mod sync;
mod ws;

use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use axum::{Extension, Router};
use platools_protocol::rpc::PATH;
use tokio_util::task::TaskTracker;

pub(crate) use http::Site;
pub(crate) use server::{Server, Setup};

// Shared by the adapters.
use http::auth::{bearer_token, remote};
use http::body::{BodyError, Object, parse_object, read_text};
use server::{ByteActivity, Routes};

use crate::core::Core;
use crate::domain::error::Error;
use crate::domain::origin::Protocol;
use crate::settings::Settings;
use http::{BrowserRequest, Guard, RequestContext};

/// The tasks that own sockets.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    /// Sockets of workers.
    pub(crate) links: TaskTracker,
    /// Sockets of callers and of agents with sessions, and the sessions of clients of the Model Context Protocol.
    pub(crate) callers: TaskTracker,
    /// Sockets of dashboards.
    pub(crate) dashboards: TaskTracker,
}

/// Every route of the gateway, behind the guard. The tasks that own sockets are tracked.
///
/// # Errors
/// A name or an origin in the settings cannot be read.
pub(crate) fn routes(core: &Arc<Core>, sockets: &Sockets, settings: &Settings, site: Site) -> Result<Routes, Error> {
    let guard = Arc::new(Guard::new(&settings.http, site)?);
    let workers = sync::router(Arc::clone(core), sockets.links.clone(), settings.worker);
    let callers = rpc::RpcAdapter::new(Arc::clone(core), sockets.callers.clone(), settings.rpc.clone());
    let dashboards = feed::FeedAdapter::new(Arc::clone(core), sockets.dashboards.clone());
    let shared = Router::new().route(PATH, any(upgrade)).with_state((callers, dashboards));
    #[cfg(feature = "mcp")]
    let clients = mcp::router(Arc::clone(core), sockets.callers.clone(), settings.mcp.clone());
    let (agents, mut described) = runtime::router(core, sockets.callers.clone());
    let console = settings.console.enabled.then(|| console::router(Arc::clone(core)));
    let console = console.map(|(console, of_console)| {
        described.merge(of_console);
        console
    });
    // The adapter for HTTP also answers what no route matches, and describes what the others have over HTTP.
    let openai = openai::router(Arc::clone(core)).method_not_allowed_fallback(http::no_such_method);
    let sockets = workers.merge(shared).merge(agents);
    let served = rest::router(Arc::clone(core), described).merge(openai).merge(sockets);
    let served = console.into_iter().fold(served, Router::merge);
    #[cfg(feature = "mcp")]
    let served = served.merge(clients);
    // Around everything else, so that no response gets by it.
    let observed = |router: Router| guard.protect(router).layer(from_fn_with_state(Arc::clone(core), http::observe));
    // `busy` replaces the response to a request that has passed the guard already.
    Ok(Routes { served: observed(served), over_limit: observed(rest::over_limit()), busy: rest::busy() })
}

/// `/ws`, which two protocols have in common: a client that asks for an agent's feed in the query of the URL is a dashboard, and any other is
/// a caller.
async fn upgrade(
    State((callers, dashboards)): State<(rpc::RpcAdapter, feed::FeedAdapter)>,
    Extension(activity): Extension<ByteActivity>,
    Extension(context): Extension<RequestContext>,
    browser: Option<Extension<BrowserRequest>>,
    (method, uri, headers): (Method, Uri, HeaderMap),
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let session = browser.and_then(|Extension(browser)| browser.session);
    let is_plain = matches!(method, Method::GET | Method::HEAD) && !headers.contains_key(header::UPGRADE);
    match (feed::FeedRequest::of(&uri), upgrade) {
        (Some(request), Ok(upgrade)) => {
            dashboards.upgrade(request.or_session(session), context.origin(Protocol::Feed), upgrade).await
        }
        (Some(request), Err(_)) if is_plain => {
            dashboards.explain(request.or_session(session), context.origin(Protocol::Feed)).await
        }
        (None, Ok(upgrade)) => callers.upgrade(context.origin(Protocol::Rpc), session, activity, upgrade),
        (_, Err(rejection)) => rejection.into_response(),
    }
}
