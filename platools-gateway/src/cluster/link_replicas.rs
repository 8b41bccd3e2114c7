//! [`LinkReplicas`]: keeps the links of the other members in the table of links, by the changes that those publish. A member that misses a
//! change asks for all links.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use platools_bus::{InboxBounds, RequestError};
use tokio::time::interval;

use super::call_sender::CallSender;
use super::link_changes::{
    Declaration, DeclaredParts, LINKS, LinkChange, LinkPublisher, LinkSnapshot, NEWS, News, NumberedChange,
    SnapshotRequest,
};
use super::members::{Arrival, BEAT, Heartbeat, Members, Run};
use super::messenger::{MemberMessage, Messenger};
use crate::catalog::{Catalog, DeclaredTools};
use crate::domain::ids::{GatewayNumber, LinkId};
use crate::links::{Links, MemberSender, RemoteLink};
use crate::pending_calls::PendingCalls;

/// The longest wait for a page of the links of a member.
const SNAPSHOT_LIMIT: Duration = Duration::from_secs(5);

/// Changes that wait for the links of a member. If there are more, its links are asked for again.
const MAX_WAITING: usize = 10_000;

/// Requests for links that wait to be read.
const WAITING: InboxBounds = InboxBounds { messages: 1024, bytes: 1024 * 1024 };

/// The links of the other members.
pub(super) struct LinkReplicas {
    pub(super) messenger: Messenger,
    pub(super) members: Members,
    pub(super) publisher: Arc<LinkPublisher>,
    pub(super) links: Arc<Links>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) pending: PendingCalls,
}

/// The links of one member.
struct Replica {
    run: Run,
    sender: Arc<CallSender>,
    /// The links that have not ended, also those whose places newer ones have taken.
    links: HashMap<LinkId, RemoteLink>,
    progress: ReplicaProgress,
}

/// The changes that a replica has.
enum ReplicaProgress {
    /// All up to a number.
    Current(u64),
    /// The links are asked for. These changes come after them.
    Asked(Vec<NumberedChange>),
}

/// All links of a member, or the reason why there are none.
type MemberSnapshot = (u16, Run, Result<(u64, Vec<(RemoteLink, Option<Declaration>)>), RequestError>);

impl LinkReplicas {
    /// Receives heartbeats and changes, and publishes heartbeats. Never returns before the bus is closed.
    pub(super) async fn receive(&self) {
        let mut replicas = Replicas { of: self, table: HashMap::new(), snapshots: FuturesUnordered::new() };
        let mut news = self.messenger.messages_to_all(NEWS);
        let mut look = interval(BEAT);
        loop {
            // All arms are cancel-safe. Heartbeats that are there are read before members count as silent.
            tokio::select! {
                biased;
                received = news.next::<News>() => match received {
                    Some(MemberMessage::Message(news, _)) => replicas.take(news).await,
                    // The next heartbeats show whether changes are missing.
                    Some(MemberMessage::Gap) => {}
                    None => return,
                },
                Some(snapshot) = replicas.snapshots.next() => replicas.take_snapshot(snapshot).await,
                _ = look.tick() => replicas.remove_silent(),
            }
        }
    }

    /// Answers other members that ask for the links of this one. Never returns before the bus is closed.
    pub(super) async fn serve(&self) {
        let mut requests = self.messenger.messages_to_this(LINKS, WAITING);
        while let Some(received) = requests.next::<SnapshotRequest>().await {
            if let MemberMessage::Message(SnapshotRequest { after }, Some(response)) = received {
                response.send(&self.publisher.snapshot(&self.links, after));
            }
        }
    }
}

struct Replicas<'a> {
    of: &'a LinkReplicas,
    table: HashMap<u16, Replica>,
    snapshots: FuturesUnordered<BoxFuture<'static, MemberSnapshot>>,
}

impl Replicas<'_> {
    async fn take(&mut self, news: News) {
        match news {
            News::Heartbeat(beat) => self.take_heartbeat(&beat),
            News::Change(change) if change.gateway == self.of.messenger.number().get() => {}
            News::Change(change) => self.take_change(change).await,
        }
    }

    fn take_heartbeat(&mut self, beat: &Heartbeat) {
        let arrival = self.of.members.note(beat);
        let is_own = beat.gateway == self.of.messenger.number().get();
        if is_own && beat.run != self.of.publisher.run() {
            tracing::error!(gateway = beat.gateway, "another gateway has the number of this one; give each its own");
        }
        if is_own {
            return;
        }
        let Some(number) = GatewayNumber::new(beat.gateway) else { return };
        if arrival == Arrival::Restarted {
            tracing::warn!(gateway = beat.gateway, "another gateway has started again");
            self.forget(beat.gateway);
        }
        let of = self.of;
        let replica = self.table.entry(beat.gateway).or_insert_with(|| {
            tracing::info!(gateway = beat.gateway, version = beat.version, "another gateway is there");
            let changes = of.links.changes();
            let sender = CallSender::new(number, of.messenger.clone(), of.pending.clone(), changes);
            let (sender, progress) = (Arc::new(sender), ReplicaProgress::Current(0));
            Replica { run: beat.run, sender, links: HashMap::new(), progress }
        });
        if beat.is_stopping {
            replica.sender.note_unreachable();
        } else if replica.sender.note_reachable() {
            replica.links.values().for_each(|link| of.links.link_changed(&link.identity.scope()));
        }
        if matches!(replica.progress, ReplicaProgress::Current(number) if number < beat.last_change) {
            self.ask(beat.gateway);
        }
    }

    async fn take_change(&mut self, change: NumberedChange) {
        // A member that is not known yet sends a heartbeat soon, which shows that its links are missing.
        let Some(replica) = self.table.get_mut(&change.gateway).filter(|replica| replica.run == change.run) else {
            return;
        };
        match &mut replica.progress {
            ReplicaProgress::Asked(waiting) => waiting.push(change),
            ReplicaProgress::Current(number) if change.number <= *number => {}
            ReplicaProgress::Current(number) if change.number == *number + 1 => {
                *number = change.number;
                self.apply(change.gateway, change.change).await;
            }
            ReplicaProgress::Current(_) => {
                let gateway = change.gateway;
                self.ask(gateway);
                if let Some(Replica { progress: ReplicaProgress::Asked(waiting), .. }) = self.table.get_mut(&gateway) {
                    waiting.push(change);
                }
            }
        }
    }

    /// Asks a member for all its links.
    fn ask(&mut self, gateway: u16) {
        let (Some(replica), Some(member)) = (self.table.get_mut(&gateway), GatewayNumber::new(gateway)) else { return };
        replica.progress = ReplicaProgress::Asked(Vec::new());
        let (messenger, run) = (self.of.messenger.clone(), replica.run);
        self.snapshots.push(Box::pin(async move { (gateway, run, all_links(&messenger, member, run).await) }));
    }

    async fn take_snapshot(&mut self, (gateway, run, snapshot): MemberSnapshot) {
        let Some(replica) = self.table.get_mut(&gateway).filter(|replica| replica.run == run) else { return };
        let ReplicaProgress::Asked(waiting) = std::mem::replace(&mut replica.progress, ReplicaProgress::Current(0))
        else {
            return;
        };
        let (last_change, links) = match snapshot {
            Ok(snapshot) if waiting.len() <= MAX_WAITING => snapshot,
            Ok(_) => return,
            Err(error) => {
                tracing::debug!(gateway, %error, "the links of another gateway are not known yet");
                return;
            }
        };
        replica.progress = ReplicaProgress::Current(last_change);
        let there: HashSet<_> = links.iter().map(|(link, _)| link.id.clone()).collect();
        let gone: Vec<_> = replica.links.extract_if(|id, _| !there.contains(id)).map(|(_, link)| link).collect();
        gone.iter().for_each(|link| self.of.links.end_remote(link, &link.end_unheard(&self.of.links)));
        for (link, declaration) in links {
            let (id, is_leaving) = (link.id.clone(), link.is_leaving);
            self.apply(gateway, LinkChange::Attached(Box::new(link))).await;
            if let Some(tools) = declaration {
                self.apply(gateway, LinkChange::Declared { link: id.clone(), tools }).await;
            }
            if is_leaving {
                self.apply(gateway, LinkChange::Leaving { link: id }).await;
            }
        }
        for change in waiting {
            self.take_change(change).await;
        }
    }

    /// Applies a change. One that was applied before does no harm.
    async fn apply(&mut self, gateway: u16, change: LinkChange) {
        let Some(replica) = self.table.get_mut(&gateway) else { return };
        let links = &self.of.links;
        match change {
            LinkChange::Attached(link) => {
                let sender = Arc::clone(&replica.sender) as Arc<dyn MemberSender>;
                links.attach_remote(&link, sender);
                replica.links.insert(link.id.clone(), *link);
            }
            LinkChange::Declared { link, tools } => {
                let Some(link) = replica.links.get(&link) else { return };
                let scope = link.identity.scope();
                if let Some(declared) = self.of.declared(link, tools).await {
                    links.declare_remote(&scope, link.generation, declared);
                }
            }
            LinkChange::Leaving { link } => {
                if let Some(link) = replica.links.get(&link) {
                    links.leave_remote(&link.identity.scope(), link.generation);
                }
            }
            LinkChange::Ended { link, end } => {
                if let Some(link) = replica.links.remove(&link) {
                    links.end_remote(&link, &end);
                }
            }
        }
    }

    /// Forgets the members that are gone, and their links.
    fn remove_silent(&mut self) {
        for member in self.of.members.remove_silent() {
            if member.number != self.of.messenger.number() {
                tracing::warn!(gateway = member.number.get(), "another gateway is gone");
                self.forget(member.number.get());
            }
        }
    }

    /// Ends the links of a member.
    fn forget(&mut self, gateway: u16) {
        let Some(replica) = self.table.remove(&gateway) else { return };
        let links = &self.of.links;
        replica.links.values().for_each(|link| links.end_remote(link, &link.end_unheard(links)));
    }
}

impl LinkReplicas {
    /// The tools that a link of another member declared.
    async fn declared(&self, link: &RemoteLink, tools: Declaration) -> Option<Arc<DeclaredTools>> {
        let (tools, since) = tools.into_parts();
        let tools = match tools {
            DeclaredParts::Names(names) => return Some(Arc::new(DeclaredTools::named(names, since))),
            DeclaredParts::Whole(tools) => tools,
        };
        let scope = link.identity.scope();
        let declared = self.catalog.declared_by_remote_link(&scope, tools, since, self.links.members(&scope)).await;
        declared
            .inspect_err(|error| tracing::error!(%error, "tools of another gateway's worker cannot be prepared"))
            .ok()
    }
}

/// All links of a member in one run of it, and the number of the last change that they have in any case.
async fn all_links(
    messenger: &Messenger,
    member: GatewayNumber,
    run: Run,
) -> Result<(u64, Vec<(RemoteLink, Option<Declaration>)>), RequestError> {
    let (mut links, mut last_change, mut after) = (Vec::new(), None, None);
    loop {
        let page: LinkSnapshot = messenger.request(member, LINKS, &SnapshotRequest { after }, SNAPSHOT_LIMIT).await?;
        if page.run != run {
            return Err(RequestError::Unanswered);
        }
        // Later pages may have later changes, which are applied once more.
        let last_change = *last_change.get_or_insert(page.last_change);
        after = page.links.last().map(|(link, _)| link.generation);
        links.extend(page.links);
        if !page.has_more {
            return Ok((last_change, links));
        }
    }
}
