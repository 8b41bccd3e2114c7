//! [`FeedAdapter`]: serves the WebSockets of dashboards. Each dashboard watches one agent.

mod connection;
mod keepalive;
mod message;
mod request;

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

pub(super) use request::FeedRequest;

use super::http::{ErrorView, upgrade_required};
use super::remote;
use super::ws::{self, ReadLimits};
use crate::audit::action;
use crate::connections::BrowserSession;
use crate::core::Core;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::ConnectionId;
use crate::domain::origin::RequestOrigin;
use connection::Dashboard;

/// Bytes that a socket reads of a message beyond the limit.
const MORE_READ_BYTES: usize = 64 * 1024;

/// The adapter for dashboards.
#[derive(Debug, Clone)]
pub(super) struct FeedAdapter {
    core: Arc<Core>,
    dashboards: TaskTracker,
}

impl FeedAdapter {
    pub(super) fn new(core: Arc<Core>, dashboards: TaskTracker) -> Self {
        Self { core, dashboards }
    }

    /// Lets a dashboard in whose token is good. The socket tells it whether it may watch the agent.
    pub(super) async fn upgrade(
        self,
        request: FeedRequest,
        from: RequestOrigin,
        upgrade: WebSocketUpgrade,
    ) -> Response {
        let Self { core, dashboards } = self;
        let (caller, session) = match authenticate(&core, &request, &from).await {
            Ok(authenticated) => authenticated,
            Err(error) => return refusal(&error),
        };
        let message_bytes = core.dashboards.settings().max_message_bytes.saturating_add(MORE_READ_BYTES);
        ws::open(upgrade, ReadLimits { message_bytes, buffer_bytes: 1024 }, &dashboards, async move |socket| {
            let span = ws::socket_span!("dashboard", ConnectionId::random(), from);
            connection::serve(Dashboard { core, caller, session, agent: request.agent }, socket).instrument(span).await;
        })
    }

    /// Tells a page how its upgrade would end: a page sees no status of an upgrade that was refused. The checks and limits are those of
    /// the upgrade.
    pub(super) async fn explain(self, request: FeedRequest, from: RequestOrigin) -> Response {
        let mut response = match self.check(&request, &from).await {
            Ok(()) => upgrade_required("this token may watch this agent; connect with a WebSocket"),
            Err(error) => refusal(&error),
        };
        // The answer of now says nothing of later.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    async fn check(&self, request: &FeedRequest, from: &RequestOrigin) -> Result<(), Error> {
        let (caller, _) = authenticate(&self.core, request, from).await?;
        self.core.dashboards.check(&caller, &request.agent)
    }
}

/// The caller of a request, and the session of the browser that it was found by.
async fn authenticate(
    core: &Core,
    request: &FeedRequest,
    from: &RequestOrigin,
) -> Result<(Caller, Option<BrowserSession>), Error> {
    let (caller, session) = match (&request.token, &request.session) {
        (Some(token), _) => (core.dashboards.authenticate(token, &request.agent, from.clone()).await?, None),
        (None, Some(secret)) => {
            let session = core.browser_sessions.find(secret, from.clone()).await?;
            (session.caller.clone(), Some(session))
        }
        (None, None) => {
            core.audit.refused_stranger(action::CALLER_AUTHENTICATE, from, None, "missing token");
            let message = "the URL has no token: add `token=...`, with a token of `POST /v1/tokens` or, where it is accepted, of the \
                           application";
            return Err(Error::new(ErrorKind::Unauthenticated, message));
        }
    };
    core.limiter.count_request(&caller, remote(&caller))?;
    Ok((caller, session))
}

/// The answer to a dashboard that is not let in. Of a failure of the gateway it learns that it may come back, not where the failure is.
fn refusal(error: &Error) -> Response {
    let mut view = ErrorView::from(error);
    if !view.status.is_client_error() {
        view.status = StatusCode::SERVICE_UNAVAILABLE;
    }
    view.into_response()
}
