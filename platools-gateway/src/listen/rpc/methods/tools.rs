//! The methods `tools.list`, which lists the tools that a caller may see, and `tools.call`, which calls one.

use platools_protocol::rpc::{ToolCallEvent, ToolResultEvent, ToolsReply, event};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::agents::failure;
use crate::arguments::Arguments;
use crate::calls::{CallReply, CallRequest};
use crate::dto::ToolDto;
use crate::listen::params::timeout_of;
use crate::listen::rpc::method_context::MethodContext;
use crate::listen::rpc::params::{Params, Reply, reply, unless_empty};
use crate::tools::ToolName;

/// The params of a call: the protocol's own ([`platools_protocol::rpc::ToolsCall`]) and the environment, read in one go.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolCallParams<'a> {
    name: String,
    #[serde(borrow)]
    arguments: &'a RawValue,
    #[serde(default, deserialize_with = "unless_empty")]
    entity_id: Option<String>,
    #[serde(default, deserialize_with = "unless_empty")]
    environment_id: Option<String>,
    timeout_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolListParams {
    #[serde(default, deserialize_with = "unless_empty")]
    environment_id: Option<String>,
}

/// The tools, also those whose worker is away.
pub(super) async fn list(context: &MethodContext<'_>, params: Params) -> Reply {
    let ToolListParams { environment_id } = params.decode()?;
    if !context.has_catalog {
        return reply(&json!({"tools": []}));
    }
    let tools = context.core.tools.list(&context.caller, environment_id.as_deref()).await?;
    reply(&json!({"tools": tools.into_iter().map(ToolDto::from).collect::<Vec<_>>()}))
}

/// Calls a tool, and tells of the call and of its result as events, too.
pub(super) async fn call(context: &MethodContext<'_>, params: Params) -> Reply {
    let call: ToolCallParams<'_> = params.decode()?;
    let tool = ToolName { name: call.name, entity: call.entity_id, environment: call.environment_id };
    let arguments = Arguments::parse_offloaded(call.arguments).await?;
    let timeout = timeout_of(call.timeout_ms, context.core.calls.max_timeout())?;
    let request = CallRequest::new(tool, arguments, timeout);
    let (tool, call_id) = (request.tool.name.clone(), context.core.calls.new_id());
    let told = ToolCallEvent::new(&*tool, call.arguments).with_call_id(call_id.as_str());
    context.queue.event(event::TOOL_CALL, &told);
    let ended =
        context.core.calls.call_with_id(&context.caller, request, call_id.clone()).await.map(CallReply::shortened);
    let told = |output: &RawValue| {
        let told = ToolResultEvent::new(&*tool, output).with_call_id(call_id.as_str());
        context.queue.event(event::TOOL_RESULT, &told);
    };
    match ended {
        Ok(ended) => {
            told(&ended.result);
            reply(&ToolsReply::new(&ended.result, ended.latency_ms, ended.call_id.as_str()))
        }
        Err(error) => {
            told(&failure(&error));
            Err(error.into())
        }
    }
}
