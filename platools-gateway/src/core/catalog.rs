//! The tools of every entity and environment, kept while their workers are away.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use platools::wire::ToolDeclaration;
use tokio::sync::Mutex;

use super::error::{Error, ErrorKind};
use super::identity::{Identity, Scope};
use super::ids::{EnvironmentId, ProjectId};
use crate::store::Store;

/// The complete set of tools of one entity in one environment.
#[derive(Debug)]
pub(crate) struct ToolSet {
    pub(crate) identity: Identity,
    pub(crate) tools: Vec<ToolDeclaration>,
    names: HashSet<String>,
}

impl ToolSet {
    fn new(identity: Identity, tools: Vec<ToolDeclaration>) -> Self {
        let names = tools.iter().map(|tool| tool.name.clone()).collect();
        Self { identity, tools, names }
    }
}

/// What a registration changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// How many tools there are now.
    pub count: u64,
    /// How many were not there before.
    pub added: u64,
    /// How many are declared differently.
    pub updated: u64,
    /// How many are gone.
    pub pruned: u64,
}

impl Changes {
    fn between(before: &[ToolDeclaration], after: &[ToolDeclaration]) -> Self {
        let known: HashMap<&str, &ToolDeclaration> = before.iter().map(|tool| (tool.name.as_str(), tool)).collect();
        let kept: Vec<_> =
            after.iter().filter_map(|tool| known.get(tool.name.as_str()).map(|old| (*old, tool))).collect();
        Self {
            count: after.len() as u64,
            added: (after.len() - kept.len()) as u64,
            updated: kept.iter().filter(|(old, new)| old != new).count() as u64,
            pruned: (before.len() - kept.len()) as u64,
        }
    }
}

/// All tool sets, in memory and in the database.
#[derive(Debug)]
pub(crate) struct Catalog {
    store: Store,
    sets: RwLock<HashMap<Scope, Arc<ToolSet>>>,
    /// One registration is written at a time, so that memory and database see them in the same order. A scope stays in
    /// here while its write is under way: a link that ends in the middle leaves it, and then memory is not to be trusted.
    writing: Mutex<HashSet<Scope>>,
}

impl Catalog {
    /// Reads the catalogue that an earlier run left.
    pub(crate) async fn open(store: Store) -> Result<Self, Error> {
        let mut sets: HashMap<Scope, (Identity, Vec<ToolDeclaration>)> = HashMap::new();
        for (identity, declaration) in store.tools().await? {
            sets.entry(identity.scope()).or_insert_with(|| (identity, Vec::new())).1.push(declaration);
        }
        let set = |(identity, tools)| Arc::new(ToolSet::new(identity, tools));
        let sets = sets.into_iter().map(|(scope, parts)| (scope, set(parts))).collect();
        Ok(Self { store, sets: RwLock::new(sets), writing: Mutex::default() })
    }

    /// Replaces the tools of a worker, unless `is_current` says that a newer link of it was there first.
    pub(crate) async fn replace(
        &self,
        identity: &Identity,
        tools: Vec<ToolDeclaration>,
        is_current: impl Fn() -> bool,
    ) -> Result<Option<Changes>, Error> {
        let scope = identity.scope();
        let mut unsettled = self.writing.lock().await;
        if !is_current() {
            return Ok(None);
        }
        let before = self.set(&scope);
        let before = before.as_deref().map_or(&[][..], |set| &set.tools);
        let changes = Changes::between(before, &tools);
        if before != tools.as_slice() || unsettled.contains(&scope) {
            unsettled.insert(scope.clone());
            self.store.replace_tools(&scope, &tools).await?;
            let set = ToolSet::new(identity.clone(), tools);
            self.sets.write().unwrap_or_else(PoisonError::into_inner).insert(scope.clone(), Arc::new(set));
            unsettled.remove(&scope);
        }
        Ok(Some(changes))
    }

    /// The one entity of an environment that has a tool of that name, or the one that is named.
    pub(crate) fn find(
        &self,
        environment: &EnvironmentId,
        tool: &str,
        entity: Option<&str>,
    ) -> Result<Identity, Error> {
        let sets = self.sets.read().unwrap_or_else(PoisonError::into_inner);
        let mut owners = sets.values().filter(|set| {
            set.identity.environment_id == *environment
                && entity
                    .is_none_or(|wanted| set.identity.entity_id.as_str() == wanted || set.identity.entity == wanted)
                && set.names.contains(tool)
        });
        let Some(first) = owners.next() else {
            return Err(Error::new(ErrorKind::UnknownTool, format!("unknown tool: {tool}")));
        };
        let mut names: Vec<&str> = owners.map(|set| set.identity.entity.as_str()).collect();
        if names.is_empty() {
            return Ok(first.identity.clone());
        }
        names.push(&first.identity.entity);
        names.sort_unstable();
        let names = names.join(", ");
        let message = format!("several entities have a tool `{tool}`: {names}; name one as `entityId`");
        Err(Error::new(ErrorKind::AmbiguousTool, message))
    }

    /// The tool sets of a project, ordered by entity and environment.
    pub(crate) fn list(&self, project: &ProjectId) -> Vec<Arc<ToolSet>> {
        let sets = self.sets.read().unwrap_or_else(PoisonError::into_inner);
        let mut listed: Vec<_> = sets.values().filter(|set| set.identity.project_id == *project).cloned().collect();
        listed.sort_by(|left, right| {
            let order = |set: &ToolSet| (set.identity.entity.clone(), set.identity.environment.clone());
            order(left).cmp(&order(right))
        });
        listed
    }

    fn set(&self, scope: &Scope) -> Option<Arc<ToolSet>> {
        self.sets.read().unwrap_or_else(PoisonError::into_inner).get(scope).cloned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tool(name: &str, description: &str) -> ToolDeclaration {
        ToolDeclaration::new(name, description, json!({"type": "object"}))
    }

    #[test]
    fn changes_count_what_is_new_different_and_gone() {
        let before = [tool("a", ""), tool("b", ""), tool("c", "")];
        let after = [tool("c", "other"), tool("a", ""), tool("d", ""), tool("e", "")];
        let expected = Changes { count: 4, added: 2, updated: 1, pruned: 1 };
        assert_eq!(Changes::between(&before, &after), expected);
    }

    #[test]
    fn an_empty_registration_prunes_all() {
        let expected = Changes { count: 0, added: 0, updated: 0, pruned: 2 };
        assert_eq!(Changes::between(&[tool("a", ""), tool("b", "")], &[]), expected);
    }
}
