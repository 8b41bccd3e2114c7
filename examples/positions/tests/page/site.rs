//! [`Site`]: serves web pages that use the hook `useWebSocket`, for tests in a browser. The pages connect to the example's gateway, or to a
//! gateway that the site plays as the test says.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use platools_tests::Browser;
use positions::App;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::rules::run;
use crate::scripted::Connection;
use crate::{PACE, within};

/// Libraries that the hook is tested with, as the pages are called.
pub(crate) const LIBRARIES: [&str; 3] = ["react", "preact", "preact-10"];

/// Token that the gateway of the test accepts.
pub(crate) const GOOD: &str = "good";

/// Web server, until it is dropped. Its origin also is that of the gateway that the test speaks for.
pub(crate) struct Site {
    origin: String,
    shared: Arc<Shared>,
    connections: mpsc::UnboundedReceiver<Connection>,
    _server: AbortOnDropHandle<()>,
}

struct Shared {
    /// The example's gateway, of tests that have one.
    app: tokio::sync::Mutex<Option<App>>,
    /// Tokens of the next sessions; afterwards they are good.
    tokens: Mutex<VecDeque<&'static str>>,
    /// Sessions that were asked for: true after a refused token.
    sessions: Mutex<Vec<bool>>,
    /// The example's sessions have tokens that its gateway refuses.
    spoils_tokens: AtomicBool,
    connections: mpsc::UnboundedSender<Connection>,
}

#[derive(Deserialize)]
struct Asked {
    refused: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Watched {
    token: String,
    agent_id: String,
}

impl Site {
    /// Starts the example and a web server.
    pub(crate) async fn with_example() -> Self {
        Self::start(Some(App::start(0, PACE).await.unwrap())).await
    }

    /// Starts a web server that is a gateway as well: the test speaks for it on each [`Connection`].
    pub(crate) async fn scripted() -> Self {
        Self::start(None).await
    }

    async fn start(app: Option<App>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (sender, connections) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            app: tokio::sync::Mutex::new(app),
            tokens: Mutex::default(),
            sessions: Mutex::default(),
            spoils_tokens: AtomicBool::new(false),
            connections: sender,
        });
        let routes = Router::new()
            .route("/{page}", get(page))
            .route("/script/{page}", get(script))
            .route("/session/example", get(example_session))
            .route("/session/scripted", get(scripted_session))
            .route("/ws", get(upgrade))
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { origin, shared, connections, _server: AbortOnDropHandle::new(server) }
    }

    /// Opens the page of a library, for the example's gateway.
    pub(crate) async fn open_example(&self, browser: &Browser, library: &str, query: &str) {
        self.open(browser, library, &format!("session=/session/example&{query}")).await;
    }

    /// Opens the page of a library, for the gateway that the test speaks for.
    pub(crate) async fn open_scripted(&self, browser: &Browser, library: &str, query: &str) {
        self.open(browser, library, &format!("session=/session/scripted&{query}")).await;
    }

    async fn open(&self, browser: &Browser, library: &str, query: &str) {
        within(browser.page.goto(format!("{}/{library}?{query}", self.origin))).await.unwrap();
        browser.until("window.setViews !== undefined").await;
    }

    /// The next connection to the gateway that the test speaks for.
    pub(crate) async fn connection(&mut self) -> Connection {
        within(self.connections.recv()).await.unwrap()
    }

    /// True if nobody connected since.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.connections.try_recv().is_err()
    }

    /// Hands these tokens to the next sessions.
    pub(crate) fn hand_out(&self, tokens: &[&'static str]) {
        self.shared.tokens.lock().unwrap().extend(tokens);
    }

    /// Makes the tokens of the next sessions wrong, or right again.
    pub(crate) fn refuse_tokens(&self, refuse: bool) {
        self.shared.spoils_tokens.store(refuse, Ordering::Relaxed);
    }

    /// Sessions since the last look: true if the page said that a token was refused.
    pub(crate) fn sessions(&self) -> Vec<bool> {
        std::mem::take(&mut self.shared.sessions.lock().unwrap())
    }

    /// The example.
    pub(crate) async fn example(&self) -> tokio::sync::MappedMutexGuard<'_, App> {
        tokio::sync::MutexGuard::map(self.shared.app.lock().await, |app| app.as_mut().unwrap())
    }

    /// Ends the browser and all of it.
    pub(crate) async fn end(self, browser: Browser) {
        browser.close().await;
        let app = self.shared.app.lock().await.take();
        if let Some(app) = app {
            app.stop().await;
        }
    }
}

async fn page(Path(name): Path<String>) -> Html<String> {
    let script = format!(r#"<script type="module" src="/script/{name}.js"></script>"#);
    Html(format!(r#"<!doctype html><link rel="icon" href="data:,"><div id="root"></div>{script}"#))
}

/// A page's script with its library, made once for all tests.
async fn script(Path(name): Path<String>) -> Response {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let printed = String::from_utf8(run("bundle").stdout).unwrap();
        PathBuf::from(printed.trim())
    });
    match std::fs::read_to_string(folder.join(&name)) {
        Ok(text) => ([(header::CONTENT_TYPE, "text/javascript")], text).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn example_session(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let url = shared.app.lock().await.as_ref().unwrap().dashboard_url().await.unwrap();
    let (url, query) = url.expose_secret().split_once('?').unwrap();
    let token = query.split('&').find_map(|member| member.strip_prefix("token=")).unwrap();
    let spoilt = if shared.spoils_tokens.load(Ordering::Relaxed) { "x" } else { "" };
    Json(json!({"url": url, "token": format!("{token}{spoilt}")}))
}

async fn scripted_session(State(shared): State<Arc<Shared>>, Query(Asked { refused }): Query<Asked>) -> Json<Value> {
    shared.sessions.lock().unwrap().push(refused);
    let token = shared.tokens.lock().unwrap().pop_front().unwrap_or(GOOD);
    Json(json!({"url": "/ws", "token": token}))
}

/// Answers as a gateway does, and hands the socket to the test.
async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Query(Watched { token, agent_id }): Query<Watched>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if token != GOOD {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(upgrade) = upgrade else { return StatusCode::UPGRADE_REQUIRED.into_response() };
    upgrade.on_upgrade(async move |socket| {
        // A test that is over takes no connections any more.
        let _ = shared.connections.send(Connection::new(agent_id, socket));
    })
}
