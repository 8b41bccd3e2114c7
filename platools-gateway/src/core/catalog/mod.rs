//! The tools of every entity and environment, kept while their workers are away.

mod set;

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError, RwLock};

use platools::wire::ToolDeclaration;
use tokio::sync::{Mutex, OnceCell};

use super::error::{Error, ErrorKind};
use super::identity::{Identity, Scope};
use super::ids::{EnvironmentId, ProjectId};
use crate::store::Store;

pub use set::Changes;
pub(crate) use set::{CatalogTool, ToolSet};

/// All tool sets, in memory and in the database.
#[derive(Debug)]
pub(crate) struct Catalog {
    store: Store,
    sets: RwLock<HashMap<Scope, Arc<ToolSet>>>,
    writing: StdMutex<HashMap<Scope, Arc<Mutex<Writing>>>>,
    /// Whether memory has what an earlier run left in the database.
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
    /// Those of one scope.
    pub(crate) scope: usize,
    /// Those of all scopes of a project together.
    pub(crate) project: usize,
}

/// What became of a set of tools that was to replace another.
#[derive(Debug)]
pub(crate) enum Replacement {
    /// It did.
    Done(Changes),
    /// A newer link of the worker was there first.
    Superseded,
    /// It has too many bytes; nothing changed.
    TooLarge(TooLarge),
}

/// A set of tools with too many bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooLarge {
    /// Bytes of its declarations, as JSON.
    pub bytes: usize,
    /// Bytes that there is room for.
    pub room: usize,
    /// The tools, in the order of their declaration, that there is no room for.
    pub past: Vec<String>,
}

/// A tool as a caller finds it.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) identity: Identity,
    pub(crate) tool: Arc<CatalogTool>,
}

impl Catalog {
    /// A catalogue that is not read before it is needed: most of what is done beside a gateway has no need of it.
    pub(crate) fn new(store: Store) -> Self {
        Self { store, sets: RwLock::default(), writing: StdMutex::default(), loaded: OnceCell::new() }
    }

    /// Reads the catalogue that an earlier run left, unless that was done. Schemas are prepared when they are needed.
    pub(crate) async fn load(&self) -> Result<(), Error> {
        let load = async || {
            let mut sets: HashMap<Scope, (Identity, Vec<_>)> = HashMap::new();
            for (identity, row) in self.store.tools().await? {
                sets.entry(identity.scope()).or_insert_with(|| (identity, Vec::new())).1.push(Arc::new(row.into()));
            }
            let set = |(identity, tools)| Arc::new(ToolSet::new(identity, tools));
            let sets = sets.into_iter().map(|(scope, parts)| (scope, set(parts)));
            self.sets.write().unwrap_or_else(PoisonError::into_inner).extend(sets);
            Ok(())
        };
        self.loaded.get_or_try_init(load).await.copied()
    }

    /// Replaces the tools of a worker, unless there is no room for them, or `is_current` says that a newer link of it was there
    /// first.
    pub(crate) async fn replace(
        &self,
        identity: &Identity,
        declared: Vec<ToolDeclaration>,
        room: Room,
        is_current: impl Fn() -> bool,
    ) -> Result<Replacement, Error> {
        self.load().await?;
        let scope = identity.scope();
        let writing = self.writing(&scope);
        let mut writing = writing.lock().await;
        if !is_current() {
            return Ok(Replacement::Superseded);
        }
        let before = self.set(&scope);
        // Schemas are prepared where no socket waits for it.
        let declare = {
            let before = before.clone();
            move || ToolSet::declare(before.as_deref(), declared)
        };
        let declare = tokio::task::spawn_blocking(declare).await;
        let (tools, changes) = declare.map_err(|error| {
            Error::new(ErrorKind::InvalidRequest, "the tools' schemas cannot be prepared").caused_by(error)
        })?;
        let set = ToolSet::new(identity.clone(), tools);
        let room = room.scope.min(room.project.saturating_sub(self.bytes_beside(identity)));
        if set.bytes() > room {
            return Ok(Replacement::TooLarge(TooLarge { bytes: set.bytes(), room, past: set.past(room) }));
        }
        if before.as_deref().is_none_or(|before| !before.is_same(&set)) || writing.unsettled {
            writing.unsettled = true;
            let rows: Vec<_> = set.tools.iter().map(|tool| tool.row()).collect();
            self.store.replace_tools(&scope, &rows).await?;
            self.sets.write().unwrap_or_else(PoisonError::into_inner).insert(scope, Arc::new(set));
            writing.unsettled = false;
        }
        Ok(Replacement::Done(changes))
    }

    /// The one entity of an environment that has a tool of that name, or the one that is named. Tools that are not visible do not count.
    pub(crate) async fn find(
        &self,
        environment: &EnvironmentId,
        name: &str,
        entity: Option<&str>,
        is_visible: impl Fn(&Found) -> bool,
    ) -> Result<Found, Error> {
        self.load().await?;
        let sets = self.sets.read().unwrap_or_else(PoisonError::into_inner);
        let mut owners = sets.values().filter_map(|set| {
            let fits = set.identity.environment_id == *environment && is_meant(&set.identity, entity);
            let tool = if fits { set.tool(name) } else { None };
            tool.map(|tool| Found { identity: set.identity.clone(), tool: Arc::clone(tool) }).filter(&is_visible)
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

    /// Whether a tool is there.
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
        let sets = self.sets.read().unwrap_or_else(PoisonError::into_inner);
        let mut listed: Vec<_> = sets.values().filter(|set| set.identity.project_id == *project).cloned().collect();
        listed.sort_by(|left, right| order(&left.identity).cmp(&order(&right.identity)));
        listed
    }

    /// Forgets the tools of entities and environments that are gone; says where there were some.
    pub(crate) fn retain(&self, is_there: impl Fn(&Scope) -> bool) -> Vec<Scope> {
        let mut gone = Vec::new();
        self.sets.write().unwrap_or_else(PoisonError::into_inner).retain(|scope, _| {
            let stays = is_there(scope);
            if !stays {
                gone.push(scope.clone());
            }
            stays
        });
        self.writing.lock().unwrap_or_else(PoisonError::into_inner).retain(|scope, _| is_there(scope));
        gone
    }

    /// Bytes of the other tools of a worker's project.
    fn bytes_beside(&self, identity: &Identity) -> usize {
        let sets = self.sets.read().unwrap_or_else(PoisonError::into_inner);
        let others = sets.values().filter(|set| set.identity.project_id == identity.project_id);
        others.filter(|set| set.identity.scope() != identity.scope()).map(|set| set.bytes()).sum()
    }

    fn set(&self, scope: &Scope) -> Option<Arc<ToolSet>> {
        self.sets.read().unwrap_or_else(PoisonError::into_inner).get(scope).cloned()
    }

    fn writing(&self, scope: &Scope) -> Arc<Mutex<Writing>> {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(writing.entry(scope.clone()).or_default())
    }
}

fn is_meant(identity: &Identity, entity: Option<&str>) -> bool {
    entity.is_none_or(|wanted| identity.entity_id.as_str() == wanted || identity.entity == wanted)
}

fn order(identity: &Identity) -> (&str, &str) {
    (&identity.entity, &identity.environment)
}

#[cfg(test)]
mod tests {
    use super::super::Core;
    use super::super::limits::Limits;

    #[tokio::test]
    async fn beside_a_gateway_tools_are_read_when_they_are_needed_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let core = Core::open(folder.path(), &Limits::default()).await.unwrap();
        assert!(core.catalog.loaded.initialized());
        core.close().await;

        let core = Core::open_existing(folder.path()).await.unwrap();
        core.local_admin().add_agent("buyer", crate::core::agent::Profile::default()).await.unwrap();
        assert!(!core.catalog.loaded.initialized());
        assert_eq!(core.local_admin().tools(None).await.unwrap().len(), 0);
        assert!(core.catalog.loaded.initialized());
        core.close().await;
    }
}
