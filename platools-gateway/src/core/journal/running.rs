//! The calls that are under way.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::call::CallSummary;
use crate::core::ids::{CallId, ProjectId};

/// Every call that began and did not end.
#[derive(Debug, Default)]
pub(super) struct Running {
    calls: Mutex<HashMap<CallId, (ProjectId, CallSummary)>>,
    /// The last of them ended.
    idle: Notify,
}

impl Running {
    pub(super) fn begin(&self, project: ProjectId, summary: CallSummary) {
        self.lock().insert(summary.call_id.clone(), (project, summary));
    }

    /// Ends a call. Nobody looks for it before it was handed on.
    pub(super) fn end(&self, call_id: &CallId, hand_on: impl FnOnce(CallSummary)) {
        let mut calls = self.lock();
        if let Some((_, summary)) = calls.remove(call_id) {
            hand_on(summary);
        }
        if calls.is_empty() {
            self.idle.notify_waiters();
        }
    }

    /// A call of a project.
    pub(super) fn find(&self, project: &ProjectId, call_id: &CallId) -> Option<CallSummary> {
        let calls = self.lock();
        calls.get(call_id).filter(|(owner, _)| owner == project).map(|(_, summary)| summary.clone())
    }

    /// The calls of a project, the oldest first.
    pub(super) fn list(&self, project: &ProjectId) -> Vec<CallSummary> {
        let calls = self.lock();
        let mut listed: Vec<_> =
            calls.values().filter(|(owner, _)| owner == project).map(|(_, summary)| summary.clone()).collect();
        drop(calls);
        listed.sort_by(|left, right| (left.started_ms, &left.call_id).cmp(&(right.started_ms, &right.call_id)));
        listed
    }

    /// Waits until no call is under way.
    pub(super) async fn idle(&self) {
        loop {
            // Before looking, so that the last end is not missed.
            let idle = self.idle.notified();
            if self.lock().is_empty() {
                return;
            }
            idle.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CallId, (ProjectId, CallSummary)>> {
        // Every section leaves the table whole, so a panic in another task spoils nothing.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
