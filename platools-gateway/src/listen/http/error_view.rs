//! [`ErrorView`]: the status, code, message and retry delay of a failed request. Each protocol renders its error responses from it.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::body::BodyError;
use super::{not_a_refusal, refused};
use crate::audit::action;
use crate::domain::error::{Error, ErrorKind, causes_of};

/// A failed request: status, code, message, and the time to wait before the next try.
#[derive(Debug, Clone)]
pub(in crate::listen) struct ErrorView {
    pub(in crate::listen) status: StatusCode,
    /// The name of the error for programs, stable over versions.
    pub(in crate::listen) code: &'static str,
    /// The problem, and the way to solve it.
    pub(in crate::listen) message: String,
    /// The time after which the same request may succeed, if it is known.
    pub(in crate::listen) retry_after: Option<Duration>,
}

impl ErrorView {
    /// An error that waiting does not mend.
    pub(in crate::listen) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    /// Adds the time that the client has to wait before it tries again.
    pub(in crate::listen) fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
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

    /// Adds the status, the headers and the note for the audit to a response that has the body of its protocol.
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

/// The view of an error of the services. A failure of the database is logged here, and nowhere else: its causes are for the operator only.
impl From<&Error> for ErrorView {
    fn from(error: &Error) -> Self {
        if error.kind() == ErrorKind::Storage {
            tracing::error!(%error, causes = causes_of(error), "a request failed");
        }
        let kind = error.kind();
        Self { retry_after: error.wait(), ..Self::new(status(kind), kind.code(), error.to_string()) }
    }
}

impl From<&BodyError> for ErrorView {
    fn from(unread: &BodyError) -> Self {
        let (status, code) = unread.status_and_code();
        Self { retry_after: unread.retry_after(), ..Self::new(status, code, unread.to_string()) }
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
