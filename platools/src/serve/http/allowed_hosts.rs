//! [`AllowedHosts`]: checks whether a request names an allowed host, and whether the web page that sent the request may use the server.
//!
//! A browser lets every web page send requests to every address it can reach, also to this server. The header `Origin` names the page, and
//! `Host` the host in the request's URL. A page under a DNS name of its own that leads here is refused by its `Host`, every other page by
//! its `Origin`.

use std::net::Ipv6Addr;

use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use hyper::{StatusCode, Uri};

use crate::mcp::http::Refusal;
use platools_transport::{Error, ErrorKind};
use platools_transport::{HostPort, PageOrigin};

/// Hosts and pages that are accepted.
#[derive(Debug, Default)]
pub(super) struct AllowedHosts {
    hosts: Vec<HostPort>,
    origins: Vec<PageOrigin>,
}

impl AllowedHosts {
    /// Reads the lists.
    ///
    /// # Errors
    /// An entry cannot be read. The error has it.
    pub(super) fn new(
        hosts: impl IntoIterator<Item = String>,
        origins: impl IntoIterator<Item = String>,
    ) -> Result<Self, Error> {
        let host = |text: String| {
            read_host(&text)
                .ok_or_else(|| unreadable("allow_host", &text, "a name such as example.com or example.com:8443"))
        };
        let origin = |text: String| {
            let wanted = "a scheme and a host such as https://example.com, with `:*` behind it for any port, or `null`";
            read_origin(&text).ok_or_else(|| unreadable("allow_origin", &text, wanted))
        };
        let hosts = hosts.into_iter().map(host).collect::<Result<_, _>>()?;
        Ok(Self { hosts, origins: origins.into_iter().map(origin).collect::<Result<_, _>>()? })
    }

    /// The origin of the page that sends a request; `None` for a program, which sends no `Origin`.
    ///
    /// # Errors
    /// The host or the page is not accepted, or the request does not name one host.
    pub(super) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<Option<HeaderValue>, Refusal> {
        self.check_host(uri, headers)?;
        let Some(page) = single(headers, ORIGIN)? else { return Ok(None) };
        let origin = page.to_str().ok().and_then(PageOrigin::parse);
        if origin.is_some_and(|origin| self.origins.iter().any(|entry| entry.covers(&origin))) {
            return Ok(Some(page.clone()));
        }
        let page = String::from_utf8_lossy(page.as_bytes());
        let message = format!(
            "web pages of `{page}` may not use the server; to allow them, use `Http::allow_origin` or `--allow-origin {page}`"
        );
        Err(Refusal { status: StatusCode::FORBIDDEN, message })
    }

    fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let said = single(headers, HOST)?.and_then(|host| HostPort::parse(host.to_str().ok()?));
        let host = said.ok_or_else(|| invalid("send one `Host` header, with a name or an address"))?;
        if uri.authority().is_some_and(|authority| HostPort::parse(authority.as_str()).as_ref() != Some(&host)) {
            return Err(invalid("the request line and the `Host` header name different hosts"));
        }
        if self.hosts.iter().any(|entry| entry.covers(&host)) {
            return Ok(());
        }
        let name = host.at_any_port();
        let message = format!(
            "the server does not answer to the host `{name}`; to reach it there, use `Http::allow_host` or `--allow-host {name}`"
        );
        Err(Refusal { status: StatusCode::FORBIDDEN, message })
    }
}

/// Reads an entry for a host; an address of IPv6 needs no brackets.
fn read_host(text: &str) -> Option<HostPort> {
    match text.parse::<Ipv6Addr>() {
        Ok(address) => HostPort::parse(&format!("[{address}]")),
        Err(_) => HostPort::parse(text),
    }
}

/// Reads an entry for pages: an origin, with `:*` in place of a port that does not matter. A slash at the end does not matter.
fn read_origin(text: &str) -> Option<PageOrigin> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let Some(any_port) = text.strip_suffix(":*") else { return PageOrigin::parse(text) };
    match PageOrigin::parse(any_port)? {
        PageOrigin::Host { scheme, host } => Some(PageOrigin::Host { scheme, host: host.at_any_port() }),
        PageOrigin::Null => None,
    }
}

fn single(headers: &HeaderMap, name: HeaderName) -> Result<Option<&HeaderValue>, Refusal> {
    let mut values = headers.get_all(&name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(invalid(&format!("send one `{name}` header; there are several"))),
        (value, None) => Ok(value),
    }
}

fn invalid(message: &str) -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, message: message.to_owned() }
}

fn unreadable(setting: &str, text: &str, wanted: &str) -> Error {
    Error::new(ErrorKind::InvalidSetting, format!("`Http::{setting}` has {text:?}; it takes {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(hosts: &[&str], origins: &[&str]) -> AllowedHosts {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        AllowedHosts::new(owned(hosts), owned(origins)).expect("they can be read")
    }

    fn check(
        site: &AllowedHosts,
        uri: &str,
        headers: &[(HeaderName, &'static str)],
    ) -> Result<Option<HeaderValue>, (u16, String)> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        let checked = site.check(&uri.parse().expect("a URI"), &headers);
        checked.map_err(|refusal| (refusal.status.as_u16(), refusal.message))
    }

    #[test]
    fn a_host_is_accepted_by_its_name_and_the_refusal_names_the_setting() {
        let site = site(&["localhost", "::1", "Tools.example:8443"], &[]);
        for host in ["localhost", "LOCALHOST:3001", "localhost.", "[::1]:9", "tools.example:8443"] {
            assert_eq!(check(&site, "/mcp", &[(HOST, host)]), Ok(None), "{host}");
        }
        for host in ["tools.example", "tools.example:80", "localhost.evil.example", "10.0.0.1"] {
            let (status, message) = check(&site, "/mcp", &[(HOST, host)]).expect_err("it is another one");
            assert_eq!(status, 403, "{host}");
            assert!(message.contains("`Http::allow_host`") && message.contains("--allow-host"), "{message}");
        }
    }

    #[test]
    fn a_request_names_one_host() {
        let site = site(&["localhost"], &[]);
        assert_eq!(check(&site, "http://localhost/mcp", &[(HOST, "localhost")]), Ok(None));
        for (uri, headers) in [
            ("/mcp", &[][..]),
            ("/mcp", &[(HOST, "localhost"), (HOST, "localhost")]),
            ("/mcp", &[(HOST, "user@localhost")]),
            ("/mcp", &[(HOST, "")]),
            ("http://evil.example/mcp", &[(HOST, "localhost")]),
            ("/mcp", &[(HOST, "localhost"), (ORIGIN, "null"), (ORIGIN, "null")]),
        ] {
            assert_eq!(check(&site, uri, headers).expect_err("it is refused").0, 400, "{uri} {headers:?}");
        }
    }

    #[test]
    fn a_page_is_accepted_by_its_origin_and_the_refusal_names_the_setting() {
        let site = site(&["localhost"], &["http://localhost:*", "https://app.example", "tauri://localhost/"]);
        let page = |origin| check(&site, "/mcp", &[(HOST, "localhost"), (ORIGIN, origin)]);
        for origin in [
            "http://localhost",
            "http://localhost:5173",
            "https://app.example",
            "https://app.example:443",
            "tauri://localhost",
        ] {
            assert_eq!(page(origin), Ok(Some(HeaderValue::from_static(origin))), "{origin}");
        }
        for origin in [
            "https://localhost",
            "https://app.example:8443",
            "http://app.example",
            "null",
            "",
            "x",
            "https://a@app.example",
        ] {
            let (status, message) = page(origin).expect_err("it is another one");
            assert_eq!(status, 403, "{origin}");
            assert!(message.contains("`Http::allow_origin`") && message.contains("--allow-origin"), "{message}");
        }
        let null = self::site(&["localhost"], &["null"]);
        assert!(check(&null, "/mcp", &[(HOST, "localhost"), (ORIGIN, "null")]).is_ok());
    }

    #[test]
    fn entries_that_cannot_be_read_are_refused_with_the_setting() {
        let list = |text: &str| vec![text.to_owned()];
        for host in ["", "https://example.com", "*.example.com", "a/b"] {
            let error = AllowedHosts::new(list(host), []).expect_err("it is no host");
            assert!(error.to_string().contains("`Http::allow_host`"), "{host}: {error}");
        }
        for origin in ["example.com", "https://*.example.com", "https://example.com/path", "://a"] {
            let error = AllowedHosts::new([], list(origin)).expect_err("it is no origin");
            assert!(error.to_string().contains("`Http::allow_origin`"), "{origin}: {error}");
        }
    }
}
