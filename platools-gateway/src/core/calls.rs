//! Calls that wait for their answer.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::error::{Error, ErrorKind};
use super::gauge::{Gauge, Held};
use super::identity::Scope;
use super::ids::{CallId, ConnectionId};
use super::reports::{Listener, Report};

/// How a worker says a call ended.
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

/// Lengths only: results and messages belong to the caller.
impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Returned { result, latency_ms } => f
                .debug_struct("Returned")
                .field("result_bytes", &result.get().len())
                .field("latency_ms", latency_ms)
                .finish(),
            Self::Failed { message } => f.debug_struct("Failed").field("message_bytes", &message.len()).finish(),
        }
    }
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
/// A call belongs to a scope, not to a socket: when a link dies, the calls it has sent wait on, and the answer may come over
/// the next one. Only those that never got as far as the socket end with the link.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calls {
    pending: Arc<Mutex<HashMap<CallId, Pending>>>,
}

#[derive(Debug)]
struct Pending {
    scope: Scope,
    stage: Stage,
    listener: Option<Listener>,
    /// Counts the call at the worker that has it.
    load: Option<Held>,
    reply: oneshot::Sender<Result<Outcome, Error>>,
}

/// How far a call got on its way to the worker.
#[derive(Debug)]
enum Stage {
    /// No link has it yet.
    Open,
    /// It waits for this connection's socket, so it has certainly not run.
    Queued { connection: ConnectionId },
    /// The socket has it. Whether it reached the worker is not known any more.
    Sent,
}

impl Calls {
    /// Begins to wait for an answer from `scope`.
    pub(crate) fn open(&self, call_id: CallId, scope: Scope, listener: Option<Listener>) -> Waiting {
        let (reply, answer) = oneshot::channel();
        let pending = Pending { scope, stage: Stage::Open, listener, load: None, reply };
        self.lock().insert(call_id.clone(), pending);
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

    /// Notes that a call is about to wait for a connection's socket.
    pub(crate) fn queue(&self, call_id: &CallId, connection: &ConnectionId, load: &Gauge) {
        if let Some(call) = self.lock().get_mut(call_id) {
            call.stage = Stage::Queued { connection: connection.clone() };
            call.load = Some(load.hold(1));
        }
    }

    /// Notes that a socket has the call.
    pub(crate) fn sent(&self, call_id: &CallId) {
        if let Some(call) = self.lock().get_mut(call_id) {
            call.stage = Stage::Sent;
        }
    }

    /// Tells the caller what the tool says, if the word comes from where the call went.
    pub(crate) fn report(&self, from: &Scope, call_id: &CallId, report: Report) {
        if let Some(Pending { scope, listener: Some(listener), .. }) = self.lock().get(call_id)
            && scope == from
        {
            listener.tell(report);
        }
    }

    /// Ends a call that is under way, if whoever asks for it may. Whoever waits for it tells the worker.
    pub(crate) fn cancel(&self, call_id: &CallId, may: impl Fn(&Scope) -> bool) -> Option<()> {
        let mut pending = self.lock();
        let call = pending.get(call_id).filter(|call| may(&call.scope)).map(drop);
        if call.is_some() {
            settle(pending.remove(call_id), Err(Error::new(ErrorKind::Cancelled, "the call was cancelled")));
        }
        call
    }

    /// Whether anybody still waits for the call.
    pub(crate) fn is_pending(&self, call_id: &CallId) -> bool {
        self.lock().contains_key(call_id)
    }

    /// Ends every call that still waits for a connection's socket.
    pub(crate) fn fail_queued(&self, at: &ConnectionId, error: fn() -> Error) {
        let mut pending = self.lock();
        let unsent = |call: &Pending| matches!(&call.stage, Stage::Queued { connection } if connection == at);
        for (_, call) in pending.extract_if(|_, call| unsent(call)) {
            settle(Some(call), Err(error()));
        }
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
        let waiting = calls.open("c".into(), scope("a"), None);
        assert_eq!(calls.answer(&scope("a"), &"c".into(), failed("first")), Receipt::Accepted);
        assert_eq!(calls.answer(&scope("a"), &"c".into(), failed("second")), Receipt::NotPending);
        assert!(matches!(waiting.until(soon()).await, Ok(Outcome::Failed { message }) if message == "first"));
    }

    #[tokio::test]
    async fn an_answer_from_elsewhere_leaves_the_call_waiting() {
        let calls = Calls::default();
        let waiting = calls.open("c".into(), scope("a"), None);
        assert_eq!(calls.answer(&scope("b"), &"c".into(), failed("foreign")), Receipt::Foreign);
        assert_eq!(calls.answer(&scope("a"), &"c".into(), failed("own")), Receipt::Accepted);
        assert!(matches!(waiting.until(soon()).await, Ok(Outcome::Failed { message }) if message == "own"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_past_its_deadline_is_forgotten() {
        let calls = Calls::default();
        let waiting = calls.open("c".into(), scope("a"), None);
        let error = waiting.until(soon()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(calls.answer(&scope("a"), &"c".into(), failed("late")), Receipt::NotPending);
    }

    #[tokio::test]
    async fn a_caller_that_went_away_is_forgotten() {
        let calls = Calls::default();
        drop(calls.open("c".into(), scope("a"), None));
        assert_eq!(calls.answer(&scope("a"), &"c".into(), failed("late")), Receipt::NotPending);
    }

    #[tokio::test]
    async fn only_calls_queued_at_a_connection_end_with_it() {
        let calls = Calls::default();
        let (ended, other) = ("ended".into(), "other".into());
        let [queued, sent, elsewhere] =
            ["queued", "sent", "elsewhere"].map(|id| calls.open(id.into(), scope("a"), None));
        let load = Gauge::default();
        calls.queue(&"queued".into(), &ended, &load);
        calls.queue(&"sent".into(), &ended, &load);
        calls.sent(&"sent".into());
        calls.queue(&"elsewhere".into(), &other, &load);
        calls.fail_queued(&ended, || Error::new(ErrorKind::WorkerOffline, "gone"));
        assert_eq!(queued.until(soon()).await.unwrap_err().kind(), ErrorKind::WorkerOffline);
        for (id, waiting) in [("sent", sent), ("elsewhere", elsewhere)] {
            assert_eq!(calls.answer(&scope("a"), &id.into(), failed("answered")), Receipt::Accepted);
            assert!(waiting.until(soon()).await.is_ok());
        }
    }

    #[test]
    fn debug_prints_neither_results_nor_messages() {
        let result = RawValue::from_string(r#""hidden""#.to_owned()).unwrap();
        let returned = format!("{:?}", Outcome::Returned { result, latency_ms: 7 });
        assert_eq!(returned, "Returned { result_bytes: 8, latency_ms: 7 }");
        assert_eq!(format!("{:?}", failed("hidden")), "Failed { message_bytes: 6 }");
    }

    #[tokio::test]
    async fn stopping_ends_every_call() {
        let calls = Calls::default();
        let waiting = calls.open("c".into(), scope("a"), None);
        calls.fail_all(ErrorKind::Interrupted, "stopped");
        assert_eq!(waiting.until(soon()).await.unwrap_err().kind(), ErrorKind::Interrupted);
    }
}
