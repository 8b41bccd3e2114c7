//! [`Http`]: sets up a local MCP server over HTTP. [`HttpServer`] serves the tools to any number of clients.

mod allowed_hosts;
mod auth;
mod cors;
mod listener;
mod request_body;
mod request_handler;
mod sessions;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::server::Server;
use super::stop_signals::signals;
use crate::mcp::McpServer;
use crate::mcp::http::Sessions;
use allowed_hosts::AllowedHosts;
use auth::Guard;
use listener::Listener;
use platools_transport::Secret;
use platools_transport::{Error, ErrorKind};
use request_handler::RequestHandler;
use sessions::LocalSessions;

/// Origins that are always allowed: pages of this machine.
const LOCAL_ORIGINS: [&str; 6] = [
    "http://localhost:*",
    "http://127.0.0.1:*",
    "http://[::1]:*",
    "https://localhost:*",
    "https://127.0.0.1:*",
    "https://[::1]:*",
];

/// A local server over HTTP before it listens. Made by [`Server::http`].
///
/// Its clients connect to `/mcp` and send the token with every request: `Authorization: Bearer <token>`. It speaks HTTP without TLS,
/// and listens where only programs of the same machine connect, unless it is told otherwise.
///
/// ```no_run
/// use platools::Secret;
/// use platools::serve::Server;
/// # use platools::ToolRegistry;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), platools::Error> {
/// # let registry = ToolRegistry::new();
/// let server = Server::new(registry).http(Secret::file("/run/secrets/orders")).bind().await?;
/// println!("http://{}/mcp", server.local_addr());
/// server.run().await
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is served until `serve` or `bind`"]
pub struct Http {
    server: Server,
    token: Secret,
    address: SocketAddr,
    hosts: Vec<String>,
    origins: Vec<String>,
    max_sessions: usize,
    session_timeout: Duration,
    max_body_bytes: usize,
}

impl Server {
    /// Makes a server over streamable HTTP, for clients with the token. It reads the token when it begins to listen.
    pub fn http(self, token: impl Into<Secret>) -> Http {
        Http::new(self, token.into())
    }
}

impl Http {
    /// The address unless [`address`](Self::address) says otherwise: port 3001 of this machine.
    pub const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3001);

    /// The most sessions at once, unless [`max_sessions`](Self::max_sessions) says otherwise.
    pub const DEFAULT_MAX_SESSIONS: usize = 256;

    /// The time that a session may be idle, unless [`session_timeout`](Self::session_timeout) says otherwise: an hour.
    pub const DEFAULT_SESSION_TIMEOUT: Duration = Duration::from_secs(60 * 60);

    /// The most bytes of a message, unless [`max_body_bytes`](Self::max_body_bytes) says otherwise: 4 MiB.
    pub const DEFAULT_MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

    pub(super) fn new(server: Server, token: Secret) -> Self {
        Self {
            server,
            token,
            address: Self::DEFAULT_ADDRESS,
            hosts: Vec::new(),
            origins: Vec::new(),
            max_sessions: Self::DEFAULT_MAX_SESSIONS,
            session_timeout: Self::DEFAULT_SESSION_TIMEOUT,
            max_body_bytes: Self::DEFAULT_MAX_BODY_BYTES,
        }
    }

    /// The address to listen on; port 0 is any that is free. Default: [`DEFAULT_ADDRESS`](Self::DEFAULT_ADDRESS). On another address than the
    /// loopback's, what is said can be read on the way: put a proxy with TLS in front, and name it with
    /// [`allow_host`](Self::allow_host).
    pub fn address(mut self, address: impl Into<SocketAddr>) -> Self {
        self.address = address.into();
        self
    }

    /// A name of the server for clients, as `example.com` or `example.com:8443`; may be called several times. Requests for
    /// another one are refused, so that no web page can reach the server under a name of its own. Default: the names of
    /// this machine's loopback, and the address it listens on.
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// Origin of web pages that may use the server, as `https://example.com`, with `:*` behind it for any port, or `null` for files; may be
    /// called several times. Their browsers are granted what programs are (CORS). Default: pages of this machine. Requests without an `Origin`
    /// are not those of a page.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// The most sessions at once. A further one takes the place of the session that was idle for the longest; if all
    /// of them are in use, its client is told to try again later. Default:
    /// [`DEFAULT_MAX_SESSIONS`](Self::DEFAULT_MAX_SESSIONS).
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.max_sessions = sessions;
        self
    }

    /// The time that a session lasts unused: no request is answered, no call runs and no stream is open. Its client has to begin a
    /// new one then.
    /// Default: [`DEFAULT_SESSION_TIMEOUT`](Self::DEFAULT_SESSION_TIMEOUT).
    pub fn session_timeout(mut self, timeout: Duration) -> Self {
        self.session_timeout = timeout;
        self
    }

    /// The most bytes of a client's message. Default: [`DEFAULT_MAX_BODY_BYTES`](Self::DEFAULT_MAX_BODY_BYTES).
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = bytes;
        self
    }

    /// Begins to listen and serves until the process is told to stop; see [`HttpServer::run`].
    ///
    /// # Errors
    /// As for [`bind`](Self::bind).
    pub async fn serve(self) -> Result<(), Error> {
        self.bind().await?.run().await
    }

    /// Reads the token and begins to listen. Clients get no answer before the server runs.
    ///
    /// # Errors
    /// There is no token ([`InvalidSecret`](ErrorKind::InvalidSecret)), a host or an origin cannot be read
    /// ([`InvalidSetting`](ErrorKind::InvalidSetting)), the address cannot be listened on
    /// ([`Serve`](ErrorKind::Serve)), or a tool that was named is not in the registry ([`UnknownTool`](ErrorKind::UnknownTool)).
    pub async fn bind(self) -> Result<HttpServer, Error> {
        let token = self.token.read().await.map_err(|error| {
            Error::new(ErrorKind::InvalidSecret, "the server's token cannot be used").with_source(error)
        })?;
        let drain = self.server.drain_limit();
        let host = self.server.into_host()?;
        let listening = async {
            let listener = TcpListener::bind(self.address).await?;
            Ok((listener.local_addr()?, listener))
        };
        let (local, listener) = listening.await.map_err(|error: std::io::Error| {
            Error::new(ErrorKind::Serve, format!("{} cannot be listened on", self.address)).with_source(error)
        })?;
        let origins = LOCAL_ORIGINS.map(str::to_owned).into_iter().chain(self.origins);
        let allowed = AllowedHosts::new(hosts(local.ip()).chain(self.hosts), origins)?;
        let sessions = LocalSessions::new(self.max_sessions, self.session_timeout);
        let ended = CancellationToken::new();
        // The site has checked both.
        let config = StreamableHttpServerConfig::default()
            .disable_allowed_hosts()
            .disable_allowed_origins()
            .with_max_request_body_bytes(self.max_body_bytes)
            .with_cancellation_token(ended.clone());
        let calls = host.calls.clone();
        let new_server = move || Ok(McpServer::new(Arc::clone(&host)));
        let service = StreamableHttpService::new(new_server, Arc::new(Sessions(Arc::clone(&sessions))), config);
        let handler =
            RequestHandler::new(allowed, Guard::new(&token), service, sessions, calls.clone(), self.max_body_bytes);
        Ok(HttpServer { local, drain, ended, calls, listener: Listener::new(listener, handler) })
    }
}

/// The names of a server on an address for clients that can reach it.
fn hosts(address: IpAddr) -> impl Iterator<Item = String> {
    let own = (!address.is_unspecified()).then(|| address.to_string());
    ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into_iter().chain(own)
}

/// A server that listens.
#[derive(Debug)]
#[must_use = "clients get no answer until `run`"]
pub struct HttpServer {
    local: SocketAddr,
    drain: Duration,
    /// Ends sessions and streams that are open.
    ended: CancellationToken,
    calls: super::call_tracker::CallTracker,
    listener: Listener,
}

impl HttpServer {
    /// The address that it listens on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Serves until SIGTERM or SIGINT. Then no further connection is accepted, and calls that run have the time of
    /// [`Server::drain`](super::Server::drain); they are given up after that or at another signal.
    ///
    /// # Errors
    /// Signals cannot be caught.
    pub async fn run(self) -> Result<(), Error> {
        let mut signals = signals()?;
        let (stop, hurry) = (CancellationToken::new(), CancellationToken::new());
        let signalled = async {
            signals.next().await;
            stop.cancel();
            signals.next().await;
            hurry.cancel();
            std::future::pending().await
        };
        tokio::select! {
            () = self.run_until_told(stop.cancelled(), hurry.cancelled()) => {}
            never = signalled => never,
        }
        Ok(())
    }

    /// Serves until a future ends, and takes no notice of signals; then it ends as [`run`](Self::run) does.
    pub async fn run_until(self, stop: impl Future<Output = ()>) {
        self.run_until_told(stop, std::future::pending()).await;
    }

    async fn run_until_told(self, stop: impl Future<Output = ()>, hurry: impl Future<Output = ()>) {
        let Self { drain, ended, calls, listener, local } = self;
        // Dropped with this future.
        let _ended = ended.clone().drop_guard();
        tracing::info!(address = %local, "serving MCP over HTTP");
        let closing = listener.closing();
        let ending = async {
            stop.await;
            closing.cancel();
            calls.drain(drain, hurry).await;
            ended.cancel();
        };
        listener.serve(ending).await;
    }
}
