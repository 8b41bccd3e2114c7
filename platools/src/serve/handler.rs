//! What is answered to a client, whatever it is connected by.
#![expect(deprecated, reason = "clients of revisions that have logs still ask for them")]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ErrorData, InitializeRequestParams, InitializeResult, ListToolsResult,
    PaginatedRequestParams, ServerConfig, ServerNotification, SetLevelRequestParams, SubscriptionFilter, Tool,
    ToolListChangedNotification,
};
use rmcp::service::{NotificationContext, Peer, RequestContext, SubscriptionContext};
use rmcp::{RoleServer, ServerHandler};
use tokio::task::JoinSet;

use super::call;
use super::calls::Calls;
use super::info::Info;
use super::log::{Level, Log, renamed};
use super::message::NOT_AN_OBJECT;
use super::tools::{Changes, Tools};
use crate::mcp::Revision;

/// What all clients of a server have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) tools: Tools,
    pub(super) calls: Calls,
    pub(super) info: Info,
    pub(super) user: Option<String>,
    /// The most bytes of a result.
    pub(super) max_result_bytes: usize,
}

/// The answers for one client.
#[derive(Debug)]
pub(super) struct Handler {
    shared: Arc<Shared>,
    /// What changed since the client listed the tools: whoever tells it of changes begins there, so that none is missed that came
    /// before telling began.
    unlisted: Mutex<Changes>,
    level: Level,
    /// Watches the registry for the client; ends with the handler.
    watching: Mutex<JoinSet<()>>,
}

impl Handler {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            unlisted: Mutex::new(shared.tools.changes()),
            shared,
            level: Level::default(),
            watching: Mutex::default(),
        }
    }

    fn unlisted(&self) -> MutexGuard<'_, Changes> {
        self.unlisted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        self.shared.info.config()
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.shared.tools.get(name).map(|tool| self.shared.tools.wire(&tool))
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
        let cursor = request.and_then(|request| request.cursor);
        if cursor.is_none() {
            *self.unlisted() = self.shared.tools.changes();
        }
        let page = self.shared.tools.page(cursor.as_deref(), Revision::of_request(&context));
        let page = page.ok_or_else(|| ErrorData::invalid_params("unknown cursor; list from the beginning", None))?;
        let mut result = ListToolsResult::with_all_items(page.tools);
        result.next_cursor = page.next;
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Shared { tools, user, .. } = &*self.shared;
        let unknown = || ErrorData::invalid_params(format!("Unknown tool: {}", request.name), None);
        let tool = tools.get(&request.name).ok_or_else(unknown)?;
        if request.arguments.as_ref().is_some_and(|arguments| arguments.contains_key(NOT_AN_OBJECT)) {
            let message = "`arguments` must be a JSON object, or a string that holds one";
            return Err(ErrorData::invalid_params(message, None));
        }
        let params = call::params(request.arguments.clone(), user.as_deref());
        let log = Log { asked: context.meta.log_level().map(renamed), set: &self.level };
        let result = call::run(&self.shared, &tool, params, &context, log).await;
        let result = result.ok_or_else(unknown)?;
        Ok(CallToolResponse::Complete(result))
    }

    async fn set_level(&self, request: SetLevelRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.level.set(renamed(request.level));
        Ok(())
    }

    /// Clients of the protocol's older revisions are told of changes from here on.
    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let watch = watch(self.unlisted().clone(), context.peer);
        let mut watching = self.watching.lock().unwrap_or_else(PoisonError::into_inner);
        // A second notice does not make a second watcher.
        if watching.is_empty() {
            watching.spawn(watch);
        }
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        let mut accepted = SubscriptionFilter::new();
        accepted.tools_list_changed = requested.tools_list_changed;
        Some(accepted)
    }

    /// Clients of newer revisions are told of changes for as long as they listen.
    async fn listen(&self, subscription: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.unlisted().clone();
        let told = async {
            while changes.next().await {
                let changed = ServerNotification::ToolListChangedNotification(ToolListChangedNotification::default());
                if subscription.sink().send(changed).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = told => {}
            () = subscription.cancelled() => {}
            () = self.shared.calls.stopping() => {}
        }
        Ok(())
    }
}

/// Tells a client of every change, until it is gone.
async fn watch(mut changes: Changes, peer: Peer<RoleServer>) {
    while changes.next().await && peer.notify_tool_list_changed().await.is_ok() {}
}
