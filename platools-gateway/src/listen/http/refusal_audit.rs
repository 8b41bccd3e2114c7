//! [`record`]: records every response with the status 403 in the audit.
//!
//! A handler can add the reason with [`refused`], or say with [`not_a_refusal`] that its 403 is not about permissions. The code that checks
//! credentials records missing and wrong ones (401 and 429).

use axum::http::StatusCode;
use axum::response::Response;

use super::access_log::AccessLine;
use super::request_id::RequestContext;
use crate::audit::{Audit, action};
use crate::domain::origin::Protocol;

/// The audit's note of a response, among its extensions.
#[derive(Debug, Clone)]
enum Note {
    Refusal { action: &'static str, reason: String },
    NoRefusal,
}

/// Says why a response refuses a request. The action is one of [`action`]: `CALLER_AUTHORIZE` where a caller may not do
/// something, `REQUEST_ADMIT` where nobody was asked yet who sends the request. The response is recorded whatever its status is.
pub(in crate::listen) fn refused(mut response: Response, action: &'static str, reason: impl Into<String>) -> Response {
    response.extensions_mut().insert(Note::Refusal { action, reason: reason.into() });
    response
}

/// Marks a response whose 403 is not about permissions.
pub(in crate::listen) fn not_a_refusal(mut response: Response) -> Response {
    response.extensions_mut().insert(Note::NoRefusal);
    response
}

/// Records a response that refuses.
pub(super) fn record(audit: &Audit, line: &AccessLine, context: &RequestContext, response: &Response) {
    let (action, reason) = match response.extensions().get::<Note>() {
        Some(Note::Refusal { action, reason }) => (*action, reason.as_str()),
        None if response.status() == StatusCode::FORBIDDEN => match context.caller() {
            Some(_) => (action::CALLER_AUTHORIZE, "forbidden"),
            None => (action::REQUEST_ADMIT, "forbidden"),
        },
        Some(Note::NoRefusal) | None => return,
    };
    match context.caller() {
        Some(caller) => audit.refused(action, caller, &line.subject(), reason),
        None => audit.refused_stranger(action, &context.origin(Protocol::Http), Some(&line.subject()), reason),
    }
}
