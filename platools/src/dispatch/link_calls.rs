//! [`LinkCalls`]: calls that are polled for the first time on the thread of the link, between two polls of the link.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Job, Outcome};
use crate::registry::{Place, RegisteredTool};
use crate::tool::Execution;

/// The link has its turn again after so long, whatever calls are left.
const BATCH: Duration = Duration::from_millis(1);

/// A queue of accepted calls, and the outcomes of those that ended at their first poll. Clones share it.
#[derive(Clone)]
pub(crate) struct LinkCalls(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// The way of outcomes to a link that is polled by another thread by now.
    elsewhere: mpsc::UnboundedSender<Outcome>,
}

#[derive(Default)]
struct State {
    calls: VecDeque<Job>,
    // Bounded as the running calls are: each outcome holds its call's slot.
    outcomes: VecDeque<Outcome>,
    /// The tool of the call that is polled now, or was polled last.
    polled: Option<Arc<RegisteredTool>>,
    /// Whether the link has left its turn to the calls.
    gives_way: bool,
}

impl LinkCalls {
    pub(super) fn new(elsewhere: mpsc::UnboundedSender<Outcome>) -> Self {
        Self(Arc::new(Shared { state: Mutex::default(), elsewhere }))
    }

    pub(super) fn push(&self, call: Job) {
        self.lock().calls.push_back(call);
    }

    /// Leaves the link's turn to the calls; `false` if none waits for its first poll.
    pub(crate) fn give_way(&self) -> bool {
        let mut state = self.lock();
        state.gives_way = !state.calls.is_empty();
        state.gives_way
    }

    /// Whether it is the turn of calls, since the link waits.
    pub(crate) fn have_turn(&self) -> bool {
        let mut state = self.lock();
        // Another thread that was the link's before may have polled the calls for which the link has given way.
        std::mem::take(&mut state.gives_way) || !state.calls.is_empty()
    }

    /// Has all calls polled elsewhere: this thread is about to end.
    pub(crate) fn leave(&self, runtime: &Handle) {
        let calls = std::mem::take(&mut self.lock().calls);
        calls.into_iter().for_each(|call| call.told_to(&self.0.elsewhere).run_elsewhere(runtime));
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

    /// Whether no outcome waits to be taken.
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
        while let Some(mut call) = self.turn(ended.take(), goes_on) {
            if call.running.tool().pace().place() != Place::Link {
                // The tool was demoted while its call waited here.
                call.told_to(&self.0.elsewhere).run_elsewhere(&Handle::current());
                continue;
            }
            let mut polled = Poll::Pending;
            goes_on = watched(&mut || polled = call.poll_first(&mut now)) && now < end;
            match polled {
                Poll::Ready(outcome) => ended = outcome,
                // It goes on in the application's runtime.
                Poll::Pending => drop(tokio::spawn(call.told_to(&self.0.elsewhere))),
            }
        }
    }

    /// Keeps the outcome of the call before, and takes the next call if there is to be one.
    fn turn(&self, ended: Option<Outcome>, goes_on: bool) -> Option<Job> {
        let mut state = self.lock();
        state.outcomes.extend(ended);
        let call = if goes_on { state.calls.pop_front() } else { None }?;
        let tool = call.running.tool();
        if !state.polled.as_ref().is_some_and(|polled| Arc::ptr_eq(polled, tool)) {
            state.polled = Some(Arc::clone(tool));
        }
        Some(call)
    }

    /// Has the calls of the tool that is polled now polled elsewhere from now on, because it holds up the link. Returns it.
    pub(crate) fn demote_polled(&self) -> Option<Arc<RegisteredTool>> {
        let tool = self.lock().polled.take()?;
        tool.pace().demote_to(Place::Thread);
        Some(tool)
    }

    /// Wakes the link, which another thread polls by now, with the outcomes that are there.
    pub(crate) fn send_outcomes(&self) {
        for outcome in std::mem::take(&mut self.lock().outcomes) {
            // Nobody listens once the worker is gone, and then nobody misses the outcome.
            let _ = self.0.elsewhere.send(outcome);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every section leaves the queue whole, so a panic elsewhere spoils nothing.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    /// Polls a call for the first time, on the link's thread, at a time that is moved on to the end of the poll.
    fn poll_first(&mut self, now: &mut Instant) -> Poll<Option<Outcome>> {
        let begun = *now;
        self.running.begin_at(begun);
        let polled = self.poll_outcome(&mut Context::from_waker(Waker::noop()));
        *now = match &polled {
            Poll::Ready(Some(outcome)) => outcome.ended,
            _ => Instant::now(),
        };
        let tool = self.running.tool();
        // An inline tool is declared to be cheap, and leaves the link only when it holds that up.
        if tool.definition().execution != Execution::Inline {
            tool.pace().polled(now.saturating_duration_since(begun));
        }
        polled
    }
}

/// Not under the lock: what a call leaves behind is other people's code.
impl Drop for Shared {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(std::mem::take(&mut state.calls));
    }
}

impl fmt::Debug for LinkCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkCalls").field("waiting", &self.lock().calls.len()).finish_non_exhaustive()
    }
}
