//! [`RuntimeGateway`]: plays a gateway for agents with sessions, with HTTP and WebSockets on one port. A test may replace each answer.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HeaderMap, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use platools::connection::OnRefusal;
use platools_client::{RuntimeClient, RuntimeClientBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::worker::quick;
use crate::{Link, Platform, Unreachable, within};

/// Key of the agents.
pub const KEY: &str = "nk_a-key-of-a-test";

/// A client that reconnects without losing time, and never gives up.
pub fn runtime_client(url: &str) -> RuntimeClientBuilder {
    let reconnect = quick().unlimited().on_refusal(OnRefusal::Retry);
    RuntimeClient::builder().url(url).secret(KEY).reconnect(reconnect)
}

/// An agent's socket from the gateway's side.
pub type AgentSocket = Link<TokioIo<Upgraded>>;

/// A request that came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The method, the path and the query.
    pub line: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null where there is none.
    pub body: Value,
}

/// Response that a test scripts.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    status: StatusCode,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Reply {
    /// An answer of that status with a body of JSON.
    ///
    /// # Panics
    /// It is no status.
    #[must_use]
    pub fn new(status: u16, body: &Value) -> Self {
        Self::text(status, body.to_string())
    }

    /// An answer of that status with any body.
    ///
    /// # Panics
    /// It is no status.
    #[must_use]
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self { status: StatusCode::from_u16(status).expect("a status"), headers: Vec::new(), body: body.into() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A gateway that keeps the runtime protocol by itself; whatever a test wants otherwise comes first.
#[derive(Debug)]
pub struct RuntimeGateway {
    platform: Arc<TcpListener>,
    shared: Arc<Shared>,
    asked: mpsc::UnboundedReceiver<Asked>,
    sockets: mpsc::UnboundedReceiver<AgentSocket>,
    tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    script: Mutex<Script>,
    connections: AtomicUsize,
    asked: mpsc::UnboundedSender<Asked>,
    sockets: mpsc::UnboundedSender<AgentSocket>,
}

#[derive(Debug, Default)]
struct Script {
    /// For requests whose line begins so: once or always.
    replies: VecDeque<(String, Reply, bool)>,
    channels: Vec<Value>,
    tickets: Vec<String>,
    lines: Vec<String>,
}

impl RuntimeGateway {
    /// Serves agents on a port of its own.
    ///
    /// # Panics
    /// There is none.
    pub async fn start() -> Self {
        Self::on(Platform::start().await)
    }

    /// Serves agents on that port.
    #[must_use]
    pub fn on(platform: Platform) -> Self {
        let (asking, asked) = mpsc::unbounded_channel();
        let (opening, sockets) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            script: Mutex::default(),
            connections: AtomicUsize::new(0),
            asked: asking,
            sockets: opening,
        });
        let platform = Arc::new(platform.into_listener());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(Arc::clone(&platform), Arc::clone(&shared)));
        Self { platform, shared, asked, sockets, tasks }
    }

    /// Serves one connection that was made elsewhere.
    pub fn serve(&mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        self.tasks.spawn(serve(stream, Arc::clone(&self.shared)));
    }

    /// URL for an agent.
    ///
    /// # Panics
    /// The system does not know.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.platform.local_addr().expect("it is bound"))
    }

    /// Stops listening, ends every connection but sockets that the test has, and keeps the port.
    ///
    /// # Panics
    /// The system does not know which one that is.
    pub async fn stop(mut self) -> Unreachable {
        let address = self.platform.local_addr().expect("it is bound");
        self.tasks.shutdown().await;
        drop(self);
        Unreachable::at(address)
    }

    /// The channels there are, as the gateway lists them.
    pub fn set_channels(&self, channels: impl IntoIterator<Item = Value>) {
        self.script().channels = channels.into_iter().collect();
    }

    /// Answers the next request whose line begins so.
    pub fn once(&self, line: &str, reply: Reply) {
        self.script().replies.push_back((line.to_owned(), reply, true));
    }

    /// Answers every request whose line begins so.
    pub fn always(&self, line: &str, reply: Reply) {
        self.script().replies.push_back((line.to_owned(), reply, false));
    }

    /// The next request whose line begins so; those before it are passed over.
    ///
    /// # Panics
    /// None comes.
    pub async fn asked(&mut self, line: &str) -> Asked {
        loop {
            let asked = within(self.asked.recv()).await.expect("the gateway lives");
            if asked.line.starts_with(line) {
                return asked;
            }
        }
    }

    /// Number of requests whose first line begins with a text.
    #[must_use]
    pub fn count(&self, line: &str) -> usize {
        self.script().lines.iter().filter(|asked| asked.starts_with(line)).count()
    }

    /// Number of connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// The next agent's socket.
    ///
    /// # Panics
    /// None is opened.
    pub async fn socket(&mut self) -> AgentSocket {
        within(self.sockets.recv()).await.expect("the gateway lives")
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.shared.script()
    }
}

async fn accept(platform: Arc<TcpListener>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = platform.accept().await {
        connections.spawn(serve(stream, Arc::clone(&shared)));
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, shared: Arc<Shared>) {
    shared.connections.fetch_add(1, Ordering::Relaxed);
    let service = service_fn(|request| shared.answer(request));
    // An agent may go at any time.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

/// Sessions and tickets have names of their own, also those of another gateway on the same port.
fn number() -> usize {
    static LATEST: AtomicUsize = AtomicUsize::new(0);
    LATEST.fetch_add(1, Ordering::Relaxed) + 1
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(self: &Arc<Self>, mut request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let upgrade = request.extensions_mut().remove::<OnUpgrade>();
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let line = format!("{} {}", head.method, head.uri);
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let asked = Asked { line: line.clone(), headers: head.headers.clone(), body };
        let scripted = self.script().reply(&line);
        let reply = match (scripted, line.strip_prefix("GET /ws/runtime?ticket="), upgrade) {
            (Some(reply), ..) => reply,
            (None, Some(ticket), Some(upgrade)) if self.script().takes(ticket) => {
                self.open(Request::from_parts(head.clone(), ()), upgrade);
                let key = head.headers.get(SEC_WEBSOCKET_KEY).map_or(&[][..], |key| key.as_bytes());
                let reply = Reply { status: StatusCode::SWITCHING_PROTOCOLS, ..Reply::default() };
                let reply = reply.header(CONNECTION.as_str(), "upgrade").header(UPGRADE.as_str(), "websocket");
                reply.header(SEC_WEBSOCKET_ACCEPT.as_str(), derive_accept_key(key))
            }
            _ => self.script().usual(&line),
        };
        // The test may not want to know.
        let _ = self.asked.send(asked);
        let mut response = Response::builder().status(reply.status);
        for (name, value) in reply.headers {
            response = response.header(name, value);
        }
        Ok(response.body(Full::new(reply.body.into())).expect("a valid answer"))
    }

    /// Hands the socket over once the answer is written.
    fn open(self: &Arc<Self>, request: Request<()>, upgrade: OnUpgrade) {
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            if let Ok(upgraded) = upgrade.await {
                let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
                let _ = shared.sockets.send(Link::upgraded(socket, request));
            }
        });
    }
}

impl Script {
    fn reply(&mut self, line: &str) -> Option<Reply> {
        self.lines.push(line.to_owned());
        let at = self.replies.iter().position(|(prefix, ..)| line.starts_with(prefix))?;
        let (_, reply, is_once) = self.replies[at].clone();
        if is_once {
            self.replies.remove(at);
        }
        Some(reply)
    }

    /// A ticket is good for one socket.
    fn takes(&mut self, ticket: &str) -> bool {
        let known = self.tickets.iter().position(|known| known == ticket);
        known.map(|at| self.tickets.remove(at)).is_some()
    }

    fn usual(&mut self, line: &str) -> Reply {
        match line {
            "POST /v1/runtime/connect" => {
                let session = format!("session-{}", number());
                let times = "2026-03-01T10:30:00Z";
                Reply::new(
                    201,
                    &json!({"sessionId": session, "agentId": "agent", "address": "0x1", "connectedAt": times}),
                )
            }
            "POST /v1/ws/ticket" => {
                let ticket = format!("ticket-{}", number());
                self.tickets.push(ticket.clone());
                Reply::new(200, &json!({ "ticket": ticket }))
            }
            "POST /v1/runtime/heartbeat" => {
                Reply::new(200, &json!({"success": true, "lastHeartbeat": "2026-03-01T10:30:30Z"}))
            }
            "POST /v1/runtime/disconnect" => Reply::new(200, &json!({"success": true})),
            line if line.starts_with("GET /v1/channels?") => Reply::new(200, &self.channels(line)),
            line if line.starts_with("GET /ws/runtime") => Reply::new(401, &json!({"error": "no such ticket"})),
            _ => Reply::new(404, &json!({"error": "there is nothing here"})),
        }
    }

    fn channels(&self, line: &str) -> Value {
        let number = |name: &str| {
            let (_, rest) = line.split_once(&format!("{name}="))?;
            rest.split('&').next()?.parse::<usize>().ok()
        };
        let (limit, offset) = (number("limit").unwrap_or(50), number("offset").unwrap_or(0));
        let page: Vec<_> = self.channels.iter().skip(offset).take(limit).collect();
        json!({ "channels": page })
    }
}
