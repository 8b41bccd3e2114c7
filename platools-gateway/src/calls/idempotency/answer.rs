//! `KeyedAnswer`: the outcome of a call under an idempotency key, with its stored form.

use std::fmt;
use std::time::Duration;

use platools_protocol::ErrorDetails;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::calls::request::CallReply;
use crate::domain::error::{ArgumentProblem, Error, ErrorKind};
use crate::domain::ids::CallId;

/// The end of a call.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeyedAnswer {
    call_id: Option<String>,
    end: AnswerEnd,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AnswerEnd {
    Returned {
        result: Box<RawValue>,
        latency_ms: u64,
    },
    Failed {
        kind: ErrorKind,
        message: String,
        problems: Vec<ArgumentProblem>,
        /// The facts that the tool gave. Answers of earlier versions have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tool_error: Option<Box<ErrorDetails>>,
        /// For callers that wait for the answer now; later it says nothing any more.
        #[serde(skip)]
        wait: Option<Duration>,
    },
}

/// The sort of end only: results and messages are not for a log.
impl fmt::Debug for AnswerEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Returned { .. } => "Returned",
            Self::Failed { .. } => "Failed",
        })
    }
}

impl From<Result<CallReply, Error>> for KeyedAnswer {
    fn from(ended: Result<CallReply, Error>) -> Self {
        match ended {
            Ok(CallReply { call_id, result, latency_ms }) => {
                Self { call_id: Some(call_id.to_string()), end: AnswerEnd::Returned { result, latency_ms } }
            }
            Err(error) => {
                let end = AnswerEnd::Failed {
                    kind: error.kind(),
                    message: error.to_string(),
                    problems: error.problems().to_vec(),
                    tool_error: error.tool_error().cloned().map(Box::new),
                    wait: error.wait(),
                };
                Self { call_id: error.call_id().map(ToString::to_string), end }
            }
        }
    }
}

impl KeyedAnswer {
    /// Reads a stored answer.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("strings, numbers and raw JSON always serialize")
    }

    /// The wait before the same call may succeed.
    pub(super) fn wait(&self) -> Option<Duration> {
        match &self.end {
            AnswerEnd::Failed { wait, .. } => *wait,
            AnswerEnd::Returned { .. } => None,
        }
    }

    /// The answer with a wait, which its text does not have.
    pub(super) fn with_wait(mut self, retry_after: Option<Duration>) -> Self {
        if let AnswerEnd::Failed { wait, .. } = &mut self.end {
            *wait = retry_after;
        }
        self
    }

    /// The answer as a caller gets it.
    pub(super) fn reply(&self) -> Result<CallReply, Error> {
        match &self.end {
            AnswerEnd::Returned { result, latency_ms } => Ok(CallReply {
                call_id: self.call_id.as_deref().unwrap_or_default().into(),
                result: result.clone(),
                latency_ms: *latency_ms,
            }),
            AnswerEnd::Failed { kind, message, problems, tool_error, wait } => {
                let error =
                    Error::new(*kind, message).with_problems(problems.clone()).with_tool_error(tool_error.clone());
                let error = match wait {
                    Some(wait) => error.retry_after(*wait),
                    None => error,
                };
                Err(match &self.call_id {
                    Some(call_id) => error.about_call(&CallId::from(&**call_id)),
                    None => error,
                })
            }
        }
    }
}

/// The call was interrupted: no end of it is known.
pub(super) fn unknown_end() -> Error {
    Error::new(ErrorKind::Interrupted, "the gateway ended during this call; whether the tool ran is not known")
}

/// This gateway stopped while it waited for the answer of another one.
pub(super) fn stopped() -> Error {
    let message = "the gateway stopped while another one made this call; send it again under the same idempotency key to get its answer";
    Error::new(ErrorKind::Interrupted, message)
}

/// The call ran, and its answer made room for newer ones.
pub(super) fn dropped() -> Error {
    let message = "the call ran already under this idempotency key, and its answer is no longer kept; use a new key to run it again";
    Error::new(ErrorKind::AnswerNotKept, message)
}

/// The call ran, and its answer was too large to be kept.
pub(super) fn too_large() -> Error {
    let message = "the call ran already under this idempotency key, and its answer was too large to be kept; use a new key to run it \
                   again";
    Error::new(ErrorKind::AnswerNotKept, message)
}

/// The key was used for another request.
pub(super) fn key_reused() -> Error {
    let message = "the idempotency key was used for another call, or by a caller with other roles; use a new one";
    Error::new(ErrorKind::KeyReused, message)
}
