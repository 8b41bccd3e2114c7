//! [`Sessions`]: the sessions of clients, as many as there may be. Each is kept until it ends, nothing was heard for long, or another
//! client needs the room.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::Stream;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_server::session::local::{LocalSessionManager, SessionConfig};
use rmcp::transport::streamable_http_server::session::{EventStream, ServerSseMessage, SessionId, SessionManager};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::events::Events;
use crate::mcp::Revision;

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
    open: Arc<Mutex<HashMap<SessionId, Open>>>,
}

/// A session that is open.
struct Open {
    room: OwnedSemaphorePermit,
    /// Requests that are not answered, and streams that are read.
    uses: usize,
    /// When the last use began or ended.
    since: Instant,
    /// The revision that it was begun in; `None` until the client knows.
    revision: Option<Revision>,
}

/// One use of a session, until it is dropped.
pub(super) struct Use {
    open: Arc<Mutex<HashMap<SessionId, Open>>>,
    id: SessionId,
}

impl Drop for Use {
    fn drop(&mut self) {
        if let Some(open) = lock(&self.open).get_mut(&self.id) {
            open.uses -= 1;
            open.since = Instant::now();
        }
    }
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
        Self { inner, events, room, open: Arc::default() }
    }

    /// Whether there is no room for another one, and none that could be made.
    pub(super) fn have_no_room(&self) -> bool {
        self.room.available_permits() == 0 && self.open().values().all(|open| open.uses > 0)
    }

    /// Notes a use of a session, until the last clone of the returned [`Use`] is dropped. `None` if there is no such session.
    pub(super) fn used(&self, id: &str) -> Option<Arc<Use>> {
        let mut all = self.open();
        let (id, _) = all.get_key_value(id)?;
        let id = Arc::clone(id);
        let open = all.get_mut(&id)?;
        open.uses += 1;
        open.since = Instant::now();
        Some(Arc::new(Use { open: Arc::clone(&self.open), id }))
    }

    /// The revision that a session was begun in.
    pub(super) fn revision(&self, id: &str) -> Option<Revision> {
        self.open().get(id)?.revision
    }

    /// Room for one more session: free, or that of the session which nobody has used for the longest. Many clients go without a word.
    async fn make_room(&self) -> Result<OwnedSemaphorePermit> {
        if let Ok(free) = Arc::clone(&self.room).try_acquire_owned() {
            return Ok(free);
        }
        let (id, room) =
            self.take_idlest().ok_or_else(|| io::Error::new(io::ErrorKind::QuotaExceeded, "too many sessions"))?;
        tracing::debug!("an idle session ended to make room for another");
        self.events.forget(&Events::notices(&id));
        // One that the library has ended meanwhile is gone as well.
        let _ = self.inner.close_session(&id).await;
        Ok(room)
    }

    fn take_idlest(&self) -> Option<(SessionId, OwnedSemaphorePermit)> {
        let mut all = self.open();
        let idle = all.iter().filter(|(_, open)| open.uses == 0);
        let idlest = idle.min_by_key(|(_, open)| open.since).map(|(id, _)| Arc::clone(id))?;
        all.remove_entry(&idlest).map(|(id, open)| (id, open.room))
    }

    /// Has the library know that a client is there.
    ///
    /// The stream it makes for that is not used: a second one would be silent for as long as the connection of the first seems to be
    /// there.
    async fn hear_of(&self, id: &SessionId) -> Result<()> {
        self.inner.create_standalone_stream(id).await.map(drop).map_err(io::Error::other)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<SessionId, Open>> {
        lock(&self.open)
    }
}

fn lock(open: &Mutex<HashMap<SessionId, Open>>) -> MutexGuard<'_, HashMap<SessionId, Open>> {
    // Every section leaves the table whole, so a panic in another task spoils nothing.
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

type Result<T> = io::Result<T>;

impl SessionManager for Sessions {
    type Error = io::Error;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport)> {
        let room = self.make_room().await?;
        let (id, transport) = self.inner.create_session().await.map_err(io::Error::other)?;
        self.open().insert(Arc::clone(&id), Open { room, uses: 0, since: Instant::now(), revision: None });
        Ok((id, transport))
    }

    async fn initialize_session(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<ServerJsonRpcMessage> {
        let answer = self.inner.initialize_session(id, message).await.map_err(io::Error::other)?;
        if let Some(open) = self.open().get_mut(id) {
            open.revision = Revision::of_initialize(&answer);
        }
        Ok(answer)
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn opened(sessions: &Sessions) -> SessionId {
        tokio::time::advance(Duration::from_secs(1)).await;
        sessions.create_session().await.expect("there is room").0
    }

    #[tokio::test(start_paused = true)]
    async fn the_session_that_was_idle_for_the_longest_makes_room() {
        let sessions = Sessions::new(3, Duration::from_secs(3600));
        let (first, second, third) = (opened(&sessions).await, opened(&sessions).await, opened(&sessions).await);
        assert!(!sessions.have_no_room());
        let busy = sessions.used(&first).expect("it is open");
        tokio::time::advance(Duration::from_secs(1)).await;
        drop(sessions.used(&second));
        let fourth = opened(&sessions).await;
        assert!(sessions.used(&third).is_none(), "the second was used since, and the first is in use");
        assert!(!sessions.has_session(&third).await.expect("an answer"));
        let uses = [&second, &fourth].map(|id| sessions.used(id).expect("it is open"));
        assert!(sessions.have_no_room());
        assert!(sessions.create_session().await.is_err(), "all are in use");
        drop((busy, uses));
        sessions.close_session(&second).await.expect("closed");
        for _ in 0..5 {
            opened(&sessions).await;
        }
        assert_eq!(sessions.open().len(), 3);
    }
}
