//! [`Problem`]: a failed request as problem details of RFC 9457.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use platools_protocol::ErrorDetails;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::BodyError;
use super::{ErrorView, RequestContext};
use crate::domain::error::{ArgumentProblem, Error};
use crate::listen::params::{Misfit, query_error};

/// A failed request, as RFC 9457 has it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(transparent)]
pub(in crate::listen) struct Problem(Box<Details>);

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Details {
    /// A name for the kind of problem: `urn:platools:problem:` and the code.
    r#type: String,
    title: &'static str,
    status: u16,
    /// The problem, and the way to solve it.
    detail: String,
    /// The same text again, for clients that look for the message of an error here, as that of the agent runtime protocol does.
    error: String,
    /// A name for programs, stable over versions.
    code: &'static str,
    /// True if the same request may succeed later, and is certain to have done nothing yet.
    retryable: bool,
    /// The id of the request, as in the header `X-Request-Id` and in the gateway's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// The call it happened to, where there was one already.
    #[serde(skip_serializing_if = "Option::is_none")]
    call_id: Option<String>,
    /// The time to wait before trying again, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// Everything that is wrong with the arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Detail>,
    /// The tool's own account of its failure, if the worker gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_error: Option<ToolErrorDetails>,
}

/// The facts that a tool gave with its failure.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct ToolErrorDetails {
    /// The tool's own code, such as `not_found`; `failed` if the tool names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// The tool's claim that the same call may succeed later. The call ran, so it may do its work twice then.
    #[serde(skip_serializing_if = "Option::is_none")]
    retryable: Option<bool>,
    /// Facts about the failure, in whatever form the tool has them; at most 64 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<serde_json::Value>,
}

impl From<&ErrorDetails> for ToolErrorDetails {
    fn from(facts: &ErrorDetails) -> Self {
        Self { code: facts.code.clone(), retryable: facts.retryable, details: facts.details.clone() }
    }
}

/// A problem with the arguments.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Detail {
    /// The place, as a JSON pointer into the arguments.
    path: String,
    message: String,
}

impl Problem {
    /// A problem that trying again does not solve.
    pub(in crate::listen) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self(Box::new(Details {
            r#type: format!("urn:platools:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            error: detail.clone(),
            detail,
            code,
            retryable: false,
            request_id: None,
            call_id: None,
            retry_after: None,
            errors: Vec::new(),
            tool_error: None,
        }))
    }

    /// The name of the problem for programs.
    pub(super) fn code(&self) -> &'static str {
        self.0.code
    }

    /// The problem in words.
    #[cfg(test)]
    pub(super) fn detail(&self) -> &str {
        &self.0.detail
    }

    fn view(&self) -> ErrorView {
        let status = StatusCode::from_u16(self.0.status).expect("the status was one before");
        let retry_after = self.0.retry_after.map(Duration::from_secs);
        ErrorView { retry_after, ..ErrorView::new(status, self.0.code, &*self.0.detail) }
    }

    /// A problem that trying again may solve.
    pub(in crate::listen) fn retryable(mut self) -> Self {
        self.0.retryable = true;
        self
    }
}

/// The request does not say what it must, or says what it must not.
pub(in crate::listen) fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
}

impl From<Misfit> for Problem {
    fn from(Misfit(why): Misfit) -> Self {
        invalid(why)
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        invalid(query_error(&rejection))
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        invalid(rejection.body_text())
    }
}

impl From<ErrorView> for Problem {
    fn from(view: ErrorView) -> Self {
        let mut problem = Self::new(view.status, view.code, view.message.clone());
        problem.0.retry_after = view.retry_after_seconds();
        problem.0.retryable = view.retry_after.is_some();
        problem
    }
}

impl From<BodyError> for Problem {
    fn from(unread: BodyError) -> Self {
        ErrorView::from(&unread).into()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let mut problem = Self::from(ErrorView::from(&error));
        problem.0.retryable = error.kind().is_retryable();
        problem.0.call_id = error.call_id().map(ToString::to_string);
        problem.0.errors = error.problems().iter().map(detail).collect();
        problem.0.tool_error = error.tool_error().map(ToolErrorDetails::from);
        problem
    }
}

fn detail(problem: &ArgumentProblem) -> Detail {
    Detail { path: problem.path.clone(), message: problem.message.clone() }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = json(&self);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let mut response = self.view().respond(response);
        response.extensions_mut().insert(self);
        response
    }
}

/// Puts the id of the request into the problem of its response.
pub(in crate::listen) async fn with_request_id(request: Request, next: Next) -> Response {
    let context = request.extensions().get::<RequestContext>().cloned();
    let mut response = next.run(request).await;
    if let Some(context) = context
        && let Some(mut problem) = response.extensions_mut().remove::<Problem>()
    {
        problem.0.request_id = Some(context.id().to_string());
        *response.body_mut() = json(&problem).into_body();
    }
    response
}

/// A response with a JSON body.
pub(in crate::listen) fn json(body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).expect("strings, numbers and raw JSON always serialize");
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::error::ErrorKind;

    #[test]
    fn every_kind_of_error_says_whether_and_when_to_try_again_in_body_and_header_alike() {
        for kind in ErrorKind::ALL {
            let problem = Problem::from(Error::new(kind, "").retry_after(Duration::from_secs(7)));
            assert_eq!(problem.0.retryable, kind.is_retryable(), "{kind:?}");
            assert_eq!(problem.0.retry_after.is_some(), kind.is_retryable(), "{kind:?}");
            let response = problem.into_response();
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), kind.is_retryable(), "{kind:?}");
            let status = response.status();
            let invites =
                matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::CONFLICT) || status.is_server_error();
            assert!(invites || !kind.is_retryable(), "{kind:?}: {status}");
        }
    }

    #[test]
    fn a_list_that_is_refused_says_when_to_try_again() {
        let error = Error::new(ErrorKind::Overloaded, "too many lists").retry_after(Duration::from_secs(1));
        let response = Problem::from(error).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }
}
