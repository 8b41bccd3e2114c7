//! `POST /v1/calls`

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::auth::Known;
use super::body::{parse, read};
use super::call::{Answer, Call, Headers};
use crate::authority::{Action, Resource, authorize};
use crate::background::offload::offload;
use crate::calls::{CallReply, CallRequest};
use crate::core::Core;
use crate::domain::error::Error;
use crate::domain::identity::Caller;
use crate::listen::http::problem::{Problem, invalid, json};

/// The number of calls in one request.
const MAX_CALLS: usize = 64;

/// Several calls.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch<'a> {
    /// From 1 to 64 calls, each like the body of a single one, with the tool's name as `tool`.
    #[serde(borrow)]
    #[schema(value_type = Vec<Named<'static>>)]
    calls: Vec<&'a RawValue>,
}

/// A call of a batch.
// Its members are those of a `Call`, which cannot be flattened into it: serde would read the arguments as a value.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Named<'a> {
    /// The tool's name.
    tool: String,
    /// The arguments: an object that fits the tool's schema. Default: an empty object.
    #[serde(borrow)]
    #[schema(value_type = Option<Object>)]
    arguments: Option<&'a RawValue>,
    /// The entity, by slug or id, where several have a tool of that name.
    entity_id: Option<String>,
    /// The environment, by slug or id. Default: development.
    environment_id: Option<String>,
    /// The time to wait for the answer in milliseconds, from 1 to 600000 (the gateway's `calls.max_timeout`). Default: the timeout that the tool declares, or
    /// 30000.
    timeout_ms: Option<u64>,
}

/// The ends of several calls, in the order of the requests.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ends<'a> {
    results: Vec<End<'a>>,
}

/// The end of a call of a batch, like that of a single call.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum End<'a> {
    Returned(Answer<'a>),
    Failed(&'a Problem),
}

/// Make several calls at once, and wait for all of them. One that fails fails alone.
#[utoipa::path(post, path = "/v1/calls", tag = "calls", request_body = Batch<'static>,
    responses((status = 200, body = Ends<'static>), (status = "4XX", body = Problem)))]
pub(super) async fn call_all(
    State(core): State<Arc<Core>>,
    Known(caller): Known,
    headers: Headers,
    body: Body,
) -> Result<Response, Problem> {
    headers.without_key()?;
    authorize(&caller, Action::Call, Resource::Project(&caller.project_id)).map_err(Error::from)?;
    let (body, _held) = read(&core, &caller, body).await?.into_parts();
    let max_timeout = core.calls.max_timeout();
    let requests = offload(body.len(), move || requests(body, max_timeout, &headers)).await?;
    let ended = join_all(requests.into_iter().map(|request| one(&core, &caller, request))).await;
    let results = ended.iter().map(|end| match end {
        Ok(reply) => End::Returned(reply.into()),
        Err(problem) => End::Failed(problem),
    });
    Ok(json(&Ends { results: results.collect() }))
}

/// Reads the calls in a body.
fn requests(
    body: String,
    max_timeout: Duration,
    headers: &Headers,
) -> Result<Vec<Result<CallRequest, Problem>>, Problem> {
    let body = Arc::new(body);
    let batch: Batch<'_> = parse(&body)?;
    if !(1..=MAX_CALLS).contains(&batch.calls.len()) {
        return Err(invalid("`calls` must have from 1 to 64 calls"));
    }
    let request = |call: &&RawValue| {
        let Named { tool, arguments, entity_id, environment_id, timeout_ms } = parse(call.get())?;
        Call { arguments, entity_id, environment_id, timeout_ms }.request(&body, tool, max_timeout, headers.trace())
    };
    Ok(batch.calls.iter().map(request).collect())
}

async fn one(core: &Core, caller: &Caller, request: Result<CallRequest, Problem>) -> Result<CallReply, Problem> {
    Ok(core.calls.call(caller, request?).await?.shortened())
}
