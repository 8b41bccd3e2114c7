//! [`HostedCalls`]: the calls of other members whose workers have their sockets here. It queues them at the workers' links, and returns those
//! that a link certainly did not send.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use platools_bus::InboxBounds;
use serde_json::value::RawValue;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answers::{ANSWERS, AnswerMessage};
use super::call_sender::{CALLS, CallMessage, Taking};
use super::members::Members;
use super::messenger::{MemberMessage, Messenger, Response};
use crate::calls::{KeyedCallGrant, ShippedCall};
use crate::domain::error::ErrorKind;
use crate::domain::identity::Scope;
use crate::domain::ids::{CallId, LinkId};
use crate::domain::lock::lock;
use crate::links::{Delivery, Links, LiveLink, Refused};
use crate::pending_calls::{CallStep, PendingCall, PendingCalls};

/// Calls and cancellations that wait to be read.
const WAITING: InboxBounds = InboxBounds { messages: 16 * 1024, bytes: 128 * 1024 * 1024 };

/// Past the deadline of a call its origin has cancelled it, unless the two are not connected.
const AFTER_DEADLINE: Duration = Duration::from_secs(1);

/// A call is cancelled when its origin has been gone for so long: nobody waits for the answer. An origin that was only cut off is back before.
const ORIGIN_GONE: Duration = Duration::from_secs(10);

/// The calls of other members. Clones share one table.
#[derive(Debug, Clone)]
pub(super) struct HostedCalls {
    messenger: Messenger,
    members: Members,
    links: Arc<Links>,
    pending: PendingCalls,
    hosted: Arc<Mutex<HashMap<CallId, HostedEntry>>>,
    tasks: TaskTracker,
}

/// An entry of the table.
#[derive(Debug)]
struct HostedEntry {
    cancelled: CancellationToken,
    /// Lets this member keep the answer, if the origin is gone.
    grant: Option<KeyedCallGrant>,
}

impl HostedCalls {
    pub(super) fn new(messenger: Messenger, members: Members, links: Arc<Links>, pending: PendingCalls) -> Self {
        Self { messenger, members, links, pending, hosted: Arc::default(), tasks: TaskTracker::new() }
    }

    /// Receives calls and cancellations. Never returns before the bus is closed.
    pub(super) async fn receive(&self) {
        let mut messages = self.messenger.messages_to_this(CALLS, WAITING);
        while let Some(received) = messages.next::<CallMessage>().await {
            match received {
                MemberMessage::Message(CallMessage::Deliver { scope, link, call }, Some(response)) => {
                    self.take(&scope, &link, &call, response);
                }
                MemberMessage::Message(CallMessage::Cancel { scope, link, call_id }, _) => {
                    self.cancel(&scope, &link, &call_id);
                }
                // A call that nobody waits for is none. Requests that are lost end at their senders.
                MemberMessage::Message(CallMessage::Deliver { .. }, None) | MemberMessage::Gap => {}
            }
        }
    }

    /// Begins a call, unless its link is gone. A later message can cancel it from here on.
    fn take(&self, scope: &Scope, link: &LinkId, call: &RawValue, response: Response) {
        let call = match serde_json::from_str::<ShippedCall>(call.get()) {
            Ok(call) => call,
            Err(error) => {
                // The response is dropped: whether the call is taken is told by none.
                tracing::warn!(%error, "a call of another gateway was not understood");
                return;
            }
        };
        let Some(live) = self.links.local_link(scope, link).filter(|live| live.takes_calls()) else {
            response.send(&Taking::Gone);
            return;
        };
        let (cancelled, grant) = (CancellationToken::new(), call.grant.clone());
        let (call_id, is_kept) = (call.call_id.clone(), grant.is_some());
        let entry = HostedEntry { cancelled: cancelled.clone(), grant };
        if lock(&self.hosted).insert(call_id.clone(), entry).is_some() {
            tracing::warn!(call.id = %call_id, "a call of another gateway came twice");
        }
        let pending = self.pending.open(call_id.clone(), scope.clone(), &call.tool, None);
        let this = self.clone();
        self.tasks.spawn(async move {
            let origin = call_id.gateway();
            let mut hosted = HostedCall { of: &this, call_id, link: live, pending, is_over: false };
            tokio::select! {
                biased;
                () = cancelled.cancelled() => {}
                // The answer of a call under an idempotency key is kept for the next call with the key.
                () = this.members.gone(origin, ORIGIN_GONE), if !is_kept => {}
                () = hosted.run(call, response) => {}
            }
        });
    }

    fn cancel(&self, scope: &Scope, link: &LinkId, call_id: &CallId) {
        match lock(&self.hosted).remove(call_id) {
            Some(hosted) => hosted.cancelled.cancel(),
            // The worker may have come here with the call, from another gateway.
            None => self.links.cancel_at(scope, link, call_id),
        }
    }

    /// Waits until no call of another member is at a link.
    pub(super) async fn idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    /// Forgets a call, because its answer is there. Returns the grant to keep that, if the call has an idempotency key.
    pub(super) fn finish(&self, scope: &Scope, call_id: &CallId) -> Option<KeyedCallGrant> {
        let hosted = lock(&self.hosted).remove(call_id);
        self.pending.finish(scope, call_id);
        hosted?.grant
    }
}

/// A call of another member at a link.
struct HostedCall<'a> {
    of: &'a HostedCalls,
    call_id: CallId,
    link: Arc<LiveLink>,
    pending: PendingCall,
    /// True once there is nothing to cancel at the worker.
    is_over: bool,
}

impl HostedCall<'_> {
    /// Queues the call, and waits until it is over for this member: the answer came, the link did not send it, or the link ended.
    async fn run(&mut self, call: ShippedCall, response: Response) {
        let deadline = Instant::now() + Duration::from_millis(call.remaining_ms) + AFTER_DEADLINE;
        let frame = call.frame(self.link.identity(), self.link.call_form()).await;
        let delivery = Delivery { call_id: self.call_id.clone(), frame };
        let taking = match self.link.deliver(delivery) {
            Ok(()) => Taking::Taken,
            Err(Refused::Busy) => Taking::Busy,
            Err(Refused::Ended) => Taking::Gone,
        };
        response.send(&taking);
        if taking != Taking::Taken {
            self.is_over = true;
            return;
        }
        match self.pending.next(deadline, Duration::ZERO).await {
            Ok(CallStep::Returned) => {
                self.forget();
                self.return_unsent();
            }
            // The deadline is over: the call is cancelled.
            Err(error) if error.kind() == ErrorKind::Timeout => {}
            // The answer came; or the link ended, of which the origin learns by itself.
            Ok(CallStep::Ended(_)) | Err(_) => self.is_over = true,
        }
    }

    fn return_unsent(&self) {
        let message = AnswerMessage::Returned { call_id: self.call_id.clone(), link: self.link.id().clone() };
        // Without it, the origin waits for an answer that does not come, and says that the call may have run.
        if let Err(error) = self.of.messenger.send(self.call_id.gateway(), ANSWERS, &message) {
            tracing::debug!(call.id = %self.call_id, %error, "call not returned to its gateway");
        }
    }

    /// Forgets the call. The origin may send it again from then on.
    fn forget(&mut self) {
        self.is_over = true;
        lock(&self.of.hosted).remove(&self.call_id);
        self.pending.forget();
    }
}

impl Drop for HostedCall<'_> {
    fn drop(&mut self) {
        let (stage, is_over) = (self.pending.stage(), self.is_over);
        if !self.pending.has_ended() {
            self.forget();
        }
        if !is_over {
            self.of.links.cancel(&self.link.identity().scope(), &self.call_id, &stage);
        }
    }
}
