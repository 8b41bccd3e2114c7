//! [`Relay`]: passes progress, log entries and changes of the list of tools from the gateway on to the MCP client of the bridge.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rmcp::model::{
    LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam, ProgressToken, ProtocolVersion,
    SetLevelRequestParams,
};
use rmcp::{Peer, RoleClient, RoleServer};
use tokio::sync::watch;

/// The client, and what it calls the progress of which request.
#[derive(Debug, Default)]
pub(super) struct Relay {
    client: OnceLock<Peer<RoleServer>>,
    tokens: Mutex<HashMap<ProgressToken, ProgressToken>>,
    /// Notifies subscribers of changes of the list of tools.
    changes: watch::Sender<()>,
    /// From which level on the client wants to read the gateway's log, if it said so.
    level: Mutex<Option<LoggingLevel>>,
}

impl Relay {
    pub(super) fn is_connected(&self, client: Peer<RoleServer>) {
        // There is one client for as long as the program runs.
        let _ = self.client.set(client);
    }

    /// Has the progress under the gateway's token go on under the client's, until what is returned is dropped.
    pub(super) fn translate(&self, gateways: ProgressToken, clients: ProgressToken) -> Translation<'_> {
        self.tokens().insert(gateways.clone(), clients);
        Translation { relay: self, gateways }
    }

    pub(super) async fn progress(&self, mut progress: ProgressNotificationParam) {
        let token = self.tokens().get(&progress.progress_token).cloned();
        if let (Some(client), Some(token)) = (self.client.get(), token) {
            progress.progress_token = token;
            // A client that is gone is noticed where its messages are read; so below.
            let _ = client.notify_progress(progress).await;
        }
    }

    pub(super) async fn tools_changed(&self) {
        self.changes.send_replace(());
        // From the revision without sessions on, a client is told what it asked for, and nothing else.
        let is_told = |client: &&Peer<RoleServer>| {
            let info = client.peer_info();
            info.is_some_and(|info| info.protocol_version.as_str() < ProtocolVersion::V_2026_07_28.as_str())
        };
        if let Some(client) = self.client.get().filter(is_told) {
            let _ = client.notify_tool_list_changed().await;
        }
    }

    /// The changes of the list of tools, from now on.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Notes from which level on the client wants to read the gateway's log.
    pub(super) fn wants_log(&self, level: LoggingLevel) {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = Some(level);
    }

    /// Tells a gateway with a new session what the client told it in the one before.
    pub(super) async fn renew(&self, gateway: &Peer<RoleClient>) {
        let level = *self.level.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(level) = level
            && let Err(error) = gateway.set_level(SetLevelRequestParams::new(level)).await
        {
            tracing::warn!(%error, "the gateway was not told how much of its log the client wants");
        }
    }

    pub(super) async fn log(&self, message: LoggingMessageNotificationParam) {
        if let Some(client) = self.client.get() {
            let _ = client.notify_logging_message(message).await;
        }
    }

    fn tokens(&self) -> MutexGuard<'_, HashMap<ProgressToken, ProgressToken>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The names of a request's progress at either end.
#[derive(Debug)]
pub(super) struct Translation<'a> {
    relay: &'a Relay,
    gateways: ProgressToken,
}

impl Drop for Translation<'_> {
    fn drop(&mut self) {
        self.relay.tokens().remove(&self.gateways);
    }
}
