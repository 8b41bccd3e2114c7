//! [`McpAdapter`]: the routes of `/mcp`, for the tools of all entities, and of `/mcp/entities/{slug}`: each authenticates the caller of a
//! request and lets `McpServer` answer it.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{Method, header};
use axum::response::Response;
use platools::mcp::McpServer;
use platools::mcp::http::{Exchange, Refusal, SessionUse, Sessions, UsageKind, holding, session_id};
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde::Deserialize;

use super::challenge::challenge;
use super::errors::{no_message, refusal, unread};
use super::request_context::{McpRequest, PermittedCall, take_arguments};
use super::session::McpSession;
use super::session_manager::RequestSessions;
use super::sessions::McpSessions;
use super::tool_host::GatewayHost;
use crate::authority::{Action, Resource, authorize};
use crate::background::offload::offload;
use crate::domain::identity::Caller;
use crate::domain::origin::Protocol;
use crate::domain::trace::TraceContext;
use crate::limits::HeldBytes;
use crate::listen::http::auth::authenticate_and_count;
use crate::listen::read_text;

/// The state of the endpoints.
#[derive(Debug)]
pub(super) struct McpAdapter {
    pub(super) sessions: Arc<McpSessions>,
    pub(super) config: StreamableHttpServerConfig,
}

/// Bytes of a message of a viewer, at most.
const MAX_VIEWER_BYTES: usize = 64 * 1024;

/// The query of an endpoint: the environment whose tools are meant.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnvironmentQuery {
    environment_id: Option<String>,
    env: Option<String>,
}

/// The tools of all entities.
pub(super) async fn all(
    State(adapter): State<Arc<McpAdapter>>,
    Query(query): Query<EnvironmentQuery>,
    request: Request,
) -> Response {
    serve(&adapter, &query, None, request).await.unwrap_or_else(|refused| *refused)
}

/// The tools of one entity.
pub(super) async fn of_entity(
    State(adapter): State<Arc<McpAdapter>>,
    Path(entity): Path<String>,
    Query(query): Query<EnvironmentQuery>,
    request: Request,
) -> Response {
    serve(&adapter, &query, Some(&entity), request).await.unwrap_or_else(|refused| *refused)
}

async fn serve(
    adapter: &McpAdapter,
    query: &EnvironmentQuery,
    entity: Option<&str>,
    request: Request,
) -> Result<Response, Box<Response>> {
    let (mut parts, body) = request.into_parts();
    let core = &adapter.sessions.core;
    let caller = authenticate_and_count(&mut parts, core, Protocol::Mcp).await;
    let caller = caller.map_err(|error| challenge(&parts, &error))?;
    // Nobody needs it any more, and what follows may be shown to somebody.
    parts.headers.remove(header::AUTHORIZATION);
    let environment = query.environment_id.as_deref().or(query.env.as_deref());
    let view = core.tools.view(&caller, environment, entity).map_err(|error| refusal(&error))?;
    // A session of somebody else is none.
    let open = session_id(&parts.headers).and_then(|id| adapter.sessions.find(id, &caller.credential, &view));
    let negotiated = open.as_ref().and_then(|open| open.streams.revision());
    let exchange = Exchange::begin(&parts.method, &mut parts.headers, negotiated).map_err(refused)?;
    exchange.check_end(negotiated.is_some()).map_err(refused)?;
    let session = open.map_or_else(|| Arc::new(McpSession::new(&caller, view)), |open| open.session);
    let message = if parts.method == Method::POST { Some(read(adapter, &caller, body).await?) } else { None };
    let (text, held, call) = message.map_or_else(Default::default, |read| (read.text, Some(read.held), read.call));
    let kind = if parts.method == Method::GET { UsageKind::Stream } else { UsageKind::Work };
    let in_use = session.usage.begin(kind);
    let traceparent = parts.headers.get("traceparent").and_then(|value| value.to_str().ok());
    let trace = TraceContext::from_parent(traceparent);
    parts.extensions.insert(McpRequest::new(caller.clone(), trace, call));
    let request = Request::from_parts(parts, Body::from(text));
    let sessions =
        RequestSessions { sessions: Arc::clone(&adapter.sessions), caller, session, refused: Mutex::default() };
    // The response is a use of its session until it is read, and the bytes of its request are held as long.
    answer(adapter, Arc::new(sessions), exchange, request, (in_use, held)).await
}

fn refused(refusal: Refusal) -> Box<Response> {
    Box::new(refusal.into_response().map(Body::new))
}

/// A message that was read.
struct ReadMessage {
    text: String,
    /// Its bytes count against the gateway's budget until it is answered.
    held: HeldBytes,
    call: Option<PermittedCall>,
}

/// Reads a message, and admits the call if it is one.
async fn read(adapter: &McpAdapter, caller: &Caller, body: Body) -> Result<ReadMessage, Box<Response>> {
    let core = &adapter.sessions.core;
    let max_bytes = core.limiter.body_bytes();
    // Without arguments of calls, which others may not make, messages are short.
    let may_call = authorize(caller, Action::Call, Resource::Project(&caller.project_id)).is_ok();
    let max_bytes = if may_call { max_bytes } else { max_bytes.min(MAX_VIEWER_BYTES) };
    let held = core.limiter.body_of(caller.credential.to_string());
    let (text, held) = read_text(body, held, max_bytes).await.map_err(unread)?.into_parts();
    let taken = offload(text.len(), || take_arguments(text)).await;
    let (text, arguments) = taken.map_err(|error| no_message(&error))?;
    let admit = |arguments| core.calls.permit(caller).map(|permit| PermittedCall { permit, arguments });
    let call = arguments.map(admit).transpose().map_err(|error| refusal(&error))?;
    Ok(ReadMessage { text, held, call })
}

async fn answer(
    adapter: &McpAdapter,
    sessions: Arc<RequestSessions>,
    exchange: Exchange,
    request: Request,
    held: (SessionUse, Option<HeldBytes>),
) -> Result<Response, Box<Response>> {
    let host = GatewayHost { sessions: Arc::clone(&adapter.sessions), session: Arc::clone(&sessions.session) };
    let config = adapter.config.clone().with_cancellation_token(sessions.session.ended.clone());
    let manager = Arc::new(Sessions(Arc::clone(&sessions)));
    let service = StreamableHttpService::new(move || Ok(McpServer::new(host.clone())), manager, config);
    let response = exchange.end(service.handle(request).await, adapter.sessions.settings.stream_after).await;
    match sessions.take_refusal() {
        Some(error) => Err(Box::new(refusal(&error))),
        None => Ok(holding(response, held).map(Body::new)),
    }
}
