//! [`DirectorySnapshot`]: the directory in memory as of one revision. A lookup takes no lock.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::shared_map::SharedMap;
use crate::authority::TokenSigner;
use crate::authority::secret;
use crate::domain::agent::Agent;
use crate::domain::entity::{Entity, EntitySecret};
use crate::domain::environment::Environment;
use crate::domain::identity::{Caller, Credential, Identity, Scope};
use crate::domain::ids::{AgentId, EntityId, KeyId, ProjectId, SecretId};
use crate::domain::key::StoredKey;
use crate::domain::project::{Project, ProjectName};

/// The number of digits of a hash by which a secret is found; the rest is compared in constant time.
const SELECTOR: usize = 16;

/// The directory at one revision. A lookup takes no lock, and its time does not depend on the number of projects.
#[derive(Debug, Clone)]
pub(crate) struct DirectorySnapshot {
    pub(crate) revision: i64,
    pub(super) projects: SharedMap<ProjectId, Arc<ProjectPart>>,
    pub(super) entities: SharedMap<EntityId, Arc<EntityEntry>>,
    /// The number of projects that have an entity of a slug.
    pub(super) entity_slugs: SharedMap<String, usize>,
    pub(super) agents: SharedMap<AgentId, Arc<Agent>>,
    pub(super) secrets: SharedMap<SecretId, Arc<EntitySecret>>,
    pub(super) keys: SharedMap<KeyId, Arc<StoredKey>>,
    pub(super) secrets_by_selector: SharedMap<String, Vec<SecretId>>,
    pub(super) keys_by_selector: SharedMap<String, Vec<KeyId>>,
    pub(super) disabled_tools: SharedMap<Scope, Arc<HashSet<String>>>,
    /// The ids of tokens that were revoked, with their projects.
    pub(super) revoked_tokens: SharedMap<String, ProjectId>,
    /// The keys that verify tokens. They may change without a new revision.
    pub(super) token_signer: TokenSigner,
}

/// A project, and what is in it by name.
#[derive(Debug, Clone)]
pub(super) struct ProjectPart {
    /// The revision of the last change in it, as far as it is known.
    pub(super) revision: i64,
    pub(super) project: Project,
    pub(super) environments: Arc<Vec<Environment>>,
    /// Ids by slug.
    pub(super) entities: Arc<BTreeMap<String, EntityId>>,
    /// Ids by slug.
    pub(super) agents: Arc<BTreeMap<String, AgentId>>,
    /// Oldest first.
    pub(super) keys: Arc<BTreeSet<(i64, KeyId)>>,
}

/// An entity and its secrets.
#[derive(Debug, Clone)]
pub(super) struct EntityEntry {
    pub(super) row: Entity,
    pub(super) secrets: Vec<SecretId>,
}

pub(super) fn selector(hash: &str) -> String {
    hash.chars().take(SELECTOR).collect()
}

fn is_good(expires_ms: Option<i64>, now_ms: i64) -> bool {
    expires_ms.is_none_or(|expires_ms| now_ms < expires_ms)
}

impl DirectorySnapshot {
    /// The entity's secret that this is, if it is good.
    pub(crate) fn secret(&self, presented: &SecretString, now_ms: i64) -> Option<&EntitySecret> {
        let hash = secret::hash(presented.expose_secret());
        let candidates = self.secrets_by_selector.get(&selector(&hash))?;
        let mut rows = candidates.iter().filter_map(|id| self.secrets.get(id)).map(|row| &**row);
        rows.find(|row| secret::same(&row.hash, &hash) && is_good(row.expires_ms, now_ms))
    }

    /// The caller's key that this is, if it is good.
    pub(crate) fn key(&self, presented: &SecretString, now_ms: i64) -> Option<&StoredKey> {
        let hash = secret::hash(presented.expose_secret());
        let candidates = self.keys_by_selector.get(&selector(&hash))?;
        let mut rows = candidates.iter().filter_map(|id| self.keys.get(id)).map(|row| &**row);
        rows.find(|row| secret::same(&row.hash, &hash) && is_good(row.expires_ms, now_ms))
    }

    /// True if a credential that was accepted once is still valid.
    pub(crate) fn is_good(&self, credential: &Credential, now_ms: i64) -> bool {
        match credential {
            Credential::Secret(id) => self.secrets.get(id).is_some_and(|row| is_good(row.expires_ms, now_ms)),
            Credential::Key(id) => self.keys.get(id).is_some_and(|row| is_good(row.expires_ms, now_ms)),
            Credential::Token { id, expires_ms, signed_by, parents } => {
                is_good(Some(*expires_ms), now_ms)
                    && !self.revoked_tokens.contains(id.as_str())
                    && self.token_signer.verifies(signed_by, now_ms)
                    && parents.iter().all(|parent| self.is_good(parent, now_ms))
            }
            Credential::Application { expires_ms, .. } => is_good(*expires_ms, now_ms),
            Credential::Nothing => true,
        }
    }

    /// The name of a key for people, if it has one.
    pub(crate) fn name_of(&self, credential: &Credential) -> Option<String> {
        let Credential::Key(id) = credential else { return None };
        self.keys.get(id)?.name.clone()
    }

    /// Time when a credential ends, in milliseconds since 1970, if it has an expiry.
    pub(crate) fn end_of(&self, credential: &Credential) -> Option<i64> {
        match credential {
            Credential::Secret(id) => self.secrets.get(id)?.expires_ms,
            Credential::Key(id) => self.keys.get(id)?.expires_ms,
            Credential::Token { expires_ms, signed_by, .. } => {
                let retires_ms = self.token_signer.keys().and_then(|keys| keys.verifies_until(signed_by));
                Some(retires_ms.map_or(*expires_ms, |retires_ms| retires_ms.min(*expires_ms)))
            }
            Credential::Application { expires_ms, .. } => *expires_ms,
            Credential::Nothing => None,
        }
    }

    /// The secret of an entity that has no end yet.
    pub(crate) fn current_secret(&self, entity: &EntityId) -> Option<&EntitySecret> {
        let secrets = self.entities.get(entity)?.secrets.iter().filter_map(|id| self.secrets.get(id));
        secrets.map(|row| &**row).find(|row| row.expires_ms.is_none())
    }

    /// True if there is a key with this id.
    pub(crate) fn has_key(&self, id: &str) -> bool {
        self.keys.contains(&KeyId::from(id))
    }

    /// True if a caller that was accepted once may stay: its key or token is valid, and its project and agent exist.
    pub(crate) fn may_stay(&self, caller: &Caller, now_ms: i64) -> bool {
        let has_project = self.project(&caller.project_id).is_some();
        let has_agent = caller.agent_id.as_ref().is_none_or(|agent| self.agents.contains(agent));
        has_project && has_agent && self.is_good(&caller.credential, now_ms)
    }

    /// The projects, by name.
    pub(crate) fn projects(&self) -> Vec<Project> {
        let mut projects: Vec<_> = self.projects.iter().map(|(_, part)| part.project.clone()).collect();
        projects.sort_by(|left, right| left.name.cmp(&right.name));
        projects
    }

    /// A project, by id.
    pub(crate) fn project(&self, id: &ProjectId) -> Option<&Project> {
        self.projects.get(id).map(|part| &part.project)
    }

    /// True if something in a project changed after a revision, or the project is gone.
    pub(crate) fn has_changed_since(&self, project: &ProjectId, revision: i64) -> bool {
        self.projects.get(project).is_none_or(|part| part.revision > revision)
    }

    /// A project, by name. For the command line: it looks at all of them.
    pub(crate) fn project_named(&self, name: &ProjectName) -> Option<&Project> {
        self.projects.iter().map(|(_, part)| &part.project).find(|project| project.name == *name)
    }

    /// The environments of a project.
    pub(crate) fn environments(&self, project: &ProjectId) -> &[Environment] {
        self.projects.get(project).map_or(&[], |part| part.environments.as_slice())
    }

    /// An entity, by id.
    pub(crate) fn entity(&self, id: &EntityId) -> Option<&Entity> {
        self.entities.get(id).map(|entry| &entry.row)
    }

    /// True if the entity and the environment of a scope exist.
    pub(crate) fn has(&self, scope: &Scope) -> bool {
        let entity = self.entity(&scope.entity);
        entity.is_some_and(|row| self.environments(&row.project_id).iter().any(|found| found.id == scope.environment))
    }

    /// An entity of a project, by slug or id.
    pub(crate) fn entity_named(&self, project: &ProjectId, name: &str) -> Option<&Entity> {
        let by_id = self.entity(&EntityId::from(name)).filter(|row| row.project_id == *project);
        by_id.or_else(|| self.entity(self.projects.get(project)?.entities.get(name)?))
    }

    /// True if any project has an entity of that slug or id.
    pub(crate) fn has_entity_named(&self, name: &str) -> bool {
        self.entity_slugs.contains(name) || self.entities.contains(&EntityId::from(name))
    }

    /// The entities of a project, by slug.
    pub(crate) fn entities_of(&self, project: &ProjectId) -> Vec<&Entity> {
        let ids = self.projects.get(project).into_iter().flat_map(|part| part.entities.values());
        ids.filter_map(|id| self.entity(id)).collect()
    }

    /// An agent, by id.
    pub(crate) fn agent(&self, id: &AgentId) -> Option<&Agent> {
        self.agents.get(id).map(|row| &**row)
    }

    /// An agent of a project, by slug or id.
    pub(crate) fn agent_named(&self, project: &ProjectId, name: &str) -> Option<&Agent> {
        let by_id = self.agent(&AgentId::from(name)).filter(|row| row.project_id == *project);
        by_id.or_else(|| self.agent(self.projects.get(project)?.agents.get(name)?))
    }

    /// The agents of a project, by slug.
    pub(crate) fn agents_of(&self, project: &ProjectId) -> Vec<&Agent> {
        let ids = self.projects.get(project).into_iter().flat_map(|part| part.agents.values());
        ids.filter_map(|id| self.agent(id)).collect()
    }

    /// The keys of a project, oldest first.
    pub(crate) fn keys_of(&self, project: &ProjectId) -> Vec<&StoredKey> {
        let ids = self.projects.get(project).into_iter().flat_map(|part| part.keys.iter());
        ids.filter_map(|(_, id)| self.keys.get(id)).map(|row| &**row).collect()
    }

    /// A key of a project.
    pub(crate) fn key_of(&self, project: &ProjectId, id: &str) -> Option<&StoredKey> {
        self.keys.get(&KeyId::from(id)).map(|row| &**row).filter(|row| row.project_id == *project)
    }

    /// True if there is no key.
    pub(crate) fn has_no_keys(&self) -> bool {
        self.keys.is_empty()
    }

    /// True if a tool is enabled.
    pub(crate) fn is_enabled(&self, scope: &Scope, tool: &str) -> bool {
        !self.disabled_tools.get(scope).is_some_and(|names| names.contains(tool))
    }

    /// Scopes whose disabled tools differ from those of another snapshot.
    pub(crate) fn switched_since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a Scope> {
        self.disabled_tools.changed_since(&before.disabled_tools)
    }

    /// An entity in an environment, with all that surrounds it.
    pub(crate) fn identity(&self, entity: &Entity, environment: &Environment) -> Option<Identity> {
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
