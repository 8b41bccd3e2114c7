//! [`Callers`]: the table of callers that keep a WebSocket open. It tells each connection when to drain and when to end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

use super::browser_session_id::BrowserSessionId;
use crate::authority::LastUses;
use crate::directory::Directory;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::lock::lock;
use crate::domain::text_rule::USER_ID;
use crate::ports::time::now_ms;

/// The phase of a caller's connection. It only moves on to a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum ConnectionPhase {
    /// The connection is open without a limit.
    #[default]
    Open,
    /// The gateway stops: the connection ends once its requests are answered.
    Draining,
    /// The connection ends: its key or token has ended, or its project or agent is gone.
    CredentialEnded,
    /// The connection ends with the gateway.
    ShuttingDown,
}

/// The kinds of clients that keep a WebSocket open, beside workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketKind {
    /// Gateway RPC.
    Caller,
    /// The live feed.
    Dashboard,
    /// An agent with a session.
    Agent,
}

/// The WebSockets that are open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenSockets {
    /// Callers of the gateway RPC, also those that have not authenticated yet.
    pub callers: usize,
    /// Dashboards of the live feed.
    pub dashboards: usize,
    /// Sockets of agents with sessions.
    pub agents: usize,
    /// Workers.
    pub workers: usize,
}

impl OpenSockets {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> usize {
        self.callers + self.dashboards + self.agents + self.workers
    }

    fn of(&mut self, kind: SocketKind) -> &mut usize {
        match kind {
            SocketKind::Caller => &mut self.callers,
            SocketKind::Dashboard => &mut self.dashboards,
            SocketKind::Agent => &mut self.agents,
        }
    }
}

/// The table of connected callers, which tells each of them when its connection has to end.
#[derive(Debug)]
pub(crate) struct Callers {
    directory: Arc<Directory>,
    table: CallerTable,
}

/// The part of the table that a [`CallerConnection`] needs to leave it.
#[derive(Debug, Clone, Default)]
struct CallerTable(Arc<Mutex<CallerState>>);

#[derive(Debug, Default)]
struct CallerState {
    present: HashMap<u64, ConnectedCaller>,
    /// The number of callers that are known.
    known: usize,
    sockets: OpenSockets,
    arrivals: u64,
    /// The phase of connections that begin from now on.
    initial_phase: ConnectionPhase,
}

#[derive(Debug)]
struct ConnectedCaller {
    /// The caller, once it is known.
    caller: Option<Caller>,
    /// The kind of its WebSocket, if it has one.
    socket: Option<SocketKind>,
    /// The session of the browser that opened it, if the caller was found by that.
    session: Option<BrowserSessionId>,
    phase: watch::Sender<ConnectionPhase>,
}

impl ConnectedCaller {
    fn advance(&self, phase: ConnectionPhase) {
        self.phase.send_if_modified(|current| {
            let is_later = phase > *current;
            *current = (*current).max(phase);
            is_later
        });
    }
}

impl Callers {
    pub(crate) fn new(directory: Arc<Directory>) -> Self {
        Self { directory, table: CallerTable::default() }
    }

    /// Adds a connection whose caller is not known yet, with the kind of its WebSocket. A request over HTTP has none.
    #[must_use]
    pub(crate) fn arrive(&self, socket: Option<SocketKind>) -> CallerConnection {
        let mut state = self.table.lock();
        state.arrivals += 1;
        let id = state.arrivals;
        let (sender, phase) = watch::channel(state.initial_phase);
        state.present.insert(id, ConnectedCaller { caller: None, socket, session: None, phase: sender });
        socket.into_iter().for_each(|kind| *state.sockets.of(kind) += 1);
        CallerConnection { table: self.table.clone(), id, phase }
    }

    /// Notes the caller of a connection.
    ///
    /// # Errors
    /// The caller's user id is too long or has control characters, or its credential has ended meanwhile.
    pub(crate) fn identify(&self, presence: &CallerConnection, caller: &Caller) -> Result<(), Error> {
        USER_ID.check_any(caller.user_id.as_deref())?;
        self.table.lock().identify(presence.id, caller);
        // The end of a credential is told to the callers that are known then. This one may have been noted after that.
        if self.directory.snapshot().may_stay(caller, now_ms()) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unauthenticated, "the key or token has ended"))
    }

    /// Notes the session of the browser that opened a connection, so that the connection ends with it.
    pub(super) fn note_session(&self, presence: &CallerConnection, session: &BrowserSessionId) {
        if let Some(present) = self.table.lock().present.get_mut(&presence.id) {
            present.session = Some(session.clone());
        }
    }

    /// True if a connection is open that a browser opened with a session.
    pub(super) fn has_session(&self, session: &BrowserSessionId) -> bool {
        self.table.lock().present.values().any(|present| present.session.as_ref() == Some(session))
    }

    /// Ends the connections that a browser opened with a session.
    pub(super) fn dismiss_session(&self, session: &BrowserSessionId) {
        let state = self.table.lock();
        let opened = state.present.values().filter(|present| present.session.as_ref() == Some(session));
        opened.for_each(|present| present.advance(ConnectionPhase::CredentialEnded));
    }

    /// The number of callers that are connected and known.
    pub(crate) fn count(&self) -> usize {
        self.table.lock().known
    }

    /// The WebSockets that are open, without those of workers.
    pub(crate) fn sockets(&self) -> OpenSockets {
        self.table.lock().sockets
    }

    /// Notes that the credentials of all connected callers are in use.
    pub(crate) fn note_uses(&self, uses: &LastUses, now_ms: i64) {
        let state = self.table.lock();
        let callers = state.present.values().filter_map(|present| present.caller.as_ref());
        callers.for_each(|caller| uses.note(&caller.credential, now_ms));
    }

    /// Ends the connections of callers whose credential, project or agent is gone.
    pub(crate) fn dismiss_ended(&self) {
        let (snapshot, now_ms) = (self.directory.snapshot(), now_ms());
        let state = self.table.lock();
        let has_ended = |caller: &Caller| !snapshot.may_stay(caller, now_ms);
        let ended = state.present.values().filter(|present| present.caller.as_ref().is_some_and(has_ended));
        ended.for_each(|present| present.advance(ConnectionPhase::CredentialEnded));
    }

    /// Lets all callers finish their requests, also those that connect later.
    pub(crate) fn drain(&self) {
        self.advance_all(ConnectionPhase::Draining);
    }

    /// Ends all connections, also those that begin later.
    pub(crate) fn dismiss_all(&self) {
        self.advance_all(ConnectionPhase::ShuttingDown);
    }

    fn advance_all(&self, phase: ConnectionPhase) {
        let mut state = self.table.lock();
        state.initial_phase = state.initial_phase.max(phase);
        state.present.values().for_each(|present| present.advance(phase));
    }
}

impl CallerTable {
    fn lock(&self) -> MutexGuard<'_, CallerState> {
        // Every section leaves the table whole, so a panic in another task spoils nothing.
        lock(&self.0)
    }
}

impl CallerState {
    fn identify(&mut self, id: u64, caller: &Caller) {
        if let Some(present) = self.present.get_mut(&id) {
            self.known += usize::from(present.caller.is_none());
            present.caller = Some(caller.clone());
        }
    }
}

/// A connected caller, which leaves the table when this is dropped.
#[derive(Debug)]
pub struct CallerConnection {
    table: CallerTable,
    id: u64,
    phase: watch::Receiver<ConnectionPhase>,
}

impl CallerConnection {
    /// The phase of the connection, and its changes.
    #[must_use]
    pub fn phase(&self) -> watch::Receiver<ConnectionPhase> {
        self.phase.clone()
    }
}

impl Drop for CallerConnection {
    fn drop(&mut self) {
        let mut state = self.table.lock();
        if let Some(ConnectedCaller { caller, socket, .. }) = state.present.remove(&self.id) {
            state.known -= usize::from(caller.is_some());
            socket.into_iter().for_each(|kind| *state.sockets.of(kind) -= 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Core;
    use crate::limits::Limits;

    async fn core() -> (tempfile::TempDir, Core) {
        let folder = tempfile::tempdir().unwrap();
        let core = Core::open(folder.path(), &Limits::default()).await.unwrap();
        (folder, core)
    }

    #[tokio::test]
    async fn whoever_is_known_counts_until_it_leaves() {
        let (_folder, core) = core().await;
        let presence = core.callers.arrive(None);
        assert_eq!(core.callers.count(), 0);
        core.callers.identify(&presence, &core.authenticator.anonymous()).unwrap();
        core.callers.identify(&presence, &core.authenticator.anonymous()).unwrap();
        assert_eq!(core.callers.count(), 1);
        drop(presence);
        assert_eq!(core.callers.count(), 0);
    }

    #[tokio::test]
    async fn open_sockets_are_counted_by_kind_until_they_close() {
        let (_folder, core) = core().await;
        let kinds = [SocketKind::Caller, SocketKind::Dashboard, SocketKind::Dashboard, SocketKind::Agent];
        let open = kinds.map(|kind| core.callers.arrive(Some(kind)));
        let _request = core.callers.arrive(None);
        let sockets = core.figures.open_sockets();
        assert_eq!((sockets.callers, sockets.dashboards, sockets.agents, sockets.workers), (1, 2, 1, 0));
        assert_eq!(sockets.total(), 4);
        drop(open);
        assert_eq!(core.figures.open_sockets(), OpenSockets::default());
    }

    #[tokio::test]
    async fn whoever_was_known_by_something_that_has_ended_is_not_let_in() {
        let (_folder, core) = core().await;
        let presence = core.callers.arrive(None);
        let caller = Caller { project_id: core.authenticator.anonymous().project_id, ..Caller::sample("key_gone") };
        let refused = core.callers.identify(&presence, &caller).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    }

    #[tokio::test]
    async fn the_time_that_is_left_only_gets_shorter_also_for_who_comes_later() {
        let (_folder, core) = core().await;
        let early = core.callers.arrive(None);
        assert_eq!(*early.phase().borrow(), ConnectionPhase::Open);
        core.callers.dismiss_all();
        core.callers.drain();
        for presence in [early, core.callers.arrive(None)] {
            assert_eq!(*presence.phase().borrow(), ConnectionPhase::ShuttingDown);
        }
    }
}
