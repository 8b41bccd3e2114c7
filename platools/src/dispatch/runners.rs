//! [`Runners`]: tasks that poll calls for the first time, on the application's runtime.
//!
//! Most calls end at their first poll, and a task for each would cost more than such a call does. So accepted calls stand
//! in one queue; a runner, which is a task, takes one after the other and polls it once, and only a call that is not over
//! then gets a task of its own.
//!
//! A handler that blocks its thread must not hold up the calls behind it, just as it would not if each had a task from the
//! start. So no runner polls a call while others wait, unless another runner stands by where any idle thread finds it.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::runtime::Handle;

/// A queue of calls, and who is on the way to it. Dropping it drops the calls nobody has polled.
pub(super) struct Runners<C>(Arc<Mutex<RunnerQueue<C>>>);

impl<C: Future<Output = ()> + Send + Unpin + 'static> Runners<C> {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(RunnerQueue { calls: VecDeque::new(), standing_by: 0, longest: 0 })))
    }

    /// Has a call polled soon, on another task of that runtime.
    pub(super) fn submit(&self, call: C, runtime: &Handle) {
        let mut queue = lock(&self.0);
        queue.push(call);
        if queue.wants_runner() {
            queue.standing_by += 1;
            runtime.spawn(run(Arc::clone(&self.0)));
        }
    }
}

impl<C> Drop for Runners<C> {
    fn drop(&mut self) {
        // Not under the lock: what a call leaves behind is other people's code.
        let abandoned = std::mem::take(&mut lock(&self.0).calls);
        drop(abandoned);
    }
}

impl<C> fmt::Debug for Runners<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runners").field("waiting", &lock(&self.0).calls.len()).finish_non_exhaustive()
    }
}

struct RunnerQueue<C> {
    calls: VecDeque<C>,
    /// Runners that are scheduled and have yet to look at the queue.
    standing_by: usize,
    /// The longest length of the queue of late.
    longest: usize,
}

/// The next step of a runner.
enum RunnerStep<C> {
    Poll(C),
    LeaveAnother,
    End,
}

impl<C> RunnerQueue<C> {
    fn push(&mut self, call: C) {
        self.calls.push_back(call);
        self.longest = self.longest.max(self.calls.len());
    }

    /// Returns true if a runner is to be sent for the call that was just pushed.
    fn wants_runner(&self) -> bool {
        let wanted = if self.longest <= FEW { 2 } else { 1 };
        self.standing_by < self.calls.len().min(wanted)
    }

    fn next(&mut self) -> RunnerStep<C> {
        if self.standing_by == 0 && self.calls.len() > 1 {
            return RunnerStep::LeaveAnother;
        }
        match self.calls.pop_front() {
            Some(call) => RunnerStep::Poll(call),
            None => {
                self.longest -= self.longest / 8;
                RunnerStep::End
            }
        }
    }
}

/// Up to so many waiting calls, a second thread is worth waking at once: the calls end sooner. With more of them both
/// threads are busy anyway, and waking costs what it gains.
const FEW: usize = 16;

/// After so long a runner gives way. The runtime keeps the task that takes in an outcome for the thread that sent it, and no other
/// thread can take it from there: without a pause, results would gather until no call waits.
const TURN: Duration = Duration::from_micros(200);

/// Polls calls until none waits.
async fn run<C: Future<Output = ()> + Send + Unpin + 'static>(shared: Arc<Mutex<RunnerQueue<C>>>) {
    lock(&shared).standing_by -= 1;
    let mut since = Instant::now();
    loop {
        if since.elapsed() >= TURN {
            lock(&shared).standing_by += 1;
            give_way().await;
            lock(&shared).standing_by -= 1;
            since = Instant::now();
        }
        let step = lock(&shared).next();
        match step {
            RunnerStep::Poll(mut call) => {
                if (&mut call).now_or_never().is_none() {
                    tokio::spawn(call);
                }
            }
            RunnerStep::LeaveAnother => {
                // The runtime keeps a task that was just spawned for the thread that spawned it, and offers one that gave way
                // to every thread. So the new runner goes on here, and this one stands by.
                lock(&shared).standing_by += 2;
                spawn(Arc::clone(&shared));
                give_way().await;
                lock(&shared).standing_by -= 1;
            }
            RunnerStep::End => return,
        }
    }
}

/// Spawns another runner; a function of its own, because a future cannot name itself.
fn spawn<C: Future<Output = ()> + Send + Unpin + 'static>(shared: Arc<Mutex<RunnerQueue<C>>>) {
    tokio::spawn(run(shared));
}

/// Goes to the end of the runtime's queue. Unlike `yield_now`, it is there at once, where other threads may take it.
async fn give_way() {
    let mut gave_way = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut gave_way, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn lock<C>(queue: &Mutex<RunnerQueue<C>>) -> MutexGuard<'_, RunnerQueue<C>> {
    // Every section leaves the queue whole, so a panic in another task spoils nothing.
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures::future::{BoxFuture, lazy};

    use super::*;

    type Call = BoxFuture<'static, ()>;

    fn submit(runners: &Runners<Call>, call: Call) {
        runners.submit(call, &Handle::current());
    }

    const SOON: Duration = Duration::from_secs(10);

    /// A call that blocks its thread until the one it waits for has run, and then lets the next one go on.
    fn blocking(waits_for: mpsc::Receiver<()>, then: mpsc::Sender<()>) -> Call {
        Box::pin(lazy(move |_| {
            waits_for.recv_timeout(SOON).expect("the call behind it runs");
            let _ = then.send(());
        }))
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn calls_that_block_do_not_hold_up_those_behind_them() {
        for _ in 0..200 {
            let runners = Runners::<Call>::new();
            let (done, ended) = mpsc::channel();
            // Each waits for the one behind it: three threads are blocked before the last can run.
            let (second, wakes_first) = mpsc::channel();
            let (third, wakes_second) = mpsc::channel();
            let (last, wakes_third) = mpsc::channel();
            submit(&runners, blocking(wakes_first, done));
            submit(&runners, blocking(wakes_second, second));
            submit(&runners, blocking(wakes_third, third));
            submit(
                &runners,
                Box::pin(lazy(move |_| {
                    let _ = last.send(());
                })),
            );
            tokio::task::spawn_blocking(move || ended.recv_timeout(SOON)).await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn a_call_that_is_not_over_at_once_gets_a_task() {
        let runners = Runners::<Call>::new();
        let (done, ended) = tokio::sync::oneshot::channel();
        let (go_on, waits) = tokio::sync::oneshot::channel::<()>();
        submit(
            &runners,
            Box::pin(async move {
                let _ = waits.await;
                let _ = done.send(());
            }),
        );
        submit(
            &runners,
            Box::pin(lazy(move |_| {
                let _ = go_on.send(());
            })),
        );
        tokio::time::timeout(SOON, ended).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn outcomes_are_taken_in_while_calls_wait() {
        const CALLS: usize = 20;
        let runners = Runners::<Call>::new();
        let (outcomes, mut taken) = tokio::sync::mpsc::unbounded_channel();
        for call in 1..=CALLS {
            let outcomes = outcomes.clone();
            submit(
                &runners,
                Box::pin(lazy(move |_| {
                    std::thread::sleep(TURN);
                    let _ = outcomes.send(call);
                })),
            );
        }
        // On a task, as the session is: a runtime of one thread polls the test's own future only now and then.
        let most = tokio::spawn(async move {
            let mut most = 0;
            while taken.recv().await.expect("calls are left") < CALLS {
                most = most.max(taken.len());
            }
            most
        });
        let most = tokio::time::timeout(SOON, most).await.unwrap().unwrap();
        assert!(most < CALLS / 2, "{most} outcomes waited");
    }

    #[tokio::test]
    async fn calls_nobody_polled_are_dropped_with_the_queue() {
        let runners = Runners::<Call>::new();
        let (kept, dropped) = mpsc::channel::<()>();
        submit(&runners, Box::pin(lazy(move |_| drop(kept))));
        drop(runners);
        assert_eq!(dropped.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    }
}
