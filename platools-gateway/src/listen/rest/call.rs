//! `POST /v1/tools/{name}/call`

use std::sync::Arc;
use std::time::Duration;

use axum::body::BodyDataStream;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::auth;
use super::problem::{Problem, json};
use crate::core::arguments::Arguments;
use crate::core::{CallRequest, Core};

/// How long a call waits for its answer when the caller does not say.
const DEFAULT_TIMEOUT_MS: u64 = 30_000;

/// A body may have so many bytes: 8 MiB. With its envelopes it must still fit into a worker's frame.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// A body is read so far before the connection is given up.
const MAX_DISCARDED_BYTES: usize = 8 * MAX_BODY_BYTES;

/// What a caller may ask for, in milliseconds.
const TIMEOUTS_MS: std::ops::RangeInclusive<u64> = 1..=600_000;

/// How long a body may take to arrive.
const UPLOAD: Duration = Duration::from_secs(30);

/// An unknown member is refused, because a misspelt one would otherwise be lost without a word.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body<'a> {
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    entity_id: Option<String>,
    environment_id: Option<String>,
    timeout_ms: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    call_id: &'a str,
    result: &'a RawValue,
    latency_ms: u64,
}

/// Calls a tool and answers with its result.
pub(super) async fn call(
    State(core): State<Arc<Core>>,
    tool: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    // Before the body is read, so that nobody without a key makes the gateway hold one.
    let caller = auth::caller(&core, request.headers()).await?;
    let Path(tool) = tool.map_err(|rejection| invalid(rejection.body_text()))?;
    let bytes = read(request).await?;
    let body = parse(&bytes)?;
    let reply = core.call(&caller, call_request(&tool, &body)?).await?;
    let (call_id, latency_ms) = (reply.call_id.as_str(), reply.latency_ms);
    Ok(json(&Answer { call_id, result: &reply.result, latency_ms }))
}

async fn read(request: Request) -> Result<Vec<u8>, Problem> {
    let too_slow = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "upload_timeout", "the body took too long to arrive");
    timeout(UPLOAD, collect(request.into_body().into_data_stream())).await.map_err(too_slow)?
}

/// Collects a body.
///
/// Some of what is too much is read and thrown away: a client that is still sending may never see an answer that comes
/// before its body was read.
async fn collect(mut chunks: BodyDataStream) -> Result<Vec<u8>, Problem> {
    let (mut body, mut length) = (Vec::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| invalid(format!("the body broke off: {error}")))?;
        length += chunk.len();
        if length <= MAX_BODY_BYTES {
            body.extend_from_slice(&chunk);
        } else if length > MAX_DISCARDED_BYTES {
            break;
        }
    }
    if length > MAX_BODY_BYTES {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is larger than 8 MiB"));
    }
    Ok(body)
}

fn parse(bytes: &[u8]) -> Result<Body<'_>, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|error| invalid(format!("the body is not UTF-8: {error}")))?;
    // A derived type also takes a list of its fields, which nobody means to send.
    if !text.trim_start().starts_with('{') {
        return Err(invalid("the body is not a call: it must be a JSON object, such as {\"arguments\": {}}"));
    }
    serde_json::from_str(text).map_err(|error| invalid(format!("the body is not a call: {error}")))
}

fn call_request<'a>(tool: &'a str, body: &'a Body<'_>) -> Result<CallRequest<'a>, Problem> {
    let timeout_ms = body.timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS);
    if !TIMEOUTS_MS.contains(&timeout_ms) {
        return Err(invalid("`timeoutMs` must be from 1 to 600000"));
    }
    Ok(CallRequest {
        tool,
        arguments: body.arguments.map_or_else(|| Ok(Arguments::none()), Arguments::new)?,
        entity: body.entity_id.as_deref(),
        environment: body.environment_id.as_deref(),
        timeout: Duration::from_millis(timeout_ms),
    })
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
}
