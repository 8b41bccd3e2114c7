//! Calls that wait for their answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::error::{Error, ErrorKind};
use super::identity::Scope;
use super::ids::CallId;

/// How a worker says a call ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The tool returned.
    Returned {
        /// What it returned.
        result: Box<RawValue>,
        /// How long the worker took, in milliseconds.
        latency_ms: u64,
    },
    /// The tool failed.
    Failed {
        /// Why, for the caller.
        message: String,
    },
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// It ended the call.
    Accepted,
    /// Nobody waits for it: it is a repeat, or came too late.
    NotPending,
    /// The call is another worker's. It still waits.
    Foreign,
}

/// The calls that are under way, by id.
///
/// A call belongs to a scope, not to a socket: when a link dies, its calls wait on, and the answer may come over the next one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calls {
    pending: Arc<Mutex<HashMap<CallId, Pending>>>,
}

#[derive(Debug)]
struct Pending {
    scope: Scope,
    reply: oneshot::Sender<Result<Outcome, Error>>,
}

impl Calls {
    /// Begins to wait for an answer from `scope`.
    pub(crate) fn open(&self, call_id: CallId, scope: Scope) -> Waiting {
        let (reply, answer) = oneshot::channel();
        self.lock().insert(call_id.clone(), Pending { scope, reply });
        Waiting { calls: self.clone(), call_id, answer }
    }

    /// Ends a call, if the answer comes from where the call went.
    pub(crate) fn answer(&self, from: &Scope, call_id: &CallId, outcome: Outcome) -> Receipt {
        let mut pending = self.lock();
        match pending.get(call_id) {
            None => Receipt::NotPending,
            Some(call) if call.scope != *from => Receipt::Foreign,
            Some(_) => {
                settle(pending.remove(call_id), Ok(outcome));
                Receipt::Accepted
            }
        }
    }

    /// Ends a call that never reached a worker.
    pub(crate) fn fail(&self, call_id: &CallId, error: Error) {
        settle(self.lock().remove(call_id), Err(error));
    }

    /// Ends every call.
    pub(crate) fn fail_all(&self, kind: ErrorKind, message: &str) {
        for (_, call) in self.lock().drain() {
            settle(Some(call), Err(Error::new(kind, message)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CallId, Pending>> {
        // Every section leaves the table whole, so a panic in another task spoils nothing.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands a call its end. Whoever waited may be gone, and then nobody misses it.
fn settle(call: Option<Pending>, end: Result<Outcome, Error>) {
    if let Some(call) = call {
        let _ = call.reply.send(end);
    }
}

/// One call that waits. Dropping it forgets the call.
#[derive(Debug)]
pub(crate) struct Waiting {
    calls: Calls,
    call_id: CallId,
    answer: oneshot::Receiver<Result<Outcome, Error>>,
}

impl Waiting {
    /// Waits until the call ended, at most until the deadline.
    pub(crate) async fn until(mut self, deadline: Instant) -> Result<Outcome, Error> {
        match timeout_at(deadline, &mut self.answer).await {
            Ok(Ok(end)) => end,
            Ok(Err(_)) => Err(Error::new(ErrorKind::Interrupted, "the call was dropped")),
            Err(_) => Err(Error::new(ErrorKind::Timeout, "the tool did not answer in time")),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.calls.lock().remove(&self.call_id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn scope(entity: &str) -> Scope {
        Scope { entity: entity.into(), environment: "env".into() }
    }

    fn failed(message: &str) -> Outcome {
        Outcome::Failed { message: message.to_owned() }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test]
    async fn an_answer_ends_its_call_once() {
        let calls = Calls::default();
        let waiting = calls.open("c".into(), scope("a"));
        assert_eq!(calls.answer(&scope("a"), &"c".into(), failed("first")), Receipt::Accepted);
        assert_eq!(calls.answer(&scope("a"), &"c".into(), failed("second")), Receipt::NotPending);
        assert!(matches!(waiting.until(soon()).await, Ok(Outcome::Failed { message }) if message == "first"));
    }

    #[tokio::test]
    async fn an_answer_from_elsewhere_leaves_the_call_waiting() {
        let calls = Calls::default();
        let waiting = calls.open("c".into(), scope("a"));
        assert_eq!(calls.answer(&scope("b"), &"c".into(), failed("foreign")), Receipt::Foreign);
        assert_eq!(calls.answer(&scope("a"), &"c".into(), failed("own")), Receipt::Accepted);
        assert!(matches!(waiting.until(soon()).await, Ok(Outcome::Failed { message }) if message == "own"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_past_its_deadline_is_forgotten() {
        let calls = Calls::default();
        let waiting = calls.open("c".into(), scope("a"));
        let error = waiting.until(soon()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(calls.answer(&scope("a"), &"c".into(), failed("late")), Receipt::NotPending);
    }

    #[tokio::test]
    async fn a_caller_that_went_away_is_forgotten() {
        let calls = Calls::default();
        drop(calls.open("c".into(), scope("a")));
        assert_eq!(calls.answer(&scope("a"), &"c".into(), failed("late")), Receipt::NotPending);
    }

    #[tokio::test]
    async fn stopping_ends_every_call() {
        let calls = Calls::default();
        let waiting = calls.open("c".into(), scope("a"));
        calls.fail_all(ErrorKind::Interrupted, "stopped");
        assert_eq!(waiting.until(soon()).await.unwrap_err().kind(), ErrorKind::Interrupted);
    }
}
