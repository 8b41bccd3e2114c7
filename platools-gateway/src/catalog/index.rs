//! [`Index`]: finds the tools of the catalog by scope, by project, and by the name of a tool.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::tool_set::ToolSet;
use crate::domain::identity::{Identity, Scope};
use crate::domain::ids::{EnvironmentId, ProjectId};

/// All tool sets in memory. No look-up reads the sets of other projects or environments.
#[derive(Debug, Default)]
pub(super) struct Index {
    sets: HashMap<Scope, Arc<ToolSet>>,
    /// The scopes that have a tool of a name, by environment.
    owners: HashMap<EnvironmentId, HashMap<String, HashSet<Scope>>>,
    projects: HashMap<ProjectId, ProjectSets>,
}

/// The tool sets of one project.
#[derive(Debug, Default)]
struct ProjectSets {
    /// Bytes of all its declarations.
    bytes: usize,
    sets: BTreeMap<SetKey, Arc<ToolSet>>,
}

/// The order of the sets of a project: by the slugs of entity and environment. The entity's id tells a removed entity from a new
/// one of the same slug.
type SetKey = (String, String, String);

impl Index {
    pub(super) fn get(&self, scope: &Scope) -> Option<&Arc<ToolSet>> {
        self.sets.get(scope)
    }

    /// All sets.
    pub(super) fn sets(&self) -> impl Iterator<Item = &Arc<ToolSet>> {
        self.sets.values()
    }

    /// The sets of an environment that have a tool of a name.
    pub(super) fn owners<'a>(
        &'a self,
        environment: &EnvironmentId,
        name: &str,
    ) -> impl Iterator<Item = &'a Arc<ToolSet>> {
        let scopes = self.owners.get(environment).and_then(|names| names.get(name));
        scopes.into_iter().flatten().filter_map(|scope| self.sets.get(scope))
    }

    /// The sets of a project, ordered by entity and environment.
    pub(super) fn of_project(&self, project: &ProjectId) -> impl Iterator<Item = &Arc<ToolSet>> {
        self.projects.get(project).into_iter().flat_map(|project| project.sets.values())
    }

    /// Bytes of the declarations of a project, without those of one scope.
    pub(super) fn bytes_beside(&self, identity: &Identity) -> usize {
        let all = self.projects.get(&identity.project_id).map_or(0, |project| project.bytes);
        all.saturating_sub(self.sets.get(&identity.scope()).map_or(0, |set| set.bytes()))
    }

    /// Puts a set in the place of the one its scope had.
    pub(super) fn insert(&mut self, set: Arc<ToolSet>) {
        let scope = set.identity.scope();
        self.remove(&scope);
        let names = self.owners.entry(scope.environment.clone()).or_default();
        for tool in &set.tools {
            names.entry(tool.declaration.name.clone()).or_default().insert(scope.clone());
        }
        let project = self.projects.entry(set.identity.project_id.clone()).or_default();
        project.bytes += set.bytes();
        project.sets.insert(key_of(&set.identity), Arc::clone(&set));
        self.sets.insert(scope, set);
    }

    /// Removes the sets of scopes that are not to stay, and returns these scopes.
    pub(super) fn retain(&mut self, stays: impl Fn(&Scope) -> bool) -> Vec<Scope> {
        let gone: Vec<_> = self.sets.keys().filter(|scope| !stays(scope)).cloned().collect();
        gone.iter().for_each(|scope| self.remove(scope));
        gone
    }

    /// Removes the set of a scope.
    pub(super) fn remove(&mut self, scope: &Scope) {
        let Some(set) = self.sets.remove(scope) else { return };
        if let Some(names) = self.owners.get_mut(&scope.environment) {
            for tool in &set.tools {
                remove_owner(names, &tool.declaration.name, scope);
            }
            if names.is_empty() {
                self.owners.remove(&scope.environment);
            }
        }
        let project_id = &set.identity.project_id;
        if let Some(project) = self.projects.get_mut(project_id) {
            project.bytes = project.bytes.saturating_sub(set.bytes());
            project.sets.remove(&key_of(&set.identity));
            if project.sets.is_empty() {
                self.projects.remove(project_id);
            }
        }
    }
}

fn remove_owner(names: &mut HashMap<String, HashSet<Scope>>, name: &str, scope: &Scope) {
    if let Some(owners) = names.get_mut(name) {
        owners.remove(scope);
        if owners.is_empty() {
            names.remove(name);
        }
    }
}

fn key_of(identity: &Identity) -> SetKey {
    (identity.entity.clone(), identity.environment.clone(), identity.entity_id.to_string())
}

#[cfg(test)]
mod tests {
    use platools_protocol::tool_sync::ToolDeclaration;
    use serde_json::json;

    use super::*;

    fn set(entity: &str, names: &[&str]) -> Arc<ToolSet> {
        let mut identity = Identity::sample();
        (identity.entity_id, identity.entity) = (entity.into(), entity.to_owned());
        let declared = names.iter().map(|name| ToolDeclaration::new(*name, "", json!({"type": "object"}))).collect();
        Arc::new(ToolSet::new(identity, ToolSet::declare(None, declared).0))
    }

    fn owners(index: &Index, name: &str) -> Vec<String> {
        let environment = Identity::sample().environment_id;
        let mut owners: Vec<_> = index.owners(&environment, name).map(|set| set.identity.entity.clone()).collect();
        owners.sort();
        owners
    }

    #[test]
    fn a_tool_is_found_by_its_name_among_those_of_its_environment() {
        let mut index = Index::default();
        for set in [set("b", &["lookup", "one"]), set("a", &["lookup"]), set("c", &["other"])] {
            index.insert(set);
        }
        assert_eq!(owners(&index, "lookup"), ["a", "b"]);
        assert_eq!(owners(&index, "missing"), [""; 0]);
        assert_eq!(index.owners(&"env_other".into(), "lookup").count(), 0);
        index.insert(set("b", &["two"]));
        assert_eq!((owners(&index, "lookup"), owners(&index, "two")), (vec!["a".to_owned()], vec!["b".to_owned()]));
    }

    #[test]
    fn the_sets_of_a_project_are_ordered_and_their_bytes_are_counted() {
        let mut index = Index::default();
        let (a, b) = (set("a", &["one"]), set("b", &["lookup", "two"]));
        index.insert(Arc::clone(&b));
        index.insert(Arc::clone(&a));
        let project = &a.identity.project_id;
        let listed: Vec<_> = index.of_project(project).map(|set| set.identity.entity.as_str()).collect();
        assert_eq!(listed, ["a", "b"]);
        assert_eq!(index.bytes_beside(&a.identity), b.bytes());
        assert_eq!(index.bytes_beside(&set("c", &[]).identity), a.bytes() + b.bytes());
        index.insert(set("b", &[]));
        assert_eq!(index.bytes_beside(&a.identity), 0, "what is replaced counts no more");
    }

    #[test]
    fn nothing_is_kept_of_what_is_gone() {
        let mut index = Index::default();
        index.insert(set("a", &["one"]));
        index.insert(set("b", &["one"]));
        let gone = index.retain(|scope| scope.entity.as_str() == "b");
        assert_eq!((gone.len(), owners(&index, "one")), (1, vec!["b".to_owned()]));
        index.retain(|_| false);
        assert!(index.sets.is_empty() && index.owners.is_empty() && index.projects.is_empty());
    }
}
