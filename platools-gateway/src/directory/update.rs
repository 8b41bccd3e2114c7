//! [`DirectorySnapshot::updated`]: makes the next snapshot from the rows that changed. Both snapshots share everything else.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::shared_map::SharedMap;
use super::snapshot::{DirectorySnapshot, EntityEntry, ProjectPart, selector};
use crate::authority::TokenSigner;
use crate::domain::agent::Agent;
use crate::domain::directory::{DirectoryChange, DirectoryContents, DirectoryUpdate, EntityContents};
use crate::domain::entity::{Entity, EntitySecret};
use crate::domain::environment::Environment;
use crate::domain::identity::Scope;
use crate::domain::ids::{AgentId, EntityId, EnvironmentId, KeyId, ProjectId, SecretId};
use crate::domain::key::StoredKey;
use crate::domain::project::Project;

impl DirectorySnapshot {
    /// The directory with some contents.
    pub(crate) fn new(contents: DirectoryContents, token_signer: TokenSigner) -> Self {
        let mut snapshot = Self {
            revision: contents.revision,
            projects: SharedMap::default(),
            entities: SharedMap::default(),
            entity_slugs: SharedMap::default(),
            agents: SharedMap::default(),
            secrets: SharedMap::default(),
            keys: SharedMap::default(),
            secrets_by_selector: SharedMap::default(),
            keys_by_selector: SharedMap::default(),
            disabled_tools: SharedMap::default(),
            revoked_tokens: SharedMap::default(),
            token_signer,
        };
        snapshot.put_contents(contents);
        snapshot
    }

    /// The directory after some changes.
    pub(super) fn updated(&self, update: DirectoryUpdate) -> Self {
        let mut snapshot = Self { revision: update.revision, ..self.clone() };
        update.changes.into_iter().for_each(|change| snapshot.apply(change));
        snapshot
    }

    fn apply(&mut self, change: DirectoryChange) {
        match change {
            DirectoryChange::Project(id, contents) => {
                self.remove_project(&id);
                contents.into_iter().for_each(|contents| self.put_contents(*contents));
            }
            DirectoryChange::Environments(project, rows) => self.put_environments(&project, rows),
            DirectoryChange::Entity(id, contents) => {
                self.remove_entity(&id);
                contents.into_iter().for_each(|EntityContents { entity, secrets, disabled_tools }| {
                    self.put_entity(entity);
                    secrets.into_iter().for_each(|row| self.put_secret(row));
                    self.put_disabled_tools(disabled_tools);
                });
            }
            DirectoryChange::Agent(id, Some(agent)) => {
                self.take_agent(&id);
                self.put_agent(agent);
            }
            DirectoryChange::Agent(id, None) => self.remove_agent(&id),
            DirectoryChange::Key(id, key) => {
                self.remove_key(&id);
                key.into_iter().for_each(|key| self.put_key(key));
            }
            DirectoryChange::Tokens(project, revoked) => {
                self.remove_revoked_tokens(&project);
                revoked.into_iter().for_each(|(id, project)| self.revoked_tokens.insert(id, project));
                self.part(&project);
            }
        }
    }

    /// A project that something changes in.
    fn part(&mut self, project: &ProjectId) -> Option<&mut ProjectPart> {
        let revision = self.revision;
        let part = Arc::make_mut(self.projects.get_mut(project)?);
        part.revision = revision;
        Some(part)
    }

    fn put_contents(&mut self, contents: DirectoryContents) {
        contents.projects.into_iter().for_each(|project| self.put_project(project));
        for (project, environment) in contents.environments {
            if let Some(part) = self.part(&project) {
                Arc::make_mut(&mut part.environments).push(environment);
            }
        }
        contents.entities.into_iter().for_each(|row| self.put_entity(row));
        contents.secrets.into_iter().for_each(|row| self.put_secret(row));
        contents.agents.into_iter().for_each(|row| self.put_agent(row));
        contents.keys.into_iter().for_each(|row| self.put_key(row));
        contents.revoked_tokens.into_iter().for_each(|(id, project)| self.revoked_tokens.insert(id, project));
        self.put_disabled_tools(contents.disabled_tools);
    }

    fn put_project(&mut self, project: Project) {
        let id = project.id.clone();
        let part = ProjectPart {
            revision: self.revision,
            project,
            environments: Arc::default(),
            entities: Arc::default(),
            agents: Arc::default(),
            keys: Arc::default(),
        };
        self.projects.insert(id, Arc::new(part));
    }

    fn remove_project(&mut self, id: &ProjectId) {
        let Some(part) = self.projects.get(id).cloned() else { return };
        part.entities.values().for_each(|entity| self.remove_entity(entity));
        part.agents.values().for_each(|agent| self.take_agent(agent));
        part.keys.iter().for_each(|(_, key)| self.remove_key(key));
        self.remove_revoked_tokens(id);
        self.projects.remove(id);
    }

    /// Replaces the environments of a project. What was switched off in those that are gone goes with them.
    fn put_environments(&mut self, project: &ProjectId, environments: Vec<Environment>) {
        let Some(part) = self.part(project) else { return };
        let before = std::mem::replace(&mut part.environments, Arc::new(environments.clone()));
        let entities = Arc::clone(&part.entities);
        for gone in before.iter().filter(|before| environments.iter().all(|now| now.id != before.id)) {
            for entity in entities.values() {
                self.disabled_tools.remove(&scope(entity, &gone.id));
            }
        }
    }

    fn put_entity(&mut self, entity: Entity) {
        let Some(part) = self.part(&entity.project_id) else { return };
        Arc::make_mut(&mut part.entities).insert(entity.slug.clone(), entity.id.clone());
        *self.entity_slugs.entry(entity.slug.clone()) += 1;
        self.entities.insert(entity.id.clone(), Arc::new(EntityEntry { row: entity, secrets: Vec::new() }));
    }

    /// Removes an entity with its secrets and what is switched off of it.
    fn remove_entity(&mut self, id: &EntityId) {
        let Some(entry) = self.entities.remove(id) else { return };
        entry.secrets.iter().for_each(|secret| self.remove_secret(secret));
        let number = self.entity_slugs.get(&entry.row.slug).copied().unwrap_or_default();
        match number {
            0 | 1 => drop(self.entity_slugs.remove(&entry.row.slug)),
            _ => self.entity_slugs.insert(entry.row.slug.clone(), number - 1),
        }
        let Some(part) = self.part(&entry.row.project_id) else { return };
        leave_slug(&mut part.entities, &entry.row.slug, id);
        let environments = Arc::clone(&part.environments);
        for environment in &*environments {
            self.disabled_tools.remove(&scope(id, &environment.id));
        }
    }

    fn put_secret(&mut self, secret: EntitySecret) {
        let Some(entry) = self.entities.get_mut(&secret.entity_id) else { return };
        Arc::make_mut(entry).secrets.push(secret.id.clone());
        self.secrets_by_selector.entry(selector(&secret.hash)).push(secret.id.clone());
        self.secrets.insert(secret.id.clone(), Arc::new(secret));
    }

    fn remove_secret(&mut self, id: &SecretId) {
        let Some(secret) = self.secrets.remove(id) else { return };
        leave(&mut self.secrets_by_selector, &secret.hash, id);
    }

    fn put_disabled_tools(&mut self, rows: Vec<(Scope, String)>) {
        for (scope, name) in rows {
            Arc::<HashSet<String>>::make_mut(self.disabled_tools.entry(scope)).insert(name);
        }
    }

    fn put_agent(&mut self, agent: Agent) {
        let Some(part) = self.part(&agent.project_id) else { return };
        Arc::make_mut(&mut part.agents).insert(agent.slug.clone(), agent.id.clone());
        self.agents.insert(agent.id.clone(), Arc::new(agent));
    }

    /// Removes an agent with its keys.
    fn remove_agent(&mut self, id: &AgentId) {
        let Some(project) = self.agent(id).map(|row| row.project_id.clone()) else { return };
        let keys = self.keys_of(&project).into_iter().filter(|row| row.agent_id.as_ref() == Some(id));
        let keys: Vec<_> = keys.map(|row| row.id.clone()).collect();
        keys.iter().for_each(|key| self.remove_key(key));
        self.take_agent(id);
    }

    fn take_agent(&mut self, id: &AgentId) {
        let Some(agent) = self.agents.remove(id) else { return };
        if let Some(part) = self.part(&agent.project_id) {
            leave_slug(&mut part.agents, &agent.slug, id);
        }
    }

    fn put_key(&mut self, key: StoredKey) {
        let Some(part) = self.part(&key.project_id) else { return };
        Arc::make_mut(&mut part.keys).insert((key.created_ms, key.id.clone()));
        self.keys_by_selector.entry(selector(&key.hash)).push(key.id.clone());
        self.keys.insert(key.id.clone(), Arc::new(key));
    }

    fn remove_key(&mut self, id: &KeyId) {
        let Some(key) = self.keys.remove(id) else { return };
        leave(&mut self.keys_by_selector, &key.hash, id);
        if let Some(part) = self.part(&key.project_id) {
            Arc::make_mut(&mut part.keys).remove(&(key.created_ms, id.clone()));
        }
    }

    fn remove_revoked_tokens(&mut self, project: &ProjectId) {
        let of_project = self.revoked_tokens.iter().filter(|(_, owner)| *owner == project);
        let ids: Vec<_> = of_project.map(|(id, _)| id.clone()).collect();
        ids.iter().for_each(|id| drop(self.revoked_tokens.remove(id)));
    }
}

fn scope(entity: &EntityId, environment: &EnvironmentId) -> Scope {
    Scope { entity: entity.clone(), environment: environment.clone() }
}

/// Removes a slug, unless it is another one's by now.
fn leave_slug<I: Clone + PartialEq>(slugs: &mut Arc<BTreeMap<String, I>>, slug: &str, id: &I) {
    if slugs.get(slug) == Some(id) {
        Arc::make_mut(slugs).remove(slug);
    }
}

/// Removes an id from those that are found by a hash.
fn leave<I: Clone + PartialEq>(by_selector: &mut SharedMap<String, Vec<I>>, hash: &str, id: &I) {
    let selector = selector(hash);
    let is_last = by_selector.get_mut(&selector).is_some_and(|ids| {
        ids.retain(|other| other != id);
        ids.is_empty()
    });
    if is_last {
        by_selector.remove(&selector);
    }
}

#[cfg(test)]
mod tests;
