//! `Catalog`: the tools of every scope, which stay while the workers are away.
//!
//! The catalog of a scope is the union of the tools that its links declared. If the entity is no pool, the tools of a new link replace all
//! tools of its scope. With several gateways, each reads again what another one has written.

mod index;
mod link_tools;
mod registration;
mod reload;
pub mod schema;
#[cfg(test)]
mod tests;
mod tool_set;

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, RwLock};
use std::time::Duration;

use platools_protocol::tool_sync::ToolDeclaration;
use tokio::sync::{Mutex, OnceCell};

use crate::domain::error::{Error, ErrorKind};
use crate::domain::generation::{Generation, GenerationClock};
use crate::domain::identity::{Identity, Scope};
use crate::domain::ids::{EnvironmentId, ProjectId};
use crate::domain::lock::{lock, read, write};
use crate::ports::catalog::{CatalogObserver, CatalogStore};

pub(crate) use link_tools::{DeclaredTools, MemberTools};
pub(crate) use registration::{Membership, Registrant, Rest, Settled};
pub use tool_set::Changes;
pub(crate) use tool_set::{CatalogTool, ToolSet, ToolVersion};

use index::Index;

/// For so long after its link ended, a tool that only this link of a pool had stays in the catalog, whatever other links
/// register: the worker restarts, or another one of its version is about to come. A restart of the gateway ends all links.
pub(crate) const GRACE: Duration = Duration::from_secs(60);

/// All tool sets, in memory and in the database.
#[derive(Debug)]
pub(crate) struct Catalog {
    store: Arc<dyn CatalogStore>,
    clock: Arc<GenerationClock>,
    /// Notified of what is written, if there are other gateways.
    observer: Option<Arc<dyn CatalogObserver>>,
    index: RwLock<Index>,
    writing: StdMutex<HashMap<Scope, Arc<Mutex<Writing>>>>,
    /// Set once memory has the tools that an earlier run left in the database.
    loaded: OnceCell<()>,
}

/// Of one scope, one registration is written at a time, so that memory and database see them in the same order.
#[derive(Debug, Default)]
struct Writing {
    /// A write was begun and its end was never seen: what is in memory is not to be trusted.
    unsettled: bool,
}

/// The bytes that declarations may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// The tools of one scope.
    pub(crate) scope: usize,
    /// The tools of all scopes of a project together.
    pub(crate) project: usize,
}

/// The outcome of a registration.
#[derive(Debug)]
pub(crate) enum Replacement {
    /// The link has its tools.
    Done {
        /// Differences of the catalog.
        changes: Changes,
        /// No other live link has all these tools, so some may be online now that were not.
        is_newly_online: bool,
        /// The catalog still has tools that no live link declares.
        keeps_departed: bool,
    },
    /// A newer link of the worker was there first.
    Superseded,
    /// The registration came too soon; nothing changed.
    Throttled {
        /// The time until it is admitted.
        wait: Duration,
        /// The tools that were declared.
        declared: Vec<ToolDeclaration>,
        /// The link is called for tools that are declared as the catalog has them, and was not before.
        is_newly_online: bool,
    },
    /// The registration has too many bytes; nothing changed.
    TooLarge(ToolsTooLarge),
}

/// A set of tools with too many bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolsTooLarge {
    /// Bytes of its declarations, as JSON.
    pub bytes: usize,
    /// Bytes that there is room for.
    pub room: usize,
    /// The tools, in the order of their declaration, that there is no room for.
    pub past: Vec<String>,
}

/// A tool as a caller finds it.
#[derive(Debug, Clone)]
pub(crate) struct FoundTool {
    pub(crate) identity: Identity,
    pub(crate) tool: Arc<CatalogTool>,
}

impl Catalog {
    /// A catalog that is not read before it is needed: most of what is done beside a gateway has no need of it.
    pub(crate) fn new(store: Arc<dyn CatalogStore>, clock: Arc<GenerationClock>) -> Self {
        let (index, writing, loaded) = (RwLock::default(), StdMutex::default(), OnceCell::new());
        Self { store, clock, observer: None, index, writing, loaded }
    }

    /// Notifies an observer of what is written.
    pub(crate) fn observed(self, observer: Option<Arc<dyn CatalogObserver>>) -> Self {
        Self { observer, ..self }
    }

    /// Reads the catalog that an earlier run left, unless that was done. Schemas are prepared when they are needed.
    pub(crate) async fn load(&self) -> Result<(), Error> {
        let load = async || {
            let mut sets: HashMap<Scope, (Identity, Vec<_>)> = HashMap::new();
            for (identity, row) in self.store.tools().await? {
                sets.entry(identity.scope()).or_insert_with(|| (identity, Vec::new())).1.push(Arc::new(row.into()));
            }
            sets.into_values().for_each(|(identity, tools)| self.insert(ToolSet::new(identity, tools)));
            if let Some(latest) = self.store.latest_generation().await? {
                self.clock.observe(latest);
            }
            Ok(())
        };
        self.loaded.get_or_try_init(load).await.copied()
    }

    /// The one entity of an environment that has a tool of that name, or the one that is named. Tools that are not visible do not count.
    pub(crate) async fn find(
        &self,
        environment: &EnvironmentId,
        name: &str,
        entity: Option<&str>,
        is_visible: impl Fn(&FoundTool) -> bool,
    ) -> Result<FoundTool, Error> {
        self.load().await?;
        let index = read(&self.index);
        let owners = index.owners(environment, name).filter(|set| is_meant(&set.identity, entity));
        let mut owners = owners.filter_map(|set| {
            let tool = set.tool(name)?;
            Some(FoundTool { identity: set.identity.clone(), tool: Arc::clone(tool) }).filter(&is_visible)
        });
        let Some(first) = owners.next() else {
            return Err(Error::new(ErrorKind::UnknownTool, format!("unknown tool: {name}")));
        };
        let mut names: Vec<String> = owners.map(|found| found.identity.entity).collect();
        if names.is_empty() {
            return Ok(first);
        }
        names.push(first.identity.entity);
        names.sort_unstable();
        let names = names.join(", ");
        let message = format!("several entities have a tool `{name}`: {names}; name the one that is meant");
        Err(Error::new(ErrorKind::AmbiguousTool, message))
    }

    /// True if a tool exists.
    pub(crate) fn has(&self, scope: &Scope, name: &str) -> bool {
        self.set(scope).is_some_and(|set| set.tool(name).is_some())
    }

    /// The tool sets of a project, ordered by entity and environment.
    pub(crate) async fn list(&self, project: &ProjectId) -> Result<Vec<Arc<ToolSet>>, Error> {
        self.load().await?;
        Ok(self.list_loaded(project))
    }

    /// The tool sets of a project, as far as they were read.
    pub(crate) fn list_loaded(&self, project: &ProjectId) -> Vec<Arc<ToolSet>> {
        let index = read(&self.index);
        index.of_project(project).cloned().collect()
    }

    /// The tools of each scope as if one link had declared them, earlier than all that come.
    pub(crate) fn as_declared(&self) -> Vec<(Scope, Arc<DeclaredTools>)> {
        let since = (Generation::stored(0), self.clock.next());
        let declared = |set: &Arc<ToolSet>| Arc::new(DeclaredTools::new(set.tools.clone(), since));
        let index = read(&self.index);
        index.sets().map(|set| (set.identity.scope(), declared(set))).collect()
    }

    /// Forgets the tools of entities and environments that are gone; says where there were some.
    pub(crate) fn retain(&self, is_there: impl Fn(&Scope) -> bool) -> Vec<Scope> {
        let gone = write(&self.index).retain(&is_there);
        lock(&self.writing).retain(|scope, _| is_there(scope));
        gone
    }

    /// Bytes of the other tools of a worker's project.
    fn bytes_beside(&self, identity: &Identity) -> usize {
        read(&self.index).bytes_beside(identity)
    }

    fn set(&self, scope: &Scope) -> Option<Arc<ToolSet>> {
        read(&self.index).get(scope).cloned()
    }

    fn insert(&self, set: ToolSet) {
        write(&self.index).insert(Arc::new(set));
    }

    fn writing(&self, scope: &Scope) -> Arc<Mutex<Writing>> {
        let mut writing = lock(&self.writing);
        Arc::clone(writing.entry(scope.clone()).or_default())
    }
}

fn is_meant(identity: &Identity, entity: Option<&str>) -> bool {
    entity.is_none_or(|wanted| identity.entity_id.as_str() == wanted || identity.entity == wanted)
}
