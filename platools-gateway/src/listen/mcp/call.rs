//! One call of a tool, with what its client is told meanwhile.

use std::future::pending;
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{CallToolRequestParams, CallToolResult, ErrorData};
use rmcp::service::RequestContext;
use tokio::time::timeout;

use super::asked::{Asked, AskedCall};
use super::failure::{failure, is_of_protocol};
use super::session::Session;
use super::sessions::Sessions;
use super::telling::Telling;
use super::{result, tools};
use crate::core::arguments::Arguments;
use crate::core::error::{Error, ErrorKind};
use crate::core::identity::Scope;
use crate::core::{CallRequest, Core, Reports, ToolName, ToolNews};

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
    let form = tools::form_of_results(core, &asked.caller, &tool).await;
    let telling = Telling::new(session, context, &request.name);
    let (listener, reports) = Reports::new();
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
            let (trace, listener) = (asked.trace.clone(), Some(listener));
            let gone = until_gone(core, core.tool_news(), scope_of(&tool), settings.worker_return);
            let request = CallRequest { tool, arguments, timeout: settings.call_limit, trace, listener };
            let call = core.call_permitted(&asked.caller, permit, request);
            telling.until(call, gone, reports).await?
        }
        Err(error) => Err(error),
    };
    telling.ended(&end).await;
    match end {
        Ok(reply) => Ok(result::returned(&reply, form)),
        Err(error) if is_of_protocol(error.kind()) => Err(failure(&error)),
        Err(error) => Ok(result::failed(&error)),
    }
}

/// Waits until a worker has been away for so long.
///
/// One that goes away while a tool runs keeps the answer, and comes back with it. One that does not is gone, and nobody should wait
/// for it as long as for a tool that runs.
async fn until_gone(core: &Core, mut news: ToolNews, scope: Option<Scope>, patience: Duration) -> Error {
    let Some(scope) = scope else { return pending().await };
    loop {
        news.changed(|changed| *changed == scope).await;
        let back = async {
            while !core.is_online(&scope) {
                news.changed(|changed| *changed == scope).await;
            }
        };
        if timeout(patience, back).await.is_err() {
            let message = "the tool's worker went away while it ran, and did not come back; whether it ran to its end is not known";
            return Error::new(ErrorKind::Timeout, message);
        }
    }
}

fn scope_of(tool: &ToolName) -> Option<Scope> {
    let (entity, environment) = (tool.entity.as_deref()?, tool.environment.as_deref()?);
    Some(Scope { entity: entity.into(), environment: environment.into() })
}
