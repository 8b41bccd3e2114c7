//! Channels and who is in them.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::RuntimeChange;
use crate::domain::error::Error;
use crate::domain::ids::{AgentId, ChannelId, ProjectId};
use crate::store::Store;
use crate::store::usage::{Counted, add_usage, subtract_removed};

/// A channel to be.
#[derive(Debug)]
pub(crate) struct NewChannelRow {
    pub(crate) id: ChannelId,
    pub(crate) project_id: ProjectId,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) metadata: String,
    pub(crate) created_ms: i64,
}

/// A channel as one agent sees it.
#[derive(Debug, Clone)]
pub(crate) struct ChannelRow {
    pub(crate) id: ChannelId,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) metadata: String,
    pub(crate) created_ms: i64,
    pub(crate) members: i64,
    pub(crate) is_member: bool,
}

/// An agent in a channel.
#[derive(Debug, Clone)]
pub(crate) struct MemberRow {
    pub(crate) agent_id: AgentId,
    pub(crate) address: String,
    pub(crate) title: Option<String>,
    pub(crate) role: String,
    pub(crate) joined_ms: i64,
}

/// Outcome of adding a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewChannel {
    Added,
    SlugTaken,
    /// The project has as many as it may have.
    ProjectIsFull,
    /// The agent has made as many as it may.
    AgentIsFull,
}

/// Size of a channel without its messages, as the limits count it.
pub(super) const CHANNEL_BYTES: i64 = 512;

/// Channels that are deleted together.
const DELETED_AT_ONCE: u32 = 16;

/// Channels of the project `$1` with how many are in each, and whether the agent `$2` is. Members are counted of those only that the rest
/// of the statement leaves.
macro_rules! channels {
    ($rest:literal) => {
        concat!(
            "SELECT p.*, (SELECT COUNT(*) FROM channel_members m WHERE m.channel_id = p.id) AS members FROM (SELECT c.*, ",
            "EXISTS (SELECT 1 FROM channel_members m WHERE m.channel_id = c.id AND m.agent_id = $2) AS is_member ",
            "FROM channels c WHERE c.project_id = $1 ",
            $rest,
            ") p ORDER BY p.is_member DESC, p.slug"
        )
    };
}

impl Store {
    /// Adds a channel with its owner, unless its slug is taken, or the project or the agent has as many as it may have.
    pub(crate) async fn add_channel(
        &self,
        row: &NewChannelRow,
        owner: &AgentId,
        (of_project, of_agent): (i64, i64),
    ) -> Result<NewChannel, Error> {
        let mut change = self.writes.begin().await?;
        let added = sqlx::query(
            "INSERT INTO channels \
             (id, project_id, slug, name, description, metadata, created_ms, created_by, bytes, active_ms) \
             SELECT $1, id, $3, $4, $5, $6, $7, (SELECT id FROM agents WHERE id = $8), $9, $7 FROM projects WHERE id = $2 \
             ON CONFLICT (project_id, slug) DO NOTHING",
        )
        .bind(row.id.as_str())
        .bind(row.project_id.as_str())
        .bind(&row.slug)
        .bind(&row.name)
        .bind(&row.description)
        .bind(&row.metadata)
        .bind(row.created_ms)
        .bind(owner.as_str())
        .bind(CHANNEL_BYTES)
        .execute(&mut *change)
        .await?;
        if added.rows_affected() == 0 {
            return Ok(NewChannel::SlugTaken);
        }
        // Counted with the new one, which is not kept if it is one too many.
        if count(&mut change, "SELECT COUNT(*) AS number FROM channels WHERE project_id = $1", row.project_id.as_str())
            .await?
            > of_project
        {
            return Ok(NewChannel::ProjectIsFull);
        }
        if count(&mut change, "SELECT COUNT(*) AS number FROM channels WHERE created_by = $1", owner.as_str()).await?
            > of_agent
        {
            return Ok(NewChannel::AgentIsFull);
        }
        add_usage(&mut change, &row.project_id, Counted::Channels, 1, CHANNEL_BYTES).await?;
        let joined = sqlx::query(
            "INSERT INTO channel_members (channel_id, agent_id, role, joined_ms) \
             SELECT $1, id, 'owner', $3 FROM agents WHERE id = $2",
        );
        joined.bind(row.id.as_str()).bind(owner.as_str()).bind(row.created_ms).execute(&mut *change).await?;
        change.commit().await?;
        Ok(NewChannel::Added)
    }

    /// A channel of a project, by id or slug, and the agent that made it, if that is still there.
    pub(crate) async fn channel_creator(
        &self,
        project: &ProjectId,
        name: &str,
    ) -> Result<Option<(ChannelId, Option<AgentId>)>, Error> {
        let query = sqlx::query("SELECT id, created_by FROM channels WHERE project_id = $1 AND (id = $2 OR slug = $2)");
        let row = query.bind(project.as_str()).bind(name).fetch_optional(&self.reads).await?;
        Ok(row
            .map(|row| (row.get::<String, _>("id").into(), row.get::<Option<String>, _>("created_by").map(Into::into))))
    }

    /// Deletes the channels without members in which nothing happened since some time, some in each transaction.
    pub(crate) async fn forget_channels_before(&self, ms: i64) -> Result<(), Error> {
        let delete = "DELETE FROM channels WHERE id IN (SELECT id FROM channels c WHERE active_ms < $1 \
                      AND NOT EXISTS (SELECT 1 FROM channel_members m WHERE m.channel_id = c.id) \
                      ORDER BY active_ms LIMIT $2) RETURNING project_id, bytes";
        self.delete_counted_before(Counted::Channels, delete, ms, DELETED_AT_ONCE).await
    }

    /// Channels of a project: first those that the agent is in, as clients look at the first page for them.
    pub(crate) async fn channels(
        &self,
        project: &ProjectId,
        agent: &AgentId,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<ChannelRow>, Error> {
        let query = sqlx::query(channels!("ORDER BY is_member DESC, c.slug LIMIT $3 OFFSET $4"));
        let query = query.bind(project.as_str()).bind(agent.as_str()).bind(limit).bind(offset);
        Ok(self.lists.begin().await?.rows(query).await?.iter().map(channel).collect())
    }

    /// Counts the channels of a project.
    pub(crate) async fn channel_count(&self, project: &ProjectId) -> Result<i64, Error> {
        let query = sqlx::query("SELECT COUNT(*) AS number FROM channels WHERE project_id = $1");
        Ok(query.bind(project.as_str()).fetch_one(&self.reads).await?.get("number"))
    }

    /// Finds a channel of a project by id or slug.
    pub(crate) async fn channel(
        &self,
        project: &ProjectId,
        agent: &AgentId,
        name: &str,
    ) -> Result<Option<ChannelRow>, Error> {
        let query = sqlx::query(channels!("AND (c.id = $3 OR c.slug = $3)"));
        let query = query.bind(project.as_str()).bind(agent.as_str()).bind(name);
        Ok(query.fetch_optional(&self.reads).await?.as_ref().map(channel))
    }

    /// Lists the members of a channel in the order they joined.
    pub(crate) async fn channel_members(
        &self,
        channel: &ChannelId,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<MemberRow>, Error> {
        let query = sqlx::query(
            "SELECT m.*, a.title, COALESCE(a.address, a.slug) AS address FROM channel_members m JOIN agents a ON a.id = m.agent_id \
             WHERE m.channel_id = $1 ORDER BY m.joined_ms, a.slug LIMIT $2 OFFSET $3",
        );
        let query = query.bind(channel.as_str()).bind(limit).bind(offset);
        Ok(self.lists.begin().await?.rows(query).await?.iter().map(member).collect())
    }
}

impl RuntimeChange {
    /// Deletes a channel with its members and messages. Nothing happens if it is gone.
    pub(crate) async fn remove_channel(&mut self, channel: &ChannelId) -> Result<(), Error> {
        let query = sqlx::query("DELETE FROM channels WHERE id = $1 RETURNING project_id, bytes");
        let rows = query.bind(channel.as_str()).fetch_all(&mut *self.0).await?;
        subtract_removed(&mut self.0, Counted::Channels, &rows).await?;
        Ok(())
    }
}

async fn count(change: &mut SqliteConnection, query: &'static str, of: &str) -> Result<i64, Error> {
    Ok(sqlx::query(query).bind(of).fetch_one(change).await?.get("number"))
}

fn channel(row: &SqliteRow) -> ChannelRow {
    ChannelRow {
        id: row.get::<String, _>("id").into(),
        slug: row.get("slug"),
        name: row.get("name"),
        description: row.get("description"),
        metadata: row.get("metadata"),
        created_ms: row.get("created_ms"),
        members: row.get("members"),
        is_member: row.get("is_member"),
    }
}

fn member(row: &SqliteRow) -> MemberRow {
    MemberRow {
        agent_id: row.get::<String, _>("agent_id").into(),
        address: row.get("address"),
        title: row.get("title"),
        role: row.get("role"),
        joined_ms: row.get("joined_ms"),
    }
}
