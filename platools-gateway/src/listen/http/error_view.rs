//! [`ErrorView`]: the status, code, message and retry delay of a failed request. Handlers return it, and each protocol writes it in its own
//! form.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::body::BodyError;
use super::{not_a_refusal, refused};
use crate::audit::action;
use crate::domain::error::{Error, ErrorKind, causes_of};
use crate::listen::params::{InvalidParam, query_error};

/// A failed request.
///
/// As a response it has the status and the headers, and no body yet: [`HttpProtocol`](super::HttpProtocol) has the protocol write that.
#[derive(Debug, Clone)]
pub(in crate::listen) struct ErrorView {
    pub(in crate::listen) status: StatusCode,
    /// The name of the error for programs, stable over versions.
    pub(in crate::listen) code: &'static str,
    /// The problem, and the way to solve it.
    pub(in crate::listen) message: String,
    /// True if the same request may succeed later, and is certain to have done nothing yet.
    pub(in crate::listen) is_retryable: bool,
    /// The time after which the same request may succeed, if it is known.
    pub(in crate::listen) retry_after: Option<Duration>,
    /// The part of the request that is wrong, for protocols that name it.
    pub(in crate::listen) param: Option<String>,
    /// The error of the services, if it came from one: facts about a call or its arguments.
    pub(in crate::listen) cause: Option<Arc<Error>>,
}

impl ErrorView {
    /// An error that waiting does not mend.
    pub(in crate::listen) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, code, message, is_retryable: false, retry_after: None, param: None, cause: None }
    }

    /// A request that does not say what it must, or says what it must not.
    pub(in crate::listen) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    /// The same error, for a client that may try again.
    pub(in crate::listen) fn retryable(self) -> Self {
        Self { is_retryable: true, ..self }
    }

    /// Adds the time that the client has to wait before it tries again.
    pub(in crate::listen) fn retry_after(self, wait: Duration) -> Self {
        Self { is_retryable: true, retry_after: Some(wait), ..self }
    }

    /// The time to wait in seconds, rounded up: a client that waits exactly so long is let in.
    pub(in crate::listen) fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(|wait| wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)))
    }

    /// The time to wait in milliseconds, rounded up like [`retry_after_seconds`](Self::retry_after_seconds).
    pub(in crate::listen) fn retry_after_ms(&self) -> Option<u64> {
        let ms = |wait: Duration| u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        self.retry_after.map(ms)
    }

    /// Adds the status, the headers and the note for the audit to a response.
    pub(in crate::listen) fn respond(&self, mut response: Response) -> Response {
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_seconds() {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        match self.status {
            StatusCode::FORBIDDEN if self.code == ErrorKind::Forbidden.code() => {
                refused(response, action::CALLER_AUTHORIZE, &self.message)
            }
            StatusCode::FORBIDDEN => not_a_refusal(response),
            _ => response,
        }
    }
}

impl IntoResponse for ErrorView {
    fn into_response(self) -> Response {
        let mut response = self.respond(Response::default());
        response.extensions_mut().insert(self);
        response
    }
}

/// The view of an error of the services, without its facts. A failure of the database is logged here, and nowhere else: its causes are for
/// the operator only.
impl From<&Error> for ErrorView {
    fn from(error: &Error) -> Self {
        let kind = error.kind();
        if kind == ErrorKind::Storage {
            tracing::error!(%error, causes = causes_of(error), "request failed");
        }
        let view = Self::new(status(kind), kind.code(), error.to_string());
        Self { is_retryable: kind.is_retryable(), retry_after: error.wait(), ..view }
    }
}

impl From<Error> for ErrorView {
    fn from(error: Error) -> Self {
        let view = Self::from(&error);
        Self { cause: Some(Arc::new(error)), ..view }
    }
}

impl From<BodyError> for ErrorView {
    fn from(unread: BodyError) -> Self {
        let (status, code) = unread.status_and_code();
        let view = Self::new(status, code, unread.to_string());
        unread.retry_after().into_iter().fold(view, Self::retry_after)
    }
}

impl From<InvalidParam> for ErrorView {
    fn from(InvalidParam(why): InvalidParam) -> Self {
        Self::invalid(why)
    }
}

impl From<QueryRejection> for ErrorView {
    fn from(rejection: QueryRejection) -> Self {
        Self::invalid(query_error(&rejection))
    }
}

impl From<PathRejection> for ErrorView {
    fn from(rejection: PathRejection) -> Self {
        Self::invalid(rejection.body_text())
    }
}

/// The status of an error. A protocol that has other statuses for some kinds puts them in place of these.
fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::InvalidRequest | ErrorKind::ContextLengthExceeded => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden | ErrorKind::ToolDisabled => StatusCode::FORBIDDEN,
        ErrorKind::UnknownTool | ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::AmbiguousTool
        | ErrorKind::AlreadyExists
        | ErrorKind::AnswerNotKept
        | ErrorKind::Cancelled
        | ErrorKind::InUse
        | ErrorKind::LimitReached
        | ErrorKind::NotReplayable
        | ErrorKind::Busy
        | ErrorKind::NotConfigured => StatusCode::CONFLICT,
        ErrorKind::ToolFailed | ErrorKind::InvalidArguments | ErrorKind::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::WorkerOffline
        | ErrorKind::WorkerBusy
        | ErrorKind::Interrupted
        | ErrorKind::Overloaded
        | ErrorKind::ModelUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::RateLimited | ErrorKind::ModelOverloaded => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Timeout | ErrorKind::WorkerLost | ErrorKind::AgentTimeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::AgentFailed => StatusCode::BAD_GATEWAY,
        ErrorKind::Listen | ErrorKind::Storage => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up() {
        for (wait, seconds, ms) in [
            (Duration::ZERO, 0, 0),
            (Duration::from_nanos(1), 1, 1),
            (Duration::from_millis(250), 1, 250),
            (Duration::from_secs(1), 1, 1000),
            (Duration::from_micros(1_000_001), 2, 1001),
        ] {
            let view = ErrorView::from(&Error::new(ErrorKind::RateLimited, "").retry_after(wait));
            assert_eq!((view.retry_after_seconds(), view.retry_after_ms()), (Some(seconds), Some(ms)), "{wait:?}");
        }
    }
}
