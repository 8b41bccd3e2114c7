//! [`AgentRuntime`]: sends events to the sockets of agents, for the application that embeds the gateway.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use platools_protocol::runtime::{MAX_MESSAGE_BYTES, MAX_TYPE_BYTES, is_reserved_type};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::event_handlers::AgentEventFigures;
use super::shared_sessions::SharedSessions;
use super::{Sessions, events};
use crate::authority::{Action, Resource, authorize};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::{AgentId, ChannelId};

/// Sends events to the sockets of agents. Clones reach the same agents.
///
/// Sending never waits. Nothing is kept for an agent without a socket; a socket that does not read its events is closed with 1013. Events
/// of the agents themselves go to the handlers of [`Builder::on_agent_event`](crate::Builder::on_agent_event).
///
/// ```
/// use platools_gateway::Gateway;
/// use platools_gateway::domain::agent_profile::Profile;
/// use serde_json::json;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), platools_gateway::Error> {
/// let gateway = Gateway::builder()
///     .on_agent_event(async |event| println!("{} sent {}: {}", event.agent, event.kind, event.data))
///     .start()
///     .await?;
/// let scout = gateway.core().local_admin().add_agent("scout", Profile::default()).await?.id;
///
/// let sockets = gateway.runtime().tell(&scout, "job.assigned", &json!({"job": 7}))?;
/// assert_eq!(sockets, 0, "it is not connected yet");
/// # gateway.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AgentRuntime(pub(super) Arc<SharedSessions>);

impl AgentRuntime {
    /// Sends an event `{type, timestamp, data}` to all sockets of an agent, and returns how many these are. An event for a socket at another
    /// gateway of the installation is lost with the connection to that gateway.
    ///
    /// # Errors
    /// The type is empty, longer than 128 bytes, or one of the protocol's own: `error`, `heartbeat`, or one that begins with `channel.`,
    /// `connection.`, `presence.` or `tool.`. If the agent has a socket, also: the data cannot be written as JSON, or has more
    /// than 256 KiB.
    pub fn tell<D: Serialize + ?Sized>(&self, agent: &AgentId, kind: &str, data: &D) -> Result<usize, Error> {
        check_type(kind)?;
        let Some(project) = self.0.agents.project(agent).filter(|project| self.0.table().has_socket(project, agent))
        else {
            return Ok(0);
        };
        let text = event(kind, data)?;
        Ok(self.0.tell(&project, agent, &text))
    }

    /// Sends an event to all sockets that subscribe to a channel, and returns how many these are at this gateway. It is not stored in the
    /// channel.
    ///
    /// # Errors
    /// As of [`AgentRuntime::tell`].
    pub fn tell_channel<D: Serialize + ?Sized>(
        &self,
        channel: &ChannelId,
        kind: &str,
        data: &D,
    ) -> Result<usize, Error> {
        check_type(kind)?;
        if self.0.fan_out.is_none() && !self.0.table().has_subscribers(channel) {
            return Ok(0);
        }
        let text = event(kind, data)?;
        Ok(self.0.tell_channel(channel, &text))
    }

    /// Counts of the custom events of agents since the start.
    #[must_use]
    pub fn event_figures(&self) -> AgentEventFigures {
        self.0.handlers.figures()
    }
}

impl fmt::Debug for AgentRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentRuntime").finish_non_exhaustive()
    }
}

impl Sessions {
    /// The handle that sends events to agents.
    pub(crate) fn handle(&self) -> AgentRuntime {
        AgentRuntime(Arc::clone(&self.shared))
    }

    /// Sends an event to all sockets of an agent of the caller's project, by slug or id. Counts as a call.
    ///
    /// # Errors
    /// The role is not enough, the caller stands for a user or an agent, there is no such agent, the caller asks for too much, or as of
    /// [`AgentRuntime::tell`].
    pub(crate) fn tell_agent(&self, caller: &Caller, agent: &str, kind: &str, data: &RawValue) -> Result<usize, Error> {
        authorize(caller, Action::Tell, Resource::Project(&caller.project_id))?;
        let _under_way = self.limiter.admit_call(caller)?;
        let id = self.directory.agent(caller, agent)?.id;
        check_readable(data)?;
        self.handle().tell(&id, kind, data)
    }
}

fn event<D: Serialize + ?Sized>(kind: &str, data: &D) -> Result<Bytes, Error> {
    let invalid = |message: String| Error::new(ErrorKind::InvalidRequest, message);
    let data =
        to_raw_value(data).map_err(|error| invalid(format!("the event's data cannot be written as JSON: {error}")))?;
    let bytes = data.get().len();
    if bytes > MAX_MESSAGE_BYTES {
        return Err(invalid(format!("the event's data has {bytes} bytes; at most {MAX_MESSAGE_BYTES} are sent")));
    }
    Ok(events::custom(kind, &data))
}

/// Refuses types that the protocol reserves.
fn check_type(kind: &str) -> Result<(), Error> {
    let invalid = |message: String| Err(Error::new(ErrorKind::InvalidRequest, message));
    if kind.is_empty() || kind.len() > MAX_TYPE_BYTES {
        return invalid(format!("the `type` of an event has from 1 to {MAX_TYPE_BYTES} bytes"));
    }
    if is_reserved_type(kind) || matches!(kind, "error" | "heartbeat") {
        return invalid(format!(
            "the type `{kind}` is the gateway's own, as `error`, `heartbeat` and all that begin with `channel.`, `connection.`, \
             `presence.` or `tool.` are; choose another one"
        ));
    }
    Ok(())
}

/// Refuses JSON that agents could not read: nested too deeply, or with lone surrogates.
fn check_readable(data: &RawValue) -> Result<(), Error> {
    match serde_json::from_str::<serde_json::Value>(data.get()) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::new(ErrorKind::InvalidRequest, format!("the event's `data` cannot be read: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_the_protocol_are_refused() {
        for kind in ["job.assigned", "custom.event", "channels", "errors", &"x".repeat(128)] {
            check_type(kind).unwrap();
        }
        for kind in [
            "",
            "error",
            "heartbeat",
            "channel.message",
            "presence.joined",
            "tool.call",
            "connection.state",
            &"x".repeat(129),
        ] {
            assert_eq!(check_type(kind).unwrap_err().kind(), ErrorKind::InvalidRequest, "{kind}");
        }
    }
}
