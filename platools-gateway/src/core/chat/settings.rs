//! How conversations are held.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How conversations are held.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChatSettings {
    /// What happens to a message that comes while the one before it is being answered. Default: [`WhenBusy::Queue`].
    pub busy: WhenBusy,
    /// How long a run may take. Default: 5 minutes.
    pub run_limit: Duration,
}

impl Default for ChatSettings {
    fn default() -> Self {
        Self { busy: WhenBusy::default(), run_limit: Duration::from_secs(300) }
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

/// What happens to a message that comes while the one before it in the same conversation is being answered.
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
