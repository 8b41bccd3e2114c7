//! The answer to one request.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};
use rmcp::transport::StreamableHttpService;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::body::Mended;
use super::guard::{Denied, Guard};
use super::sessions::{Sessions, Use};
use crate::mcp::{STREAM_AFTER, confirm_end, whole_if_large};
use crate::serve::calls::Calls;
use crate::serve::handler::Handler;

/// The only place there is something at.
const PATH: &str = "/mcp";

/// Since this revision of the protocol there are no sessions.
const FIRST_WITHOUT_SESSIONS: &str = "2026-07-28";

/// When a client that found no room for a session may try again, in seconds.
const RETRY_SECONDS: &str = "30";

/// Answers requests.
#[derive(Clone)]
pub(super) struct Answers {
    guard: Guard,
    service: StreamableHttpService<Handler, Sessions>,
    sessions: Arc<Sessions>,
    calls: Calls,
    max_body_bytes: usize,
}

impl Answers {
    pub(super) fn new(
        guard: Guard,
        service: StreamableHttpService<Handler, Sessions>,
        sessions: Arc<Sessions>,
        calls: Calls,
        max_body_bytes: usize,
    ) -> Self {
        Self { guard, service, sessions, calls, max_body_bytes }
    }

    pub(super) async fn answer(&self, mut request: Request<Incoming>) -> Response<Counted> {
        if request.uri().path() != PATH {
            return text(StatusCode::NOT_FOUND, "the server is at /mcp");
        }
        if let Err(denied) = self.guard.check(request.headers()) {
            return unauthorized(denied);
        }
        // What handles the request from here on may log its headers.
        request.headers_mut().remove(AUTHORIZATION);
        if self.sessions.have_no_room() && opens_a_session(&request) {
            let mut answer = text(StatusCode::SERVICE_UNAVAILABLE, "there are too many sessions; try again later");
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
            return answer;
        }
        let method = request.method().clone();
        let used = session_of(&request).and_then(|id| self.sessions.used(id));
        // It goes with the message to its handler: a call goes on when its client has lost the connection.
        request.extensions_mut().insert(used.clone());
        // A stop waits for answers to messages; a stream of notices has no end of its own.
        let counted = (method == Method::POST).then(|| self.calls.answer());
        let mut answer = self.service.handle(request.map(|body| Mended::new(body, self.max_body_bytes))).await;
        confirm_end(&method, &mut answer);
        if method == Method::POST {
            answer = whole_if_large(answer, STREAM_AFTER).await;
        }
        answer.map(|body| Counted { body, _counted: counted, _used: used })
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}

/// Whether a request is one that only a client without a session makes, of the protocol's revisions that have them.
fn opens_a_session<B>(request: &Request<B>) -> bool {
    let header = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    request.method() == Method::POST
        && session_of(request).is_none()
        && header("mcp-protocol-version").is_none_or(|version| version < FIRST_WITHOUT_SESSIONS)
}

/// The session that a request names.
fn session_of<B>(request: &Request<B>) -> Option<&str> {
    request.headers().get("mcp-session-id").and_then(|id| id.to_str().ok())
}

/// Says how to be let in, as RFC 6750 has it.
fn unauthorized(denied: Denied) -> Response<Counted> {
    let (challenge, message) = match denied {
        Denied::NoToken => ("Bearer realm=\"platools\"", "send the server's token: `Authorization: Bearer <token>`"),
        Denied::WrongToken => ("Bearer realm=\"platools\", error=\"invalid_token\"", "the token is wrong"),
    };
    let mut answer = text(StatusCode::UNAUTHORIZED, message);
    answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    answer
}

fn text(status: StatusCode, message: &'static str) -> Response<Counted> {
    let mut answer = Response::new(Counted { body: Full::from(message).boxed(), _counted: None, _used: None });
    *answer.status_mut() = status;
    let headers: &mut HeaderMap = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

/// An answer that counts, and is a use of its session, until its client has all of it or is gone.
pub(super) struct Counted {
    body: BoxBody<Bytes, Infallible>,
    _counted: Option<TaskTrackerToken>,
    _used: Option<Arc<Use>>,
}

impl Body for Counted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_open_a_session_is_kept_out_for_want_of_room() {
        let opens = |method: &str, headers: &[(&str, &str)]| {
            let request = headers
                .iter()
                .fold(Request::builder().method(method), |request, (name, value)| request.header(*name, *value));
            opens_a_session(&request.body(()).expect("a request"))
        };
        assert!(opens("POST", &[]));
        assert!(opens("POST", &[("mcp-protocol-version", "2025-11-25")]));
        assert!(!opens("POST", &[("mcp-protocol-version", "2026-07-28")]));
        assert!(!opens("POST", &[("mcp-session-id", "s")]));
        assert!(!opens("GET", &[]));
    }
}
