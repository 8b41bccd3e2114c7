//! Functions that write errors of the services as errors of gateway RPC, with one of the protocol's codes.

use std::time::Duration;

use platools_protocol::rpc::{ErrorCode, RpcError};
use serde_json::{Map, Value, json};

use crate::domain::error::{Error, ErrorKind};
use crate::limits::OverBudget;
use crate::listen::http::ErrorView;
use crate::listen::params::InvalidParam;

/// The request makes no sense.
pub(super) fn invalid(message: impl Into<String>) -> RpcError {
    RpcError::new(ErrorCode::InvalidRequest, message)
}

/// The gateway has no room for the bytes of the request.
pub(super) fn busy(over: OverBudget) -> RpcError {
    let told = RpcError::new(ErrorCode::ResourceExhausted, over.to_string()).with_details(json!({"code": "busy"}));
    told.with_retry_after(OverBudget::RETRY_AFTER)
}

impl From<InvalidParam> for RpcError {
    fn from(InvalidParam(why): InvalidParam) -> Self {
        invalid(why)
    }
}

/// The protocol's form of a failed request.
impl From<Error> for RpcError {
    fn from(error: Error) -> Self {
        let view = ErrorView::from(&error);
        let retry_after = view.retry_after_ms().map(Duration::from_millis);
        let told = Self::new(code(error.kind()), view.message).with_details(details(&error));
        match retry_after {
            Some(wait) => told.with_retry_after(wait),
            None => told,
        }
    }
}

/// The details that the ten codes do not have: the name of the error in the REST interface, and its subject.
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
    if error.tool_calls() > 0 {
        details.insert("toolCalls".to_owned(), error.tool_calls().into());
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
        ErrorKind::WorkerOffline | ErrorKind::Overloaded | ErrorKind::Storage | ErrorKind::ModelUnavailable => {
            ErrorCode::Unavailable
        }
        ErrorKind::WorkerBusy | ErrorKind::RateLimited | ErrorKind::Busy | ErrorKind::ModelOverloaded => {
            ErrorCode::ResourceExhausted
        }
        ErrorKind::ToolDisabled
        | ErrorKind::Cancelled
        | ErrorKind::AnswerNotKept
        | ErrorKind::InUse
        | ErrorKind::LimitReached
        | ErrorKind::KeyReused
        | ErrorKind::NotReplayable
        | ErrorKind::ContextLengthExceeded
        | ErrorKind::NotConfigured => ErrorCode::FailedPrecondition,
        ErrorKind::Timeout | ErrorKind::AgentTimeout => ErrorCode::AgentTimeout,
        ErrorKind::ToolFailed
        | ErrorKind::WorkerLost
        | ErrorKind::AgentFailed
        | ErrorKind::Interrupted
        | ErrorKind::Listen => ErrorCode::Internal,
    }
}

#[cfg(test)]
mod tests {
    use platools_protocol::ErrorDetails;

    use super::*;

    #[test]
    fn every_kind_of_error_is_retryable_exactly_if_trying_again_may_help() {
        for kind in ErrorKind::ALL {
            let error = Error::new(kind, "").retry_after(Duration::from_secs(7));
            let told = RpcError::from(error);
            // The protocol has one code for all that took too long, and says of it that it is retryable.
            let is_timeout = matches!(kind, ErrorKind::Timeout | ErrorKind::AgentTimeout);
            assert_eq!(told.code == ErrorCode::AgentTimeout, is_timeout, "{kind:?}");
            assert_eq!(told.retryable, kind.is_retryable() || is_timeout, "{kind:?}");
            assert_eq!(told.retryable, told.code.is_retryable(), "{kind:?}: the code says so, too");
            assert_eq!(told.retry_after_ms, kind.is_retryable().then_some(7000), "{kind:?}");
            assert_eq!(told.details.expect("there are details")["code"], kind.code());
        }
    }

    #[test]
    fn the_codes_of_models_are_those_of_the_protocol() {
        for (kind, code) in [
            (ErrorKind::ModelOverloaded, ErrorCode::ResourceExhausted),
            (ErrorKind::ModelUnavailable, ErrorCode::Unavailable),
            (ErrorKind::AgentTimeout, ErrorCode::AgentTimeout),
            (ErrorKind::ContextLengthExceeded, ErrorCode::FailedPrecondition),
            (ErrorKind::NotConfigured, ErrorCode::FailedPrecondition),
            (ErrorKind::AgentFailed, ErrorCode::Internal),
        ] {
            assert_eq!(RpcError::from(Error::new(kind, "")).code, code, "{kind:?}");
        }
    }

    #[test]
    fn a_run_that_failed_after_calls_says_how_many() {
        let told = RpcError::from(Error::new(ErrorKind::ModelUnavailable, "").after_tool_calls(2));
        assert_eq!(told.details.as_deref(), Some(&json!({"code": "model_unavailable", "toolCalls": 2})));
    }

    #[test]
    fn a_limit_says_when_to_try_again() {
        let told = RpcError::from(Error::new(ErrorKind::RateLimited, "too much").retry_after(Duration::from_secs(2)));
        assert_eq!((told.code, told.retryable, told.retry_after_ms), (ErrorCode::ResourceExhausted, true, Some(2000)));
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
