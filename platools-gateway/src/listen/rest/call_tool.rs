//! The routes of `POST /v1/tools/{name}/call`, which calls a tool, and of `DELETE /v1/calls/{id}`, which cancels a call.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::{StreamExt as _, stream};
use platools::LogLevel;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::tools::dialect;
use crate::arguments::Arguments;
use crate::authority::{Action, Resource, authorize};
use crate::background::offload::offload;
use crate::calls::{CallPermit, CallReply, CallRequest};
use crate::core::Core;
use crate::domain::identity::Caller;
use crate::domain::trace::TraceContext;
use crate::limits::HeldBytes;
use crate::listen::http::extract::{Authenticated, AuthenticatedForCall, Path, Query};
use crate::listen::http::problem::Problem;
use crate::listen::http::{ErrorView, json};
use crate::listen::params::timeout_of;
use crate::listen::{parse_object, read_text};
use crate::pending_calls::{LogEntry, Progress, Report, Reports};
use crate::tools::ToolName;

/// A call. An unknown member is refused, because a misspelt one would otherwise be lost without a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewCall<'a> {
    /// The arguments: an object that fits the tool's schema. Default: an empty object.
    #[serde(borrow)]
    #[schema(value_type = Option<Object>)]
    arguments: Option<&'a RawValue>,
    /// The entity, by slug or id, where several have a tool of that name.
    entity_id: Option<String>,
    /// The environment, by slug or id. Default: development.
    environment_id: Option<String>,
    /// The time to wait for the answer in milliseconds, from 1 to 600000 (the gateway's `calls.max_timeout`). Default: the timeout that the
    /// tool declares, or
    /// 30000.
    timeout_ms: Option<u64>,
}

/// The answer to a successful call.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallAnswer<'a> {
    call_id: &'a str,
    /// The result, or a preview of it if it is longer than 256 KiB; than 4 MiB, if it is content.
    #[schema(value_type = serde_json::Value)]
    result: &'a RawValue,
    /// The time that the worker took.
    latency_ms: u64,
}

/// The form of the answer.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct CallOptions {
    /// `1` for server-sent events: `progress` and `log` while the tool reports them, then one `result` or `error`.
    stream: Option<u8>,
    /// The `dialect` of `GET /v1/tools/{name}/schema` that a model was shown, if it wrote the arguments. They are turned back into the
    /// tool's own.
    dialect: Option<String>,
}

/// Call a tool, and wait for its result. A caller that goes away cancels its call.
#[utoipa::path(post, path = "/v1/tools/{name}/call", tag = "calls", request_body = Option<NewCall<'static>>,
    params(
        ("name", description = "Name"),
        CallOptions,
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and call get the same answer for 24 hours"),
        ("traceparent" = Option<String>, Header, description = "W3C trace context, which goes on to the worker")
    ),
    responses((status = 200, body = CallAnswer<'static>), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(super) async fn call(
    State(core): State<Arc<Core>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    AuthenticatedForCall(caller): AuthenticatedForCall,
    Path(tool): Path<String>,
    Query(options): Query<CallOptions>,
    headers: Headers,
    body: Body,
) -> Result<Response, ErrorView> {
    let (max_timeout, Headers { idempotency_key, trace }) = (core.calls.max_timeout(), headers);
    if let Err(denial) = authorize(&caller, Action::Call, Resource::Project(&caller.project_id)) {
        let tool = ToolName { name: tool, entity: None, environment: None };
        return Err(core.calls.refuse(&caller, &tool, &trace, denial).await.into());
    }
    let admitted = admit(&core, &caller, from, options.stream, idempotency_key)?;
    let held = core.limiter.body_of(caller.credential.to_string());
    let (body, held) = read_text(body, held, core.limiter.body_bytes()).await?.into_parts();
    let mut request = offload(body.len(), move || request(body, tool, max_timeout, trace)).await?;
    if let Some(name) = &options.dialect {
        request.arguments =
            core.tools.arguments_from(&caller, &request.tool, dialect(name)?, request.arguments).await?;
    }
    match admitted {
        AdmittedCall::Whole(permit) => Ok(answer(&core.calls.call_permitted(&caller, permit, request).await?)),
        AdmittedCall::Streamed(permit) => Ok(streamed(core, caller, request, (permit, held))),
        AdmittedCall::Keyed(key) => Ok(answer(&core.calls.call_with_key(&caller, &key, request).await?)),
    }
}

/// A call that was admitted, by the form of its answer.
enum AdmittedCall {
    /// Answered once.
    Whole(CallPermit),
    /// Answered by events.
    Streamed(CallPermit),
    /// Answered once, under an idempotency key.
    Keyed(String),
}

/// Admits a call. That comes before its body is read, which costs more.
fn admit(
    core: &Core,
    caller: &Caller,
    from: SocketAddr,
    stream: Option<u8>,
    idempotency_key: Option<String>,
) -> Result<AdmittedCall, ErrorView> {
    let stream = stream.unwrap_or_default();
    let key = match (stream, idempotency_key) {
        (0, None) => return Ok(AdmittedCall::Whole(core.calls.permit(caller)?)),
        (1, None) => return Ok(AdmittedCall::Streamed(core.calls.permit(caller)?)),
        (_, key) => key,
    };
    // A call under a key counts as a request now, and as a call once its body is read, repetition or not. A refused one counts, too.
    core.limiter.count_request(caller, from.ip())?;
    match (stream, key) {
        (0, Some(key)) => Ok(AdmittedCall::Keyed(key)),
        (1, Some(_)) => Err(ErrorView::invalid("a call with an `Idempotency-Key` cannot be streamed")),
        _ => Err(ErrorView::invalid("`stream` must be 0 or 1")),
    }
}

/// Reads a call.
fn request(body: String, tool: String, max_timeout: Duration, trace: TraceContext) -> Result<CallRequest, ErrorView> {
    let body = Arc::new(body);
    // Every member has a default, and so has the whole.
    let text = if body.trim().is_empty() { "{}" } else { &body };
    parse_object::<NewCall<'_>>(text).map_err(ErrorView::invalid)?.request(&body, tool, max_timeout, trace)
}

/// Cancel a call that is under way.
#[utoipa::path(delete, path = "/v1/calls/{id}", tag = "calls", params(("id", description = "Id of the call")),
    responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn cancel(
    State(core): State<Arc<Core>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, ErrorView> {
    core.calls.cancel(&caller, &id.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The call as events. It lives in the body of the response, so that it ends when nobody reads that any more.
fn streamed(core: Arc<Core>, caller: Caller, request: CallRequest, kept: (CallPermit, HeldBytes)) -> Response {
    let (report_sender, reports) = Reports::new();
    let request = CallRequest { report_sender: Some(report_sender), ..request };
    let call = async move {
        let (permit, _held) = kept;
        Ok(core.calls.call_permitted(&caller, permit, request).await?)
    };
    let events = stream::unfold(Some((Box::pin(call), reports)), async |state| {
        let (mut call, mut reports) = state?;
        // Both arms are cancel-safe: the call is kept, and nothing is lost but older progress.
        tokio::select! {
            biased;
            // Before what the tool says, however much that is: its time may be up.
            end = &mut call => {
                let rest = reports.rest();
                Some((rest.iter().map(report_event).chain([end_event(end)]).collect(), None))
            }
            report = reports.next() => Some((vec![report_event(&report)], Some((call, reports)))),
        }
    });
    Sse::new(events.flat_map(stream::iter).map(Ok::<_, Infallible>)).keep_alive(KeepAlive::default()).into_response()
}

fn report_event(report: &Report) -> Event {
    #[derive(Serialize)]
    struct Progressed<'a> {
        progress: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        total: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<&'a str>,
    }
    #[derive(Serialize)]
    struct Logged<'a> {
        level: LogLevel,
        message: &'a str,
    }
    match report {
        Report::Progress(Progress { progress, total, message }) => {
            let progressed = Progressed { progress: *progress, total: *total, message: message.as_deref() };
            Event::default().event("progress").data(text(&progressed))
        }
        Report::Log(LogEntry { level, message }) => {
            Event::default().event("log").data(text(&Logged { level: *level, message }))
        }
    }
}

fn end_event(end: Result<CallReply, ErrorView>) -> Event {
    match end {
        Ok(reply) => Event::default().event("result").data(text(&CallAnswer::from(&reply))),
        Err(error) => Event::default().event("error").data(text(&Problem::new(&error, None))),
    }
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings, numbers and raw JSON always serialize")
}

/// The headers of a call.
pub(super) struct Headers {
    idempotency_key: Option<String>,
    trace: TraceContext,
}

impl<S: Sync> FromRequestParts<S> for Headers {
    type Rejection = ErrorView;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ErrorView> {
        let idempotency_key = match parts.headers.get("idempotency-key") {
            None => None,
            Some(key) => {
                let key =
                    key.to_str().map_err(|_| ErrorView::invalid("the `Idempotency-Key` must be printable ASCII"))?;
                Some(key.to_owned())
            }
        };
        let traceparent = parts.headers.get("traceparent").and_then(|value| value.to_str().ok());
        Ok(Self { idempotency_key, trace: TraceContext::from_parent(traceparent) })
    }
}

impl NewCall<'_> {
    /// The call of a tool, as it is in a body.
    fn request(
        self,
        body: &Arc<String>,
        name: String,
        max_timeout: Duration,
        trace: TraceContext,
    ) -> Result<CallRequest, ErrorView> {
        let in_body = |arguments| Arguments::parse_in_body(body, arguments);
        let tool = ToolName { name, entity: self.entity_id, environment: self.environment_id };
        let arguments = self.arguments.map_or_else(|| Ok(Arguments::none()), in_body)?;
        let timeout = timeout_of(self.timeout_ms, max_timeout)?;
        Ok(CallRequest { trace, ..CallRequest::new(tool, arguments, timeout) })
    }
}

impl<'a> From<&'a CallReply> for CallAnswer<'a> {
    fn from(reply: &'a CallReply) -> Self {
        Self { call_id: reply.call_id.as_str(), result: &reply.result, latency_ms: reply.latency_ms }
    }
}

/// The response to a successful call.
pub(super) fn answer(reply: &CallReply) -> Response {
    json(&CallAnswer::from(reply))
}
