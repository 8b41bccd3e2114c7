//! [`run`]: runs one call of an MCP client, from the request to the result. `call_result.rs` makes the result.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;

use rmcp::model::{CallToolResult, JsonObject};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::call_result;
use super::call_tracker::CallTracker;
use super::registry_host::RegistryHost;
use crate::dispatch::{Failure, LocalCall};
use crate::mcp::{Notifier, ReturnedJson, ToolReport, ToolReports};
use crate::tool::{
    CONTEXT_ENVELOPE, Context, Output, PLATFORM_ENVELOPE, Params, ReportQueue, ToolDefinition, UnsentReports,
    WantedReports,
};
use platools_protocol::LogLevel;

/// The params of a call: a client's arguments, and whose call it is. A client is no platform, and its model must not be able to say who
/// it is, so the platform's envelopes are taken out.
pub(super) fn params(arguments: Option<JsonObject>, user: Option<&str>) -> Params {
    let mut arguments = arguments.unwrap_or_default();
    for envelope in [PLATFORM_ENVELOPE, CONTEXT_ENVELOPE] {
        arguments.shift_remove(envelope);
    }
    if let Some(user) = user {
        arguments.insert(PLATFORM_ENVELOPE.to_owned(), json!({ "userId": user }));
    }
    Params::from(Value::Object(arguments).to_string())
}

/// Runs a call to its end, or until its client cancels it. `None` if there is no such tool.
pub(super) async fn run(
    host: &RegistryHost,
    tool: &Arc<ToolDefinition>,
    params: Params,
    notifier: Notifier<'_>,
    cancelled: &CancellationToken,
) -> Option<CallToolResult> {
    let RegistryHost { tools, calls, max_result_bytes, .. } = host;
    let _counted = match calls.begin() {
        Ok(counted) => counted,
        Err(refusal) => return Some(call_result::refused(refusal)),
    };
    let (report_queue, reporting_calls) = ReportQueue::new();
    report_queue.want(WantedReports { progress: notifier.wants_progress(), log: true });
    let (context, call) = tools.registry().start_call(&tool.name, params, Some(report_queue), *max_result_bytes)?;
    let notifier = notifier.given_up_at(calls.given_up_token());
    let reports = ContextReports { context: context.clone(), reporting_calls };
    let end = notifier.run(ended(call, &context, calls, cancelled), reports).await;
    let (level, facts) = log_entry(&tool.name, context.call_id(), end.as_ref());
    notifier.ended(level, facts).await;
    let rule = tools.rule(tool);
    let returned = ReturnedJson { tool: &tool.name, rule: &rule, revision: notifier.revision() };
    Some(end.map_or_else(call_result::given_up, |end| call_result::ended(returned, end)))
}

/// Waits until the call ends; `None` if it was given up and did not end soon after.
async fn ended(
    call: LocalCall,
    context: &Context,
    calls: &CallTracker,
    cancelled: &CancellationToken,
) -> Option<Result<Output, Failure>> {
    let mut call = pin!(call);
    tokio::select! {
        ended = &mut call => return Some(ended),
        () = cancelled.cancelled() => {}
        () = calls.given_up() => {}
    }
    context.call_state().cancel();
    tokio::select! {
        ended = call => Some(ended),
        () = calls.grace() => None,
    }
}

/// The entry for the client's log of a call that ended, without its result; `None` is one that did not end in time.
fn log_entry(tool: &str, call_id: &str, end: Option<&Result<Output, Failure>>) -> (LogLevel, Value) {
    let code = match end {
        Some(Ok(_)) => return (LogLevel::Debug, json!({ "tool": tool, "callId": call_id })),
        Some(Err(failure)) => failure.error.code(),
        None => "given_up",
    };
    (LogLevel::Warning, json!({ "tool": tool, "callId": call_id, "code": code }))
}

/// Reports of a call, out of its context.
struct ContextReports {
    context: Context,
    reporting_calls: mpsc::UnboundedReceiver<Context>,
}

impl ToolReports for ContextReports {
    async fn next(&mut self) -> Vec<ToolReport> {
        while self.reporting_calls.recv().await.is_some() {
            if let Some(unsent) = self.context.take_reports() {
                return reports(unsent);
            }
        }
        pending().await
    }

    fn rest(&mut self) -> Vec<ToolReport> {
        self.context.take_last_reports().map_or_else(Vec::new, |unsent| reports(*unsent))
    }
}

fn reports(unsent: UnsentReports) -> Vec<ToolReport> {
    let (progress, log) = unsent.into_parts();
    let progress = progress.map(|report| {
        let (done, total, message) = (report.done, report.total, report.message);
        ToolReport::Progress { done, total, message }
    });
    let log = log.map(|entry| ToolReport::Log { level: entry.level, message: entry.message });
    progress.into_iter().chain(log).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::ToolError;

    #[test]
    fn a_failure_is_a_warning_without_its_message() {
        let failure = Failure::hidden(ToolError::new("hunter2").with_code("locked"));
        let (level, facts) = log_entry("t", "local-1", Some(&Err(failure)));
        assert_eq!((level, facts), (LogLevel::Warning, json!({ "tool": "t", "callId": "local-1", "code": "locked" })));
        let (level, facts) = log_entry("t", "local-2", Some(&Ok(Output::new(8))));
        assert_eq!((level, facts), (LogLevel::Debug, json!({ "tool": "t", "callId": "local-2" })));
    }

    fn arguments() -> Option<JsonObject> {
        let arguments = json!({ "x": 1, "__platos": { "userId": "mallory" }, "_context": { "team": 7 }, "_other": 2 });
        arguments.as_object().cloned()
    }

    #[test]
    fn a_client_cannot_say_who_it_is() {
        assert_eq!(params(arguments(), None).as_str(), r#"{"x":1,"_other":2}"#);
        assert_eq!(params(None, None).as_str(), "{}");
        let params = params(arguments(), Some("u-1"));
        let context = Context::new("c".into(), params);
        assert_eq!((context.user_id(), context.raw()), (Some("u-1"), &Value::Null));
    }
}
