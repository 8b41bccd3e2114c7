//! The callers that stay connected, and until when.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::admin::USER_ID;
use crate::authority::LastUses;
use crate::core::Core;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::ports::time::now_ms;

/// The permission to stay connected. It only ever moves on to a later variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum Stay {
    /// For as long as it likes.
    #[default]
    Unlimited,
    /// Until what it has asked for is over: the gateway stops.
    ToFinish,
    /// No longer: its key or token has ended, or its project or agent is gone.
    CredentialEnded,
    /// No longer: the gateway ends.
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
    /// Callers of the gateway RPC, also those that have not said yet who they are.
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

/// Everybody who is connected.
#[derive(Debug, Clone, Default)]
pub(crate) struct Callers(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    present: HashMap<u64, Present>,
    /// The number of callers that are known.
    known: usize,
    sockets: OpenSockets,
    arrivals: u64,
    /// The permission of callers that connect from now on.
    from_now_on: Stay,
}

#[derive(Debug)]
struct Present {
    /// The caller, once it is known.
    caller: Option<Caller>,
    /// The kind of its WebSocket, if it has one.
    socket: Option<SocketKind>,
    stay: watch::Sender<Stay>,
}

impl Present {
    fn may_stay(&self, stay: Stay) {
        self.stay.send_if_modified(|current| {
            let is_later = stay > *current;
            *current = (*current).max(stay);
            is_later
        });
    }
}

impl Callers {
    /// The number of callers that are connected and known.
    pub(crate) fn count(&self) -> usize {
        self.lock().known
    }

    /// The WebSockets that are open, without those of workers.
    pub(crate) fn sockets(&self) -> OpenSockets {
        self.lock().sockets
    }

    /// Notes that the credentials of all who are connected are in use.
    pub(crate) fn note_uses(&self, uses: &LastUses, now_ms: i64) {
        let state = self.lock();
        let callers = state.present.values().filter_map(|present| present.caller.as_ref());
        callers.for_each(|caller| uses.note(&caller.credential, now_ms));
    }

    /// Says how long those may stay whom it concerns.
    fn may_stay_where(&self, whom: impl Fn(&Caller) -> bool, stay: Stay) {
        let state = self.lock();
        let concerned = state.present.values().filter(|present| present.caller.as_ref().is_some_and(&whom));
        concerned.for_each(|present| present.may_stay(stay));
    }

    /// Says how long everybody may stay, also those who come later.
    pub(crate) fn may_stay(&self, stay: Stay) {
        let mut state = self.lock();
        state.from_now_on = state.from_now_on.max(stay);
        state.present.values().for_each(|present| present.may_stay(stay));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every section leaves the table whole, so a panic in another task spoils nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_known(&mut self, id: u64, caller: &Caller) {
        if let Some(present) = self.present.get_mut(&id) {
            self.known += usize::from(present.caller.is_none());
            present.caller = Some(caller.clone());
        }
    }
}

/// Somebody who is connected, until this is dropped.
#[derive(Debug)]
pub struct Presence {
    callers: Callers,
    id: u64,
    stay: watch::Receiver<Stay>,
}

impl Presence {
    /// The permission to stay; the receiver tells when it changes.
    #[must_use]
    pub fn stay(&self) -> watch::Receiver<Stay> {
        self.stay.clone()
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut state = self.callers.lock();
        if let Some(Present { caller, socket, .. }) = state.present.remove(&self.id) {
            state.known -= usize::from(caller.is_some());
            socket.into_iter().for_each(|kind| *state.sockets.of(kind) -= 1);
        }
    }
}

impl Core {
    /// Takes notice of somebody who connects, before it is known who it is.
    #[must_use]
    pub fn arrives(&self) -> Presence {
        self.arrives_with(None)
    }

    /// The same for a client that connects over a WebSocket of its own.
    #[must_use]
    pub fn arrives_at(&self, socket: SocketKind) -> Presence {
        self.arrives_with(Some(socket))
    }

    fn arrives_with(&self, socket: Option<SocketKind>) -> Presence {
        let mut state = self.callers.lock();
        state.arrivals += 1;
        let id = state.arrivals;
        let (sender, stay) = watch::channel(state.from_now_on);
        state.present.insert(id, Present { caller: None, socket, stay: sender });
        socket.into_iter().for_each(|kind| *state.sockets.of(kind) += 1);
        Presence { callers: self.callers.clone(), id, stay }
    }

    /// Notes who somebody is.
    ///
    /// # Errors
    /// The caller's user id is too long or has control characters, or what the caller was known by has ended meanwhile.
    pub fn is_known(&self, presence: &Presence, caller: &Caller) -> Result<(), Error> {
        USER_ID.check_any(caller.user_id.as_deref())?;
        self.callers.lock().is_known(presence.id, caller);
        // What ended it meanwhile told those who were known, and this was not one of them yet.
        if self.directory.snapshot().may_stay(caller, now_ms()) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unauthenticated, "the key or token has ended"))
    }

    /// Tells those to go whose key or token has ended.
    pub(crate) fn dismiss_ended_callers(&self) {
        let (snapshot, now_ms) = (self.directory.snapshot(), now_ms());
        self.callers.may_stay_where(|caller| !snapshot.may_stay(caller, now_ms), Stay::CredentialEnded);
    }

    /// Tells everybody to go.
    pub(crate) fn dismiss_callers(&self) {
        self.callers.may_stay(Stay::ShuttingDown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    async fn core() -> (tempfile::TempDir, Core) {
        let folder = tempfile::tempdir().unwrap();
        let core = Core::open(folder.path(), &Limits::default()).await.unwrap();
        (folder, core)
    }

    #[tokio::test]
    async fn whoever_is_known_counts_until_it_leaves() {
        let (_folder, core) = core().await;
        let presence = core.arrives();
        assert_eq!(core.callers.count(), 0);
        core.is_known(&presence, &core.nobody()).unwrap();
        core.is_known(&presence, &core.nobody()).unwrap();
        assert_eq!(core.callers.count(), 1);
        drop(presence);
        assert_eq!(core.callers.count(), 0);
    }

    #[tokio::test]
    async fn open_sockets_are_counted_by_kind_until_they_close() {
        let (_folder, core) = core().await;
        let kinds = [SocketKind::Caller, SocketKind::Dashboard, SocketKind::Dashboard, SocketKind::Agent];
        let open = kinds.map(|kind| core.arrives_at(kind));
        let _request = core.arrives();
        let sockets = core.open_sockets();
        assert_eq!((sockets.callers, sockets.dashboards, sockets.agents, sockets.workers), (1, 2, 1, 0));
        assert_eq!(sockets.total(), 4);
        drop(open);
        assert_eq!(core.open_sockets(), OpenSockets::default());
    }

    #[tokio::test]
    async fn whoever_was_known_by_something_that_has_ended_is_not_let_in() {
        let (_folder, core) = core().await;
        let presence = core.arrives();
        let caller = Caller { project_id: core.nobody().project_id, ..Caller::sample("key_gone") };
        let refused = core.is_known(&presence, &caller).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    }

    #[tokio::test]
    async fn the_time_that_is_left_only_gets_shorter_also_for_who_comes_later() {
        let (_folder, core) = core().await;
        let early = core.arrives();
        assert_eq!(*early.stay().borrow(), Stay::Unlimited);
        core.callers.may_stay(Stay::ShuttingDown);
        core.callers.may_stay(Stay::ToFinish);
        for presence in [early, core.arrives()] {
            assert_eq!(*presence.stay().borrow(), Stay::ShuttingDown);
        }
    }
}
