//! The bodies of the HTTP requests with which an agent begins a session, gets a [`Ticket`] for a socket, keeps the session alive, and ends
//! it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::truncate::truncate;

/// The body of a request for a session; it may be left out.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Connect {
    /// The program the agent runs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_version: Option<String>,
    /// Metadata of the agent: a JSON object of at most
    /// [`MAX_METADATA_BYTES`](super::MAX_METADATA_BYTES).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<RawValue>>,
}

impl Connect {
    /// A request that says nothing of the agent.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the name and the version of the agent's program.
    #[must_use]
    pub fn with_client(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.client_name = Some(name.into());
        self.client_version = Some(version.into());
        self
    }

    /// Adds metadata of the agent, a JSON object.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Box<RawValue>) -> Self {
        self.metadata = Some(metadata);
        self
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client_name, client_version, metadata } = self;
        f.debug_struct("Connect")
            .field("client_name", client_name)
            .field("client_version", client_version)
            .field("metadata_bytes", &metadata.as_ref().map_or(0, |metadata| metadata.get().len()))
            .finish()
    }
}

/// A session that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Connected {
    /// The session.
    pub session_id: String,
    /// The agent.
    pub agent_id: String,
    /// The agent's address.
    pub address: String,
    /// Time when it began.
    pub connected_at: String,
}

impl Connected {
    /// A session of an agent.
    #[must_use]
    pub fn new(
        session_id: impl Into<String>,
        agent_id: impl Into<String>,
        address: impl Into<String>,
        connected_at: impl Into<String>,
    ) -> Self {
        Self {
            session_id: session_id.into(),
            agent_id: agent_id.into(),
            address: address.into(),
            connected_at: connected_at.into(),
        }
    }
}

/// A ticket, with which a socket is opened once. `Debug` never shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ticket {
    /// The ticket.
    pub ticket: String,
}

impl Ticket {
    /// A ticket.
    #[must_use]
    pub fn new(ticket: impl Into<String>) -> Self {
        Self { ticket: ticket.into() }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").finish_non_exhaustive()
    }
}

/// The answer to a heartbeat over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct HeartbeatReply {
    /// Always true.
    pub success: bool,
    /// Time when the gateway noted it.
    pub last_heartbeat: String,
}

impl HeartbeatReply {
    /// A heartbeat was noted.
    #[must_use]
    pub fn new(last_heartbeat: impl Into<String>) -> Self {
        Self { success: true, last_heartbeat: last_heartbeat.into() }
    }
}

/// The status of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Status {
    /// The agent.
    pub agent_id: String,
    /// Its address.
    pub address: String,
    /// Its name for people, if it has one.
    #[serde(default)]
    pub display_name: Option<String>,
    /// Usually `active`.
    pub status: String,
    /// Its session, if it has one.
    #[serde(default)]
    pub session: Option<SessionInfo>,
}

impl Status {
    /// An agent without a session.
    #[must_use]
    pub fn new(agent_id: impl Into<String>, address: impl Into<String>, status: impl Into<String>) -> Self {
        let (agent_id, address, status) = (agent_id.into(), address.into(), status.into());
        Self { agent_id, address, display_name: None, status, session: None }
    }

    /// Adds the name for people.
    #[must_use]
    pub fn with_display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = Some(name.into());
        self
    }

    /// Adds the session.
    #[must_use]
    pub fn with_session(mut self, session: SessionInfo) -> Self {
        self.session = Some(session);
        self
    }
}

/// A session that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SessionInfo {
    /// The session.
    pub session_id: String,
    /// Time when it began.
    pub connected_at: String,
    /// Time of the agent's last sign of life.
    pub last_heartbeat: String,
}

impl SessionInfo {
    /// A session that goes on.
    #[must_use]
    pub fn new(
        session_id: impl Into<String>,
        connected_at: impl Into<String>,
        last_heartbeat: impl Into<String>,
    ) -> Self {
        Self { session_id: session_id.into(), connected_at: connected_at.into(), last_heartbeat: last_heartbeat.into() }
    }
}

/// The body of a request that ends a session; it may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Disconnect {
    /// The session; the agent's own without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
}

impl Disconnect {
    /// The end of that session.
    #[must_use]
    pub fn new(session_id: impl Into<String>) -> Self {
        Self { session_id: Some(session_id.into()) }
    }
}

/// The answer where there is no more to say: it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Done {
    /// Always true.
    pub success: bool,
}

impl Done {
    /// It was done.
    #[must_use]
    pub fn new() -> Self {
        Self { success: true }
    }
}

impl Default for Done {
    fn default() -> Self {
        Self::new()
    }
}

/// The answer to a request that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Failure {
    /// The message.
    pub error: String,
}

/// The longest message of a gateway's failure, in bytes; a longer one is cut.
const MAX_ERROR_BYTES: usize = 1024;

impl Failure {
    /// A failure.
    #[must_use]
    pub fn new(error: impl Into<String>) -> Self {
        Self { error: error.into() }
    }

    /// Reads the message of a failed answer's body: its `error`, `message` or `detail`, or a `message` within one of these;
    /// at most 1 KiB of it, without control characters. `None` where it says nothing of that kind, as a proxy's page does.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let words = ["error", "message", "detail"].iter().find_map(|name| match &body[*name] {
            Value::String(words) => Some(words.as_str()),
            nested => nested["message"].as_str(),
        });
        let words = words.map(str::trim).filter(|words| !words.is_empty())?;
        let printable = truncate(words, MAX_ERROR_BYTES).replace(|c: char| c.is_control(), " ");
        Some(Self { error: printable })
    }
}
