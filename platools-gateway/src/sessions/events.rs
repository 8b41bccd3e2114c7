//! Functions that write the events which the gateway sends to agents, such as a new message, as the text of a frame.

use bytes::Bytes;
use platools_protocol::runtime as wire;
use platools_protocol::runtime::{AgentPresence, ChannelMessage, GatewayEvent, event};
use serde::Serialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use super::session::PresentAgent;
use crate::domain::channel::{StoredChannel, StoredChannelMessage};
use crate::domain::identity::Identity;
use crate::domain::ids::CallId;
use crate::ports::call_observer::{BegunCall, EndedCall};
use crate::ports::time::{now_ms, rfc3339};

/// An event of any type, with the present time.
pub(super) fn custom(kind: &str, data: &RawValue) -> Bytes {
    GatewayEvent::new(kind, rfc3339(now_ms()), data).to_text().into()
}

fn happening(kind: &str, data: &impl Serialize) -> Bytes {
    custom(kind, &to_raw_value(data).expect("strings, numbers and raw JSON always serialize"))
}

/// The event that refuses a frame of an agent.
pub(super) fn refused(why: &str) -> Bytes {
    happening(event::ERROR, &json!({"error": why}))
}

pub(super) fn joined(agent: PresentAgent) -> Bytes {
    happening(event::PRESENCE_JOINED, &presence(agent))
}

pub(super) fn left(agent: PresentAgent) -> Bytes {
    happening(event::PRESENCE_LEFT, &presence(agent))
}

fn presence(agent: PresentAgent) -> AgentPresence {
    let (connected, heartbeat) = (rfc3339(agent.connected_ms), rfc3339(agent.heartbeat_ms));
    let mut presence = AgentPresence::new(agent.agent_id.as_str(), agent.names.address, connected, heartbeat);
    presence.display_name = agent.names.title;
    presence
}

/// The event of a new message in a channel.
pub(super) fn message(channel: &StoredChannel, row: &StoredChannelMessage) -> Bytes {
    let created = rfc3339(row.created_ms);
    let channel = wire::Channel::new(channel.id.as_str(), &*channel.slug, &*channel.name, rfc3339(channel.created_ms));
    let mut content = wire::NewMessage::new(&*row.content);
    content.message_type.clone_from(&row.message_type);
    content.metadata = row.metadata.clone().and_then(|metadata| RawValue::from_string(metadata).ok());
    let mut message = ChannelMessage::new(row.id.as_str(), &channel, &*row.address, content, &*created);
    message.from_name.clone_from(&row.from_name);
    let data =
        to_raw_value(&message.with_agent_id(row.agent_id.as_str())).expect("strings and raw JSON always serialize");
    GatewayEvent::new(event::CHANNEL_MESSAGE, created, &data).to_text().into()
}

/// The event of a call by the agent.
pub(super) fn tool_call(call: &BegunCall<'_>) -> Bytes {
    happening(event::TOOL_CALL, &CallNotice::new(call.call_id, call.tool, call.identity))
}

/// The event of the end of a call by the agent.
pub(super) fn tool_result(call: &EndedCall<'_>) -> Bytes {
    let latency_ms = u64::try_from(call.took.as_millis()).unwrap_or(u64::MAX);
    let ended = CallNotice::new(call.call_id, call.tool, call.identity);
    happening(event::TOOL_RESULT, &CallNotice { outcome: Some(call.outcome), latency_ms: Some(latency_ms), ..ended })
}

/// A call, without its arguments and its result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallNotice<'a> {
    call_id: &'a str,
    tool: &'a str,
    entity: &'a str,
    environment: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<u64>,
}

impl<'a> CallNotice<'a> {
    fn new(call_id: &'a CallId, tool: &'a str, identity: &'a Identity) -> Self {
        let (entity, environment) = (&*identity.entity, &*identity.environment);
        Self { call_id: call_id.as_str(), tool, entity, environment, outcome: None, latency_ms: None }
    }
}
