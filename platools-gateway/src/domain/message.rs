//! [`Message`]: a message of a conversation between a user and an agent.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A message of a conversation, as it is stored.
// Not told apart by a member of its own: serde would read the arguments of tools as values to find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Message {
    /// A text of the user.
    #[non_exhaustive]
    User {
        /// The text.
        content: String,
    },
    /// A text of the agent, and the tools that it called after it.
    #[non_exhaustive]
    Assistant {
        /// The text; it may be empty if tools were called.
        content: String,
        /// The calls, in order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<ToolUse>,
    },
    /// The outcome of such a call.
    #[non_exhaustive]
    Tool {
        /// The call's [`ToolUse::id`].
        id: String,
        /// The text that the agent was told: the result's JSON, or why there is none.
        content: String,
    },
}

impl Message {
    /// A text of a user.
    #[must_use]
    pub fn user(content: impl Into<String>) -> Self {
        Self::User { content: content.into() }
    }

    /// A text of an agent, and the tools that it called.
    #[must_use]
    pub fn assistant(content: impl Into<String>, tool_calls: Vec<ToolUse>) -> Self {
        Self::Assistant { content: content.into(), tool_calls }
    }

    /// The outcome of a call.
    #[must_use]
    pub fn tool(id: impl Into<String>, content: impl Into<String>) -> Self {
        Self::Tool { id: id.into(), content: content.into() }
    }
}

/// A call of a tool by an agent.
#[derive(Clone, Serialize, Deserialize)]
pub struct ToolUse {
    /// The id of the call, unique in its conversation.
    pub id: String,
    /// The tool, by the name that the agent knows it by.
    pub name: String,
    /// The arguments.
    pub arguments: Box<RawValue>,
}

impl PartialEq for ToolUse {
    fn eq(&self, other: &Self) -> bool {
        (&self.id, &self.name, self.arguments.get()) == (&other.id, &other.name, other.arguments.get())
    }
}

impl Eq for ToolUse {}

/// Leaves out the arguments, which belong to the user.
impl fmt::Debug for ToolUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolUse").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// The cost of a run, as the model counts it; zero where there is no model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens that the model read.
    pub input_tokens: u64,
    /// Tokens that it wrote.
    pub output_tokens: u64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, more: Self) {
        self.input_tokens = self.input_tokens.saturating_add(more.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(more.output_tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_as_it_was() {
        let arguments = RawValue::from_string(r#"{"a": 1.10}"#.to_owned()).unwrap();
        let call = ToolUse { id: "c".to_owned(), name: "t".to_owned(), arguments };
        for message in [Message::user("hi"), Message::assistant("", vec![call]), Message::tool("c", "1")] {
            let text = serde_json::to_string(&message).unwrap();
            assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), message, "{text}");
        }
    }
}
