//! Serves the web page: its files, and routes that tell the page the URL of the feed, a token for the feed, and the names of the traded
//! assets.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use platools_gateway::Role;
use platools_gateway::admin::NewToken;
use platools_gateway::core::Core;
use platools_gateway::domain::ids::AgentId;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tokio::sync::watch;

use crate::store::Store;

/// The user of every visitor. An application with users would let them sign in.
pub(crate) const USER: &str = "trader-1";

/// The page asks for another token whenever it connects.
const TOKEN_TTL: Duration = Duration::from_secs(60 * 60);

/// Content security policy: the page's own files and the gateway, so that a symbol that is HTML loads nothing. The page asks the gateway over
/// HTTP why a connection was refused.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; \
                      connect-src 'self' ws://127.0.0.1:* http://127.0.0.1:*; base-uri 'none'";

/// Files of the page by path, with their type and text. Modules import each other by path, so the page needs no build step.
const FILES: &[(&str, &str, &str)] = &[
    ("/", "text/html; charset=utf-8", include_str!("../page/index.html")),
    ("/style.css", "text/css", include_str!("../page/style.css")),
    ("/app.js", "text/javascript", include_str!("../page/app.js")),
    ("/view.js", "text/javascript", include_str!("../page/view.js")),
    ("/feed/error.js", "text/javascript", include_str!("../page/feed/error.js")),
    ("/feed/feed.js", "text/javascript", include_str!("../page/feed/feed.js")),
    ("/feed/live-positions.js", "text/javascript", include_str!("../page/feed/live-positions.js")),
    ("/feed/page-visits.js", "text/javascript", include_str!("../page/feed/page-visits.js")),
    ("/feed/positions.js", "text/javascript", include_str!("../page/feed/positions.js")),
    ("/feed/refusal.js", "text/javascript", include_str!("../page/feed/refusal.js")),
    ("/feed/schedule.js", "text/javascript", include_str!("../page/feed/schedule.js")),
    ("/feed/session.js", "text/javascript", include_str!("../page/feed/session.js")),
    ("/feed/socket.js", "text/javascript", include_str!("../page/feed/socket.js")),
];

#[derive(Clone)]
pub(crate) struct Page {
    /// The gateway that runs.
    pub(crate) core: watch::Receiver<Arc<Core>>,
    /// URL of its live feed.
    pub(crate) feed_url: String,
    pub(crate) agent: AgentId,
    pub(crate) store: Store,
}

pub(crate) fn router(page: Page) -> Router {
    let files = FILES
        .iter()
        .fold(Router::new(), |router, &(path, kind, text)| router.route(path, get(async move || file(kind, text))));
    files.route("/session", get(session)).route("/assets", get(assets)).with_state(page)
}

fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers =
        [(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, POLICY), (header::CACHE_CONTROL, "no-cache")];
    (headers, text)
}

/// Answers with the URL of the live feed and a token for it.
async fn session(State(page): State<Page>) -> Result<impl IntoResponse, Failure> {
    let core = page.core.borrow().clone();
    let token = token(&core).await?;
    let session = json!({"url": page.feed_url, "token": token.expose_secret(), "agentId": page.agent.as_str()});
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(session)))
}

/// A token that may watch the agents of the user.
pub(crate) async fn token(core: &Core) -> Result<SecretString, platools_gateway::Error> {
    let new = NewToken { user_id: Some(USER.to_owned()), ..NewToken::new(Role::Viewer, TOKEN_TTL) };
    Ok(core.local_admin().mint_token(new).await?.token)
}

/// Answers with the symbols and prices of the assets. The page knows an asset by its `tokenAddress`.
async fn assets(State(page): State<Page>) -> Result<Json<serde_json::Value>, Failure> {
    let shown = page
        .store
        .assets()
        .await?
        .into_iter()
        .map(|asset| json!({"tokenAddress": asset.address, "symbol": asset.symbol, "price": asset.price}));
    Ok(Json(shown.collect()))
}

/// Something went wrong. The program's output says what.
struct Failure(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        eprintln!("a request failed: {:#}", self.0);
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}
