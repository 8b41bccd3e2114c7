//! [`Dialler`]: opens connections and WebSockets to one address, for all clients. It connects through a proxy if environment variables name
//! one; `proxy.rs` reads them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::Method;
use tokio_tungstenite::tungstenite::http::header::HOST;
use tokio_tungstenite::tungstenite::http::header::USER_AGENT;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request, Uri};

use crate::error::{Error, ErrorKind};
#[cfg(feature = "proxy")]
use crate::proxy;
use crate::socket::Socket;
use crate::tls::Tls;
use crate::traffic::Traffic;
use crate::transport::Transport;
use crate::upgrade::{upgrade, upgrade_error};
use crate::url::{ClientKind, behind, invalid_path, websocket_url};

/// The `User-Agent` of this library.
const AGENT: &str = concat!("platools-rust/", env!("CARGO_PKG_VERSION"));

/// Opens sockets to one address.
#[derive(Clone)]
pub struct Dialler {
    client: ClientKind,
    address: Uri,
    tls: Option<Arc<ClientConfig>>,
    time_limit: Duration,
}

impl Dialler {
    /// Checks everything that can be checked before dialling.
    pub fn new(client: ClientKind, url: &str, tls: &Tls, time_limit: Duration) -> Result<Self, Error> {
        let address = websocket_url(client, url)?;
        let tls = if is_secure(&address) { Some(tls.build()?) } else { None };
        Ok(Self { client, address, tls, time_limit })
    }

    /// Returns the longest time for opening a socket.
    pub fn time_limit(&self) -> Duration {
        self.time_limit
    }

    /// Opens a socket with these steps, or fails when they take too long.
    pub async fn in_time<T>(&self, steps: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let too_slow = |_| {
            failed(format!(
                "{} accepted no connection within {:?}; check its URL, or raise `connect_timeout`",
                self.client.peer(),
                self.time_limit
            ))
        };
        timeout(self.time_limit, steps).await.map_err(too_slow)?
    }

    /// The request of the upgrade, for headers to be added to.
    pub fn request(&self) -> Result<Request<()>, Error> {
        self.upgrade_of(&self.address)
    }

    /// The request of an upgrade at another path, behind that of the address.
    pub fn request_at(&self, path_and_query: &str) -> Result<Request<()>, Error> {
        self.upgrade_of(&behind(&self.address, path_and_query)?)
    }

    /// The beginning of an HTTP request at a path behind that of the address.
    pub fn http_request(&self, method: Method, path_and_query: &str) -> Result<Request<()>, Error> {
        let target = behind(&self.address, path_and_query)?;
        let authority = target.authority().map_or("", |authority| authority.as_str());
        let host = HeaderValue::from_str(authority).expect("a host that was parsed has no control characters");
        let origin_form = target.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::builder().method(method).uri(origin_form).header(HOST, host).header(USER_AGENT, AGENT);
        request.body(()).map_err(|error| invalid_path(path_and_query).with_source(error))
    }

    fn upgrade_of(&self, address: &Uri) -> Result<Request<()>, Error> {
        let mut request = address.into_client_request().map_err(|error| {
            Error::new(ErrorKind::InvalidUrl, format!("{}'s URL cannot be used for a WebSocket", self.client.peer()))
                .with_source(error)
        })?;
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
        Ok(request)
    }

    /// Opens a connection, through a proxy and with TLS where that is called for.
    pub async fn transport(&self) -> Result<Box<dyn Transport>, Error> {
        let host = self.address.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let port = self.address.port_u16().unwrap_or(if is_secure(&self.address) { 443 } else { 80 });
        let stream = self.tcp(host, port).await?;
        // Each frame is one write already; waiting to fill a packet would only delay it.
        stream
            .set_nodelay(true)
            .map_err(|error| failed(format!("the connection to {host}:{port} broke")).with_source(error))?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(host.to_owned()).map_err(|error| {
            Error::new(
                ErrorKind::InvalidUrl,
                format!("the host `{host}` is no name that a certificate can have; use a DNS name or an IP address"),
            )
            .with_source(error)
        })?;
        let secured = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
        Ok(Box::new(
            secured
                .map_err(|error| failed(format!("the TLS handshake with {host}:{port} failed")).with_source(error))?,
        ))
    }

    /// Opens a connection and a socket on it.
    pub async fn socket(&self, request: Request<()>) -> Result<Socket, Error> {
        let (transport, traffic) = Traffic::on(self.transport().await?);
        let raw = upgrade(transport, request).await.map_err(|error| upgrade_error(self.client, error))?;
        Ok(Socket::new(raw, traffic))
    }

    async fn tcp(&self, host: &str, port: u16) -> Result<TcpStream, Error> {
        #[cfg(feature = "proxy")]
        if let Some(connection) = proxy::through_proxy(&self.address).await {
            return connection;
        }
        TcpStream::connect((host, port))
            .await
            .map_err(|error| failed(format!("{host}:{port} cannot be reached")).with_source(error))
    }
}

fn is_secure(address: &Uri) -> bool {
    address.scheme_str() == Some("wss")
}

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Connection, message)
}

impl fmt::Debug for Dialler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialler")
            .field("address", &self.address)
            .field("time_limit", &self.time_limit)
            .finish_non_exhaustive()
    }
}
