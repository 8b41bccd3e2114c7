//! [`CallDelivery`]: sends one call over a link of its scope, and waits for the end of the call. It tries another link only if the first one
//! certainly did not send the call.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::frame::CallFrameParts;
use super::idempotency::KeyedCallStart;
use crate::catalog::ToolVersion;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Scope;
use crate::domain::trace::trace_id;
use crate::links::{Delivery, Links, LiveLink, Refused, busy};
use crate::pending_calls::{CallStep, PendingCall, Stage, WorkerAnswer};

/// A call on its way. It is queued at one link at a time, and at another only if the one before certainly did not send it.
///
/// Dropped before the answer, it cancels the call at the workers that may have it: its time is over, or the caller went away.
pub(crate) struct CallDelivery<'a> {
    links: &'a Links,
    scope: &'a Scope,
    tool: ToolVersion<'a>,
    parts: &'a CallFrameParts<'a>,
    /// The idempotency key that the call is made under.
    keyed: Option<&'a KeyedCallStart<'a>>,
    began: Instant,
    deadline: Instant,
    /// The longest wait for a worker to come back whose link ended with the call.
    worker_return: Duration,
    pending: PendingCall,
    is_answered: bool,
}

/// The outcome of a search for a link.
enum NextLink {
    Found(Arc<LiveLink>),
    /// The call ended meanwhile, or no link has its tool.
    CallEnded(Result<WorkerAnswer, Error>),
}

impl<'a> CallDelivery<'a> {
    /// The delivery of a call that is pending from now on.
    pub(crate) fn new(
        (links, scope, tool): (&'a Links, &'a Scope, ToolVersion<'a>),
        parts: &'a CallFrameParts<'a>,
        keyed: Option<&'a KeyedCallStart<'a>>,
        (deadline, worker_return): (Instant, Duration),
        pending: PendingCall,
    ) -> Self {
        let (began, is_answered) = (Instant::now(), false);
        Self { links, scope, tool, parts, keyed, began, deadline, worker_return, pending, is_answered }
    }

    /// Sends the call over a link, and over others if that does not take it, and waits for its end.
    pub(crate) async fn run(mut self) -> Result<WorkerAnswer, Error> {
        loop {
            let link = match self.next_link().await {
                NextLink::Found(link) => link,
                NextLink::CallEnded(end) => return end,
            };
            if let Some(keyed) = self.keyed.filter(|keyed| !keyed.has_begun()) {
                keyed.begin(self.deadline).await?;
                // The link may have ended while the disk was waited for.
                continue;
            }
            let delivery = self.delivery(&link).await;
            match link.deliver(delivery) {
                Ok(()) => match self.next_step().await? {
                    CallStep::Ended(answer) => return Ok(answer),
                    CallStep::Returned => tracing::debug!(call.id = %self.parts.call_id, "call returned unsent"),
                },
                Err(Refused::Busy) => return Err(busy()),
                Err(Refused::Ended) => {}
            }
        }
    }

    /// Finds the link that is to have the call. Waits for one if the worker is reconnecting.
    async fn next_link(&mut self) -> NextLink {
        let turn = match self.pending.stage() {
            Stage::Returned(turn) => Some(turn),
            _ => None,
        };
        let (links, scope, tool, deadline) = (self.links, self.scope, self.tool, self.deadline);
        let since = turn.as_ref().map_or(self.began, |turn| turn.returned());
        let link = async {
            if let Some(turn) = &turn {
                // Past the deadline the call fails below, also if its turn has not come.
                let _ = timeout_at(deadline, turn.comes()).await;
            }
            links.link_for(scope, &tool, since, deadline).await
        };
        match self.pending.unless_ended(link).await {
            Ok(Ok(link)) => NextLink::Found(link),
            Ok(Err(offline)) => NextLink::CallEnded(Err(offline)),
            Err(end) => NextLink::CallEnded(end),
        }
    }

    /// The call in the form in which the link takes it.
    async fn delivery(&self, link: &LiveLink) -> Delivery {
        let CallFrameParts { call_id, tool, identity, traceparent, .. } = self.parts;
        let (trace_id, entity) = (trace_id(traceparent), &identity.entity);
        tracing::debug!(call.id = %call_id, trace.id = trace_id, tool.name = tool, entity, "call queued");
        let frame = self.parts.frame(link.call_form()).await;
        Delivery { call_id: (*call_id).clone(), frame }
    }

    async fn next_step(&mut self) -> Result<CallStep, Error> {
        let step = match self.pending.next(self.deadline, self.worker_return).await {
            Err(lost) if lost.kind() == ErrorKind::WorkerLost => self.late_answer(lost).await?,
            step => step?,
        };
        self.is_answered = matches!(step, CallStep::Ended(_));
        Ok(step)
    }

    /// The answer of a worker that comes back after its call was given up. Only a call under an idempotency key waits for it, until the
    /// deadline: its callers learn of the loss now, and the answer is kept for the next one with the key.
    async fn late_answer(&mut self, lost: Error) -> Result<CallStep, Error> {
        let Some(keyed) = self.keyed.filter(|_| self.pending.may_be_answered()) else { return Err(lost) };
        let message = lost.to_string();
        keyed.lose(lost, self.parts.call_id);
        match self.pending.late_end(self.deadline).await {
            Some(end) => end.map(CallStep::Ended),
            None => Err(Error::new(ErrorKind::WorkerLost, message)),
        }
    }
}

impl Drop for CallDelivery<'_> {
    fn drop(&mut self) {
        let stage = self.pending.forget();
        if !self.is_answered {
            self.links.cancel(self.scope, self.parts.call_id, &stage);
        }
    }
}
