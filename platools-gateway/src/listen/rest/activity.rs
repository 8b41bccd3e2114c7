//! The route `GET /v1/activity`, which counts the calls of the last half hour by time, in all and for each tool.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::core::Core;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::{Authenticated, Query};
use crate::listen::http::problem::Problem;
use crate::ops::recent_calls::{INTERVAL, IntervalActivity, TOOL_INTERVAL, ToolActivity, ToolChoice, WINDOW};
use crate::ports::time::rfc3339;

/// The recent calls over the gateway that was asked. Intervals without calls are left out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RecentActivity {
    now: String,
    /// The length of an interval of `buckets`.
    interval_seconds: u64,
    buckets: Vec<Bucket>,
    /// The number of calls that workers have not answered.
    calls_in_flight: usize,
    /// The length of an interval of a tool's `series`.
    tool_interval_seconds: u64,
    /// The 1000 busiest tools.
    tools: Vec<ToolBuckets>,
}

/// The calls that ended within an interval.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ActivityInterval)]
struct Bucket {
    /// The begin of the interval.
    at: String,
    calls: u32,
    /// Calls that failed. Those that their caller abandoned or cancelled do not count.
    errors: u32,
    /// An estimate of the median time.
    p50_ms: f64,
    /// An estimate of the time that 95 of 100 calls did not exceed.
    p95_ms: f64,
}

/// The recent calls of one tool.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ToolActivity)]
struct ToolBuckets {
    name: String,
    entity: String,
    environment: String,
    calls: u32,
    errors: u32,
    p50_ms: f64,
    p95_ms: f64,
    series: Vec<Bucket>,
}

impl From<IntervalActivity> for Bucket {
    fn from(interval: IntervalActivity) -> Self {
        Self {
            at: rfc3339(interval.begin_ms),
            calls: interval.calls,
            errors: interval.errors,
            p50_ms: tenths_of_ms(interval.p50),
            p95_ms: tenths_of_ms(interval.p95),
        }
    }
}

impl From<ToolActivity> for ToolBuckets {
    fn from(ToolActivity { tool, identity, total, intervals }: ToolActivity) -> Self {
        Self {
            name: tool,
            entity: identity.entity,
            environment: identity.environment,
            calls: total.calls,
            errors: total.errors,
            p50_ms: tenths_of_ms(total.p50),
            p95_ms: tenths_of_ms(total.p95),
            series: intervals.into_iter().map(Into::into).collect(),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ActivityQuery {
    /// The time to look back, from 10 to 1800 seconds.
    #[param(default = 1800)]
    seconds: Option<u64>,
    /// The only environment to count, by slug or id.
    #[serde(rename = "environmentId")]
    environment_id: Option<String>,
    /// The name of the only tool to show.
    tool: Option<String>,
    /// True shows the tools.
    #[param(default = true)]
    tools: Option<bool>,
}

/// Count the calls of the last half hour.
#[utoipa::path(get, path = "/v1/activity", tag = "calls", params(ActivityQuery),
    responses((status = 200, body = RecentActivity), (status = "4XX", body = Problem)))]
pub(super) async fn show(
    State(core): State<Arc<Core>>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ActivityQuery>,
) -> Result<Json<RecentActivity>, ErrorView> {
    let span = Duration::from_secs(query.seconds.unwrap_or(WINDOW.as_secs()));
    if span < INTERVAL || span > WINDOW {
        return Err(ErrorView::invalid("`seconds` must be from 10 to 1800"));
    }
    let choice = match (&query.tool, query.tools) {
        (Some(name), _) => ToolChoice::Named(name),
        (None, Some(false)) => ToolChoice::Nothing,
        (None, _) => ToolChoice::Busiest,
    };
    let only = query.environment_id.as_deref().map(|name| core.directory.environment_of(&caller, Some(name)));
    let only = only.transpose()?.map(|environment| environment.id);
    let activity = core.recent_calls.read(&caller, span, only.as_ref(), choice)?;
    let workers = core.tools.connected_workers(&caller)?.into_iter();
    let workers = workers.filter(|worker| only.as_ref().is_none_or(|only| worker.identity.environment_id == *only));
    Ok(Json(RecentActivity {
        now: rfc3339(activity.now_ms),
        interval_seconds: INTERVAL.as_secs(),
        buckets: activity.intervals.into_iter().map(Into::into).collect(),
        calls_in_flight: workers.map(|worker| worker.calls_in_flight).sum(),
        tool_interval_seconds: TOOL_INTERVAL.as_secs(),
        tools: activity.tools.into_iter().map(Into::into).collect(),
    }))
}

/// The time in milliseconds, to a tenth: most tools answer within one.
fn tenths_of_ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}
