//! [`AgentPresence`]: describes one agent that has a session. [`Presence`] is a page of the list of such agents.

use serde::{Deserialize, Deserializer, Serialize};

/// An agent that is connected. There is no session id in it: that is for the agent alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AgentPresence {
    /// The agent.
    pub agent_id: String,
    /// Its address.
    #[serde(default)]
    pub address: String,
    /// Its name for people, if it has one.
    #[serde(default)]
    pub display_name: Option<String>,
    /// Time when its session began.
    #[serde(default)]
    pub connected_at: String,
    /// Time of its last sign of life.
    #[serde(default)]
    pub last_heartbeat: String,
}

impl AgentPresence {
    /// An agent without a name for people.
    #[must_use]
    pub fn new(
        agent_id: impl Into<String>,
        address: impl Into<String>,
        connected_at: impl Into<String>,
        last_heartbeat: impl Into<String>,
    ) -> Self {
        Self {
            agent_id: agent_id.into(),
            address: address.into(),
            display_name: None,
            connected_at: connected_at.into(),
            last_heartbeat: last_heartbeat.into(),
        }
    }

    /// Adds the name for people.
    #[must_use]
    pub fn with_display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = Some(name.into());
        self
    }
}

/// A page of the connected agents. Read from an array as well, which is all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Presence {
    /// The agents of the page.
    pub agents: Vec<AgentPresence>,
    /// The number of entries on all pages.
    pub total: usize,
    /// The number of entries that fit a page.
    pub limit: usize,
    /// The number of entries before the page.
    pub offset: usize,
}

impl Presence {
    /// A page.
    #[must_use]
    pub fn new(agents: Vec<AgentPresence>, total: usize, limit: usize, offset: usize) -> Self {
        Self { agents, total, limit, offset }
    }
}

impl<'de> Deserialize<'de> for Presence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            Page { agents: Vec<AgentPresence>, total: Option<usize>, limit: Option<usize>, offset: Option<usize> },
            Agents(Vec<AgentPresence>),
        }
        Ok(match Shape::deserialize(deserializer)? {
            Shape::Page { agents, total, limit, offset } => {
                let count = agents.len();
                Self::new(agents, total.unwrap_or(count), limit.unwrap_or(count), offset.unwrap_or_default())
            }
            Shape::Agents(agents) => {
                let count = agents.len();
                Self::new(agents, count, count, 0)
            }
        })
    }
}
