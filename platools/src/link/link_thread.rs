//! [`LinkThread`]: runs the link on a thread that handlers cannot delay for long.
//!
//! The link runs on a runtime of its own: an application whose threads are all busy or blocked delays neither heartbeats nor reads. Between
//! two polls of the link, its thread also polls calls of tools that were fast so far. Most of these calls end there, and waking another
//! thread would cost more than they do.
//!
//! If a handler blocks the thread, a second thread takes the link over from [`ServedLink::core`]. The second thread sleeps unless calls
//! were polled shortly before.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;
use std::thread::{self, Thread};
use std::time::Duration;

use futures::FutureExt;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tracing::dispatcher::{self, Dispatch};
use tracing::subscriber::NoSubscriber;
use tracing::{Instrument, warn};

use crate::dispatch::LinkCalls;

/// A thread for a link that is not started yet.
#[derive(Debug)]
pub(crate) struct LinkThread {
    pub(super) link_runtime: Arc<LinkRuntime>,
    pub(super) calls: LinkCalls,
    /// The runtime of the application.
    pub(super) app_runtime: Handle,
}

impl LinkThread {
    /// Runs a link on this thread. Dropping the future drops the link before it returns, unless that takes very long.
    pub(crate) async fn run<F>(self, link: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let core = LinkCore { link: link.in_current_span().boxed(), stopped };
        let shared = Arc::new(ServedLink {
            thread: self,
            core: Mutex::new(Some(core)),
            end: Mutex::new(Some(end)),
            has_ended: AtomicBool::new(false),
            let_go: (Mutex::new(false), Condvar::new()),
            log: dispatcher::get_default(Dispatch::clone),
        });
        let _running = RunGuard { stop: Some(stop), shared: Arc::clone(&shared) };
        let post = Arc::new(Post::default());
        let serve = {
            let (shared, post) = (Arc::clone(&shared), post);
            move || serve_first(&shared, &post)
        };
        if let Err(error) = spawn("platools-link", serve) {
            warn!(%error, "link runs on the application's runtime: no thread was started for it");
            return shared.serve_here().await;
        }
        match ended.await {
            Ok(Ok(output)) => output,
            Ok(Err(panic)) => resume_unwind(panic),
            // Only a stop ends the thread without a word, and then nobody polls this again.
            Err(_) => std::future::pending().await,
        }
    }
}

/// The runtime of a link: the drivers of its sockets and timers, and tasks that never run a handler.
#[derive(Debug)]
pub(crate) struct LinkRuntime(Option<Runtime>);

impl LinkRuntime {
    pub(super) fn new() -> io::Result<Self> {
        Builder::new_current_thread().enable_all().build().map(|runtime| Self(Some(runtime)))
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.0.as_ref().expect("it is there until it is dropped").block_on(future)
    }
}

impl Drop for LinkRuntime {
    fn drop(&mut self) {
        // Without a wait for its threads, which is not allowed inside of another runtime.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A link, and the end of the wish to have it run.
struct LinkCore<T> {
    link: Pin<Box<dyn Future<Output = T> + Send>>,
    stopped: oneshot::Receiver<()>,
}

/// The result of a poll of the link.
enum LinkStep<T> {
    SessionEnd(T),
    Stopped,
    /// The link waits, and calls are to be polled.
    Calls,
}

impl<T> LinkCore<T> {
    /// Polls the link until there is something to do for its thread.
    async fn step(&mut self, calls: &LinkCalls) -> LinkStep<T> {
        std::future::poll_fn(|cx| {
            if self.stopped.poll_unpin(cx).is_ready() {
                return Poll::Ready(LinkStep::Stopped);
            }
            match self.link.as_mut().poll(cx) {
                Poll::Ready(output) => Poll::Ready(LinkStep::SessionEnd(output)),
                Poll::Pending if calls.wants_thread() => Poll::Ready(LinkStep::Calls),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}

/// The state that the threads of one link share.
struct ServedLink<T> {
    thread: LinkThread,
    /// The link, while its thread polls calls.
    core: Mutex<Option<LinkCore<T>>>,
    end: Mutex<Option<oneshot::Sender<thread::Result<T>>>>,
    has_ended: AtomicBool,
    let_go: (Mutex<bool>, Condvar),
    /// The log of the caller's thread.
    log: Dispatch,
}

impl<T: Send + 'static> ServedLink<T> {
    fn core(&self) -> MutexGuard<'_, Option<LinkCore<T>>> {
        lock(&self.core)
    }

    /// Ends the run; without a result if it was stopped.
    fn end(&self, result: Option<thread::Result<T>>) {
        self.has_ended.store(true, Ordering::SeqCst);
        if let (Some(result), Some(end)) = (result, lock(&self.end).take()) {
            // Nobody listens after a stop.
            let _ = end.send(result);
        }
        *lock(&self.let_go.0) = true;
        self.let_go.1.notify_all();
    }

    /// Serves the link on a thread until it ends, or until a handler holds this thread and another one goes on with the link.
    fn serve(self: &Arc<Self>, post: &Arc<Post>, mut core: LinkCore<T>) {
        loop {
            match self.thread.link_runtime.block_on(core.step(&self.thread.calls)) {
                LinkStep::SessionEnd(output) => {
                    self.thread.calls.leave(&self.thread.app_runtime);
                    return self.end(Some(Ok(output)));
                }
                LinkStep::Stopped => {
                    drop(core);
                    return self.end(None);
                }
                LinkStep::Calls => {}
            }
            *self.core() = Some(core);
            post.ensure_watched(self);
            self.thread.calls.poll_batch(|poll| post.poll(poll));
            let mut left = self.core();
            match left.take_if(|_| !post.is_lost.load(Ordering::SeqCst)) {
                Some(taken) => core = taken,
                None => return self.thread.calls.send_outcomes(),
            }
        }
    }

    /// Takes the link from a thread that a handler holds. `None` if the handler has returned meanwhile.
    fn take_from(&self, post: &Post, poll: u64) -> Option<LinkCore<T>> {
        let mut core = self.core();
        if post.polls.load(Ordering::SeqCst) != poll {
            return None;
        }
        post.is_lost.store(true, Ordering::SeqCst);
        core.take()
    }

    /// Serves the link within the caller's runtime: for a system without threads.
    async fn serve_here(&self) -> T {
        let core = self.core().take().expect("no thread has taken it");
        self.end(None);
        let (mut link, calls) = (core.link, &self.thread.calls);
        std::future::poll_fn(|cx| {
            loop {
                if let Poll::Ready(output) = link.as_mut().poll(cx) {
                    return Poll::Ready(output);
                }
                if !calls.wants_thread() {
                    return Poll::Pending;
                }
                calls.poll_batch(|poll| {
                    poll();
                    true
                });
            }
        })
        .await
    }
}

/// The place of the thread that serves a link.
#[derive(Default)]
struct Post {
    /// Counts the begins and ends of polls; odd while a poll goes on.
    polls: AtomicU64,
    /// True once another thread serves the link.
    is_lost: AtomicBool,
    /// True if the watching thread is awake, or about to be.
    is_watched: AtomicBool,
    watcher: OnceLock<Option<Thread>>,
}

impl Post {
    /// Polls a call. Tells whether this thread still serves the link.
    fn poll(&self, poll: &mut dyn FnMut()) -> bool {
        // Only this thread counts.
        let polls = self.polls.load(Ordering::Relaxed);
        self.polls.store(polls.wrapping_add(1), Ordering::Release);
        poll();
        self.polls.store(polls.wrapping_add(2), Ordering::Release);
        !self.is_lost.load(Ordering::SeqCst)
    }

    /// Sees to it that another thread watches this one.
    fn ensure_watched<T: Send + 'static>(self: &Arc<Self>, shared: &Arc<ServedLink<T>>) {
        // Before the look at the flag: the watching thread clears that and looks at the count, so that one of the two notices the other.
        self.polls.fetch_add(2, Ordering::SeqCst);
        if self.is_watched.swap(true, Ordering::SeqCst) {
            return;
        }
        let watcher = self.watcher.get_or_init(|| {
            let (post, shared) = (Arc::clone(self), Arc::clone(shared));
            let watcher = spawn("platools-watch", move || watch(&shared, &post));
            watcher
                .inspect_err(|error| warn!(%error, "link has no second thread: a handler that blocks delays it"))
                .ok()
        });
        if let Some(watcher) = watcher {
            watcher.unpark();
        }
    }
}

/// Stops the run when it is dropped, and waits until the thread has let go of the link.
struct RunGuard<T: Send + 'static> {
    stop: Option<oneshot::Sender<()>>,
    shared: Arc<ServedLink<T>>,
}

impl<T: Send + 'static> Drop for RunGuard<T> {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A thread that polls a call has left the link, and the call may take long.
        let left = self.shared.core().take();
        if left.is_some() {
            drop(left);
            return self.shared.end(None);
        }
        let (has_let_go, changed) = &self.shared.let_go;
        drop(changed.wait_timeout_while(lock(has_let_go), LET_GO, |has_let_go| !*has_let_go));
    }
}

impl<T> fmt::Debug for ServedLink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedLink").field("thread", &self.thread).finish_non_exhaustive()
    }
}

/// The time between two looks at a thread that polls calls.
const LOOK: Duration = Duration::from_millis(10);

/// A poll that so many looks find going on holds up the link.
const LOOKS: u32 = 3;

/// After so many looks without a call, the watching thread sleeps.
const IDLE_LOOKS: u32 = 100;

/// The end of a run waits at most so long until its thread has let go of the link.
const LET_GO: Duration = Duration::from_secs(1);

/// Returns true if the clock of this runtime is that of the system. A test may stop it or move it on; its links stay within the runtime, whose
/// timers they share.
///
/// # Panics
/// Outside of a Tokio runtime, or in one without timers.
pub(super) fn has_system_clock() -> bool {
    // Fails here where a call with a timeout would fail later.
    drop(tokio::time::sleep(Duration::ZERO));
    let before = std::time::Instant::now();
    let told = tokio::time::Instant::now().into_std();
    (before..=std::time::Instant::now()).contains(&told)
}

/// The first thread of a link.
fn serve_first<T: Send + 'static>(shared: &Arc<ServedLink<T>>, post: &Arc<Post>) {
    let core = shared.core().take();
    if let Some(core) = core {
        serve(shared, post, core);
    }
}

/// A thread that serves a link: calls that it polls run in the runtime of the application.
fn serve<T: Send + 'static>(shared: &Arc<ServedLink<T>>, post: &Arc<Post>, core: LinkCore<T>) {
    // Counted by every place of the process that writes to the log, so it is left out where it would change nothing.
    let _log = (!shared.log.is::<NoSubscriber>()).then(|| dispatcher::set_default(&shared.log));
    let _entered = shared.thread.app_runtime.enter();
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| shared.serve(post, core))) {
        shared.end(Some(Err(panic)));
    }
    if let Some(Some(watcher)) = post.watcher.get().filter(|_| shared.has_ended.load(Ordering::SeqCst)) {
        watcher.unpark();
    }
}

/// A thread that watches the one which serves a link, and takes its place when a handler holds it.
fn watch<T: Send + 'static>(shared: &Arc<ServedLink<T>>, post: &Arc<Post>) {
    while !shared.has_ended.load(Ordering::SeqCst) {
        if !post.is_watched.load(Ordering::SeqCst) {
            thread::park();
            continue;
        }
        if let Some(poll) = look_until_held(shared, post)
            && let Some(core) = shared.take_from(post, poll)
        {
            if let Some(tool) = shared.thread.calls.note_held() {
                let _log = (!shared.log.is::<NoSubscriber>()).then(|| dispatcher::set_default(&shared.log));
                tracing::debug!(
                    tool.name = tool.name(),
                    "the tool holds its thread: its next calls get threads of their own"
                );
            }
            return serve(shared, &Arc::new(Post::default()), core);
        }
    }
}

/// Watches until a handler holds the thread: the number of its poll. `None` once there is nothing to watch.
fn look_until_held<T>(shared: &ServedLink<T>, post: &Post) -> Option<u64> {
    let (mut seen, mut looks) = (post.polls.load(Ordering::SeqCst), 0);
    while !shared.has_ended.load(Ordering::SeqCst) {
        thread::park_timeout(LOOK);
        let polls = post.polls.load(Ordering::SeqCst);
        looks = if polls == seen { looks + 1 } else { 0 };
        seen = polls;
        if !polls.is_multiple_of(2) && looks >= LOOKS {
            return Some(polls);
        }
        if polls.is_multiple_of(2) && looks >= IDLE_LOOKS {
            post.is_watched.store(false, Ordering::SeqCst);
            // A poll that began meanwhile may have relied on this thread.
            if post.polls.load(Ordering::SeqCst) == polls {
                return None;
            }
            post.is_watched.store(true, Ordering::SeqCst);
        }
    }
    None
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<Thread> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map(|thread| thread.thread().clone())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every section leaves its state whole, so a panic elsewhere spoils nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
