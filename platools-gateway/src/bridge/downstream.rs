//! [`Downstream`]: the MCP server of the bridge for the client on the standard streams. It passes each request on to the gateway.

use std::sync::Arc;

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResponse, CancelledNotificationParam, ClientRequest, ErrorData,
    ListToolsResult, PaginatedRequestParams, RequestMetaObject, ResultType, ServerConfig, ServerPeerInfo, ServerResult,
    SetLevelRequestParams, SubscriptionFilter,
};
use rmcp::service::{PeerRequestOptions, RequestContext, ServiceError, SubscriptionContext};
use rmcp::{Peer, RoleClient, RoleServer, ServerHandler};

use super::relay::Relay;

/// The type of a result, which newer revisions require and the gateway's session leaves out.
const WHOLE: Option<ResultType> = Some(ResultType::COMPLETE);

#[derive(Debug)]
pub(super) struct Downstream {
    gateway: Peer<RoleClient>,
    relay: Arc<Relay>,
    config: ServerConfig,
}

impl Downstream {
    pub(super) fn new(gateway: Peer<RoleClient>, relay: Arc<Relay>, known: &ServerPeerInfo) -> Self {
        let mut config = ServerConfig::new(known.capabilities.clone());
        if let Some(info) = &known.server_info {
            config.server_info.clone_from(info);
        }
        config.instructions.clone_from(&known.instructions);
        Self { gateway, relay, config }
    }
}

/// The error for a client whose request the gateway did not answer.
fn unanswered(error: ServiceError) -> ErrorData {
    match error {
        ServiceError::McpError(error) => error,
        error => ErrorData::internal_error(format!("the gateway did not answer: {error}"), None),
    }
}

impl ServerHandler for Downstream {
    fn get_info(&self) -> ServerConfig {
        self.config.clone()
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let cursor = request.and_then(|request| request.cursor);
        let listed = self.gateway.list_tools(Some(PaginatedRequestParams::default().with_cursor(cursor))).await;
        let mut listed = listed.map_err(unanswered)?;
        listed.result_type = WHOLE;
        Ok(listed)
    }

    async fn call_tool(
        &self,
        mut request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        // `_meta` is about the connection to the client, except for the level of the log.
        request.meta = context.meta.log_level().map(|level| {
            let mut meta = RequestMetaObject::default();
            meta.set_log_level(level);
            meta
        });
        let call = ClientRequest::CallToolRequest(CallToolRequest::new(request));
        let call = self.gateway.send_cancellable_request(call, PeerRequestOptions::no_options()).await;
        let call = call.map_err(unanswered)?;
        let clients = context.meta.get_progress_token();
        let _translation = clients.map(|token| self.relay.translate(call.progress_token.clone(), token));
        let id = call.id.clone();
        tokio::select! {
            answer = call.await_response() => match answer.map_err(unanswered)? {
                ServerResult::CallToolResult(mut result) => {
                    result.result_type = WHOLE;
                    Ok(result.into())
                }
                _ => Err(ErrorData::internal_error("the gateway's answer is not the result of a call", None)),
            },
            () = context.ct.cancelled() => {
                let cancelled = CancelledNotificationParam::new(Some(id), Some("the client cancelled it".to_owned()));
                let _ = self.gateway.notify_cancelled(cancelled).await;
                // Nobody reads this.
                Err(ErrorData::internal_error("the request was cancelled", None))
            }
        }
    }

    fn accepted_subscription_filter(&self, _: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(SubscriptionFilter::builder().tools_list_changed().build())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.relay.changes();
        loop {
            // Both arms are cancel-safe.
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                changed = changes.changed() => {
                    if changed.is_err() || context.sink().notify_tool_list_changed().await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn set_level(&self, request: SetLevelRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        let level = request.level;
        self.gateway.set_level(request).await.map_err(unanswered)?;
        // Also for the sessions that come after this one.
        self.relay.note_log_level(level);
        Ok(())
    }
}
