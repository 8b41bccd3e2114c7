//! The page, and what it asks for: where the feed is, and what tokens are called.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use platools_gateway::Role;
use platools_gateway::core::Core;
use platools_gateway::core::admin::NewToken;
use platools_gateway::core::ids::AgentId;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tokio::sync::watch;

use crate::store::Store;

/// Whoever opens the page is this user. An application with users would ask who it is.
pub(crate) const USER: &str = "trader-1";

/// The page asks for another token whenever it connects.
const TOKEN_TTL: Duration = Duration::from_secs(60 * 60);

/// Nothing but the page's own, and the feed: not even a symbol that is HTML could load anything.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; \
                      connect-src 'self' ws://127.0.0.1:*; base-uri 'none'";

#[derive(Clone)]
pub(crate) struct Page {
    /// The gateway that runs.
    pub(crate) core: watch::Receiver<Arc<Core>>,
    /// Where its feed is.
    pub(crate) feed_url: String,
    pub(crate) agent: AgentId,
    pub(crate) store: Store,
}

pub(crate) fn router(page: Page) -> Router {
    Router::new()
        .route("/", get(async || file("text/html; charset=utf-8", include_str!("../page/index.html"))))
        .route("/style.css", get(async || file("text/css", include_str!("../page/style.css"))))
        .route("/app.js", get(async || file("text/javascript", include_str!("../page/app.js"))))
        .route("/feed.js", get(async || file("text/javascript", include_str!("../page/feed.js"))))
        .route("/state.js", get(async || file("text/javascript", include_str!("../page/state.js"))))
        .route("/view.js", get(async || file("text/javascript", include_str!("../page/view.js"))))
        .route("/session", get(session))
        .route("/tokens", get(tokens))
        .with_state(page)
}

fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers =
        [(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, POLICY), (header::CACHE_CONTROL, "no-cache")];
    (headers, text)
}

/// Where to connect, and with which token.
async fn session(State(page): State<Page>) -> Result<impl IntoResponse, Failure> {
    let core = page.core.borrow().clone();
    let token = token(&core).await?;
    let session = json!({"url": page.feed_url, "token": token.expose_secret(), "agentId": page.agent.as_str()});
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(session)))
}

/// A token that may watch the agents of the user.
pub(crate) async fn token(core: &Core) -> Result<SecretString, platools_gateway::Error> {
    let (user_id, ttl) = (Some(USER.to_owned()), TOKEN_TTL);
    let new = NewToken { role: Role::Viewer, tool_roles: Vec::new(), user_id, agent: None, ttl };
    Ok(core.local_admin().mint_token(new).await?.token)
}

/// What tokens are called, and what they cost.
async fn tokens(State(page): State<Page>) -> Result<Json<serde_json::Value>, Failure> {
    let shown = page
        .store
        .tokens()
        .await?
        .into_iter()
        .map(|token| json!({"tokenAddress": token.address, "symbol": token.symbol, "price": token.price}));
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
