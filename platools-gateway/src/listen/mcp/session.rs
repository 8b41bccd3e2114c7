//! One client's session, and what it is used for at the moment.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use platools::LogLevel;
use platools::mcp::Revision;
use rmcp::{Peer, RoleServer};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::identity::{Caller, Credential};
use crate::domain::ids::ProjectId;
use crate::tools::ToolView;

/// What a client shares with nobody: only who opened it uses it.
#[derive(Debug)]
pub(super) struct Session {
    /// What its caller proved who it is with.
    credential: Credential,
    /// The project of its caller.
    project: ProjectId,
    /// The tools it is about.
    pub(super) view: ToolView,
    /// Cancelled when it ends; its calls and streams end with it.
    pub(super) ended: CancellationToken,
    client: OnceLock<Peer<RoleServer>>,
    revision: OnceLock<Revision>,
    level: Mutex<Option<LogLevel>>,
    usage: watch::Sender<Usage>,
}

/// What a session is used for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    requests: usize,
    streams: usize,
    calls: usize,
    /// When that last changed.
    pub(super) since: Instant,
}

/// What somebody uses a session for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// A request, until its answer is written.
    Request,
    /// A stream of what happens by itself, or the rest of one that was lost.
    Stream,
    /// A call, whether anybody reads its answer or not.
    Call,
}

impl Session {
    pub(super) fn new(caller: &Caller, view: ToolView) -> Self {
        let usage = Usage { requests: 0, streams: 0, calls: 0, since: Instant::now() };
        Self {
            credential: caller.credential.clone(),
            project: caller.project_id.clone(),
            view,
            ended: CancellationToken::new(),
            client: OnceLock::new(),
            revision: OnceLock::new(),
            level: Mutex::default(),
            usage: watch::Sender::new(usage),
        }
    }

    /// Whether it was opened with the same key or token, for the same tools.
    pub(super) fn is_of(&self, credential: &Credential, view: &ToolView) -> bool {
        self.is_opened_with(credential) && self.view == *view
    }

    pub(super) fn is_opened_with(&self, credential: &Credential) -> bool {
        self.credential == *credential
    }

    pub(super) fn is_in(&self, project: &ProjectId) -> bool {
        self.project == *project
    }

    /// The client, once it has said that it is ready.
    pub(super) fn client(&self) -> Option<&Peer<RoleServer>> {
        self.client.get()
    }

    pub(super) fn is_ready(&self, client: Peer<RoleServer>) {
        // Whoever says so twice is the same client.
        let _ = self.client.set(client);
    }

    /// The revision that it was begun in; `None` until its client knows.
    pub(super) fn revision(&self) -> Option<Revision> {
        self.revision.get().copied()
    }

    pub(super) fn is_in_revision(&self, revision: Revision) {
        // A session is begun once.
        let _ = self.revision.set(revision);
    }

    /// From which level on the client wants to be told what happens; nothing if it did not say.
    pub(super) fn level(&self) -> Option<LogLevel> {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_level(&self, level: LogLevel) {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = Some(level);
    }

    pub(super) fn usage(&self) -> watch::Receiver<Usage> {
        self.usage.subscribe()
    }

    /// Notes that it is used until what is returned is dropped.
    pub(super) fn used(self: &Arc<Self>, purpose: Purpose) -> Use {
        self.count(purpose, |count| *count += 1);
        Use { session: Arc::clone(self), purpose }
    }

    fn count(&self, purpose: Purpose, change: impl FnOnce(&mut usize)) {
        self.usage.send_modify(|usage| {
            change(match purpose {
                Purpose::Request => &mut usage.requests,
                Purpose::Stream => &mut usage.streams,
                Purpose::Call => &mut usage.calls,
            });
            usage.since = Instant::now();
        });
    }
}

impl Usage {
    /// Whether nobody does anything with it, or listens.
    pub(super) fn is_idle(&self) -> bool {
        self.is_done() && self.streams == 0
    }

    /// Whether everything that was asked for is over.
    pub(super) fn is_done(&self) -> bool {
        self.requests == 0 && self.calls == 0
    }
}

/// One use of a session.
#[derive(Debug)]
pub(super) struct Use {
    session: Arc<Session>,
    purpose: Purpose,
}

impl Drop for Use {
    fn drop(&mut self) {
        self.session.count(self.purpose, |count| *count -= 1);
    }
}
