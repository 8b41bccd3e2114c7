//! [`McpServer`]: answers the messages of one MCP client. [`ToolHost`] is the trait that finds and calls the tools; `serve` and the gateway
//! implement it.
#![expect(deprecated, reason = "clients of the revisions with sessions ask for a log")]

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rmcp::model::{
    CallToolRequestMethod, CallToolRequestParams, CallToolResponse, CallToolResult, ConstString as _, CustomRequest,
    CustomResult, ErrorCode, ErrorData, Implementation, InitializeRequestParams, InitializeResult,
    ListToolsRequestMethod, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
    SetLevelRequestMethod, SetLevelRequestParams, SubscriptionFilter, Tool,
};
use rmcp::service::{NotificationContext, Peer, RequestContext, SubscriptionContext};
use rmcp::{RoleServer, ServerHandler};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::notifier::{Notifier, SessionLevel};

/// The tools of a server: a registry, or those of a gateway that one caller may use.
pub trait ToolHost: Send + Sync + 'static {
    /// Changes of the list of tools.
    type Changes: ToolChanges;

    /// The server's description of itself.
    fn config(&self) -> ServerConfig;

    /// The tool of this name, if the headers of its calls are to be checked against its schema.
    fn tool(&self, name: &str) -> Option<Tool> {
        let _ = name;
        None
    }

    /// A page of the tools, in the client's revision.
    ///
    /// # Errors
    /// The cursor is unknown, or the tools cannot be read.
    fn list(
        &self,
        cursor: Option<&str>,
        context: &RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<ListToolsResult, ErrorData>> + Send;

    /// Calls a tool. The failure of a tool is a result.
    ///
    /// # Errors
    /// There is no such tool, or the call could not be made.
    fn call(
        &self,
        request: CallToolRequestParams,
        notifier: Notifier<'_>,
        context: &RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<CallToolResult, ErrorData>> + Send;

    /// Changes from now on.
    fn changes(&self) -> Self::Changes;

    /// Waits until a subscription has to end.
    ///
    /// # Errors
    /// The client may not subscribe.
    fn subscription_end(
        &self,
        context: &RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<(), ErrorData>> + Send;
}

/// Changes of a list of tools.
pub trait ToolChanges: Send + 'static {
    /// Waits for the next change; several at once are one. `false` if there can be none any more. Cancel-safe.
    fn next(&mut self) -> impl Future<Output = bool> + Send;
}

/// A server for one client: its session, or a single request without one.
#[derive(Debug)]
pub struct McpServer<H: ToolHost> {
    host: H,
    level: SessionLevel,
    /// Changes since the client listed the tools, so that it is told of those that came before it listened.
    unheard: Mutex<Option<H::Changes>>,
    /// Tells the client of changes; ends with the server.
    watcher: Mutex<JoinSet<()>>,
}

/// The shortest time between two notices that the list changed.
const CHANGE_PAUSE: Duration = Duration::from_millis(100);

/// A server's description of itself, with the capabilities that every server has.
#[must_use]
pub fn server_config(server: Implementation) -> ServerConfig {
    let capabilities = ServerCapabilities::builder().enable_tools().enable_tool_list_changed().enable_logging();
    ServerConfig::new(capabilities.build()).with_server_info(server)
}

impl<H: ToolHost> McpServer<H> {
    /// A server for a client that has said nothing yet.
    pub fn new(host: H) -> Self {
        Self { host, level: SessionLevel::default(), unheard: Mutex::default(), watcher: Mutex::default() }
    }

    fn unheard(&self) -> MutexGuard<'_, Option<H::Changes>> {
        self.unheard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_changes(&self) -> H::Changes {
        self.unheard().take().unwrap_or_else(|| self.host.changes())
    }
}

impl<H: ToolHost> ServerHandler for McpServer<H> {
    fn get_info(&self) -> ServerConfig {
        self.host.config()
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.host.tool(name)
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let answer = self.negotiate_initialize(&request)?;
        context.peer.set_peer_info(request);
        Ok(answer)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let cursor = request.and_then(|request| request.cursor);
        if cursor.is_none() {
            *self.unheard() = Some(self.host.changes());
        }
        self.host.list(cursor.as_deref(), &context).await
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let notifier = Notifier::new(&context, &self.level, request.name.to_string());
        Ok(self.host.call(request, notifier, &context).await?.into())
    }

    async fn set_level(&self, request: SetLevelRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.level.set(request.level);
        Ok(())
    }

    /// Clients of the revisions with sessions are told of changes from here on.
    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let changes = self.take_changes();
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        // A second notice does not make a second watcher.
        if watcher.is_empty() {
            watcher.spawn(watch(changes, context.peer));
        }
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        let mut accepted = SubscriptionFilter::new();
        accepted.tools_list_changed = requested.tools_list_changed;
        Some(accepted)
    }

    /// Clients of newer revisions are told of changes for as long as they listen.
    async fn listen(&self, subscription: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.take_changes();
        let told = async {
            while changes.next().await {
                if subscription.sink().notify_tool_list_changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = told => Ok(()),
            () = subscription.cancelled() => Ok(()),
            end = self.host.subscription_end(subscription.request_context()) => end,
        }
    }

    /// Answers requests of a known method whose params the library cannot read, and those of unknown methods.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let method = request.method;
        let why = match &*method {
            CallToolRequestMethod::VALUE => {
                "`params` do not fit tools/call: `name` must be a string, and `arguments` must be a JSON object, or a string that holds one"
                    .to_owned()
            }
            ListToolsRequestMethod::VALUE | SetLevelRequestMethod::VALUE => format!("`params` do not fit {method}"),
            _ => return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("there is no method {method}"), None)),
        };
        Err(ErrorData::invalid_params(why, None))
    }
}

/// Tells a client of every change, until it is gone.
async fn watch(mut changes: impl ToolChanges, peer: Peer<RoleServer>) {
    while changes.next().await && peer.notify_tool_list_changed().await.is_ok() {
        sleep(CHANGE_PAUSE).await;
    }
}
