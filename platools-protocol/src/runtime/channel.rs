//! [`Channel`]: describes a channel as requests and events send it. The file also has a channel's messages, which every member receives.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Channel {
    /// The channel.
    pub id: String,
    /// Its name for addresses.
    #[serde(default)]
    pub slug: String,
    /// Its name for people.
    #[serde(default)]
    pub name: String,
    /// The purpose of the channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// True if the agent that asks is a member.
    #[serde(default)]
    pub is_member: bool,
    /// The number of members.
    #[serde(default)]
    pub member_count: u64,
    /// Time when it was made.
    #[serde(default)]
    pub created_at: String,
}

impl Channel {
    /// A channel without a description and without members.
    #[must_use]
    pub fn new(
        id: impl Into<String>,
        slug: impl Into<String>,
        name: impl Into<String>,
        created_at: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            slug: slug.into(),
            name: name.into(),
            description: None,
            is_member: false,
            member_count: 0,
            created_at: created_at.into(),
        }
    }
}

/// A page of the channels there are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Channels {
    /// The channels of the page; fewer than its limit on the last one.
    pub channels: Vec<Channel>,
    /// The number of channels of a page, where the gateway says so: it may allow for fewer than were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

impl Channels {
    /// A page.
    #[must_use]
    pub fn new(channels: Vec<Channel>) -> Self {
        Self { channels, limit: None }
    }
}

/// A channel to be made.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NewChannel {
    /// Its name for addresses, which no other one has.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// The purpose of the channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Metadata: a JSON object of at most [`MAX_METADATA_BYTES`](super::MAX_METADATA_BYTES).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<RawValue>>,
}

impl NewChannel {
    /// A channel without a description.
    #[must_use]
    pub fn new(slug: impl Into<String>, name: impl Into<String>) -> Self {
        Self { slug: slug.into(), name: name.into(), description: None, metadata: None }
    }

    /// Adds a description.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }
}

impl fmt::Debug for NewChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewChannel").field("slug", &self.slug).field("name", &self.name).finish_non_exhaustive()
    }
}

/// A message to send to a channel. `Debug` shows its length, not the text.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NewMessage {
    /// The words.
    pub content: String,
    /// The type; `text` unless it says otherwise.
    #[serde(default = "text")]
    pub message_type: String,
    /// Metadata: a JSON object of at most [`MAX_METADATA_BYTES`](super::MAX_METADATA_BYTES).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<RawValue>>,
}

fn text() -> String {
    "text".to_owned()
}

impl NewMessage {
    /// A text.
    #[must_use]
    pub fn new(content: impl Into<String>) -> Self {
        Self { content: content.into(), message_type: text(), metadata: None }
    }

    /// Adds whatever else there is to be known, as a JSON object.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Box<RawValue>) -> Self {
        self.metadata = Some(metadata);
        self
    }
}

impl fmt::Debug for NewMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewMessage")
            .field("content_bytes", &self.content.len())
            .field("message_type", &self.message_type)
            .finish_non_exhaustive()
    }
}

/// A message of a channel: the answer to a sent message, and the data of the event that the others get. `Debug` shows its
/// length, not the text.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ChannelMessage {
    /// The message.
    #[serde(default)]
    pub id: String,
    /// The channel.
    #[serde(default)]
    pub channel_id: String,
    /// The channel's name for addresses.
    #[serde(default)]
    pub channel_slug: String,
    /// The channel's name for people.
    #[serde(default)]
    pub channel_name: String,
    /// The author.
    #[serde(default)]
    pub agent_id: String,
    /// The address of the sender.
    pub from: String,
    /// Their name for people, if they have one.
    #[serde(default)]
    pub from_name: Option<String>,
    /// The type; usually `text`.
    #[serde(default = "text")]
    pub message_type: String,
    /// The words.
    pub content: String,
    /// Metadata: a JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<RawValue>>,
    /// Time of the message.
    #[serde(default)]
    pub created_at: String,
}

impl ChannelMessage {
    /// A message in a channel, from the agent with this address.
    #[must_use]
    pub fn new(
        id: impl Into<String>,
        channel: &Channel,
        from: impl Into<String>,
        message: NewMessage,
        created_at: impl Into<String>,
    ) -> Self {
        let NewMessage { content, message_type, metadata } = message;
        Self {
            id: id.into(),
            channel_id: channel.id.clone(),
            channel_slug: channel.slug.clone(),
            channel_name: channel.name.clone(),
            agent_id: String::new(),
            from: from.into(),
            from_name: None,
            message_type,
            content,
            metadata,
            created_at: created_at.into(),
        }
    }

    /// Adds the sender's id.
    #[must_use]
    pub fn with_agent_id(mut self, id: impl Into<String>) -> Self {
        self.agent_id = id.into();
        self
    }

    /// Adds the sender's name for people.
    #[must_use]
    pub fn with_from_name(mut self, name: impl Into<String>) -> Self {
        self.from_name = Some(name.into());
        self
    }
}

impl fmt::Debug for ChannelMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelMessage")
            .field("id", &self.id)
            .field("channel_id", &self.channel_id)
            .field("from", &self.from)
            .field("content_bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}
