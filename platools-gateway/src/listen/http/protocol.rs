//! [`HttpProtocol`]: describes one protocol over HTTP to the code that all protocols share: its name in the audit, its limit for bodies,
//! and the form of its errors.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use super::problem::problem;
use super::{ErrorView, RequestContext};
use crate::domain::origin::{Protocol, RequestId};

/// A protocol over HTTP.
#[derive(Debug, Clone, Copy)]
pub(in crate::listen) struct HttpProtocol {
    /// The protocol, as the audit names it.
    pub(in crate::listen) protocol: Protocol,
    /// The most bytes of a body, where the gateway's limit is larger.
    pub(in crate::listen) max_body_bytes: usize,
    /// Writes the response to a failed request.
    pub(in crate::listen) error: fn(&ErrorView, Option<&RequestId>) -> Response,
}

impl HttpProtocol {
    /// REST. Requests outside of all protocols are answered like those of REST.
    pub(in crate::listen) const REST: Self =
        Self { protocol: Protocol::Rest, max_body_bytes: usize::MAX, error: problem };

    /// Makes the protocol known to the handlers of its routes, and writes their errors.
    pub(in crate::listen) fn serve<S: Clone + Send + Sync + 'static>(self, routes: Router<S>) -> Router<S> {
        routes.layer(from_fn_with_state(self, serve))
    }

    /// Writes the error of a response, if it is one that nobody wrote before.
    pub(super) fn render(self, response: Response, request_id: Option<&RequestId>) -> Response {
        match response.extensions().get::<ErrorView>() {
            Some(view) => {
                let (mut told, body) = (self.error)(view, request_id).into_parts();
                let (mut parts, _) = response.into_parts();
                parts.extensions.remove::<ErrorView>();
                parts.status = told.status;
                parts.headers.extend(told.headers.drain());
                Response::from_parts(parts, body)
            }
            None => response,
        }
    }
}

async fn serve(State(protocol): State<HttpProtocol>, mut request: Request, next: Next) -> Response {
    let context = request.extensions().get::<RequestContext>().cloned();
    request.extensions_mut().insert(protocol);
    protocol.render(next.run(request).await, context.as_ref().map(RequestContext::id))
}

/// The response of a path to a method that it does not take.
pub(in crate::listen) async fn no_such_method(method: Method, uri: Uri) -> ErrorView {
    let message = format!("{} does not take {method}", uri.path());
    ErrorView::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}
