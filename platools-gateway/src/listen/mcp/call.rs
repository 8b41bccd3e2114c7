//! [`run`]: calls a tool for an MCP client, and sends the tool's progress and log entries to the client meanwhile.

use platools::LogLevel;
use platools::mcp::{Notifier, ToolReport, ToolReports};
use rmcp::model::{CallToolResult, ErrorData};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::errors::{failure, is_of_protocol};
use super::request_context::{McpRequest, PermittedCall};
use super::result::{ResultWriter, failed};
use super::sessions::McpSessions;
use crate::arguments::Arguments;
use crate::audit::action;
use crate::calls::{CallReply, CallRequest};
use crate::domain::error::{Error, ErrorKind};
use crate::pending_calls::{CallTimeout, LogEntry, Progress, Report, Reports};
use crate::tools::ToolView;

/// Calls a tool by the name that its client has for it. Cancelling the request, or ending its session, cancels the call at its worker.
pub(super) async fn run(
    sessions: &McpSessions,
    view: &ToolView,
    origin: &McpRequest,
    handle: &str,
    notifier: &Notifier<'_>,
    cancelled: &CancellationToken,
) -> Result<CallToolResult, ErrorData> {
    let McpSessions { core, settings, .. } = sessions;
    let tool = core.tools.of_handle(&origin.caller, view, handle).await.map_err(|error| failure(&error))?;
    // The status of the response is not 403 for these, so they are recorded here.
    let refused = |error: &Error| {
        if error.kind() == ErrorKind::Forbidden {
            core.audit.refused(action::CALLER_AUTHORIZE, &origin.caller, handle, &error.to_string());
        }
        failure(error)
    };
    // The call itself reports a tool that cannot be read.
    let rule = core.tools.result_rule(&origin.caller, &tool).await.unwrap_or_default();
    let (revision, max_bytes) = (notifier.revision(), settings.max_result_bytes);
    let writer = ResultWriter { tool: tool.name.clone(), rule, revision, max_bytes };
    let (report_sender, reports) = Reports::new();
    let PermittedCall { permit, arguments } = match origin.take_call() {
        Some(call) => call,
        None => {
            let permit = core.calls.permit(&origin.caller).map_err(|error| refused(&error))?;
            PermittedCall { permit, arguments: None }
        }
    };
    let arguments = match arguments {
        None => Ok(Arguments::none()),
        Some(arguments) => Arguments::from_boxed_offloaded(arguments).await,
    };
    let end = match arguments {
        Ok(arguments) => {
            let (trace, report_sender) = (origin.trace.clone(), Some(report_sender));
            let limit = settings.call_limit;
            let timeout = CallTimeout::declared_or(limit).at_most(limit, "mcp.call_limit");
            let worker_return = Some(settings.worker_return);
            let request = CallRequest { tool, arguments, timeout, worker_return, trace, report_sender };
            let call = unless_cancelled(cancelled, core.calls.call_whole(&origin.caller, permit, request));
            notifier.run(call, reports).await?
        }
        Err(error) => Err(error),
    };
    let (level, facts) = log_entry(handle, &end);
    notifier.ended(level, facts).await;
    match end {
        Ok(reply) => Ok(writer.result(reply).await),
        Err(error) if is_of_protocol(error.kind()) => Err(failure(&error)),
        Err(error) => {
            refused(&error);
            Ok(failed(&error))
        }
    }
}

/// Drops a call whose request is cancelled.
async fn unless_cancelled<T>(cancelled: &CancellationToken, call: impl Future<Output = T>) -> Result<T, ErrorData> {
    tokio::select! {
        biased;
        // Nobody reads this answer.
        () = cancelled.cancelled() => Err(ErrorData::internal_error("the request was cancelled", None)),
        end = call => Ok(end),
    }
}

/// The entry for the client's log of a call that ended, without its result.
fn log_entry(tool: &str, end: &Result<CallReply, Error>) -> (LogLevel, Value) {
    match end {
        Ok(reply) => {
            let facts = json!({"tool": tool, "callId": reply.call_id.as_str(), "latencyMs": reply.latency_ms});
            (LogLevel::Debug, facts)
        }
        Err(error) => {
            let call_id = error.call_id().map(ToString::to_string);
            (LogLevel::Warning, json!({"tool": tool, "callId": call_id, "code": error.kind().code()}))
        }
    }
}

impl ToolReports for Reports {
    async fn next(&mut self) -> Vec<ToolReport> {
        vec![shown(Self::next(self).await)]
    }

    fn rest(&mut self) -> Vec<ToolReport> {
        Self::rest(self).into_iter().map(shown).collect()
    }
}

fn shown(report: Report) -> ToolReport {
    match report {
        Report::Progress(Progress { progress, total, message }) => {
            ToolReport::Progress { done: progress, total, message }
        }
        Report::Log(LogEntry { level, message }) => ToolReport::Log { level, message },
    }
}
