//! The answer to one request.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};
use rmcp::transport::StreamableHttpService;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::cors;
use super::guard::{Denied, Guard};
use super::sessions::{Sessions, Use};
use super::site::Site;
use crate::mcp::{Exchange, Refusal, STREAM_AFTER};
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
    site: Arc<Site>,
    guard: Guard,
    service: StreamableHttpService<Handler, Sessions>,
    sessions: Arc<Sessions>,
    calls: Calls,
}

impl Answers {
    pub(super) fn new(
        site: Site,
        guard: Guard,
        service: StreamableHttpService<Handler, Sessions>,
        sessions: Arc<Sessions>,
        calls: Calls,
    ) -> Self {
        Self { site: Arc::new(site), guard, service, sessions, calls }
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Counted> {
        let page = match self.site.check(request.uri(), request.headers()) {
            Ok(page) => page,
            Err(refusal) => return refused(refusal),
        };
        let Some(page) = page else { return self.admitted(request).await };
        if cors::is_preflight(&request) {
            return cors::preflight(&page, request.headers()).map(|body| Counted::bare(body.boxed()));
        }
        let mut answer = self.admitted(request).await;
        cors::grant(&page, answer.headers_mut());
        answer
    }

    /// Answers a request whose host and page are accepted, if it has the token.
    async fn admitted(&self, mut request: Request<Incoming>) -> Response<Counted> {
        if request.uri().path() != PATH {
            return refuse(StatusCode::NOT_FOUND, "the server is at /mcp");
        }
        if let Err(denied) = self.guard.check(request.headers()) {
            return unauthorized(denied);
        }
        // What handles the request from here on may log its headers.
        request.headers_mut().remove(AUTHORIZATION);
        let (method, negotiated) =
            (request.method().clone(), session_of(&request).and_then(|id| self.sessions.revision(id)));
        let exchange = match Exchange::begin(&method, request.headers_mut(), negotiated) {
            Ok(exchange) => exchange,
            Err(refusal) => return refused(refusal),
        };
        let used = session_of(&request).and_then(|id| self.sessions.used(id));
        if let Err(refusal) = exchange.check_end(used.is_some()) {
            return refused(refusal);
        }
        if self.sessions.have_no_room() && opens_a_session(&request) {
            let mut answer = refuse(StatusCode::SERVICE_UNAVAILABLE, "there are too many sessions; try again later");
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
            return answer;
        }
        // It goes with the message to its handler: a call goes on when its client has lost the connection.
        request.extensions_mut().insert(used.clone());
        // A stop waits for answers to messages; a stream of notices has no end of its own.
        let counted = (method == Method::POST).then(|| self.calls.answer());
        let answer = self.service.handle(request).await;
        let answer = exchange.end(answer, STREAM_AFTER).await;
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
    let mut answer = refuse(StatusCode::UNAUTHORIZED, message);
    answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    answer
}

fn refuse(status: StatusCode, message: &str) -> Response<Counted> {
    refused(Refusal { status, message: message.to_owned() })
}

fn refused(refusal: Refusal) -> Response<Counted> {
    refusal.into_response().map(Counted::bare)
}

/// An answer that counts, and is a use of its session, until its client has all of it or is gone.
pub(super) struct Counted {
    body: BoxBody<Bytes, Infallible>,
    _counted: Option<TaskTrackerToken>,
    _used: Option<Arc<Use>>,
}

impl Counted {
    /// An answer that counts for nothing.
    fn bare(body: BoxBody<Bytes, Infallible>) -> Self {
        Self { body, _counted: None, _used: None }
    }
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
