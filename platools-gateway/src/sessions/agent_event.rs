//! [`AgentEvent`]: a custom event that an agent sends to the application that embeds the gateway. [`EventHandler`] is the application's
//! function for it.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::ids::{AgentId, ProjectId, SessionId};

/// A custom frame that an agent sent over one of its sockets. `Debug` shows the length of its data, not the data.
#[derive(Clone)]
#[non_exhaustive]
pub struct AgentEvent {
    /// The agent that sent it.
    pub agent_id: AgentId,
    /// The agent's slug, at the time when it opened the socket.
    pub agent: String,
    /// The agent's project.
    pub project_id: ProjectId,
    /// The agent's session; none of a socket whose agent has not begun one.
    pub session_id: Option<SessionId>,
    /// The `type` of the frame, at most 128 bytes. It begins with none of `channel.`, `connection.`, `presence.` and `tool.`.
    pub kind: String,
    /// The `data` of the frame; `{}` where there was none.
    pub data: Box<RawValue>,
    /// The time of its arrival, in milliseconds since 1970.
    pub received_ms: i64,
}

impl AgentEvent {
    /// The data as a type.
    ///
    /// # Errors
    /// It does not fit the type.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.data.get())
    }

    /// The bytes of the event while it waits.
    pub(super) fn size(&self) -> usize {
        self.data.get().len() + self.kind.len() + ALLOWANCE
    }
}

/// Bytes of an event beside its type and data, in round numbers.
const ALLOWANCE: usize = 256;

impl fmt::Debug for AgentEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentEvent")
            .field("agent_id", &self.agent_id)
            .field("session_id", &self.session_id)
            .field("kind", &self.kind)
            .field("data_bytes", &self.data.get().len())
            .finish_non_exhaustive()
    }
}

/// The application's function for custom events.
#[derive(Clone)]
pub(crate) struct EventHandler(Arc<dyn Fn(AgentEvent) -> BoxFuture<'static, ()> + Send + Sync>);

impl EventHandler {
    pub(crate) fn new<H, F>(handler: H) -> Self
    where
        H: Fn(AgentEvent) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(move |event| Box::pin(handler(event))))
    }

    pub(super) fn handle(&self, event: AgentEvent) -> BoxFuture<'static, ()> {
        (self.0)(event)
    }
}

impl fmt::Debug for EventHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventHandler")
    }
}
