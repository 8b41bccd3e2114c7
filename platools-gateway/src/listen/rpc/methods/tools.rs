//! `tools.list` and `tools.call`

use std::time::Duration;

use platools::wire::rpc::{RpcError, ToolCallEvent, ToolResultEvent, ToolsCall, ToolsReply, event};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Params, Reply, reply};
use crate::core::agent::failure;
use crate::core::arguments::Arguments;
use crate::core::clock::rfc3339;
use crate::core::trace::TraceContext;
use crate::core::{CallRequest, ListedTool, ToolName};
use crate::listen::rpc::errors::invalid;
use crate::listen::rpc::session::Session;

/// How long a call waits for its answer when the caller does not say.
const DEFAULT_TIMEOUT_MS: u64 = 30_000;

/// What a caller may ask for, in milliseconds.
const TIMEOUTS_MS: std::ops::RangeInclusive<u64> = 1..=600_000;

/// What is not among the protocol's own params.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    environment_id: Option<String>,
}

/// The tools, also those whose worker is away.
pub(super) async fn list(session: &Session<'_>, params: Params) -> Reply {
    let Place { environment_id } = params.decode()?;
    let tools = session.core.list_tools(&session.caller, environment_id.as_deref()).await?;
    reply(&json!({"tools": tools.into_iter().map(shown).collect::<Vec<_>>()}))
}

/// Calls a tool, and tells of the call and of its result as events, too.
pub(super) async fn call(session: &Session<'_>, params: Params) -> Reply {
    let call: ToolsCall<&RawValue> = params.decode()?;
    let Place { environment_id } = params.decode()?;
    let request = CallRequest {
        tool: ToolName { name: call.name, entity: call.entity_id, environment: environment_id },
        arguments: Arguments::new(call.arguments)?,
        timeout: timeout(call.timeout_ms)?,
        trace: TraceContext::from_parent(None),
        progress: None,
    };
    let tool = request.tool.name.clone();
    session.queue.event(event::TOOL_CALL, &ToolCallEvent::new(&*tool, call.arguments));
    let ended = session.core.call(&session.caller, request).await;
    let told = |output: &RawValue| session.queue.event(event::TOOL_RESULT, &ToolResultEvent::new(&*tool, output));
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

fn timeout(timeout_ms: Option<u64>) -> Result<Duration, RpcError> {
    let timeout_ms = timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS);
    if !TIMEOUTS_MS.contains(&timeout_ms) {
        return Err(invalid("`timeoutMs` must be from 1 to 600000"));
    }
    Ok(Duration::from_millis(timeout_ms))
}

fn shown(tool: ListedTool) -> Value {
    let ListedTool { identity, declaration, online, enabled, fingerprint, changed_ms } = tool;
    json!({
        "name": declaration.name,
        "description": declaration.description,
        "entity": identity.entity,
        "entityId": identity.entity_id.as_str(),
        "environment": identity.environment,
        "environmentId": identity.environment_id.as_str(),
        "online": online,
        "enabled": enabled,
        "fingerprint": fingerprint,
        "changedAt": rfc3339(changed_ms),
        "inputSchema": declaration.input_schema,
        "outputSchema": declaration.output_schema,
        "auth": declaration.auth,
        "roles": declaration.roles,
        "annotations": declaration.annotations,
    })
}
