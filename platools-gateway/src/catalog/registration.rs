//! Functions of `Catalog` that register the tools of a link, and replace the tools of its scope with the union over all its links. They
//! refuse tools with too many bytes, also when a deployment brings several versions of each tool.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use platools_protocol::tool_sync::ToolDeclaration;
use tokio::task::spawn_blocking;

use super::link_tools::{DeclaredTools, MemberTools, bytes_of_versions, union};
use super::tool_set::{CatalogTool, Changes, ToolSet};
use super::{Catalog, Replacement, Room, ToolsTooLarge, Writing};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::generation::Generation;
use crate::domain::identity::{Identity, Scope};

/// The versions of tools that the links of one scope declare may have so many times the bytes that its catalog may: during a
/// deployment there are two versions of everything.
const VERSIONS: usize = 4;

/// The tools of the links of one scope, as a registration or a departure finds them.
#[derive(Debug, Clone)]
pub(crate) struct Membership {
    /// The links' tools, without those of the link that registers.
    pub(crate) others: Vec<MemberTools>,
    /// The tools that the link that registers has declared before.
    pub(crate) own: Option<Arc<DeclaredTools>>,
    /// Several links of the scope may be live.
    pub(crate) is_pool: bool,
}

/// The link that registers, as the catalog sees it.
pub(crate) trait Registrant {
    /// The generation of the link.
    fn generation(&self) -> Generation;

    /// The tools of the links of its scope; `None` if a newer link took its place, or it has ended.
    fn membership(&self) -> Option<Membership>;

    /// Counts a registration that changes something, or says how long to wait until the next is admitted.
    fn admit(&self) -> Result<(), Duration>;

    /// Makes these tools the declared tools of the link, which gets calls of them from now on.
    fn declare(&self, tools: Arc<DeclaredTools>);
}

impl Membership {
    /// The members with the link that registers.
    fn with(mut self, declared: &Arc<DeclaredTools>) -> Vec<MemberTools> {
        self.others.push(MemberTools { declared: Arc::clone(declared), is_live: true });
        self.others
    }

    /// True if another live link has declared exactly these tools.
    fn has_live(&self, declared: &Arc<DeclaredTools>) -> bool {
        self.others.iter().any(|other| other.is_live && Arc::ptr_eq(&other.declared, declared))
    }
}

/// The tools of a catalog that no link declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Keeps these tools.
    Kept,
    /// Removes these tools.
    Pruned,
}

/// The outcome of [`Catalog::settle`].
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// Differences of the catalog.
    pub(crate) changes: Changes,
    /// True if the catalog still has tools that no live link declares.
    pub(crate) keeps_departed: bool,
}

/// A registration on its way: each tool is one that is known in this version, or to be prepared.
pub(super) struct Plan {
    declared: Vec<ToolDeclaration>,
    tools: Vec<Option<Arc<CatalogTool>>>,
}

impl Plan {
    /// Finds the declared tools among those of the scope. Nothing is prepared.
    pub(super) fn new(before: Option<&ToolSet>, membership: &Membership, declared: Vec<ToolDeclaration>) -> Self {
        let find = |declaration: &ToolDeclaration| {
            let name = declaration.name.as_str();
            let own = membership.own.iter().chain(membership.others.iter().map(|other| &other.declared));
            let known = before.and_then(|set| set.tool(name)).into_iter().chain(own.filter_map(|own| own.tool(name)));
            known.into_iter().find(|tool| tool.declaration == *declaration).cloned()
        };
        let tools = declared.iter().map(find).collect();
        Self { declared, tools }
    }

    /// The tools, if all of them are known.
    fn known(&self) -> Option<Vec<Arc<CatalogTool>>> {
        self.tools.iter().cloned().collect()
    }

    /// The tools that are known.
    fn known_only(&self) -> Vec<Arc<CatalogTool>> {
        self.tools.iter().flatten().cloned().collect()
    }

    /// All tools, each with its schema prepared. This takes a moment: it is not for a thread that serves sockets.
    pub(super) fn prepare(self) -> Vec<Arc<CatalogTool>> {
        let tools = self.declared.into_iter().zip(self.tools);
        tools.map(|(declaration, known)| known.unwrap_or_else(|| Arc::new(CatalogTool::new(declaration)))).collect()
    }
}

impl Catalog {
    /// Makes the declared tools those of a link, and the union of its scope the catalog.
    ///
    /// A registration that changes nothing costs nothing: it is not counted, and no schema is prepared. Of one that comes too soon,
    /// the tools are returned.
    ///
    /// # Errors
    /// The database failed; the catalog is as it was.
    pub(crate) async fn register(
        &self,
        identity: &Identity,
        declared: Vec<ToolDeclaration>,
        room: Room,
        link: &impl Registrant,
    ) -> Result<Replacement, Error> {
        self.load().await?;
        let scope = identity.scope();
        let writing = self.writing(&scope);
        let mut writing = writing.lock().await;
        let Some(membership) = link.membership() else { return Ok(Replacement::Superseded) };
        let before = self.set(&scope);
        let plan = {
            let (before, membership) = (before.clone(), membership.clone());
            in_background(move || Plan::new(before.as_deref(), &membership, declared)).await?
        };
        let since = (link.generation(), self.clock.next());
        let known = plan.known().map(|tools| shared(tools, since, &membership));
        let changes_nothing = known.is_some_and(|tools| {
            let set = ToolSet::new(identity.clone(), union(&membership.clone().with(&tools)));
            is_as_before(before.as_deref(), &set, membership.is_pool)
        });
        if !changes_nothing && let Err(wait) = link.admit() {
            let is_newly_online = membership.own.is_none();
            if is_newly_online {
                // The worker has these tools, so their calls need not wait.
                link.declare(Arc::new(DeclaredTools::new(plan.known_only(), since)));
            }
            return Ok(Replacement::Throttled { wait, declared: plan.declared, is_newly_online });
        }
        let tools = match plan.known() {
            Some(known) => known,
            None => in_background(move || plan.prepare()).await?,
        };
        // Links may have come and gone while schemas were prepared.
        let Some(membership) = link.membership() else { return Ok(Replacement::Superseded) };
        self.accept(identity, shared(tools, since, &membership), membership, room, link, &mut writing).await
    }

    /// Makes prepared tools those of a link, and writes the union of its scope if it is another one now.
    async fn accept(
        &self,
        identity: &Identity,
        declared: Arc<DeclaredTools>,
        membership: Membership,
        room: Room,
        link: &impl Registrant,
        writing: &mut Writing,
    ) -> Result<Replacement, Error> {
        let (scope, before, is_pool) = (identity.scope(), self.set(&identity.scope()), membership.is_pool);
        let is_known = membership.own.as_ref().is_some_and(|own| Arc::ptr_eq(own, &declared));
        let is_newly_online = !is_known && !membership.has_live(&declared);
        let members = membership.with(&declared);
        let set = match self.fitting(identity, &members, room) {
            Ok(set) => set,
            Err(too_large) => return Ok(Replacement::TooLarge(too_large)),
        };
        let changes = Changes { count: declared.tools.len() as u64, ..set.changes_since(before.as_deref()) };
        let keeps_departed = has_departed(&set, &members);
        link.declare(declared);
        // The union of a pool is not newer or older than one of its links: it is decided here and now.
        let generation = if is_pool { self.clock.next() } else { link.generation() };
        let is_different = !is_as_before(before.as_deref(), &set, is_pool) || writing.unsettled;
        if is_different && !self.write(&scope, generation, &set, writing).await? {
            // The clock of the gateway that wrote the pool's tools last may be ahead. That one learns of this write, and unites the tools.
            if !is_pool || !self.write_latest(&scope, &set, writing).await? {
                return Ok(Replacement::Superseded);
            }
        }
        Ok(Replacement::Done { changes, is_newly_online, keeps_departed })
    }

    /// Decides anew what the links of a pool have together, after some of them ended. A tool that none of the others has in the
    /// version of the catalog becomes what they declare. Tools that no link declares stay, unless they are to be pruned.
    ///
    /// # Errors
    /// The database failed; the catalog is as it was.
    pub(crate) async fn settle(
        &self,
        scope: &Scope,
        rest: Rest,
        members: impl Fn() -> Vec<MemberTools>,
    ) -> Result<Settled, Error> {
        self.load().await?;
        let writing = self.writing(scope);
        let mut writing = writing.lock().await;
        let (members, before) = (members(), self.set(scope));
        // Without any link everything stays as it is.
        let Some(before) = before.filter(|_| members.iter().any(|member| member.is_live)) else {
            return Ok(Settled::default());
        };
        let tools = union(&members);
        let tools = if rest == Rest::Kept { with_rest(&tools, &before) } else { tools };
        let set = ToolSet::new(before.identity.clone(), tools);
        let (changes, keeps_departed) = (set.changes_since(Some(&before)), has_departed(&set, &members));
        if !is_as_before(Some(&before), &set, true) || writing.unsettled {
            self.write(scope, self.clock.next(), &set, &mut writing).await?;
        }
        Ok(Settled { changes, keeps_departed })
    }

    /// The union of the members if there is room for it, without links that are gone if there is not.
    fn fitting(&self, identity: &Identity, members: &[MemberTools], room: Room) -> Result<ToolSet, ToolsTooLarge> {
        let room_here = room.scope.min(room.project.saturating_sub(self.bytes_beside(identity)));
        let set = ToolSet::new(identity.clone(), union(members));
        let live: Vec<_> = members.iter().filter(|member| member.is_live).cloned().collect();
        let set = if set.bytes() <= room_here { set } else { ToolSet::new(identity.clone(), union(&live)) };
        if set.bytes() > room_here {
            return Err(ToolsTooLarge { bytes: set.bytes(), room: room_here, past: set.past(room_here) });
        }
        let (bytes, room) = (bytes_of_versions(&live), room.scope.saturating_mul(VERSIONS));
        if bytes > room {
            return Err(ToolsTooLarge { bytes, room, past: set.past(0) });
        }
        Ok(set)
    }

    /// Writes a set, unless one of a later generation was written. Says whether it did.
    async fn write(
        &self,
        scope: &Scope,
        generation: Generation,
        set: &ToolSet,
        writing: &mut Writing,
    ) -> Result<bool, Error> {
        writing.unsettled = true;
        let rows: Vec<_> = set.tools.iter().map(|tool| tool.row()).collect();
        let is_written = self.store.replace_tools(scope, generation, &rows).await?;
        if is_written {
            self.insert(set.clone());
            if let Some(observer) = &self.observer {
                observer.written(scope, generation);
            }
        }
        writing.unsettled = false;
        Ok(is_written)
    }

    /// Writes a set with a generation later than all that are stored.
    async fn write_latest(&self, scope: &Scope, set: &ToolSet, writing: &mut Writing) -> Result<bool, Error> {
        if let Some(latest) = self.store.latest_generation().await? {
            self.clock.observe(latest);
        }
        self.write(scope, self.clock.next(), set, writing).await
    }
}

/// The tools with those of a set whose names they do not have.
fn with_rest(tools: &[Arc<CatalogTool>], rest: &ToolSet) -> Vec<Arc<CatalogTool>> {
    let names: HashSet<_> = tools.iter().map(|tool| tool.declaration.name.as_str()).collect();
    let rest = rest.tools.iter().filter(|tool| !names.contains(tool.declaration.name.as_str()));
    tools.iter().chain(rest).cloned().collect()
}

/// True if a set has tools that no live link declares.
fn has_departed(set: &ToolSet, members: &[MemberTools]) -> bool {
    let is_live = |name: &str| members.iter().any(|member| member.is_live && member.declared.has_name(name));
    set.tools.iter().any(|tool| !is_live(&tool.declaration.name))
}

/// True if a set equals the previous one. The order of a pool's tools changes with its links, and does not matter.
fn is_as_before(before: Option<&ToolSet>, set: &ToolSet, is_pool: bool) -> bool {
    before.is_some_and(|before| if is_pool { before.has_same_tools(set) } else { before.is_same(set) })
}

/// The tools as another link of the scope declared them, or else as new ones.
pub(super) fn shared(
    tools: Vec<Arc<CatalogTool>>,
    since: (Generation, Generation),
    membership: &Membership,
) -> Arc<DeclaredTools> {
    let others = membership.others.iter().map(|other| &other.declared);
    let mut known = membership.own.iter().chain(others);
    let same = known.find(|known| known.is_made_of(&tools)).cloned();
    same.unwrap_or_else(|| Arc::new(DeclaredTools::new(tools, since)))
}

/// Runs work that takes a moment on a blocking thread.
pub(super) async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    spawn_blocking(work).await.map_err(|error| {
        Error::new(ErrorKind::InvalidRequest, "the tools' schemas cannot be prepared").caused_by(error)
    })
}
