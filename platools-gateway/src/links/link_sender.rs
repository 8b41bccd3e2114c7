//! [`LinkSender`]: sends calls and notices over a link to its worker, through the queues of its socket ([`SocketSender`]), or through another
//! gateway that has the socket ([`MemberSender`]).

use std::fmt;
use std::sync::Arc;

use platools_protocol::tool_sync::Features;
use secrecy::SecretString;
use tokio::sync::{mpsc, watch};

use super::messages::{Closing, Delivery, Notice, Refused};
use crate::domain::identity::{Credential, Scope};
use crate::domain::ids::{CallId, GatewayNumber, LinkId};
use crate::limits::gauge::{Gauge, HeldAmount};

/// The most bytes of calls that wait for one socket; further ones are refused.
const QUEUE_BYTES: usize = 32 * 1024 * 1024;

/// The sender of a link.
#[derive(Debug)]
pub(super) enum LinkSender {
    /// The queues of a socket of this gateway.
    Socket(SocketSender),
    /// Another gateway, which has the socket.
    Member(Arc<dyn MemberSender>),
}

/// Carries calls to the links of another gateway. It never waits, and tells [`PendingCalls`](crate::pending_calls::PendingCalls) how far each call
/// came.
pub(crate) trait MemberSender: fmt::Debug + Send + Sync {
    /// The number of the other gateway.
    fn gateway(&self) -> GatewayNumber;

    /// True if the other gateway takes calls, as far as is known.
    fn is_reachable(&self) -> bool;

    /// Sends a call, whose frame has the parts from which the other gateway makes that of the worker.
    fn deliver(&self, scope: &Scope, link: &LinkId, delivery: Delivery);

    /// Cancels a call for which nobody waits any more.
    fn cancel(&self, scope: &Scope, link: &LinkId, call_id: &CallId);
}

/// The queues to the task of a worker's socket.
#[derive(Debug)]
pub(super) struct SocketSender {
    /// The secret that the worker presented; it signs the calls that go to it.
    pub(super) secret: SecretString,
    pub(super) credential: Credential,
    pub(super) features: Features,
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

impl SocketSender {
    /// Reserves the bytes of a call in the queue.
    pub(super) fn hold(&self, delivery: &Delivery) -> Result<HeldAmount, Refused> {
        self.queued_bytes.hold_unless_past(delivery.frame.bytes(), QUEUE_BYTES).ok_or(Refused::Busy)
    }

    /// Queues a call, without waiting for a worker that reads slowly. Returns the id of a call that is not queued.
    pub(super) fn queue(&self, delivery: Delivery, bytes: HeldAmount) -> Result<(), (Refused, CallId)> {
        self.queue.try_send(Queued { delivery, _bytes: bytes }).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(queued) => (Refused::Busy, queued.delivery.call_id),
            mpsc::error::TrySendError::Closed(queued) => (Refused::Ended, queued.delivery.call_id),
        })
    }

    /// Sends a notice to the worker, if it knows the extension.
    pub(super) fn notify(&self, link: &LinkId, notice: &Notice) {
        if !self.features.contains(notice.feature()) {
            return;
        }
        match notice {
            Notice::Cancel { .. } => {
                // A link that is gone needs no notice. A worker that does not read runs the cancelled call to its end.
                if let Err(mpsc::error::TrySendError::Full(_)) = self.notices.try_send(notice.clone()) {
                    tracing::debug!(connection.id = %link, "cancellation not sent: too many wait for the worker");
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
