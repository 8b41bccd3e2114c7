//! [`Requests`]: keeps the requests that were sent over NATS and have no answer yet, and gives each answer to the sender of its request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::error::PublishError;
use crate::message::Answer;

/// The requests that wait for their answers, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests {
    pending: Arc<Mutex<Pending>>,
}

#[derive(Debug, Default)]
struct Pending {
    next: u64,
    senders: HashMap<u64, oneshot::Sender<Outcome>>,
}

/// The end of a request; an error if it was not sent.
pub(super) type Outcome = Result<Answer, PublishError>;

/// A request that waits. Dropping it forgets the request.
#[derive(Debug)]
pub(super) struct PendingRequest {
    pub(super) number: u64,
    outcome: oneshot::Receiver<Outcome>,
    requests: Requests,
}

impl Requests {
    pub(super) fn begin(&self) -> PendingRequest {
        let (sender, outcome) = oneshot::channel();
        let mut pending = self.lock();
        let number = pending.next;
        pending.next += 1;
        pending.senders.insert(number, sender);
        drop(pending);
        PendingRequest { number, outcome, requests: self.clone() }
    }

    /// Ends a request. A request that has ended already is left alone.
    pub(super) fn end(&self, number: u64, outcome: Outcome) {
        if let Some(sender) = self.lock().senders.remove(&number) {
            let _ = sender.send(outcome);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PendingRequest {
    /// Waits for the end.
    pub(super) async fn outcome(&mut self) -> Outcome {
        (&mut self.outcome).await.unwrap_or(Ok(Answer::Dropped))
    }
}

impl Drop for PendingRequest {
    fn drop(&mut self) {
        self.requests.lock().senders.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_request_ends_once_and_is_forgotten_when_nobody_waits() {
        let requests = Requests::default();
        let (mut one, other) = (requests.begin(), requests.begin());
        assert!(one.outcome().now_or_never().is_none());
        requests.end(one.number, Err(PublishError::Disconnected));
        requests.end(one.number, Ok(Answer::Dropped));
        assert_eq!(one.outcome().now_or_never(), Some(Err(PublishError::Disconnected)));
        drop(other);
        assert!(requests.lock().senders.is_empty());
    }
}
