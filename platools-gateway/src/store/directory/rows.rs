//! The directory's rows, as they are stored.

use std::sync::Arc;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::directory::project::{Project, ProjectName};
use crate::domain::identity::{Scope, SpeaksFor};
use crate::domain::ids::{AgentId, EntityId, EnvironmentId, KeyId, ProjectId, SecretId};
use crate::domain::profile::Profile;

/// Everything the directory knows, as it was at one revision.
#[derive(Debug, Default)]
pub(crate) struct DirectoryRows {
    pub(crate) revision: i64,
    pub(crate) projects: Vec<Project>,
    pub(crate) environments: Vec<EnvironmentRow>,
    pub(crate) entities: Vec<EntityRow>,
    pub(crate) secrets: Vec<SecretRow>,
    pub(crate) agents: Vec<AgentRow>,
    pub(crate) keys: Vec<KeyRow>,
    /// The ids of tokens that were revoked, and their projects.
    pub(crate) revoked_tokens: Vec<(String, ProjectId)>,
    /// The tools that are switched off, whether they are declared at the moment or not.
    pub(crate) disabled_tools: Vec<(Scope, String)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EnvironmentRow {
    pub(crate) id: EnvironmentId,
    pub(crate) project_id: ProjectId,
    pub(crate) slug: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EntityRow {
    pub(crate) id: EntityId,
    pub(crate) project_id: ProjectId,
    pub(crate) slug: String,
    /// The name for people.
    pub(crate) title: Option<String>,
    /// Its image, as a URI.
    pub(crate) icon: Option<String>,
    pub(crate) policy: String,
    pub(crate) created_ms: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SecretRow {
    pub(crate) id: SecretId,
    pub(crate) entity_id: EntityId,
    pub(crate) hash: String,
    pub(crate) expires_ms: Option<i64>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AgentRow {
    pub(crate) id: AgentId,
    pub(crate) project_id: ProjectId,
    pub(crate) slug: String,
    /// Its name for people.
    pub(crate) title: Option<String>,
    /// Its address for other agents; without one, its slug.
    pub(crate) address: Option<String>,
    /// The profile, which decides how the agent answers.
    pub(crate) profile: Arc<Profile>,
    /// The user whose it is.
    pub(crate) owner: Option<String>,
    pub(crate) created_ms: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeyRow {
    pub(crate) id: KeyId,
    pub(crate) project_id: ProjectId,
    pub(crate) hash: String,
    /// Its name for people.
    pub(crate) name: Option<String>,
    pub(crate) role: String,
    pub(crate) tool_roles: Vec<String>,
    /// The users it speaks for; keys of earlier versions have the default of their role.
    pub(crate) speaks_for: Option<SpeaksFor>,
    /// The environments it reaches; without them, all.
    pub(crate) environments: Option<Vec<EnvironmentId>>,
    pub(crate) agent_id: Option<AgentId>,
    /// The key or token that made it; none for the command line.
    pub(crate) created_by: Option<String>,
    pub(crate) created_ms: i64,
    pub(crate) expires_ms: Option<i64>,
    /// Its last use, as of when the directory was read.
    pub(crate) last_used_ms: Option<i64>,
}

/// A column that holds an id.
fn id<I: From<String>>(row: &SqliteRow, column: &str) -> I {
    row.get::<String, _>(column).into()
}

pub(super) fn project(row: &SqliteRow) -> Project {
    let name = ProjectName { organization: row.get("organization"), project: row.get("slug") };
    Project { id: id(row, "id"), organization_id: id(row, "organization_id"), name }
}

pub(super) fn environment(row: &SqliteRow) -> EnvironmentRow {
    EnvironmentRow { id: id(row, "id"), project_id: id(row, "project_id"), slug: row.get("slug") }
}

pub(super) fn entity(row: &SqliteRow) -> EntityRow {
    EntityRow {
        id: id(row, "id"),
        project_id: id(row, "project_id"),
        slug: row.get("slug"),
        title: row.get("title"),
        icon: row.get("icon"),
        policy: row.get("policy"),
        created_ms: row.get("created_ms"),
    }
}

pub(super) fn secret(row: &SqliteRow) -> SecretRow {
    SecretRow {
        id: id(row, "id"),
        entity_id: id(row, "entity_id"),
        hash: row.get("hash"),
        expires_ms: row.get("expires_ms"),
    }
}

pub(super) fn agent(row: &SqliteRow) -> AgentRow {
    AgentRow {
        id: id(row, "id"),
        project_id: id(row, "project_id"),
        slug: row.get("slug"),
        title: row.get("title"),
        address: row.get("address"),
        // One that cannot be read is of a later version; an agent that only answers commands does no harm.
        profile: Arc::new(serde_json::from_str(row.get("profile")).unwrap_or_default()),
        owner: row.get("owner"),
        created_ms: row.get("created_ms"),
    }
}

pub(super) fn key(row: &SqliteRow) -> KeyRow {
    KeyRow {
        id: id(row, "id"),
        project_id: id(row, "project_id"),
        hash: row.get("hash"),
        name: row.get("name"),
        role: row.get("role"),
        tool_roles: list(row.get("tool_roles")),
        // One that cannot be read is a key that may do less.
        speaks_for: row
            .get::<Option<String>, _>("speaks_for")
            .map(|text| serde_json::from_str(&text).unwrap_or(SpeaksFor::Nobody)),
        environments: row.get::<Option<String>, _>("environments").map(|text| list(&text)),
        agent_id: row.get::<Option<String>, _>("agent_id").map(Into::into),
        created_by: row.get("created_by"),
        created_ms: row.get("created_ms"),
        expires_ms: row.get("expires_ms"),
        last_used_ms: row.get("last_used_ms"),
    }
}

/// A stored list of names or ids. One that cannot be read is empty, so that its key or token may do less.
pub(super) fn list<T: From<String>>(text: &str) -> Vec<T> {
    let texts: Vec<String> = serde_json::from_str(text).unwrap_or_default();
    texts.into_iter().map(Into::into).collect()
}

pub(super) fn revoked_token(row: &SqliteRow) -> (String, ProjectId) {
    (row.get("id"), id(row, "project_id"))
}

pub(super) fn disabled_tool(row: &SqliteRow) -> (Scope, String) {
    (Scope { entity: id(row, "entity_id"), environment: id(row, "environment_id") }, row.get("name"))
}
