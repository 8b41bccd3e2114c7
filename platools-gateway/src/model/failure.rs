//! [`ModelFailure`]: the reason why a model did not answer, and the error that the user gets for it.

use std::fmt;
use std::time::Duration;

use hyper::StatusCode;
use serde_json::Value;

use super::refused_part::RefusedPart;
use crate::domain::error::{Error, ErrorKind, causes_of};

/// The wait after a refusal for too many requests without a `Retry-After`.
const USUAL_WAIT: Duration = Duration::from_secs(5);

/// Codes of errors that are logged and shown. An unknown code is not: it may be any text, such as the key.
const KNOWN_CODES: [&str; 29] = [
    "context_length_exceeded",
    EXCEED_CONTEXT_SIZE,
    TOO_MANY_TOOLS,
    "string_above_max_length",
    "invalid_function_parameters",
    "invalid_json_schema",
    "invalid_value",
    "invalid_type",
    "array_below_min_length",
    "missing_required_parameter",
    "unknown_parameter",
    "unsupported_value",
    "content_filter",
    "content_policy_violation",
    "billing_error",
    "not_found_error",
    "request_too_large",
    "api_error",
    "insufficient_quota",
    "invalid_api_key",
    "authentication_error",
    "permission_error",
    "invalid_request_error",
    "model_not_found",
    "unsupported_parameter",
    "rate_limit_exceeded",
    "rate_limit_error",
    "overloaded_error",
    "server_error",
];

/// The code of llama.cpp for a conversation that is too long.
const EXCEED_CONTEXT_SIZE: &str = "exceed_context_size_error";

/// The code of endpoints that take a bounded number of tools. The tools are the only list of a request that can be too long.
const TOO_MANY_TOOLS: &str = "array_above_max_length";

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The reason why a model did not answer. It has none of the endpoint's own text, which may repeat the key or a user's message.
#[derive(Debug)]
pub(super) enum ModelFailure {
    /// It cannot be reached, or disconnected before the first byte of its answer.
    Unreachable(Option<Cause>),
    /// It answered with an error status.
    Refused { status: StatusCode, code: Option<&'static str>, retry_after: Option<Duration>, part: RefusedPart },
    /// Its answer broke off.
    Cut(Option<Cause>),
    /// Its answer is not a chat completion.
    Unreadable(&'static str),
    /// Its answer has an error in the middle, with its known code.
    Failed(Option<&'static str>),
    /// Its answer was withheld by a filter.
    Withheld,
}

impl ModelFailure {
    /// The failure in the middle of an answer. Some endpoints write it as an HTTP status.
    pub(super) fn in_answer(error: &Value) -> Self {
        let code = known_code(error);
        let status = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        match status.filter(|status| status.is_client_error() || status.is_server_error()) {
            Some(status) => Self::Refused { status, code, retry_after: None, part: RefusedPart::Unknown },
            None => Self::Failed(code),
        }
    }

    /// The kind of error for the user. It decides whether trying again may help, and [`Display`](fmt::Display) says so exactly then.
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreachable(_) | Self::Cut(_) => ErrorKind::ModelUnavailable,
            Self::Refused { status, code, .. } => kind_of_status(*status, *code),
            Self::Failed(code) => kind_of_code(*code),
            Self::Unreadable(_) | Self::Withheld => ErrorKind::AgentFailed,
        }
    }

    /// The part of the request that was refused, if the request may succeed without it.
    pub(super) fn refused_part(&self) -> Option<&RefusedPart> {
        match self {
            Self::Refused { status: StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY, part, .. } => {
                Some(part)
            }
            _ => None,
        }
    }

    /// The error for the user, with the number of tools that the model was shown. The operator finds the rest in the log.
    pub(super) fn into_error(self, tools: usize) -> Error {
        let shown = match self.code() {
            Some(TOO_MANY_TOOLS) => format!(" (it was shown {tools})"),
            _ => String::new(),
        };
        let error = Error::new(self.kind(), format!("{self}{shown}"));
        let error = self.wait().into_iter().fold(error, Error::retry_after);
        let status = self.status().map(|status| status.as_u16());
        let error = self.into_cause().into_iter().fold(error, Error::caused_by);
        // The causes are about connections, and contain nothing of what was sent.
        let causes = Some(causes_of(&error)).filter(|causes| !causes.is_empty());
        tracing::warn!(http.status = status, causes, "no answer of the model: {error}");
        error
    }

    /// Time after which the user may try again.
    fn wait(&self) -> Option<Duration> {
        let told = match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        };
        told.or_else(|| (self.kind() == ErrorKind::ModelOverloaded).then_some(USUAL_WAIT))
    }

    fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    fn into_cause(self) -> Option<Cause> {
        match self {
            Self::Unreachable(cause) | Self::Cut(cause) => cause,
            Self::Refused { .. } | Self::Unreadable(_) | Self::Failed(_) | Self::Withheld => None,
        }
    }

    /// Advice for the operator.
    fn advice(&self) -> &'static str {
        match (self.kind(), self.code()) {
            (kind, _) if kind.is_retryable() => "; try again later",
            (ErrorKind::ContextLengthExceeded, _) => "; begin a new conversation, or send less",
            (_, Some("insufficient_quota")) => "; its account has no quota left: see its plan and billing",
            (_, Some(TOO_MANY_TOOLS)) => {
                "; the agent has more tools than the model takes: lower `model.max_tools`, or name fewer in its profile, with \
                 `agent change AGENT --tool NAME`"
            }
            (_, Some("string_above_max_length")) => "; a message or a text of a tool is longer than the model takes",
            (_, Some("invalid_function_parameters" | "invalid_json_schema")) => {
                "; the schema of a tool is one that the model does not take: find the tool by naming some in the agent's profile, with \
                 `agent change AGENT --tool NAME`"
            }
            _ if matches!(self.status(), Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)) => {
                "; PLATOOLS_GATEWAY_MODEL_KEY has the key"
            }
            _ => "",
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Refused { code, .. } | Self::Failed(code) => *code,
            Self::Unreachable(_) | Self::Cut(_) | Self::Unreadable(_) | Self::Withheld => None,
        }
    }
}

impl fmt::Display for ModelFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(_) => f.write_str("the model cannot be reached"),
            Self::Refused { status, code, .. } => {
                let problem = problem_of(*status, self.kind());
                write!(f, "{problem} (status {}", status.as_u16())?;
                code.map_or(Ok(()), |code| write!(f, ", {code}"))?;
                f.write_str(")")
            }
            Self::Cut(_) => f.write_str("the model's answer broke off"),
            Self::Unreadable(problem) => write!(f, "the model's endpoint does not speak as it should: {problem}"),
            Self::Failed(code) => {
                f.write_str("the model's endpoint failed in the middle of its answer")?;
                code.map_or(Ok(()), |code| write!(f, " ({code})"))
            }
            Self::Withheld => f.write_str("the model's endpoint withheld the answer because of its content"),
        }?;
        f.write_str(self.advice())
    }
}

/// The known code of an endpoint's error.
pub(super) fn known_code(error: &Value) -> Option<&'static str> {
    let known = |said: &Value| KNOWN_CODES.into_iter().find(|known| said == *known);
    ["code", "type"].iter().find_map(|name| known(error.get(name)?))
}

fn kind_of_status(status: StatusCode, code: Option<&str>) -> ErrorKind {
    match (status, kind_of_code(code)) {
        // Known words that say more than the status, whichever it is: a quota that is used up is no rush of requests.
        (_, ErrorKind::ContextLengthExceeded) | (StatusCode::PAYLOAD_TOO_LARGE, _) => ErrorKind::ContextLengthExceeded,
        (StatusCode::TOO_MANY_REQUESTS, _) if code == Some("insufficient_quota") => ErrorKind::AgentFailed,
        (StatusCode::TOO_MANY_REQUESTS, _) => ErrorKind::ModelOverloaded,
        // Endpoints lock for a moment, or were not told all in time.
        (StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::TOO_EARLY, _) => ErrorKind::ModelUnavailable,
        (status, _) if status.is_server_error() => ErrorKind::ModelUnavailable,
        _ => ErrorKind::AgentFailed,
    }
}

fn kind_of_code(code: Option<&str>) -> ErrorKind {
    match code {
        Some("context_length_exceeded" | EXCEED_CONTEXT_SIZE) => ErrorKind::ContextLengthExceeded,
        Some("rate_limit_exceeded" | "rate_limit_error") => ErrorKind::ModelOverloaded,
        Some("overloaded_error" | "server_error") | None => ErrorKind::ModelUnavailable,
        Some(_) => ErrorKind::AgentFailed,
    }
}

fn problem_of(status: StatusCode, kind: ErrorKind) -> &'static str {
    match (kind, status) {
        (ErrorKind::ContextLengthExceeded, _) => "the conversation is longer than the model reads",
        (_, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => "the model's endpoint does not let the gateway in",
        (_, StatusCode::NOT_FOUND) => "the model's endpoint has no such model, or nothing at this URL",
        (ErrorKind::ModelOverloaded, _) => "the model's endpoint takes no more requests now",
        (ErrorKind::ModelUnavailable, _) => "the model's endpoint failed",
        (_, status) if status.is_redirection() => "the model's endpoint is at another URL",
        _ => "the model's endpoint refused the request",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    use ErrorKind::{AgentFailed, ContextLengthExceeded, ModelOverloaded, ModelUnavailable};

    fn refused(status: u16, code: Option<&'static str>, retry_after: Option<u64>) -> ModelFailure {
        let status = StatusCode::from_u16(status).unwrap();
        ModelFailure::Refused {
            status,
            code,
            retry_after: retry_after.map(Duration::from_secs),
            part: RefusedPart::Unknown,
        }
    }

    #[test]
    fn every_failure_of_a_model_says_try_again_exactly_if_that_may_help() {
        for (failure, kind) in [
            (ModelFailure::Unreachable(None), ModelUnavailable),
            (ModelFailure::Cut(None), ModelUnavailable),
            (ModelFailure::Failed(None), ModelUnavailable),
            (ModelFailure::Failed(Some("overloaded_error")), ModelUnavailable),
            (ModelFailure::Failed(Some("rate_limit_exceeded")), ModelOverloaded),
            (ModelFailure::Failed(Some("context_length_exceeded")), ContextLengthExceeded),
            (ModelFailure::Failed(Some("insufficient_quota")), AgentFailed),
            (ModelFailure::Unreadable("it has no end"), AgentFailed),
            (ModelFailure::Withheld, AgentFailed),
            (refused(307, None, None), AgentFailed),
            (refused(400, None, Some(1)), AgentFailed),
            (refused(400, Some("context_length_exceeded"), None), ContextLengthExceeded),
            (refused(400, Some("exceed_context_size_error"), None), ContextLengthExceeded),
            (refused(401, Some("invalid_api_key"), None), AgentFailed),
            (refused(403, None, None), AgentFailed),
            (refused(404, Some("model_not_found"), None), AgentFailed),
            (refused(408, None, None), ModelUnavailable),
            (refused(409, None, None), ModelUnavailable),
            (refused(413, None, None), ContextLengthExceeded),
            (refused(422, None, None), AgentFailed),
            (refused(425, None, None), ModelUnavailable),
            (refused(429, None, None), ModelOverloaded),
            (refused(429, Some("rate_limit_exceeded"), Some(7)), ModelOverloaded),
            (refused(429, Some("insufficient_quota"), Some(7)), AgentFailed),
            (refused(500, Some("invalid_request_error"), None), ModelUnavailable),
            (refused(502, None, None), ModelUnavailable),
            (refused(503, None, Some(2)), ModelUnavailable),
            (refused(504, None, None), ModelUnavailable),
            (refused(529, Some("overloaded_error"), None), ModelUnavailable),
        ] {
            let words = failure.to_string();
            let error = failure.into_error(3);
            assert_eq!((error.kind(), error.to_string()), (kind, words.clone()), "{words}");
            assert_eq!(words.contains("try again"), kind.is_retryable(), "{words}");
        }
    }

    #[test]
    fn a_rush_of_requests_says_when_to_try_again_and_a_refusal_does_not() {
        let wait = |failure: ModelFailure| failure.into_error(3).wait();
        assert_eq!(wait(refused(429, None, Some(7))), Some(Duration::from_secs(7)));
        assert_eq!(wait(refused(429, None, None)), Some(USUAL_WAIT));
        assert_eq!(wait(refused(503, None, Some(2))), Some(Duration::from_secs(2)));
        assert_eq!(wait(refused(503, None, None)), None);
        assert_eq!(wait(refused(400, None, Some(1))), None);
        assert_eq!(wait(refused(429, Some("insufficient_quota"), Some(7))), None);
    }

    #[test]
    fn a_user_learns_what_to_do() {
        for (failure, message) in [
            (
                refused(401, None, None),
                "the model's endpoint does not let the gateway in (status 401); PLATOOLS_GATEWAY_MODEL_KEY has the key",
            ),
            (
                refused(404, Some("model_not_found"), None),
                "the model's endpoint has no such model, or nothing at this URL (status 404, model_not_found)",
            ),
            (refused(429, None, None), "the model's endpoint takes no more requests now (status 429); try again later"),
            (
                refused(429, Some("insufficient_quota"), None),
                "the model's endpoint refused the request (status 429, insufficient_quota); its account has no quota left: \
                 see its plan and billing",
            ),
            (refused(503, None, None), "the model's endpoint failed (status 503); try again later"),
            (
                refused(
                    400,
                    known_code(&json!({"code": "array_above_max_length", "type": "invalid_request_error"})),
                    None,
                ),
                "the model's endpoint refused the request (status 400, array_above_max_length); the agent has more tools than the \
                 model takes: lower `model.max_tools`, or name fewer in its profile, with `agent change AGENT --tool NAME`",
            ),
            (
                refused(400, Some("context_length_exceeded"), None),
                "the conversation is longer than the model reads (status 400, context_length_exceeded); begin a new \
                 conversation, or send less",
            ),
            (refused(400, None, None), "the model's endpoint refused the request (status 400)"),
            (ModelFailure::Cut(None), "the model's answer broke off; try again later"),
            (
                ModelFailure::Failed(Some("server_error")),
                "the model's endpoint failed in the middle of its answer (server_error); try again later",
            ),
        ] {
            assert_eq!(failure.to_string(), message);
        }
    }

    #[test]
    fn an_error_in_the_middle_of_an_answer_is_a_word_or_a_status() {
        for (error, kind) in [
            (r#"{"code": 429, "message": "sk-1"}"#, ModelOverloaded),
            (r#"{"code": 502}"#, ModelUnavailable),
            (r#"{"code": 400, "type": "context_length_exceeded"}"#, ContextLengthExceeded),
            (r#"{"code": 400}"#, AgentFailed),
            (r#"{"code": 200}"#, ModelUnavailable),
            (r#"{"code": 70000, "type": "rate_limit_error"}"#, ModelOverloaded),
            (r#""overloaded""#, ModelUnavailable),
        ] {
            assert_eq!(ModelFailure::in_answer(&serde_json::from_str(error).unwrap()).kind(), kind, "{error}");
        }
    }

    #[test]
    fn only_known_codes_are_repeated() {
        for (error, code) in [
            (r#"{"message": "sk-1", "code": "model_not_found"}"#, Some("model_not_found")),
            (r#"{"code": null, "type": "invalid_request_error"}"#, Some("invalid_request_error")),
            (r#"{"code": "sk-1", "type": "rate_limit_exceeded"}"#, Some("rate_limit_exceeded")),
            (r#"{"code": "sk-1", "type": 400}"#, None),
            (r#""sk-1""#, None),
            ("null", None),
        ] {
            assert_eq!(known_code(&serde_json::from_str(error).unwrap()), code, "{error}");
        }
    }
}
