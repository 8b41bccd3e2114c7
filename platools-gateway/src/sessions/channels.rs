//! Functions of [`Sessions`] that list, add and remove channels, and let an agent join or leave one. [`NewChannel`] is a channel to add.

use super::writer::SessionChange;
use super::{Peer, Sessions};
use crate::authority::{Action, Resource, authorize};
use crate::domain::channel::{AddedChannel, ChannelAddition, ChannelLimits, StoredChannel, StoredMember};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::ChannelId;
use crate::domain::number::saturating_i64;
use crate::domain::slug::check_slug;
use crate::domain::text_rule::TextRule;
use crate::ports::time::now_ms;

/// The longest name of a channel, in characters.
const MAX_NAME_CHARS: usize = 200;

/// The longest description of a channel, in characters.
const MAX_DESCRIPTION_CHARS: usize = 2000;

const NAME: TextRule = TextRule::line("name", 4 * MAX_NAME_CHARS);

const DESCRIPTION: TextRule = TextRule::prose("description", 4 * MAX_DESCRIPTION_CHARS);

/// A channel to add.
#[derive(Debug)]
pub(crate) struct NewChannel {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    /// A JSON object.
    pub(crate) metadata: String,
}

impl NewChannel {
    fn check(&self) -> Result<(), Error> {
        check_slug(&self.slug)?;
        let invalid = |message: String| Err(Error::new(ErrorKind::InvalidRequest, message));
        if self.slug.starts_with("chan_") {
            return invalid("the slug of a channel must not begin with `chan_`, as ids do".to_owned());
        }
        if self.name.trim().is_empty() || self.name.chars().count() > MAX_NAME_CHARS {
            return invalid(format!("`name` must have from 1 to {MAX_NAME_CHARS} characters"));
        }
        if self.description.as_ref().is_some_and(|text| text.chars().count() > MAX_DESCRIPTION_CHARS) {
            return invalid(format!("`description` must have at most {MAX_DESCRIPTION_CHARS} characters"));
        }
        NAME.check(&self.name)?;
        DESCRIPTION.check_any(self.description.as_deref())
    }
}

impl Sessions {
    /// Lists channels of the caller's project, those that its agent is a member of first, and counts all of them.
    ///
    /// # Errors
    /// The caller may not read channels, or the database failed.
    pub(crate) async fn channels(
        &self,
        caller: &Caller,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<StoredChannel>, i64), Error> {
        let (project, agent) = (&caller.project_id, caller.agent_id.as_ref());
        authorize(caller, Action::View, Resource::Channels(project))?;
        let rows = self.store.channels(project, agent, saturating_i64(limit), saturating_i64(offset)).await?;
        Ok((rows, self.store.channel_count(project).await?))
    }

    /// Finds a channel of the caller's project by id or slug.
    ///
    /// # Errors
    /// The caller may not read channels, there is no such channel, or the database failed.
    pub(crate) async fn channel(&self, caller: &Caller, name: &str) -> Result<StoredChannel, Error> {
        authorize(caller, Action::View, Resource::Channels(&caller.project_id))?;
        let found = self.store.channel(&caller.project_id, caller.agent_id.as_ref(), name).await?;
        found.ok_or_else(no_channel)
    }

    /// Makes a channel, with the agent as its first member.
    ///
    /// # Errors
    /// The role is not enough, something about it is malformed, its slug is taken, there are too many, or the database failed.
    pub(crate) async fn add_channel(&self, peer: &Peer, new: NewChannel) -> Result<StoredChannel, Error> {
        let _under_way = self.may_change(peer)?;
        new.check()?;
        let NewChannel { slug, name, description, metadata } = new;
        let project_id = peer.caller.project_id.clone();
        let added = AddedChannel {
            id: ChannelId::random(),
            project_id,
            slug,
            name,
            description,
            metadata,
            created_ms: now_ms(),
        };
        let settings = self.settings();
        let limits = ChannelLimits {
            of_project: i64::from(settings.max_channels),
            of_agent: i64::from(settings.max_channels_of_agent),
        };
        match self.store.add_channel(&added, &peer.id, limits).await? {
            ChannelAddition::Added => self.channel(&peer.caller, added.id.as_str()).await,
            ChannelAddition::SlugTaken => {
                Err(Error::new(ErrorKind::AlreadyExists, format!("there is a channel `{}` already", added.slug)))
            }
            ChannelAddition::ProjectIsFull => Err(too_many("the project has", limits.of_project)),
            ChannelAddition::AgentIsFull => Err(too_many("the agent has made", limits.of_agent)),
        }
    }

    /// Deletes a channel with its messages. All subscriptions to it end.
    ///
    /// # Errors
    /// The role is not enough, there is no such channel, the caller is neither an admin nor the agent that made the channel, or the
    /// database failed.
    pub(crate) async fn remove_channel(&self, caller: &Caller, name: &str) -> Result<(), Error> {
        authorize(caller, Action::Change, Resource::Project(&caller.project_id))?;
        let _under_way = self.limiter.admit_call(caller)?;
        let (id, created_by) = self.store.channel_creator(&caller.project_id, name).await?.ok_or_else(no_channel)?;
        let channel = Resource::Channel { project: &caller.project_id, creator: created_by.as_ref() };
        authorize(caller, Action::Administer, channel)?;
        self.writer.write(SessionChange::RemoveChannel(id)).await.map(drop)
    }

    /// Makes the agent a member of a channel, unless it is one.
    ///
    /// # Errors
    /// The role is not enough, there is no such channel, or the database failed.
    pub(crate) async fn join_channel(&self, peer: &Peer, name: &str) -> Result<(), Error> {
        let _under_way = self.may_change(peer)?;
        let (channel, agent) = (self.channel(&peer.caller, name).await?.id, peer.id.clone());
        self.writer.write(SessionChange::Join { agent, channel }).await.map(drop)
    }

    /// Ends the agent's membership in a channel, if it is a member. None of its sockets gets the channel's messages any more.
    ///
    /// # Errors
    /// The role is not enough, there is no such channel, or the database failed.
    pub(crate) async fn leave_channel(&self, peer: &Peer, name: &str) -> Result<(), Error> {
        let _under_way = self.may_change(peer)?;
        let channel = self.channel(&peer.caller, name).await?.id;
        let (project, agent) = (peer.caller.project_id.clone(), peer.id.clone());
        self.writer.write(SessionChange::Leave { project, agent, channel }).await.map(drop)
    }

    /// The members of a channel, in the order in which they joined, each with true if it has a session.
    ///
    /// # Errors
    /// The caller may not read channels, there is no such channel, or the database failed.
    pub(crate) async fn channel_members(
        &self,
        caller: &Caller,
        name: &str,
        limit: usize,
        offset: usize,
    ) -> Result<Vec<(StoredMember, bool)>, Error> {
        let channel = self.channel(caller, name).await?;
        let members = self.store.channel_members(&channel.id, saturating_i64(limit), saturating_i64(offset)).await?;
        let state = self.shared.table();
        let is_there = |member: &StoredMember| state.session(&caller.project_id, &member.agent_id).is_some();
        Ok(members
            .into_iter()
            .map(|member| (is_there(&member), member))
            .map(|(there, member)| (member, there))
            .collect())
    }
}

fn no_channel() -> Error {
    Error::new(ErrorKind::NotFound, "there is no such channel")
}

fn too_many(whose: &str, limit: i64) -> Error {
    let message = format!(
        "{whose} {limit} channels, which is as many as may be; delete one with `DELETE /v1/channels/{{channel}}` first"
    );
    Error::new(ErrorKind::LimitReached, message)
}
