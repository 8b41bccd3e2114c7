//! [`Connector`]: opens TCP and TLS connections, directly or through a proxy.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use platools_transport::{crypto_provider, tunnel};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use super::proxy::EnvironmentProxies;
use crate::domain::error::{Error, ErrorKind};

/// The longest time for a connection, with the proxy and TLS.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

type ConnectError = Box<dyn StdError + Send + Sync>;
type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, ConnectError>> + Send>>;

/// Opens the connections of an HTTP client: over TLS for https, and through the environment's proxy for the target. A connection that is
/// not open after 10 seconds fails.
#[derive(Clone)]
pub struct Connector(HttpsConnector<Dialler>);

impl Connector {
    /// A connector for targets of the URL's scheme. Over https the authorities of the system count, or those in the file that
    /// `SSL_CERT_FILE` names; they are read here, and not for http, as there are systems without any.
    ///
    /// # Errors
    /// The authorities cannot be read ([`ErrorKind::NotConfigured`]).
    pub fn new(url: &Uri) -> Result<Self, Error> {
        let config = ClientConfig::builder_with_provider(crypto_provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable("TLS cannot be set up").caused_by(error))?;
        let config = if url.scheme_str() == Some("https") {
            config.with_native_roots().map_err(|error| {
                let message =
                    "the system's certificate authorities cannot be read; SSL_CERT_FILE names a file of others";
                unusable(message).caused_by(error)
            })?
        } else {
            config.with_root_certificates(RootCertStore::empty())
        };
        let connector = HttpsConnectorBuilder::new().with_tls_config(config.with_no_client_auth());
        Ok(Self(connector.https_or_http().enable_http1().wrap_connector(Dialler::new())))
    }
}

fn unusable(message: &str) -> Error {
    Error::new(ErrorKind::NotConfigured, message)
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = ConnectError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let connecting = self.0.call(target);
        Box::pin(async move {
            let too_slow =
                |_| io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {CONNECT_LIMIT:?}"));
            timeout(CONNECT_LIMIT, connecting).await.map_err(too_slow)?
        })
    }
}

/// Opens TCP connections, directly or through a proxy.
#[derive(Clone)]
struct Dialler {
    http: HttpConnector,
    proxies: EnvironmentProxies,
}

impl Dialler {
    fn new() -> Self {
        let mut http = HttpConnector::new();
        // A target over https is for TLS, which comes on top.
        http.enforce_http(false);
        http.set_nodelay(true);
        Self { http, proxies: EnvironmentProxies::read() }
    }
}

impl Service<Uri> for Dialler {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        self.http.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        match self.proxies.find(&target) {
            None => {
                let connecting = self.http.call(target);
                Box::pin(async move { Ok(connecting.await?) })
            }
            Some(proxy) => Box::pin(async move { Ok(tunnel(&proxy, &target).await?) }),
        }
    }
}
