//! [`CallSender`]: sends the calls of this gateway to another member, which has the sockets of their workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use platools_bus::{NotDelivered, PublishError, RequestError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::messenger::{Messenger, Topic};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Scope;
use crate::domain::ids::{CallId, GatewayNumber, LinkId};
use crate::links::{Delivery, LinkChanges, MemberSender, busy};
use crate::pending_calls::{LinkEnd, PendingCalls};

/// Calls for the workers of a member, and their cancellations, in order.
pub(super) const CALLS: Topic = Topic::new("calls");

/// The longest wait for a member to say that it has taken a call. It only has to queue the call.
const TAKE_LIMIT: Duration = Duration::from_secs(10);

/// A message of [`CALLS`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CallMessage {
    /// A call for the worker of a link. It is a request, which [`Taking`] answers.
    Deliver {
        scope: Scope,
        link: LinkId,
        /// The parts of its frame, a [`ShippedCall`](crate::calls::ShippedCall).
        call: Box<RawValue>,
    },
    /// Nobody waits for a call any more.
    Cancel { scope: Scope, link: LinkId, call_id: CallId },
}

/// The answer of a member to a call for one of its workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Taking {
    /// The call waits for the socket. The member says so if it returns the call later.
    Taken,
    /// Too much waits for the socket.
    Busy,
    /// The member has no such link any more.
    Gone,
}

/// The links of another member, as this one sends calls to them.
#[derive(Debug)]
pub(super) struct CallSender {
    member: GatewayNumber,
    messenger: Messenger,
    calls: PendingCalls,
    changes: LinkChanges,
    /// False while the member stops, and from a request that found no subscriber until the next heartbeat.
    is_reachable: Arc<AtomicBool>,
}

impl CallSender {
    pub(super) fn new(member: GatewayNumber, messenger: Messenger, calls: PendingCalls, changes: LinkChanges) -> Self {
        Self { member, messenger, calls, changes, is_reachable: Arc::new(AtomicBool::new(true)) }
    }

    /// Notes that the member takes no calls.
    pub(super) fn note_unreachable(&self) {
        self.is_reachable.store(false, Ordering::Relaxed);
    }

    /// Notes that the member takes calls. Returns true if it was not reachable before.
    pub(super) fn note_reachable(&self) -> bool {
        !self.is_reachable.swap(true, Ordering::Relaxed)
    }
}

impl MemberSender for CallSender {
    fn gateway(&self) -> GatewayNumber {
        self.member
    }

    fn is_reachable(&self) -> bool {
        self.is_reachable.load(Ordering::Relaxed)
    }

    fn deliver(&self, scope: &Scope, link: &LinkId, delivery: Delivery) {
        let Delivery { call_id, frame } = delivery;
        let call = RawValue::from_string(frame.into_text()).expect("the parts of a call are JSON");
        let message = CallMessage::Deliver { scope: scope.clone(), link: link.clone(), call };
        let message = super::messenger::encode(&message);
        // Queued at once, so that a cancellation is behind it.
        let taking = self.messenger.request_encoded::<Taking>(self.member, CALLS, message, TAKE_LIMIT);
        let (calls, changes) = (self.calls.clone(), self.changes.clone());
        let (member, scope, link) = (self.member, scope.clone(), link.clone());
        let is_reachable = Arc::clone(&self.is_reachable);
        tokio::spawn(async move {
            match taking.await {
                Ok(Taking::Taken) => {}
                Ok(Taking::Busy) => calls.refuse(&call_id, &link, busy()),
                Ok(Taking::Gone) => {
                    changes.note(&scope);
                    calls.return_unsent(&call_id, &link);
                }
                Err(RequestError::NotDelivered(NotDelivered::NotSent(PublishError::TooLong))) => {
                    let message = "the call is too long for another gateway; send shorter arguments";
                    calls.refuse(&call_id, &link, Error::new(ErrorKind::InvalidRequest, message));
                }
                Err(RequestError::NotDelivered(NotDelivered::Busy)) => calls.refuse(&call_id, &link, busy()),
                Err(RequestError::NotDelivered(reason)) => {
                    is_reachable.store(false, Ordering::Relaxed);
                    // A gateway that is gone has left its workers, which connect to others soon. Without a connection to any, there is
                    // nothing to wait for.
                    if reason == NotDelivered::NoSubscriber {
                        changes.note(&scope);
                    }
                    tracing::debug!(call.id = %call_id, gateway = member.get(), ?reason, "call not taken by another gateway");
                    calls.return_unsent(&call_id, &link);
                }
                Err(RequestError::Unanswered) => {
                    tracing::warn!(call.id = %call_id, gateway = member.get(), "another gateway did not say whether it took a call");
                    calls.lose_call(&call_id, &link, &unknown());
                }
            }
        });
    }

    fn cancel(&self, scope: &Scope, link: &LinkId, call_id: &CallId) {
        let message = CallMessage::Cancel { scope: scope.clone(), link: link.clone(), call_id: call_id.clone() };
        if let Err(error) = self.messenger.send(self.member, CALLS, &message) {
            tracing::debug!(call.id = %call_id, %error, "a cancellation did not reach another gateway");
        }
    }
}

/// The loss of a call that may have reached its worker.
fn unknown() -> LinkEnd {
    LinkEnd { answer_wait: None, is_for_large_frame: false, has_stopped: false, instance: None }
}
