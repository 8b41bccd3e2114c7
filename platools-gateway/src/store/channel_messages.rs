//! [`add_message`]: adds a message to a channel, and deletes old messages when there are too many.

use super::sql::{self, SqlConnection};
use super::usage::{Counted, add_usage};
use crate::domain::channel::{ChannelBounds, StoredChannelMessage};
use crate::domain::error::Error;
use crate::domain::ids::{ChannelId, ProjectId};

/// Size of a message beside its text and metadata, as the limits count it.
const MESSAGE_BYTES: i64 = 128;

/// Appends a message to a channel. The oldest make room if the channel has too many or too many bytes then; if its project has, those
/// of its largest channel do. Returns the message's position; none if the sender is no member.
///
/// Positions have no holes: the newest message always stays, and transactions that write to channels take turns.
pub(super) async fn add_message(
    change: &mut SqlConnection,
    channel: &ChannelId,
    message: &StoredChannelMessage,
    bounds: ChannelBounds,
) -> Result<Option<i64>, Error> {
    let added = sql::query(
        "INSERT INTO channel_messages \
         (channel_id, position, id, agent_id, address, message_type, content, metadata, created_ms, from_name) \
         SELECT channel_id, \
         COALESCE((SELECT MAX(position) + 1 FROM channel_messages WHERE channel_id = $1), 0), \
         $3, agent_id, $4, $5, $6, $7, $8, $9 FROM channel_members WHERE channel_id = $1 AND agent_id = $2 \
         RETURNING position",
    )
    .bind(channel.as_str())
    .bind(message.agent_id.as_str())
    .bind(message.id.as_str())
    .bind(&message.address)
    .bind(&message.message_type)
    .bind(&message.content)
    .bind(&message.metadata)
    .bind(message.created_ms)
    .bind(&message.from_name)
    .fetch_optional(&mut *change)
    .await?;
    let Some(added) = added else { return Ok(None) };
    let position = added.get::<i64, _>("position");
    let past = position - bounds.messages;
    let removed = remove_messages(change, channel, past).await?;
    let bytes = bytes_of(message);
    let (project, size) = resize(change, channel, bytes - removed, message.created_ms).await?;
    let usage = add_usage(change, &project, Counted::Channels, 0, bytes - removed).await?.bytes;
    let trimmed = trim(change, channel, &project, size - bounds.bytes).await?;
    make_room(change, &project, usage - trimmed - bounds.project_bytes).await?;
    Ok(Some(position))
}

/// Deletes the oldest messages of the largest channels of a project until so many bytes are free, but the newest of each.
async fn make_room(change: &mut SqlConnection, project: &ProjectId, mut excess: i64) -> Result<(), Error> {
    while excess > 0 {
        let query = sql::query("SELECT id FROM channels WHERE project_id = $1 ORDER BY bytes DESC LIMIT 1");
        let Some(row) = query.bind(project.as_str()).fetch_optional(&mut *change).await? else { return Ok(()) };
        let trimmed = trim(change, &row.get::<String, _>("id").into(), project, excess).await?;
        if trimmed == 0 {
            return Ok(());
        }
        excess -= trimmed;
    }
    Ok(())
}

fn bytes_of(message: &StoredChannelMessage) -> i64 {
    let bytes = message.content.len() + message.metadata.as_deref().map_or(0, str::len);
    i64::try_from(bytes).unwrap_or(i64::MAX).saturating_add(MESSAGE_BYTES)
}

/// Removes the messages up to a position, and returns how many bytes they had.
async fn remove_messages(change: &mut SqlConnection, channel: &ChannelId, up_to: i64) -> Result<i64, Error> {
    let rows = sql::query(
        "DELETE FROM channel_messages WHERE channel_id = $1 AND position <= $2 \
         RETURNING octet_length(content) + COALESCE(octet_length(metadata), 0) AS bytes",
    )
    .bind(channel.as_str())
    .bind(up_to)
    .fetch_all(change)
    .await?;
    Ok(rows.iter().map(|row| row.get::<i64, _>("bytes") + MESSAGE_BYTES).sum())
}

/// Removes the oldest messages of a channel until so many bytes are free, but not the newest. Returns how many bytes they had.
async fn trim(change: &mut SqlConnection, channel: &ChannelId, project: &ProjectId, excess: i64) -> Result<i64, Error> {
    let mut removed = 0;
    while removed < excess {
        let row = sql::query(
            "SELECT MIN(position) AS oldest, MAX(position) AS newest FROM channel_messages WHERE channel_id = $1",
        )
        .bind(channel.as_str())
        .fetch_one(&mut *change)
        .await?;
        let (oldest, newest): (Option<i64>, Option<i64>) = (row.get("oldest"), row.get("newest"));
        let Some(oldest) = oldest.filter(|_| oldest < newest) else { break };
        removed += remove_messages(change, channel, oldest).await?;
    }
    if removed > 0 {
        let query = sql::query("UPDATE channels SET bytes = bytes - $2 WHERE id = $1");
        query.bind(channel.as_str()).bind(removed).execute(&mut *change).await?;
        add_usage(change, project, Counted::Channels, 0, -removed).await?;
    }
    Ok(removed)
}

/// Notes how a channel grew, and when. Returns its project and how many bytes it has.
async fn resize(
    change: &mut SqlConnection,
    channel: &ChannelId,
    by: i64,
    now_ms: i64,
) -> Result<(ProjectId, i64), Error> {
    let query = "UPDATE channels SET bytes = bytes + $2, active_ms = $3 WHERE id = $1 RETURNING project_id, bytes";
    let row = sql::query(query).bind(channel.as_str()).bind(by).bind(now_ms).fetch_one(change).await?;
    Ok((row.get::<String, _>("project_id").into(), row.get("bytes")))
}
