//! [`PendingCalls`]: holds the calls that wait for the answers of their workers, and ends each with its answer, its timeout or its loss.

use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::answer::{Receipt, WorkerAnswer};
use super::delivery_stage::{LinkEnd, Loss, RequeueTurn, Stage};
use super::reports::{Report, ReportSender};
use super::table::{Pending, SharedTable};
use super::waiting::PendingCall;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Scope;
use crate::domain::ids::{CallId, LinkId};
use crate::limits::gauge::Gauge;

/// The calls that wait for their answers, by id.
///
/// A call belongs to a scope, not to a socket: when a link ends, the calls that its socket has wait on, and the answer may come over
/// the next one. Calls that the socket does not have are returned to their callers' tasks, which queue them at another link.
///
/// The caller decides how long a call without a link stays pending. A worker that reports on a call has it, and its link is the call's from
/// then on. Workers of this SDK name their process when they connect: one that takes the place of a process whose link broke shows that
/// its calls are lost. Which of the links that come next is the same worker's is not known otherwise.
#[derive(Debug, Clone, Default)]
pub struct PendingCalls {
    pub(super) table: SharedTable,
}

impl PendingCalls {
    /// Begins to wait for an answer from `scope`.
    pub(crate) fn open(
        &self,
        call_id: CallId,
        scope: Scope,
        tool: &str,
        report_sender: Option<ReportSender>,
    ) -> PendingCall {
        let (reply, answer) = oneshot::channel();
        let (stage, stages) = watch::channel(Stage::Open);
        self.table.lock().insert(call_id.clone(), |number| Pending {
            number,
            scope,
            tool: tool.to_owned(),
            holder: None,
            stage,
            queued: None,
            report_sender,
            load: None,
            reply,
        });
        PendingCall::new(self.table.clone(), call_id, stages, answer)
    }

    /// Ends a call, if the answer comes from the scope of the call.
    pub fn answer(&self, from: &Scope, call_id: &CallId, answer: WorkerAnswer) -> Receipt {
        let mut table = self.table.lock();
        match table.get(call_id) {
            None => Receipt::NotPending,
            Some(call) if call.scope != *from => Receipt::Foreign,
            Some(_) => {
                table.settle(call_id, Ok(answer));
                Receipt::Accepted
            }
        }
    }

    /// Forgets a call of another gateway, whose answer that gateway gets. The call's task learns that it has ended.
    pub(crate) fn finish(&self, from: &Scope, call_id: &CallId) {
        let mut table = self.table.lock();
        if table.get(call_id).is_some_and(|call| call.scope == *from) {
            table.remove(call_id);
        }
    }

    /// Notes that a call is about to wait for a link's socket, and counts it at the link's worker.
    pub(crate) fn queue(&self, call_id: &CallId, link: &LinkId, load: &Gauge) {
        let mut table = self.table.lock();
        table.hold(call_id, Some(link));
        if let Some(call) = table.get_mut(call_id) {
            call.load = Some(load.hold(1));
            call.queued = Some(Instant::now());
            call.set_silently(Stage::Queued { link: link.clone() });
        }
    }

    /// Notes that another gateway is about to get a call for a link of it, and counts the call at the link's worker. From then on it counts as
    /// sent: whether it reached the worker is not known until the other gateway says that it did not. Returns false if the call has ended.
    pub(crate) fn hand_over(&self, call_id: &CallId, link: &LinkId, load: &Gauge) -> bool {
        let mut table = self.table.lock();
        table.hold(call_id, Some(link));
        let Some(call) = table.get_mut(call_id) else { return false };
        call.load = Some(load.hold(1));
        call.queued = Some(Instant::now());
        call.set_silently(Stage::Sent { link: link.clone() });
        true
    }

    /// Returns a call to its caller's task, because it certainly did not reach the worker of a link of another gateway.
    pub(crate) fn return_unsent(&self, call_id: &CallId, link: &LinkId) {
        let mut table = self.table.lock();
        if table.get(call_id).is_some_and(|call| call.holder.as_ref() == Some(link)) {
            table.return_call(call_id, RequeueTurn::alone());
        }
    }

    /// Ends a call with an error, because the other gateway does not take it for a link.
    pub(crate) fn refuse(&self, call_id: &CallId, link: &LinkId, error: Error) {
        let mut table = self.table.lock();
        if table.get(call_id).is_some_and(|call| call.holder.as_ref() == Some(link)) {
            table.settle(call_id, Err(error));
        }
    }

    /// Notes that it is not known whether a call reached the worker of a link of another gateway.
    pub(crate) fn lose_call(&self, call_id: &CallId, link: &LinkId, end: &LinkEnd) {
        let table = self.table.lock();
        if let Some(call) = table.get(call_id).filter(|call| call.holder.as_ref() == Some(link)) {
            call.set(Stage::Lost(Loss::of(end, call.queued)));
        }
    }

    /// Notes that a link of another gateway is there again after the connection to that gateway was lost. Its calls may have their answers
    /// over it.
    pub(crate) fn resume(&self, link: &LinkId) {
        self.table.lock().resume(link);
    }

    /// Notes that no link has the call after all.
    pub(crate) fn unqueue(&self, call_id: &CallId) {
        let mut table = self.table.lock();
        table.hold(call_id, None);
        if let Some(call) = table.get_mut(call_id) {
            call.load = None;
            call.set_silently(Stage::Open);
        }
    }

    /// Takes a call off a link's queue, for its socket. Says whether the call is to be sent: not if it was cancelled, or
    /// returned and may be at another link.
    pub(crate) fn take(&self, call_id: &CallId, link: &LinkId) -> bool {
        let mut table = self.table.lock();
        let Some(call) = table.get_mut(call_id) else { return false };
        let is_queued_here = matches!(&*call.stage.borrow(), Stage::Queued { link: at } if at == link);
        if is_queued_here {
            call.set_silently(Stage::Taken { link: link.clone() });
        }
        is_queued_here
    }

    /// Notes that a link's socket has a call that was taken for it.
    pub(crate) fn sent(&self, call_id: &CallId, link: &LinkId) {
        if let Some(call) = self.table.lock().get_mut(call_id) {
            call.set_silently(Stage::Sent { link: link.clone() });
        }
    }

    /// Notes that a worker has the call over this link, if a worker of that scope may have it.
    pub(crate) fn seen(&self, from: &Scope, call_id: &CallId, link: &LinkId) {
        let mut table = self.table.lock();
        let Some(call) = table.get(call_id).filter(|call| call.scope == *from) else { return };
        let is_elsewhere = match &*call.stage.borrow() {
            Stage::Sent { link: known } => known != link,
            Stage::Lost(_) => true,
            Stage::Open | Stage::Queued { .. } | Stage::Taken { .. } | Stage::Returned(_) => false,
        };
        if is_elsewhere {
            table.hold(call_id, Some(link));
            if let Some(call) = table.get(call_id) {
                call.set(Stage::Sent { link: link.clone() });
            }
        }
    }

    /// Hands a report of the tool to the caller, if it comes from the scope of the call.
    pub fn report(&self, from: &Scope, call_id: &CallId, report: Report) {
        if let Some(Pending { scope, report_sender: Some(report_sender), .. }) = self.table.lock().get(call_id)
            && scope == from
        {
            report_sender.tell(report);
        }
    }

    /// Ends a pending call as cancelled. Its caller's task cancels it at the worker.
    pub(crate) fn cancel(&self, call_id: &CallId) -> Option<()> {
        self.table.lock().settle(call_id, Err(Error::new(ErrorKind::Cancelled, "the call was cancelled")))
    }

    /// Returns the calls that wait for a link's socket, because its worker takes no more.
    pub(crate) fn return_queued(&self, link: &LinkId) {
        self.table.lock().return_where(link, |stage| matches!(stage, Stage::Queued { .. }));
    }

    /// Notes that a link has ended, and that nothing writes to its socket any more. Calls that the socket does not have are
    /// returned; the others have lost their link.
    pub(crate) fn lose(&self, link: &LinkId, end: &LinkEnd) {
        let mut table = self.table.lock();
        table.return_where(link, |stage| matches!(stage, Stage::Queued { .. } | Stage::Taken { .. }));
        table.lose(link, end);
    }

    /// Notes that a process connected as the only worker of a scope, which shows that others of it whose links ended are gone.
    pub(crate) fn replaced(&self, scope: &Scope, instance: &str, wait: Duration) {
        self.table.lock().replaced(scope, instance, wait);
    }

    /// The number of calls that wait.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.table.lock().count()
    }

    /// Ends every call.
    pub(crate) fn fail_all(&self, kind: ErrorKind, message: &str) {
        for call in self.table.lock().drain() {
            call.end(Err(Error::new(kind, message)));
        }
    }
}
