//! The one place where the core's errors become codes of the protocol.

use std::time::Duration;

use platools::wire::rpc::{ErrorCode, RpcError};
use serde_json::{Map, Value, json};

use crate::core::error::causes_of;
use crate::core::error::{Error, ErrorKind};
use crate::core::limits::OverBudget;
use crate::listen::forms::Misfit;

/// The request makes no sense.
pub(super) fn invalid(message: impl Into<String>) -> RpcError {
    RpcError::new(ErrorCode::InvalidRequest, message)
}

/// The gateway has no room for the bytes of the request.
pub(super) fn busy(over: OverBudget) -> RpcError {
    let told = RpcError::new(ErrorCode::ResourceExhausted, over.to_string()).with_details(json!({"code": "busy"}));
    told.with_retry_after(OverBudget::RETRY_AFTER)
}

impl From<Misfit> for RpcError {
    fn from(Misfit(why): Misfit) -> Self {
        invalid(why)
    }
}

/// What a caller is told of a request that failed.
impl From<Error> for RpcError {
    fn from(error: Error) -> Self {
        if error.kind() == ErrorKind::Storage {
            tracing::error!(%error, causes = causes_of(&error), "a request failed");
        }
        let told = Self::new(code(error.kind()), error.to_string()).with_details(details(&error));
        match error.wait() {
            // Rounded up, so that whoever waits exactly so long is let in.
            Some(wait) => told.with_retry_after(wait + Duration::from_millis(1)),
            None => told,
        }
    }
}

/// What the ten codes do not tell apart: the name that the REST interface has for it, and what it is about.
fn details(error: &Error) -> Value {
    let mut details = Map::new();
    details.insert("code".to_owned(), error.kind().code().into());
    if let Some(call_id) = error.call_id() {
        details.insert("callId".to_owned(), call_id.as_str().into());
    }
    if !error.problems().is_empty() {
        let problems = error.problems().iter();
        let problems = problems.map(|problem| json!({"path": problem.path, "message": problem.message}));
        details.insert("errors".to_owned(), problems.collect());
    }
    if let Some(facts) = error.tool_error() {
        details.insert("toolError".to_owned(), json!(facts));
    }
    Value::Object(details)
}

fn code(kind: ErrorKind) -> ErrorCode {
    match kind {
        ErrorKind::Unauthenticated => ErrorCode::Unauthorized,
        ErrorKind::Forbidden => ErrorCode::Forbidden,
        ErrorKind::InvalidRequest | ErrorKind::InvalidArguments | ErrorKind::AmbiguousTool => ErrorCode::InvalidRequest,
        ErrorKind::UnknownTool | ErrorKind::NotFound => ErrorCode::NotFound,
        ErrorKind::AlreadyExists => ErrorCode::AlreadyExists,
        ErrorKind::WorkerOffline | ErrorKind::Overloaded | ErrorKind::Storage => ErrorCode::Unavailable,
        ErrorKind::WorkerBusy | ErrorKind::RateLimited | ErrorKind::Busy => ErrorCode::ResourceExhausted,
        ErrorKind::ToolDisabled
        | ErrorKind::Cancelled
        | ErrorKind::AnswerNotKept
        | ErrorKind::InUse
        | ErrorKind::LimitReached
        | ErrorKind::NameTaken
        | ErrorKind::NotReplayable
        | ErrorKind::NotConfigured => ErrorCode::FailedPrecondition,
        ErrorKind::Timeout | ErrorKind::AgentTimeout => ErrorCode::AgentTimeout,
        ErrorKind::ToolFailed | ErrorKind::AgentFailed | ErrorKind::Interrupted | ErrorKind::Listen => {
            ErrorCode::Internal
        }
    }
}

#[cfg(test)]
mod tests {
    use platools::wire::ErrorDetails;

    use super::*;

    #[test]
    fn a_limit_says_when_to_try_again() {
        let told = RpcError::from(Error::new(ErrorKind::RateLimited, "too much").retry_after(Duration::from_secs(2)));
        assert_eq!((told.code, told.retryable, told.retry_after_ms), (ErrorCode::ResourceExhausted, true, Some(2001)));
    }

    #[test]
    fn a_tool_that_failed_says_so_and_is_not_tried_again() {
        let told = RpcError::from(Error::new(ErrorKind::ToolFailed, "no such order").about_call(&"call_1".into()));
        assert_eq!((told.code, &*told.message, told.retryable), (ErrorCode::Internal, "no such order", false));
        assert_eq!(told.details.as_deref(), Some(&json!({"code": "tool_failed", "callId": "call_1"})));
        let facts = ErrorDetails::new("locked", true, Some(&json!({"by": "ada"})));
        let told = RpcError::from(Error::new(ErrorKind::ToolFailed, "locked").with_tool_error(Some(Box::new(facts))));
        assert!(!told.retryable, "the tool's hint is no leave to run it again");
        let details = told.details.expect("there are details");
        assert_eq!(details["toolError"], json!({"code": "locked", "retryable": true, "details": {"by": "ada"}}));
    }
}
