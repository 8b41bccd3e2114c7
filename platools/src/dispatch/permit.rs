//! [`RunPermit`]: allows one call to run. The file has the two queues in which calls wait for it.
//!
//! A call first needs a permit of its tool, if the tool limits how many of its calls run at once, and then a slot of the worker. In this
//! order, a call that waits for its tool holds no slot and delays only calls of the same tool. Both queues are first in, first out.

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

/// The permission to run. Dropping it lets the next call run.
#[derive(Debug)]
pub(super) struct RunPermit {
    /// A permit of the tool; `None` where the tool has no limit.
    pub(super) tool: Option<OwnedSemaphorePermit>,
    /// A slot of the worker; `None` for a call that has no worker.
    pub(super) slot: Option<OwnedSemaphorePermit>,
}

impl RunPermit {
    /// Requests a permit. A call that has to wait is in its queue when this returns.
    pub(super) fn request(tool: &RegisteredTool, slots: Option<&Arc<Semaphore>>) -> PermitRequest {
        if let Some(permit) = Self::try_take(tool, slots) {
            return PermitRequest::Granted(permit);
        }
        let (permits, slots) = (tool.permits().cloned(), slots.cloned());
        // A task that has used up its budget would be told to wait without having been put into the queue.
        let mut wait: BoxFuture<'static, RunPermit> = Box::pin(unconstrained(async move {
            let tool = acquire(permits).await;
            Self { tool, slot: acquire(slots).await }
        }));
        match (&mut wait).now_or_never() {
            Some(permit) => PermitRequest::Granted(permit),
            None => PermitRequest::Queued(PermitWait(wait)),
        }
    }

    /// Takes a permit that is free, without memory for a future.
    fn try_take(tool: &RegisteredTool, slots: Option<&Arc<Semaphore>>) -> Option<Self> {
        let take = |semaphore: Option<&Arc<Semaphore>>| match semaphore {
            Some(semaphore) => Arc::clone(semaphore).try_acquire_owned().map(Some),
            None => Ok(None),
        };
        let tool = take(tool.permits()).ok()?;
        Some(Self { tool, slot: take(slots).ok()? })
    }
}

/// The answer to a request for a permit.
pub(super) enum PermitRequest {
    Granted(RunPermit),
    Queued(PermitWait),
}

/// A call's place in the queues. Dropping it leaves them.
pub(super) struct PermitWait(Pin<Box<dyn Future<Output = RunPermit> + Send>>);

impl PermitWait {
    /// Waits for the permit of a call.
    ///
    /// # Errors
    /// The call was cancelled, or its caller waits no longer: `until`.
    pub(super) async fn granted(self, context: &Context, until: Instant) -> Result<RunPermit, ToolError> {
        // A call that gets its permit at the very moment at which its caller leaves is not run.
        tokio::select! {
            biased;
            () = context.cancelled() => Err(cancelled()),
            () = sleep_until(until) => Err(waited_too_long()),
            permit = self.0 => Ok(permit),
        }
    }
}

async fn acquire(semaphore: Option<Arc<Semaphore>>) -> Option<OwnedSemaphorePermit> {
    match semaphore {
        Some(semaphore) => Some(semaphore.acquire_owned().await.expect("the semaphores of calls are never closed")),
        None => None,
    }
}
