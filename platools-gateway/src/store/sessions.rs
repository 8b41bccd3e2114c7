//! [`SessionStore`] in SQL: stores the sessions of agents, and many changes of sessions and channels in one transaction.

use async_trait::async_trait;

use super::SqlStore;
use super::channel_messages::add_message;
use super::channels::remove_channel;
use super::sql::{self, Row, SqlConnection};
use super::writer::WriteLock;
use crate::domain::channel::ChannelBounds;
use crate::domain::error::Error;
use crate::domain::generation::Generation;
use crate::domain::ids::{AgentId, ChannelId, SessionId};
use crate::domain::session::{SessionWrite, StoredSession, WriteEffect};
use crate::ports::sessions::SessionStore;

#[async_trait]
impl SessionStore for SqlStore {
    async fn runtime_sessions(&self) -> Result<Vec<StoredSession>, Error> {
        let query = "SELECT s.*, a.project_id, a.title, COALESCE(a.address, a.slug) AS address \
                     FROM runtime_sessions s JOIN agents a ON a.id = s.agent_id";
        Ok(sql::query(query).fetch_all(&self.reads).await?.iter().map(session).collect())
    }

    async fn write_sessions(
        &self,
        writes: &[SessionWrite<'_>],
        bounds: ChannelBounds,
    ) -> Result<Vec<WriteEffect>, Error> {
        let mut change = self.writes.begin(WriteLock::Channels).await?;
        let mut effects = Vec::with_capacity(writes.len());
        for write in writes {
            effects.push(apply(&mut change, write, bounds).await?);
        }
        change.commit().await?;
        Ok(effects)
    }
}

/// Makes one change.
async fn apply(
    change: &mut SqlConnection,
    write: &SessionWrite<'_>,
    bounds: ChannelBounds,
) -> Result<WriteEffect, Error> {
    match write {
        SessionWrite::Put(session) => {
            return Ok(put_session(change, session).await?.map_or(WriteEffect::Nothing, WriteEffect::Began));
        }
        SessionWrite::Message { channel, message } => {
            let position = add_message(change, channel, message, bounds).await?;
            return Ok(position.map_or(WriteEffect::Nothing, |position| WriteEffect::Sent { position }));
        }
        SessionWrite::RemoveSilent { agent, session, heard_ms } => {
            let is_removed = remove_silent_session(change, agent, session, *heard_ms).await?;
            return Ok(if is_removed { WriteEffect::Made } else { WriteEffect::Nothing });
        }
        SessionWrite::Remove { agent, session } => remove_session(change, agent, session).await?,
        SessionWrite::Heartbeats(heartbeats) => note_heartbeats(change, heartbeats).await?,
        SessionWrite::Join { channel, agent, now_ms } => join_channel(change, channel, agent, *now_ms).await?,
        SessionWrite::Leave { channel, agent, now_ms } => leave_channel(change, channel, agent, *now_ms).await?,
        SessionWrite::RemoveChannel(channel) => remove_channel(change, channel).await?,
    }
    Ok(WriteEffect::Made)
}

/// Puts a session in the place of the agent's older one. Returns its generation, which is later than that of the older one also if the
/// clock of the older one's gateway is ahead; none if the agent is gone.
async fn put_session(change: &mut SqlConnection, session: &StoredSession) -> Result<Option<Generation>, Error> {
    let put = sql::query(
        "INSERT INTO runtime_sessions (agent_id, id, metadata, connected_ms, heartbeat_ms, generation) \
         SELECT id, $2, $3, $4, $5, $6 FROM agents WHERE id = $1 \
         ON CONFLICT (agent_id) DO UPDATE SET id = excluded.id, metadata = excluded.metadata, \
         connected_ms = excluded.connected_ms, heartbeat_ms = excluded.heartbeat_ms, \
         generation = CASE WHEN excluded.generation > runtime_sessions.generation THEN excluded.generation \
         ELSE (runtime_sessions.generation / 1024 + 1) * 1024 + excluded.generation % 1024 END \
         RETURNING generation",
    )
    .bind(session.agent_id.as_str())
    .bind(session.id.as_str())
    .bind(&session.metadata)
    .bind(session.connected_ms)
    .bind(session.heartbeat_ms)
    .bind(session.generation.number())
    .fetch_optional(&mut *change)
    .await?;
    Ok(put.map(|row| Generation::stored(row.get("generation"))))
}

/// Removes a session, unless another has taken its place.
async fn remove_session(change: &mut SqlConnection, agent: &AgentId, session: &SessionId) -> Result<(), Error> {
    sql::query("DELETE FROM runtime_sessions WHERE agent_id = $1 AND id = $2")
        .bind(agent.as_str())
        .bind(session.as_str())
        .execute(&mut *change)
        .await?;
    Ok(())
}

/// Removes a session, unless another has taken its place or it was heard from after some time. Returns true if it was removed.
async fn remove_silent_session(
    change: &mut SqlConnection,
    agent: &AgentId,
    session: &SessionId,
    heard_ms: i64,
) -> Result<bool, Error> {
    let query = sql::query("DELETE FROM runtime_sessions WHERE agent_id = $1 AND id = $2 AND heartbeat_ms <= $3");
    let query = query.bind(agent.as_str()).bind(session.as_str()).bind(heard_ms);
    Ok(query.execute(&mut *change).await? > 0)
}

/// Stores when sessions were last heard from.
async fn note_heartbeats(change: &mut SqlConnection, heartbeats: &[(SessionId, AgentId, i64)]) -> Result<(), Error> {
    for (session, agent, ms) in heartbeats {
        sql::query("UPDATE runtime_sessions SET heartbeat_ms = $3 WHERE agent_id = $1 AND id = $2")
            .bind(agent.as_str())
            .bind(session.as_str())
            .bind(ms)
            .execute(&mut *change)
            .await?;
    }
    Ok(())
}

/// Makes an agent a member. One that is a member stays what it is.
async fn join_channel(
    change: &mut SqlConnection,
    channel: &ChannelId,
    agent: &AgentId,
    now_ms: i64,
) -> Result<(), Error> {
    let joined = sql::query(
        "INSERT INTO channel_members (channel_id, agent_id, role, joined_ms) \
         SELECT c.id, a.id, 'member', $3 FROM channels c, agents a WHERE c.id = $1 AND a.id = $2 \
         ON CONFLICT (channel_id, agent_id) DO NOTHING",
    )
    .bind(channel.as_str())
    .bind(agent.as_str())
    .bind(now_ms)
    .execute(&mut *change)
    .await?;
    if joined > 0 {
        note_activity(change, channel, now_ms).await?;
    }
    Ok(())
}

/// Ends an agent's membership.
async fn leave_channel(
    change: &mut SqlConnection,
    channel: &ChannelId,
    agent: &AgentId,
    now_ms: i64,
) -> Result<(), Error> {
    let left = sql::query("DELETE FROM channel_members WHERE channel_id = $1 AND agent_id = $2")
        .bind(channel.as_str())
        .bind(agent.as_str())
        .execute(&mut *change)
        .await?;
    if left > 0 {
        note_activity(change, channel, now_ms).await?;
    }
    Ok(())
}

async fn note_activity(change: &mut SqlConnection, channel: &ChannelId, now_ms: i64) -> Result<(), Error> {
    let query = sql::query("UPDATE channels SET active_ms = $2 WHERE id = $1");
    query.bind(channel.as_str()).bind(now_ms).execute(&mut *change).await?;
    Ok(())
}

fn session(row: &Row) -> StoredSession {
    StoredSession {
        id: row.get::<String, _>("id").into(),
        agent_id: row.get::<String, _>("agent_id").into(),
        project_id: row.get::<String, _>("project_id").into(),
        address: row.get("address"),
        title: row.get("title"),
        metadata: row.get("metadata"),
        connected_ms: row.get("connected_ms"),
        heartbeat_ms: row.get("heartbeat_ms"),
        generation: Generation::stored(row.get("generation")),
    }
}
