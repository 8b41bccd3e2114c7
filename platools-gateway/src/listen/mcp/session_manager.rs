//! One request's view of the sessions: its own, and no other.

use std::sync::{Arc, Mutex, PoisonError};

use futures::{Stream, StreamExt as _, stream};
use platools::mcp::Revision;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::WorkerTransport;
use rmcp::transport::streamable_http_server::session::local::{
    LocalSessionManager, LocalSessionManagerError, LocalSessionWorker, SessionConfig, SessionError,
    StreamableHttpMessageReceiver,
};
use rmcp::transport::streamable_http_server::session::{ServerSseMessage, SessionId, SessionManager};

use super::replay::{Replay, Shared};
use super::session::Session;
use super::sessions::{Open, Sessions};
use crate::audit::action;
use crate::core::error::Error;
use crate::core::identity::Caller;

/// What a stream that has had no event yet is resumed after.
const BEGINNING: &str = "0";

/// One request that may be about a session.
#[derive(Debug)]
pub(super) struct RequestSessions {
    pub(super) sessions: Arc<Sessions>,
    pub(super) caller: Caller,
    /// The session that the request is about, or the one that it opens.
    pub(super) session: Arc<Session>,
    /// Why no session was opened.
    pub(super) refused: Mutex<Option<Error>>,
}

/// Why a request gets nothing from a session.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error("there is no such session")]
    Gone,
    #[error("the session was not opened")]
    Refused,
    #[error("what came after that event is not kept any more")]
    Forgotten,
    #[error("the session failed: {0}")]
    Manager(#[from] LocalSessionManagerError),
    #[error("the session failed: {0}")]
    Session(#[from] SessionError),
}

impl RequestSessions {
    /// Takes what was the matter with opening a session, if there was something.
    pub(super) fn take_refusal(&self) -> Option<Error> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn own(&self, id: &SessionId) -> Result<Open, Failed> {
        let open = self.sessions.get(id).ok_or(Failed::Gone)?;
        if Arc::ptr_eq(&open.session, &self.session) { Ok(open) } else { Err(Failed::Gone) }
    }

    async fn open(&self) -> Result<(SessionId, WorkerTransport<LocalSessionWorker>), Failed> {
        let core = &self.sessions.core;
        let presence = core.arrives();
        core.is_known(&presence, &self.caller).map_err(|error| self.refuse(error))?;
        let replay = Arc::new(Replay::new(self.sessions.settings.replay_bytes));
        let mut manager = LocalSessionManager::default();
        // When a session is idle is known here, where its streams and calls are.
        manager.session_config = SessionConfig::default();
        manager.session_config.keep_alive = None;
        let manager = manager.with_event_store(Arc::new(Shared(Arc::clone(&replay))));
        let (id, transport) = manager.create_session().await?;
        let handle = manager.sessions.into_inner().remove(&id).ok_or(Failed::Gone)?;
        let open = Open { session: Arc::clone(&self.session), handle, replay };
        let admitted = self.sessions.admit(&id, open, &self.caller, presence);
        admitted.map_err(|error| self.refuse(error))?;
        core.audit().signed_in(action::MCP_SESSION_BEGIN, (&self.caller).into(), |event| {
            let event = event.in_project(&self.caller.project_id);
            // Not its id, which is half of what it takes to use it.
            let entity = self.session.view.entity.as_ref();
            entity.into_iter().fold(event, |event, (entity, _)| event.on(entity.as_str()))
        });
        Ok((id, transport))
    }

    fn refuse(&self, error: Error) -> Failed {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        Failed::Refused
    }
}

impl SessionManager for RequestSessions {
    type Error = Failed;
    type Transport = WorkerTransport<LocalSessionWorker>;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), Failed> {
        self.open().await
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, Failed> {
        let answer = self.own(id)?.handle.initialize(message).await?;
        if let Some(revision) = Revision::of_initialize(&answer) {
            self.session.is_in_revision(revision);
        }
        Ok(answer)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, Failed> {
        Ok(self.own(id).is_ok())
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), Failed> {
        if self.own(id).is_ok() {
            self.sessions.end(id);
        }
        Ok(())
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Failed> {
        let handle = self.own(id)?.handle;
        let channel = handle.establish_request_wise_channel().await?;
        handle.push_message(message, channel.http_request_id).await?;
        Ok(events(channel))
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), Failed> {
        Ok(self.own(id)?.handle.push_message(message, None).await?)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Failed> {
        // `rmcp` would give it to the first who asked, for as long as the connection of that one seems to be there.
        Ok(self.own(id)?.replay.listen())
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Failed> {
        let replay = self.own(id)?.replay;
        if last_event_id == BEGINNING {
            return Ok(replay.listen_after(0).left_stream());
        }
        let rest = replay.after(&last_event_id).map_err(|_| Failed::Forgotten)?;
        Ok(rest.right_stream())
    }
}

fn events(mut channel: StreamableHttpMessageReceiver) -> impl Stream<Item = ServerSseMessage> + Send + Sync + 'static {
    stream::poll_fn(move |cx| channel.inner.poll_recv(cx))
}
