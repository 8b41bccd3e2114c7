//! [`BrowserRequest`]: the session of the browser that sends a request. Only requests of the gateway's own pages have one.
//!
//! A browser adds its cookies to requests of every page of the same site, whatever the page's port is. The guard therefore passes the cookie
//! on only if `Origin` and `Sec-Fetch-Site` say that a page of this gateway sends the request.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use platools_transport::{HostPort, PageOrigin};
use secrecy::{ExposeSecret as _, SecretString};

/// A request that may be one of the gateway's own pages, among its extensions. A request of any other page has no such extension.
#[derive(Debug, Clone)]
pub(in crate::listen) struct BrowserRequest {
    /// The secret of the session, if the browser sent one.
    pub(in crate::listen) session: Option<SecretString>,
    cookie: SessionCookie,
}

/// The cookie that has the secret of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SessionCookie {
    name: String,
    /// True if the page came over TLS.
    is_secure: bool,
}

/// The first part of the name of the cookie.
const NAME: &str = "platools_session";

/// The start of the name of a cookie that browsers take over TLS only, and from no other host.
const OF_THIS_HOST: &str = "__Host-";

impl BrowserRequest {
    /// Reads a request whose `Host` and `Origin` the guard accepts. None: a page of another origin sends it.
    pub(super) fn of(parts: &Parts, host: &HostPort, origin: Option<&PageOrigin>, is_tls: bool) -> Option<Self> {
        let is_own_page = match origin {
            Some(origin) => origin.is_served_by(host, is_tls),
            // Browsers send no `Origin` with the GET requests of a page to its own server.
            None => is_same_origin(&parts.headers),
        };
        if !is_own_page {
            return None;
        }
        let is_secure = is_tls || matches!(origin, Some(PageOrigin::Host { scheme, .. }) if scheme == "https");
        let cookie = SessionCookie::new(host, is_secure);
        // Behind a proxy that takes TLS off, a GET request does not tell whether its page came over TLS.
        let other = SessionCookie::new(host, true);
        let is_safe = matches!(parts.method, Method::GET | Method::HEAD);
        // Every browser sends `Origin` with other requests.
        let session = (is_safe || origin.is_some())
            .then(|| cookie.read(&parts.headers).or_else(|| other.read(&parts.headers)))
            .flatten();
        Some(Self { session, cookie })
    }

    /// The header that gives a browser its session. The cookie ends with the browser's own session, and with that of the gateway.
    pub(in crate::listen) fn set_cookie(&self, session: &SecretString) -> HeaderValue {
        self.cookie.header(session.expose_secret(), "")
    }

    /// The header that takes a browser its session.
    pub(in crate::listen) fn clear_cookie(&self) -> HeaderValue {
        self.cookie.header("", "; Max-Age=0")
    }
}

impl SessionCookie {
    /// The cookie of a host. Cookies do not tell ports apart, so the name has the port: two gateways on one machine keep their sessions.
    fn new(host: &HostPort, is_secure: bool) -> Self {
        let prefix = if is_secure { OF_THIS_HOST } else { "" };
        let port = host.port().map_or_else(String::new, |port| format!("_{port}"));
        Self { name: format!("{prefix}{NAME}{port}"), is_secure }
    }

    fn read(&self, headers: &HeaderMap) -> Option<SecretString> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(name, value)| *name == self.name && !value.is_empty());
        values.next().map(|(_, value)| value.to_owned().into())
    }

    fn header(&self, value: &str, more: &str) -> HeaderValue {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{more}", self.name);
        let mut header = HeaderValue::from_str(&text).expect("a secret has plain characters only");
        header.set_sensitive(true);
        header
    }
}

/// True unless the browser says that a page of another origin, or nobody but the user, sends the request. Browsers say it over TLS and on
/// loopback only; elsewhere a page of another origin cannot read the answer to its GET request.
fn is_same_origin(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "http://127.0.0.1:3100";

    fn read(method: &str, headers: &[(&str, &str)], is_tls: bool) -> Option<BrowserRequest> {
        let request = axum::http::Request::builder().method(method).uri("/v1/tools");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let host = HostPort::parse(headers.iter().find(|(name, _)| *name == "host").unwrap().1).unwrap();
        let origin = headers.iter().find(|(name, _)| *name == "origin");
        let origin = origin.map(|(_, origin)| PageOrigin::parse(origin).unwrap());
        BrowserRequest::of(&parts, &host, origin.as_ref(), is_tls)
    }

    fn session(method: &str, headers: &[(&str, &str)]) -> Option<String> {
        let cookie = ("cookie", "a=b; platools_session_3100=s; platools_session=t");
        let headers = [&[("host", "127.0.0.1:3100"), cookie][..], headers].concat();
        let session = read(method, &headers, false)?.session?;
        Some(session.expose_secret().to_owned())
    }

    #[test]
    fn the_cookie_counts_for_the_pages_of_this_origin_only() {
        let own = Some("s".to_owned());
        assert_eq!(session("GET", &[]), own);
        assert_eq!(session("GET", &[("sec-fetch-site", "same-origin")]), own);
        assert_eq!(session("POST", &[("origin", OWN)]), own);
        assert_eq!(session("GET", &[("origin", OWN)]), own, "a WebSocket");
        for site in ["same-site", "cross-site", "none"] {
            assert_eq!(session("GET", &[("sec-fetch-site", site)]), None, "{site}");
        }
        for origin in ["http://127.0.0.1:5173", "http://localhost:3100", "null", "https://127.0.0.1"] {
            for method in ["GET", "POST"] {
                assert_eq!(session(method, &[("origin", origin)]), None, "{method} {origin}");
            }
        }
        for method in ["POST", "DELETE"] {
            assert_eq!(session(method, &[]), None, "a browser would name the origin");
        }
    }

    #[test]
    fn the_cookie_has_the_port_in_its_name_and_over_tls_a_prefix() {
        let header = |headers: &[(&str, &str)], is_tls| {
            let request = read("POST", headers, is_tls).unwrap();
            request.set_cookie(&"s".to_owned().into()).to_str().unwrap().to_owned()
        };
        let plain = header(&[("host", "127.0.0.1:3100"), ("origin", OWN)], false);
        assert_eq!(plain, "platools_session_3100=s; Path=/; HttpOnly; SameSite=Strict");
        for is_tls in [true, false] {
            let secure = header(&[("host", "a.example"), ("origin", "https://a.example")], is_tls);
            assert_eq!(secure, "__Host-platools_session=s; Path=/; HttpOnly; SameSite=Strict; Secure");
        }
    }

    #[test]
    fn over_tls_only_the_cookie_with_the_prefix_counts() {
        let session = |cookie, is_tls| {
            let read = read("GET", &[("host", "a.example"), ("cookie", cookie)], is_tls).unwrap();
            read.session.map(|session| session.expose_secret().to_owned())
        };
        assert_eq!(session("platools_session=s", true), None, "another host of the domain may have set it");
        for is_tls in [true, false] {
            assert_eq!(session("__Host-platools_session=s", is_tls).as_deref(), Some("s"));
        }
        assert_eq!(session("platools_session=", false), None);
    }

    #[test]
    fn a_cookie_is_taken_away_by_its_name() {
        let request = read("DELETE", &[("host", "127.0.0.1:3100"), ("origin", OWN)], false).unwrap();
        let header = request.clear_cookie();
        assert!(header.is_sensitive());
        assert_eq!(header, "platools_session_3100=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    }
}
