//! [`Upstream`]: the MCP client of the bridge, which is connected to the gateway. It gives notifications of the gateway to `Relay`.

use std::sync::Arc;

use rmcp::model::{ClientConfig, LoggingMessageNotificationParam, ProgressNotificationParam};
use rmcp::service::NotificationContext;
use rmcp::{ClientHandler, RoleClient};

use super::relay::Relay;

#[derive(Debug)]
pub(super) struct Upstream {
    config: ClientConfig,
    relay: Arc<Relay>,
}

impl Upstream {
    pub(super) fn new(config: ClientConfig, relay: Arc<Relay>) -> Self {
        Self { config, relay }
    }
}

impl ClientHandler for Upstream {
    fn get_info(&self) -> ClientConfig {
        self.config.clone()
    }

    async fn on_progress(&self, params: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        self.relay.progress(params).await;
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.relay.tools_changed().await;
    }

    async fn on_logging_message(&self, params: LoggingMessageNotificationParam, _: NotificationContext<RoleClient>) {
        self.relay.log(params).await;
    }
}
