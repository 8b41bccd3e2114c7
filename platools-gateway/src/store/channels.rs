//! [`ChannelStore`] in SQL: stores channels, their members and their messages.

use async_trait::async_trait;

use super::SqlStore;
use super::sql::{self, Row, SqlConnection};
use super::usage::{Counted, add_usage, subtract_removed};
use super::writer::WriteLock;
use crate::domain::channel::{
    AddedChannel, ChannelAddition, ChannelLimits, StoredChannel, StoredChannelMessage, StoredMember,
};
use crate::domain::error::Error;
use crate::domain::ids::{AgentId, ChannelId, MessageId, ProjectId};
use crate::ports::channels::ChannelStore;

/// Size of a channel without its messages, as the limits count it.
const CHANNEL_BYTES: i64 = 512;

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

#[async_trait]
impl ChannelStore for SqlStore {
    async fn add_channel(
        &self,
        channel: &AddedChannel,
        owner: &AgentId,
        limits: ChannelLimits,
    ) -> Result<ChannelAddition, Error> {
        let mut change = self.writes.begin(WriteLock::Channels).await?;
        let added = sql::query(
            "INSERT INTO channels \
             (id, project_id, slug, name, description, metadata, created_ms, created_by, bytes, active_ms) \
             SELECT $1, id, $3, $4, $5, $6, $7, (SELECT id FROM agents WHERE id = $8), $9, $7 FROM projects WHERE id = $2 \
             ON CONFLICT (project_id, slug) DO NOTHING",
        )
        .bind(channel.id.as_str())
        .bind(channel.project_id.as_str())
        .bind(&channel.slug)
        .bind(&channel.name)
        .bind(&channel.description)
        .bind(&channel.metadata)
        .bind(channel.created_ms)
        .bind(owner.as_str())
        .bind(CHANNEL_BYTES)
        .execute(&mut *change)
        .await?;
        if added == 0 {
            return Ok(ChannelAddition::SlugTaken);
        }
        // Counted with the new one, which is not kept if it is one too many.
        if count(
            &mut change,
            "SELECT COUNT(*) AS number FROM channels WHERE project_id = $1",
            channel.project_id.as_str(),
        )
        .await?
            > limits.of_project
        {
            return Ok(ChannelAddition::ProjectIsFull);
        }
        if count(&mut change, "SELECT COUNT(*) AS number FROM channels WHERE created_by = $1", owner.as_str()).await?
            > limits.of_agent
        {
            return Ok(ChannelAddition::AgentIsFull);
        }
        add_usage(&mut change, &channel.project_id, Counted::Channels, 1, CHANNEL_BYTES).await?;
        let joined = sql::query(
            "INSERT INTO channel_members (channel_id, agent_id, role, joined_ms) \
             SELECT $1, id, 'owner', $3 FROM agents WHERE id = $2",
        );
        joined.bind(channel.id.as_str()).bind(owner.as_str()).bind(channel.created_ms).execute(&mut *change).await?;
        change.commit().await?;
        Ok(ChannelAddition::Added)
    }

    async fn channel_creator(
        &self,
        project: &ProjectId,
        name: &str,
    ) -> Result<Option<(ChannelId, Option<AgentId>)>, Error> {
        let query = sql::query("SELECT id, created_by FROM channels WHERE project_id = $1 AND (id = $2 OR slug = $2)");
        let row = query.bind(project.as_str()).bind(name).fetch_optional(&self.reads).await?;
        Ok(row
            .map(|row| (row.get::<String, _>("id").into(), row.get::<Option<String>, _>("created_by").map(Into::into))))
    }

    async fn forget_channels_before(&self, ms: i64) -> Result<(), Error> {
        let delete = "DELETE FROM channels WHERE id IN (SELECT id FROM channels c WHERE active_ms < $1 \
                      AND NOT EXISTS (SELECT 1 FROM channel_members m WHERE m.channel_id = c.id) \
                      ORDER BY active_ms LIMIT $2) RETURNING project_id, bytes";
        self.delete_counted_before(Counted::Channels, delete, ms, DELETED_AT_ONCE).await
    }

    async fn channels(
        &self,
        project: &ProjectId,
        agent: Option<&AgentId>,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<StoredChannel>, Error> {
        let query = sql::query(channels!("ORDER BY is_member DESC, c.slug LIMIT $3 OFFSET $4"));
        let query = query.bind(project.as_str()).bind(id_of(agent)).bind(limit).bind(offset);
        Ok(self.lists.begin().await?.rows(query).await?.iter().map(channel).collect())
    }

    async fn channel_count(&self, project: &ProjectId) -> Result<i64, Error> {
        let query = sql::query("SELECT COUNT(*) AS number FROM channels WHERE project_id = $1");
        Ok(query.bind(project.as_str()).fetch_one(&self.reads).await?.get("number"))
    }

    async fn channel(
        &self,
        project: &ProjectId,
        agent: Option<&AgentId>,
        name: &str,
    ) -> Result<Option<StoredChannel>, Error> {
        let query = sql::query(channels!("AND (c.id = $3 OR c.slug = $3)"));
        let query = query.bind(project.as_str()).bind(id_of(agent)).bind(name);
        Ok(query.fetch_optional(&self.reads).await?.as_ref().map(channel))
    }

    async fn channel_members(&self, channel: &ChannelId, limit: i64, offset: i64) -> Result<Vec<StoredMember>, Error> {
        let query = sql::query(
            "SELECT m.*, a.title, COALESCE(a.address, a.slug) AS address FROM channel_members m JOIN agents a ON a.id = m.agent_id \
             WHERE m.channel_id = $1 ORDER BY m.joined_ms, a.slug LIMIT $2 OFFSET $3",
        );
        let query = query.bind(channel.as_str()).bind(limit).bind(offset);
        Ok(self.lists.begin().await?.rows(query).await?.iter().map(member).collect())
    }

    async fn message_position(&self, channel: &ChannelId, message: &MessageId) -> Result<Option<i64>, Error> {
        let row = sql::query("SELECT position FROM channel_messages WHERE channel_id = $1 AND id = $2")
            .bind(channel.as_str())
            .bind(message.as_str())
            .fetch_optional(&self.reads)
            .await?;
        Ok(row.map(|row| row.get("position")))
    }

    async fn channel_messages(
        &self,
        channel: &ChannelId,
        before: i64,
        limit: i64,
    ) -> Result<Vec<StoredChannelMessage>, Error> {
        let rows = sql::query(
            "SELECT * FROM channel_messages WHERE channel_id = $1 AND position < $2 ORDER BY position DESC LIMIT $3",
        )
        .bind(channel.as_str())
        .bind(before)
        .bind(limit)
        .fetch_all(&self.reads)
        .await?;
        Ok(rows.iter().rev().map(message).collect())
    }

    async fn channel_messages_from(
        &self,
        channel: &ChannelId,
        position: i64,
        limit: i64,
    ) -> Result<Vec<StoredChannelMessage>, Error> {
        let rows = sql::query(
            "SELECT * FROM channel_messages WHERE channel_id = $1 AND position >= $2 ORDER BY position LIMIT $3",
        )
        .bind(channel.as_str())
        .bind(position)
        .bind(limit)
        .fetch_all(&self.reads)
        .await?;
        Ok(rows.iter().map(message).collect())
    }

    async fn next_position(&self, channel: &ChannelId) -> Result<i64, Error> {
        let query =
            sql::query("SELECT COALESCE(MAX(position) + 1, 0) AS position FROM channel_messages WHERE channel_id = $1");
        Ok(query.bind(channel.as_str()).fetch_one(&self.reads).await?.get("position"))
    }
}

/// Deletes a channel with its members and messages. Nothing happens if it is gone.
pub(super) async fn remove_channel(change: &mut SqlConnection, channel: &ChannelId) -> Result<(), Error> {
    let query = sql::query("DELETE FROM channels WHERE id = $1 RETURNING project_id, bytes");
    let rows = query.bind(channel.as_str()).fetch_all(&mut *change).await?;
    subtract_removed(change, Counted::Channels, &rows).await?;
    Ok(())
}

async fn count(change: &mut SqlConnection, query: &'static str, of: &str) -> Result<i64, Error> {
    Ok(sql::query(query).bind(of).fetch_one(change).await?.get("number"))
}

/// The id of an agent, or a text that is none.
fn id_of(agent: Option<&AgentId>) -> &str {
    agent.map_or("", AgentId::as_str)
}

fn channel(row: &Row) -> StoredChannel {
    StoredChannel {
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

fn member(row: &Row) -> StoredMember {
    StoredMember {
        agent_id: row.get::<String, _>("agent_id").into(),
        address: row.get("address"),
        title: row.get("title"),
        role: row.get("role"),
        joined_ms: row.get("joined_ms"),
    }
}

fn message(row: &Row) -> StoredChannelMessage {
    StoredChannelMessage {
        id: row.get::<String, _>("id").into(),
        agent_id: row.get::<String, _>("agent_id").into(),
        address: row.get("address"),
        from_name: row.get("from_name"),
        message_type: row.get("message_type"),
        content: row.get("content"),
        metadata: row.get("metadata"),
        created_ms: row.get("created_ms"),
        position: row.get("position"),
    }
}
