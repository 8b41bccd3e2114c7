//! [`Registrations`]: registers the tools that workers declare in the catalog, within bounds of number, size and rate. It also removes the
//! tools of links that left a pool.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use platools_protocol::tool_sync::ToolDeclaration;
use tokio::time::{Instant, sleep};

use super::prune_schedule::PruneSchedule;
use super::registration_rate::Throttles;
use super::{Generation, LinkFence, Links};
use crate::catalog::{
    Catalog, Changes, DeclaredTools, Membership, Registrant, Replacement, Rest, Room, Settled, ToolsTooLarge,
};
use crate::domain::error::Error;
use crate::domain::identity::{Identity, Scope};
use crate::domain::text_rule::TextRule;
use crate::limits::Limiter;
use crate::pending_calls::warn_of_timeouts;
use crate::ports::tool_changes::ToolChanges;

/// The time between two looks for tools whose grace is over, which is not exact.
const LOOK: Duration = Duration::from_secs(1);

/// A worker may register so many tools.
pub const MAX_TOOLS: usize = 1000;

/// A tool's name may be so many characters long.
const MAX_NAME_CHARS: usize = 128;

/// Roles that a tool may ask for, and the bytes of each.
const ROLES: (usize, TextRule) = (64, TextRule::line("roles", 128));

/// Registers the tools of links: a link's tools become part of the catalog, and leave it some time after the link ended.
#[derive(Debug)]
pub struct Registrations {
    catalog: Arc<Catalog>,
    links: Arc<Links>,
    limiter: Arc<Limiter>,
    tool_changes: Arc<dyn ToolChanges>,
    /// The longest time of a call.
    max_timeout: Duration,
    throttles: Throttles,
    departures: PruneSchedule,
}

impl Registrations {
    pub(crate) fn new(
        catalog: Arc<Catalog>,
        links: Arc<Links>,
        limiter: Arc<Limiter>,
        tool_changes: Arc<dyn ToolChanges>,
        max_timeout: Duration,
    ) -> Self {
        let (throttles, departures) = (Throttles::default(), PruneSchedule::default());
        Self { catalog, links, limiter, tool_changes, max_timeout, throttles, departures }
    }

    /// Takes the complete set of tools of a worker: those it leaves out are gone, unless another worker of its pool has them.
    ///
    /// # Errors
    /// The database failed; the catalog is as it was.
    pub async fn register(
        &self,
        identity: &Identity,
        fence: &LinkFence,
        tools: Vec<ToolDeclaration>,
    ) -> Result<Registration, Error> {
        if tools.len() > MAX_TOOLS {
            return Ok(Registration::TooMany { count: tools.len() });
        }
        let tools = acceptable(tools);
        warn_of_timeouts(&tools, self.max_timeout);
        let limiter = &self.limiter;
        let room = Room { scope: limiter.catalog_bytes(), project: limiter.project().catalog_bytes.get() as usize };
        let link = RegisteringLink { service: self, scope: identity.scope(), generation: fence.generation() };
        match self.catalog.register(identity, tools, room, &link).await? {
            Replacement::Done { changes, is_newly_online, keeps_departed } => {
                if changes.is_any() || is_newly_online {
                    self.notify_tools_changed(&link.scope);
                }
                if keeps_departed {
                    self.departures.prune_later(link.scope);
                }
                Ok(Registration::Stored(changes))
            }
            Replacement::Throttled { wait, declared, is_newly_online } => {
                if is_newly_online {
                    self.notify_tools_changed(&link.scope);
                }
                Ok(Registration::Throttled { wait, tools: declared })
            }
            Replacement::Superseded => Ok(Registration::Superseded),
            Replacement::TooLarge(too_large) => Ok(Registration::TooLarge(too_large)),
        }
    }

    /// Notifies lists of tools and the observer that the tools of a scope changed, or whether they are online.
    fn notify_tools_changed(&self, scope: &Scope) {
        self.links.tools_changed(scope);
        self.tool_changes.notify(scope);
    }

    /// Keeps the catalogs of pools right when links end. Never returns.
    pub(crate) async fn settle_departures(self: Arc<Self>) {
        loop {
            // Both arms are cancel-safe.
            tokio::select! {
                departed = self.links.departed() => {
                    for scope in departed {
                        self.settle(&scope, Rest::Kept).await;
                    }
                }
                () = sleep(LOOK) => {}
            }
            for scope in self.departures.take_due(Instant::now()) {
                self.settle(&scope, Rest::Pruned).await;
            }
        }
    }

    async fn settle(&self, scope: &Scope, rest: Rest) {
        match self.catalog.settle(scope, rest, || self.links.members(scope)).await {
            Ok(Settled { changes, keeps_departed }) => {
                if changes.is_any() {
                    let (updated, pruned) = (changes.updated, changes.pruned);
                    tracing::info!(entity.id = %scope.entity, updated, pruned, "tools changed because workers left");
                    self.notify_tools_changed(scope);
                }
                if keeps_departed && rest == Rest::Pruned {
                    self.departures.prune_later(scope.clone());
                }
            }
            Err(error) => tracing::error!(%error, entity.id = %scope.entity, "tools of a pool not stored"),
        }
    }

    /// Forgets registrations that no longer count towards the rate.
    pub(crate) fn sweep(&self) {
        self.throttles.sweep();
    }
}

/// The outcome of a registration.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Registration {
    /// The tools are these now.
    Stored(Changes),
    /// It changes something, and came too soon.
    Throttled {
        /// The time until it is admitted.
        wait: Duration,
        /// The tools to register then.
        tools: Vec<ToolDeclaration>,
    },
    /// It has too many tools; nothing changed.
    TooMany {
        /// The number of tools.
        count: usize,
    },
    /// Its tools have too many bytes; nothing changed.
    TooLarge(ToolsTooLarge),
    /// A newer connection took this one's place; nothing changed.
    Superseded,
}

/// The link that a registration came over.
struct RegisteringLink<'a> {
    service: &'a Registrations,
    scope: Scope,
    generation: Generation,
}

impl Registrant for RegisteringLink<'_> {
    fn generation(&self) -> Generation {
        self.generation
    }

    fn membership(&self) -> Option<Membership> {
        self.service.links.membership(&self.scope, self.generation)
    }

    fn admit(&self) -> Result<(), Duration> {
        let links = self.service.links.count_in(&self.scope);
        self.service.throttles.admit(self.scope.clone(), self.generation, links)
    }

    fn declare(&self, tools: Arc<DeclaredTools>) {
        self.service.links.declare(&self.scope, self.generation, tools);
    }
}

/// A tool that a registration leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// The beginning of its name.
    pub name: String,
    /// The mistake in its declaration.
    pub reason: &'static str,
}

/// The tools of a registration that [`Registrations::register`] leaves out.
#[must_use]
pub fn left_out(tools: &[ToolDeclaration]) -> Vec<LeftOut> {
    let mut seen = HashSet::new();
    let refused = tools.iter().filter_map(|tool| Some((tool, check(tool, &mut seen).err()?)));
    refused.map(|(tool, reason)| LeftOut { name: shown(&tool.name), reason }).collect()
}

/// Leaves out the tools that cannot be taken, each with a line in the log, so that one of them does not cost the others.
fn acceptable(tools: Vec<ToolDeclaration>) -> Vec<ToolDeclaration> {
    let mut seen = HashSet::new();
    tools
        .into_iter()
        .filter(|tool| match check(tool, &mut seen) {
            Ok(()) => true,
            Err(reason) => {
                tracing::warn!(tool.name = ?shown(&tool.name), reason, "tool left out of the registration");
                false
            }
        })
        .collect()
}

fn check(tool: &ToolDeclaration, seen: &mut HashSet<String>) -> Result<(), &'static str> {
    if tool.name.trim().is_empty() {
        return Err("it has no name");
    }
    if tool.name.chars().nth(MAX_NAME_CHARS).is_some() {
        return Err("its name is longer than 128 characters");
    }
    if tool.name.chars().any(char::is_control) {
        return Err("its name has control characters");
    }
    if !tool.input_schema.is_object() {
        return Err("its input schema is not an object");
    }
    if !matches!(tool.auth.as_str(), "none" | "user" | "admin") {
        return Err("its `auth` must be `none`, `user` or `admin`");
    }
    let (max_roles, role) = ROLES;
    if role.check_list(&tool.roles, max_roles).is_err() {
        return Err(
            "it asks for more than 64 roles, or one that is empty, longer than 128 bytes or has control characters",
        );
    }
    if !seen.insert(tool.name.clone()) {
        return Err("its name was there before");
    }
    Ok(())
}

/// As much of a name as belongs into a log.
fn shown(name: &str) -> String {
    name.chars().take(MAX_NAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn tool(name: &str, input_schema: Value) -> ToolDeclaration {
        ToolDeclaration::new(name, "", input_schema)
    }

    fn names(tools: Vec<ToolDeclaration>) -> Vec<String> {
        acceptable(tools).into_iter().map(|tool| tool.name).collect()
    }

    #[test]
    fn tools_that_cannot_be_taken_do_not_cost_the_others() {
        let object = || json!({"type": "object"});
        let mut many_roles = tool("roles", object());
        many_roles.roles = vec!["support".to_owned(); 65];
        let mut unknown_auth = tool("auth", object());
        unknown_auth.auth = "root".to_owned();
        let tools = vec![
            tool("good", object()),
            tool("", object()),
            tool("  ", object()),
            tool("line\nbreak", object()),
            tool("escape\u{1b}[31m", object()),
            tool(&"x".repeat(129), object()),
            tool("schema", json!(true)),
            unknown_auth,
            many_roles,
            tool("good", json!({})),
            tool(&"ü".repeat(128), object()),
        ];
        let left_out = left_out(&tools);
        assert_eq!((left_out.len(), &*left_out[8].name, left_out[8].reason), (9, "good", "its name was there before"));
        assert_eq!(left_out[4].name.len(), 128);
        assert_eq!(names(tools), ["good".to_owned(), "ü".repeat(128)]);
    }
}
