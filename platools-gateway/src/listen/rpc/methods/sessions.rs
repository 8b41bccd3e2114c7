//! The methods `sessions.*` and `chat.history`, which list, show, reset and delete stored conversations.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::agents::chat::{Conversation, ConversationQuery, ConversationsBefore, StoredMessage};
use crate::agents::{Message, ToolUse};
use crate::domain::ids::ConversationId;
use crate::listen::params::{ListPosition, Page, limit_of};
use crate::listen::rpc::errors::invalid;
use crate::listen::rpc::method_context::MethodContext;
use crate::listen::rpc::params::{Params, Reply, reply, unless_empty};
use crate::ports::time::rfc3339;

/// A preview has so many messages, the last ones.
const PREVIEW_MESSAGES: usize = 10;

/// A preview has so many characters of each message.
const PREVIEW_CHARS: usize = 200;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListParams {
    #[serde(default, deserialize_with = "unless_empty")]
    agent_id: Option<String>,
    #[serde(default, deserialize_with = "unless_empty")]
    user_id: Option<String>,
    limit: Option<usize>,
    #[serde(default, deserialize_with = "unless_empty")]
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionParams {
    session_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HistoryParams {
    session_id: String,
    limit: Option<usize>,
    #[serde(default, deserialize_with = "unless_empty")]
    cursor: Option<String>,
}

/// The caller's conversations, those first in which something was said last.
pub(super) async fn list(context: &MethodContext<'_>, params: Params) -> Reply {
    let ListParams { agent_id, user_id, limit, cursor } = params.decode()?;
    let limit = limit_of(limit)?;
    let place = cursor.map(|cursor| ListPosition::read(&cursor)).transpose()?;
    let before = place.map(|place| ConversationsBefore { updated_ms: place.at_ms, id: place.id.into() });
    let query = ConversationQuery { agent: agent_id, user_id, before };
    // One more than asked for tells whether there is another page.
    let found = context.core.conversations.list(&context.caller, query, limit + 1).await?;
    let cursor = |updated_ms, id: &ConversationId| ListPosition { at_ms: updated_ms, id: id.to_string() }.cursor();
    let more = found.more.map(|place| cursor(place.updated_ms, &place.id));
    let page = Page::cut(found.items, limit, |last| cursor(last.updated_ms, &last.id)).or_more(more);
    reply(&page.map(|conversation| shown(&conversation)))
}

/// Shows the last messages of a conversation, shortened.
pub(super) async fn preview(context: &MethodContext<'_>, params: Params) -> Reply {
    let SessionParams { session_id } = params.decode()?;
    let id = ConversationId::from(session_id);
    let (conversation, messages) = context.core.conversations.get(&context.caller, &id, None, PREVIEW_MESSAGES).await?;
    let messages: Vec<_> = messages.iter().map(in_short).collect();
    reply(&json!({"session": shown(&conversation), "messages": messages}))
}

/// Shows messages of a conversation: the last ones, or those before them.
pub(super) async fn history(context: &MethodContext<'_>, params: Params) -> Reply {
    let HistoryParams { session_id, limit, cursor } = params.decode()?;
    let limit = limit_of(limit)?;
    let no_cursor = |_| invalid("`cursor` is invalid; send the `nextCursor` of the previous page");
    let before = cursor.map(|cursor| cursor.parse()).transpose().map_err(no_cursor)?;
    let id = ConversationId::from(session_id);
    let (conversation, messages) = context.core.conversations.get(&context.caller, &id, before, limit).await?;
    let next_cursor = messages.first().map(|first| first.position).filter(|first| *first > 0);
    reply(&json!({
        "session": shown(&conversation),
        "messages": messages.iter().map(in_full).collect::<Vec<_>>(),
        "nextCursor": next_cursor.map(|position| position.to_string()),
    }))
}

/// Forgets what was said in a conversation.
pub(super) async fn reset(context: &MethodContext<'_>, params: Params) -> Reply {
    let SessionParams { session_id } = params.decode()?;
    context.core.conversations.reset(&context.caller, &session_id.into()).await?;
    reply(&json!({"reset": true}))
}

/// Deletes a conversation.
pub(super) async fn delete(context: &MethodContext<'_>, params: Params) -> Reply {
    let SessionParams { session_id } = params.decode()?;
    context.core.conversations.delete(&context.caller, &session_id.into()).await?;
    reply(&json!({"deleted": true}))
}

fn shown(conversation: &Conversation) -> Value {
    json!({
        "sessionId": conversation.id.as_str(),
        "agentId": conversation.agent_id.as_str(),
        "agent": conversation.agent,
        "userId": conversation.user_id,
        "channel": conversation.channel,
        "createdAt": rfc3339(conversation.created_ms),
        "updatedAt": rfc3339(conversation.updated_ms),
    })
}

fn in_full(stored: &StoredMessage) -> Value {
    let mut message = match &stored.message {
        Message::User { content } => json!({"role": "user", "content": content}),
        Message::Assistant { content, tool_calls } if tool_calls.is_empty() => {
            json!({"role": "assistant", "content": content})
        }
        Message::Assistant { content, tool_calls } => {
            json!({"role": "assistant", "content": content, "toolCalls": tool_calls.iter().map(tool_call).collect::<Vec<_>>()})
        }
        Message::Tool { id, content } => json!({"role": "tool", "toolCallId": id, "content": content}),
    };
    message["createdAt"] = json!(rfc3339(stored.created_ms));
    message
}

fn tool_call(call: &ToolUse) -> Value {
    json!({"id": call.id, "name": call.name, "arguments": call.arguments})
}

fn in_short(stored: &StoredMessage) -> Value {
    let (role, content) = match &stored.message {
        Message::User { content } => ("user", content),
        Message::Assistant { content, .. } => ("assistant", content),
        Message::Tool { content, .. } => ("tool", content),
    };
    let content: String = content.chars().take(PREVIEW_CHARS).collect();
    json!({"role": role, "content": content, "createdAt": rfc3339(stored.created_ms)})
}
