//! [`Turn`]: the permission of one call to run, and the queues for it.
//!
//! A call needs a permit of its tool, where the tool limits how many of its calls run at once, and then one of the worker's
//! slots. It asks for them in this order, so that a call that waits for its tool holds no slot and delays only calls of the
//! same tool. Both queues are first in, first out.

use std::pin::Pin;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::unconstrained;
use tokio::time::{Instant, sleep_until};

use super::errors::{cancelled, waited_too_long};
use crate::registry::RegisteredTool;
use crate::tool::{Context, ToolError};

/// The permission to run. Dropping it gives the next call its turn.
#[derive(Debug)]
pub(super) struct Turn {
    /// A permit of the tool; `None` where the tool has no limit.
    pub(super) permit: Option<OwnedSemaphorePermit>,
    /// A slot of the worker; `None` for a call that has no worker.
    pub(super) slot: Option<OwnedSemaphorePermit>,
}

impl Turn {
    /// Asks for a turn. A call that has to wait is in its queue when this returns.
    pub(super) fn request(tool: &RegisteredTool, slots: Option<&Arc<Semaphore>>) -> Requested {
        if let Some(turn) = Self::try_take(tool, slots) {
            return Requested::Granted(turn);
        }
        let (permits, slots) = (tool.permits().cloned(), slots.cloned());
        // A task that has used up its budget would be told to wait without having been put into the queue.
        let mut turn: BoxFuture<'static, Turn> = Box::pin(unconstrained(async move {
            let permit = acquire(permits).await;
            Self { permit, slot: acquire(slots).await }
        }));
        match (&mut turn).now_or_never() {
            Some(turn) => Requested::Granted(turn),
            None => Requested::Queued(Waiting(turn)),
        }
    }

    /// Takes a turn that is free, without memory for a future.
    fn try_take(tool: &RegisteredTool, slots: Option<&Arc<Semaphore>>) -> Option<Self> {
        let take = |semaphore: Option<&Arc<Semaphore>>| match semaphore {
            Some(semaphore) => Arc::clone(semaphore).try_acquire_owned().map(Some),
            None => Ok(None),
        };
        let permit = take(tool.permits()).ok()?;
        Some(Self { permit, slot: take(slots).ok()? })
    }
}

/// The answer to a request for a turn.
pub(super) enum Requested {
    Granted(Turn),
    Queued(Waiting),
}

/// A call's place in the queues. Dropping it leaves them.
pub(super) struct Waiting(Pin<Box<dyn Future<Output = Turn> + Send>>);

impl Waiting {
    /// Waits for the turn of a call.
    ///
    /// # Errors
    /// The call was cancelled, or its caller waits no longer: `until`.
    pub(super) async fn turn(self, context: &Context, until: Instant) -> Result<Turn, ToolError> {
        // A call that has its turn at the very moment at which its caller leaves is not run.
        tokio::select! {
            biased;
            () = context.cancelled() => Err(cancelled()),
            () = sleep_until(until) => Err(waited_too_long()),
            turn = self.0 => Ok(turn),
        }
    }
}

async fn acquire(semaphore: Option<Arc<Semaphore>>) -> Option<OwnedSemaphorePermit> {
    match semaphore {
        Some(semaphore) => Some(semaphore.acquire_owned().await.expect("the semaphores of calls are never closed")),
        None => None,
    }
}
