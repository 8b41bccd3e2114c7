//! Messages that the protocol of the live feed itself sends, such as pings and errors. The events of agents are in [`crate::feed`].

use std::borrow::Cow;

use axum::extract::ws::Utf8Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::feed::Watched;
use crate::ports::time::{now_ms, rfc3339};

/// A message of a dashboard.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DashboardMessage {
    /// It is there.
    Pong,
    /// It is to be told this.
    Reply(Utf8Bytes),
}

#[derive(Deserialize)]
struct DashboardFrame<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(default)]
    data: Value,
    #[serde(default, rename = "agentId")]
    agent_id: Value,
}

/// Handles a message.
///
/// `as_named` is the agent as the dashboard named it in its URL.
pub(super) fn handle(text: &str, watched: &Watched, as_named: &str) -> DashboardMessage {
    let incoming = match serde_json::from_str::<DashboardFrame<'_>>(text) {
        Ok(incoming) => incoming,
        Err(problem) if problem.is_data() => {
            return DashboardMessage::Reply(error("a message is an object with a `type`"));
        }
        Err(_) => return DashboardMessage::Reply(error("this is not JSON")),
    };
    match &*incoming.r#type {
        "pong" => DashboardMessage::Pong,
        "ping" => DashboardMessage::Reply(json!({"type": "pong", "timestamp": now()}).to_string().into()),
        "subscribe" => DashboardMessage::Reply(subscribed(&incoming, watched, as_named)),
        _ => DashboardMessage::Reply(error("this `type` is not known here: there are `pong`, `ping` and `subscribe`")),
    }
}

/// Everybody hears of the agent that the connection is for, and of no other.
fn subscribed(incoming: &DashboardFrame<'_>, watched: &Watched, as_named: &str) -> Utf8Bytes {
    let named = incoming.data.get("agentId").unwrap_or(&incoming.agent_id);
    let id = watched.agent_id.as_str();
    if *named != Value::Null && *named != id && *named != *watched.agent {
        return error("this connection watches another agent; open one for each");
    }
    // Clients compare it with what they sent.
    let named = named.as_str().unwrap_or(as_named);
    json!({"type": "subscribed", "data": {"agentId": named, "timestamp": now()}}).to_string().into()
}

/// Asks whether it is there.
pub(super) fn ping() -> Utf8Bytes {
    json!({"type": "ping", "timestamp": now()}).to_string().into()
}

/// Says what is wrong.
pub(super) fn error(message: &str) -> Utf8Bytes {
    json!({"type": "error", "data": {"message": message}}).to_string().into()
}

fn now() -> String {
    rfc3339(now_ms())
}
