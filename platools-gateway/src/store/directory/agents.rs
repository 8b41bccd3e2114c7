//! [`AgentStore`] in SQL: stores agents, whose addresses and slugs are unique within a project.

use std::sync::Arc;

use async_trait::async_trait;

use super::change_log::ChangedRows;
use super::limits::{LimitedObject, check_room};
use super::rows::{UnreadableRow, id};
use crate::domain::agent::{Agent, AgentChange};
use crate::domain::agent_profile::Profile;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::ids::AgentId;
use crate::ports::directory::AgentStore;
use crate::store::SqlStore;
use crate::store::conversations::uncount_conversations_of;
use crate::store::sql::{self, Row, SqlConnection};
use crate::store::writer::WriteLock;

#[async_trait]
impl AgentStore for SqlStore {
    async fn add_agent(&self, agent: &Agent, limit: u32) -> Result<bool, Error> {
        let mut change = self.change_directory(ChangedRows::Agent(&agent.id)).await?;
        check_room(&mut change, &agent.project_id, LimitedObject::Agents, limit).await?;
        check_slug(&mut change, agent.project_id.as_str(), &agent.slug).await?;
        if let Some(address) = &agent.address {
            check_address(&mut change, agent.project_id.as_str(), &agent.id, address).await?;
        }
        let added = sql::query(
            "INSERT INTO agents (id, project_id, slug, profile, owner, created_ms, title, address) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (project_id, slug) DO NOTHING",
        )
        .bind(agent.id.as_str())
        .bind(agent.project_id.as_str())
        .bind(&agent.slug)
        .bind(text_of(&agent.profile))
        .bind(&agent.owner)
        .bind(agent.created_ms)
        .bind(&agent.title)
        .bind(&agent.address)
        .execute(&mut *change)
        .await?;
        if added == 0 {
            return Ok(false);
        }
        change.commit().await?;
        Ok(true)
    }

    async fn change_agent(&self, id: &AgentId, change: &AgentChange) -> Result<(), Error> {
        let mut transaction = self.change_directory(ChangedRows::Agent(id)).await?;
        let row = sql::query("SELECT * FROM agents WHERE id = $1").bind(id.as_str());
        // It may have been removed meanwhile.
        let Some(row) = row.fetch_optional(&mut *transaction).await? else { return Ok(()) };
        if let Some(address) = change.address.as_deref().filter(|address| !address.is_empty()) {
            check_address(&mut transaction, row.get("project_id"), id, address).await?;
        }
        let profile = change.profile.clone().apply_to(profile(&row));
        sql::query(
            "UPDATE agents SET profile = $2, owner = NULLIF(COALESCE($3, owner), ''), \
             title = NULLIF(COALESCE($4, title), ''), address = NULLIF(COALESCE($5, address), '') WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(text_of(&profile))
        .bind(&change.owner)
        .bind(&change.title)
        .bind(&change.address)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn remove_agent(&self, agent: &AgentId) -> Result<(), Error> {
        let mut change = self.change_directory(ChangedRows::Agent(agent)).await?;
        WriteLock::take_further(&mut change, &[WriteLock::Conversations, WriteLock::Channels]).await?;
        uncount_conversations_of(&mut change, agent).await?;
        sql::query("DELETE FROM agents WHERE id = $1").bind(agent.as_str()).execute(&mut *change).await?;
        change.commit().await?;
        Ok(())
    }
}

/// Refuses an address that is another agent's address or slug, in upper or lower case where it was given.
///
/// # Errors
/// It is another agent's, or the database failed.
async fn check_address(change: &mut SqlConnection, project: &str, agent: &AgentId, address: &str) -> Result<(), Error> {
    let query = sql::query(
        "SELECT slug FROM agents WHERE project_id = $1 AND id <> $2 AND (lower(address) = $4 OR slug = $3) LIMIT 1",
    );
    let query = query.bind(project).bind(agent.as_str()).bind(address).bind(address.to_ascii_lowercase());
    let Some(row) = query.fetch_optional(change).await? else { return Ok(()) };
    let message =
        format!("the agent `{}` has the address `{address}` already; choose another one", row.get::<String, _>("slug"));
    Err(Error::new(ErrorKind::AlreadyExists, message))
}

/// Refuses a slug that is another agent's address: it would be this agent's, too.
///
/// # Errors
/// It is another agent's, or the database failed.
async fn check_slug(change: &mut SqlConnection, project: &str, slug: &str) -> Result<(), Error> {
    let query = sql::query("SELECT slug FROM agents WHERE project_id = $1 AND lower(address) = $2 LIMIT 1");
    let Some(row) = query.bind(project).bind(slug.to_ascii_lowercase()).fetch_optional(change).await? else {
        return Ok(());
    };
    let message =
        format!("`{slug}` is the address of the agent `{}`; choose another slug", row.get::<String, _>("slug"));
    Err(Error::new(ErrorKind::AlreadyExists, message))
}

pub(super) fn agent(row: &Row) -> Result<Agent, UnreadableRow> {
    Ok(Agent {
        id: id(row, "id"),
        project_id: id(row, "project_id"),
        slug: row.get("slug"),
        title: row.get("title"),
        address: row.get("address"),
        profile: Arc::new(profile(row)),
        owner: row.get("owner"),
        created_ms: row.get("created_ms"),
    })
}

/// The profile of an agent. A profile that cannot be read is of a later version; an agent that only answers commands does no harm.
fn profile(row: &Row) -> Profile {
    serde_json::from_str(row.get("profile")).unwrap_or_default()
}

fn text_of(profile: &Profile) -> String {
    serde_json::to_string(profile).expect("strings and lists always serialize")
}
