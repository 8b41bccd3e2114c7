//! Why a model did not answer.

use std::fmt;
use std::time::Duration;

use hyper::StatusCode;

use crate::core::error::{Error, ErrorKind, causes_of};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a model did not answer. What the endpoint said of it is left out: it may repeat the key, or what a user said.
#[derive(Debug)]
pub(super) enum Failure {
    /// It cannot be reached, or went away before it said anything.
    Unreachable(Option<Cause>),
    /// It answered something else than an answer.
    Refused { status: StatusCode, code: Option<&'static str>, retry_after: Option<Duration> },
    /// Its answer broke off.
    Cut(Option<Cause>),
    /// Its answer is none.
    Unreadable(&'static str),
    /// It said in its answer that it failed.
    Failed,
    /// It must not say what it would.
    Withheld,
}

impl Failure {
    /// What the user is told. The operator finds the rest in the log.
    pub(super) fn into_error(self) -> Error {
        let message = self.to_string();
        let (status, wait) = match &self {
            Self::Refused { status, retry_after, .. } => (Some(status.as_u16()), *retry_after),
            _ => (None, None),
        };
        let error = Error::new(ErrorKind::AgentFailed, message);
        let error = wait.into_iter().fold(error, Error::retry_after);
        let error = self.into_cause().into_iter().fold(error, Error::caused_by);
        // They are of connections, and know nothing of what is sent over them.
        let causes = Some(causes_of(&error)).filter(|causes| !causes.is_empty());
        tracing::warn!(http.status = status, causes, "no answer of the model: {error}");
        error
    }

    fn into_cause(self) -> Option<Cause> {
        match self {
            Self::Unreachable(cause) | Self::Cut(cause) => cause,
            Self::Refused { .. } | Self::Unreadable(_) | Self::Failed | Self::Withheld => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(_) => f.write_str("the model cannot be reached; try again later"),
            Self::Refused { status, code, .. } => {
                let (what, advice) = told_of(*status);
                write!(f, "the model's endpoint {what} (status {}", status.as_u16())?;
                if let Some(code) = code {
                    write!(f, ", {code}")?;
                }
                write!(f, "){advice}")
            }
            Self::Cut(_) => f.write_str("the model's answer broke off; try again"),
            Self::Unreadable(what) => write!(f, "the model's endpoint does not speak as it should: {what}"),
            Self::Failed => f.write_str("the model's endpoint failed in the middle of its answer; try again later"),
            Self::Withheld => f.write_str("the model's endpoint withheld the answer because of its content"),
        }
    }
}

fn told_of(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            ("does not let the gateway in", "; PLATOOLS_GATEWAY_MODEL_KEY has the key")
        }
        StatusCode::NOT_FOUND => ("has no such model, or nothing at this URL", ""),
        StatusCode::TOO_MANY_REQUESTS => ("takes no more requests now", "; try again later"),
        status if status.is_server_error() => ("failed", "; try again later"),
        _ => ("refused the request", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_learns_what_to_do() {
        for (status, code, message) in [
            (
                401,
                None,
                "the model's endpoint does not let the gateway in (status 401); PLATOOLS_GATEWAY_MODEL_KEY has the key",
            ),
            (
                404,
                Some("model_not_found"),
                "the model's endpoint has no such model, or nothing at this URL (status 404, model_not_found)",
            ),
            (429, None, "the model's endpoint takes no more requests now (status 429); try again later"),
            (503, None, "the model's endpoint failed (status 503); try again later"),
            (400, None, "the model's endpoint refused the request (status 400)"),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let error = Failure::Refused { status, code, retry_after: None }.into_error();
            assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::AgentFailed, message));
        }
    }
}
