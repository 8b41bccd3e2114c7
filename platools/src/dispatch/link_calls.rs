//! [`LinkCalls`]: calls that are polled for the first time on the thread of the link, between two polls of the link.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::{Job, Outcome};
use crate::registry::{Place, RegisteredTool};
use crate::tool::Execution;

/// The link has its turn again after so long, whatever calls are left.
const BATCH: Duration = Duration::from_millis(1);

/// The clock is read once for so many calls.
const CALLS_PER_LOOK: usize = 16;

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
        calls.into_iter().for_each(|call| call.run_elsewhere(runtime));
    }

    /// Moves the outcomes that are there behind those of `taken`.
    pub(crate) fn take_outcomes(&self, taken: &mut VecDeque<Outcome>) {
        taken.append(&mut self.lock().outcomes);
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
        let begun = Instant::now();
        let (mut count, mut is_ours, mut ended) = (0, true, None);
        while let Some(call) = self.turn(ended.take(), is_ours) {
            let mut call = Some(call);
            is_ours = watched(&mut || ended = call.take().and_then(Job::poll_first));
            count += 1;
            if count % CALLS_PER_LOOK == 0 && begun.elapsed() >= BATCH {
                is_ours = false;
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
    /// Polls the call for the first time, on the link's thread. One that does not end at once goes on in the application's runtime.
    fn poll_first(mut self) -> Option<Outcome> {
        if self.running.tool().pace().place() != Place::Link {
            // Its tool was demoted while it waited here.
            self.run_elsewhere(&Handle::current());
            return None;
        }
        let polled = self.poll_outcome(&mut Context::from_waker(Waker::noop()));
        // An inline tool is declared to be cheap, and leaves the link only when it holds that up.
        if self.running.tool().definition().execution != Execution::Inline {
            let took = match &polled {
                Poll::Ready(outcome) => outcome.as_ref().map_or(Duration::ZERO, |outcome| outcome.latency),
                Poll::Pending => self.running.elapsed(),
            };
            self.running.tool().pace().polled(took);
        }
        match polled {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => {
                tokio::spawn(self);
                None
            }
        }
    }

    /// Runs a call of a tool that may block: on the application's runtime, or on a thread of its own.
    pub(super) fn run_elsewhere(self, runtime: &Handle) {
        match self.running.tool().pace().place() {
            Place::Link | Place::Runtime => drop(runtime.spawn(self)),
            Place::Thread => {
                let here = runtime.clone();
                runtime.spawn_blocking(move || here.block_on(self));
            }
        }
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
