//! The directory in memory, as it was at one revision.

use std::collections::{HashMap, HashSet};

use secrecy::{ExposeSecret as _, SecretString};

use crate::authority::Notary;
use crate::core::environment::Environment;
use crate::core::identity::{Caller, Credential, Identity, Scope};
use crate::core::ids::{AgentId, EntityId, KeyId, ProjectId, SecretId};
use crate::core::project::{Project, ProjectName};
use crate::core::secret;
use crate::store::{AgentRow, DirectoryRows, EntityRow, KeyRow, SecretRow};

/// How many digits of a hash a secret is found by; the rest is compared in constant time.
const SELECTOR: usize = 16;

/// Everything the directory knows. Looking something up waits for nothing.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) revision: i64,
    projects: HashMap<ProjectId, Project>,
    environments: HashMap<ProjectId, Vec<Environment>>,
    entities: HashMap<EntityId, EntityRow>,
    agents: HashMap<AgentId, AgentRow>,
    secrets: HashMap<SecretId, SecretRow>,
    keys: HashMap<KeyId, KeyRow>,
    secrets_by_selector: HashMap<String, Vec<SecretId>>,
    keys_by_selector: HashMap<String, Vec<KeyId>>,
    disabled_tools: HashMap<Scope, HashSet<String>>,
    /// The ids of tokens that were revoked.
    revoked_tokens: HashSet<String>,
    /// Which keys verify tokens. They may change without a new revision.
    notary: Notary,
}

impl Snapshot {
    pub(crate) fn new(rows: DirectoryRows, notary: Notary) -> Self {
        let mut environments: HashMap<ProjectId, Vec<Environment>> = HashMap::new();
        for row in rows.environments {
            environments.entry(row.project_id).or_default().push(Environment { id: row.id, slug: row.slug });
        }
        let mut disabled_tools: HashMap<Scope, HashSet<String>> = HashMap::new();
        for (scope, name) in rows.disabled_tools {
            disabled_tools.entry(scope).or_default().insert(name);
        }
        Self {
            revision: rows.revision,
            projects: rows.projects.into_iter().map(|project| (project.id.clone(), project)).collect(),
            environments,
            disabled_tools,
            secrets_by_selector: by_selector(rows.secrets.iter().map(|row| (&*row.hash, row.id.clone()))),
            keys_by_selector: by_selector(rows.keys.iter().map(|row| (&*row.hash, row.id.clone()))),
            entities: rows.entities.into_iter().map(|row| (row.id.clone(), row)).collect(),
            agents: rows.agents.into_iter().map(|row| (row.id.clone(), row)).collect(),
            secrets: rows.secrets.into_iter().map(|row| (row.id.clone(), row)).collect(),
            keys: rows.keys.into_iter().map(|row| (row.id.clone(), row)).collect(),
            revoked_tokens: rows.revoked_tokens.into_iter().collect(),
            notary,
        }
    }
}

fn by_selector<'a, I>(hashes: impl Iterator<Item = (&'a str, I)>) -> HashMap<String, Vec<I>> {
    let mut found: HashMap<String, Vec<I>> = HashMap::new();
    for (hash, id) in hashes {
        found.entry(selector(hash)).or_default().push(id);
    }
    found
}

fn selector(hash: &str) -> String {
    hash.chars().take(SELECTOR).collect()
}

fn is_good(expires_ms: Option<i64>, now_ms: i64) -> bool {
    expires_ms.is_none_or(|expires_ms| now_ms < expires_ms)
}

impl Snapshot {
    /// The entity's secret that this is, if it is good.
    pub(crate) fn secret(&self, presented: &SecretString, now_ms: i64) -> Option<&SecretRow> {
        let hash = secret::hash(presented.expose_secret());
        let candidates = self.secrets_by_selector.get(&selector(&hash))?;
        let mut rows = candidates.iter().filter_map(|id| self.secrets.get(id));
        rows.find(|row| secret::same(&row.hash, &hash) && is_good(row.expires_ms, now_ms))
    }

    /// The caller's key that this is, if it is good.
    pub(crate) fn key(&self, presented: &SecretString, now_ms: i64) -> Option<&KeyRow> {
        let hash = secret::hash(presented.expose_secret());
        let candidates = self.keys_by_selector.get(&selector(&hash))?;
        let mut rows = candidates.iter().filter_map(|id| self.keys.get(id));
        rows.find(|row| secret::same(&row.hash, &hash) && is_good(row.expires_ms, now_ms))
    }

    /// Whether what a worker or caller presented once is still good.
    pub(crate) fn is_good(&self, credential: &Credential, now_ms: i64) -> bool {
        match credential {
            Credential::Secret(id) => self.secrets.get(id).is_some_and(|row| is_good(row.expires_ms, now_ms)),
            Credential::Key(id) => self.keys.get(id).is_some_and(|row| is_good(row.expires_ms, now_ms)),
            Credential::Token { id, expires_ms, signed_by, parents } => {
                is_good(Some(*expires_ms), now_ms)
                    && !self.revoked_tokens.contains(id)
                    && self.notary.verifies(signed_by, now_ms)
                    && parents.iter().all(|parent| self.is_good(parent, now_ms))
            }
            Credential::Nothing => true,
        }
    }

    /// When a credential ends, in milliseconds since 1970, if it does by itself.
    pub(crate) fn end_of(&self, credential: &Credential) -> Option<i64> {
        match credential {
            Credential::Secret(id) => self.secrets.get(id)?.expires_ms,
            Credential::Key(id) => self.keys.get(id)?.expires_ms,
            Credential::Token { expires_ms, signed_by, .. } => {
                let retires_ms = self.notary.keys().and_then(|keys| keys.verifies_until(signed_by));
                Some(retires_ms.map_or(*expires_ms, |retires_ms| retires_ms.min(*expires_ms)))
            }
            Credential::Nothing => None,
        }
    }

    /// The secret of an entity that has no end yet.
    pub(crate) fn current_secret(&self, entity: &EntityId) -> Option<&SecretRow> {
        self.secrets.values().find(|row| row.entity_id == *entity && row.expires_ms.is_none())
    }

    /// Whether there is a key of that id.
    pub(crate) fn has_key(&self, id: &str) -> bool {
        self.keys.contains_key(&KeyId::from(id))
    }

    /// Whether somebody who was known once still is: its key or token is good, and its project and agent are there.
    pub(crate) fn may_stay(&self, caller: &Caller, now_ms: i64) -> bool {
        let has_project = self.project(&caller.project_id).is_some();
        let has_agent = caller.agent_id.as_ref().is_none_or(|agent| self.agents.contains_key(agent));
        has_project && has_agent && self.is_good(&caller.credential, now_ms)
    }

    /// The projects, by name.
    pub(crate) fn projects(&self) -> Vec<Project> {
        let mut projects: Vec<_> = self.projects.values().cloned().collect();
        projects.sort_by(|left, right| left.name.cmp(&right.name));
        projects
    }

    /// A project, by id.
    pub(crate) fn project(&self, id: &ProjectId) -> Option<&Project> {
        self.projects.get(id)
    }

    /// A project, by name.
    pub(crate) fn project_named(&self, name: &ProjectName) -> Option<&Project> {
        self.projects.values().find(|project| project.name == *name)
    }

    /// The environments of a project.
    pub(crate) fn environments(&self, project: &ProjectId) -> &[Environment] {
        self.environments.get(project).map_or(&[], Vec::as_slice)
    }

    /// An entity, by id.
    pub(crate) fn entity(&self, id: &EntityId) -> Option<&EntityRow> {
        self.entities.get(id)
    }

    /// Whether the entity and the environment of a scope are there.
    pub(crate) fn has(&self, scope: &Scope) -> bool {
        let entity = self.entity(&scope.entity);
        entity.is_some_and(|row| self.environments(&row.project_id).iter().any(|found| found.id == scope.environment))
    }

    /// An entity of a project, by slug or id.
    pub(crate) fn entity_named(&self, project: &ProjectId, name: &str) -> Option<&EntityRow> {
        self.entities.values().find(|row| row.project_id == *project && (row.slug == name || row.id.as_str() == name))
    }

    /// Whether any project has an entity of that slug or id.
    pub(crate) fn has_entity_named(&self, name: &str) -> bool {
        self.entities.values().any(|row| row.slug == name || row.id.as_str() == name)
    }

    /// The entities of a project, by slug.
    pub(crate) fn entities_of(&self, project: &ProjectId) -> Vec<&EntityRow> {
        let mut rows: Vec<_> = self.entities.values().filter(|row| row.project_id == *project).collect();
        rows.sort_by(|left, right| left.slug.cmp(&right.slug));
        rows
    }

    /// An agent, by id.
    pub(crate) fn agent(&self, id: &AgentId) -> Option<&AgentRow> {
        self.agents.get(id)
    }

    /// An agent of a project, by slug or id.
    pub(crate) fn agent_named(&self, project: &ProjectId, name: &str) -> Option<&AgentRow> {
        self.agents.values().find(|row| row.project_id == *project && (row.slug == name || row.id.as_str() == name))
    }

    /// The agents of a project, by slug.
    pub(crate) fn agents_of(&self, project: &ProjectId) -> Vec<&AgentRow> {
        let mut rows: Vec<_> = self.agents.values().filter(|row| row.project_id == *project).collect();
        rows.sort_by(|left, right| left.slug.cmp(&right.slug));
        rows
    }

    /// The keys of a project, oldest first.
    pub(crate) fn keys_of(&self, project: &ProjectId) -> Vec<&KeyRow> {
        let mut rows: Vec<_> = self.keys.values().filter(|row| row.project_id == *project).collect();
        rows.sort_by(|left, right| (left.created_ms, &left.id).cmp(&(right.created_ms, &right.id)));
        rows
    }

    /// Whether nobody has a key.
    pub(crate) fn has_no_keys(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether a tool may be called at all.
    pub(crate) fn is_enabled(&self, scope: &Scope, tool: &str) -> bool {
        !self.disabled_tools.get(scope).is_some_and(|names| names.contains(tool))
    }

    /// Where other tools are switched off than before.
    pub(crate) fn switched_since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a Scope> {
        let scopes = self.disabled_tools.keys().chain(before.disabled_tools.keys());
        scopes.filter(|scope| self.disabled_tools.get(scope) != before.disabled_tools.get(scope))
    }

    /// An entity in an environment, with all that surrounds it.
    pub(crate) fn identity(&self, entity: &EntityRow, environment: &Environment) -> Option<Identity> {
        Some(Identity {
            organization_id: self.project(&entity.project_id)?.organization_id.clone(),
            project_id: entity.project_id.clone(),
            environment_id: environment.id.clone(),
            environment: environment.slug.clone(),
            entity_id: entity.id.clone(),
            entity: entity.slug.clone(),
        })
    }
}
