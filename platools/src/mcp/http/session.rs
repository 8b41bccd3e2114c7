//! [`Sessions`]: opens, finds and closes MCP sessions, by a trait of the MCP library `rmcp`. The HTTP server behind it, the gateway's or
//! that of `serve`, implements [`SessionTable`], which decides which client may use which session.

use std::sync::{Arc, PoisonError, RwLock};

use futures::{Stream, stream};
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::WorkerTransport;
use rmcp::transport::streamable_http_server::session::local::{
    LocalSessionHandle, LocalSessionManager, LocalSessionManagerError, LocalSessionWorker, SessionConfig, SessionError,
};
use rmcp::transport::streamable_http_server::session::{ServerSseMessage, SessionId, SessionManager};

use super::replay::Replay;
use crate::mcp::Revision;

/// The sessions of a server, as the library asks for them.
#[derive(Debug)]
pub struct Sessions<T>(pub Arc<T>);

/// The table of a server's sessions: who may open one, and who may use which.
pub trait SessionTable: Send + Sync + 'static {
    /// The bytes of messages that one session keeps for a client that comes back.
    fn replay_bytes(&self) -> usize;

    /// The id of a new session, made from a random one. Of several servers, each may put its name into the ids of its sessions.
    fn id(&self, random: SessionId) -> SessionId {
        random
    }

    /// Takes a new session in. Returns those that make room for it.
    ///
    /// # Errors
    /// There may be no further session.
    fn admit(&self, id: &SessionId, session: SessionStreams) -> Result<Vec<SessionStreams>, SessionRefused>;

    /// The session of this id, if the client may use it.
    fn find(&self, id: &SessionId) -> Option<SessionStreams>;

    /// Takes a session out, if the client may end it.
    fn remove(&self, id: &SessionId) -> Option<SessionStreams>;
}

/// The refusal of a new session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRefused;

/// The way to the handler of an open session, and the session's events. The session ends with the last clone.
#[derive(Debug, Clone)]
pub struct SessionStreams {
    handle: LocalSessionHandle,
    /// The events of this session, and of no other: a client asks for them by numbers that it could guess.
    replay: Arc<Replay>,
    revision: Arc<RwLock<Option<Revision>>>,
}

impl SessionStreams {
    /// The revision that the session was begun in; `None` until its client knows.
    #[must_use]
    pub fn revision(&self) -> Option<Revision> {
        *self.revision.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the session with its calls and streams.
    async fn close(self) {
        // One whose worker has ended is closed.
        let _ = self.handle.close().await;
    }

    async fn open(
        replay_bytes: usize,
    ) -> Result<(SessionId, Self, WorkerTransport<LocalSessionWorker>), SessionFailure> {
        let replay = Replay::new(replay_bytes);
        let mut manager = LocalSessionManager::default();
        manager.session_config = SessionConfig::default();
        // The table knows when a session is idle: it has its streams and calls.
        manager.session_config.keep_alive = None;
        let manager = manager.with_event_store(Arc::clone(&replay) as Arc<_>);
        let (id, transport) = manager.create_session().await?;
        let handle = manager.sessions.into_inner().remove(&id).ok_or(SessionFailure::Unknown)?;
        Ok((id, Self { handle, replay, revision: Arc::default() }, transport))
    }
}

/// Reasons why a request gets nothing from a session.
#[derive(Debug)]
pub enum SessionFailure {
    /// There is no such session.
    Unknown,
    /// There may be no further session.
    Refused,
    /// The events after the one that was named are not kept.
    Forgotten,
    /// The library's session failed.
    Library(LocalSessionManagerError),
}

impl std::fmt::Display for SessionFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no such session"),
            Self::Refused => f.write_str("the session was not opened"),
            Self::Forgotten => f.write_str("the events after that one are not kept any more"),
            Self::Library(error) => write!(f, "the session failed: {error}"),
        }
    }
}

impl std::error::Error for SessionFailure {}

impl From<LocalSessionManagerError> for SessionFailure {
    fn from(error: LocalSessionManagerError) -> Self {
        Self::Library(error)
    }
}

impl From<SessionError> for SessionFailure {
    fn from(error: SessionError) -> Self {
        Self::Library(error.into())
    }
}

impl<T: SessionTable> Sessions<T> {
    fn find(&self, id: &SessionId) -> Result<SessionStreams, SessionFailure> {
        self.0.find(id).ok_or(SessionFailure::Unknown)
    }
}

impl<T: SessionTable> SessionManager for Sessions<T> {
    type Error = SessionFailure;
    type Transport = WorkerTransport<LocalSessionWorker>;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), SessionFailure> {
        let (id, session, transport) = SessionStreams::open(self.0.replay_bytes()).await?;
        let id = self.0.id(id);
        let ended = self.0.admit(&id, session).map_err(|SessionRefused| SessionFailure::Refused)?;
        for session in ended {
            session.close().await;
        }
        Ok((id, transport))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, SessionFailure> {
        let session = self.find(id)?;
        let answer = session.handle.initialize(message).await?;
        *session.revision.write().unwrap_or_else(PoisonError::into_inner) = Revision::of_initialize(&answer);
        Ok(answer)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, SessionFailure> {
        Ok(self.0.find(id).is_some())
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), SessionFailure> {
        if let Some(session) = self.0.remove(id) {
            session.close().await;
        }
        Ok(())
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionFailure> {
        let handle = self.find(id)?.handle;
        let mut channel = handle.establish_request_wise_channel().await?;
        handle.push_message(message, channel.http_request_id).await?;
        Ok(stream::poll_fn(move |cx| channel.inner.poll_recv(cx)))
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), SessionFailure> {
        Ok(self.find(id)?.handle.push_message(message, None).await?)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionFailure> {
        // The library would give the notices to the first stream, for as long as its connection seems to be there.
        Ok(self.find(id)?.replay.listen())
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionFailure> {
        self.find(id)?.replay.resume(&last_event_id).ok_or(SessionFailure::Forgotten)
    }
}
