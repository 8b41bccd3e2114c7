//! Sessions of agents, their channels, and what is said in them.

mod channels;
mod messages;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, Transaction};

use super::Store;
use crate::core::error::Error;
use crate::core::ids::{AgentId, ChannelId, ProjectId, SessionId};

pub(crate) use channels::{ChannelRow, MemberRow, NewChannelRow};
pub(crate) use messages::MessageRow;

/// A session as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct SessionRow {
    pub(crate) id: SessionId,
    pub(crate) agent_id: AgentId,
    pub(crate) project_id: ProjectId,
    pub(crate) address: String,
    pub(crate) metadata: String,
    pub(crate) connected_ms: i64,
    pub(crate) heartbeat_ms: i64,
}

impl Store {
    /// Every session.
    pub(crate) async fn runtime_sessions(&self) -> Result<Vec<SessionRow>, Error> {
        let query = "SELECT s.*, a.project_id, a.slug FROM runtime_sessions s JOIN agents a ON a.id = s.agent_id";
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
        sqlx::query(
            "INSERT INTO channel_members (channel_id, agent_id, role, joined_ms) \
             SELECT c.id, a.id, 'member', $3 FROM channels c, agents a WHERE c.id = $1 AND a.id = $2 \
             ON CONFLICT (channel_id, agent_id) DO NOTHING",
        )
        .bind(channel.as_str())
        .bind(agent.as_str())
        .bind(now_ms)
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// Ends an agent's membership.
    pub(crate) async fn leave_channel(&mut self, channel: &ChannelId, agent: &AgentId) -> Result<(), Error> {
        sqlx::query("DELETE FROM channel_members WHERE channel_id = $1 AND agent_id = $2")
            .bind(channel.as_str())
            .bind(agent.as_str())
            .execute(&mut *self.0)
            .await?;
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
        address: row.get("slug"),
        metadata: row.get("metadata"),
        connected_ms: row.get("connected_ms"),
        heartbeat_ms: row.get("heartbeat_ms"),
    }
}
