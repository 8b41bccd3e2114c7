//! One call of a tool, with what its client is told meanwhile.

use std::pin::pin;

use rmcp::RoleServer;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ContentBlock, ErrorData, MetaObject, ProgressNotificationParam,
    ProgressToken,
};
use rmcp::service::RequestContext;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::asked::{Asked, AskedCall};
use super::failure::{failure, is_of_protocol};
use super::log;
use super::session::Session;
use super::sessions::Sessions;
use super::tools::is_structured;
use crate::core::arguments::Arguments;
use crate::core::error::Error;
use crate::core::{CallReply, CallRequest, Progress};

/// Calls a tool. Cancelling the request, or ending its session, cancels the call at its worker.
pub(super) async fn run(
    sessions: &Sessions,
    session: &Session,
    asked: &Asked,
    request: CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, ErrorData> {
    let Sessions { core, settings, .. } = sessions;
    let tool =
        core.tool_of_handle(&asked.caller, &session.view, &request.name).await.map_err(|error| failure(&error))?;
    let is_structured = is_structured(core, &asked.caller, &tool).await;
    let (progress, reports) = watch::channel(None);
    let AskedCall { permit, arguments } = match asked.take_call() {
        Some(call) => call,
        None => {
            let permit = core.permit_call(&asked.caller).map_err(|error| failure(&error))?;
            AskedCall { permit, arguments: None }
        }
    };
    let arguments = arguments.map_or_else(|| Ok(Arguments::none()), |arguments| Arguments::new(&arguments));
    let end = match arguments {
        Ok(arguments) => {
            let (trace, progress) = (asked.trace.clone(), Some(progress));
            let (timeout, patience) = (settings.call_limit, Some(settings.worker_return));
            let request = CallRequest { tool, arguments, timeout, patience, trace, progress };
            told(core.call_permitted(&asked.caller, permit, request), reports, context).await?
        }
        Err(error) => Err(error),
    };
    log::tell(session, context, &request.name, &end).await;
    match end {
        Ok(reply) => Ok(returned(&reply, is_structured)),
        Err(error) if is_of_protocol(error.kind()) => Err(failure(&error)),
        Err(error) => Ok(failed(&error)),
    }
}

/// Runs a call, and tells its client how far it is if it wants to know.
async fn told(
    call: impl Future<Output = Result<CallReply, Error>>,
    mut reports: watch::Receiver<Option<Progress>>,
    context: &RequestContext<RoleServer>,
) -> Result<Result<CallReply, Error>, ErrorData> {
    let token = context.meta.get_progress_token();
    let mut call = pin!(call);
    loop {
        // Every arm is cancel-safe: the call is kept, and the channel loses nothing but older reports.
        tokio::select! {
            biased;
            // Nobody reads this answer.
            () = context.ct.cancelled() => return Err(ErrorData::internal_error("the request was cancelled", None)),
            Ok(()) = reports.changed(), if token.is_some() => {
                let report = reports.borrow_and_update().clone();
                if let (Some(token), Some(report)) = (&token, report) {
                    // A client that does not read holds up nothing but what it is told.
                    tokio::select! {
                        () = context.ct.cancelled() => {}
                        _ = context.peer.notify_progress(param(token, report)) => {}
                    }
                }
            }
            end = &mut call => return Ok(end),
        }
    }
}

fn param(token: &ProgressToken, report: Progress) -> ProgressNotificationParam {
    let mut param = ProgressNotificationParam::new(token.clone(), report.progress);
    param.total = report.total;
    param.message = report.message;
    param
}

/// A result. What a tool says is an object has to be one; another is shown as what went wrong.
fn returned(reply: &CallReply, is_structured: bool) -> CallToolResult {
    let content = vec![ContentBlock::text(text(&reply.result))];
    let mut result = match (is_structured, structure(&reply.result)) {
        (false, _) => CallToolResult::success(content),
        (true, Some(structure)) => {
            let mut result = CallToolResult::success(content);
            result.structured_content = Some(structure);
            result
        }
        (true, None) => {
            let why = "the tool answered, but not with what its output schema says, or with more than is passed on:";
            CallToolResult::error([vec![ContentBlock::text(why)], content].concat())
        }
    };
    result.meta = Some(meta([("platools/callId", json!(reply.call_id.as_str()))]));
    result
}

/// The object that a result is; none if it is none, or the preview of one that is too long.
fn structure(result: &RawValue) -> Option<Value> {
    let structure: Map<String, Value> = serde_json::from_str(result.get()).ok()?;
    let is_preview = ["truncated", "preview", "original_bytes"].iter().all(|name| structure.contains_key(*name));
    (!is_preview).then_some(Value::Object(structure))
}

/// A result as text: JSON, or what a string says.
fn text(result: &RawValue) -> String {
    serde_json::from_str(result.get()).unwrap_or_else(|_| result.get().to_owned())
}

fn failed(error: &Error) -> CallToolResult {
    let mut result = CallToolResult::error(vec![ContentBlock::text(error.in_full())]);
    let about =
        [("platools/code", json!(error.kind().code())), ("platools/retryable", json!(error.kind().is_retryable()))];
    let call_id = error.call_id().map(|id| ("platools/callId", json!(id.as_str())));
    result.meta = Some(meta(about.into_iter().chain(call_id)));
    result
}

fn meta(members: impl IntoIterator<Item = (&'static str, Value)>) -> MetaObject {
    MetaObject(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn a_string_is_shown_as_what_it_says_and_all_else_as_json() {
        assert_eq!(text(&raw(r#""two\nlines""#)), "two\nlines");
        assert_eq!(text(&raw(r#"{"a":1.50}"#)), r#"{"a":1.50}"#);
    }

    #[test]
    fn only_an_object_that_is_whole_is_structured() {
        assert_eq!(structure(&raw(r#"{"a":1}"#)), Some(json!({"a": 1})));
        assert_eq!(structure(&raw("[1]")), None);
        assert_eq!(structure(&raw(r#"{"truncated":true,"preview":"{","original_bytes":300000}"#)), None);
    }
}
