//! [`tunnel`]: opens a connection through an HTTP proxy, for the dialler. Environment variables such as `HTTPS_PROXY` name the proxy.

use std::error::Error as StdError;
use std::fmt;

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::http::Uri;
use tower_service::Service as _;

use crate::error::{Error, ErrorKind};

/// The connection to `address`, through the proxy that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` (or their
/// lower-case spellings) name for it; `None` where they name none. The environment is read at each dial.
pub(super) async fn through_proxy(address: &Uri) -> Option<Result<TcpStream, Error>> {
    let scheme = if address.scheme_str() == Some("wss") { "https" } else { "http" };
    let target: Uri = format!("{scheme}://{}", address.authority()?).parse().ok()?;
    let proxy = Matcher::from_env().intercept(&target)?;
    Some(tunnel(&proxy, &target).await.map(TokioIo::into_inner).map_err(|error| {
        let failed = Error::new(ErrorKind::Connection, error.to_string());
        match error.source {
            Some(source) => failed.with_source(source),
            None => failed,
        }
    }))
}

/// Opens a tunnel through a proxy to a target over http or https, with `CONNECT`.
///
/// Targets over plain http get a tunnel as well: a proxy that forwarded their requests would see the credentials in them.
///
/// # Errors
/// The proxy is none for http, or opens no tunnel.
pub async fn tunnel(proxy: &Intercept, target: &Uri) -> Result<TokioIo<TcpStream>, ProxyError> {
    if proxy.uri().scheme_str() != Some("http") {
        let problem = "has a scheme other than http, which is not supported; change the proxy variable, or name the target in NO_PROXY";
        return Err(ProxyError::new(proxy, problem));
    }
    let target = with_port(target).ok_or_else(|| ProxyError::new(proxy, "cannot be asked for this target"))?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let mut tunnel = Tunnel::new(proxy.uri().clone(), connector);
    if let Some(credentials) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(credentials.clone());
    }
    tunnel.call(target).await.map_err(|error| {
        let failed = ProxyError::new(proxy, "opened no tunnel");
        ProxyError { source: Some(error.into()), ..failed }
    })
}

/// The target with its port spelled out: a `CONNECT` has no scheme to tell the port from.
fn with_port(target: &Uri) -> Option<Uri> {
    let scheme = target.scheme_str()?;
    let port = target.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    format!("{scheme}://{}:{port}", target.host()?).parse().ok()
}

/// A proxy that does not lead to the target. The message names the proxy without its user and password.
#[derive(Debug)]
pub struct ProxyError {
    proxy: String,
    problem: &'static str,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl ProxyError {
    fn new(proxy: &Intercept, problem: &'static str) -> Self {
        let proxy = proxy.uri().authority().map(ToString::to_string).unwrap_or_default();
        Self { proxy, problem, source: None }
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proxy {} {}", self.proxy, self.problem)
    }
}

impl StdError for ProxyError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_without_a_port_has_that_of_its_scheme() {
        for (target, spelled) in
            [("https://a/v1?q", "https://a:443/"), ("http://a", "http://a:80/"), ("http://[::2]:8", "http://[::2]:8/")]
        {
            assert_eq!(with_port(&target.parse().unwrap()).unwrap().to_string(), spelled);
        }
    }

    #[test]
    fn nothing_shows_the_password_of_a_proxy() {
        let matcher = Matcher::builder().all("http://user:hunter2@proxy.example:3128").build();
        let proxy = matcher.intercept(&"https://a.example".parse().unwrap()).unwrap();
        assert!(proxy.basic_auth().is_some());
        let error = ProxyError::new(&proxy, "opened no tunnel");
        assert_eq!(error.to_string(), "the proxy proxy.example:3128 opened no tunnel");
        assert!(!format!("{matcher:?} {proxy:?} {error:?}").contains("hunter2"));
    }
}
