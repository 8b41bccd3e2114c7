//! The directory's rows, as they are stored.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::core::agent::Profile;
use crate::core::identity::Scope;
use crate::core::ids::{AgentId, EntityId, EnvironmentId, KeyId, ProjectId, SecretId};
use crate::core::project::{Project, ProjectName};

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
    /// The tools that are switched off, whether they are declared at the moment or not.
    pub(crate) disabled_tools: Vec<(Scope, String)>,
}

#[derive(Debug, Clone)]
pub(crate) struct EnvironmentRow {
    pub(crate) id: EnvironmentId,
    pub(crate) project_id: ProjectId,
    pub(crate) slug: String,
}

#[derive(Debug, Clone)]
pub(crate) struct EntityRow {
    pub(crate) id: EntityId,
    pub(crate) project_id: ProjectId,
    pub(crate) slug: String,
    /// What people call it.
    pub(crate) title: Option<String>,
    /// Its image, as a URI.
    pub(crate) icon: Option<String>,
    pub(crate) policy: String,
    pub(crate) created_ms: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct SecretRow {
    pub(crate) id: SecretId,
    pub(crate) entity_id: EntityId,
    pub(crate) hash: String,
    pub(crate) expires_ms: Option<i64>,
}

#[derive(Debug, Clone)]
pub(crate) struct AgentRow {
    pub(crate) id: AgentId,
    pub(crate) project_id: ProjectId,
    pub(crate) slug: String,
    /// How it answers.
    pub(crate) profile: Profile,
    /// The user whose it is.
    pub(crate) owner: Option<String>,
    pub(crate) created_ms: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct KeyRow {
    pub(crate) id: KeyId,
    pub(crate) project_id: ProjectId,
    pub(crate) hash: String,
    pub(crate) role: String,
    pub(crate) tool_roles: Vec<String>,
    pub(crate) agent_id: Option<AgentId>,
    pub(crate) created_ms: i64,
    pub(crate) expires_ms: Option<i64>,
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
        // One that cannot be read is of a later version; an agent that only answers commands does no harm.
        profile: serde_json::from_str(row.get("profile")).unwrap_or_default(),
        owner: row.get("owner"),
        created_ms: row.get("created_ms"),
    }
}

pub(super) fn key(row: &SqliteRow) -> KeyRow {
    KeyRow {
        id: id(row, "id"),
        project_id: id(row, "project_id"),
        hash: row.get("hash"),
        role: row.get("role"),
        // A list that cannot be read is a key that may do less.
        tool_roles: serde_json::from_str(row.get("tool_roles")).unwrap_or_default(),
        agent_id: row.get::<Option<String>, _>("agent_id").map(Into::into),
        created_ms: row.get("created_ms"),
        expires_ms: row.get("expires_ms"),
    }
}

pub(super) fn disabled_tool(row: &SqliteRow) -> (Scope, String) {
    (Scope { entity: id(row, "entity_id"), environment: id(row, "environment_id") }, row.get("name"))
}
