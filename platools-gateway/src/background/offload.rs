//! [`offload`]: moves work on a large text to a thread for blocking work, so that sockets do not wait for it. Work on a small text stays on
//! the current thread.

use std::panic::resume_unwind;
use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};

/// The largest text that is worked on in place, in bytes. A pass over so much takes about a tenth of a millisecond.
pub(crate) const IN_PLACE_BYTES: usize = 64 * 1024;

/// A permit for each processor. More long steps at once would only make all of them late; waiting steps begin in the order in which
/// they came.
static PROCESSORS: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new(available_parallelism().map_or(1, usize::from))));

/// Does some work on so many bytes: in place if they are few, and otherwise on a thread for blocking work. A panic of the work is a panic
/// of the caller.
pub(crate) async fn offload<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    if bytes <= IN_PLACE_BYTES { work() } else { done(spawn_blocking(work).await).await }
}

/// Does some work like [`offload`], in turn with other such work: for the long steps on the way of a call. So the first calls of many are
/// on their way soon, and not all of them late.
pub(crate) async fn offload_in_turn<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    done(try_offload_in_turn(bytes, work).await).await
}

/// The result of work. Its panic is the caller's; when the runtime stops, the task that waits here stops with it.
async fn done<T>(work: Result<T, JoinError>) -> T {
    match work.map_err(JoinError::try_into_panic) {
        Ok(done) => done,
        Err(Ok(panic)) => resume_unwind(panic),
        Err(Err(_)) => std::future::pending().await,
    }
}

/// Does some work like [`offload_in_turn`].
///
/// # Errors
/// The work was not done in place, and panicked, or the runtime stops.
pub(crate) async fn try_offload_in_turn<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    if bytes <= IN_PLACE_BYTES {
        return Ok(work());
    }
    // It is never closed. The work keeps the permit, also when its caller has gone.
    let permit = Arc::clone(&PROCESSORS).acquire_owned().await.ok();
    spawn_blocking(move || {
        let _permit = permit;
        work()
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn only_large_work_leaves_the_thread() {
        let here = thread::current().id();
        assert_eq!(offload(IN_PLACE_BYTES, || thread::current().id()).await, here);
        assert_ne!(offload(IN_PLACE_BYTES + 1, || thread::current().id()).await, here);
    }

    #[tokio::test]
    #[should_panic(expected = "of the work")]
    async fn a_panic_of_the_work_is_one_of_the_caller() {
        offload(IN_PLACE_BYTES + 1, || panic!("of the work")).await
    }

    #[tokio::test]
    async fn no_more_is_done_at_once_than_there_are_processors() {
        let at_once = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        let work = || {
            let at_once = Arc::clone(&at_once);
            offload_in_turn(IN_PLACE_BYTES + 1, move || {
                let (now, most) = &*at_once;
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
            })
        };
        join_all((0..200).map(|_| work())).await;
        let most = at_once.1.load(Ordering::SeqCst);
        assert!(most <= available_parallelism().map_or(1, usize::from), "{most}");
    }
}
