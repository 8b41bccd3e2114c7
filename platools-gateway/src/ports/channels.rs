//! [`ChannelStore`]: the port that stores the channels of agents with sessions, their members and their messages.

use async_trait::async_trait;

use crate::domain::channel::{
    AddedChannel, ChannelAddition, ChannelLimits, StoredChannel, StoredChannelMessage, StoredMember,
};
use crate::domain::error::Error;
use crate::domain::ids::{AgentId, ChannelId, MessageId, ProjectId};

/// Stores channels, their members and their messages. Members and messages are written by
/// [`write_sessions`](super::sessions::SessionStore::write_sessions).
#[async_trait]
pub(crate) trait ChannelStore: std::fmt::Debug + Send + Sync {
    /// Adds a channel with its owner, unless its slug is taken, or the project or the agent has as many as it may have.
    async fn add_channel(
        &self,
        channel: &AddedChannel,
        owner: &AgentId,
        limits: ChannelLimits,
    ) -> Result<ChannelAddition, Error>;

    /// A channel of a project, by id or slug, and the agent that made it, if that is still there.
    async fn channel_creator(
        &self,
        project: &ProjectId,
        name: &str,
    ) -> Result<Option<(ChannelId, Option<AgentId>)>, Error>;

    /// Deletes the channels without members and without activity since some time, some in each transaction.
    async fn forget_channels_before(&self, ms: i64) -> Result<(), Error>;

    /// Channels of a project: first those that the agent is in, as clients look at the first page for them. Without an agent, none is a
    /// member's.
    async fn channels(
        &self,
        project: &ProjectId,
        agent: Option<&AgentId>,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<StoredChannel>, Error>;

    /// Counts the channels of a project.
    async fn channel_count(&self, project: &ProjectId) -> Result<i64, Error>;

    /// Finds a channel of a project by id or slug.
    async fn channel(
        &self,
        project: &ProjectId,
        agent: Option<&AgentId>,
        name: &str,
    ) -> Result<Option<StoredChannel>, Error>;

    /// Lists the members of a channel in the order they joined.
    async fn channel_members(&self, channel: &ChannelId, limit: i64, offset: i64) -> Result<Vec<StoredMember>, Error>;

    /// Finds the position of a message in its channel.
    async fn message_position(&self, channel: &ChannelId, message: &MessageId) -> Result<Option<i64>, Error>;

    /// The messages of a channel from a position on, in order.
    async fn channel_messages_from(
        &self,
        channel: &ChannelId,
        position: i64,
        limit: i64,
    ) -> Result<Vec<StoredChannelMessage>, Error>;

    /// The position of the next message of a channel.
    async fn next_position(&self, channel: &ChannelId) -> Result<i64, Error>;

    /// The last messages of a channel before a position, the oldest first.
    async fn channel_messages(
        &self,
        channel: &ChannelId,
        before: i64,
        limit: i64,
    ) -> Result<Vec<StoredChannelMessage>, Error>;
}
