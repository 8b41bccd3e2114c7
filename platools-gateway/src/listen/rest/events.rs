//! The route `GET /v1/events`, a stream of server-sent events about workers, tools and calls.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::IntoParams;

use crate::connections::{BrowserSession, CallerConnection, ConnectionPhase};
use crate::core::Core;
use crate::domain::identity::Identity;
use crate::domain::ids::LinkId;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::{Authenticated, Query};
use crate::listen::http::problem::Problem;
use crate::ops::live_events::{LiveCall, LiveCallEnd, LiveEvent, LiveEventReader, LiveStep};
use crate::ports::time::rfc3339;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsQuery {
    /// The types of the events, with commas between them. Default: all.
    types: Option<String>,
}

/// The names of the events, apart from `dropped`.
const TYPES: [&str; 5] = ["worker_connected", "worker_disconnected", "tools_changed", "call_began", "call_ended"];

/// Events that the reader was too slow for.
const DROPPED: &str = "dropped";

/// A worker.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WorkerEvent<'a> {
    connection_id: &'a str,
    entity: &'a str,
    entity_id: &'a str,
    environment: &'a str,
    environment_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected_at: Option<String>,
}

/// The scope whose tools have changed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolsEvent<'a> {
    entity_id: &'a str,
    environment_id: &'a str,
}

/// A call, as in the list of calls, without the sizes of its arguments and its result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallEvent<'a> {
    call_id: &'a str,
    status: &'static str,
    tool: &'a str,
    entity: &'a str,
    entity_id: &'a str,
    environment: &'a str,
    environment_id: &'a str,
    credential: String,
    role: &'static str,
    agent_id: Option<&'a str>,
    user_id: Option<&'a str>,
    started_at: String,
    outcome: Option<&'static str>,
    total_ms: Option<u64>,
    latency_ms: Option<u64>,
}

#[derive(Serialize)]
struct DroppedEvents {
    count: u64,
}

/// Follow workers, tools and calls, as server-sent events: `worker_connected`, `worker_disconnected`, `tools_changed`, `call_began` and
/// `call_ended`. A reader that is slow gets `dropped` with the number of events that it missed. The stream ends with the key or token, and
/// when the gateway stops.
#[utoipa::path(get, path = "/v1/events", tag = "calls", params(EventsQuery),
    responses((status = 200, content_type = "text/event-stream", body = String), (status = "4XX", body = Problem)))]
pub(super) async fn follow(
    State(core): State<Arc<Core>>,
    Authenticated(caller): Authenticated,
    session: Option<Extension<BrowserSession>>,
    Query(query): Query<EventsQuery>,
) -> Result<Response, ErrorView> {
    let types = chosen(query.types.as_deref())?;
    let reader = core.live_events.follow(&caller, &core.directory)?;
    let presence = core.callers.arrive(None);
    core.callers.identify(&presence, &caller)?;
    if let Some(Extension(session)) = session {
        core.browser_sessions.attach(&presence, &session)?;
    }
    let follower = Follower { reader, types, phase: presence.phase(), _presence: presence };
    let events = stream::unfold(follower, async |mut follower| {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

/// A caller that follows events.
struct Follower {
    reader: LiveEventReader,
    types: Vec<&'static str>,
    phase: watch::Receiver<ConnectionPhase>,
    _presence: CallerConnection,
}

impl Follower {
    /// The next event; none once the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            // Both arms are cancel-safe.
            let step = tokio::select! {
                _ = self.phase.wait_for(|phase| *phase > ConnectionPhase::Open) => return None,
                step = self.reader.next() => step,
            };
            match step {
                LiveStep::Event(event) => {
                    let (name, data) = written(&event);
                    if self.types.contains(&name) {
                        return Some(Event::default().event(name).data(data));
                    }
                }
                LiveStep::Dropped(count) => {
                    return Some(Event::default().event(DROPPED).data(text(&DroppedEvents { count })));
                }
                LiveStep::End => return None,
            }
        }
    }
}

/// The types that a query names.
fn chosen(types: Option<&str>) -> Result<Vec<&'static str>, ErrorView> {
    let Some(types) = types else { return Ok(TYPES.to_vec()) };
    let known = |name: &str| TYPES.into_iter().find(|known| *known == name.trim());
    let unknown =
        |name| ErrorView::invalid(format!("`types` has the unknown type {name:?}; known are {}", TYPES.join(", ")));
    types.split(',').map(|name| known(name).ok_or_else(|| unknown(name))).collect()
}

/// The name and the data of an event.
fn written(event: &LiveEvent) -> (&'static str, String) {
    match event {
        LiveEvent::WorkerConnected(worker) => {
            let connected_at = Some(rfc3339(worker.connected_ms));
            let of_worker = WorkerEvent { connected_at, ..WorkerEvent::of(&worker.identity, &worker.link_id) };
            ("worker_connected", text(&of_worker))
        }
        LiveEvent::WorkerDisconnected { identity, link_id } => {
            ("worker_disconnected", text(&WorkerEvent::of(identity, link_id)))
        }
        LiveEvent::ToolsChanged(scope) => {
            let of_scope = ToolsEvent { entity_id: scope.entity.as_str(), environment_id: scope.environment.as_str() };
            ("tools_changed", text(&of_scope))
        }
        LiveEvent::CallBegan(call) => ("call_began", text(&CallEvent::of(call, None))),
        LiveEvent::CallEnded(call, end) => ("call_ended", text(&CallEvent::of(call, Some(*end)))),
    }
}

fn text(data: &impl Serialize) -> String {
    serde_json::to_string(data).expect("texts and numbers always serialize")
}

impl<'a> WorkerEvent<'a> {
    fn of(identity: &'a Identity, link_id: &'a LinkId) -> Self {
        Self {
            connection_id: link_id.as_str(),
            entity: &identity.entity,
            entity_id: identity.entity_id.as_str(),
            environment: &identity.environment,
            environment_id: identity.environment_id.as_str(),
            connected_at: None,
        }
    }
}

impl<'a> CallEvent<'a> {
    fn of(call: &'a LiveCall, end: Option<LiveCallEnd>) -> Self {
        let LiveCall { call_id, tool, identity, caller, started_ms } = call;
        Self {
            call_id: call_id.as_str(),
            status: if end.is_some() { "ended" } else { "running" },
            tool,
            entity: &identity.entity,
            entity_id: identity.entity_id.as_str(),
            environment: &identity.environment,
            environment_id: identity.environment_id.as_str(),
            credential: caller.credential.to_string(),
            role: caller.role.as_str(),
            agent_id: caller.agent_id.as_ref().map(|agent| agent.as_str()),
            user_id: caller.user_id.as_deref(),
            started_at: rfc3339(*started_ms),
            outcome: end.map(|end| end.outcome),
            total_ms: end.map(|end| end.total_ms),
            latency_ms: end.and_then(|end| end.worker_ms),
        }
    }
}
