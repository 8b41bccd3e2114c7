//! Calls that wait for their answer.

use std::collections::HashMap;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use platools::wire::ErrorDetails;
use serde_json::value::RawValue;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep_until};

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
        /// The facts that the tool gave beside the message.
        details: Option<Box<ErrorDetails>>,
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
            Self::Failed { message, .. } => f.debug_struct("Failed").field("message_bytes", &message.len()).finish(),
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
///
/// How long one waits that has lost its link is up to whoever asked for it. Which of the links that come next is the same worker's
/// is not known: a worker has no name but its scope's. One that says something of a call has it, and its link is the call's from then
/// on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calls {
    pending: Arc<Mutex<HashMap<CallId, Pending>>>,
}

#[derive(Debug)]
struct Pending {
    scope: Scope,
    stage: Stage,
    listener: Option<Listener>,
    /// Since when no link has the call any more.
    lost: watch::Sender<Option<Instant>>,
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
    /// This connection's socket has it. Whether it reached the worker is not known any more.
    Sent { connection: ConnectionId },
}

impl Calls {
    /// Begins to wait for an answer from `scope`.
    pub(crate) fn open(&self, call_id: CallId, scope: Scope, listener: Option<Listener>) -> Waiting {
        let (reply, answer) = oneshot::channel();
        let (losing, lost) = watch::channel(None);
        let pending = Pending { scope, stage: Stage::Open, listener, lost: losing, load: None, reply };
        self.lock().insert(call_id.clone(), pending);
        Waiting { calls: self.clone(), call_id, lost, answer }
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

    /// Notes that a connection's socket has the call.
    pub(crate) fn sent(&self, call_id: &CallId, connection: &ConnectionId) {
        if let Some(call) = self.lock().get_mut(call_id) {
            call.stage = Stage::Sent { connection: connection.clone() };
        }
    }

    /// Notes that a worker has the call over this connection, if it is one of those that the call may have gone to.
    pub(crate) fn seen(&self, from: &Scope, call_id: &CallId, connection: &ConnectionId) {
        if let Some(call) = self.lock().get_mut(call_id).filter(|call| call.scope == *from) {
            if !matches!(&call.stage, Stage::Sent { connection: known } if known == connection) {
                call.stage = Stage::Sent { connection: connection.clone() };
            }
            call.lost.send_if_modified(|lost| lost.take().is_some());
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
    pub(crate) fn cancel(&self, call_id: &CallId) -> Option<()> {
        let mut pending = self.lock();
        let call = pending.get(call_id).map(drop);
        if call.is_some() {
            settle(pending.remove(call_id), Err(Error::new(ErrorKind::Cancelled, "the call was cancelled")));
        }
        call
    }

    /// Whether anybody still waits for the call.
    pub(crate) fn is_pending(&self, call_id: &CallId) -> bool {
        self.lock().contains_key(call_id)
    }

    /// Notes that a connection has ended. Every call ends that still waits for its socket; those that were sent have lost it.
    pub(crate) fn lose(&self, ended: &ConnectionId, error: fn() -> Error) {
        let mut pending = self.lock();
        let unsent = |call: &Pending| matches!(&call.stage, Stage::Queued { connection } if connection == ended);
        for (_, call) in pending.extract_if(|_, call| unsent(call)) {
            settle(Some(call), Err(error()));
        }
        let now = Instant::now();
        for call in pending.values() {
            if matches!(&call.stage, Stage::Sent { connection } if connection == ended) {
                call.lost.send_replace(Some(now));
            }
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
    lost: watch::Receiver<Option<Instant>>,
    answer: oneshot::Receiver<Result<Outcome, Error>>,
}

impl Waiting {
    /// Waits until the call ended, at most until the deadline; and no longer than `patience` once no link has it any more.
    pub(crate) async fn until(mut self, deadline: Instant, patience: Option<Duration>) -> Result<Outcome, Error> {
        // Every arm is cancel-safe, and none is polled after its end.
        tokio::select! {
            biased;
            end = &mut self.answer => {
                end.unwrap_or_else(|_| Err(Error::new(ErrorKind::Interrupted, "the call was dropped")))
            }
            () = sleep_until(deadline) => Err(Error::new(ErrorKind::Timeout, "the tool did not answer in time")),
            () = forsaken(self.lost.clone(), patience) => Err(Error::new(ErrorKind::Timeout, FORSAKEN)),
        }
    }
}

/// What is known of a call whose worker went away.
const FORSAKEN: &str = "the tool's worker went away while it ran, and did not come back with the answer; whether it ran to its end is not known";

/// Waits until no link has had the call for so long.
async fn forsaken(mut lost: watch::Receiver<Option<Instant>>, patience: Option<Duration>) {
    let Some(patience) = patience else { return pending().await };
    loop {
        let since = *lost.borrow_and_update();
        tokio::select! {
            Ok(()) = lost.changed() => {}
            () = until_end_of(since, patience) => return,
        }
    }
}

async fn until_end_of(since: Option<Instant>, patience: Duration) {
    match since.and_then(|since| since.checked_add(patience)) {
        Some(end) => sleep_until(end).await,
        None => pending().await,
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
        Outcome::Failed { message: message.to_owned(), details: None }
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
        assert!(matches!(waiting.until(soon(), None).await, Ok(Outcome::Failed { message, .. }) if message == "first"));
    }

    #[tokio::test]
    async fn an_answer_from_elsewhere_leaves_the_call_waiting() {
        let calls = Calls::default();
        let waiting = calls.open("c".into(), scope("a"), None);
        assert_eq!(calls.answer(&scope("b"), &"c".into(), failed("foreign")), Receipt::Foreign);
        assert_eq!(calls.answer(&scope("a"), &"c".into(), failed("own")), Receipt::Accepted);
        assert!(matches!(waiting.until(soon(), None).await, Ok(Outcome::Failed { message, .. }) if message == "own"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_past_its_deadline_is_forgotten() {
        let calls = Calls::default();
        let waiting = calls.open("c".into(), scope("a"), None);
        let error = waiting.until(soon(), None).await.unwrap_err();
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
        calls.sent(&"sent".into(), &ended);
        calls.queue(&"elsewhere".into(), &other, &load);
        calls.lose(&ended, || Error::new(ErrorKind::WorkerOffline, "gone"));
        assert_eq!(queued.until(soon(), None).await.unwrap_err().kind(), ErrorKind::WorkerOffline);
        for (id, waiting) in [("sent", sent), ("elsewhere", elsewhere)] {
            assert_eq!(calls.answer(&scope("a"), &id.into(), failed("answered")), Receipt::Accepted);
            assert!(waiting.until(soon(), None).await.is_ok());
        }
    }

    const PATIENCE: Duration = Duration::from_secs(1);

    /// A call that this connection's socket has.
    fn sent(calls: &Calls, connection: &ConnectionId) -> Waiting {
        let waiting = calls.open("c".into(), scope("a"), None);
        calls.queue(&"c".into(), connection, &Gauge::default());
        calls.sent(&"c".into(), connection);
        waiting
    }

    fn end(calls: &Calls, connection: &ConnectionId) {
        calls.lose(connection, || Error::new(ErrorKind::WorkerOffline, "gone"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_lost_its_link_ends_when_its_caller_has_no_more_patience() {
        let (calls, began) = (Calls::default(), Instant::now());
        let waiting = sent(&calls, &"one".into());
        end(&calls, &"other".into());
        tokio::time::advance(PATIENCE * 2).await;
        end(&calls, &"one".into());
        let error = waiting.until(soon(), Some(PATIENCE)).await.unwrap_err();
        assert_eq!((error.kind(), error.to_string().contains("went away")), (ErrorKind::Timeout, true), "{error}");
        assert_eq!(began.elapsed(), PATIENCE * 3);
        let waiting = sent(&calls, &"two".into());
        end(&calls, &"two".into());
        let error = waiting.until(soon(), None).await.unwrap_err();
        assert!(error.to_string().contains("in time"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_tells_of_a_call_over_another_link_has_it() {
        let calls = Calls::default();
        let waiting = sent(&calls, &"one".into());
        end(&calls, &"one".into());
        calls.seen(&scope("b"), &"c".into(), &"foreign".into());
        calls.seen(&scope("a"), &"c".into(), &"two".into());
        end(&calls, &"one".into());
        let told = async {
            tokio::time::sleep(PATIENCE * 2).await;
            calls.answer(&scope("a"), &"c".into(), failed("late, but told"))
        };
        let (ended, receipt) = tokio::join!(waiting.until(soon(), Some(PATIENCE)), told);
        assert!(ended.is_ok() && receipt == Receipt::Accepted, "{ended:?}");
        let waiting = sent(&calls, &"one".into());
        end(&calls, &"one".into());
        calls.seen(&scope("a"), &"c".into(), &"two".into());
        end(&calls, &"two".into());
        let error = waiting.until(soon(), Some(PATIENCE)).await.unwrap_err();
        assert!(error.to_string().contains("went away"), "{error}");
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
        assert_eq!(waiting.until(soon(), None).await.unwrap_err().kind(), ErrorKind::Interrupted);
    }
}
