//! [`Proxies`]: which HTTP proxy serves a target, and tunnels through it.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use hyper::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service as _;

/// The proxies that the environment names.
#[derive(Debug, Clone)]
pub struct Proxies(Arc<Matcher>);

impl Proxies {
    /// The proxies of `HTTPS_PROXY` for https targets, `HTTP_PROXY` for http targets and `ALL_PROXY` for both, except for the hosts of
    /// `NO_PROXY`. The lower-case names count as well. User and password in a proxy's URL are sent to it as basic authentication.
    ///
    /// A loopback target has no proxy: on the proxy's machine its address would mean another program.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::from(Matcher::from_env())
    }

    /// The proxy that serves a target.
    pub(super) fn find(&self, target: &Uri) -> Option<Intercept> {
        if target.host().is_none_or(is_loopback) { None } else { self.0.intercept(target) }
    }
}

impl From<Matcher> for Proxies {
    fn from(matcher: Matcher) -> Self {
        Self(Arc::new(matcher))
    }
}

/// True if a URL's host is this machine itself: an address of the loopback, or a name of it.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    address.is_ok_and(|address| address.to_canonical().is_loopback())
        || name == "localhost"
        || name.ends_with(".localhost")
}

/// A proxy that does not lead to the target. It names the proxy without its user and password.
#[derive(Debug)]
pub(super) struct ProxyError {
    proxy: String,
    problem: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
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

impl Error for ProxyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Opens a tunnel through a proxy, with `CONNECT`.
///
/// Targets over plain http get a tunnel as well: a proxy that forwarded their requests would see the credentials in them.
pub(super) async fn tunnel(
    proxy: Intercept,
    connector: HttpConnector,
    target: Uri,
) -> Result<TokioIo<TcpStream>, ProxyError> {
    if proxy.uri().scheme_str() != Some("http") {
        let problem = "has a scheme other than http, which is not supported; change the proxy variable, or name the target in NO_PROXY";
        return Err(ProxyError::new(&proxy, problem));
    }
    let target = with_port(&target).ok_or_else(|| ProxyError::new(&proxy, "cannot be asked for this target"))?;
    let mut tunnel = Tunnel::new(proxy.uri().clone(), connector);
    if let Some(credentials) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(credentials.clone());
    }
    tunnel.call(target).await.map_err(|error| {
        let failed = ProxyError::new(&proxy, "opened no tunnel");
        ProxyError { source: Some(error.into()), ..failed }
    })
}

/// The target with its port spelled out: a `CONNECT` has no scheme to tell the port from.
fn with_port(target: &Uri) -> Option<Uri> {
    let scheme = target.scheme_str()?;
    let port = target.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    format!("{scheme}://{}:{port}", target.host()?).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(proxies: &Proxies, target: &str) -> Option<String> {
        proxies.find(&target.parse().unwrap()).map(|proxy| proxy.uri().to_string())
    }

    #[test]
    fn a_target_has_the_proxy_of_its_scheme_unless_it_is_excepted_or_loopback() {
        let matcher = Matcher::builder().https("http://u:p@a:1").all("http://b:2").no("in.example,10.0.0.0/8").build();
        let proxies = Proxies::from(matcher);
        assert_eq!(found(&proxies, "https://api.example/v1").as_deref(), Some("http://a:1/"));
        assert_eq!(found(&proxies, "http://api.example").as_deref(), Some("http://b:2/"));
        for target in [
            "https://x.in.example",
            "http://10.1.2.3",
            "http://localhost:11434/v1",
            "http://a.LOCALHOST",
            "http://127.0.0.2",
            "https://[::1]:8443",
        ] {
            assert_eq!(found(&proxies, target), None, "{target}");
        }
    }

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
        let proxies = Proxies::from(Matcher::builder().all("http://user:hunter2@proxy.example:3128").build());
        let proxy = proxies.find(&"https://a.example".parse().unwrap()).unwrap();
        assert!(proxy.basic_auth().is_some());
        let error = ProxyError::new(&proxy, "opened no tunnel");
        assert_eq!(error.to_string(), "the proxy proxy.example:3128 opened no tunnel");
        assert!(!format!("{proxies:?} {proxy:?} {error:?}").contains("hunter2"));
    }
}
