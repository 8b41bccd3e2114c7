//! [`McpSessions`]: the table of MCP sessions. It limits their number, and ends a session that is idle or whose credential ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use platools::mcp::http::SessionStreams;
use rmcp::transport::streamable_http_server::session::SessionId;
use tokio::time::{sleep_until, timeout};
use tokio_util::task::TaskTracker;

use super::session::McpSession;
use crate::connections::{CallerConnection, ConnectionPhase};
use crate::core::Core;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::{Caller, Credential};
use crate::domain::lock::lock;
use crate::settings::McpSettings;
use crate::tools::ToolView;

/// The time for clients to read the last answers of their sessions when the gateway ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// The delay after which a caller with too many sessions may try again.
const FULL: Duration = Duration::from_secs(10);

/// All sessions of a gateway.
#[derive(Debug)]
pub(super) struct McpSessions {
    pub(super) core: Arc<Core>,
    pub(super) settings: McpSettings,
    tasks: TaskTracker,
    open: Mutex<HashMap<SessionId, OpenSession>>,
}

/// A session that is open.
#[derive(Debug, Clone)]
pub(super) struct OpenSession {
    pub(super) session: Arc<McpSession>,
    pub(super) streams: SessionStreams,
}

impl McpSessions {
    pub(super) fn new(core: Arc<Core>, tasks: TaskTracker, settings: McpSettings) -> Self {
        Self { core, settings, tasks, open: Mutex::default() }
    }

    /// The session of that id, if the caller opened it for these tools.
    pub(super) fn find(&self, id: &str, credential: &Credential, view: &ToolView) -> Option<OpenSession> {
        self.lock().get(id).filter(|open| open.session.is_of(credential, view)).cloned()
    }

    pub(super) fn get(&self, id: &SessionId) -> Option<OpenSession> {
        self.lock().get(id).cloned()
    }

    /// Lets a session in, and looks after it from now on.
    pub(super) fn admit(
        self: &Arc<Self>,
        id: &SessionId,
        open: OpenSession,
        caller: &Caller,
        presence: CallerConnection,
    ) -> Result<(), Error> {
        let session = Arc::clone(&open.session);
        {
            let mut all = self.lock();
            self.make_room(&mut all, caller)?;
            all.insert(Arc::clone(id), open);
        }
        let (sessions, id) = (Arc::clone(self), Arc::clone(id));
        self.tasks.spawn(async move {
            until_over(&session, &presence, sessions.settings.session_idle).await;
            sessions.end(&id);
        });
        Ok(())
    }

    /// Ends a session.
    pub(super) fn end(&self, id: &str) {
        if let Some(open) = self.lock().remove(id) {
            open.session.ended.cancel();
        }
    }

    /// Ends the caller's own session that is idle for the longest, where there is no room for another: many clients go without a
    /// word. McpSessions of other callers stay, and those of other projects take no room.
    fn make_room(&self, all: &mut HashMap<SessionId, OpenSession>, caller: &Caller) -> Result<(), Error> {
        let of_project = all.values().filter(|open| open.session.is_in(&caller.project_id)).count();
        let theirs = all.iter().filter(|(_, open)| open.session.is_opened_with(&caller.credential));
        let theirs: Vec<_> = theirs.collect();
        if theirs.len() < self.settings.max_sessions_per_caller && of_project < self.settings.max_sessions {
            return Ok(());
        }
        let usage = |open: &OpenSession| open.session.usage.now();
        let idle = theirs.into_iter().map(|(id, open)| (id, usage(open))).filter(|(_, usage)| usage.is_idle());
        let oldest = idle.min_by_key(|(_, usage)| usage.since).map(|(id, _)| Arc::clone(id));
        let Some(oldest) = oldest.and_then(|id| all.remove(&id)) else {
            let message = "there are too many sessions; end some, or try again later";
            return Err(Error::new(ErrorKind::RateLimited, message).retry_after(FULL));
        };
        oldest.session.ended.cancel();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, OpenSession>> {
        // Every section leaves the table whole, so a panic in another task spoils nothing.
        lock(&self.open)
    }
}

/// Waits until a session has to go: its client or its key has ended it, it was idle for too long, or the gateway stops.
async fn until_over(session: &McpSession, presence: &CallerConnection, idle: Duration) {
    let (mut phase, mut usage) = (presence.phase(), session.usage.changes());
    loop {
        let (phase_now, used) = (*phase.borrow_and_update(), *usage.borrow_and_update());
        match phase_now {
            ConnectionPhase::Open => {}
            ConnectionPhase::Draining if !used.is_done() => {}
            ConnectionPhase::Draining | ConnectionPhase::CredentialEnded => return,
            ConnectionPhase::ShuttingDown => {
                let _ = timeout(FAREWELL, usage.wait_for(|used| used.is_done())).await;
                return;
            }
        }
        // Every arm is cancel-safe.
        tokio::select! {
            () = session.ended.cancelled() => return,
            Ok(()) = phase.changed() => {}
            Ok(()) = usage.changed() => {}
            () = sleep_until(used.since + idle), if used.is_idle() => return,
        }
    }
}
