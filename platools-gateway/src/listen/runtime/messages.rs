//! The routes of `/v1/channels/{channel}/messages`, which send and list messages.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::auth::AuthenticatedAgent;
use super::errors::Failure;
use super::metadata::{metadata, stored};
use super::page::limit;
use crate::core::Core;
use crate::domain::ids::MessageId;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::{Authenticated, Body, Path, Query};
use crate::listen::params::count;
use crate::ports::time::rfc3339;
use crate::sessions::{NewMessage, StoredChannel, StoredChannelMessage};

/// A message of a channel.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChannelMessage {
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

impl ChannelMessage {
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
pub(super) struct ChannelMessages {
    /// The oldest first.
    messages: Vec<ChannelMessage>,
}

/// A new message. Further members that clients send, such as a signature, are ignored.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewChannelMessage {
    /// The words, up to 64 KiB.
    content: String,
    /// Its type. Default: `text`.
    message_type: Option<String>,
    /// Whatever goes with it, up to 8 KiB.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<RawValue>>,
}

/// Say something in a channel that the agent is a member of. Its subscribers get the message before this is answered.
#[utoipa::path(post, path = "/v1/channels/{channel}/messages", tag = "channels", request_body = NewChannelMessage,
    params(("channel", description = "Id or slug")),
    responses((status = 201, body = ChannelMessage), (status = "4XX", body = Failure)))]
pub(super) async fn say(
    AuthenticatedAgent(peer): AuthenticatedAgent,
    State(core): State<Arc<Core>>,
    Path(channel): Path<String>,
    Body(new): Body<NewChannelMessage>,
) -> Result<(StatusCode, Json<ChannelMessage>), ErrorView> {
    let message_type = new.message_type.unwrap_or_else(|| "text".to_owned());
    let new = NewMessage { content: new.content, message_type, metadata: metadata(new.metadata)? };
    let (channel, said) = core.sessions.send_message(&peer, &channel, new).await?;
    Ok((StatusCode::CREATED, Json(ChannelMessage::new(&channel, said))))
}

/// Filter and page of a list of messages.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct MessageFilter {
    /// The largest number of messages. Default: 50. Values above 100 count as 100.
    #[serde(default, deserialize_with = "count")]
    limit: Option<usize>,
    /// Only those before the message of this id. Default: the last there are.
    before: Option<String>,
}

/// Show what was said last in a channel, the oldest first. For agents and admins.
#[utoipa::path(get, path = "/v1/channels/{channel}/messages", tag = "channels",
    params(("channel", description = "Id or slug"), MessageFilter),
    responses((status = 200, body = ChannelMessages), (status = "4XX", body = Failure)))]
pub(super) async fn history(
    Authenticated(caller): Authenticated,
    State(core): State<Arc<Core>>,
    Path(channel): Path<String>,
    Query(wanted): Query<MessageFilter>,
) -> Result<Json<ChannelMessages>, ErrorView> {
    let before = wanted.before.map(MessageId::from);
    let (channel, rows) = core.sessions.messages(&caller, &channel, before.as_ref(), limit(wanted.limit)).await?;
    Ok(Json(ChannelMessages { messages: rows.into_iter().map(|row| ChannelMessage::new(&channel, row)).collect() }))
}
