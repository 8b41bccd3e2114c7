//! [`ParsedMessages`]: the conversation in a request for a completion, read from its [`ChatMessage`]s.

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use super::errors::invalid;
use crate::agents::{Message, ToolUse};
use crate::listen::http::ErrorView;

/// A message of a client.
#[derive(Deserialize)]
pub(super) struct ChatMessage {
    role: String,
    content: Option<Content>,
    tool_calls: Option<Vec<FunctionCall>>,
    tool_call_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<ContentPart>),
}

#[derive(Deserialize)]
struct ContentPart {
    r#type: String,
    text: Option<String>,
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct FunctionCall {
    id: String,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    arguments: String,
}

/// The earlier messages, and the one to answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ParsedMessages {
    /// Instructions for the agent beside its own system prompt.
    pub(super) instructions: Vec<String>,
    pub(super) history: Vec<Message>,
    pub(super) message: String,
}

impl ParsedMessages {
    pub(super) fn read(messages: Vec<ChatMessage>) -> Result<Self, ErrorView> {
        let (mut instructions, mut history) = (Vec::new(), Vec::new());
        for (at, said) in messages.into_iter().enumerate() {
            let (text, calls) = (said.text(at)?, said.tool_calls.unwrap_or_default());
            match said.role.as_str() {
                "system" | "developer" => instructions.push(text),
                "user" => history.push(Message::user(text)),
                "assistant" => history.push(Message::assistant(text, calls.into_iter().map(called).collect())),
                "tool" => history.push(Message::tool(said.tool_call_id.unwrap_or_default(), text)),
                _ => {
                    let message = format!("`messages[{at}].role` must be system, developer, user, assistant or tool");
                    return Err(invalid(format!("messages[{at}].role"), message));
                }
            }
        }
        match history.pop() {
            Some(Message::User { content }) if !content.trim().is_empty() => {
                Ok(Self { instructions, history, message: content })
            }
            _ => Err(invalid("messages", "the last of `messages` must be what the user says, with some text")),
        }
    }
}

impl ChatMessage {
    /// The text of the message at a place.
    fn text(&self, at: usize) -> Result<String, ErrorView> {
        match &self.content {
            None => Ok(String::new()),
            Some(Content::Text(text)) => Ok(text.clone()),
            Some(Content::Parts(parts)) => parts.iter().map(|part| part.text(at)).collect(),
        }
    }
}

impl ContentPart {
    fn text(&self, at: usize) -> Result<&str, ErrorView> {
        match (self.r#type.as_str(), &self.text, &self.refusal) {
            ("text", Some(text), _) | ("refusal", _, Some(text)) => Ok(text),
            (kind, ..) => {
                let message =
                    format!("`messages[{at}].content` has a part of the type `{kind}`: agents read only text");
                Err(invalid(format!("messages[{at}].content"), message))
            }
        }
    }
}

fn called(called: FunctionCall) -> ToolUse {
    let Function { name, arguments } = called.function;
    // What is no JSON was not called with; it stays what it is, a text.
    let arguments = RawValue::from_string(arguments.clone())
        .or_else(|_| to_raw_value(&arguments))
        .expect("strings always serialize");
    ToolUse { id: called.id, name, arguments }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::errors::body;
    use super::*;

    fn read(messages: Value) -> Result<ParsedMessages, Value> {
        ParsedMessages::read(serde_json::from_value(messages).unwrap()).map_err(|error| body(&error)["error"].take())
    }

    #[test]
    fn messages_become_instructions_history_and_what_is_to_be_answered() {
        let talk = read(json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "echo", "arguments": "{\"a\": 1}"}}
            ]},
            {"role": "tool", "tool_call_id": "1", "content": "ok"},
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": "now", "name": "ada"}
        ]));
        let arguments = RawValue::from_string("{\"a\": 1}".to_owned()).unwrap();
        let call = ToolUse { id: "1".to_owned(), name: "echo".to_owned(), arguments };
        let expected = ParsedMessages {
            instructions: vec!["Be brief.".to_owned(), "Be kind.".to_owned()],
            history: vec![Message::user("ab"), Message::assistant("", vec![call]), Message::tool("1", "ok")],
            message: "now".to_owned(),
        };
        assert_eq!(talk.unwrap(), expected);
    }

    #[test]
    fn what_an_agent_cannot_read_is_named() {
        let image = json!([{"type": "image_url", "image_url": {"url": "data:"}}]);
        for (messages, param, part) in [
            (json!([{"role": "user", "content": image}]), "messages[0].content", "`image_url`: agents read only text"),
            (json!([{"role": "robot", "content": "hi"}]), "messages[0].role", "must be system"),
            (
                json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]),
                "messages",
                "the last",
            ),
            (json!([{"role": "system", "content": "hi"}]), "messages", "the last"),
            (json!([{"role": "user", "content": " "}]), "messages", "the last"),
            (json!([]), "messages", "the last"),
        ] {
            let error = read(messages).unwrap_err();
            assert_eq!(error["param"], param);
            assert!(error["message"].as_str().unwrap().contains(part), "{error}");
        }
    }
}
