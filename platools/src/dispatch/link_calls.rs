//! [`LinkCalls`]: queues calls for their first poll on the link's thread, which happens between two polls of the link itself.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::job::Job;
use super::outcome::Outcome;
use crate::registry::{PollPlace, RegisteredTool};
use crate::tool::Execution;

/// A queue of accepted calls, and the outcomes of those that ended at their first poll. Clones share it.
#[derive(Clone)]
pub(crate) struct LinkCalls(Arc<SharedCalls>);

impl LinkCalls {
    pub(super) fn new(outcomes: mpsc::UnboundedSender<Outcome>) -> Self {
        Self(Arc::new(SharedCalls { state: Mutex::default(), outcomes }))
    }

    pub(super) fn push(&self, call: Job) {
        self.lock().calls.push_back(call);
    }

    /// Lets the calls run before the link goes on; `false` if none waits for its first poll.
    pub(crate) fn yield_to_calls(&self) -> bool {
        let mut state = self.lock();
        state.yields = !state.calls.is_empty();
        state.yields
    }

    /// Returns true if the calls are to have the thread, since the link waits.
    pub(crate) fn wants_thread(&self) -> bool {
        let mut state = self.lock();
        // Another thread that was the link's before may have polled the calls to which the link has yielded.
        std::mem::take(&mut state.yields) || !state.calls.is_empty()
    }

    /// Spawns all calls on that runtime: this thread is about to end.
    pub(crate) fn leave(&self, app_runtime: &Handle) {
        let calls = std::mem::take(&mut self.lock().calls);
        calls.into_iter().for_each(|call| self.spawn(call, app_runtime));
    }

    /// Moves the outcomes that are there behind those of `taken`.
    pub(crate) fn take_outcomes(&self, taken: &mut VecDeque<Outcome>) {
        let mut state = self.lock();
        if taken.is_empty() {
            // Nothing is copied.
            std::mem::swap(taken, &mut state.outcomes);
        } else {
            taken.append(&mut state.outcomes);
        }
    }

    /// Returns true if no outcome waits to be taken.
    pub(crate) fn has_no_outcome(&self) -> bool {
        self.lock().outcomes.is_empty()
    }

    /// Polls calls for a while. `watched` runs each poll; it returns whether this thread is still the link's, and after a poll at whose end
    /// it is not, nothing further is polled.
    ///
    /// # Panics
    /// Outside of the application's runtime, if a call does not end at its first poll.
    pub(crate) fn poll_batch(&self, mut watched: impl FnMut(&mut dyn FnMut()) -> bool) {
        // The clock is read once for each call: where one ends, the next begins.
        let mut now = Instant::now();
        let end = now + BATCH;
        let (mut goes_on, mut ended) = (true, None);
        while let Some(mut call) = self.next_call(ended.take(), goes_on) {
            if call.poll_place() != PollPlace::Link {
                // The tool was demoted while its call waited here.
                self.spawn(call, &Handle::current());
                continue;
            }
            let mut polled = Poll::Pending;
            goes_on = watched(&mut || polled = call.poll_first(&mut now)) && now < end;
            match polled {
                Poll::Ready(outcome) => ended = outcome,
                Poll::Pending => self.spawn(call, &Handle::current()),
            }
        }
    }

    /// Has a call polled further in the application's runtime.
    fn spawn(&self, call: Job, app_runtime: &Handle) {
        call.with_outcome_sender(&self.0.outcomes).spawn(app_runtime);
    }

    /// Keeps the outcome of the call before, and takes the next call if there is to be one.
    fn next_call(&self, ended: Option<Outcome>, goes_on: bool) -> Option<Job> {
        let mut state = self.lock();
        state.outcomes.extend(ended);
        let call = if goes_on { state.calls.pop_front() } else { None }?;
        let tool = call.running.tool();
        if !state.polled.as_ref().is_some_and(|polled| Arc::ptr_eq(polled, tool)) {
            state.polled = Some(Arc::clone(tool));
        }
        Some(call)
    }

    /// Notes that the tool that is polled now holds up the link. Returns it if its calls get threads of their own from now on.
    pub(crate) fn note_held(&self) -> Option<Arc<RegisteredTool>> {
        let tool = self.lock().polled.take()?;
        tool.poll_history().note_hold().then_some(tool)
    }

    /// Wakes the link, which another thread polls by now, with the outcomes that are there.
    pub(crate) fn send_outcomes(&self) {
        for outcome in std::mem::take(&mut self.lock().outcomes) {
            // The receiver is gone once the worker is, and then the outcome is of no use.
            let _ = self.0.outcomes.send(outcome);
        }
    }

    fn lock(&self) -> MutexGuard<'_, CallQueues> {
        // Every section leaves the queue whole, so a panic elsewhere spoils nothing.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LinkCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkCalls").field("waiting", &self.lock().calls.len()).finish_non_exhaustive()
    }
}

struct SharedCalls {
    state: Mutex<CallQueues>,
    /// The way of outcomes that do not come from the link's thread.
    outcomes: mpsc::UnboundedSender<Outcome>,
}

#[derive(Default)]
struct CallQueues {
    calls: VecDeque<Job>,
    // Bounded as the running calls are: each outcome holds its call's slot.
    outcomes: VecDeque<Outcome>,
    /// The tool of the call that is polled now, or was polled last.
    polled: Option<Arc<RegisteredTool>>,
    /// True while the link lets the calls run.
    yields: bool,
}

impl Job {
    /// Polls a call for the first time, on the link's thread, at a time that is moved on to the end of the poll.
    fn poll_first(&mut self, now: &mut Instant) -> Poll<Option<Outcome>> {
        let begun = *now;
        let polled = self.poll_outcome(&mut Context::from_waker(Waker::noop()));
        let took = match &polled {
            Poll::Ready(Some(outcome)) => {
                *now = outcome.ended;
                outcome.latency
            }
            _ => {
                *now = Instant::now();
                now.saturating_duration_since(begun)
            }
        };
        let tool = self.running.tool();
        // An inline tool is declared to be cheap, and leaves the link only when it holds that up.
        if tool.definition().execution != Execution::Inline {
            tool.poll_history().note_poll(took);
        }
        polled
    }
}

/// Not under the lock: the drop of a call runs code of the application.
impl Drop for SharedCalls {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(std::mem::take(&mut state.calls));
    }
}

/// The link goes on after so long, whatever calls are left.
const BATCH: Duration = Duration::from_millis(1);
