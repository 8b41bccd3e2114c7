//! `AccessLine`: one line of the log target `access` for each HTTP request, without its query, which may hold a token.

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::response::Response;
use tokio::time::Instant;

use super::RequestContext;
use crate::listen::ws::duration_ms;

/// The route in the line of a request for a path that no route matches. The path itself is the client's invention.
const UNMATCHED: &str = "unmatched";

/// A request that is being served.
pub(super) struct AccessLine {
    method: &'static str,
    route: Option<MatchedPath>,
    begun: Instant,
}

impl AccessLine {
    pub(super) fn begin(request: &Request) -> Self {
        let route = request.extensions().get::<MatchedPath>().cloned();
        Self { method: name_of(request.method()), route, begun: Instant::now() }
    }

    /// The method and the route's template, such as `DELETE /v1/keys/{key}`.
    pub(super) fn subject(&self) -> String {
        format!("{} {}", self.method, self.route())
    }

    fn route(&self) -> &str {
        self.route.as_ref().map_or(UNMATCHED, MatchedPath::as_str)
    }

    /// Writes the line, when the head of the response is there: a failure at `info`, everything else at `debug`.
    pub(super) fn end(self, context: &RequestContext, response: &Response) {
        macro_rules! line {
            ($level:ident, $message:literal) => {
                tracing::$level!(
                    target: "access",
                    {
                        http.method = self.method,
                        http.route = self.route(),
                        http.status = response.status().as_u16(),
                        duration_ms = duration_ms(self.begun),
                        client.address = %context.address(),
                        request.id = %context.id(),
                    },
                    $message
                )
            };
        }
        if response.status().as_u16() >= 400 {
            line!(info, "request failed");
        } else {
            line!(debug, "request served");
        }
    }
}

/// The name of a method. A method that no route takes is the client's invention, of any length.
fn name_of(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];
    known.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}
