//! [`RunningCalls`]: the table of calls in flight, by project.

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::sync::Notify;

use crate::domain::call::CallSummary;
use crate::domain::ids::{CallId, ProjectId};
use crate::domain::lock::lock;

/// The calls that began and did not end.
#[derive(Debug, Default)]
pub(super) struct RunningCalls {
    calls: Mutex<RunningTable>,
    /// Wakes those that wait for the end of the last call.
    idle: Notify,
}

impl RunningCalls {
    pub(super) fn begin(&self, project: &ProjectId, summary: CallSummary) {
        lock(&self.calls).projects.entry(project.clone()).or_default().insert(summary.call_id.clone(), summary);
    }

    /// Ends a call, and hands it on while the table is locked: no search misses it in between.
    pub(super) fn end(&self, project: &ProjectId, call_id: &CallId, hand_on: impl FnOnce(CallSummary)) -> Ending<'_> {
        let mut calls = lock(&self.calls);
        if let Some(summary) = calls.remove(project, call_id) {
            hand_on(summary);
        }
        calls.ending += 1;
        Ending(self)
    }

    /// A call of a project.
    pub(super) fn find(&self, project: &ProjectId, call_id: &CallId) -> Option<CallSummary> {
        let calls = lock(&self.calls);
        calls.projects.get(project)?.get(call_id).cloned()
    }

    /// The calls of a project, the oldest first.
    pub(super) fn list(&self, project: &ProjectId) -> Vec<CallSummary> {
        let calls = lock(&self.calls);
        let mut listed: Vec<_> = calls.projects.get(project).into_iter().flat_map(HashMap::values).cloned().collect();
        drop(calls);
        listed.sort_by(|left, right| (left.started_ms, &left.call_id).cmp(&(right.started_ms, &right.call_id)));
        listed
    }

    /// Waits until no call is under way.
    pub(super) async fn idle(&self) {
        loop {
            // Before looking, so that the last end is not missed.
            let idle = self.idle.notified();
            if lock(&self.calls).is_idle() {
                return;
            }
            idle.await;
        }
    }
}

#[derive(Debug, Default)]
struct RunningTable {
    /// By project, so that a search passes over the calls of others. No project is here without calls.
    projects: HashMap<ProjectId, HashMap<CallId, CallSummary>>,
    /// The number of ended calls that the observers do not know of yet.
    ending: usize,
}

/// A call that has ended. It counts as under way until this is dropped.
pub(super) struct Ending<'a>(&'a RunningCalls);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let mut calls = lock(&self.0.calls);
        calls.ending -= 1;
        if calls.is_idle() {
            self.0.idle.notify_waiters();
        }
    }
}

impl RunningTable {
    fn remove(&mut self, project: &ProjectId, call_id: &CallId) -> Option<CallSummary> {
        let calls = self.projects.get_mut(project)?;
        let removed = calls.remove(call_id);
        if calls.is_empty() {
            self.projects.remove(project);
        }
        removed
    }

    fn is_idle(&self) -> bool {
        self.projects.is_empty() && self.ending == 0
    }
}
