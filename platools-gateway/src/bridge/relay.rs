//! [`Relay`]: passes progress, log entries and changes of the tool list from the gateway on to the client of the bridge.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rmcp::model::{
    LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam, ProgressToken, ProtocolVersion,
    SetLevelRequestParams,
};
use rmcp::{Peer, RoleClient, RoleServer};
use tokio::sync::watch;

/// Passes the gateway's progress, log and changes on to the client.
#[derive(Debug, Default)]
pub(super) struct Relay {
    client: OnceLock<Peer<RoleServer>>,
    tokens: Mutex<HashMap<ProgressToken, ProgressToken>>,
    /// Notifies subscribers of changes of the list of tools.
    changes: watch::Sender<()>,
    /// The lowest level of the gateway's log that the client asked for.
    level: Mutex<Option<LoggingLevel>>,
}

impl Relay {
    pub(super) fn is_connected(&self, client: Peer<RoleServer>) {
        // There is one client for as long as the program runs.
        let _ = self.client.set(client);
    }

    /// Renames progress from the gateway's token to the client's, until the returned value is dropped.
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
        // Since the revision without sessions, a client gets only the notifications that it subscribed to.
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

    /// Notes the lowest level of the gateway's log that the client asks for.
    pub(super) fn note_log_level(&self, level: LoggingLevel) {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = Some(level);
    }

    /// Repeats the client's level of the log to a gateway with a new session.
    pub(super) async fn renew(&self, gateway: &Peer<RoleClient>) {
        let level = *self.level.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(level) = level
            && let Err(error) = gateway.set_level(SetLevelRequestParams::new(level)).await
        {
            tracing::warn!(%error, "log level of the client not passed on to the gateway");
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
