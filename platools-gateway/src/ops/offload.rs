//! [`offload`]: work on a large text, done where no socket waits for it.

use std::panic::resume_unwind;

use tokio::task::spawn_blocking;

/// The largest text that is worked on in place, in bytes. A pass over so much takes less than a tenth of a millisecond.
pub(crate) const IN_PLACE_BYTES: usize = 64 * 1024;

/// Does some work on so many bytes: in place if they are few, and otherwise on a thread for blocking work. A panic of the work is a panic
/// of the caller.
pub(crate) async fn offload<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    if bytes <= IN_PLACE_BYTES {
        return work();
    }
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime stops, and the task that waits here stops with it.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

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
}
