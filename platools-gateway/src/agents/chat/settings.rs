//! Settings of conversations.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of conversations.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChatSettings {
    /// The handling of a message that comes while the previous one is being answered. Default: [`WhenBusy::Queue`].
    pub busy: WhenBusy,
    /// The longest time of a run. Default: 5 minutes.
    pub run_limit: Duration,
    /// The time after its last message at which a conversation is deleted. Default: 90 days.
    pub max_age: Duration,
    /// Messages of one conversation. With more, its oldest are deleted. Default: 10,000.
    pub max_messages: u32,
    /// Bytes of one conversation. With more, its oldest messages are deleted; its newest message stays. Default: 16 MiB.
    pub max_conversation_bytes: u64,
    /// Bytes of the conversations of a project. With more, the user who has most of them loses the conversations that were quiet for
    /// longest. Default: 1 GiB.
    pub max_project_bytes: u64,
    /// Conversations of one user. With more, the one that was quiet for longest is deleted. Default: 1,000.
    pub max_conversations: u32,
    /// Bytes of the newest messages that an agent is told for its next answer. Default: 1 MiB.
    pub max_history_bytes: u64,
}

impl Default for ChatSettings {
    fn default() -> Self {
        Self {
            busy: WhenBusy::default(),
            run_limit: Duration::from_secs(300),
            max_age: Duration::from_secs(90 * 24 * 60 * 60),
            max_messages: 10_000,
            max_conversation_bytes: 16 * 1024 * 1024,
            max_project_bytes: 1024 * 1024 * 1024,
            max_conversations: 1000,
            max_history_bytes: 1024 * 1024,
        }
    }
}

impl ChatSettings {
    /// Says what happens to a message that comes while the one before it is being answered.
    #[must_use]
    pub fn busy(mut self, busy: WhenBusy) -> Self {
        self.busy = busy;
        self
    }

    /// Says how long a run may take.
    #[must_use]
    pub fn run_limit(mut self, limit: Duration) -> Self {
        self.run_limit = limit;
        self
    }
}

/// The handling of a message that comes while the previous one of its conversation is being answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum WhenBusy {
    /// It waits, with up to 15 others.
    #[default]
    Queue,
    /// It is refused.
    Refuse,
}

impl WhenBusy {
    /// `queue` or `refuse`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "queue" => Some(Self::Queue),
            "refuse" => Some(Self::Refuse),
            _ => None,
        }
    }
}
