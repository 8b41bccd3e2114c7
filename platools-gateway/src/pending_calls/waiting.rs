//! `PendingCall`: lets the caller's side wait for the end of a call. Dropping it forgets the call.

use std::future::pending;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::answer::WorkerAnswer;
use super::delivery_stage::{Loss, Stage};
use super::table::SharedTable;
use super::timeout::TimeLimit;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::ids::CallId;

/// The caller's end of a pending call. Dropping it forgets the call.
#[derive(Debug)]
pub(crate) struct PendingCall {
    calls: SharedTable,
    call_id: CallId,
    stage: watch::Receiver<Stage>,
    answer: oneshot::Receiver<Result<WorkerAnswer, Error>>,
    limit: Option<TimeLimit>,
    has_ended: bool,
}

/// The next step of a pending call.
#[derive(Debug)]
pub(crate) enum CallStep {
    /// The call ended.
    Ended(WorkerAnswer),
    /// Its link ended before the socket had the call, which may be queued at another link.
    Returned,
}

impl PendingCall {
    pub(super) fn new(
        calls: SharedTable,
        call_id: CallId,
        stage: watch::Receiver<Stage>,
        answer: oneshot::Receiver<Result<WorkerAnswer, Error>>,
    ) -> Self {
        Self { calls, call_id, stage, answer, limit: None, has_ended: false }
    }

    /// Says which limit the deadline comes from.
    pub(crate) fn limited(mut self, limit: TimeLimit) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The stage of the call.
    pub(crate) fn stage(&self) -> Stage {
        self.stage.borrow().clone()
    }

    /// Waits until the call ended or was returned, at most until the deadline; and no longer than `worker_return` once no link has it
    /// any more. Not to be called again after an end.
    pub(crate) async fn next(&mut self, deadline: Instant, worker_return: Duration) -> Result<CallStep, Error> {
        loop {
            let loss = match &*self.stage.borrow_and_update() {
                Stage::Returned(_) => return Ok(CallStep::Returned),
                Stage::Lost(loss) => Some(*loss),
                Stage::Open | Stage::Queued { .. } | Stage::Taken { .. } | Stage::Sent { .. } => None,
            };
            let given_up = loss.and_then(|loss| loss.end(worker_return).map(|end| (end, loss)));
            // Every arm is cancel-safe. The stage no longer changes once the call has ended.
            tokio::select! {
                biased;
                end = &mut self.answer => {
                    self.has_ended = true;
                    return received(end).map(CallStep::Ended);
                }
                () = sleep_until(deadline) => return Err(self.timed_out(loss.is_some())),
                loss = lost(given_up) => return Err(loss.error(worker_return)),
                Ok(()) = self.stage.changed() => {}
            }
        }
    }

    /// The error of a call whose deadline is over. The worker of a lost call may not be to blame.
    fn timed_out(&self, is_lost: bool) -> Error {
        let unnamed = || "the tool did not answer in time".to_owned();
        let message = self.limit.as_ref().map_or_else(unnamed, TimeLimit::message);
        let lost = if is_lost { "; the connection of its worker ended while it had the call" } else { "" };
        Error::new(ErrorKind::Timeout, format!("{message}{lost}"))
    }

    /// Waits for the end of a call that was given up, until the deadline: the worker may come back with the answer after all. None if it
    /// does not.
    pub(crate) async fn late_end(&mut self, deadline: Instant) -> Option<Result<WorkerAnswer, Error>> {
        tokio::select! {
            biased;
            end = &mut self.answer => {
                self.has_ended = true;
                Some(received(end))
            }
            () = sleep_until(deadline) => None,
        }
    }

    /// True if the worker of a call without a link sends the answer when it comes back.
    pub(crate) fn may_be_answered(&self) -> bool {
        matches!(&*self.stage.borrow(), Stage::Lost(loss) if loss.may_be_answered)
    }

    /// Waits for something that the call needs, or for its end if that comes first: it may be cancelled meanwhile.
    pub(crate) async fn unless_ended<T>(
        &mut self,
        needed: impl Future<Output = T>,
    ) -> Result<T, Result<WorkerAnswer, Error>> {
        tokio::select! {
            biased;
            end = &mut self.answer => {
                self.has_ended = true;
                Err(received(end))
            }
            needed = needed => Ok(needed),
        }
    }

    /// True if the call has ended, or was forgotten.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Ends the wait, and says how far the call got. It gets no further afterwards.
    pub(crate) fn forget(&mut self) -> Stage {
        if !std::mem::replace(&mut self.has_ended, true) {
            self.calls.lock().remove(&self.call_id);
        }
        self.stage()
    }
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        self.forget();
    }
}

fn received(end: Result<Result<WorkerAnswer, Error>, oneshot::error::RecvError>) -> Result<WorkerAnswer, Error> {
    end.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Interrupted, "the gateway dropped the call before its outcome was known"))
    })
}

/// Waits until a call is given up, and returns its loss.
async fn lost(given_up: Option<(Instant, Loss)>) -> Loss {
    match given_up {
        Some((moment, loss)) => {
            sleep_until(moment).await;
            loss
        }
        None => pending().await,
    }
}
