//! What is said in channels.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::RuntimeChange;
use crate::core::error::Error;
use crate::core::ids::{AgentId, ChannelId, MessageId};
use crate::store::Store;

/// A message as it is stored.
#[derive(Clone)]
pub(crate) struct MessageRow {
    pub(crate) id: MessageId,
    pub(crate) agent_id: AgentId,
    pub(crate) address: String,
    pub(crate) message_type: String,
    pub(crate) content: String,
    pub(crate) metadata: Option<String>,
    pub(crate) created_ms: i64,
}

impl RuntimeChange {
    /// Appends a message to a channel, and removes the oldest so that it has `kept` of them at most. Says whether its sender is a
    /// member.
    pub(crate) async fn add_message(
        &mut self,
        channel: &ChannelId,
        row: &MessageRow,
        kept: i64,
    ) -> Result<bool, Error> {
        let added = sqlx::query(
            "INSERT INTO channel_messages \
             (channel_id, position, id, agent_id, address, message_type, content, metadata, created_ms) \
             SELECT channel_id, \
             COALESCE((SELECT MAX(position) + 1 FROM channel_messages WHERE channel_id = $1), 0), \
             $3, agent_id, $4, $5, $6, $7, $8 FROM channel_members WHERE channel_id = $1 AND agent_id = $2 \
             RETURNING position",
        )
        .bind(channel.as_str())
        .bind(row.agent_id.as_str())
        .bind(row.id.as_str())
        .bind(&row.address)
        .bind(&row.message_type)
        .bind(&row.content)
        .bind(&row.metadata)
        .bind(row.created_ms)
        .fetch_optional(&mut *self.0)
        .await?;
        let Some(added) = added else { return Ok(false) };
        sqlx::query("DELETE FROM channel_messages WHERE channel_id = $1 AND position <= $2")
            .bind(channel.as_str())
            .bind(added.get::<i64, _>("position") - kept)
            .execute(&mut *self.0)
            .await?;
        Ok(true)
    }
}

impl Store {
    /// Where in its channel a message is.
    pub(crate) async fn message_position(
        &self,
        channel: &ChannelId,
        message: &MessageId,
    ) -> Result<Option<i64>, Error> {
        let row = sqlx::query("SELECT position FROM channel_messages WHERE channel_id = $1 AND id = $2")
            .bind(channel.as_str())
            .bind(message.as_str())
            .fetch_optional(&self.reads)
            .await?;
        Ok(row.map(|row| row.get("position")))
    }

    /// The last messages of a channel before a place, the oldest first.
    pub(crate) async fn channel_messages(
        &self,
        channel: &ChannelId,
        before: i64,
        limit: i64,
    ) -> Result<Vec<MessageRow>, Error> {
        let rows = sqlx::query(
            "SELECT * FROM channel_messages WHERE channel_id = $1 AND position < $2 ORDER BY position DESC LIMIT $3",
        )
        .bind(channel.as_str())
        .bind(before)
        .bind(limit)
        .fetch_all(&self.reads)
        .await?;
        Ok(rows.iter().rev().map(message).collect())
    }
}

fn message(row: &SqliteRow) -> MessageRow {
    MessageRow {
        id: row.get::<String, _>("id").into(),
        agent_id: row.get::<String, _>("agent_id").into(),
        address: row.get("address"),
        message_type: row.get("message_type"),
        content: row.get("content"),
        metadata: row.get("metadata"),
        created_ms: row.get("created_ms"),
    }
}
