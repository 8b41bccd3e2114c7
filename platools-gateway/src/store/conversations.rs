//! Conversations and what was said in them.

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::Store;
use crate::core::agent::Message;
use crate::core::chat::StoredMessage;
use crate::core::error::{Error, ErrorKind};
use crate::core::ids::{AgentId, ConversationId, ProjectId};

/// One conversation as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct ConversationRow {
    pub(crate) id: ConversationId,
    pub(crate) project_id: ProjectId,
    pub(crate) agent_id: AgentId,
    pub(crate) user_id: String,
    pub(crate) channel: String,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
}

/// Which conversations of a project. What is not named does not matter.
#[derive(Debug, Clone)]
pub(crate) struct ConversationFilter {
    pub(crate) project_id: ProjectId,
    pub(crate) user_id: Option<String>,
    pub(crate) agent_id: Option<AgentId>,
    /// Where the page before ended.
    pub(crate) before: Option<(i64, ConversationId)>,
}

impl Store {
    /// Adds a conversation.
    pub(crate) async fn add_conversation(&self, row: &ConversationRow) -> Result<(), Error> {
        sqlx::query(
            "INSERT INTO conversations (id, project_id, agent_id, user_id, channel, created_ms, updated_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(row.id.as_str())
        .bind(row.project_id.as_str())
        .bind(row.agent_id.as_str())
        .bind(&row.user_id)
        .bind(&row.channel)
        .bind(row.created_ms)
        .bind(row.updated_ms)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// One conversation of a project.
    pub(crate) async fn conversation(
        &self,
        project: &ProjectId,
        id: &ConversationId,
    ) -> Result<Option<ConversationRow>, Error> {
        let row = sqlx::query("SELECT * FROM conversations WHERE id = $1 AND project_id = $2")
            .bind(id.as_str())
            .bind(project.as_str())
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.as_ref().map(conversation))
    }

    /// Conversations, those first in which something was said last.
    pub(crate) async fn conversations(
        &self,
        filter: &ConversationFilter,
        limit: i64,
    ) -> Result<Vec<ConversationRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM conversations WHERE project_id = ");
        query.push_bind(filter.project_id.as_str());
        if let Some(user) = &filter.user_id {
            query.push(" AND user_id = ").push_bind(user);
        }
        if let Some(agent) = &filter.agent_id {
            query.push(" AND agent_id = ").push_bind(agent.as_str());
        }
        if let Some((updated_ms, id)) = &filter.before {
            query.push(" AND (updated_ms, id) < (").push_bind(*updated_ms);
            query.push(", ").push_bind(id.as_str()).push(")");
        }
        query.push(" ORDER BY updated_ms DESC, id DESC LIMIT ").push_bind(limit);
        Ok(query.build().fetch_all(&self.pool).await?.iter().map(conversation).collect())
    }

    /// Appends messages to a conversation, all or none.
    pub(crate) async fn add_messages(
        &self,
        id: &ConversationId,
        messages: &[Message],
        now_ms: i64,
    ) -> Result<(), Error> {
        let mut change = self.pool.begin().await?;
        for message in messages {
            let text = serde_json::to_string(message).expect("strings and raw JSON always serialize");
            sqlx::query(
                "INSERT INTO messages (conversation_id, position, message, created_ms) SELECT $1, \
                 COALESCE((SELECT MAX(position) + 1 FROM messages WHERE conversation_id = $1), 0), $2, $3",
            )
            .bind(id.as_str())
            .bind(text)
            .bind(now_ms)
            .execute(&mut *change)
            .await?;
        }
        sqlx::query("UPDATE conversations SET updated_ms = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(now_ms)
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(())
    }

    /// The last messages of a conversation, the oldest first.
    pub(crate) async fn messages(&self, id: &ConversationId, limit: i64) -> Result<Vec<Message>, Error> {
        let stored = self.stored_messages(id, i64::MAX, limit).await?;
        Ok(stored.into_iter().map(|stored| stored.message).collect())
    }

    /// The last messages of a conversation before a place, the oldest first.
    pub(crate) async fn stored_messages(
        &self,
        id: &ConversationId,
        before: i64,
        limit: i64,
    ) -> Result<Vec<StoredMessage>, Error> {
        let rows = sqlx::query(
            "SELECT position, message, created_ms FROM messages WHERE conversation_id = $1 AND position < $2 \
             ORDER BY position DESC LIMIT $3",
        )
        .bind(id.as_str())
        .bind(before)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().rev().map(message).collect()
    }

    /// Removes what was said in a conversation.
    pub(crate) async fn clear_conversation(&self, id: &ConversationId) -> Result<(), Error> {
        sqlx::query("DELETE FROM messages WHERE conversation_id = $1").bind(id.as_str()).execute(&self.pool).await?;
        Ok(())
    }

    /// Removes a conversation and what was said in it.
    pub(crate) async fn remove_conversation(&self, id: &ConversationId) -> Result<(), Error> {
        sqlx::query("DELETE FROM conversations WHERE id = $1").bind(id.as_str()).execute(&self.pool).await?;
        Ok(())
    }
}

fn conversation(row: &SqliteRow) -> ConversationRow {
    ConversationRow {
        id: row.get::<String, _>("id").into(),
        project_id: row.get::<String, _>("project_id").into(),
        agent_id: row.get::<String, _>("agent_id").into(),
        user_id: row.get("user_id"),
        channel: row.get("channel"),
        created_ms: row.get("created_ms"),
        updated_ms: row.get("updated_ms"),
    }
}

fn message(row: &SqliteRow) -> Result<StoredMessage, Error> {
    let message = serde_json::from_str(row.get("message")).map_err(|error| {
        Error::new(ErrorKind::Storage, "a message of the conversation cannot be read").caused_by(error)
    })?;
    Ok(StoredMessage { position: row.get("position"), created_ms: row.get("created_ms"), message })
}
