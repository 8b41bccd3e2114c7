//! [`Problem`]: the JSON body of a failed REST request, in the form of RFC 9457 (problem details).

use axum::http::{HeaderValue, header};
use axum::response::Response;
use platools_protocol::ErrorDetails;
use serde::Serialize;
use utoipa::ToSchema;

use super::{ErrorView, json};
use crate::domain::error::{ArgumentProblem, Error};
use crate::domain::origin::RequestId;

/// A failed request, as RFC 9457 has it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::listen) struct Problem {
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
    errors: Vec<ProblemDetail>,
    /// The tool's own account of its failure, if the worker gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_error: Option<ToolErrorDetails>,
}

/// A problem with the arguments.
#[derive(Debug, Serialize, ToSchema)]
struct ProblemDetail {
    /// The place, as a JSON pointer into the arguments.
    path: String,
    message: String,
}

/// The facts that a tool gave with its failure.
#[derive(Debug, Serialize, ToSchema)]
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

impl Problem {
    /// The problem of a failed request, whose id is known where a response is written.
    pub(in crate::listen) fn new(view: &ErrorView, request_id: Option<&RequestId>) -> Self {
        let cause = view.cause.as_deref();
        Self {
            r#type: format!("urn:platools:problem:{}", view.code),
            title: view.status.canonical_reason().unwrap_or("Error"),
            status: view.status.as_u16(),
            detail: view.message.clone(),
            error: view.message.clone(),
            code: view.code,
            retryable: view.is_retryable,
            request_id: request_id.map(ToString::to_string),
            call_id: cause.and_then(Error::call_id).map(ToString::to_string),
            retry_after: view.retry_after_seconds(),
            errors: cause.map_or(&[][..], Error::problems).iter().map(ProblemDetail::from).collect(),
            tool_error: cause.and_then(Error::tool_error).map(ToolErrorDetails::from),
        }
    }
}

impl From<&ArgumentProblem> for ProblemDetail {
    fn from(problem: &ArgumentProblem) -> Self {
        Self { path: problem.path.clone(), message: problem.message.clone() }
    }
}

impl From<&ErrorDetails> for ToolErrorDetails {
    fn from(facts: &ErrorDetails) -> Self {
        Self { code: facts.code.clone(), retryable: facts.retryable, details: facts.details.clone() }
    }
}

/// Writes a failed request as a problem.
pub(in crate::listen) fn problem(view: &ErrorView, request_id: Option<&RequestId>) -> Response {
    let mut response = json(&Problem::new(view, request_id));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    view.respond(response)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::StatusCode;

    use super::*;
    use crate::domain::error::ErrorKind;

    #[test]
    fn every_kind_of_error_says_whether_and_when_to_try_again_in_body_and_header_alike() {
        for kind in ErrorKind::ALL {
            let view = ErrorView::from(Error::new(kind, "").retry_after(Duration::from_secs(7)));
            let body = Problem::new(&view, None);
            assert_eq!(body.retryable, kind.is_retryable(), "{kind:?}");
            assert_eq!(body.retry_after.is_some(), kind.is_retryable(), "{kind:?}");
            let response = problem(&view, None);
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
        let response = problem(&error.into(), None);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }
}
