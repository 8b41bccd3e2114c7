//! Dialling: from a platform's URL and secret to an open socket.

#[cfg(feature = "proxy")]
mod proxy;
mod secret;
mod tls;
mod url;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::Error as SocketError;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, USER_AGENT};
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request, StatusCode, Uri};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::error::{Error, ErrorKind};
use crate::wire::{FEATURES_HEADER, Features};

pub use secret::Secret;
pub use tls::{Roots, Tls};
pub(crate) use url::websocket_url;

/// Whatever bytes travel over: TCP, TLS, or a pipe in memory.
pub(crate) trait Transport: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin> Transport for T {}

/// An open socket.
pub(crate) type RawSocket = WebSocketStream<Box<dyn Transport>>;

/// The largest call that is read: what a platform may send, with room for its envelopes.
const MAX_INBOUND_BYTES: usize = 16 * 1024 * 1024;

/// Small buffers are as fast as large ones, and a machine may run hundreds of workers.
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// Opens sockets to one platform.
#[derive(Clone)]
pub(crate) struct Connector {
    address: Uri,
    secret: Secret,
    tls: Option<Arc<ClientConfig>>,
    time_limit: Duration,
}

impl Connector {
    /// Checks everything that can be checked before dialling.
    pub(crate) fn new(url: &str, secret: Secret, tls: &Tls, time_limit: Duration) -> Result<Self, Error> {
        let address = websocket_url(url)?;
        secret.check()?;
        let tls = if is_secure(&address) { Some(tls.build()?) } else { None };
        Ok(Self { address, secret, tls, time_limit })
    }

    /// Opens a socket, with the secret as it is now; returns both.
    pub(crate) async fn dial(&self) -> Result<(RawSocket, SecretString), Error> {
        let open = async {
            let secret = self.secret.read().await?;
            let request = self.request(&secret)?;
            let transport = self.transport().await?;
            let config = WebSocketConfig::default()
                .read_buffer_size(READ_BUFFER_BYTES)
                .max_message_size(Some(MAX_INBOUND_BYTES))
                .max_frame_size(Some(MAX_INBOUND_BYTES));
            let upgraded = client_async_with_config(request, transport, Some(config)).await;
            let (socket, _response) = upgraded.map_err(refused_upgrade)?;
            Ok((socket, secret))
        };
        let too_slow = |_| failed(format!("no socket was open within {:?}", self.time_limit));
        timeout(self.time_limit, open).await.map_err(too_slow)?
    }

    /// How long opening a socket may take.
    pub(super) fn time_limit(&self) -> Duration {
        self.time_limit
    }

    fn request(&self, secret: &SecretString) -> Result<Request<()>, Error> {
        let mut request = (&self.address).into_client_request().map_err(|error| {
            Error::new(ErrorKind::InvalidUrl, "the platform's URL cannot be dialled").with_source(error)
        })?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", secret.expose_secret()))
            .map_err(|_| Error::new(ErrorKind::InvalidSecret, "the secret cannot be sent in a header"))?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, bearer);
        let agent = concat!("platools-rust/", env!("CARGO_PKG_VERSION"));
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(agent));
        let features = HeaderValue::try_from(Features::all().to_string()).expect("names of features are plain text");
        request.headers_mut().insert(FEATURES_HEADER, features);
        Ok(request)
    }

    async fn transport(&self) -> Result<Box<dyn Transport>, Error> {
        let host = self.address.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let port = self.address.port_u16().unwrap_or(if is_secure(&self.address) { 443 } else { 80 });
        let stream = self.tcp(host, port).await?;
        // Each frame is one write already; waiting to fill a packet would only delay it.
        stream.set_nodelay(true).map_err(|error| failed("the connection broke").with_source(error))?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| Error::new(ErrorKind::InvalidUrl, "the host has no valid name").with_source(error))?;
        let secured = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
        Ok(Box::new(secured.map_err(|error| failed("TLS failed").with_source(error))?))
    }

    async fn tcp(&self, host: &str, port: u16) -> Result<TcpStream, Error> {
        #[cfg(feature = "proxy")]
        if let Some(connection) = proxy::through_proxy(&self.address, host, port).await {
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

fn refused_upgrade(error: SocketError) -> Error {
    if let SocketError::Http(response) = &error {
        let status = response.status();
        return match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Error::new(ErrorKind::Refused, format!("the platform refused the secret ({status})"))
            }
            _ => failed(format!("the platform answered the upgrade with {status}; is the URL right?")),
        };
    }
    failed("the WebSocket handshake failed").with_source(error)
}

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Connection, message)
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("address", &self.address)
            .field("secret", &self.secret)
            .field("time_limit", &self.time_limit)
            .finish_non_exhaustive()
    }
}
