//! Conversations and what was said in them.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::Store;
use super::sqlite::Scan;
use super::usage::{Counted, add_usage, subtract_removed};
use crate::agents::Message;
use crate::agents::chat::StoredMessage;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::ids::{AgentId, ConversationId, ProjectId};
use crate::domain::page::Listing;

/// Size of a conversation without its messages, as the limits count it.
const CONVERSATION_BYTES: i64 = 512;

/// Size of a message beside the length of its text, as the limits count it.
const MESSAGE_BYTES: i64 = 64;

/// Conversations that are deleted together.
const DELETED_AT_ONCE: u32 = 16;

/// Limits on the conversations of a project.
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

/// A part of the messages of a conversation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MessagePage {
    /// Messages before this position.
    pub(crate) before: i64,
    /// The largest number of messages.
    pub(crate) limit: i64,
    /// With so many bytes together.
    pub(crate) max_bytes: i64,
    /// The number of messages that are returned regardless of their size.
    pub(crate) at_least: usize,
}

/// A stored conversation.
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

/// Filter for the conversations of a project. A field without a value matches everything.
#[derive(Debug, Clone)]
pub(crate) struct ConversationFilter {
    pub(crate) project_id: ProjectId,
    pub(crate) user_id: Option<String>,
    pub(crate) agent_id: Option<AgentId>,
    /// The last conversation of the previous page.
    pub(crate) before: Option<(i64, ConversationId)>,
}

impl Store {
    /// Adds a conversation. If its user has too many then, those that were quiet for longest are deleted.
    pub(crate) async fn add_conversation(
        &self,
        row: &ConversationRow,
        bounds: ConversationBounds,
    ) -> Result<(), Error> {
        let mut change = self.writes.begin().await?;
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

    /// Finds a conversation of a project.
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

    /// Appends messages to a conversation, all or none. The oldest make room if it has too many of them or too many bytes then, and
    /// quiet conversations do if its project has too many bytes.
    pub(crate) async fn add_messages(
        &self,
        id: &ConversationId,
        messages: &[Message],
        now_ms: i64,
        bounds: ConversationBounds,
    ) -> Result<(), Error> {
        let mut change = self.writes.begin().await?;
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
        .fetch_all(&self.reads)
        .await?;
        rows.iter().map(message).collect()
    }

    /// Finds the first position of a page. The lengths are read without the texts.
    async fn page_begin(&self, id: &ConversationId, page: &MessagePage) -> Result<Option<i64>, Error> {
        let rows = sqlx::query(
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

    /// Removes what was said in a conversation.
    pub(crate) async fn clear_conversation(&self, id: &ConversationId) -> Result<(), Error> {
        let mut change = self.writes.begin().await?;
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
        let mut change = self.writes.begin().await?;
        delete_conversation(&mut change, id.as_str()).await?;
        change.commit().await?;
        Ok(())
    }

    /// Deletes the conversations in which nothing was said since some time, some in each transaction.
    pub(crate) async fn forget_conversations_before(&self, ms: i64) -> Result<(), Error> {
        let delete = "DELETE FROM conversations WHERE id IN \
                      (SELECT id FROM conversations WHERE updated_ms < $1 ORDER BY updated_ms LIMIT $2) \
                      RETURNING project_id, bytes";
        self.delete_counted_before(Counted::Conversations, delete, ms, DELETED_AT_ONCE).await
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

/// Size of a message, as the limits count it: its text and an allowance for its row.
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
    let rows = sqlx::query(query).bind(id).fetch_all(&mut *change).await?;
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
    use super::super::usage::Counted;
    use super::super::usage::tests::{agent, noted_and_counted, store};
    use super::*;

    const COUNT: &str = "SELECT COUNT(*) AS items, CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes FROM conversations";

    const COUNT_MESSAGES: &str = "SELECT COUNT(*) AS items, (SELECT COUNT(*) FROM conversations) * 512 + \
                                  CAST(COALESCE(SUM(octet_length(message) + 64), 0) AS BIGINT) AS bytes FROM messages";

    const WIDE: ConversationBounds =
        ConversationBounds { messages: 1000, bytes: i64::MAX, project_bytes: i64::MAX, of_user: 1000 };

    struct Talk {
        _folder: tempfile::TempDir,
        store: Store,
        project: ProjectId,
        agent: AgentId,
    }

    impl Talk {
        async fn new() -> Self {
            let (folder, store, project) = store().await;
            let agent = agent(&store, &project).await;
            Self { _folder: folder, store, project, agent }
        }

        async fn begin(&self, id: &str, user: &str, now_ms: i64, bounds: ConversationBounds) {
            let row = ConversationRow {
                id: id.into(),
                project_id: self.project.clone(),
                agent_id: self.agent.clone(),
                user_id: user.to_owned(),
                channel: "test".to_owned(),
                created_ms: now_ms,
                updated_ms: now_ms,
            };
            self.store.add_conversation(&row, bounds).await.unwrap();
        }

        async fn say(&self, id: &str, text: &str, now_ms: i64, bounds: ConversationBounds) {
            self.store.add_messages(&id.into(), &[Message::user(text)], now_ms, bounds).await.unwrap();
        }

        async fn said(&self, id: &str, max_bytes: i64) -> Vec<String> {
            let messages = self.store.messages(&id.into(), 200, max_bytes).await.unwrap();
            let text = |message| match message {
                Message::User { content } => content,
                other => panic!("a user's message was expected: {other:?}"),
            };
            messages.into_iter().map(text).collect()
        }

        async fn left(&self) -> Vec<String> {
            let filter =
                ConversationFilter { project_id: self.project.clone(), user_id: None, agent_id: None, before: None };
            let listing = self.store.conversations(&filter, 100).await.unwrap();
            let mut ids: Vec<_> = listing.items.into_iter().map(|row| row.id.to_string()).collect();
            ids.sort();
            ids
        }

        /// The sums that are kept are those of what is there.
        async fn adds_up(&self) {
            let (noted, conversations) = noted_and_counted(&self.store, Counted::Conversations, COUNT).await;
            let (_, (_, bytes)) = noted_and_counted(&self.store, Counted::Conversations, COUNT_MESSAGES).await;
            assert_eq!((noted, noted.1), (conversations, bytes));
        }
    }

    #[tokio::test]
    async fn the_oldest_messages_of_a_conversation_make_room() {
        let talk = Talk::new().await;
        talk.begin("a", "u-1", 1, WIDE).await;
        let few = ConversationBounds { messages: 3, ..WIDE };
        for number in 0..5 {
            talk.say("a", &number.to_string(), 1, few).await;
        }
        assert_eq!(talk.said("a", i64::MAX).await, ["2", "3", "4"]);
        talk.adds_up().await;
        let small = ConversationBounds { bytes: 512 + 3000, ..WIDE };
        for number in 5..8 {
            talk.say("a", &number.to_string().repeat(1000), 1, small).await;
        }
        assert_eq!(talk.said("a", i64::MAX).await, ["6".repeat(1000), "7".repeat(1000)]);
        talk.say("a", &"8".repeat(9000), 1, small).await;
        assert_eq!(talk.said("a", i64::MAX).await, ["8".repeat(9000)], "the newest stays");
        talk.adds_up().await;
        talk.store.clear_conversation(&"a".into()).await.unwrap();
        talk.adds_up().await;
        talk.store.close().await;
    }

    #[tokio::test]
    async fn a_turn_is_told_the_newest_messages_that_fit() {
        let talk = Talk::new().await;
        talk.begin("a", "u-1", 1, WIDE).await;
        for text in ["old", &"long".repeat(100), "new", "newest"] {
            talk.say("a", text, 1, WIDE).await;
        }
        assert_eq!(talk.said("a", 200).await, ["new", "newest"]);
        assert_eq!(talk.said("a", 10).await, [""; 0]);
        let page = MessagePage { before: i64::MAX, limit: 10, max_bytes: 10, at_least: 1 };
        let page = talk.store.stored_messages(&"a".into(), &page).await.unwrap();
        assert_eq!(page.iter().map(|message| message.position).collect::<Vec<_>>(), [3]);
        talk.store.close().await;
    }

    #[tokio::test]
    async fn the_quietest_conversation_of_a_user_makes_room_for_another() {
        let talk = Talk::new().await;
        let two = ConversationBounds { of_user: 2, ..WIDE };
        talk.begin("other", "u-2", 1, two).await;
        talk.begin("a", "u-1", 1, two).await;
        talk.begin("b", "u-1", 2, two).await;
        talk.say("a", "still in use", 3, two).await;
        talk.begin("c", "u-1", 4, two).await;
        assert_eq!(talk.left().await, ["a", "c", "other"]);
        talk.adds_up().await;
        talk.store.close().await;
    }

    #[tokio::test]
    async fn the_user_with_most_makes_room_for_the_project() {
        let talk = Talk::new().await;
        let bounds = ConversationBounds { project_bytes: 10_000, ..WIDE };
        for (id, user, at) in [("quiet", "u-1", 1), ("a", "u-2", 2), ("b", "u-2", 3), ("c", "u-2", 4)] {
            talk.begin(id, user, at, bounds).await;
            talk.say(id, &"x".repeat(1500), at, bounds).await;
        }
        assert_eq!(talk.left().await.len(), 4);
        talk.say("c", &"x".repeat(2500), 5, bounds).await;
        assert_eq!(
            talk.left().await,
            ["b", "c", "quiet"],
            "not the oldest of all, but the oldest of the user with most"
        );
        talk.adds_up().await;
        talk.store.close().await;
    }

    #[tokio::test]
    async fn conversations_without_a_message_for_long_are_deleted_and_those_of_an_agent_go_with_it() {
        let talk = Talk::new().await;
        for (id, at) in [("old", 1), ("new", 100)] {
            talk.begin(id, "u-1", at, WIDE).await;
            talk.say(id, "hello", at, WIDE).await;
        }
        talk.store.forget_conversations_before(50).await.unwrap();
        assert_eq!(talk.left().await, ["new"]);
        talk.adds_up().await;
        talk.store.remove_agent(&talk.agent).await.unwrap();
        assert_eq!(talk.left().await, [""; 0]);
        talk.adds_up().await;
        talk.store.close().await;
    }

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
            let floor = scan.checks_rows().then_some(&floor);
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
