//! [`Guard`]: the layer before every route and every WebSocket. It refuses requests with an unknown `Host` or a forbidden `Origin`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use platools_transport::{HostPort, PageOrigin};
use tower::{Layer as _, ServiceExt as _};
use tower_http::cors::CorsLayer;

use super::browser::BrowserRequest;
use super::host_and_origin::{page_origin, requested_host};
use super::{ErrorView, cors, refused, websocket};
use crate::audit::action;
use crate::domain::error::Error;
use crate::settings::HttpSettings;

/// Lets requests through whose `Host` and `Origin` are accepted, and refuses all others.
///
/// The check of `Host` keeps a page from reaching the gateway by a name of its own that leads to the gateway's address (DNS rebinding). The
/// check of `Origin` keeps pages of other sites out, also from WebSockets, where browsers leave that to the server.
#[derive(Debug)]
pub(in crate::listen) struct Guard {
    site: Site,
    names: Vec<HostPort>,
    /// Refuses hosts that are neither names nor addresses of the gateway.
    is_strict: bool,
    origins: Vec<PageOrigin>,
    cors: CorsLayer,
}

/// The socket that a gateway listens on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site {
    /// The address that it listens on.
    pub(crate) address: SocketAddr,
    pub(crate) is_tls: bool,
}

/// The kind of client that sent an accepted request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClientKind {
    Program,
    Page,
}

/// An accepted request: its client, and the session of the browser if one of the gateway's own pages may have sent it.
#[derive(Debug)]
struct AdmittedRequest {
    client: ClientKind,
    browser: Option<BrowserRequest>,
}

impl Site {
    fn is_loopback(&self) -> bool {
        self.address.ip().to_canonical().is_loopback()
    }
}

impl Guard {
    /// A guard for one listener.
    ///
    /// # Errors
    /// A name or an origin cannot be read.
    pub(in crate::listen) fn new(settings: &HttpSettings, site: Site) -> Result<Self, Error> {
        let (names, origins) = (settings.hosts()?, settings.origins()?);
        let is_strict = site.is_loopback() || !names.is_empty();
        Ok(Self { site, names, is_strict, origins, cors: cors::layer() })
    }

    /// Puts the guard before everything that a router has, also before its fallback.
    pub(in crate::listen) fn protect(self: &Arc<Self>, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(Arc::clone(self), admit))
    }

    fn check(&self, parts: &Parts) -> Result<AdmittedRequest, ErrorView> {
        let host = requested_host(parts)?;
        self.check_host(&host)?;
        let origin = page_origin(&parts.headers)?;
        origin.iter().try_for_each(|origin| self.check_origin(origin, &host))?;
        let client = if origin.is_some() { ClientKind::Page } else { ClientKind::Program };
        Ok(AdmittedRequest { client, browser: BrowserRequest::of(parts, &host, origin.as_ref(), self.site.is_tls) })
    }

    fn check_host(&self, host: &HostPort) -> Result<(), ErrorView> {
        let has_name = self.names.iter().any(|name| name.covers(host));
        let has_address = host.is_address() && !self.site.is_loopback();
        if !self.is_strict || host.is_loopback() || has_name || has_address {
            return Ok(());
        }
        let detail = format!(
            "the gateway does not answer to the host `{host}`; to reach it there, add that to `http.names` (`--http-names`)"
        );
        Err(ErrorView::new(StatusCode::FORBIDDEN, "host_not_allowed", detail))
    }

    /// True for a host that certainly means this gateway: no other site has it as its own.
    fn is_known(&self, host: &HostPort) -> bool {
        host.is_loopback() || host.is_address() || self.names.iter().any(|name| name.covers(host))
    }

    fn check_origin(&self, origin: &PageOrigin, host: &HostPort) -> Result<(), ErrorView> {
        // A server on this machine needs no browser to send requests, so its pages get nothing that it does not have.
        let is_local = self.site.is_loopback() && origin.is_loopback();
        let is_own = origin.is_served_by(host, self.site.is_tls);
        // Over TLS the browser has seen a certificate for the name, which a page of another site does not have.
        let is_own_for_certain = is_own && (self.site.is_tls || self.is_known(host));
        if is_local || is_own_for_certain || self.origins.contains(origin) {
            return Ok(());
        }
        let detail = match origin {
            PageOrigin::Null => "web pages without an origin, such as files, may not use the gateway; add `null` to \
                                 `http.allowed_origins` (`--http-allowed-origins`) to allow all of them, or start `dev` with \
                                 `--allow-file-pages`"
                .to_owned(),
            PageOrigin::Host { .. } if is_own => {
                format!(
                    "the gateway serves web pages under names that it knows only; add `{host}` to `http.names` (`--http-names`)"
                )
            }
            PageOrigin::Host { .. } => {
                format!(
                    "web pages of `{origin}` may not use the gateway; add that to `http.allowed_origins` (`--http-allowed-origins`) to \
                     allow them"
                )
            }
        };
        Err(ErrorView::new(StatusCode::FORBIDDEN, "origin_not_allowed", detail))
    }
}

/// Answers refused requests, and hands all others on.
async fn admit(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let AdmittedRequest { client, browser } = match guard.check(&parts) {
        Ok(admission) => admission,
        Err(error) => {
            let reason = error.code;
            return refused(error.into_response(), action::REQUEST_ADMIT, reason);
        }
    };
    if websocket::has_other_version(&parts.headers) {
        return websocket::other_version();
    }
    browser.into_iter().for_each(|browser| _ = parts.extensions.insert(browser));
    let request = Request::from_parts(parts, body);
    if client == ClientKind::Program {
        return next.run(request).await;
    }
    let Ok(response) = guard.cors.layer(next).oneshot(request).await;
    response
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;

    const LOOPBACK: &str = "127.0.0.1:3100";
    const EXPOSED: &str = "0.0.0.0:3100";

    fn guard(address: &str, is_tls: bool, names: &[&str], origins: &[&str]) -> Guard {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let settings = HttpSettings { names: own(names), allowed_origins: own(origins) };
        Guard::new(&settings, Site { address: address.parse().unwrap(), is_tls }).unwrap()
    }

    /// The code and the text of a refusal.
    fn check(guard: &Guard, host: &str, origin: Option<&str>) -> Result<ClientKind, (&'static str, String)> {
        let mut request = axum::http::Request::builder().uri("/").header(header::HOST, host);
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        guard.check(&parts).map(|admission| admission.client).map_err(|error| (error.code, error.message))
    }

    fn code(guard: &Guard, host: &str, origin: Option<&str>) -> &'static str {
        check(guard, host, origin).map_or_else(|(code, _)| code, |_| "")
    }

    #[test]
    fn a_loopback_listener_answers_to_loopback_and_to_its_names() {
        let guard = guard(LOOPBACK, false, &["gateway.example.com"], &[]);
        for host in
            ["localhost:3100", "127.0.0.1", "127.3.2.1:9", "[::1]:3100", "a.localhost", "gateway.example.com:80"]
        {
            assert_eq!(code(&guard, host, None), "", "{host}");
        }
        for host in
            ["evil.example:3100", "0.0.0.0:3100", "10.0.0.1:3100", "127.0.0.1.evil.example", "b.gateway.example.com"]
        {
            let (code, detail) = check(&guard, host, None).unwrap_err();
            assert_eq!(code, "host_not_allowed", "{host}");
            assert!(detail.contains("`http.names`") && detail.contains(host), "{detail}");
        }
    }

    #[test]
    fn another_listener_answers_to_every_host_until_it_has_names() {
        let (open, named) =
            (guard(EXPOSED, false, &[], &[]), guard(EXPOSED, false, &["gateway.example.com:3100"], &[]));
        assert_eq!(code(&open, "anything.example", None), "");
        for host in ["gateway.example.com:3100", "10.0.0.1:3100", "localhost:3100"] {
            assert_eq!(code(&named, host, None), "", "{host}");
        }
        for host in ["gateway.example.com", "anything.example"] {
            assert_eq!(code(&named, host, None), "host_not_allowed", "{host}");
        }
    }

    #[test]
    fn pages_of_other_sites_are_refused_and_the_setting_is_named() {
        let guard = guard(LOOPBACK, false, &[], &["https://app.example.com", "tauri://localhost"]);
        for origin in ["https://app.example.com", "https://app.example.com:443", "tauri://localhost"] {
            assert_eq!(code(&guard, LOOPBACK, Some(origin)), "", "{origin}");
        }
        for origin in
            ["https://evil.example", "http://app.example.com", "https://app.example.com:8443", "tauri://other"]
        {
            let (code, detail) = check(&guard, LOOPBACK, Some(origin)).unwrap_err();
            assert_eq!(code, "origin_not_allowed", "{origin}");
            assert!(detail.contains("`http.allowed_origins`"), "{detail}");
        }
        for origin in ["", "evil.example", "https://evil.example/", "https://"] {
            assert_eq!(code(&guard, LOOPBACK, Some(origin)), "origin_not_allowed", "{origin}");
        }
    }

    #[test]
    fn pages_of_this_machine_may_use_a_loopback_listener_only() {
        for origin in ["http://localhost:5173", "http://127.0.0.1:8080", "http://[::1]:3100"] {
            assert_eq!(code(&guard(LOOPBACK, false, &[], &[]), LOOPBACK, Some(origin)), "", "{origin}");
            assert_eq!(code(&guard(EXPOSED, false, &[], &[]), "10.0.0.1:3100", Some(origin)), "origin_not_allowed");
        }
    }

    #[test]
    fn files_are_refused_unless_null_is_allowed() {
        let (_, detail) = check(&guard(LOOPBACK, false, &[], &[]), LOOPBACK, Some("null")).unwrap_err();
        assert!(detail.contains("add `null` to `http.allowed_origins`"), "{detail}");
        assert_eq!(code(&guard(LOOPBACK, false, &[], &["null"]), LOOPBACK, Some("null")), "");
    }

    #[test]
    fn a_page_under_the_gateways_own_name_needs_the_name_to_be_known() {
        let (host, page) = ("gateway.example:3100", Some("http://gateway.example:3100"));
        // Any site could have its own name lead to the gateway.
        let (code_of_unknown, detail) = check(&guard(EXPOSED, false, &[], &[]), host, page).unwrap_err();
        assert_eq!(code_of_unknown, "origin_not_allowed");
        assert!(detail.contains("`http.names`") && detail.contains(host), "{detail}");
        assert_eq!(code(&guard(EXPOSED, false, &["gateway.example"], &[]), host, page), "");
        assert_eq!(code(&guard(EXPOSED, false, &[], &[]), "10.0.0.1:3100", Some("http://10.0.0.1:3100")), "");
        let secure = guard(EXPOSED, true, &[], &[]);
        assert_eq!(code(&secure, host, Some("https://gateway.example:3100")), "", "its certificate is for the name");
        assert_eq!(code(&secure, host, page), "origin_not_allowed");
    }

    #[test]
    fn a_request_names_one_host() {
        let guard = guard(LOOPBACK, false, &[], &[]);
        let code = |uri: &str, headers: &[(&str, &str)]| {
            let request = axum::http::Request::builder().uri(uri);
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let (parts, ()) = request.body(()).unwrap().into_parts();
            guard.check(&parts).map_or_else(|error| error.code, |_| "")
        };
        assert_eq!(code("/", &[]), "invalid_request");
        assert_eq!(code("/", &[("host", "localhost"), ("host", "localhost")]), "invalid_request");
        assert_eq!(code("/", &[("host", "user:pass@localhost")]), "invalid_request");
        assert_eq!(code("http://localhost/", &[("host", "localhost")]), "");
        assert_eq!(code("http://evil.example/", &[("host", "localhost")]), "invalid_request");
        let twice = [("host", "localhost"), ("origin", "http://localhost"), ("origin", "https://evil.example")];
        assert_eq!(code("/", &twice), "invalid_request");
    }
}
