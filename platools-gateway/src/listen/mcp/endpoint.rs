//! One HTTP request, from who sends it to what is answered.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::response::Response;
use http_body_util::BodyExt as _;
use platools::mcp::{Exchange, Refusal};
use rmcp::transport::streamable_http_server::StreamableHttpService;
use serde::Deserialize;

use super::Adapter;
use super::failure::{no_message, refusal, unread};
use super::handler::Handler;
use super::request_context::{McpRequest, PermittedCall, take_arguments};
use super::resource::challenge;
use super::session::{Purpose, Session, Use};
use super::session_manager::RequestSessions;
use crate::authority::{Action, Resource, authorize};
use crate::core::ToolView;
use crate::core::identity::Caller;
use crate::core::limits::HeldBytes;
use crate::core::origin::Protocol;
use crate::core::trace::TraceContext;
use crate::listen::{caller_of, read_text};
use crate::ops::offload::offload;

/// What a session is named by.
const SESSION: &str = "mcp-session-id";

/// Bytes of a message of a viewer, at most.
const MAX_VIEWER_BYTES: usize = 64 * 1024;

/// Which environment's tools are meant.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Which {
    environment_id: Option<String>,
    env: Option<String>,
}

/// The tools of all entities.
pub(super) async fn all(State(adapter): State<Arc<Adapter>>, Query(which): Query<Which>, request: Request) -> Response {
    serve(&adapter, &which, None, request).await.unwrap_or_else(|refused| *refused)
}

/// The tools of one entity.
pub(super) async fn of_entity(
    State(adapter): State<Arc<Adapter>>,
    Path(entity): Path<String>,
    Query(which): Query<Which>,
    request: Request,
) -> Response {
    serve(&adapter, &which, Some(&entity), request).await.unwrap_or_else(|refused| *refused)
}

async fn serve(
    adapter: &Adapter,
    which: &Which,
    entity: Option<&str>,
    request: Request,
) -> Result<Response, Box<Response>> {
    let (mut parts, body) = request.into_parts();
    let core = &adapter.sessions.core;
    let caller = caller_of(&mut parts, core, Protocol::Mcp).await;
    let caller = caller.map_err(|error| challenge(adapter, &parts, &error))?;
    // Nobody needs it any more, and what follows may be shown to somebody.
    parts.headers.remove(header::AUTHORIZATION);
    let environment = which.environment_id.as_deref().or(which.env.as_deref());
    let view = core.tool_view(&caller, environment, entity).map_err(|error| refusal(&error))?;
    let session = session(adapter, &caller, view, &parts);
    let exchange = Exchange::begin(&parts.method, &mut parts.headers, session.revision());
    let exchange = exchange.map_err(refused)?;
    exchange.check_end(session.revision().is_some()).map_err(refused)?;
    let message = if parts.method == Method::POST { Some(read(adapter, &caller, body).await?) } else { None };
    let (text, held, call) = message.map_or_else(Default::default, |read| (read.text, Some(read.held), read.call));
    let purpose = if parts.method == Method::GET { Purpose::Stream } else { Purpose::Request };
    let in_use = session.used(purpose);
    let traceparent = parts.headers.get("traceparent").and_then(|value| value.to_str().ok());
    let trace = TraceContext::from_parent(traceparent);
    parts.extensions.insert(McpRequest::new(caller.clone(), trace, call));
    let request = Request::from_parts(parts, Body::from(text));
    let visit = RequestSessions { sessions: Arc::clone(&adapter.sessions), caller, session, refused: Mutex::default() };
    Ok(kept(answer(adapter, visit, exchange, request).await, (in_use, held)))
}

fn refused(refusal: Refusal) -> Box<Response> {
    Box::new(refusal.into_response().map(Body::new))
}

/// A message that was read.
struct Message {
    text: String,
    /// Its bytes count against the gateway's budget until it is answered.
    held: HeldBytes,
    call: Option<PermittedCall>,
}

/// Reads a message, and admits the call if it is one.
async fn read(adapter: &Adapter, caller: &Caller, body: Body) -> Result<Message, Box<Response>> {
    let core = &adapter.sessions.core;
    let max_bytes = core.limiter().body_bytes();
    // Without arguments of calls, which others may not make, messages are short.
    let may_call = authorize(caller, Action::Call, Resource::Project(&caller.project_id)).is_ok();
    let max_bytes = if may_call { max_bytes } else { max_bytes.min(MAX_VIEWER_BYTES) };
    let held = core.limiter().body_of(caller.credential.to_string());
    let (text, held) = read_text(body, held, max_bytes).await.map_err(|error| unread(&error))?.into_parts();
    let taken = offload(text.len(), || take_arguments(text)).await;
    let (text, arguments) = taken.map_err(|error| no_message(&error))?;
    let admit = |arguments| core.permit_call(caller).map(|permit| PermittedCall { permit, arguments });
    let call = arguments.map(admit).transpose().map_err(|error| refusal(&error))?;
    Ok(Message { text, held, call })
}

/// The session that a request is about, or one that it may open. One of somebody else is none.
fn session(adapter: &Adapter, caller: &Caller, view: ToolView, parts: &Parts) -> Arc<Session> {
    let id = parts.headers.get(SESSION).and_then(|id| id.to_str().ok());
    let open = id.and_then(|id| adapter.sessions.find(id, &caller.credential, &view));
    open.unwrap_or_else(|| Arc::new(Session::new(caller, view)))
}

async fn answer(adapter: &Adapter, visit: RequestSessions, exchange: Exchange, request: Request) -> Response {
    let handler = Handler { sessions: Arc::clone(&visit.sessions), session: Arc::clone(&visit.session) };
    let config = adapter.config.clone().with_cancellation_token(visit.session.ended.clone());
    let visit = Arc::new(visit);
    let service = StreamableHttpService::new(move || Ok(handler.clone()), Arc::clone(&visit), config);
    let response = exchange.end(service.handle(request).await, adapter.sessions.settings.stream_after).await;
    visit.take_refusal().map_or_else(|| response.map(Body::new), |error| refusal(&error))
}

/// A response that counts as a use of its session until it is written, or nobody reads it any more. The bytes of its request are
/// held as long.
fn kept(response: Response, kept: (Use, Option<HeldBytes>)) -> Response {
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _kept = &kept;
            frame
        }))
    })
}
