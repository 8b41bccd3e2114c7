//! [`LiveLink`]: the side of a link that the services have. They queue calls and notices on it for the task of the worker's socket, which
//! has the other side, `Link`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;

use super::messages::{ArgumentForm, Closing, Delivery, Notice, Refused};
use super::outlet::{Outlet, SocketOutlet};
use super::worker::ConnectedWorker;
use super::worker_peer::WorkerPeer;
use crate::catalog::DeclaredTools;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::generation::Generation;
use crate::domain::identity::{Identity, Policy};
use crate::domain::ids::{GatewayNumber, LinkId};
use crate::limits::gauge::Gauge;
use crate::pending::PendingCalls;

/// The services' end of a link. [`Link`](super::Link) is the end of the socket's task. A link whose socket another gateway has is one, too:
/// only its [`Outlet`] differs.
#[derive(Debug)]
pub(crate) struct LiveLink {
    pub(super) generation: Generation,
    pub(super) id: LinkId,
    pub(super) identity: Identity,
    pub(super) peer: WorkerPeer,
    pub(super) connected_ms: i64,
    /// The same by the clock that does not jump.
    pub(super) attached: Instant,
    /// The number of its calls without an answer.
    pub(super) load: Gauge,
    pub(super) calls: PendingCalls,
    /// The policy for several links of its scope.
    pub(super) policy: Policy,
    /// True if its worker sends answers again after a reconnect.
    pub(super) repeats_answers: bool,
    /// The tools that it declared; none before its first registration.
    pub(super) declared: RwLock<Option<Arc<DeclaredTools>>>,
    /// The worker said that it stops, or an admin drained it.
    pub(super) is_leaving: AtomicBool,
    /// The moment of its last heartbeat, after it came.
    pub(super) heartbeat: RwLock<Option<Instant>>,
    pub(super) outlet: Outlet,
}

/// The form in which a link takes a call.
#[derive(Debug)]
pub(crate) enum CallForm<'a> {
    /// The frame for the worker, signed with the secret that it presented.
    Signed(&'a SecretString, ArgumentForm),
    /// The parts of the frame: the gateway that has the socket makes the frame.
    Parts,
}

impl LiveLink {
    /// The id of the link.
    pub(crate) fn id(&self) -> &LinkId {
        &self.id
    }

    /// The moment when its worker came.
    pub(crate) fn generation(&self) -> Generation {
        self.generation
    }

    /// The worker of the link.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The form in which the link takes a call. A worker that speaks no extension is another SDK's.
    pub(crate) fn call_form(&self) -> CallForm<'_> {
        match self.socket() {
            Some(socket) if socket.features.is_empty() => CallForm::Signed(&socket.secret, ArgumentForm::JavaScript),
            Some(socket) => CallForm::Signed(&socket.secret, ArgumentForm::AsWritten),
            None => CallForm::Parts,
        }
    }

    /// The queues of the socket, if this gateway has it.
    pub(super) fn socket(&self) -> Option<&SocketOutlet> {
        match &self.outlet {
            Outlet::Socket(socket) => Some(socket),
            Outlet::Member(_) => None,
        }
    }

    /// True if this gateway has the socket.
    pub(crate) fn is_local(&self) -> bool {
        self.socket().is_some()
    }

    /// The gateway that has the socket; `None` if it is this one.
    pub(crate) fn gateway(&self) -> Option<GatewayNumber> {
        match &self.outlet {
            Outlet::Socket(_) => None,
            Outlet::Member(member) => Some(member.gateway()),
        }
    }

    /// The worker without its takeovers, which are its scope's.
    pub(super) fn shown(&self) -> ConnectedWorker {
        ConnectedWorker {
            link_id: self.id.clone(),
            identity: self.identity.clone(),
            gateway: self.gateway(),
            connected_ms: self.connected_ms,
            calls_in_flight: self.load.value(),
            calls_queued: self.socket().map_or(0, |socket| socket.queue.max_capacity() - socket.queue.capacity()),
            address: self.peer.address,
            instance: self.peer.instance.clone(),
            takeovers: 0,
            takeovers_total: 0,
            policy: self.policy,
            heartbeat_age: self.is_local().then(|| self.heartbeat_age()),
            is_draining: self.is_leaving.load(Ordering::Relaxed),
            tool_count: self.declared().map_or(0, |declared| declared.count()),
        }
    }

    /// The time since the worker last sent a heartbeat, or since it came.
    fn heartbeat_age(&self) -> Duration {
        let heartbeat = *self.heartbeat.read().unwrap_or_else(PoisonError::into_inner);
        heartbeat.unwrap_or(self.attached).elapsed()
    }

    /// True if the worker takes further calls: it does not stop, and the link is not about to be closed.
    pub(crate) fn takes_calls(&self) -> bool {
        let is_open = match &self.outlet {
            Outlet::Socket(socket) => socket.closing.borrow().is_none(),
            Outlet::Member(member) => member.is_reachable(),
        };
        is_open && !self.is_leaving.load(Ordering::Relaxed)
    }

    /// Queues a call, without waiting for a worker that reads slowly, or for another gateway.
    pub(crate) fn deliver(&self, delivery: Delivery) -> Result<(), Refused> {
        match &self.outlet {
            Outlet::Socket(socket) => {
                let bytes = socket.hold(&delivery)?;
                // Before it is queued: from then on the link may send it, or end, at any time.
                self.calls.queue(&delivery.call_id, &self.id, &self.load);
                socket.queue(delivery, bytes).map_err(|(refused, call_id)| {
                    self.calls.unqueue(&call_id);
                    refused
                })
            }
            Outlet::Member(member) => {
                if self.calls.hand_over(&delivery.call_id, &self.id, &self.load) {
                    member.deliver(&self.identity.scope(), &self.id, delivery);
                }
                Ok(())
            }
        }
    }

    /// Sends a notice to the worker. Other gateways pass on cancellations only: the rest is theirs.
    pub(super) fn notify(&self, notice: &Notice) {
        match (&self.outlet, notice) {
            (Outlet::Socket(socket), notice) => socket.notify(&self.id, notice),
            (Outlet::Member(member), Notice::Cancel { call_id }) => {
                member.cancel(&self.identity.scope(), &self.id, call_id)
            }
            (Outlet::Member(_), Notice::Drain { .. }) => {}
        }
    }

    /// Asks the link to close. The first reason counts. The gateway that has the socket sees for itself when it has to close it.
    pub(crate) fn close(&self, closing: Closing) {
        if let Some(socket) = self.socket() {
            socket.close(closing);
        }
    }
}

pub(crate) fn busy() -> Error {
    Error::new(ErrorKind::WorkerBusy, "the tool's worker reads too slowly; too many calls wait for it")
}

pub(crate) fn offline() -> Error {
    Error::new(ErrorKind::WorkerOffline, "the tool's worker is not connected")
}
