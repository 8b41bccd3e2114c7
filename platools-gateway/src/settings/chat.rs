//! How conversations with agents are held.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use platools_gateway::agents::chat::{ChatSettings, WhenBusy};
use serde::{Deserialize, Serialize};

use super::alone;
use super::size::Size;
use super::span::Span;

/// Less than an agent needs to say anything.
const SHORTEST_RUN: Duration = Duration::from_secs(1);

/// Less than a conversation needs to go on.
const SHORTEST_AGE: Duration = Duration::from_secs(60);

/// The bytes of the longest message of a user.
const LONGEST_MESSAGE: u64 = 512 * 1024;

/// What was said of how conversations with agents are held.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GivenChat {
    /// What happens to a message that comes while the one before it is being answered: `queue` or `refuse`. Default: queue.
    #[arg(long = "chat-busy", value_name = "WHAT", env = "PLATOOLS_GATEWAY_CHAT_BUSY", value_parser = when_busy)]
    busy: Option<WhenBusy>,
    /// How long an agent may take to answer. Default: 5m.
    #[arg(long = "chat-run-limit", value_name = "TIME", env = "PLATOOLS_GATEWAY_CHAT_RUN_LIMIT")]
    run_limit: Option<Span>,
    /// How long after its last message a conversation is deleted. Default: 90d.
    #[arg(id = "chat_max_age", long = "chat-max-age", value_name = "TIME", env = "PLATOOLS_GATEWAY_CHAT_MAX_AGE")]
    max_age: Option<Span>,
    /// Messages of one conversation; further ones take the place of the oldest. Default: 10000.
    #[arg(
        id = "chat_max_messages",
        long = "chat-max-messages",
        value_name = "NUMBER",
        env = "PLATOOLS_GATEWAY_CHAT_MAX_MESSAGES"
    )]
    max_messages: Option<NonZeroU32>,
    /// How much room one conversation may take; further messages take the place of the oldest. Default: 16MiB.
    #[arg(
        id = "chat_max_conversation_size",
        long = "chat-max-conversation-size",
        value_name = "SIZE",
        env = "PLATOOLS_GATEWAY_CHAT_MAX_CONVERSATION_SIZE"
    )]
    max_conversation_size: Option<Size>,
    /// How much room the conversations of one project may take. Default: 1GiB.
    #[arg(
        id = "chat_max_project_size",
        long = "chat-max-project-size",
        value_name = "SIZE",
        env = "PLATOOLS_GATEWAY_CHAT_MAX_PROJECT_SIZE"
    )]
    max_project_size: Option<Size>,
    /// Conversations of one user; a further one takes the place of the quietest. Default: 1000.
    #[arg(
        id = "chat_max_conversations",
        long = "chat-max-conversations",
        value_name = "NUMBER",
        env = "PLATOOLS_GATEWAY_CHAT_MAX_CONVERSATIONS"
    )]
    max_conversations: Option<NonZeroU32>,
    /// How much of a conversation an agent is told for its next answer, the newest messages. Default: 1MiB.
    #[arg(
        id = "chat_history_size",
        long = "chat-history-size",
        value_name = "SIZE",
        env = "PLATOOLS_GATEWAY_CHAT_HISTORY_SIZE"
    )]
    history_size: Option<Size>,
}

/// How conversations with agents are held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Chat {
    /// What happens to a message that comes while the one before it is being answered. Default: it waits.
    busy: WhenBusy,
    /// How long an agent may take to answer. Default: 5 minutes.
    run_limit: Span,
    /// How long after its last message a conversation is deleted. Default: 90 days.
    max_age: Span,
    /// Messages of one conversation. Default: 10,000.
    max_messages: NonZeroU32,
    /// Room of one conversation. Default: 16 MiB.
    max_conversation_size: Size,
    /// Room of the conversations of one project. Default: 1 GiB.
    max_project_size: Size,
    /// Conversations of one user. Default: 1,000.
    max_conversations: NonZeroU32,
    /// How much of a conversation an agent is told for its next answer. Default: 1 MiB.
    history_size: Size,
}

impl Default for Chat {
    fn default() -> Self {
        let settings = ChatSettings::default();
        let number = |number| NonZeroU32::new(number).expect("a default is not zero");
        Self {
            busy: settings.busy,
            run_limit: Span::from_secs(settings.run_limit.as_secs()),
            max_age: Span::from_secs(settings.max_age.as_secs()),
            max_messages: number(settings.max_messages),
            max_conversation_size: Size::bytes(settings.max_conversation_bytes),
            max_project_size: Size::bytes(settings.max_project_bytes),
            max_conversations: number(settings.max_conversations),
            history_size: Size::bytes(settings.max_history_bytes),
        }
    }
}

impl Chat {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        ensure!(self.run_limit.get() >= SHORTEST_RUN, "`chat.run_limit` is {}; it takes at least 1s", self.run_limit);
        ensure!(self.max_age.get() >= SHORTEST_AGE, "`chat.max_age` is {}; it takes at least 1m", self.max_age);
        for (name, size) in [("max_conversation_size", self.max_conversation_size), ("history_size", self.history_size)]
        {
            ensure!(
                size.get() >= LONGEST_MESSAGE,
                "`chat.{name}` is {size}; it takes at least 512KiB, as much as one message"
            );
        }
        Ok(())
    }

    pub(crate) fn settings(&self) -> ChatSettings {
        let mut settings = ChatSettings::default().busy(self.busy).run_limit(self.run_limit.get());
        settings.max_age = self.max_age.get();
        settings.max_messages = self.max_messages.get();
        settings.max_conversation_bytes = self.max_conversation_size.get();
        settings.max_project_bytes = self.max_project_size.get();
        settings.max_conversations = self.max_conversations.get();
        settings.max_history_bytes = self.history_size.get();
        settings
    }
}

impl GivenChat {
    /// The settings of a command without a configuration file.
    ///
    /// # Errors
    /// The limit is too short.
    pub(crate) fn complete(self) -> anyhow::Result<Chat> {
        let chat: Chat = alone(&self)?;
        chat.check()?;
        Ok(chat)
    }
}

fn when_busy(name: &str) -> Result<WhenBusy, &'static str> {
    WhenBusy::from_name(name).ok_or("it takes queue or refuse")
}
