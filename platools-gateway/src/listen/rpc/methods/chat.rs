//! The methods `chat.send`, which sends a message to an agent, and `chat.abort`, which stops runs.

use platools_protocol::rpc::{
    AgentEvent, ChatChunk, ChatReply, ChatSend, ErrorCode, RpcError, RunStatus, ToolCallEvent, ToolResultEvent, Usage,
    event,
};
use serde::Deserialize;
use serde_json::json;

use crate::agents::chat::ChatRequest;
use crate::agents::{ChatEvent, ChatSink};
use crate::domain::ids::{ConversationId, RunId};
use crate::listen::rpc::errors::invalid;
use crate::listen::rpc::method_context::MethodContext;
use crate::listen::rpc::params::{Params, Reply, reply, unless_empty};
use crate::listen::rpc::queue::Queue;

/// The channel of a message if the caller names none.
const CHANNEL: &str = "websocket";

/// A channel's name has at most so many characters.
const MAX_CHANNEL_CHARS: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Abort {
    #[serde(default, deserialize_with = "unless_empty")]
    run_id: Option<String>,
    #[serde(default, deserialize_with = "unless_empty")]
    session_id: Option<String>,
}

/// Sends a message to an agent, and events of the run until the agent has answered.
pub(super) async fn send(context: &MethodContext<'_>, params: Params) -> Reply {
    let ChatSend { agent_id, message, channel, session_id, .. } = params.decode()?;
    let named = session_id.filter(|id| !id.is_empty()).map(ConversationId::from);
    let mut under_way = context.runs.begin(named.as_ref());
    let run = under_way.id.clone();
    let opened = match channel_of(channel) {
        Ok(channel) => {
            let request = ChatRequest { agent: agent_id, message, conversation: named.clone(), channel };
            context.core.conversations.open(&context.caller, request).await.map_err(RpcError::from)
        }
        Err(error) => Err(error),
    };
    let opened = opened.map_err(|error| in_conversation(error, named.as_ref(), &run))?;
    let conversation = opened.conversation().clone();
    under_way.note_conversation(&conversation);
    let listener = RunListener { queue: context.queue, run: &run };
    // The run is dropped where it is stopped, and the calls of tools with it. The stop goes first: its request is answered with success.
    let ended = tokio::select! {
        biased;
        () = under_way.stopped() => Err(aborted()),
        ended = opened.answer(&run, &listener) => ended.map_err(RpcError::from),
    };
    let ended = ended.map_err(|error| in_conversation(error, Some(&conversation), &run))?;
    let usage = Usage::new(ended.usage.input_tokens, ended.usage.output_tokens);
    reply(&ChatReply::new(ended.content, usage, conversation.as_str(), run.as_str()))
}

/// Stops runs that this connection has begun.
pub(super) async fn abort(context: &MethodContext<'_>, params: Params) -> Reply {
    let Abort { run_id, session_id } = params.decode()?;
    if run_id.is_none() && session_id.is_none() {
        return Err(invalid("say what to abort: `runId` or `sessionId`"));
    }
    let aborted = context.runs.abort(run_id.as_deref(), session_id.as_deref());
    if aborted.is_empty() {
        return Err(RpcError::new(ErrorCode::NotFound, "this connection has no such run under way"));
    }
    reply(&json!({"aborted": aborted.iter().map(RunId::as_str).collect::<Vec<_>>()}))
}

/// The channel that a request names; the usual one if it names none.
fn channel_of(channel: Option<String>) -> Result<String, RpcError> {
    let channel = channel.filter(|channel| !channel.is_empty()).unwrap_or_else(|| CHANNEL.to_owned());
    match channel.chars().nth(MAX_CHANNEL_CHARS) {
        Some(_) => Err(invalid(format!("`channel` has at most {MAX_CHANNEL_CHARS} characters"))),
        None => Ok(channel),
    }
}

fn aborted() -> RpcError {
    RpcError::new(ErrorCode::FailedPrecondition, "the run was aborted").with_details(json!({"code": "cancelled"}))
}

/// Adds the conversation and the run to an error, so that its client goes on in the same conversation. An error about something
/// that was not found may be about the conversation itself, so it names none.
fn in_conversation(mut error: RpcError, conversation: Option<&ConversationId>, run: &RunId) -> RpcError {
    let Some(conversation) = conversation.filter(|_| error.code != ErrorCode::NotFound) else { return error };
    let details = error.details.get_or_insert_default();
    if !details.is_object() {
        **details = json!({});
    }
    details["sessionId"] = conversation.as_str().into();
    details["runId"] = run.as_str().into();
    error
}

/// Sends a caller the events of its run.
struct RunListener<'a> {
    queue: &'a Queue,
    run: &'a RunId,
}

impl RunListener<'_> {
    fn tell(&self, status: RunStatus, conversation: &ConversationId) {
        let told = AgentEvent::new(self.run.as_str(), status).with_session_id(conversation.as_str());
        self.queue.event(event::AGENT, &told);
    }
}

impl ChatSink for RunListener<'_> {
    fn event(&self, event: ChatEvent<'_>) {
        let run = self.run.as_str();
        match event {
            ChatEvent::Started { conversation } => self.tell(RunStatus::Started, conversation),
            ChatEvent::Completed { conversation } => self.tell(RunStatus::Completed, conversation),
            ChatEvent::Failed { conversation } => self.tell(RunStatus::Failed, conversation),
            ChatEvent::Said { text, delta } => {
                self.queue.event(event::CHAT, &ChatChunk::new(text, delta).with_run_id(run));
            }
            ChatEvent::ToolCall { call, tool, input } => {
                let told = ToolCallEvent::new(tool, input).with_run_id(run).with_call_id(call.as_str());
                self.queue.event(event::TOOL_CALL, &told);
            }
            ChatEvent::ToolResult { call, tool, output } => {
                let told = ToolResultEvent::new(tool, output).with_run_id(run).with_call_id(call.as_str());
                self.queue.event(event::TOOL_RESULT, &told);
            }
        }
    }
}
