//! [`Exchange`]: answers one HTTP request of a client through `rmcp`, the library for the Model Context Protocol (MCP).
//!
//! `rmcp` is strict about headers and answers refusals as plain text. An exchange reads the headers as the HTTP standard says, rewrites
//! them for `rmcp`, and gives the response a form that the client and its revision of the protocol allow.

use std::convert::Infallible;
use std::time::Duration;

use futures::StreamExt as _;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, BodyStream, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::header::{ACCEPT, ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};
use rmcp::model::ErrorCode;
use serde_json::json;

use super::accept_header::AcceptedForms;
use super::response_body::{Body, EVENTS, JSON, is_json, is_stream, message, only_answer, whole_if_large};
use crate::mcp::Revision;

/// The header with a session's id.
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

/// The header with the revision of a request.
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// The header with the method of a message.
const METHOD: HeaderName = HeaderName::from_static("mcp-method");

/// The message whose answer is a stream without an end.
const LISTEN: &str = "subscriptions/listen";

const NO_SESSION: &str = "there is no such session, or it has ended; begin a new one with `initialize`";

/// The session that a request names.
#[must_use]
pub fn session_id(headers: &HeaderMap) -> Option<&str> {
    headers.get(SESSION)?.to_str().ok()
}

/// A request that is being answered.
#[derive(Debug)]
pub struct Exchange {
    method: Method,
    form: Form,
    revision: Revision,
    /// The name of a revision that is not known.
    unknown_version: Option<String>,
    has_session: bool,
}

/// The form of the answer to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A stream, or one JSON body for a large answer.
    Either,
    /// A stream.
    Events,
    /// A JSON body, without the notifications that come before the answer.
    Json,
}

/// A request that the library does not get to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the response.
    pub status: StatusCode,
    /// The mistake and the header to send, for the author of the client.
    pub message: String,
}

impl Refusal {
    /// The response: a JSON-RPC error that belongs to no request.
    #[must_use]
    pub fn into_response(self) -> Response<Body> {
        error_response(self.status, ErrorCode::INVALID_REQUEST, &self.message)
    }
}

impl Exchange {
    /// Reads the headers of a request, and replaces those that the library is strict about. `negotiated` is the revision of its session.
    ///
    /// # Errors
    /// The client accepts no form that there is (406), or its message is no JSON (415).
    pub fn begin(method: &Method, headers: &mut HeaderMap, negotiated: Option<Revision>) -> Result<Self, Refusal> {
        let version = headers.get(VERSION).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let named = version.as_deref().and_then(Revision::named);
        // A session stays in the revision that it was begun in, whatever its requests name.
        let revision = negotiated.or(named).unwrap_or(Revision::UNNAMED);
        let unknown_version = version.filter(|_| named.is_none());
        let has_session = headers.contains_key(SESSION);
        let form = form_of(method, headers)?;
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        Ok(Self { method: method.clone(), form, revision, unknown_version, has_session })
    }

    /// Refuses to end a session that is not there, which the library confirms. `is_known` says whether the session of the request is.
    ///
    /// # Errors
    /// The request is such a one (404).
    pub fn check_end(&self, is_known: bool) -> Result<(), Refusal> {
        if self.method == Method::DELETE && self.has_session && !is_known {
            return Err(Refusal { status: StatusCode::NOT_FOUND, message: NO_SESSION.to_owned() });
        }
        Ok(())
    }

    /// Brings the library's response into its form. The head of a stream waits for the first message for `stream_after` at most, as
    /// [`STREAM_AFTER`](super::STREAM_AFTER) says; that of a JSON body waits for the answer.
    pub async fn end(self, response: Response<Body>, stream_after: Duration) -> Response<Body> {
        let mut response = self.in_json(response).await;
        if !is_stream(&response) {
            // The library confirms with 202, which some clients take for a failure.
            if self.method == Method::DELETE && response.status() == StatusCode::ACCEPTED {
                *response.status_mut() = StatusCode::NO_CONTENT;
            }
            return response;
        }
        if !self.revision.has_empty_events() {
            response = without_empty_events(response);
        }
        match self.form {
            _ if self.method != Method::POST => response,
            Form::Either => whole_if_large(response, stream_after).await,
            Form::Events => response,
            Form::Json => match only_answer(response).await {
                Some(answer) => answer,
                None => error_response(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    ErrorCode::INVALID_REQUEST,
                    "the answer broke off; try again",
                ),
            },
        }
    }

    /// Puts a refusal of the library into a JSON-RPC error that says what to send.
    async fn in_json(&self, response: Response<Body>) -> Response<Body> {
        let status = response.status();
        if !(status.is_client_error() || status.is_server_error()) || is_json(response.headers().get(CONTENT_TYPE)) {
            return response;
        }
        let (mut parts, body) = response.into_parts();
        let said = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let message = self.message(status, &parts.headers, &String::from_utf8_lossy(&said));
        if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            // The media type was checked before, so the library means the content.
            parts.status = StatusCode::BAD_REQUEST;
        }
        parts.headers.remove(CONTENT_LENGTH);
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        Response::from_parts(parts, Full::new(error_body(ErrorCode::INVALID_REQUEST, &message)).boxed())
    }

    fn message(&self, status: StatusCode, headers: &HeaderMap, said: &str) -> String {
        match (status, &self.unknown_version) {
            (StatusCode::NOT_FOUND, _) => NO_SESSION.to_owned(),
            (StatusCode::METHOD_NOT_ALLOWED, _) => {
                let allowed = headers.get(ALLOW).and_then(|allowed| allowed.to_str().ok()).unwrap_or("POST");
                format!("{} is not answered here in this revision of the protocol; send {allowed}", self.method)
            }
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, _) => {
                "the body is no JSON-RPC message of this protocol; send one message in each request, and no batch"
                    .to_owned()
            }
            (StatusCode::BAD_REQUEST, Some(unknown)) => {
                let known = Revision::ALL.map(Revision::as_str).join(", ");
                format!(
                    "the revision `{unknown}` of the protocol is not spoken; send `MCP-Protocol-Version` with one of {known}"
                )
            }
            (StatusCode::BAD_REQUEST, None) if !self.has_session => {
                "the request belongs to no session; begin one with `initialize`, and send its id as `Mcp-Session-Id`"
                    .to_owned()
            }
            _ => said.strip_prefix("Bad Request: ").unwrap_or(said).to_owned(),
        }
    }
}

/// The form of the answer that a request asks for.
fn form_of(method: &Method, headers: &HeaderMap) -> Result<Form, Refusal> {
    let accepted = AcceptedForms::of(headers);
    if *method == Method::GET && accepted.events == 0 {
        return Err(not_acceptable(headers, EVENTS));
    }
    if *method != Method::POST {
        return Ok(Form::Either);
    }
    let is_listening = headers.get(METHOD).is_some_and(|method| method.as_bytes() == LISTEN.as_bytes());
    let form = match accepted {
        AcceptedForms { json: 0, events: 0, .. } => {
            return Err(not_acceptable(headers, "application/json, text/event-stream"));
        }
        AcceptedForms { events: 0, .. } if is_listening => return Err(not_acceptable(headers, EVENTS)),
        AcceptedForms { json: 0, .. } => Form::Events,
        accepted if accepted.prefers_json() && !is_listening => Form::Json,
        _ => Form::Either,
    };
    if is_json(headers.get(CONTENT_TYPE)) { Ok(form) } else { Err(not_json(headers)) }
}

fn not_acceptable(headers: &HeaderMap, form: &str) -> Refusal {
    let sent: Vec<_> = headers.get_all(ACCEPT).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    let message = format!("`Accept: {}` leaves no form to answer in; send `Accept: {form}`", sent.join(", "));
    Refusal { status: StatusCode::NOT_ACCEPTABLE, message }
}

fn not_json(headers: &HeaderMap) -> Refusal {
    let sent = match headers.get(CONTENT_TYPE) {
        Some(kind) => format!("`Content-Type: {}` is not read", String::from_utf8_lossy(kind.as_bytes())),
        None => "the request has no `Content-Type`".to_owned(),
    };
    let message = format!("{sent}; send the message as JSON, with `Content-Type: {JSON}`");
    Refusal { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, message }
}

/// A JSON-RPC error that belongs to no request.
#[must_use]
pub fn error_response(status: StatusCode, code: ErrorCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Full::new(error_body(code, message)).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    response
}

fn error_body(code: ErrorCode, message: &str) -> Bytes {
    let error = json!({ "code": code.0, "message": message });
    Bytes::from(json!({ "jsonrpc": "2.0", "id": null, "error": error }).to_string())
}

/// Leaves out events without a message. Clients of revisions that do not have them take their empty data for a broken message.
fn without_empty_events(response: Response<Body>) -> Response<Body> {
    response.map(|body: BoxBody<Bytes, Infallible>| {
        let frames = BodyStream::new(body).filter(|frame| {
            let is_empty = frame.as_ref().ok().and_then(Frame::data_ref).is_some_and(is_empty_event);
            std::future::ready(!is_empty)
        });
        BodyExt::boxed(StreamBody::new(frames))
    })
}

/// True for an event that has no message. A comment, which keeps the connection alive, is none.
fn is_empty_event(event: &Bytes) -> bool {
    !event.starts_with(b":") && message(event).is_none()
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
