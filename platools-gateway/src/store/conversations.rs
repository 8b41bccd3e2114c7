//! [`ConversationStore`] in SQL: stores conversations and their messages.

use std::time::Duration;

use async_trait::async_trait;

use super::page_scan::Scan;
use super::sql::{self, Row, SqlConnection};
use super::usage::{Counted, add_usage, subtract_removed};
use super::writer::WriteLock;
use super::{SqlStore, run_queue};
use crate::domain::conversation::{
    ConversationBounds, ConversationFilter, MessagePage, RunPosition, StoredConversation, StoredMessage,
};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::ids::{AgentId, ConversationId, ProjectId, RunId};
use crate::domain::message::Message;
use crate::domain::page::Listing;
use crate::ports::conversations::ConversationStore;

/// Size of a conversation without its messages, as the limits count it.
const CONVERSATION_BYTES: i64 = 512;

/// Size of a message beside the length of its text, as the limits count it.
const MESSAGE_BYTES: i64 = 64;

/// Conversations that are deleted together.
const DELETED_AT_ONCE: u32 = 16;

#[async_trait]
impl ConversationStore for SqlStore {
    async fn add_conversation(
        &self,
        conversation: &StoredConversation,
        bounds: ConversationBounds,
    ) -> Result<(), Error> {
        let mut change = self.writes.begin(WriteLock::Conversations).await?;
        sql::query(
            "INSERT INTO conversations (id, project_id, agent_id, user_id, channel, created_ms, updated_ms, bytes) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(conversation.id.as_str())
        .bind(conversation.project_id.as_str())
        .bind(conversation.agent_id.as_str())
        .bind(&conversation.user_id)
        .bind(&conversation.channel)
        .bind(conversation.created_ms)
        .bind(conversation.updated_ms)
        .bind(CONVERSATION_BYTES)
        .execute(&mut *change)
        .await?;
        add_usage(&mut change, &conversation.project_id, Counted::Conversations, 1, CONVERSATION_BYTES).await?;
        let past = sql::query(
            "SELECT id FROM conversations WHERE project_id = $1 AND user_id = $2 AND id <> $3 \
             ORDER BY updated_ms DESC, id DESC LIMIT $4 OFFSET $5",
        )
        .bind(conversation.project_id.as_str())
        .bind(&conversation.user_id)
        .bind(conversation.id.as_str())
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

    async fn conversation(
        &self,
        project: &ProjectId,
        id: &ConversationId,
    ) -> Result<Option<StoredConversation>, Error> {
        let row = sql::query("SELECT * FROM conversations WHERE id = $1 AND project_id = $2")
            .bind(id.as_str())
            .bind(project.as_str())
            .fetch_optional(&self.reads)
            .await?;
        Ok(row.as_ref().map(conversation))
    }

    async fn conversations(
        &self,
        filter: &ConversationFilter,
        limit: i64,
    ) -> Result<Listing<StoredConversation, (i64, ConversationId)>, Error> {
        let (rows, more) = scan(filter).page(&self.lists, "*", limit).await?;
        let more = more.map(|(updated_ms, id)| (updated_ms, id.into()));
        Ok(Listing { items: rows.iter().map(conversation).collect(), more })
    }

    async fn add_messages(
        &self,
        id: &ConversationId,
        messages: &[Message],
        now_ms: i64,
        bounds: ConversationBounds,
    ) -> Result<(), Error> {
        let mut change = self.writes.begin(WriteLock::Conversations).await?;
        append_messages(&mut change, id, messages, now_ms, bounds).await?;
        change.commit().await?;
        Ok(())
    }

    async fn add_messages_of_run(
        &self,
        (id, run): (&ConversationId, &RunId),
        messages: &[Message],
        now_ms: i64,
        bounds: ConversationBounds,
    ) -> Result<(), Error> {
        let mut change = self.writes.begin(WriteLock::Conversations).await?;
        let query = "SELECT 1 FROM conversation_runs WHERE conversation_id = $1 AND run_id = $2";
        if sql::query(query).bind(id.as_str()).bind(run.as_str()).fetch_optional(&mut *change).await?.is_none() {
            return Err(lost_turn());
        }
        append_messages(&mut change, id, messages, now_ms, bounds).await?;
        change.commit().await?;
        Ok(())
    }

    async fn queue_run(
        &self,
        id: &ConversationId,
        run: &RunId,
        lease: Duration,
        limit: i64,
    ) -> Result<RunPosition, Error> {
        let mut change = self.writes.begin(WriteLock::Conversations).await?;
        let place = run_queue::add(&mut change, id, run, lease, limit).await?;
        change.commit().await?;
        Ok(place)
    }

    async fn renew_run(&self, id: &ConversationId, run: &RunId, lease: Duration) -> Result<RunPosition, Error> {
        let mut change = self.writes.begin(WriteLock::Conversations).await?;
        let place = run_queue::renew(&mut change, id, run, lease).await?;
        change.commit().await?;
        Ok(place)
    }

    async fn run_position(&self, id: &ConversationId, run: &RunId) -> Result<RunPosition, Error> {
        run_queue::place(&self.reads, id, run).await
    }

    async fn end_run(&self, id: &ConversationId, run: &RunId) -> Result<(), Error> {
        let delete = "DELETE FROM conversation_runs WHERE conversation_id = $1 AND run_id = $2";
        sql::query(delete).bind(id.as_str()).bind(run.as_str()).execute(self.writes.connections()).await?;
        Ok(())
    }

    async fn stored_messages(&self, id: &ConversationId, page: &MessagePage) -> Result<Vec<StoredMessage>, Error> {
        let Some(from) = self.page_begin(id, page).await? else { return Ok(Vec::new()) };
        let rows = sql::query(
            "SELECT position, message, created_ms FROM messages \
             WHERE conversation_id = $1 AND position >= $2 AND position < $3 ORDER BY position",
        )
        .bind(id.as_str())
        .bind(from)
        .bind(page.before)
        .fetch_all(&self.reads)
        .await?;
        rows.iter().map(message).collect()
    }

    async fn clear_conversation(&self, id: &ConversationId) -> Result<(), Error> {
        let mut change = self.writes.begin(WriteLock::Conversations).await?;
        sql::query("DELETE FROM messages WHERE conversation_id = $1").bind(id.as_str()).execute(&mut *change).await?;
        let query = "SELECT project_id, bytes FROM conversations WHERE id = $1";
        if let Some(row) = sql::query(query).bind(id.as_str()).fetch_optional(&mut *change).await? {
            let query = "UPDATE conversations SET bytes = $2 WHERE id = $1";
            sql::query(query).bind(id.as_str()).bind(CONVERSATION_BYTES).execute(&mut *change).await?;
            let (project, removed) = (ProjectId::from(row.get::<String, _>("project_id")), row.get::<i64, _>("bytes"));
            add_usage(&mut change, &project, Counted::Conversations, 0, CONVERSATION_BYTES - removed).await?;
        }
        change.commit().await?;
        Ok(())
    }

    async fn remove_conversation(&self, id: &ConversationId) -> Result<(), Error> {
        let mut change = self.writes.begin(WriteLock::Conversations).await?;
        delete_conversation(&mut change, id.as_str()).await?;
        change.commit().await?;
        Ok(())
    }

    async fn forget_conversations_before(&self, ms: i64) -> Result<(), Error> {
        let delete = "DELETE FROM conversations WHERE id IN \
                      (SELECT id FROM conversations WHERE updated_ms < $1 ORDER BY updated_ms LIMIT $2) \
                      RETURNING project_id, bytes";
        self.delete_counted_before(Counted::Conversations, delete, ms, DELETED_AT_ONCE).await?;
        Ok(run_queue::remove_left(self.writes.connections()).await?)
    }
}

impl SqlStore {
    /// Finds the first position of a page. The lengths are read without the texts.
    async fn page_begin(&self, id: &ConversationId, page: &MessagePage) -> Result<Option<i64>, Error> {
        let rows = sql::query(
            "SELECT position, octet_length(message) AS bytes FROM messages WHERE conversation_id = $1 AND position < $2 \
             ORDER BY position DESC LIMIT $3",
        )
        .bind(id.as_str())
        .bind(page.before)
        .bind(page.limit)
        .fetch_all(&self.reads)
        .await?;
        let mut bytes = 0_i64;
        let fitting = rows.iter().enumerate().take_while(|(number, row)| {
            bytes += row.get::<i64, _>("bytes");
            *number < page.at_least || bytes <= page.max_bytes
        });
        Ok(fitting.last().map(|(_, row)| row.get("position")))
    }
}

/// Takes the conversations of an agent that is about to be removed from what its project has.
pub(super) async fn uncount_conversations_of(change: &mut SqlConnection, agent: &AgentId) -> Result<(), Error> {
    let query = "SELECT project_id, COUNT(*) AS items, CAST(SUM(bytes) AS BIGINT) AS bytes FROM conversations \
                 WHERE agent_id = $1 GROUP BY project_id";
    for row in sql::query(query).bind(agent.as_str()).fetch_all(&mut *change).await? {
        let (items, bytes): (i64, i64) = (row.get("items"), row.get("bytes"));
        let project = ProjectId::from(row.get::<String, _>("project_id"));
        add_usage(change, &project, Counted::Conversations, -items, -bytes).await?;
    }
    Ok(())
}

/// Appends messages to a conversation, and makes room for them.
async fn append_messages(
    change: &mut SqlConnection,
    id: &ConversationId,
    messages: &[Message],
    now_ms: i64,
    bounds: ConversationBounds,
) -> Result<(), Error> {
    let texts =
        messages.iter().map(|message| serde_json::to_string(message).expect("strings and raw JSON always serialize"));
    let texts: Vec<_> = texts.collect();
    let bytes = texts.iter().map(|text| bytes_of(text)).sum::<i64>();
    let query =
        "UPDATE conversations SET updated_ms = $2, bytes = bytes + $3 WHERE id = $1 RETURNING project_id, bytes";
    let row = sql::query(query).bind(id.as_str()).bind(now_ms).bind(bytes).fetch_optional(&mut *change).await?;
    let row = row.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("the conversation `{id}` was deleted")))?;
    let project = ProjectId::from(row.get::<String, _>("project_id"));
    for text in &texts {
        sql::query(
            "INSERT INTO messages (conversation_id, position, message, created_ms) SELECT $1, \
             COALESCE((SELECT MAX(position) + 1 FROM messages WHERE conversation_id = $1), 0), $2, $3",
        )
        .bind(id.as_str())
        .bind(text)
        .bind(now_ms)
        .execute(&mut *change)
        .await?;
    }
    let removed = trim_messages(change, id, row.get("bytes"), bounds).await?;
    let usage = add_usage(change, &project, Counted::Conversations, 0, bytes - removed).await?.bytes;
    if usage > bounds.project_bytes {
        // A little more than has to go, so that it need not be done for each message.
        let excess = usage - bounds.project_bytes / 20 * 19;
        make_room(change, &project, id, excess).await?;
    }
    Ok(())
}

/// Size of a message, as the limits count it: its text and an allowance for its row.
fn bytes_of(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX).saturating_add(MESSAGE_BYTES)
}

/// Deletes the oldest messages of a conversation that has too many, or too many bytes. Returns how many bytes they had.
async fn trim_messages(
    change: &mut SqlConnection,
    id: &ConversationId,
    bytes: i64,
    bounds: ConversationBounds,
) -> Result<i64, Error> {
    let rows = sql::query(
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
        let row = sql::query(
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
        sql::query(query).bind(id.as_str()).bind(removed).execute(change).await?;
    }
    Ok(removed)
}

/// Deletes conversations of a project until `excess` bytes are free: first the user with the most data, then the conversation that was quiet
/// for longest. The conversation of the present change stays.
async fn make_room(
    change: &mut SqlConnection,
    project: &ProjectId,
    held: &ConversationId,
    mut excess: i64,
) -> Result<(), Error> {
    while excess > 0 {
        let rows = sql::query(
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
async fn delete_conversation(change: &mut SqlConnection, id: &str) -> Result<i64, Error> {
    let query = "DELETE FROM conversations WHERE id = $1 RETURNING project_id, bytes";
    let rows = sql::query(query).bind(id).fetch_all(&mut *change).await?;
    Ok(subtract_removed(change, Counted::Conversations, &rows).await?)
}

/// Chooses the index for a list of conversations: by user, else by agent, if the filter names one.
fn scan(filter: &ConversationFilter) -> Scan {
    let (project, user) = (("project_id", filter.project_id.to_string()), filter.user_id.clone());
    let (user, agent) = (user.map(|user| ("user_id", user)), filter.agent_id.as_ref());
    let agent = agent.map(|agent| ("agent_id", agent.to_string()));
    let (index, within, checked) = match (user, agent) {
        (Some(user), agent) => ("conversations_of_user", vec![project, user], agent.into_iter().collect()),
        (None, Some(agent)) => ("conversations_of_agent", vec![project, agent], Vec::new()),
        (None, None) => ("conversations_of_project", vec![project], Vec::new()),
    };
    let before = filter.before.as_ref().map(|(updated_ms, id)| (*updated_ms, id.to_string()));
    Scan {
        table: "conversations",
        index,
        time: "updated_ms",
        id: "id",
        within,
        checked,
        among: None,
        from: None,
        before,
    }
}

fn conversation(row: &Row) -> StoredConversation {
    StoredConversation {
        id: row.get::<String, _>("id").into(),
        project_id: row.get::<String, _>("project_id").into(),
        agent_id: row.get::<String, _>("agent_id").into(),
        user_id: row.get("user_id"),
        channel: row.get("channel"),
        created_ms: row.get("created_ms"),
        updated_ms: row.get("updated_ms"),
    }
}

/// A run whose turn another run has.
fn lost_turn() -> Error {
    let message = "the gateway lost the turn in this conversation, because it did not reach the database in time; read the conversation, and \
                   send the message again if it has no answer";
    Error::new(ErrorKind::Interrupted, message)
}

fn message(row: &Row) -> Result<StoredMessage, Error> {
    let message = serde_json::from_str(row.get("message")).map_err(|error| {
        Error::new(ErrorKind::Storage, "a message of the conversation cannot be read").caused_by(error)
    })?;
    Ok(StoredMessage { position: row.get("position"), created_ms: row.get("created_ms"), message })
}

#[cfg(test)]
mod tests {
    use super::super::sql::Dialect;
    use super::*;
    use crate::ports::store::Storage as _;

    #[tokio::test]
    async fn every_list_is_one_search_of_its_index_and_sorts_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::open(folder.path()).await.unwrap();
        for (user, agent, search) in [
            (None, None, "conversations_of_project (project_id=?"),
            (Some("u"), None, "conversations_of_user (project_id=? AND user_id=?"),
            (None, Some("a"), "conversations_of_agent (project_id=? AND agent_id=?"),
            (Some("u"), Some("a"), "conversations_of_user (project_id=? AND user_id=?"),
        ] {
            let filter = ConversationFilter {
                project_id: "prj".into(),
                user_id: user.map(str::to_owned),
                agent_id: agent.map(Into::into),
                before: Some((9, "conv_1".into())),
            };
            let scan = scan(&filter);
            let (floor, mut terms) = ((3, "c".to_owned()), String::new());
            let floor = scan.checks_rows().then_some(&floor);
            if floor.is_some() {
                terms.push_str(" AND (updated_ms,id)>(?,?)");
            }
            let sql = format!("EXPLAIN QUERY PLAN {}", scan.select(Dialect::Sqlite, "*", floor, 10).sql());
            let plan = sql::dynamic(sql).fetch_all(&store.reads).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
            let expected = format!("SEARCH conversations USING INDEX {search}{terms} AND (updated_ms,id)<(?,?))");
            assert_eq!(plan, [expected], "{filter:?}");
        }
        store.close().await;
    }
}
