//! What a session answers.

use std::sync::Arc;

use axum::http::request::Parts;
use platools::mcp::Revision;
use rmcp::model::{
    CallToolRequestMethod, CallToolRequestParams, CallToolResponse, ConstString as _, CustomRequest, CustomResult,
    ErrorCode, ErrorData, Icon, Implementation, InitializeRequestParams, InitializeResult, ListToolsRequestMethod,
    ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, SetLevelRequestMethod,
    SetLevelRequestParams, SubscriptionFilter,
};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{RoleServer, ServerHandler};

use super::call;
use super::log::renamed;
use super::request_context::McpRequest;
use super::session::{Purpose, Session};
use super::sessions::Sessions;
use super::tools;
use crate::core::Stay;
use crate::core::directory::Card;

/// What a client is told about the tools of a gateway.
const INSTRUCTIONS: &str = "The tools are run by workers that come and go. `platools/online` in a tool's `_meta` says whether its \
                            worker is connected; a call of one that is not fails at once, and may be tried again later.";

/// Answers the requests of one session, or a single request without one.
#[derive(Debug, Clone)]
pub(super) struct Handler {
    pub(super) sessions: Arc<Sessions>,
    pub(super) session: Arc<Session>,
}

/// What the HTTP request brought, beside the message in it.
fn asked(context: &RequestContext<RoleServer>) -> Result<&McpRequest, ErrorData> {
    let asked = context.extensions.get::<Parts>().and_then(|parts| parts.extensions.get());
    asked.ok_or_else(|| ErrorData::internal_error("the request came without its caller", None))
}

/// A server with what people see of its entity.
fn presented(mut server: Implementation, card: Card) -> Implementation {
    server.title = card.title;
    server.icons = card.icon.map(|icon| {
        let shown = Icon::new(icon.src);
        vec![icon.media_type.into_iter().fold(shown, Icon::with_mime_type)]
    });
    server
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let version = env!("CARGO_PKG_VERSION");
        let info = match &self.session.view.entity {
            Some((entity, slug)) => {
                presented(Implementation::new(slug, version), self.sessions.core.entity_card(entity))
            }
            None => Implementation::new("platools-gateway", version).with_title("platools gateway"),
        };
        let capabilities = ServerCapabilities::builder().enable_tools().enable_tool_list_changed().enable_logging();
        ServerConfig::new(capabilities.build()).with_server_info(info).with_instructions(INSTRUCTIONS)
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let answer = self.negotiate_initialize(&request)?;
        context.peer.set_peer_info(request);
        Ok(Revision::initialized(answer))
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let caller = &asked(&context)?.caller;
        let cursor = request.and_then(|request| request.cursor);
        let revision = Revision::of_request(&context);
        tools::page(&self.sessions.core, caller, &self.session.view, cursor.as_deref(), revision).await
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let _call = self.session.used(Purpose::Call);
        let asked = asked(&context)?;
        Ok(call::run(&self.sessions, &self.session, asked, request, &context).await?.into())
    }

    async fn set_level(&self, request: SetLevelRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.session.set_level(renamed(request.level));
        Ok(())
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        self.session.is_ready(context.peer);
    }

    fn accepted_subscription_filter(&self, _: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(SubscriptionFilter::builder().tools_list_changed().build())
    }

    /// For clients without a session. Each of these has a connection of its own, and of those an address has so many.
    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let core = &self.sessions.core;
        let caller = &asked(context.request_context())?.caller;
        let (presence, mut news) = (core.arrives(), core.tool_news(&self.session.view.environment));
        core.is_known(&presence, caller).map_err(|error| ErrorData::invalid_request(error.to_string(), None))?;
        let mut stay = presence.stay();
        loop {
            // Every arm is cancel-safe.
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                _ = stay.wait_for(|stay| *stay > Stay::Unlimited) => return Ok(()),
                () = news.changed(|scope| self.session.view.has(scope)) => {}
            }
            if context.sink().notify_tool_list_changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// What is known by its method, but does not say what it must, ends here as well.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let known = [CallToolRequestMethod::VALUE, ListToolsRequestMethod::VALUE, SetLevelRequestMethod::VALUE];
        let method = request.method;
        if known.contains(&&*method) {
            return Err(ErrorData::invalid_params(format!("the `params` are not those of {method}"), None));
        }
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("there is no method {method}"), None))
    }
}
