//! [`router`]: serves the files of the console. Every path below `/console` that is no file answers with the page, which knows its places.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;

use super::files::{ConsoleFile, PAGE, is_hashed};
use crate::core::Core;
use crate::listen::http::ErrorView;

/// The policy of the page. It has no scripts, styles, forms or requests but to its own origin, no text becomes markup, and no other page
/// frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' data: blob:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// Headers of every response of the console.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The routes of the console's files, and the one that leads browsers there.
pub(super) fn router() -> Router<Arc<Core>> {
    Router::new()
        .route("/console", get(async |headers: HeaderMap| file(PAGE, &headers)))
        .route("/console/", get(async |headers: HeaderMap| file(PAGE, &headers)))
        .route("/console/{*path}", get(async |Path(path): Path<String>, headers: HeaderMap| file(&path, &headers)))
        .layer(map_response(with_headers))
        .route("/", get(lead))
}

/// The response for a path below `/console/`.
fn file(path: &str, headers: &HeaderMap) -> Response {
    let Some(file) = ConsoleFile::at(path).or_else(|| ConsoleFile::at(PAGE).filter(|_| !is_hashed(path))) else {
        let message = "the console has no such file; load the page again, the gateway may have a newer version";
        return ErrorView::new(StatusCode::NOT_FOUND, "no_such_route", message).into_response();
    };
    let fixed = [
        (header::ETAG, file.etag.clone()),
        (header::CACHE_CONTROL, file.cache_control.clone()),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
    ];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| names(known, &file.etag)) {
        return (StatusCode::NOT_MODIFIED, fixed).into_response();
    }
    let (content, is_gzipped) = file.content(takes_gzip(headers));
    let mut response =
        (fixed, [(header::CONTENT_TYPE, file.content_type.clone())], Body::from(content)).into_response();
    if is_gzipped {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Leads browsers to the console. For a program there is nothing at `/`.
async fn lead(headers: HeaderMap, uri: Uri) -> Response {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    if accepted.flat_map(|value| value.split(',')).any(|kind| kind.trim().starts_with("text/html")) {
        return Redirect::to("/console").into_response();
    }
    let message = format!("there is nothing at {}", uri.path());
    ErrorView::new(StatusCode::NOT_FOUND, "no_such_route", message).into_response()
}

async fn with_headers(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// True if a list of `ETag`s has this one.
fn names(known: &HeaderValue, etag: &HeaderValue) -> bool {
    let mut known = known.to_str().unwrap_or_default().split(',').map(str::trim);
    known.any(|known| known == "*" || known.as_bytes() == etag.as_bytes())
}

/// True if the client takes gzip. A weight of zero means that it does not.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_none_or(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn gzip_is_for_clients_that_take_it() {
        for value in ["gzip", "deflate, gzip;q=0.5, br", "GZIP"] {
            assert!(takes_gzip(&headers(header::ACCEPT_ENCODING, value)), "{value}");
        }
        for value in ["", "br", "gzip;q=0", "gzip; q=0.0", "identity"] {
            assert!(!takes_gzip(&headers(header::ACCEPT_ENCODING, value)), "{value}");
        }
    }

    #[test]
    fn a_place_of_the_console_answers_with_the_page_and_a_missing_file_does_not() {
        let none = HeaderMap::new();
        assert_eq!(file("tools/echo?tab=schema", &none).status(), StatusCode::OK);
        assert_eq!(file("assets/index-gone.js", &none).status(), StatusCode::NOT_FOUND);
        let etag = file(PAGE, &none).headers()[header::ETAG].clone();
        let known = HeaderMap::from_iter([(header::IF_NONE_MATCH, etag)]);
        assert_eq!(file(PAGE, &known).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(file(PAGE, &headers(header::IF_NONE_MATCH, "W/\"other\"")).status(), StatusCode::OK);
    }
}
