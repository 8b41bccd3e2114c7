//! [`Links::choose`]: picks the link for a call among the links that have the tool, by their load (`load_balancing`). [`Links::link_for`]
//! does the same, and waits for a link while the worker reconnects.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::live_link::{LiveLink, offline};
use super::load_balancing::choose;
use super::table::Links;
use crate::catalog::ToolVersion;
use crate::domain::error::Error;
use crate::domain::identity::Scope;

impl Links {
    /// The link that gets the next call of a tool: the less loaded of two that have it in this version, picked at random. Links
    /// whose worker stops get none, and those of other gateways only if this one has none: a call over them takes longer.
    pub(crate) fn choose(&self, scope: &Scope, tool: &ToolVersion<'_>) -> Option<Arc<LiveLink>> {
        let state = self.lock();
        let takes = |live: &Arc<LiveLink>| live.takes_calls() && live.has(tool);
        let (links, load) = (state.live_of(scope), |live: &Arc<LiveLink>| live.load.value());
        let local = choose(links, |live| live.is_local() && takes(live), load);
        local.or_else(|| choose(links, takes, load)).cloned()
    }

    /// True if a live link has a tool in this version.
    pub(crate) fn is_online(&self, scope: &Scope, tool: &ToolVersion<'_>) -> bool {
        self.lock().live_of(scope).iter().any(|live| live.has(tool))
    }

    /// Notes that a link of the scope came, registered, stopped or ended: calls that wait for a link look again.
    pub(crate) fn link_changed(&self, scope: &Scope) {
        self.changes.note(scope);
    }

    /// The link that gets the next call of a tool. If there is none and the worker of the scope is reconnecting, the call waits for one:
    /// from `since` on as long as `calls.wait_for_worker` says, and at most until the deadline.
    ///
    /// # Errors
    /// There is no such link, or none came in time.
    pub(crate) async fn link_for(
        &self,
        scope: &Scope,
        tool: &ToolVersion<'_>,
        since: Instant,
        deadline: Instant,
    ) -> Result<Arc<LiveLink>, Error> {
        if let Some(live) = self.choose(scope, tool) {
            return Ok(live);
        }
        let given_up = since.checked_add(self.settings.wait_for_worker).map_or(deadline, |end| end.min(deadline));
        let mut changes = self.changes.subscribe(scope);
        loop {
            // After the subscription, so that no link comes between the two unnoticed.
            if let Some(live) = self.choose(scope, tool) {
                return Ok(live);
            }
            if self.is_closed() || !self.changes.is_reconnecting(scope) {
                return Err(offline());
            }
            tokio::select! {
                () = changes.next() => {}
                () = sleep_until(given_up) => return Err(offline()),
            }
        }
    }

    /// Forgets changes, and the tools of links, that are long over.
    pub(crate) fn sweep(&self) {
        self.changes.sweep();
        self.sweep_gone();
        self.sweep_takeovers();
    }
}
