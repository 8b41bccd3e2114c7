//! Sessions of agents, their channels, and what is said in them.

mod channels;
mod messages;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, Transaction};

use super::Store;
use crate::domain::error::Error;
use crate::domain::ids::{AgentId, ChannelId, ProjectId, SessionId};

pub(crate) use channels::{ChannelRow, MemberRow, NewChannel, NewChannelRow};
pub(crate) use messages::{ChannelBounds, MessageRow};

/// A session as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct SessionRow {
    pub(crate) id: SessionId,
    pub(crate) agent_id: AgentId,
    pub(crate) project_id: ProjectId,
    pub(crate) address: String,
    pub(crate) title: Option<String>,
    pub(crate) metadata: String,
    pub(crate) connected_ms: i64,
    pub(crate) heartbeat_ms: i64,
}

impl Store {
    /// Every session.
    pub(crate) async fn runtime_sessions(&self) -> Result<Vec<SessionRow>, Error> {
        let query = "SELECT s.*, a.project_id, a.title, COALESCE(a.address, a.slug) AS address \
                     FROM runtime_sessions s JOIN agents a ON a.id = s.agent_id";
        Ok(sqlx::query(query).fetch_all(&self.reads).await?.iter().map(session).collect())
    }

    /// Begins to change what is stored of sessions and channels, all or nothing.
    pub(crate) async fn change_runtime(&self) -> Result<RuntimeChange, Error> {
        Ok(RuntimeChange(self.writes.begin().await?))
    }
}

/// Changes that are made together. Dropped before its end, it changes nothing.
///
/// The first statement of each must be one that writes: it waits for other writers then, instead of failing after it has read.
pub(crate) struct RuntimeChange(Transaction<'static, Sqlite>);

impl RuntimeChange {
    /// Puts a session in the place of the agent's older one. Says whether there still is such an agent.
    pub(crate) async fn put_session(&mut self, row: &SessionRow) -> Result<bool, Error> {
        let put = sqlx::query(
            "INSERT INTO runtime_sessions (agent_id, id, metadata, connected_ms, heartbeat_ms) \
             SELECT id, $2, $3, $4, $5 FROM agents WHERE id = $1 \
             ON CONFLICT (agent_id) DO UPDATE SET id = excluded.id, metadata = excluded.metadata, \
             connected_ms = excluded.connected_ms, heartbeat_ms = excluded.heartbeat_ms",
        )
        .bind(row.agent_id.as_str())
        .bind(row.id.as_str())
        .bind(&row.metadata)
        .bind(row.connected_ms)
        .bind(row.heartbeat_ms)
        .execute(&mut *self.0)
        .await?;
        Ok(put.rows_affected() > 0)
    }

    /// Removes a session, unless another has taken its place.
    pub(crate) async fn remove_session(&mut self, agent: &AgentId, session: &SessionId) -> Result<(), Error> {
        sqlx::query("DELETE FROM runtime_sessions WHERE agent_id = $1 AND id = $2")
            .bind(agent.as_str())
            .bind(session.as_str())
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Notes when a session was last heard from.
    pub(crate) async fn note_heartbeat(&mut self, session: &SessionId, agent: &AgentId, ms: i64) -> Result<(), Error> {
        sqlx::query("UPDATE runtime_sessions SET heartbeat_ms = $3 WHERE agent_id = $1 AND id = $2")
            .bind(agent.as_str())
            .bind(session.as_str())
            .bind(ms)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Makes an agent a member. One that is a member stays what it is.
    pub(crate) async fn join_channel(
        &mut self,
        channel: &ChannelId,
        agent: &AgentId,
        now_ms: i64,
    ) -> Result<(), Error> {
        let joined = sqlx::query(
            "INSERT INTO channel_members (channel_id, agent_id, role, joined_ms) \
             SELECT c.id, a.id, 'member', $3 FROM channels c, agents a WHERE c.id = $1 AND a.id = $2 \
             ON CONFLICT (channel_id, agent_id) DO NOTHING",
        )
        .bind(channel.as_str())
        .bind(agent.as_str())
        .bind(now_ms)
        .execute(&mut *self.0)
        .await?;
        if joined.rows_affected() > 0 {
            self.note_activity(channel, now_ms).await?;
        }
        Ok(())
    }

    /// Ends an agent's membership.
    pub(crate) async fn leave_channel(
        &mut self,
        channel: &ChannelId,
        agent: &AgentId,
        now_ms: i64,
    ) -> Result<(), Error> {
        let left = sqlx::query("DELETE FROM channel_members WHERE channel_id = $1 AND agent_id = $2")
            .bind(channel.as_str())
            .bind(agent.as_str())
            .execute(&mut *self.0)
            .await?;
        if left.rows_affected() > 0 {
            self.note_activity(channel, now_ms).await?;
        }
        Ok(())
    }

    async fn note_activity(&mut self, channel: &ChannelId, now_ms: i64) -> Result<(), Error> {
        let query = sqlx::query("UPDATE channels SET active_ms = $2 WHERE id = $1");
        query.bind(channel.as_str()).bind(now_ms).execute(&mut *self.0).await?;
        Ok(())
    }

    /// Makes the changes last.
    pub(crate) async fn commit(self) -> Result<(), Error> {
        Ok(self.0.commit().await?)
    }
}

fn session(row: &SqliteRow) -> SessionRow {
    SessionRow {
        id: row.get::<String, _>("id").into(),
        agent_id: row.get::<String, _>("agent_id").into(),
        project_id: row.get::<String, _>("project_id").into(),
        address: row.get("address"),
        title: row.get("title"),
        metadata: row.get("metadata"),
        connected_ms: row.get("connected_ms"),
        heartbeat_ms: row.get("heartbeat_ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::usage::Counted;
    use super::super::usage::tests::{agent, noted_and_counted, store};
    use super::super::{ChannelBounds, MessageRow, NewChannel, NewChannelRow};
    use super::*;
    use crate::domain::ids::MessageId;

    const COUNT: &str = "SELECT COUNT(*) AS items, CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes FROM channels";

    const COUNT_MESSAGES: &str = "SELECT COUNT(*) AS items, (SELECT COUNT(*) FROM channels) * 512 + CAST(COALESCE(SUM(\
                                  octet_length(content) + COALESCE(octet_length(metadata), 0) + 128), 0) AS BIGINT) AS bytes \
                                  FROM channel_messages";

    const WIDE: ChannelBounds = ChannelBounds { messages: 1000, bytes: i64::MAX, project_bytes: i64::MAX };

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

        async fn add(&self, id: &str, limits: (i64, i64)) -> NewChannel {
            let row = NewChannelRow {
                id: id.into(),
                project_id: self.project.clone(),
                slug: id.to_owned(),
                name: id.to_owned(),
                description: None,
                metadata: "{}".to_owned(),
                created_ms: 1,
            };
            self.store.add_channel(&row, &self.agent, limits).await.unwrap()
        }

        async fn say(&self, channel: &str, content: &str, bounds: ChannelBounds) {
            let row = MessageRow {
                id: MessageId::random(),
                agent_id: self.agent.clone(),
                address: "scout".to_owned(),
                from_name: None,
                message_type: "text".to_owned(),
                content: content.to_owned(),
                metadata: Some("{}".to_owned()),
                created_ms: 5,
            };
            let mut change = self.store.change_runtime().await.unwrap();
            assert!(change.add_message(&channel.into(), &row, bounds).await.unwrap());
            change.commit().await.unwrap();
        }

        async fn said(&self, channel: &str) -> Vec<String> {
            let messages = self.store.channel_messages(&channel.into(), i64::MAX, 100).await.unwrap();
            messages.into_iter().map(|message| message.content).collect()
        }

        /// The sums that are kept are those of what is there.
        async fn adds_up(&self) {
            let (noted, channels) = noted_and_counted(&self.store, Counted::Channels, COUNT).await;
            let (_, (_, bytes)) = noted_and_counted(&self.store, Counted::Channels, COUNT_MESSAGES).await;
            assert_eq!((noted, noted.1), (channels, bytes));
        }
    }

    #[tokio::test]
    async fn the_oldest_messages_of_a_channel_make_room() {
        let talk = Talk::new().await;
        assert_eq!(talk.add("a", (10, 10)).await, NewChannel::Added);
        for number in 0..5 {
            talk.say("a", &number.to_string(), ChannelBounds { messages: 3, ..WIDE }).await;
        }
        assert_eq!(talk.said("a").await, ["2", "3", "4"]);
        let small = ChannelBounds { bytes: 512 + 3000, ..WIDE };
        for number in 5..8 {
            talk.say("a", &number.to_string().repeat(1000), small).await;
        }
        assert_eq!(talk.said("a").await, ["6".repeat(1000), "7".repeat(1000)]);
        talk.say("a", &"8".repeat(9000), small).await;
        assert_eq!(talk.said("a").await, ["8".repeat(9000)], "the newest stays");
        talk.adds_up().await;
        talk.store.close().await;
    }

    #[tokio::test]
    async fn the_largest_channel_makes_room_for_the_project() {
        let talk = Talk::new().await;
        for id in ["large", "small"] {
            assert_eq!(talk.add(id, (10, 10)).await, NewChannel::Added);
        }
        let bounds = ChannelBounds { project_bytes: 2 * 512 + 5000, ..WIDE };
        for (channel, text) in [("small", "s"), ("large", "a"), ("large", "b"), ("large", "c")] {
            talk.say(channel, &text.repeat(1000), bounds).await;
        }
        talk.say("small", &"t".repeat(1000), bounds).await;
        assert_eq!(talk.said("small").await.len(), 2);
        assert_eq!(talk.said("large").await, ["b".repeat(1000), "c".repeat(1000)]);
        talk.adds_up().await;
        talk.store.close().await;
    }

    #[tokio::test]
    async fn a_project_and_an_agent_have_a_bounded_number_of_channels() {
        let talk = Talk::new().await;
        assert_eq!(talk.add("a", (2, 10)).await, NewChannel::Added);
        assert_eq!(talk.add("a", (2, 10)).await, NewChannel::SlugTaken);
        assert_eq!(talk.add("b", (2, 10)).await, NewChannel::Added);
        assert_eq!(talk.add("c", (2, 10)).await, NewChannel::ProjectIsFull);
        assert_eq!(talk.add("c", (10, 2)).await, NewChannel::AgentIsFull);
        let mut change = talk.store.change_runtime().await.unwrap();
        change.remove_channel(&"a".into()).await.unwrap();
        change.commit().await.unwrap();
        assert_eq!(talk.add("c", (2, 2)).await, NewChannel::Added);
        talk.adds_up().await;
        talk.store.close().await;
    }

    #[tokio::test]
    async fn a_channel_without_members_in_which_nothing_happens_is_deleted() {
        let talk = Talk::new().await;
        for id in ["left", "member"] {
            assert_eq!(talk.add(id, (10, 10)).await, NewChannel::Added);
        }
        let mut change = talk.store.change_runtime().await.unwrap();
        change.leave_channel(&"left".into(), &talk.agent, 100).await.unwrap();
        change.commit().await.unwrap();
        talk.store.forget_channels_before(100).await.unwrap();
        assert_eq!(talk.store.channel_count(&talk.project).await.unwrap(), 2, "somebody left it just now");
        talk.store.forget_channels_before(101).await.unwrap();
        let left = talk.store.channels(&talk.project, &talk.agent, 10, 0).await.unwrap();
        assert_eq!(left.iter().map(|channel| &*channel.slug).collect::<Vec<_>>(), ["member"]);
        talk.adds_up().await;
        talk.store.close().await;
    }
}
