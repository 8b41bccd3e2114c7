//! Functions of [`Sessions`] that send and list the messages of channels. [`NewMessage`] is a message to send.

use std::fmt;

use super::writer::SessionChange;
use super::{Peer, Sessions};
use crate::authority::{Action, Resource, authorize};
use crate::domain::channel::{StoredChannel, StoredChannelMessage};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::MessageId;
use crate::domain::number::saturating_i64;
use crate::domain::text_rule::TextRule;
use crate::limits::ConcurrencyPermit;

/// The longest text of a message, in bytes.
const MAX_CONTENT_BYTES: usize = 64 * 1024;

const CONTENT: TextRule = TextRule::payload("content", MAX_CONTENT_BYTES);

/// The longest type of a message, in bytes.
const MAX_TYPE_BYTES: usize = 64;

/// A message to be stored and sent.
pub(crate) struct NewMessage {
    pub(crate) content: String,
    pub(crate) message_type: String,
    /// A JSON object.
    pub(crate) metadata: Option<String>,
}

impl NewMessage {
    fn check(&self) -> Result<(), Error> {
        let invalid = |message: String| Err(Error::new(ErrorKind::InvalidRequest, message));
        if self.content.is_empty() || self.content.len() > MAX_CONTENT_BYTES {
            return invalid(format!("`content` must have from 1 to {MAX_CONTENT_BYTES} bytes"));
        }
        CONTENT.check(&self.content)?;
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        let (length, plain) = (self.message_type.len(), is_plain(&self.message_type));
        if length == 0 || length > MAX_TYPE_BYTES || !plain {
            return invalid(format!(
                "`messageType` must have from 1 to {MAX_TYPE_BYTES} letters, digits, `.`, `_` and `-`"
            ));
        }
        Ok(())
    }
}

impl fmt::Debug for NewMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewMessage").field("content_bytes", &self.content.len()).finish_non_exhaustive()
    }
}

impl Sessions {
    /// Sends a message to a channel. When this returns, the message is stored and queued for every subscriber, in the order of
    /// storage.
    ///
    /// # Errors
    /// The role is not enough, the agent is no member, the message is malformed, the agent asks for too much, the gateway stops,
    /// or the database failed.
    pub(crate) async fn send_message(
        &self,
        peer: &Peer,
        channel: &str,
        new: NewMessage,
    ) -> Result<(StoredChannel, StoredChannelMessage), Error> {
        let _under_way = self.may_change(peer)?;
        new.check()?;
        let channel = self.channel(&peer.caller, channel).await?;
        channel.check_member()?;
        let mut message = StoredChannelMessage {
            id: MessageId::random(),
            agent_id: peer.id.clone(),
            address: peer.names.address.clone(),
            from_name: peer.names.title.clone(),
            message_type: new.message_type,
            content: new.content,
            metadata: new.metadata,
            created_ms: 0,
            position: 0,
        };
        let change = SessionChange::Message { channel: channel.clone(), message: message.clone() };
        message.created_ms = self.writer.write(change).await?;
        Ok((channel, message))
    }

    /// Lists the last messages of a channel, or the last ones before a message, oldest first.
    ///
    /// # Errors
    /// The caller may not read channels, there is no such channel or message, or the database failed.
    pub(crate) async fn messages(
        &self,
        caller: &Caller,
        channel: &str,
        before: Option<&MessageId>,
        limit: usize,
    ) -> Result<(StoredChannel, Vec<StoredChannelMessage>), Error> {
        let channel = self.channel(caller, channel).await?;
        let before = match before {
            None => i64::MAX,
            Some(id) => self.store.message_position(&channel.id, id).await?.ok_or_else(|| {
                let message = "`before` must be the id of a message that is still kept in this channel";
                Error::new(ErrorKind::InvalidRequest, message)
            })?,
        };
        let messages = self.store.channel_messages(&channel.id, before, saturating_i64(limit)).await?;
        Ok((channel, messages))
    }

    /// Checks that an agent may change something, and takes one of its permits for requests.
    pub(super) fn may_change(&self, peer: &Peer) -> Result<ConcurrencyPermit<String>, Error> {
        authorize(&peer.caller, Action::Change, Resource::Project(&peer.caller.project_id))?;
        self.limiter.admit_call(&peer.caller)
    }
}
