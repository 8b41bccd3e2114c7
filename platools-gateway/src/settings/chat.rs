//! How conversations with agents are held.

use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use platools_gateway::core::chat::{ChatSettings, WhenBusy};
use serde::{Deserialize, Serialize};

use super::alone;
use super::span::Span;

/// Less than an agent needs to say anything.
const SHORTEST_RUN: Duration = Duration::from_secs(1);

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
}

/// How conversations with agents are held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Chat {
    /// What happens to a message that comes while the one before it is being answered. Default: it waits.
    busy: WhenBusy,
    /// How long an agent may take to answer. Default: 5 minutes.
    run_limit: Span,
}

impl Default for Chat {
    fn default() -> Self {
        Self { busy: WhenBusy::default(), run_limit: Span::from_secs(300) }
    }
}

impl Chat {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        ensure!(self.run_limit.get() >= SHORTEST_RUN, "`chat.run_limit` is {}; it takes at least 1s", self.run_limit);
        Ok(())
    }

    pub(crate) fn settings(&self) -> ChatSettings {
        ChatSettings::default().busy(self.busy).run_limit(self.run_limit.get())
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
