//! [`requested_host`] and [`page_origin`]: read the headers `Host` and `Origin` of a request, for the layer `guard`.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use platools_transport::{HostPort, PageOrigin};

use super::ErrorView;

/// Host that a request is for. The request line and the `Host` header agree where both name it.
pub(super) fn requested_host(parts: &Parts) -> Result<HostPort, ErrorView> {
    let value = single(&parts.headers, header::HOST)?
        .ok_or_else(|| ErrorView::invalid("send one Host header; there is none"))?;
    let read = |value: &HeaderValue| HostPort::parse(value.to_str().ok()?);
    let host = read(value)
        .ok_or_else(|| ErrorView::invalid("the Host header takes a name or an address, with or without a port"))?;
    let is_same = |authority: &str| HostPort::parse(authority).as_ref() == Some(&host);
    match parts.uri.authority() {
        Some(authority) if !is_same(authority.as_str()) => {
            Err(ErrorView::invalid("the request line and the Host header name different hosts"))
        }
        _ => Ok(host),
    }
}

/// Origin of the page that sends a request; `None` for a program, which sends no `Origin`.
pub(super) fn page_origin(headers: &HeaderMap) -> Result<Option<PageOrigin>, ErrorView> {
    let Some(value) = single(headers, header::ORIGIN)? else { return Ok(None) };
    let origin = value.to_str().ok().and_then(PageOrigin::parse);
    origin.map(Some).ok_or_else(|| {
        let detail = "the Origin header has a scheme and a host, such as https://app.example.com, or `null`";
        ErrorView::new(StatusCode::FORBIDDEN, "origin_not_allowed", detail)
    })
}

fn single(headers: &HeaderMap, name: HeaderName) -> Result<Option<&HeaderValue>, ErrorView> {
    let mut values = headers.get_all(&name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(ErrorView::invalid(format!("send one `{name}` header; there are several"))),
        (value, None) => Ok(value),
    }
}
