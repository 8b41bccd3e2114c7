//! [`LinkPublisher`]: tells the other members of every change of the links of this one. [`LinkChange`] is such a change, and
//! [`LinkSnapshot`] has all links for a member that missed changes.

use std::fmt;
use std::sync::{Arc, Mutex};

use platools_protocol::tool_sync::ToolDeclaration;
use serde::{Deserialize, Serialize};

use super::members::{Heartbeat, Run};
use super::messenger::{Messenger, Topic};
use crate::catalog::DeclaredTools;
use crate::domain::generation::Generation;
use crate::domain::identity::Policy;
use crate::domain::ids::LinkId;
use crate::domain::lock::lock;
use crate::links::{LinkObserver, Links, LiveLink, RemoteLink};
use crate::pending_calls::LinkEnd;

/// The heartbeats of members and the changes of their links, in the order in which each member published them.
pub(super) const NEWS: Topic = Topic::new("news");

/// Requests for all links of a member.
pub(super) const LINKS: Topic = Topic::new("links");

/// A message of [`NEWS`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum News {
    /// The member is alive.
    Heartbeat(Heartbeat),
    /// A link of the member has changed.
    Change(NumberedChange),
}

/// A change of a link, with its number among those of a run of its member.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NumberedChange {
    pub(super) gateway: u16,
    pub(super) run: Run,
    /// Counts from 1.
    pub(super) number: u64,
    pub(super) change: LinkChange,
}

/// A change of a link.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LinkChange {
    /// The link is live.
    Attached(Box<RemoteLink>),
    /// The link has declared its tools.
    Declared { link: LinkId, tools: Declaration },
    /// The worker of the link stops.
    Leaving { link: LinkId },
    /// The link has ended.
    Ended { link: LinkId, end: LinkEnd },
}

/// The tools that a link declared.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Declaration {
    since: (Generation, Generation),
    tools: DeclaredParts,
}

/// As much of the tools as other members need: in a pool they decide together which version of a tool is called.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DeclaredParts {
    /// The names.
    Names(Vec<String>),
    /// The tools of a link of a pool.
    Whole(Vec<ToolDeclaration>),
}

impl Declaration {
    fn of(link: &LiveLink, tools: &DeclaredTools) -> Self {
        let parts = match link.policy() {
            Policy::Pool => DeclaredParts::Whole(tools.tools.iter().map(|tool| tool.declaration.clone()).collect()),
            Policy::Supersede => DeclaredParts::Names(tools.names()),
        };
        Self { since: tools.since(), tools: parts }
    }

    /// The tools, and the generations of the link and the registration that declared them first.
    pub(super) fn into_parts(self) -> (DeclaredParts, (Generation, Generation)) {
        (self.tools, self.since)
    }
}

/// The number of tools only: declarations are long.
impl fmt::Debug for Declaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = match &self.tools {
            DeclaredParts::Names(names) => names.len(),
            DeclaredParts::Whole(tools) => tools.len(),
        };
        f.debug_struct("Declaration").field("tools", &count).finish_non_exhaustive()
    }
}

/// A request of [`LINKS`].
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct SnapshotRequest {
    /// The newest link that the asking member has already; none for the first page.
    pub(super) after: Option<Generation>,
}

/// A page of the links of a member.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LinkSnapshot {
    pub(super) run: Run,
    /// The number of the last change that the links have in any case. Later changes change them once more, which does no harm.
    pub(super) last_change: u64,
    pub(super) links: Vec<(RemoteLink, Option<Declaration>)>,
    /// True if there are further links.
    pub(super) has_more: bool,
}

/// The state of this member, for its heartbeat.
#[derive(Debug, Clone, Copy)]
pub(super) struct MemberState {
    pub(super) links: usize,
    pub(super) is_stopping: bool,
    pub(super) has_database: bool,
}

/// Publishes the changes of the links whose sockets this member has.
#[derive(Debug)]
pub(crate) struct LinkPublisher {
    messenger: Messenger,
    run: Run,
    /// The number of the last change. It is locked while a change is published, so that changes arrive in the order of their numbers.
    published: Mutex<u64>,
}

impl LinkPublisher {
    /// The publisher of a new run.
    pub(crate) fn new(messenger: Messenger) -> Self {
        Self { messenger, run: Run::random(), published: Mutex::default() }
    }

    /// This run of the member.
    pub(super) fn run(&self) -> Run {
        self.run
    }

    /// The number of the last change.
    pub(super) fn last_change(&self) -> u64 {
        *lock(&self.published)
    }

    /// Publishes a heartbeat, after the changes that it counts.
    pub(super) fn beat(&self, state: MemberState) {
        let published = lock(&self.published);
        let beat = Heartbeat {
            gateway: self.messenger.number().get(),
            run: self.run,
            last_change: *published,
            links: state.links,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            is_stopping: state.is_stopping,
            has_database: state.has_database,
        };
        if let Err(error) = self.messenger.publish(NEWS, &News::Heartbeat(beat)) {
            tracing::debug!(%error, "a heartbeat was not published");
        }
    }

    /// A page of the links, those after some generation.
    pub(super) fn snapshot(&self, links: &Links, after: Option<Generation>) -> LinkSnapshot {
        // Before the links are read: what changes meanwhile has a later number.
        let last_change = self.last_change();
        let mut pages =
            links.local().into_iter().filter(|(link, _)| after.is_none_or(|after| link.generation() > after));
        let page: Vec<_> = pages.by_ref().take(PAGE_LINKS).collect();
        let describe = |(link, tools): (Arc<LiveLink>, Option<Arc<DeclaredTools>>)| {
            (link.description(), tools.map(|tools| Declaration::of(&link, &tools)))
        };
        LinkSnapshot {
            run: self.run,
            last_change,
            links: page.into_iter().map(describe).collect(),
            has_more: pages.next().is_some(),
        }
    }

    fn publish(&self, change: LinkChange) {
        let mut published = lock(&self.published);
        *published += 1;
        let change =
            NumberedChange { gateway: self.messenger.number().get(), run: self.run, number: *published, change };
        // Members that miss it see the number in the next heartbeat, and ask for all links.
        if let Err(error) = self.messenger.publish(NEWS, &News::Change(change)) {
            tracing::debug!(%error, "a change of a link was not published");
        }
    }
}

impl LinkObserver for LinkPublisher {
    fn attached(&self, link: &LiveLink) {
        self.publish(LinkChange::Attached(Box::new(link.description())));
    }

    fn declared(&self, link: &LiveLink, tools: &DeclaredTools) {
        self.publish(LinkChange::Declared { link: link.id().clone(), tools: Declaration::of(link, tools) });
    }

    fn leaving(&self, link: &LinkId) {
        self.publish(LinkChange::Leaving { link: link.clone() });
    }

    fn ended(&self, link: &LinkId, end: &LinkEnd) {
        self.publish(LinkChange::Ended { link: link.clone(), end: end.clone() });
    }
}

/// The links of one page of a snapshot, which stay far below the longest message also with the tools of pools.
const PAGE_LINKS: usize = 200;
