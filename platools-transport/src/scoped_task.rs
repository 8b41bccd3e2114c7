//! [`run_scoped`]: runs a future as a task of another runtime. The task ends when its caller no longer waits: dropping the returned future
//! aborts the task.

use std::panic::resume_unwind;

use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Runs a future on a task of its own in `runtime`. Dropping the returned future ends the task, and a panic of the task goes on in the caller.
/// `None` if the runtime ended first.
pub async fn run_scoped<F>(runtime: &Handle, future: F) -> Option<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let mut task = JoinSet::new();
    task.spawn_on(future, runtime);
    match task.join_next().await.expect("one task was spawned") {
        Ok(output) => Some(output),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => None,
        },
    }
}
