//! [`LiveLink`]: the side of a link that the services have. They queue calls and notices on it for the task of the worker's socket, which
//! has the other side, `Link`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use platools_protocol::tool_sync::Features;
use secrecy::SecretString;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::messages::{ArgumentForm, Closing, Delivery, Notice};
use super::worker::ConnectedWorker;
use super::worker_peer::WorkerPeer;
use crate::catalog::DeclaredTools;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::generation::Generation;
use crate::domain::identity::{Credential, Identity, Policy};
use crate::domain::ids::LinkId;
use crate::limits::gauge::{Gauge, HeldAmount};
use crate::pending::PendingCalls;

/// The most bytes of calls that wait for one socket; further ones are refused.
const QUEUE_BYTES: usize = 32 * 1024 * 1024;

/// The services' end of a link. [`Link`](super::Link) is the end of the socket's task.
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
    pub(super) secret: SecretString,
    pub(super) credential: Credential,
    pub(super) features: Features,
    /// The policy for several links of its scope.
    pub(super) policy: Policy,
    /// The tools that it declared; none before its first registration.
    pub(super) declared: RwLock<Option<Arc<DeclaredTools>>>,
    /// The worker said that it stops.
    pub(super) is_leaving: AtomicBool,
    pub(super) notices: mpsc::Sender<Notice>,
    /// The notice that the socket is about to be closed, apart from the others so that it is never left out.
    pub(super) draining: watch::Sender<Option<Notice>>,
    pub(super) queue: mpsc::Sender<Queued>,
    pub(super) queued_bytes: Gauge,
    pub(super) closing: watch::Sender<Option<Closing>>,
}

/// A call that waits for its worker's socket.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) delivery: Delivery,
    _bytes: HeldAmount,
}

impl LiveLink {
    /// The secret the worker presented; it signs the calls that go to it.
    pub(crate) fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// The form in which the worker takes arguments. One that speaks no extension is another SDK's.
    pub(crate) fn argument_form(&self) -> ArgumentForm {
        if self.features.is_empty() { ArgumentForm::JavaScript } else { ArgumentForm::AsWritten }
    }

    /// The worker without its takeovers, which are its scope's.
    pub(super) fn shown(&self) -> ConnectedWorker {
        ConnectedWorker {
            link_id: self.id.clone(),
            identity: self.identity.clone(),
            connected_ms: self.connected_ms,
            calls_in_flight: self.load.value(),
            calls_queued: self.queue.max_capacity() - self.queue.capacity(),
            address: self.peer.address,
            instance: self.peer.instance.clone(),
            takeovers: 0,
            takeovers_total: 0,
        }
    }

    /// True if the worker takes further calls: it does not stop, and the link is not about to be closed.
    pub(super) fn takes_calls(&self) -> bool {
        !self.is_leaving.load(Ordering::Relaxed) && self.closing.borrow().is_none()
    }

    /// Queues a call, without waiting for a worker that reads slowly.
    pub(crate) fn deliver(&self, delivery: Delivery) -> Result<(), Refused> {
        let bytes = self.queued_bytes.hold_unless_past(delivery.frame.bytes(), QUEUE_BYTES).ok_or(Refused::Busy)?;
        // Before it is queued: from then on the link may send it, or end, at any time.
        self.calls.queue(&delivery.call_id, &self.id, &self.load);
        self.queue.try_send(Queued { delivery, _bytes: bytes }).map_err(|refused| {
            let (refused, queued) = match refused {
                mpsc::error::TrySendError::Full(queued) => (Refused::Busy, queued),
                mpsc::error::TrySendError::Closed(queued) => (Refused::Ended, queued),
            };
            self.calls.unqueue(&queued.delivery.call_id);
            refused
        })
    }

    /// Sends a notice to the worker, if it knows the extension.
    pub(super) fn notify(&self, notice: &Notice) {
        if !self.features.contains(notice.feature()) {
            return;
        }
        match notice {
            Notice::Cancel { .. } => {
                // A link that is gone needs no notice. A worker that does not read runs the cancelled call to its end.
                if let Err(mpsc::error::TrySendError::Full(_)) = self.notices.try_send(notice.clone()) {
                    tracing::debug!(connection.id = %self.id, "a cancellation left out");
                }
            }
            Notice::Drain { .. } => drop(self.draining.send_replace(Some(notice.clone()))),
        }
    }

    /// Asks the link to close. The first reason counts.
    pub(super) fn close(&self, closing: Closing) {
        self.closing.send_if_modified(|current| {
            let first = current.is_none();
            current.get_or_insert(closing);
            first
        });
    }
}

/// The reason for which a link did not take a call. The call certainly did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Too much waits for the link's socket.
    Busy,
    /// The link has ended.
    Ended,
}

pub(crate) fn busy() -> Error {
    Error::new(ErrorKind::WorkerBusy, "the tool's worker reads too slowly; too many calls wait for it")
}

pub(crate) fn offline() -> Error {
    Error::new(ErrorKind::WorkerOffline, "the tool's worker is not connected")
}
