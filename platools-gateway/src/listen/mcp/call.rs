//! One call of a tool, with what its client is told meanwhile.

use platools::mcp::Revision;
use rmcp::RoleServer;
use rmcp::model::{CallToolRequestParams, CallToolResult, ErrorData};
use rmcp::service::RequestContext;

use super::failure::{failure, is_of_protocol};
use super::request_context::{McpRequest, PermittedCall};
use super::result::{Reader, failed};
use super::session::Session;
use super::sessions::Sessions;
use super::telling::Telling;
use crate::audit::action;
use crate::core::arguments::Arguments;
use crate::core::error::{Error, ErrorKind};
use crate::core::{CallRequest, CallTimeout, Reports};

/// Calls a tool. Cancelling the request, or ending its session, cancels the call at its worker.
pub(super) async fn run(
    sessions: &Sessions,
    session: &Session,
    asked: &McpRequest,
    request: CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, ErrorData> {
    let Sessions { core, settings, .. } = sessions;
    let tool =
        core.tool_of_handle(&asked.caller, &session.view, &request.name).await.map_err(|error| failure(&error))?;
    // The status of the response is not 403 for these, so they are recorded here.
    let refused = |error: &Error| {
        if error.kind() == ErrorKind::Forbidden {
            core.audit().refused(action::CALLER_AUTHORIZE, &asked.caller, &request.name, &error.to_string());
        }
        failure(error)
    };
    // Whatever is wrong with the tool, its call says.
    let rule = core.result_rule(&asked.caller, &tool).await.unwrap_or_default();
    let (revision, max_bytes) = (Revision::of_request(context), settings.max_result_bytes);
    let reader = Reader { tool: tool.name.clone(), rule, revision, max_bytes };
    let telling = Telling::new(session, context, &request.name);
    let (listener, reports) = Reports::new();
    let PermittedCall { permit, arguments } = match asked.take_call() {
        Some(call) => call,
        None => {
            let permit = core.permit_call(&asked.caller).map_err(|error| refused(&error))?;
            PermittedCall { permit, arguments: None }
        }
    };
    let arguments = match arguments {
        None => Ok(Arguments::none()),
        Some(arguments) => Arguments::take(arguments).await,
    };
    let end = match arguments {
        Ok(arguments) => {
            let (trace, listener) = (asked.trace.clone(), Some(listener));
            let limit = settings.call_limit;
            let timeout = CallTimeout::of_tool(limit).at_most(limit, "mcp.call_limit");
            let patience = Some(settings.worker_return);
            let request = CallRequest { tool, arguments, timeout, patience, trace, listener };
            telling.until(core.call_whole(&asked.caller, permit, request), reports).await?
        }
        Err(error) => Err(error),
    };
    telling.ended(&end).await;
    match end {
        Ok(reply) => Ok(reader.result(reply).await),
        Err(error) if is_of_protocol(error.kind()) => Err(failure(&error)),
        Err(error) => {
            refused(&error);
            Ok(failed(&error))
        }
    }
}
