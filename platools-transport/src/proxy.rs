//! A connection through an HTTP CONNECT proxy, where the environment names one.

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::http::Uri;
use tower_service::Service;

use crate::error::{Error, ErrorKind};

/// The connection to `address`, through the proxy that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` (or their
/// lower-case spellings) name for it; `None` where they name none. The environment is read at each dial.
pub(super) async fn through_proxy(address: &Uri, host: &str, port: u16) -> Option<Result<TcpStream, Error>> {
    let scheme = if address.scheme_str() == Some("wss") { "https" } else { "http" };
    let target: Uri = format!("{scheme}://{}", address.authority()?).parse().ok()?;
    let proxy = Matcher::from_env().intercept(&target)?;
    if proxy.uri().scheme_str() != Some("http") {
        return Some(Err(failed("only proxies with an http:// URL are supported; change the proxy variable")));
    }
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let mut tunnel = Tunnel::new(proxy.uri().clone(), connector);
    if let Some(credentials) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(credentials.clone());
    }
    // The port is spelled out, because a CONNECT has no scheme to tell it from.
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let destination = format!("{scheme}://{host}:{port}").parse().ok()?;
    let connection = tunnel.call(destination).await;
    Some(connection.map(TokioIo::into_inner).map_err(|error| failed("the proxy opened no tunnel").with_source(error)))
}

fn failed(message: &str) -> Error {
    Error::new(ErrorKind::Connection, message)
}
