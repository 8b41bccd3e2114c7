//! [`Subscription`]: receives the messages of one subject, for one gateway. Dropping it ends the subscription.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::inbox::Inbox;
use crate::message::Event;

/// The messages of one subject. Dropping it ends the subscription: requests that were not read, and later ones, end with
/// [`NotDelivered::NoSubscriber`](crate::NotDelivered::NoSubscriber).
pub struct Subscription {
    inbox: Arc<Inbox>,
    /// Ends the subscription at the bus when it is dropped.
    _registration: Box<dyn Any + Send + Sync>,
}

impl Subscription {
    pub(crate) fn new(inbox: Arc<Inbox>, registration: impl Any + Send + Sync) -> Self {
        Self { inbox, _registration: Box::new(registration) }
    }

    /// Waits for the next event. `None` when the bus is closed. No event is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Event> {
        self.inbox.next().await
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.inbox.abandon();
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}
