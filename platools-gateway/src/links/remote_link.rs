//! [`RemoteLink`]: a link whose socket another gateway has, as that gateway describes it. [`Links::attach_remote`] adds it to the table, in
//! which it is a link like the others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::changes::LinkChanges;
use super::live_link::LiveLink;
use super::messages::Notice;
use super::outlet::{MemberOutlet, Outlet};
use super::table::Links;
use super::worker::WorkerObserver as _;
use super::worker_peer::WorkerPeer;
use crate::catalog::DeclaredTools;
use crate::domain::generation::Generation;
use crate::domain::identity::{Identity, Policy, Scope};
use crate::domain::ids::{CallId, LinkId};
use crate::limits::gauge::Gauge;
use crate::pending::LinkEnd;

/// The description of a link, for other gateways.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RemoteLink {
    pub(crate) id: LinkId,
    pub(crate) generation: Generation,
    pub(crate) identity: Identity,
    pub(crate) peer: WorkerPeer,
    pub(crate) connected_ms: i64,
    pub(crate) policy: Policy,
    /// True if the worker sends answers again after a reconnect.
    pub(crate) repeats_answers: bool,
    /// True if the worker stops.
    pub(crate) is_leaving: bool,
}

impl LiveLink {
    /// The description of the link, for other gateways.
    pub(crate) fn description(&self) -> RemoteLink {
        RemoteLink {
            id: self.id.clone(),
            generation: self.generation,
            identity: self.identity.clone(),
            peer: self.peer.clone(),
            connected_ms: self.connected_ms,
            policy: self.policy,
            repeats_answers: self.repeats_answers,
            is_leaving: self.is_leaving.load(Ordering::Relaxed),
        }
    }

    /// The policy for several links of its scope.
    pub(crate) fn policy(&self) -> Policy {
        self.policy
    }
}

impl RemoteLink {
    /// The end of the link if nothing more is heard of the gateway that has its socket.
    pub(crate) fn end_unheard(&self, links: &Links) -> LinkEnd {
        LinkEnd {
            answer_wait: (!self.repeats_answers).then_some(links.settings.wait_for_lost_answer),
            is_for_large_frame: false,
            has_stopped: false,
            instance: None,
        }
    }
}

impl Links {
    /// Adds a link of another gateway to the table, by the same rules as one of this gateway: it takes the place of an older one, unless the
    /// entity is a pool. One that is there already stays as it is.
    pub(crate) fn attach_remote(&self, link: &RemoteLink, outlet: Arc<dyn MemberOutlet>) {
        let RemoteLink { id, generation, identity, peer, connected_ms, policy, repeats_answers, is_leaving } =
            link.clone();
        self.observe(generation);
        let is_known = self.lock().live_of(&identity.scope()).iter().any(|live| live.id == id);
        if is_known {
            return;
        }
        let live = Arc::new(LiveLink {
            generation,
            id: id.clone(),
            identity,
            peer,
            connected_ms,
            attached: Instant::now(),
            load: Gauge::default(),
            calls: self.calls.clone(),
            policy,
            repeats_answers,
            declared: RwLock::default(),
            is_leaving: AtomicBool::new(is_leaving),
            heartbeat: RwLock::default(),
            outlet: Outlet::Member(outlet),
        });
        self.enter(&live);
        // Calls that were lost with the connection to the other gateway have a link again.
        self.calls.resume(&id);
    }

    /// Notes the tools that a link of another gateway declared.
    pub(crate) fn declare_remote(&self, scope: &Scope, generation: Generation, declared: Arc<DeclaredTools>) {
        self.declare(scope, generation, declared);
        self.tool_changes.notify(scope);
    }

    /// Notes that the worker of a link of another gateway stops.
    pub(crate) fn leave_remote(&self, scope: &Scope, generation: Generation) {
        if let Some(live) = self.lock().live_of(scope).iter().find(|live| live.generation == generation) {
            live.is_leaving.store(true, Ordering::Relaxed);
        }
        self.link_changed(scope);
    }

    /// Notes that a link of another gateway has ended.
    pub(crate) fn end_remote(&self, link: &RemoteLink, end: &LinkEnd) {
        let scope = link.identity.scope();
        let (was_live, is_offline) = {
            let mut state = self.lock();
            let was_live = state.live_of(&scope).iter().any(|live| live.generation == link.generation);
            (was_live, state.remove(&scope, link.generation))
        };
        if was_live {
            self.observers.worker_left(&link.identity, &link.id);
        }
        self.link_changed(&scope);
        self.calls.lose(&link.id, end);
        if is_offline {
            self.tool_changes.notify(&scope);
        }
    }

    /// The changes of links, for code that knows of one before the table does.
    pub(crate) fn changes(&self) -> LinkChanges {
        self.changes.clone()
    }

    /// The live links whose sockets this gateway has, with their tools, in the order in which they came.
    pub(crate) fn local(&self) -> Vec<(Arc<LiveLink>, Option<Arc<DeclaredTools>>)> {
        let mut links: Vec<_> = self.lock().sockets().map(|live| (Arc::clone(live), live.declared())).collect();
        links.sort_by_key(|(live, _)| live.generation);
        links
    }

    /// True if a link is live, at whichever gateway its socket is.
    pub(crate) fn is_live(&self, scope: &Scope, id: &LinkId) -> bool {
        self.lock().live_of(scope).iter().any(|live| live.id == *id)
    }

    /// A live link whose socket this gateway has.
    pub(crate) fn local_link(&self, scope: &Scope, id: &LinkId) -> Option<Arc<LiveLink>> {
        self.lock().live_of(scope).iter().find(|live| live.is_local() && live.id == *id).cloned()
    }

    /// Cancels a call at the worker of a link, if this gateway has its socket.
    pub(crate) fn cancel_at(&self, scope: &Scope, link: &LinkId, call_id: &CallId) {
        if let Some(live) = self.local_link(scope, link) {
            live.notify(&Notice::Cancel { call_id: call_id.clone() });
        }
    }
}
