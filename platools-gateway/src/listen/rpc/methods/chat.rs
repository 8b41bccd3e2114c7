//! `chat.send` and `chat.abort`

use platools::wire::rpc::{
    AgentEvent, ChatChunk, ChatReply, ChatSend, ErrorCode, RpcError, RunStatus, ToolCallEvent, ToolResultEvent, Usage,
    event,
};
use serde::Deserialize;
use serde_json::json;

use super::{Params, Reply, reply};
use crate::core::agent::{ChatEvent, ChatSink};
use crate::core::chat::ChatRequest;
use crate::core::ids::{ConversationId, RunId};
use crate::listen::rpc::errors::invalid;
use crate::listen::rpc::queue::Queue;
use crate::listen::rpc::session::Session;

/// Where a message comes from when the caller does not say.
const CHANNEL: &str = "websocket";

/// A channel's name has at most so many characters.
const MAX_CHANNEL_CHARS: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Abort {
    run_id: Option<String>,
    session_id: Option<String>,
}

/// Says something to an agent, and tells what happens until it has answered.
pub(super) async fn send(session: &Session<'_>, params: Params) -> Reply {
    let ChatSend { agent_id, message, channel, session_id, .. } = params.decode()?;
    let channel = channel.unwrap_or_else(|| CHANNEL.to_owned());
    if channel.is_empty() || channel.chars().nth(MAX_CHANNEL_CHARS).is_some() {
        return Err(invalid("`channel` must have from 1 to 64 characters"));
    }
    let mut under_way = session.runs.begin(session_id.as_deref());
    let run = under_way.id.clone();
    let conversation = session_id.as_deref().map(ConversationId::from);
    let request = ChatRequest { agent: agent_id, message, conversation, channel };
    let tell = |status| session.queue.event(event::AGENT, &AgentEvent::new(run.as_str(), status));
    tell(RunStatus::Started);
    let listener = Listener(session.queue);
    // The run is dropped where it is stopped, and the calls of tools with it.
    let ended = tokio::select! {
        biased;
        ended = session.core.chat(&session.caller, request, &run, &listener) => ended.map_err(RpcError::from),
        () = under_way.stopped() => Err(aborted(&run)),
    };
    tell(if ended.is_ok() { RunStatus::Completed } else { RunStatus::Failed });
    let ended = ended?;
    let usage = Usage::new(ended.usage.input_tokens, ended.usage.output_tokens);
    reply(&ChatReply::new(ended.content, usage, ended.conversation.as_str(), run.as_str()))
}

/// Stops runs that this connection has begun.
pub(super) async fn abort(session: &Session<'_>, params: Params) -> Reply {
    let Abort { run_id, session_id } = params.decode()?;
    if run_id.is_none() && session_id.is_none() {
        return Err(invalid("say what to abort: `runId` or `sessionId`"));
    }
    let aborted = session.runs.abort(run_id.as_deref(), session_id.as_deref());
    if aborted.is_empty() {
        return Err(RpcError::new(ErrorCode::NotFound, "this connection has no such run under way"));
    }
    reply(&json!({"aborted": aborted.iter().map(RunId::as_str).collect::<Vec<_>>()}))
}

fn aborted(run: &RunId) -> RpcError {
    let details = json!({"code": "cancelled", "runId": run.as_str()});
    RpcError::new(ErrorCode::FailedPrecondition, "the run was aborted").with_details(details)
}

/// Tells a caller what happens in its run.
struct Listener<'a>(&'a Queue);

impl ChatSink for Listener<'_> {
    fn event(&self, event: ChatEvent<'_>) {
        match event {
            ChatEvent::Said { text, delta } => self.0.event(event::CHAT, &ChatChunk::new(text, delta)),
            ChatEvent::ToolCall { tool, input } => self.0.event(event::TOOL_CALL, &ToolCallEvent::new(tool, input)),
            ChatEvent::ToolResult { tool, output } => {
                self.0.event(event::TOOL_RESULT, &ToolResultEvent::new(tool, output));
            }
        }
    }
}
