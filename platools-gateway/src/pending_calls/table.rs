//! `CallTable`: finds pending calls by id and by link.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answer::WorkerAnswer;
use super::delivery_stage::{LinkEnd, Loss, RequeueTurn, Stage};
use super::reports::ReportSender;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Scope;
use crate::domain::ids::{CallId, LinkId};
use crate::domain::lock::lock;
use crate::limits::gauge::HeldAmount;

/// The table of pending calls. Clones share one.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedTable(Arc<Mutex<CallTable>>);

impl SharedTable {
    pub(super) fn lock(&self) -> MutexGuard<'_, CallTable> {
        lock(&self.0)
    }
}

/// A call that waits for its answer.
#[derive(Debug)]
pub(super) struct Pending {
    /// Its place among all calls, in the order in which they were made.
    pub(super) number: u64,
    pub(super) scope: Scope,
    pub(super) tool: String,
    /// The link that the call is listed at.
    pub(super) holder: Option<LinkId>,
    pub(super) stage: watch::Sender<Stage>,
    /// The time at which it was queued at a link.
    pub(super) queued: Option<Instant>,
    pub(super) report_sender: Option<ReportSender>,
    /// Counts the call at the worker that has it.
    pub(super) load: Option<HeldAmount>,
    pub(super) reply: oneshot::Sender<Result<WorkerAnswer, Error>>,
}

impl Pending {
    /// Moves the call to a stage that its caller's task has to act on.
    pub(super) fn set(&self, stage: Stage) {
        self.stage.send_replace(stage);
    }

    /// Moves the call to a stage that its caller's task need not wake up for.
    pub(super) fn set_silently(&self, stage: Stage) {
        self.stage.send_if_modified(|current| {
            *current = stage;
            false
        });
    }

    /// Hands the call its end. A caller that went away misses nothing.
    pub(super) fn end(self, end: Result<WorkerAnswer, Error>) {
        let _ = self.reply.send(end);
    }
}

/// All pending calls.
#[derive(Debug, Default)]
pub(super) struct CallTable {
    pending: HashMap<CallId, Pending>,
    /// The calls of each link by their numbers, so that the end of one looks at no others. Calls that lost their link stay listed
    /// at it until another one has them.
    held: HashMap<LinkId, BTreeMap<u64, CallId>>,
    /// The ended links with such calls, and their processes, if other processes may take their places.
    ended: HashMap<Scope, Vec<(LinkId, String)>>,
    opened: u64,
}

impl CallTable {
    pub(super) fn insert(&mut self, call_id: CallId, call: impl FnOnce(u64) -> Pending) {
        self.opened += 1;
        self.pending.insert(call_id, call(self.opened));
    }

    pub(super) fn get(&self, call_id: &CallId) -> Option<&Pending> {
        self.pending.get(call_id)
    }

    pub(super) fn get_mut(&mut self, call_id: &CallId) -> Option<&mut Pending> {
        self.pending.get_mut(call_id)
    }

    pub(super) fn remove(&mut self, call_id: &CallId) -> Option<Pending> {
        self.hold(call_id, None);
        self.pending.remove(call_id)
    }

    /// Ends a call; says whether it was there.
    pub(super) fn settle(&mut self, call_id: &CallId, end: Result<WorkerAnswer, Error>) -> Option<()> {
        self.remove(call_id).map(|call| call.end(end))
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Pending> {
        self.held.clear();
        self.ended.clear();
        self.pending.drain().map(|(_, call)| call)
    }

    /// Lists a call at a link, or at none.
    pub(super) fn hold(&mut self, call_id: &CallId, link: Option<&LinkId>) {
        let Some(call) = self.pending.get_mut(call_id) else { return };
        let before = std::mem::replace(&mut call.holder, link.cloned());
        let (number, scope) = (call.number, before.is_some().then(|| call.scope.clone()));
        if let (Some(before), Some(scope)) = (before, scope) {
            self.release(&before, number, &scope);
        }
        if let Some(link) = link {
            self.held.entry(link.clone()).or_default().insert(number, call_id.clone());
        }
    }

    fn release(&mut self, link: &LinkId, number: u64, scope: &Scope) {
        let Some(calls) = self.held.get_mut(link) else { return };
        calls.remove(&number);
        if calls.is_empty() {
            self.held.remove(link);
            if let Some(ended) = self.ended.get_mut(scope) {
                ended.retain(|(other, _)| other != link);
                if ended.is_empty() {
                    self.ended.remove(scope);
                }
            }
        }
    }

    /// The calls of a link that are at some stage, in the order in which they were made.
    fn held_where(&self, link: &LinkId, is_meant: impl Fn(&Stage) -> bool) -> Vec<CallId> {
        let held = self.held.get(link).into_iter().flat_map(BTreeMap::values);
        let is_meant =
            |call_id: &&CallId| self.pending.get(*call_id).is_some_and(|call| is_meant(&call.stage.borrow()));
        held.filter(is_meant).cloned().collect()
    }

    /// Returns the calls of a link that are at some stage to their callers. Those of one tool have their turns one after the
    /// other; calls of different tools do not wait for each other, because another link may have only one of the tools.
    pub(super) fn return_where(&mut self, link: &LinkId, is_meant: impl Fn(&Stage) -> bool) {
        let mut last_of: HashMap<String, CancellationToken> = HashMap::new();
        for call_id in self.held_where(link, is_meant) {
            let Some(tool) = self.pending.get(&call_id).map(|call| call.tool.clone()) else { continue };
            let (turn, done) = RequeueTurn::after(last_of.remove(&tool));
            last_of.insert(tool, done);
            self.return_call(&call_id, turn);
        }
    }

    /// Returns a call to its caller.
    pub(super) fn return_call(&mut self, call_id: &CallId, turn: RequeueTurn) {
        self.hold(call_id, None);
        let Some(call) = self.pending.get_mut(call_id) else { return };
        call.load = None;
        call.set(Stage::Returned(Arc::new(turn)));
    }

    /// Notes that a link whose calls were lost is there again.
    pub(super) fn resume(&mut self, link: &LinkId) {
        for call_id in self.held_where(link, |stage| matches!(stage, Stage::Lost(_))) {
            let Some(call) = self.pending.get(&call_id) else { continue };
            call.set(Stage::Sent { link: link.clone() });
            let scope = call.scope.clone();
            if let Some(ended) = self.ended.get_mut(&scope) {
                ended.retain(|(other, _)| other != link);
            }
        }
        self.ended.retain(|_, ended| !ended.is_empty());
    }

    /// Notes that a link with calls has ended. If it ended for a large frame, and its only call can have no answer but
    /// that one, the call ends.
    pub(super) fn lose(&mut self, link: &LinkId, end: &LinkEnd) {
        let lost = self.held_where(link, |stage| matches!(stage, Stage::Sent { .. }));
        if let ([call_id], true, Some(_)) = (lost.as_slice(), end.is_for_large_frame, end.answer_wait) {
            self.settle(call_id, Err(Error::new(ErrorKind::ToolFailed, TOO_LARGE)));
            return;
        }
        let mut scope = None;
        for call in lost.iter().filter_map(|call_id| self.pending.get(call_id)) {
            call.set(Stage::Lost(Loss::of(end, call.queued)));
            scope = Some(call.scope.clone());
        }
        if let (Some(scope), Some(instance)) = (scope, &end.instance) {
            self.ended.entry(scope).or_default().push((link.clone(), instance.clone()));
        }
    }

    /// Notes that a process connected as the only worker of a scope. The calls of other processes that have ended are waited for only that
    /// much longer; its own calls are waited for as before.
    pub(super) fn replaced(&mut self, scope: &Scope, instance: &str, wait: Duration) {
        for (link, _) in self.ended.remove(scope).into_iter().flatten().filter(|(_, ended)| ended != instance) {
            for call_id in self.held_where(&link, |stage| matches!(stage, Stage::Lost(_))) {
                let Some(call) = self.pending.get(&call_id) else { continue };
                let loss = match &*call.stage.borrow() {
                    Stage::Lost(loss) => loss.replaced(wait),
                    _ => continue,
                };
                call.set(Stage::Lost(loss));
            }
        }
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.pending.len()
    }

    #[cfg(test)]
    pub(super) fn ended(&self) -> usize {
        self.ended.len()
    }

    #[cfg(test)]
    pub(super) fn links(&self) -> usize {
        self.held.len()
    }
}

/// The end of the only call of a worker that sent a frame past the limit.
const TOO_LARGE: &str = "the worker sent a frame larger than 10 MiB, which probably was this call's result, and its connection was closed; the \
                         tool may have run: have it return less";
