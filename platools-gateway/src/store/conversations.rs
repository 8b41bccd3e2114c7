//! Conversations and what was said in them.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::Store;
use super::sqlite::Scan;
use crate::core::agent::Message;
use crate::core::chat::StoredMessage;
use crate::core::error::{Error, ErrorKind};
use crate::core::ids::{AgentId, ConversationId, ProjectId};
use crate::domain::page::Listing;

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
        .execute(self.writes.connection())
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
            .fetch_optional(&self.reads)
            .await?;
        Ok(row.as_ref().map(conversation))
    }

    /// Conversations, those first in which something was said last. A list that looks at too many for one page ends before the page is
    /// full, and says where it goes on.
    pub(crate) async fn conversations(
        &self,
        filter: &ConversationFilter,
        limit: i64,
    ) -> Result<Listing<ConversationRow, (i64, ConversationId)>, Error> {
        let (rows, more) = scan(filter).page(&self.lists, "*", limit).await?;
        let more = more.map(|(updated_ms, id)| (updated_ms, id.into()));
        Ok(Listing { items: rows.iter().map(conversation).collect(), more })
    }

    /// Appends messages to a conversation, all or none.
    pub(crate) async fn add_messages(
        &self,
        id: &ConversationId,
        messages: &[Message],
        now_ms: i64,
    ) -> Result<(), Error> {
        let mut change = self.writes.begin().await?;
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
        .fetch_all(&self.reads)
        .await?;
        rows.iter().rev().map(message).collect()
    }

    /// Removes what was said in a conversation.
    pub(crate) async fn clear_conversation(&self, id: &ConversationId) -> Result<(), Error> {
        sqlx::query("DELETE FROM messages WHERE conversation_id = $1")
            .bind(id.as_str())
            .execute(self.writes.connection())
            .await?;
        Ok(())
    }

    /// Removes a conversation and what was said in it.
    pub(crate) async fn remove_conversation(&self, id: &ConversationId) -> Result<(), Error> {
        sqlx::query("DELETE FROM conversations WHERE id = $1")
            .bind(id.as_str())
            .execute(self.writes.connection())
            .await?;
        Ok(())
    }
}

/// Where a list of conversations is read: over the index of the user or else of the agent, if one is named.
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
    Scan { table: "conversations", index, time: "updated_ms", id: "id", within, checked, from: None, before }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_list_is_one_search_of_its_index_and_sorts_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
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
            let floor = (!scan.checked.is_empty()).then_some(&floor);
            if floor.is_some() {
                terms.push_str(" AND (updated_ms,id)>(?,?)");
            }
            let sql = format!("EXPLAIN QUERY PLAN {}", scan.select("*", floor, 10).sql().as_str());
            let plan = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&store.reads).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
            let expected = format!("SEARCH conversations USING INDEX {search}{terms} AND (updated_ms,id)<(?,?))");
            assert_eq!(plan, [expected], "{filter:?}");
        }
        store.close().await;
    }
}
