//! `Route`: sends one call over a link of its scope, or over the next link if the first one did not send it, until the call ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::envelope::Envelope;
use crate::catalog::ToolVersion;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Scope;
use crate::links::{Delivery, Links, LiveLink, Refused, busy};
use crate::pending::{CallStep, Outcome, PendingCall, Stage};

/// A call on its way. It is queued at one link at a time, and at another only if the one before certainly did not send it.
///
/// Dropped before the answer, it tells the workers that may have the call that nobody waits any more: its time is up, or the caller
/// went away.
pub(crate) struct Route<'a> {
    links: &'a Links,
    scope: &'a Scope,
    tool: ToolVersion<'a>,
    envelope: &'a Envelope<'a>,
    began: Instant,
    deadline: Instant,
    waiting: PendingCall,
    is_answered: bool,
}

/// The patience of a call that has lost its link.
pub(crate) struct Patience<'a> {
    /// The longest wait for its worker to come back.
    pub(crate) limit: Duration,
    /// Tells the call's waiters that its worker is lost. A call that has this goes on until its deadline: the answer is kept for them, also if
    /// it comes late.
    pub(crate) tell: Option<&'a (dyn Fn(Error) + Send + Sync)>,
}

/// The end of a call.
type RouteEnd = Result<Outcome, Error>;

impl<'a> Route<'a> {
    pub(crate) fn new(
        links: &'a Links,
        scope: &'a Scope,
        tool: ToolVersion<'a>,
        envelope: &'a Envelope<'a>,
        deadline: Instant,
        waiting: PendingCall,
    ) -> Self {
        Self { links, scope, tool, envelope, began: Instant::now(), deadline, waiting, is_answered: false }
    }

    /// The link that is to have the call. Waits for one where the worker is reconnecting.
    ///
    /// # Errors
    /// The call ended meanwhile, or there is no link.
    pub(crate) async fn link(&mut self) -> Result<Arc<LiveLink>, RouteEnd> {
        let turn = match self.waiting.stage() {
            Stage::Returned(turn) => Some(turn),
            _ => None,
        };
        let (links, scope, tool, deadline) = (self.links, self.scope, self.tool, self.deadline);
        let since = turn.as_ref().map_or(self.began, |turn| turn.returned());
        let link = async {
            if let Some(turn) = &turn {
                // Past the deadline the call fails below, whoever's turn it is.
                let _ = timeout_at(deadline, turn.comes()).await;
            }
            links.link_for(scope, || links.choose(scope, &tool), since, deadline).await
        };
        self.waiting.unless_ended(link).await?.map_err(Err)
    }

    /// Sends the call over a link, and over others if that does not take it, and waits for its end.
    pub(crate) async fn run(mut self, mut live: Arc<LiveLink>, patience: Patience<'_>) -> RouteEnd {
        loop {
            let delivery = self.delivery(&live).await;
            match live.deliver(delivery) {
                Ok(()) => match self.ended(&patience).await? {
                    CallStep::Ended(outcome) => return Ok(outcome),
                    CallStep::Returned => tracing::debug!(call.id = %self.envelope.call_id, "call returned unsent"),
                },
                Err(Refused::Busy) => return Err(busy()),
                Err(Refused::Ended) => {}
            }
            live = match self.link().await {
                Ok(live) => live,
                Err(end) => return end,
            };
        }
    }

    /// The call as this link's worker gets it: the secret of the link signs it.
    async fn delivery(&self, live: &LiveLink) -> Delivery {
        let Envelope { call_id, tool, identity, trace, .. } = self.envelope;
        let (trace_id, entity) = (trace.trace_id(), &identity.entity);
        tracing::debug!(call.id = %call_id, trace.id = trace_id, tool.name = tool, entity, "call queued");
        let params = self.envelope.params(live.secret(), live.argument_form()).await;
        Delivery { call_id: (*call_id).clone(), tool_name: (*tool).to_owned(), params }
    }

    async fn ended(&mut self, patience: &Patience<'_>) -> Result<CallStep, Error> {
        let step = match self.waiting.next(self.deadline, Some(patience.limit)).await {
            Err(lost) if lost.kind() == ErrorKind::WorkerLost => self.late(lost, patience).await?,
            step => step?,
        };
        self.is_answered = matches!(step, CallStep::Ended(_));
        Ok(step)
    }

    /// The end of a call whose worker is lost: the answer that it brings after all, if somebody still wants it.
    async fn late(&mut self, lost: Error, patience: &Patience<'_>) -> Result<CallStep, Error> {
        let Some(tell) = patience.tell.filter(|_| self.waiting.may_be_answered()) else { return Err(lost) };
        let message = lost.to_string();
        tell(lost);
        match self.waiting.late_end(self.deadline).await {
            Some(end) => end.map(CallStep::Ended),
            None => Err(Error::new(ErrorKind::WorkerLost, message)),
        }
    }
}

impl Drop for Route<'_> {
    fn drop(&mut self) {
        let stage = self.waiting.forget();
        if !self.is_answered {
            self.links.cancel(self.scope, self.envelope.call_id, &stage);
        }
    }
}
