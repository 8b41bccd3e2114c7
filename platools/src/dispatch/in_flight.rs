//! Which calls run, which wait, and which have ended not long ago.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::task::AbortHandle;

use super::Call;

/// How many ended calls are remembered, so that one that is sent again is not run again. A platform sends a call again
/// only after a reconnect, when at most those in flight are in doubt; this is many times that.
const REMEMBERED: usize = 16 * 1024;

/// A table without I/O: who owns it tells it what happens.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    calls: HashMap<Arc<str>, Entry>,
    running: usize,
    waiting: VecDeque<Call>,
    ended: VecDeque<Arc<str>>,
}

/// Where a call stands.
#[derive(Debug)]
enum Entry {
    Running(AbortHandle),
    Waiting,
    Ended,
}

/// Aborts the task of a call that is given up, so that no task outlives its worker; one that has ended does not mind.
impl Drop for Entry {
    fn drop(&mut self) {
        if let Self::Running(task) = self {
            task.abort();
        }
    }
}

impl InFlight {
    /// Whether a call of this id runs, waits, or has ended not long ago.
    pub(super) fn knows(&self, call_id: &str) -> bool {
        self.calls.contains_key(call_id)
    }

    pub(super) fn running(&self) -> usize {
        self.running
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// A call has started, on a task of its own.
    pub(super) fn start(&mut self, call_id: Arc<str>, task: AbortHandle) {
        self.running += 1;
        self.calls.insert(call_id, Entry::Running(task));
    }

    /// A call has to wait its turn.
    pub(super) fn wait(&mut self, call: Call) {
        self.calls.insert(Arc::clone(&call.call_id), Entry::Waiting);
        self.waiting.push_back(call);
    }

    /// The call that has waited longest.
    pub(super) fn next_waiting(&mut self) -> Option<Call> {
        self.waiting.pop_front()
    }

    /// A running call has ended.
    pub(super) fn end(&mut self, call_id: &Arc<str>) {
        if matches!(self.calls.get(call_id), Some(Entry::Running(_))) {
            self.running -= 1;
            self.finished(Arc::clone(call_id));
        }
    }

    /// Every call that runs or waits has ended; dropping its entry aborts it.
    pub(super) fn end_all(&mut self) -> Vec<Arc<str>> {
        let unfinished =
            |(call_id, entry): (&Arc<str>, &Entry)| (!matches!(entry, Entry::Ended)).then(|| Arc::clone(call_id));
        let unfinished: Vec<_> = self.calls.iter().filter_map(unfinished).collect();
        unfinished.iter().for_each(|call_id| self.finished(Arc::clone(call_id)));
        self.running = 0;
        self.waiting.clear();
        unfinished
    }

    /// A call has ended, whether it ever ran as a task or not.
    pub(super) fn finished(&mut self, call_id: Arc<str>) {
        if let Some(Entry::Ended) = self.calls.insert(Arc::clone(&call_id), Entry::Ended) {
            return;
        }
        self.ended.push_back(call_id);
        if self.ended.len() > REMEMBERED
            && let Some(oldest) = self.ended.pop_front()
        {
            self.calls.remove(&oldest);
        }
    }
}
