//! `outcome`: turns the answer of a worker into the result or the error of its call.

use platools::tool::without_stack;
use serde_json::value::RawValue;

use crate::domain::error::{Error, ErrorKind};
use crate::pending_calls::WorkerAnswer;

/// The result of a call and the worker's time for it in milliseconds, or the failure of the tool. `has_exposed_errors`: the tool shows
/// callers the causes of its failures.
pub(super) fn outcome(answer: WorkerAnswer, has_exposed_errors: bool) -> Result<(Box<RawValue>, u64), Error> {
    match answer {
        WorkerAnswer::Returned { result, latency_ms } => Ok((result, latency_ms)),
        WorkerAnswer::Failed { message, details, traceback } => {
            let error = Error::new(ErrorKind::ToolFailed, exposed(message, traceback.as_deref(), has_exposed_errors));
            Err(error.with_tool_error(details).with_traceback(traceback))
        }
    }
}

/// The message of a failure for its caller, with the causes behind it if the tool exposes them.
fn exposed(message: String, traceback: Option<&str>, has_exposed_errors: bool) -> String {
    let causes = traceback.filter(|_| has_exposed_errors).and_then(without_stack);
    causes.map(|causes| format!("{message}\n{causes}")).unwrap_or(message)
}
