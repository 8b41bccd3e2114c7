//! [`RequestSessions`]: finds the MCP session that one HTTP request names, or opens a new one for the request.

use std::sync::{Arc, Mutex};

use platools::mcp::http::{SessionRefused, SessionStreams, SessionTable};
use rmcp::transport::streamable_http_server::session::SessionId;

use super::session::McpSession;
use super::sessions::{McpSessions, OpenSession};
use crate::audit::action;
use crate::domain::error::Error;
use crate::domain::identity::Caller;
use crate::domain::lock::lock;

/// The sessions of one request.
#[derive(Debug)]
pub(super) struct RequestSessions {
    pub(super) sessions: Arc<McpSessions>,
    pub(super) caller: Caller,
    /// The session that the request is about, or the one that it opens.
    pub(super) session: Arc<McpSession>,
    /// The reason why no session was opened.
    pub(super) refused: Mutex<Option<Error>>,
}

impl RequestSessions {
    /// Takes the reason why no session was opened, if there is one.
    pub(super) fn take_refusal(&self) -> Option<Error> {
        lock(&self.refused).take()
    }

    fn open(&self, id: &SessionId, streams: SessionStreams) -> Result<(), Error> {
        let core = &self.sessions.core;
        let presence = core.callers.arrive(None);
        core.callers.identify(&presence, &self.caller)?;
        let open = OpenSession { session: Arc::clone(&self.session), streams };
        self.sessions.admit(id, open, &self.caller, presence)?;
        core.audit.signed_in(action::MCP_SESSION_BEGIN, (&self.caller).into(), |event| {
            let event = event.in_project(&self.caller.project_id);
            // Not its id, which is half of what it takes to use it.
            let entity = self.session.view.entity.as_ref();
            entity.into_iter().fold(event, |event, (entity, _)| event.on(entity.as_str()))
        });
        Ok(())
    }
}

impl SessionTable for RequestSessions {
    fn replay_bytes(&self) -> usize {
        self.sessions.settings.replay_bytes
    }

    /// Names the gateway that has the session, if there are several.
    fn id(&self, random: SessionId) -> SessionId {
        match &self.sessions.core.cluster {
            None => random,
            Some(cluster) => format!("{}-{random}", cluster.messenger().number().get()).into(),
        }
    }

    fn admit(&self, id: &SessionId, session: SessionStreams) -> Result<Vec<SessionStreams>, SessionRefused> {
        self.open(id, session).map_err(|error| {
            *lock(&self.refused) = Some(error);
            SessionRefused
        })?;
        // Sessions that make room end by their tokens.
        Ok(Vec::new())
    }

    fn find(&self, id: &SessionId) -> Option<SessionStreams> {
        let open = self.sessions.get(id)?;
        Arc::ptr_eq(&open.session, &self.session).then_some(open.streams)
    }

    fn remove(&self, id: &SessionId) -> Option<SessionStreams> {
        let found = self.find(id);
        found.inspect(|_| self.sessions.end(id))
    }
}

#[cfg(test)]
mod tests {
    use platools_bus::memory::Network;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::core::{Core, CoreOptions};
    use crate::domain::ids::GatewayNumber;
    use crate::settings::McpSettings;

    /// The id of a session at a gateway with a number.
    async fn id_at(number: u16) -> SessionId {
        let folder = tempfile::tempdir().unwrap();
        let gateway = GatewayNumber::new(number).unwrap();
        let bus = (gateway != GatewayNumber::ALONE).then(|| Arc::new(Network::new().join()) as _);
        let options = CoreOptions { gateway, bus, ..CoreOptions::default() };
        let core = Arc::new(Core::open_with(folder.path(), options).await.unwrap());
        let caller = core.authenticator.anonymous();
        let view = core.tools.view(&caller, None, None).unwrap();
        let session = Arc::new(McpSession::new(&caller, view));
        let sessions = Arc::new(McpSessions::new(core, TaskTracker::new(), McpSettings::default()));
        RequestSessions { sessions, caller, session, refused: Mutex::default() }.id("aa-bb".into())
    }

    #[tokio::test]
    async fn the_id_of_a_session_names_its_gateway_unless_that_is_alone() {
        assert_eq!(&*id_at(0).await, "aa-bb");
        assert_eq!(&*id_at(17).await, "17-aa-bb");
    }
}
