//! A worker's end of a link.

use platools_protocol::tool_sync::Features;
use tokio::sync::{mpsc, watch};

use super::live::Queued;
use super::{Arrival, Closing, Delivery, Notice, Order, Workers};
use crate::domain::identity::{Identity, Scope};
use crate::domain::ids::{CallId, ConnectionId, EntityId};
use crate::limits::Place;
use crate::pending::LinkEnd;

/// A worker's end of a link, owned by the task that owns its socket. Dropping it takes the worker offline, unless a newer
/// link took its place. Calls that the socket did not get are returned to their callers, for they have certainly not run.
#[derive(Debug)]
pub struct Link {
    pub(super) workers: Workers,
    pub(super) identity: Identity,
    pub(super) connection_id: ConnectionId,
    pub(super) arrival: Arrival,
    /// Whether it was the live one of its scope, or one of a pool, when it came.
    pub(super) was_live: bool,
    /// Whether the worker sent a frame that was too large.
    pub(super) sent_large_frame: bool,
    /// Whether the worker closed the connection because it stops.
    pub(super) has_stopped: bool,
    /// The process of the worker, if another one takes its place.
    pub(super) instance: Option<String>,
    pub(super) features: Features,
    pub(super) deliveries: mpsc::Receiver<Queued>,
    pub(super) noticed: mpsc::Receiver<Notice>,
    pub(super) draining: watch::Receiver<Option<Notice>>,
    pub(super) closed: watch::Receiver<Option<Closing>>,
    pub(super) _place: Option<Place<EntityId>>,
}

impl Link {
    /// Who the worker is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The name of this connection.
    #[must_use]
    pub fn connection_id(&self) -> &ConnectionId {
        &self.connection_id
    }

    /// The extensions of the protocol that both sides know.
    #[must_use]
    pub fn features(&self) -> Features {
        self.features
    }

    /// What the worker is to be told next, or the next call for it. Cancel-safe. Ends once the link was closed and nothing is
    /// queued.
    ///
    /// Until [`Link::sent`] a call counts as not sent, and is returned to its caller when the link ends.
    pub async fn next(&mut self) -> Option<Order> {
        loop {
            // All arms are cancel-safe.
            let queued = tokio::select! {
                biased;
                Some(notice) = self.noticed.recv() => return Some(Order::Notice(notice)),
                Some(notice) = next_of(&mut self.draining) => return Some(Order::Notice(notice)),
                queued = self.deliveries.recv() => queued?,
            };
            if let Some(delivery) = self.wanted(queued) {
                return Some(Order::Call(delivery));
            }
        }
    }

    /// What the link's fence is: it tells whether the link is still the live one, also while the link is in use.
    #[must_use]
    pub fn fence(&self) -> Fence {
        Fence {
            workers: self.workers.clone(),
            scope: self.identity.scope(),
            arrival: self.arrival,
            connection_id: self.connection_id.clone(),
        }
    }

    /// The reason to close, as soon as there is one.
    #[must_use]
    pub fn closing(&self) -> ClosingSignal {
        ClosingSignal(self.closed.clone())
    }

    /// The next call, if one is queued.
    pub fn queued_delivery(&mut self) -> Option<Delivery> {
        while let Ok(queued) = self.deliveries.try_recv() {
            if let Some(delivery) = self.wanted(queued) {
                return Some(delivery);
            }
        }
        None
    }

    /// The call, if it is to be sent: one that nobody waits for any more would run in vain, and one that was returned may be at
    /// another link.
    fn wanted(&self, Queued { delivery, .. }: Queued) -> Option<Delivery> {
        self.workers.calls.take(&delivery.call_id, &self.connection_id).then_some(delivery)
    }

    /// How many calls are queued.
    #[cfg(test)]
    pub(crate) fn queued(&self) -> usize {
        self.deliveries.len()
    }

    /// Notes that the socket has a call. From here on it waits for its answer, also when the link ends, and then as long as its
    /// caller has patience.
    pub fn sent(&self, call_id: &CallId) {
        self.workers.calls.sent(call_id, &self.connection_id);
    }

    /// Notes that the link ends because the worker sent a frame that is too large.
    pub fn note_large_frame(&mut self) {
        self.sent_large_frame = true;
    }

    /// Notes that the link ends because the worker stops: it has sent every answer that it has.
    pub fn note_stop(&mut self) {
        self.has_stopped = true;
    }

    /// What the calls of the link have to know of its end.
    fn end(&self) -> LinkEnd {
        // Workers that know any extension send again what they are not sure of, and others do not.
        let is_last_word = self.features.is_empty() || self.has_stopped;
        // A worker whose connection the gateway closed lives, also if another process has its place now.
        let is_closed = self.closed.borrow().is_some();
        LinkEnd {
            answer_wait: is_last_word.then_some(self.workers.settings.wait_for_lost_answer),
            is_for_large_frame: self.sent_large_frame,
            has_stopped: self.has_stopped,
            instance: self.instance.clone().filter(|_| !is_closed),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let scope = self.identity.scope();
        let is_offline = self.workers.lock().remove(&scope, self.arrival);
        if let Some(observer) = self.workers.observer.as_ref().filter(|_| self.was_live) {
            observer.worker_left(&self.identity, &self.connection_id);
        }
        // Before the calls are returned: they look for another link at once.
        self.workers.link_changed(&scope);
        // In this order: a call is noted before it is queued, so one that slips in before the close is found by the second.
        self.deliveries.close();
        self.workers.calls.lose(&self.connection_id, &self.end());
        if is_offline {
            self.workers.tool_changes.notify(&scope);
        }
    }
}

/// The next value of a channel; none once its sender is gone.
async fn next_of(draining: &mut watch::Receiver<Option<Notice>>) -> Option<Notice> {
    draining.changed().await.ok()?;
    draining.borrow_and_update().clone()
}

/// Tells whether a link was replaced.
#[derive(Debug, Clone)]
pub struct Fence {
    pub(super) workers: Workers,
    scope: Scope,
    pub(super) arrival: Arrival,
    connection_id: ConnectionId,
}

impl Fence {
    /// Notes that the worker has a call over this link, as only it can know after a reconnect. A link that was replaced or has
    /// ended has none.
    pub fn has(&self, call_id: &CallId) {
        if self.is_current() {
            self.workers.calls.seen(&self.scope, call_id, &self.connection_id);
        }
    }

    /// Notes that the worker stops: it is sent no more calls, and those that wait for its socket go to other links.
    pub fn leaves(&self) {
        self.workers.leaves(&self.scope, self.arrival);
    }

    /// Whether the link is still the live one of its scope.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.workers.is_current(&self.scope, self.arrival)
    }
}

/// Waits for the reason to close a link.
#[derive(Debug, Clone)]
pub struct ClosingSignal(watch::Receiver<Option<Closing>>);

impl ClosingSignal {
    /// Waits until there is a reason. Cancel-safe.
    pub async fn wait(&mut self) -> Closing {
        match self.0.wait_for(Option::is_some).await.map(|closing| *closing) {
            Ok(Some(closing)) => closing,
            // The live end was dropped without a reason, which only a replacement does.
            Ok(None) | Err(_) => Closing::Superseded,
        }
    }
}
