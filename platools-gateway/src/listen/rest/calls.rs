//! The routes of `/v1/calls`, which list, show and replay calls of the journal.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::call_tool;
use crate::calls::{CallQuery, CallsBefore};
use crate::core::Core;
use crate::domain::ids::CallId;
use crate::journal::{CallEnd, CallSummary, JournaledCall, PastCall, Payload};
use crate::listen::http::extract::{Authenticated, Path, Query};
use crate::listen::http::problem::Problem;
use crate::listen::http::{ErrorView, json};
use crate::listen::params::{ListPosition, Page, count, limit_of, timeout_of};
use crate::ports::time::{from_rfc3339, rfc3339};

/// Conditions on calls.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CallConditions {
    /// The tool.
    tool: Option<String>,
    /// The entity, by slug or id.
    entity_id: Option<String>,
    /// The environment, by slug or id. Default: all.
    environment_id: Option<String>,
    /// The agent that called, by slug or id.
    agent_id: Option<String>,
    /// The user the caller spoke for.
    user_id: Option<String>,
    /// `ok`, `abandoned`, or the `code` of a problem.
    outcome: Option<String>,
    /// `ended`, or `running` for the calls under way that began at this gateway. Default: `ended`.
    status: Option<String>,
    /// Calls that began then or later, in RFC 3339.
    since: Option<String>,
    /// Calls that began before, in RFC 3339.
    until: Option<String>,
    /// The largest number of calls, from 1 to 1000. Default: 100.
    #[serde(default, deserialize_with = "count")]
    limit: Option<usize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ReplayOptions {
    /// The time to wait for the answer in milliseconds, from 1 to 600000 (the gateway's `calls.max_timeout`). Default: the timeout that the
    /// tool declares, or
    /// 30000.
    timeout_ms: Option<u64>,
}

/// A call.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Call)]
pub(super) struct ListedCall {
    call_id: String,
    /// `running` or `ended`.
    status: &'static str,
    tool: String,
    entity: String,
    entity_id: String,
    environment: String,
    environment_id: String,
    /// The id of the caller's key or token.
    credential: String,
    /// The caller's role.
    role: String,
    agent_id: Option<String>,
    user_id: Option<String>,
    started_at: String,
    /// `ok`, `abandoned` if the caller went away, or the `code` of the problem. None while it is running.
    outcome: Option<String>,
    /// The time from the request to the answer.
    total_ms: Option<u64>,
    /// The time that the worker reports, if it returned.
    latency_ms: Option<u64>,
    arguments_bytes: u64,
    result_bytes: Option<u64>,
}

/// A call, with its arguments and its result.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FullCall {
    #[serde(flatten)]
    call: ListedCall,
    /// None while it is running.
    arguments: Option<CallPayload>,
    /// None if nothing was returned.
    result: Option<CallPayload>,
}

/// Arguments or a result, as far as the journal has them.
#[derive(Serialize, ToSchema)]
#[schema(as = Part)]
pub(super) struct CallPayload {
    /// `kept` as it was, `redacted` in parts, or `dropped`.
    state: &'static str,
    /// The text, unless it was dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    value: Option<Box<RawValue>>,
}

/// Shows the treatment only: the text belongs to the caller.
impl std::fmt::Debug for CallPayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallPayload").field("state", &self.state).finish_non_exhaustive()
    }
}

/// List the calls that ended, or those under way, newest first. An agent sees its own, an admin all. A page whose filter few calls meet may end early: as long
/// as it has a `nextCursor`, there may be more.
#[utoipa::path(get, path = "/v1/calls", tag = "calls", params(CallConditions),
    responses((status = 200, body = Page<ListedCall>), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(super) async fn list(
    State(core): State<Arc<Core>>,
    Authenticated(caller): Authenticated,
    Query(filter): Query<CallConditions>,
) -> Result<Json<Page<ListedCall>>, ErrorView> {
    let is_running = match filter.status.as_deref() {
        None | Some("ended") => false,
        Some("running") => true,
        Some(_) => return Err(ErrorView::invalid("`status` must be `ended` or `running`")),
    };
    let (limit, query) = filter.checked()?;
    if is_running {
        let found = core.calls.running(&caller, query)?;
        let cursor =
            |last: &CallSummary| ListPosition { at_ms: last.started_ms, id: last.call_id.to_string() }.cursor();
        return Ok(Json(Page::cut(found, limit, cursor).map(|call| shown(call, None))));
    }
    // One more than asked for tells whether there is another page.
    let found = core.calls.past(&caller, query, limit + 1).await?;
    let cursor = |started_ms, call_id: &CallId| ListPosition { at_ms: started_ms, id: call_id.to_string() }.cursor();
    let more = found.more.map(|place| cursor(place.started_ms, &place.call_id));
    let page =
        Page::cut(found.items, limit, |last| cursor(last.summary.started_ms, &last.summary.call_id)).or_more(more);
    Ok(Json(page.map(|call| shown(call.summary, Some(call.end)))))
}

/// Show one call, also one that is under way.
#[utoipa::path(get, path = "/v1/calls/{id}", tag = "calls", params(("id", description = "Id")),
    responses((status = 200, body = FullCall), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(super) async fn show(
    State(core): State<Arc<Core>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, ErrorView> {
    let call = match core.calls.find(&caller, &id).await? {
        JournaledCall::Running(summary) => FullCall { call: shown(*summary, None), arguments: None, result: None },
        JournaledCall::Past(call) => {
            let PastCall { summary, end, arguments, result } = *call;
            FullCall { call: shown(summary, Some(end)), arguments: Some(part(arguments)), result: result.map(part) }
        }
    };
    Ok(json(&call))
}

/// Call the same tool with the same arguments again, as the present caller, and wait for its result.
#[utoipa::path(post, path = "/v1/calls/{id}/replay", tag = "calls", params(("id", description = "Id"), ReplayOptions),
    responses((status = 200, body = call_tool::CallAnswer<'static>), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(super) async fn replay(
    State(core): State<Arc<Core>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    Query(again): Query<ReplayOptions>,
) -> Result<Response, ErrorView> {
    let reply = core.calls.replay(&caller, &id, timeout_of(again.timeout_ms, core.calls.max_timeout())?).await?;
    Ok(call_tool::answer(&reply))
}

impl CallConditions {
    fn checked(self) -> Result<(usize, CallQuery), ErrorView> {
        let limit = limit_of(self.limit)?;
        let place = self.cursor.map(|cursor| ListPosition::read(&cursor)).transpose()?;
        let query = CallQuery {
            tool: self.tool,
            entity: self.entity_id,
            environment: self.environment_id,
            agent: self.agent_id,
            user_id: self.user_id,
            outcome: self.outcome,
            since_ms: time("since", self.since)?,
            until_ms: time("until", self.until)?,
            before: place.map(|place| CallsBefore { started_ms: place.at_ms, call_id: place.id.into() }),
        };
        Ok((limit, query))
    }
}

/// A time of a query.
pub(super) fn time(name: &str, text: Option<String>) -> Result<Option<i64>, ErrorView> {
    let read = |text: String| {
        let example = "2026-09-15T00:00:00Z";
        from_rfc3339(&text)
            .ok_or_else(|| ErrorView::invalid(format!("`{name}` must be a time in RFC 3339, such as {example}")))
    };
    text.map(read).transpose()
}

fn shown(summary: CallSummary, end: Option<CallEnd>) -> ListedCall {
    ListedCall {
        call_id: summary.call_id.to_string(),
        status: if end.is_some() { "ended" } else { "running" },
        tool: summary.tool,
        entity: summary.entity,
        entity_id: summary.entity_id.to_string(),
        environment: summary.environment,
        environment_id: summary.environment_id.to_string(),
        credential: summary.credential,
        role: summary.role,
        agent_id: summary.agent_id.map(|agent| agent.to_string()),
        user_id: summary.user_id,
        started_at: rfc3339(summary.started_ms),
        total_ms: end.as_ref().map(|end| end.total_ms),
        latency_ms: end.as_ref().and_then(|end| end.worker_ms),
        result_bytes: end.as_ref().and_then(|end| end.result_bytes),
        outcome: end.map(|end| end.outcome.into_owned()),
        arguments_bytes: summary.arguments_bytes,
    }
}

fn part(payload: Payload) -> CallPayload {
    CallPayload { state: payload.state.as_str(), value: payload.json }
}
