//! Conversations and what was said in them.

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use super::Store;
use super::usage::{Counted, add_usage};
use crate::core::agent::Message;
use crate::core::chat::StoredMessage;
use crate::core::error::{Error, ErrorKind};
use crate::core::ids::{AgentId, ConversationId, ProjectId};

/// What a conversation counts for without its messages.
const CONVERSATION_BYTES: i64 = 512;

/// What a message counts for beside the length of its text.
const MESSAGE_BYTES: i64 = 64;

/// Conversations that are deleted together.
const DELETED_AT_ONCE: i64 = 16;

/// How much there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConversationBounds {
    /// Messages of one conversation.
    pub(crate) messages: i64,
    /// Bytes of one conversation.
    pub(crate) bytes: i64,
    /// Bytes of all conversations of a project.
    pub(crate) project_bytes: i64,
    /// Conversations of one user.
    pub(crate) of_user: i64,
}

/// Which messages of a conversation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MessagePage {
    /// Those before this place.
    pub(crate) before: i64,
    /// So many.
    pub(crate) limit: i64,
    /// With so many bytes together.
    pub(crate) max_bytes: i64,
    /// So many whatever bytes they have.
    pub(crate) at_least: usize,
}

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
    /// Adds a conversation. If its user has too many then, those that were quiet for longest are deleted.
    pub(crate) async fn add_conversation(
        &self,
        row: &ConversationRow,
        bounds: ConversationBounds,
    ) -> Result<(), Error> {
        let mut change = self.pool.begin().await?;
        sqlx::query(
            "INSERT INTO conversations (id, project_id, agent_id, user_id, channel, created_ms, updated_ms, bytes) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(row.id.as_str())
        .bind(row.project_id.as_str())
        .bind(row.agent_id.as_str())
        .bind(&row.user_id)
        .bind(&row.channel)
        .bind(row.created_ms)
        .bind(row.updated_ms)
        .bind(CONVERSATION_BYTES)
        .execute(&mut *change)
        .await?;
        add_usage(&mut change, &row.project_id, Counted::Conversations, 1, CONVERSATION_BYTES).await?;
        let past = sqlx::query(
            "SELECT id FROM conversations WHERE project_id = $1 AND user_id = $2 AND id <> $3 \
             ORDER BY updated_ms DESC, id DESC LIMIT $4 OFFSET $5",
        )
        .bind(row.project_id.as_str())
        .bind(&row.user_id)
        .bind(row.id.as_str())
        .bind(DELETED_AT_ONCE)
        .bind((bounds.of_user - 1).max(0))
        .fetch_all(&mut *change)
        .await?;
        for past in past {
            delete_conversation(&mut change, past.get("id")).await?;
        }
        change.commit().await?;
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

    /// Appends messages to a conversation, all or none. The oldest make room if it has too many of them or too many bytes then, and
    /// quiet conversations do if its project has too many bytes.
    pub(crate) async fn add_messages(
        &self,
        id: &ConversationId,
        messages: &[Message],
        now_ms: i64,
        bounds: ConversationBounds,
    ) -> Result<(), Error> {
        let mut change = self.pool.begin().await?;
        let texts = messages
            .iter()
            .map(|message| serde_json::to_string(message).expect("strings and raw JSON always serialize"));
        let texts: Vec<_> = texts.collect();
        let bytes = texts.iter().map(|text| bytes_of(text)).sum::<i64>();
        let query =
            "UPDATE conversations SET updated_ms = $2, bytes = bytes + $3 WHERE id = $1 RETURNING project_id, bytes";
        let row = sqlx::query(query).bind(id.as_str()).bind(now_ms).bind(bytes).fetch_optional(&mut *change).await?;
        let row = row.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("the conversation `{id}` was deleted")))?;
        let project = ProjectId::from(row.get::<String, _>("project_id"));
        for text in &texts {
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
        let removed = trim_messages(&mut change, id, row.get("bytes"), bounds).await?;
        let usage = add_usage(&mut change, &project, Counted::Conversations, 0, bytes - removed).await?;
        if usage > bounds.project_bytes {
            // A little more than has to go, so that it need not be done for each message.
            let excess = usage - bounds.project_bytes / 20 * 19;
            make_room(&mut change, &project, id, excess).await?;
        }
        change.commit().await?;
        Ok(())
    }

    /// The newest messages of a conversation that have up to so many bytes together, the oldest first.
    pub(crate) async fn messages(
        &self,
        id: &ConversationId,
        limit: i64,
        max_bytes: i64,
    ) -> Result<Vec<Message>, Error> {
        let page = MessagePage { before: i64::MAX, limit, max_bytes, at_least: 0 };
        let stored = self.stored_messages(id, &page).await?;
        Ok(stored.into_iter().map(|stored| stored.message).collect())
    }

    /// The last messages of a conversation before a place, the oldest first.
    pub(crate) async fn stored_messages(
        &self,
        id: &ConversationId,
        page: &MessagePage,
    ) -> Result<Vec<StoredMessage>, Error> {
        let Some(from) = self.page_begin(id, page).await? else { return Ok(Vec::new()) };
        let rows = sqlx::query(
            "SELECT position, message, created_ms FROM messages \
             WHERE conversation_id = $1 AND position >= $2 AND position < $3 ORDER BY position",
        )
        .bind(id.as_str())
        .bind(from)
        .bind(page.before)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(message).collect()
    }

    /// Where a page begins. The lengths are read without the texts.
    async fn page_begin(&self, id: &ConversationId, page: &MessagePage) -> Result<Option<i64>, Error> {
        let rows = sqlx::query(
            "SELECT position, octet_length(message) AS bytes FROM messages WHERE conversation_id = $1 AND position < $2 \
             ORDER BY position DESC LIMIT $3",
        )
        .bind(id.as_str())
        .bind(page.before)
        .bind(page.limit)
        .fetch_all(&self.pool)
        .await?;
        let mut bytes = 0_i64;
        let fitting = rows.iter().enumerate().take_while(|(number, row)| {
            bytes += row.get::<i64, _>("bytes");
            *number < page.at_least || bytes <= page.max_bytes
        });
        Ok(fitting.last().map(|(_, row)| row.get("position")))
    }

    /// Removes what was said in a conversation.
    pub(crate) async fn clear_conversation(&self, id: &ConversationId) -> Result<(), Error> {
        let mut change = self.pool.begin().await?;
        sqlx::query("DELETE FROM messages WHERE conversation_id = $1").bind(id.as_str()).execute(&mut *change).await?;
        let query = "SELECT project_id, bytes FROM conversations WHERE id = $1";
        if let Some(row) = sqlx::query(query).bind(id.as_str()).fetch_optional(&mut *change).await? {
            let query = "UPDATE conversations SET bytes = $2 WHERE id = $1";
            sqlx::query(query).bind(id.as_str()).bind(CONVERSATION_BYTES).execute(&mut *change).await?;
            let (project, removed) = (ProjectId::from(row.get::<String, _>("project_id")), row.get::<i64, _>("bytes"));
            add_usage(&mut change, &project, Counted::Conversations, 0, CONVERSATION_BYTES - removed).await?;
        }
        change.commit().await?;
        Ok(())
    }

    /// Removes a conversation and what was said in it.
    pub(crate) async fn remove_conversation(&self, id: &ConversationId) -> Result<(), Error> {
        let mut change = self.pool.begin().await?;
        delete_conversation(&mut change, id.as_str()).await?;
        change.commit().await?;
        Ok(())
    }

    /// Deletes the conversations in which nothing was said since some time, some in each transaction.
    pub(crate) async fn forget_conversations_before(&self, ms: i64) -> Result<(), Error> {
        loop {
            let mut change = self.pool.begin().await?;
            let rows = sqlx::query(
                "DELETE FROM conversations WHERE id IN \
                 (SELECT id FROM conversations WHERE updated_ms < $1 ORDER BY updated_ms LIMIT $2) RETURNING project_id, bytes",
            )
            .bind(ms)
            .bind(DELETED_AT_ONCE)
            .fetch_all(&mut *change)
            .await?;
            for row in &rows {
                let (project, bytes) =
                    (ProjectId::from(row.get::<String, _>("project_id")), row.get::<i64, _>("bytes"));
                add_usage(&mut change, &project, Counted::Conversations, -1, -bytes).await?;
            }
            change.commit().await?;
            if rows.is_empty() {
                return Ok(());
            }
        }
    }
}

/// Takes the conversations of an agent that is about to be removed from what its project has.
pub(super) async fn uncount_conversations_of(change: &mut SqliteConnection, agent: &AgentId) -> Result<(), Error> {
    let query = "SELECT project_id, COUNT(*) AS items, CAST(SUM(bytes) AS BIGINT) AS bytes FROM conversations \
                 WHERE agent_id = $1 GROUP BY project_id";
    for row in sqlx::query(query).bind(agent.as_str()).fetch_all(&mut *change).await? {
        let (items, bytes): (i64, i64) = (row.get("items"), row.get("bytes"));
        let project = ProjectId::from(row.get::<String, _>("project_id"));
        add_usage(change, &project, Counted::Conversations, -items, -bytes).await?;
    }
    Ok(())
}

/// What a message counts for, beside the length of its text an allowance for its row.
fn bytes_of(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX).saturating_add(MESSAGE_BYTES)
}

/// Deletes the oldest messages of a conversation that has too many, or too many bytes. Returns how many bytes they had.
async fn trim_messages(
    change: &mut SqliteConnection,
    id: &ConversationId,
    bytes: i64,
    bounds: ConversationBounds,
) -> Result<i64, Error> {
    let rows = sqlx::query(
        "DELETE FROM messages WHERE conversation_id = $1 AND position <= \
         (SELECT MAX(position) FROM messages WHERE conversation_id = $1) - $2 RETURNING octet_length(message) AS bytes",
    )
    .bind(id.as_str())
    .bind(bounds.messages)
    .fetch_all(&mut *change)
    .await?;
    let mut removed: i64 = rows.iter().map(|row| row.get::<i64, _>("bytes") + MESSAGE_BYTES).sum();
    while bytes - removed > bounds.bytes {
        // All but the newest.
        let row = sqlx::query(
            "DELETE FROM messages WHERE conversation_id = $1 \
             AND position = (SELECT MIN(position) FROM messages WHERE conversation_id = $1) \
             AND position < (SELECT MAX(position) FROM messages WHERE conversation_id = $1) \
             RETURNING octet_length(message) AS bytes",
        )
        .bind(id.as_str())
        .fetch_optional(&mut *change)
        .await?;
        let Some(row) = row else { break };
        removed += row.get::<i64, _>("bytes") + MESSAGE_BYTES;
    }
    if removed > 0 {
        let query = "UPDATE conversations SET bytes = bytes - $2 WHERE id = $1";
        sqlx::query(query).bind(id.as_str()).bind(removed).execute(change).await?;
    }
    Ok(removed)
}

/// Deletes conversations of a project until `excess` bytes are free, but not the one that is being held: of the user who has most, the
/// one that was quiet for longest.
async fn make_room(
    change: &mut SqliteConnection,
    project: &ProjectId,
    held: &ConversationId,
    mut excess: i64,
) -> Result<(), Error> {
    while excess > 0 {
        let rows = sqlx::query(
            "SELECT id FROM conversations WHERE project_id = $1 AND id <> $2 AND user_id = \
             (SELECT user_id FROM conversations WHERE project_id = $1 AND id <> $2 \
              GROUP BY user_id ORDER BY SUM(bytes) DESC, user_id LIMIT 1) \
             ORDER BY updated_ms, id LIMIT $3",
        )
        .bind(project.as_str())
        .bind(held.as_str())
        .bind(DELETED_AT_ONCE)
        .fetch_all(&mut *change)
        .await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            if excess > 0 {
                excess -= delete_conversation(change, row.get("id")).await?;
            }
        }
    }
    Ok(())
}

/// Deletes a conversation, and returns how many bytes it had.
async fn delete_conversation(change: &mut SqliteConnection, id: &str) -> Result<i64, Error> {
    let query = "DELETE FROM conversations WHERE id = $1 RETURNING project_id, bytes";
    let Some(row) = sqlx::query(query).bind(id).fetch_optional(&mut *change).await? else { return Ok(0) };
    let (project, bytes) = (ProjectId::from(row.get::<String, _>("project_id")), row.get::<i64, _>("bytes"));
    add_usage(change, &project, Counted::Conversations, -1, -bytes).await?;
    Ok(bytes)
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
