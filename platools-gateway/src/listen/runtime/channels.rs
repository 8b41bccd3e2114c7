//! The routes of `/v1/channels`, which list, add, show and remove channels, and let an agent join or leave one.

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
use super::page::{OffsetQuery, limit};
use super::sessions::Done;
use crate::core::Core;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::{Authenticated, Body, Path, Query};
use crate::listen::params::count;
use crate::ports::time::rfc3339;
use crate::sessions::{NewChannel, StoredChannel, StoredMember};

/// The one kind of channel there is.
const KIND: &str = "custom";

/// The number of members in one answer: a client may not know that there are pages.
const MAX_MEMBERS: usize = 1000;

/// A channel of a project.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Channel {
    id: String,
    /// Its name in URLs.
    slug: String,
    /// Its name for people.
    name: String,
    description: Option<String>,
    /// Always `custom`.
    channel_type: &'static str,
    /// Always true: every agent of the project may join.
    is_public: bool,
    #[schema(value_type = Object)]
    metadata: Box<RawValue>,
    member_count: i64,
    /// True if the agent that asks is a member; false for an admin without an agent.
    is_member: bool,
    created_at: String,
}

impl From<StoredChannel> for Channel {
    fn from(row: StoredChannel) -> Self {
        Self {
            id: row.id.to_string(),
            slug: row.slug,
            name: row.name,
            description: row.description,
            channel_type: KIND,
            is_public: true,
            metadata: stored(row.metadata),
            member_count: row.members,
            is_member: row.is_member,
            created_at: rfc3339(row.created_ms),
        }
    }
}

/// A page of the list of channels.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Channels {
    channels: Vec<Channel>,
    /// The number of all channels.
    total: i64,
    limit: usize,
    offset: usize,
}

/// Filter and page of a list of channels.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChannelFilter {
    /// The largest number of channels. Default: 50. Values above 100 count as 100.
    #[serde(default, deserialize_with = "count")]
    limit: Option<usize>,
    /// The number of channels to skip. Default: 0.
    #[serde(default, deserialize_with = "count")]
    offset: Option<usize>,
    /// Only those of a kind. There is one: `custom`.
    channel_type: Option<String>,
    /// Only public ones, or only others, of which there are none.
    is_public: Option<bool>,
}

/// List the project's channels: first those that the agent is a member of, then by slug. For agents and admins.
#[utoipa::path(get, path = "/v1/channels", tag = "channels", params(ChannelFilter),
    responses((status = 200, body = Channels), (status = "4XX", body = Failure)))]
pub(super) async fn list(
    Authenticated(caller): Authenticated,
    State(core): State<Arc<Core>>,
    Query(wanted): Query<ChannelFilter>,
) -> Result<Json<Channels>, ErrorView> {
    let (limit, offset) = (limit(wanted.limit), wanted.offset.unwrap_or_default());
    let is_of_kind = wanted.channel_type.is_none_or(|kind| kind == KIND) && wanted.is_public != Some(false);
    let (channels, total) =
        if is_of_kind { core.sessions.channels(&caller, limit, offset).await? } else { (Vec::new(), 0) };
    Ok(Json(Channels { channels: channels.into_iter().map(Channel::from).collect(), total, limit, offset }))
}

/// A channel to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewChannel)]
pub(super) struct ChannelRequest {
    /// Its name in URLs, which no other channel of the project has.
    slug: String,
    /// Its name for people.
    name: String,
    description: Option<String>,
    /// Whatever is to be kept with it, up to 8 KiB.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<RawValue>>,
    /// `custom`, if anything.
    channel_type: Option<String>,
    /// True, if anything.
    is_public: Option<bool>,
}

/// Make a channel. The agent that makes it is its first member.
#[utoipa::path(post, path = "/v1/channels", tag = "channels", request_body = ChannelRequest,
    responses((status = 201, body = Channel), (status = "4XX", body = Failure)))]
pub(super) async fn create(
    AuthenticatedAgent(peer): AuthenticatedAgent,
    State(core): State<Arc<Core>>,
    Body(new): Body<ChannelRequest>,
) -> Result<(StatusCode, Json<Channel>), ErrorView> {
    if new.is_public == Some(false) {
        return Err(ErrorView::invalid("there are no private channels here: every agent of the project may join"));
    }
    if new.channel_type.is_some_and(|kind| kind != KIND) {
        return Err(ErrorView::invalid("`channelType` must be `custom`: there are no others here"));
    }
    let metadata = metadata(new.metadata)?.unwrap_or_else(|| "{}".to_owned());
    let new = NewChannel { slug: new.slug, name: new.name, description: new.description, metadata };
    Ok((StatusCode::CREATED, Json(core.sessions.add_channel(&peer, new).await?.into())))
}

/// Show one channel. For agents and admins.
#[utoipa::path(get, path = "/v1/channels/{channel}", tag = "channels", params(("channel", description = "Id or slug")),
    responses((status = 200, body = Channel), (status = "4XX", body = Failure)))]
pub(super) async fn show(
    Authenticated(caller): Authenticated,
    State(core): State<Arc<Core>>,
    Path(channel): Path<String>,
) -> Result<Json<Channel>, ErrorView> {
    Ok(Json(core.sessions.channel(&caller, &channel).await?.into()))
}

/// Delete a channel with everything that was said in it. For the agent that made it, and for admins, also those without an agent.
#[utoipa::path(delete, path = "/v1/channels/{channel}", tag = "channels",
    params(("channel", description = "Id or slug")),
    responses((status = 200, body = Done), (status = "4XX", body = Failure)))]
pub(super) async fn remove(
    Authenticated(caller): Authenticated,
    State(core): State<Arc<Core>>,
    Path(channel): Path<String>,
) -> Result<Json<Done>, ErrorView> {
    core.sessions.remove_channel(&caller, &channel).await?;
    Ok(Done::DONE)
}

/// Become a member of a channel. Nothing happens to one that is.
#[utoipa::path(post, path = "/v1/channels/{channel}/join", tag = "channels",
    params(("channel", description = "Id or slug")),
    responses((status = 200, body = Done), (status = "4XX", body = Failure)))]
pub(super) async fn join(
    AuthenticatedAgent(peer): AuthenticatedAgent,
    State(core): State<Arc<Core>>,
    Path(channel): Path<String>,
) -> Result<Json<Done>, ErrorView> {
    core.sessions.join_channel(&peer, &channel).await?;
    Ok(Done::DONE)
}

/// Be a member of a channel no more. Nothing happens to one that is none.
#[utoipa::path(post, path = "/v1/channels/{channel}/leave", tag = "channels",
    params(("channel", description = "Id or slug")),
    responses((status = 200, body = Done), (status = "4XX", body = Failure)))]
pub(super) async fn leave(
    AuthenticatedAgent(peer): AuthenticatedAgent,
    State(core): State<Arc<Core>>,
    Path(channel): Path<String>,
) -> Result<Json<Done>, ErrorView> {
    core.sessions.leave_channel(&peer, &channel).await?;
    Ok(Done::DONE)
}

/// An agent in a channel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChannelMember {
    agent_id: String,
    agent_address: String,
    display_name: Option<String>,
    /// `owner` for the agent that made the channel, `member` for all others.
    role: String,
    joined_at: String,
}

impl From<StoredMember> for ChannelMember {
    fn from(row: StoredMember) -> Self {
        Self {
            agent_id: row.agent_id.to_string(),
            agent_address: row.address,
            display_name: row.title,
            role: row.role,
            joined_at: rfc3339(row.joined_ms),
        }
    }
}

/// The members of a channel.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChannelMembers {
    members: Vec<ChannelMember>,
}

/// The members of a channel that have a session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChannelPresence {
    online: Vec<ChannelMember>,
}

/// List up to 1000 members of a channel, in the order they came. For agents and admins.
#[utoipa::path(get, path = "/v1/channels/{channel}/members", tag = "channels",
    params(("channel", description = "Id or slug"), OffsetQuery),
    responses((status = 200, body = ChannelMembers), (status = "4XX", body = Failure)))]
pub(super) async fn members(
    Authenticated(caller): Authenticated,
    State(core): State<Arc<Core>>,
    Path(channel): Path<String>,
    Query(window): Query<OffsetQuery>,
) -> Result<Json<ChannelMembers>, ErrorView> {
    let (limit, offset) = (window.limit_or(MAX_MEMBERS), window.offset());
    let members = core.sessions.channel_members(&caller, &channel, limit, offset).await?;
    Ok(Json(ChannelMembers { members: members.into_iter().map(|(member, _)| member.into()).collect() }))
}

/// List the members of a channel that have a session. For agents and admins.
#[utoipa::path(get, path = "/v1/channels/{channel}/presence", tag = "channels",
    params(("channel", description = "Id or slug"), OffsetQuery),
    responses((status = 200, body = ChannelPresence), (status = "4XX", body = Failure)))]
pub(super) async fn presence(
    Authenticated(caller): Authenticated,
    State(core): State<Arc<Core>>,
    Path(channel): Path<String>,
    Query(window): Query<OffsetQuery>,
) -> Result<Json<ChannelPresence>, ErrorView> {
    let (limit, offset) = (window.limit_or(MAX_MEMBERS), window.offset());
    let members = core.sessions.channel_members(&caller, &channel, limit, offset).await?;
    let online = members.into_iter().filter(|(_, is_there)| *is_there).map(|(member, _)| member.into()).collect();
    Ok(Json(ChannelPresence { online }))
}
