//! [`Connection`]: holds one connection to an MCP server. It lists the server's tools, waits for changes of the list, and notices when the
//! server is gone. `host.rs` opens the next connection.

use std::future::pending;
use std::time::Duration;

use anyhow::Context as _;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use rmcp::handler::client::progress::ProgressDispatcher;
use rmcp::model::{
    ClientCapabilities, ClientConfig, Implementation, ProgressNotificationParam, ProtocolVersion, SubscriptionFilter,
    Tool,
};
use rmcp::service::{
    ClientLifecycleMode, ClientServiceExt as _, NotificationContext, RunningServiceCancellationToken, ServiceError,
    Subscription,
};
use rmcp::transport::IntoTransport;
use rmcp::{ClientHandler, Peer, RoleClient};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// The interval at which a server is asked for its tools. That also finds servers that are gone and are not connected by a process,
/// and tools that come without a word.
const REFRESH: Duration = Duration::from_secs(30);

/// The longest time for a server to list its tools.
const LIST: Duration = Duration::from_secs(30);

/// The longest time for a server to end.
const FAREWELL: Duration = Duration::from_secs(10);

/// A connection to a server.
pub(super) struct Connection {
    session: Session,
    changes: watch::Receiver<()>,
    /// The subscription to changes, which servers of the newest revision offer.
    subscription: Option<Subscription>,
    /// Ready from the end of the connection on.
    ended: Shared<BoxFuture<'static, ()>>,
    end: RunningServiceCancellationToken,
}

/// The part of a connection that calls use.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) peer: Peer<RoleClient>,
    pub(super) progress: ProgressDispatcher,
}

/// The reason why a connection is looked at.
pub(super) enum ServerNotice {
    /// Its tools may have changed.
    Tools,
    /// It has ended.
    Ended,
}

impl Connection {
    /// Begins to speak the protocol, in whichever revision both sides know.
    ///
    /// # Errors
    /// The other side does not speak it, or ends.
    pub(super) async fn begin<T, E, A>(transport: T) -> anyhow::Result<Self>
    where
        T: IntoTransport<RoleClient, E, A>,
        E: std::error::Error + Send + Sync + 'static,
    {
        let (changed, changes) = watch::channel(());
        let progress = ProgressDispatcher::new();
        let client = Client { progress: progress.clone(), changed };
        let newest_first = ProtocolVersion::KNOWN_VERSIONS.iter().rev().cloned().collect();
        let lifecycle = ClientLifecycleMode::Auto { preferred_versions: newest_first, legacy_version: None };
        let service = client.serve_with_lifecycle(transport, lifecycle).await?;
        let subscription = subscribe(service.peer()).await;
        Ok(Self {
            session: Session { peer: service.peer().clone(), progress },
            changes,
            subscription,
            end: service.cancellation_token(),
            ended: service.waiting().map(drop).boxed().shared(),
        })
    }

    /// Returns the part that calls use.
    pub(super) fn session(&self) -> Session {
        self.session.clone()
    }

    /// The tools there are.
    ///
    /// # Errors
    /// The server does not say.
    pub(super) async fn tools(&mut self) -> anyhow::Result<Vec<Tool>> {
        // Read before the list itself, so that a change in between is asked for once more rather than missed.
        self.changes.mark_unchanged();
        let listed = timeout(LIST, self.session.peer.list_all_tools()).await;
        Ok(listed.with_context(|| format!("no list of its tools came within {} seconds", LIST.as_secs()))??)
    }

    /// True if an error means that the server is gone.
    pub(super) fn is_lost(&self, error: &anyhow::Error) -> bool {
        let error = error.downcast_ref();
        matches!(error, Some(ServiceError::TransportSend(_) | ServiceError::TransportClosed))
    }

    /// Waits until the tools may have changed, or the connection ends.
    pub(super) async fn news(&mut self) -> ServerNotice {
        tokio::select! {
            () = self.ended.clone() => return ServerNotice::Ended,
            () = told(&mut self.subscription) => {}
            Ok(()) = self.changes.changed() => {}
            () = sleep(REFRESH) => {}
        }
        ServerNotice::Tools
    }

    /// Ends it in order: a program has time to end by itself.
    pub(super) async fn close(self) {
        self.end.cancel();
        if timeout(FAREWELL, self.ended).await.is_err() {
            tracing::warn!("MCP server did not end in time");
        }
    }
}

/// Asks to be told of changes, where that has to be asked for. A server that refuses is asked for its tools now and then.
async fn subscribe(peer: &Peer<RoleClient>) -> Option<Subscription> {
    let server = peer.peer_info()?;
    let tells = server.capabilities.tools.as_ref().is_some_and(|tools| tools.list_changed == Some(true));
    if !tells || server.protocol_version.has_initialize() {
        return None;
    }
    let filter = SubscriptionFilter::builder().tools_list_changed().build();
    // Without the error, which may name a URL with a secret in it.
    let listened = timeout(LIST, peer.listen(filter)).await.ok().and_then(Result::ok);
    if listened.is_none() {
        tracing::warn!("MCP server announces no changes of its tools; they are listed at intervals");
    }
    listened
}

/// Waits for the next change of a subscription. One that has ended is no end of the connection, whose tools are asked for now and
/// then all the same.
async fn told(subscription: &mut Option<Subscription>) {
    if let Some(open) = subscription {
        if let Ok(Some(_)) = open.next().await {
            return;
        }
        tracing::debug!("the MCP server no longer tells of changes");
        *subscription = None;
    }
    pending().await
}

/// Our end of a connection.
struct Client {
    progress: ProgressDispatcher,
    changed: watch::Sender<()>,
}

impl ClientHandler for Client {
    async fn on_progress(&self, progress: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        self.progress.handle_notification(progress).await;
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed.send_replace(());
    }

    fn get_info(&self) -> ClientConfig {
        let name = Implementation::new("platools", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), name)
    }
}
