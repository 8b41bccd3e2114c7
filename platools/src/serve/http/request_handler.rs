//! [`RequestHandler`]: answers the HTTP requests of a local MCP server. It checks the host, the page and the token, and passes messages on
//! to the MCP library `rmcp`.

use std::fmt;
use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};
use rmcp::transport::StreamableHttpService;

use super::allowed_hosts::AllowedHosts;
use super::auth::{Denied, Guard};
use super::cors;
use super::request_body::RepairedBody;
use super::sessions::LocalSessions;
use crate::mcp::McpServer;
use crate::mcp::http::{Body, Exchange, Refusal, STREAM_AFTER, Sessions, UsageKind, holding, session_id};
use crate::serve::call_tracker::CallTracker;
use crate::serve::registry_host::RegistryHost;

/// The library's service over a registry.
pub(super) type RegistryService = StreamableHttpService<McpServer<Arc<RegistryHost>>, Sessions<LocalSessions>>;

/// The path of the server.
const PATH: &str = "/mcp";

/// The first revision of the protocol without sessions.
const FIRST_WITHOUT_SESSIONS: &str = "2026-07-28";

/// Seconds after which a client that found no room for a session may try again.
const RETRY_SECONDS: &str = "30";

/// Answers requests.
#[derive(Clone)]
pub(super) struct RequestHandler {
    hosts: Arc<AllowedHosts>,
    guard: Guard,
    service: RegistryService,
    sessions: Arc<LocalSessions>,
    calls: CallTracker,
    max_body_bytes: usize,
}

impl RequestHandler {
    pub(super) fn new(
        hosts: AllowedHosts,
        guard: Guard,
        service: RegistryService,
        sessions: Arc<LocalSessions>,
        calls: CallTracker,
        max_body_bytes: usize,
    ) -> Self {
        Self { hosts: Arc::new(hosts), guard, service, sessions, calls, max_body_bytes }
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let page = match self.hosts.check(request.uri(), request.headers()) {
            Ok(page) => page,
            Err(refusal) => return refused(refusal),
        };
        let Some(page) = page else { return self.admitted(request).await };
        if cors::is_preflight(&request) {
            return cors::preflight(&page, request.headers()).map(|body| body.boxed());
        }
        let mut answer = self.admitted(request).await;
        cors::grant(&page, answer.headers_mut());
        answer
    }

    /// Answers a request whose host and page are accepted, if it has the token.
    async fn admitted(&self, mut request: Request<Incoming>) -> Response<Body> {
        if request.uri().path() != PATH {
            return refuse(StatusCode::NOT_FOUND, "the server is at /mcp");
        }
        if let Err(denied) = self.guard.check(request.headers()) {
            return unauthorized(denied);
        }
        // What handles the request from here on may log its headers.
        request.headers_mut().remove(AUTHORIZATION);
        let method = request.method().clone();
        let negotiated = session_id(request.headers()).and_then(|id| self.sessions.revision(id));
        let exchange = match Exchange::begin(&method, request.headers_mut(), negotiated) {
            Ok(exchange) => exchange,
            Err(refusal) => return refused(refusal),
        };
        let kind = if method == Method::GET { UsageKind::Stream } else { UsageKind::Work };
        let used = session_id(request.headers()).and_then(|id| self.sessions.used(id, kind)).map(Arc::new);
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
        let answer = self.service.handle(request.map(|body| RepairedBody::new(body, self.max_body_bytes))).await;
        let answer = exchange.end(answer, STREAM_AFTER).await;
        holding(answer, (counted, used))
    }
}

impl fmt::Debug for RequestHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHandler").finish_non_exhaustive()
    }
}

/// True for a request that only a client without a session makes, of the protocol's revisions that have sessions.
fn opens_a_session<B>(request: &Request<B>) -> bool {
    let header = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    request.method() == Method::POST
        && session_id(request.headers()).is_none()
        && header("mcp-protocol-version").is_none_or(|version| version < FIRST_WITHOUT_SESSIONS)
}

/// Challenges a request without the token, as RFC 6750 has it.
fn unauthorized(denied: Denied) -> Response<Body> {
    let (challenge, message) = match denied {
        Denied::NoToken => ("Bearer realm=\"platools\"", "send the server's token: `Authorization: Bearer <token>`"),
        Denied::WrongToken => ("Bearer realm=\"platools\", error=\"invalid_token\"", "the token is wrong"),
    };
    let mut answer = refuse(StatusCode::UNAUTHORIZED, message);
    answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    answer
}

fn refuse(status: StatusCode, message: &str) -> Response<Body> {
    refused(Refusal { status, message: message.to_owned() })
}

fn refused(refusal: Refusal) -> Response<Body> {
    refusal.into_response()
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
