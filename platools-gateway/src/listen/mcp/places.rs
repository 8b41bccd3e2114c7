//! Where clients find the gateway, and for which hosts and pages it answers.

use std::net::SocketAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};
use rmcp::transport::streamable_http_server::StreamableHttpServerConfig;

use super::settings::McpSettings;

/// The names of this machine for itself.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What the gateway is told of where it is.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// Where a proxy answers for it, if one does: without a slash at the end.
    url: Option<String>,
    scheme: &'static str,
}

impl Places {
    pub(super) fn new(settings: &McpSettings, is_tls: bool) -> Self {
        let url = settings.url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
        Self { url, scheme: if is_tls { "https" } else { "http" } }
    }

    /// The URL of a path, as whoever sent the headers has to write it; none if these do not say which host is meant.
    pub(super) fn url(&self, headers: &HeaderMap, path: &str) -> Option<String> {
        if let Some(url) = &self.url {
            return Some(format!("{url}{path}"));
        }
        let host: Authority = headers.get(header::HOST)?.to_str().ok()?.parse().ok()?;
        Some(format!("{}://{host}{path}", self.scheme))
    }
}

/// The hosts and origins that requests may have: loopback names, the address that is listened on, where a proxy answers, and
/// what the settings say. A page of another origin could otherwise have a browser ask in its user's name, or have its own name
/// mean this machine.
pub(super) fn guard(
    config: StreamableHttpServerConfig,
    settings: &McpSettings,
    address: SocketAddr,
) -> StreamableHttpServerConfig {
    let listening = (!address.ip().is_unspecified()).then(|| address.ip().to_string());
    let proxy = settings.url.as_deref().and_then(|url| url.parse::<Uri>().ok());
    let proxy_host = proxy.as_ref().and_then(Uri::host).map(str::to_owned);
    let loopback = LOOPBACK.map(str::to_owned).into_iter();
    let hosts: Vec<_> = loopback.chain(listening).chain(proxy_host).chain(settings.allowed_hosts.clone()).collect();
    let of_loopback = LOOPBACK.iter().flat_map(|host| {
        let host = if host.contains(':') { format!("[{host}]") } else { (*host).to_owned() };
        ["http", "https"].map(|scheme| format!("{scheme}://{host}:*"))
    });
    let of_proxy = settings.url.as_deref().map(with_port);
    let named = settings.allowed_origins.iter().map(|origin| with_port(origin));
    let origins: Vec<_> = of_loopback.chain(of_proxy).chain(named).collect();
    config.with_allowed_hosts(hosts).with_allowed_origins(origins).enforce_origin_validation()
}

/// An origin with the port that its scheme implies, where it names none.
fn with_port(origin: &str) -> String {
    let origin = origin.trim_end_matches('/');
    let Ok(uri) = origin.parse::<Uri>() else { return origin.to_owned() };
    match (uri.scheme_str(), uri.host(), uri.port()) {
        (Some("https"), Some(host), None) => format!("https://{host}:443"),
        (Some("http"), Some(host), None) => format!("http://{host}:80"),
        (Some(scheme), Some(host), Some(port)) => format!("{scheme}://{host}:{port}"),
        _ => origin.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_means_the_port_of_its_scheme() {
        assert_eq!(with_port("https://app.example.com"), "https://app.example.com:443");
        assert_eq!(with_port("http://app.example.com/"), "http://app.example.com:80");
        assert_eq!(with_port("http://app.example.com:8080"), "http://app.example.com:8080");
    }

    #[test]
    fn a_path_is_where_the_client_looks_for_it() {
        let headers = HeaderMap::from_iter([(header::HOST, "10.0.0.1:3100".parse().unwrap())]);
        let settings = McpSettings::default();
        let here = Places::new(&settings, false);
        assert_eq!(here.url(&headers, "/mcp").as_deref(), Some("http://10.0.0.1:3100/mcp"));
        assert_eq!(here.url(&HeaderMap::new(), "/mcp"), None);
        let odd = HeaderMap::from_iter([(header::HOST, "a b\"".parse().unwrap())]);
        assert_eq!(here.url(&odd, "/mcp"), None);
        let proxied = McpSettings { url: Some("https://gateway.example.com/".to_owned()), ..settings };
        let there = Places::new(&proxied, false).url(&headers, "/mcp");
        assert_eq!(there.as_deref(), Some("https://gateway.example.com/mcp"));
    }
}
