//! [`RunningCalls`]: the table of calls in flight, by project.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::call::CallSummary;
use crate::domain::ids::{CallId, ProjectId};

/// Every call that began and did not end.
#[derive(Debug, Default)]
pub(super) struct RunningCalls {
    calls: Mutex<Table>,
    /// The last of them ended.
    idle: Notify,
}

#[derive(Debug, Default)]
struct Table {
    /// By project, so that nobody looks through the calls of others. No project is here without calls.
    projects: HashMap<ProjectId, HashMap<CallId, CallSummary>>,
    /// The number of ended calls whose end is still to be told.
    ending: usize,
}

/// A call that has ended. Once it is dropped it counts as over, for whoever waits for the last one.
pub(super) struct Ending<'a>(&'a RunningCalls);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let mut calls = self.0.lock();
        calls.ending -= 1;
        if calls.is_idle() {
            self.0.idle.notify_waiters();
        }
    }
}

impl Table {
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

impl RunningCalls {
    pub(super) fn begin(&self, project: ProjectId, summary: CallSummary) {
        self.lock().projects.entry(project).or_default().insert(summary.call_id.clone(), summary);
    }

    /// Ends a call. Nobody looks for it before it was handed on.
    pub(super) fn end(&self, project: &ProjectId, call_id: &CallId, hand_on: impl FnOnce(CallSummary)) -> Ending<'_> {
        let mut calls = self.lock();
        if let Some(summary) = calls.remove(project, call_id) {
            hand_on(summary);
        }
        calls.ending += 1;
        Ending(self)
    }

    /// A call of a project.
    pub(super) fn find(&self, project: &ProjectId, call_id: &CallId) -> Option<CallSummary> {
        let calls = self.lock();
        calls.projects.get(project)?.get(call_id).cloned()
    }

    /// The calls of a project, the oldest first.
    pub(super) fn list(&self, project: &ProjectId) -> Vec<CallSummary> {
        let calls = self.lock();
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
            if self.lock().is_idle() {
                return;
            }
            idle.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Every section leaves the table whole, so a panic in another task spoils nothing.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
