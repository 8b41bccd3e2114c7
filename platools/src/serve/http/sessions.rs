//! The sessions of clients: as many as there may be, each kept until it ends or nothing was heard for long.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::Stream;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_server::session::local::{LocalSessionManager, SessionConfig};
use rmcp::transport::streamable_http_server::session::{EventStream, ServerSseMessage, SessionId, SessionManager};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::events::Events;

/// What the library calls the first event of a stream that has no other yet.
const BEGINNING: &str = "0";

/// The library's sessions, bounded, and with events that outlive a connection.
///
/// The library keeps answers for clients that come back only until they are complete, and one whose last event was lost would wait for
/// ever; so they are kept here. It would also let an answer without a session go on after its connection, where the
/// protocol says that closing it is how such a call is cancelled, so to those the events are not shown.
pub(super) struct Sessions {
    inner: LocalSessionManager,
    events: Events,
    room: Arc<Semaphore>,
    open: Mutex<HashMap<SessionId, OwnedSemaphorePermit>>,
}

impl Sessions {
    /// Room for so many sessions; one ends when nothing was heard or said for `idle`.
    pub(super) fn new(most: usize, idle: Duration) -> Self {
        let events = Events::default();
        let mut inner = LocalSessionManager::default().with_event_store(Arc::new(events.clone()));
        let mut config = SessionConfig::default();
        config.keep_alive = Some(idle);
        inner.session_config = config;
        let room = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self { inner, events, room, open: Mutex::default() }
    }

    /// Whether there is no room for another one.
    pub(super) fn are_full(&self) -> bool {
        self.room.available_permits() == 0
    }

    /// Has the library know that a client is there.
    ///
    /// The stream it makes for that is not used: a second one would be silent for as long as the connection of the first seems to be
    /// there.
    async fn hear_of(&self, id: &SessionId) -> Result<()> {
        self.inner.create_standalone_stream(id).await.map(drop).map_err(io::Error::other)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<SessionId, OwnedSemaphorePermit>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Result<T> = io::Result<T>;

impl SessionManager for Sessions {
    type Error = io::Error;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport)> {
        let permit = Arc::clone(&self.room).try_acquire_owned();
        let permit = permit.map_err(|_| io::Error::new(io::ErrorKind::QuotaExceeded, "too many sessions"))?;
        let (id, transport) = self.inner.create_session().await.map_err(io::Error::other)?;
        self.open().insert(Arc::clone(&id), permit);
        Ok((id, transport))
    }

    async fn initialize_session(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<ServerJsonRpcMessage> {
        self.inner.initialize_session(id, message).await.map_err(io::Error::other)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool> {
        self.inner.has_session(id).await.map_err(io::Error::other)
    }

    async fn close_session(&self, id: &SessionId) -> Result<()> {
        let closed = self.inner.close_session(id).await.map_err(io::Error::other);
        self.events.forget(&Events::notices(id));
        self.open().remove(id);
        closed
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static> {
        self.inner.create_stream(id, message).await.map_err(io::Error::other)
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<()> {
        self.inner.accept_message(id, message).await.map_err(io::Error::other)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static> {
        self.hear_of(id).await?;
        Ok(self.events.listen(id))
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static> {
        let stream: EventStream = match last_event_id.as_str() {
            // Of the notices that came since then none is lost.
            BEGINNING => {
                self.hear_of(id).await?;
                self.events.listen_to_all(id)
            }
            _ => Box::pin(self.inner.resume(id, last_event_id).await.map_err(io::Error::other)?),
        };
        Ok(stream)
    }
}
