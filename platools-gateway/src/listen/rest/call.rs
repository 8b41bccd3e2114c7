//! `POST /v1/tools/{name}/call`

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::auth::Known;
use super::body::{Text, parse};
use super::problem::{Problem, invalid, json};
use crate::core::arguments::Arguments;
use crate::core::{CallReply, CallRequest, Core, ToolName};

/// How long a call waits for its answer when the caller does not say.
const DEFAULT_TIMEOUT_MS: u64 = 30_000;

/// What a caller may ask for, in milliseconds.
const TIMEOUTS_MS: std::ops::RangeInclusive<u64> = 1..=600_000;

/// One call. An unknown member is refused, because a misspelt one would otherwise be lost without a word.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Call<'a> {
    /// What the tool is called with: an object that fits its schema. Default: an empty one.
    #[serde(borrow)]
    #[schema(value_type = Option<Object>)]
    arguments: Option<&'a RawValue>,
    /// The entity, by slug or id, where several have a tool of that name.
    entity_id: Option<String>,
    /// The environment, by slug or id. Default: development.
    environment_id: Option<String>,
    /// How long to wait for the answer, from 1 to 600000. Default: 30000.
    timeout_ms: Option<u64>,
}

/// How a call ended well.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer<'a> {
    call_id: &'a str,
    /// What the tool returned, or a preview of it if that is longer than 256 KiB.
    #[schema(value_type = serde_json::Value)]
    result: &'a RawValue,
    /// How long the worker took.
    latency_ms: u64,
}

/// Call a tool, and wait for its result.
#[utoipa::path(post, path = "/v1/tools/{name}/call", tag = "calls", request_body = Call<'static>,
    params(("name", description = "Name")),
    responses((status = 200, body = Answer<'static>), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(super) async fn call(
    State(core): State<Arc<Core>>,
    Known(caller): Known,
    tool: Result<Path<String>, PathRejection>,
    Text(body): Text,
) -> Result<Response, Problem> {
    let Path(tool) = tool?;
    let call: Call<'_> = parse(&body)?;
    let reply = core.call(&caller, request(&tool, &call)?).await?;
    Ok(answer(&reply))
}

/// What a caller is told of a call that ended well.
pub(super) fn answer(reply: &CallReply) -> Response {
    let (call_id, latency_ms) = (reply.call_id.as_str(), reply.latency_ms);
    json(&Answer { call_id, result: &reply.result, latency_ms })
}

/// How long a caller wants to wait.
pub(super) fn timeout(timeout_ms: Option<u64>) -> Result<Duration, Problem> {
    let timeout_ms = timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS);
    if !TIMEOUTS_MS.contains(&timeout_ms) {
        return Err(invalid("`timeoutMs` must be from 1 to 600000"));
    }
    Ok(Duration::from_millis(timeout_ms))
}

fn request<'a>(name: &'a str, call: &'a Call<'_>) -> Result<CallRequest<'a>, Problem> {
    let (entity, environment) = (call.entity_id.as_deref(), call.environment_id.as_deref());
    Ok(CallRequest {
        tool: ToolName { name, entity, environment },
        arguments: call.arguments.map_or_else(|| Ok(Arguments::none()), Arguments::new)?,
        timeout: timeout(call.timeout_ms)?,
    })
}
