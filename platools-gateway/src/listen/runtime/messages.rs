//! The routes of `/v1/channels/{channel}/messages`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::auth::Known;
use super::body::{Body, metadata, stored};
use super::failure::Failure;
use super::page::{Path, Query, limit};
use crate::core::Core;
use crate::domain::ids::MessageId;
use crate::listen::params::count;
use crate::ports::time::rfc3339;
use crate::sessions::{NewMessage, StoredChannel, StoredChannelMessage};

/// A message of a channel.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChannelMessage)]
pub(super) struct Message {
    id: String,
    channel_id: String,
    channel_slug: String,
    channel_name: String,
    /// Its author.
    agent_id: String,
    /// Its address at that time.
    from: String,
    /// Its title at that time.
    from_name: Option<String>,
    /// Its type, usually `text`.
    message_type: String,
    content: String,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<RawValue>>,
    created_at: String,
}

impl Message {
    fn new(channel: &StoredChannel, row: StoredChannelMessage) -> Self {
        Self {
            id: row.id.to_string(),
            channel_id: channel.id.to_string(),
            channel_slug: channel.slug.clone(),
            channel_name: channel.name.clone(),
            agent_id: row.agent_id.to_string(),
            from: row.address,
            from_name: row.from_name,
            message_type: row.message_type,
            content: row.content,
            metadata: row.metadata.map(stored),
            created_at: rfc3339(row.created_ms),
        }
    }
}

/// Messages of a channel.
#[derive(Serialize, ToSchema)]
#[schema(as = ChannelMessages)]
pub(super) struct Messages {
    /// The oldest first.
    messages: Vec<Message>,
}

/// A new message. Further members that clients send, such as a signature, are ignored.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewChannelMessage)]
pub(super) struct New {
    /// The words, up to 64 KiB.
    content: String,
    /// Its type. Default: `text`.
    message_type: Option<String>,
    /// Whatever goes with it, up to 8 KiB.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<RawValue>>,
}

/// Say something in a channel that the agent is a member of. Those who subscribe to it are told before this is answered.
#[utoipa::path(post, path = "/v1/channels/{channel}/messages", tag = "channels", request_body = New,
    params(("channel", description = "Id or slug")),
    responses((status = 201, body = Message), (status = "4XX", body = Failure)))]
pub(super) async fn say(
    Known(peer): Known,
    State(core): State<Arc<Core>>,
    Path(channel): Path<String>,
    Body(new): Body<New>,
) -> Result<(StatusCode, Json<Message>), Failure> {
    let message_type = new.message_type.unwrap_or_else(|| "text".to_owned());
    let new = NewMessage { content: new.content, message_type, metadata: metadata(new.metadata)? };
    let (channel, said) = core.sessions.send_message(&peer, &channel, new).await?;
    Ok((StatusCode::CREATED, Json(Message::new(&channel, said))))
}

/// Filter and page of a list of messages.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// The largest number of messages. Default: 50. Values above 100 count as 100.
    #[serde(default, deserialize_with = "count")]
    limit: Option<usize>,
    /// Only those before the message of this id. Default: the last there are.
    before: Option<String>,
}

/// Show what was said last in a channel, the oldest first.
#[utoipa::path(get, path = "/v1/channels/{channel}/messages", tag = "channels",
    params(("channel", description = "Id or slug"), Wanted),
    responses((status = 200, body = Messages), (status = "4XX", body = Failure)))]
pub(super) async fn history(
    Known(peer): Known,
    State(core): State<Arc<Core>>,
    Path(channel): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Messages>, Failure> {
    let before = wanted.before.map(MessageId::from);
    let (channel, rows) = core.sessions.messages(&peer, &channel, before.as_ref(), limit(wanted.limit)).await?;
    Ok(Json(Messages { messages: rows.into_iter().map(|row| Message::new(&channel, row)).collect() }))
}
