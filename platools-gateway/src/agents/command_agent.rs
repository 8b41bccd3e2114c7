//! [`CommandAgent`]: an agent without a model, which runs commands such as `/tool name=value`.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use platools_protocol::tool_sync::ToolDeclaration;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::{AgentRunner, Message, RunInput, RunOutput, RunTools, Speech, ToolUse};
use crate::domain::error::Error;
use crate::tools::NamedTool;

/// The answer to a message that is not a command.
const USAGE: &str =
    "I call tools. Say `/help` for what there is, and `/<tool> {\"name\": value}` or `/<tool> name=value` to call one.";

/// Answers `/<tool> {json}`, `/<tool> name=value ...` and `/help`.
#[derive(Debug)]
pub(crate) struct CommandAgent;

impl AgentRunner for CommandAgent {
    fn run<'a>(
        &'a self,
        input: RunInput<'a>,
        tools: &'a RunTools<'a>,
        speech: &'a Speech<'a>,
    ) -> BoxFuture<'a, Result<RunOutput, Error>> {
        async move {
            let mut messages = Vec::new();
            let said = match ChatCommand::parse(input.message) {
                Some(ChatCommand::Help) => help(tools.list()),
                Some(ChatCommand::Call { tool, arguments }) => match tools.find(tool) {
                    Some(found) => call(found, arguments, tools, &mut messages).await,
                    None => format!("There is no tool `{tool}`. Say `/help` for what there is."),
                },
                None => USAGE.to_owned(),
            };
            speech.say(&said);
            messages.push(Message::assistant(said, Vec::new()));
            Ok(RunOutput { messages, ..RunOutput::default() })
        }
        .boxed()
    }
}

/// Calls a tool, and returns the text of its result.
async fn call(tool: &NamedTool, arguments: &str, tools: &RunTools<'_>, messages: &mut Vec<Message>) -> String {
    let arguments = match read_arguments(arguments, &tool.tool.declaration) {
        Ok(arguments) => arguments,
        Err(problem) => return format!("{problem}\n\n{}", usage_of(tool)),
    };
    let ended = tools.call(&tool.handle, &arguments).await;
    let said = match &ended {
        Ok(result) => result.get().to_owned(),
        Err(error) => {
            let message = format!("`{}` failed: {error}", tool.handle);
            error.tool_error().map_or_else(|| message.clone(), |facts| facts.append_to(&message))
        }
    };
    let id = "call_0".to_owned();
    messages.push(Message::assistant("", vec![ToolUse { id: id.clone(), name: tool.handle.clone(), arguments }]));
    messages.push(Message::tool(id, said.clone()));
    said
}

#[derive(Debug, PartialEq, Eq)]
enum ChatCommand<'a> {
    Help,
    Call { tool: &'a str, arguments: &'a str },
}

impl<'a> ChatCommand<'a> {
    fn parse(message: &'a str) -> Option<Self> {
        let command = message.trim().strip_prefix('/')?;
        let (tool, arguments) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        match tool {
            "" => None,
            "help" => Some(Self::Help),
            tool => Some(Self::Call { tool, arguments: arguments.trim() }),
        }
    }
}

/// Reads a JSON object, or words like `name=value`.
fn read_arguments(text: &str, tool: &ToolDeclaration) -> Result<Box<RawValue>, String> {
    if text.starts_with('{') {
        return serde_json::from_str(text).map_err(|error| format!("The arguments are no JSON object: {error}."));
    }
    let mut arguments = Map::new();
    for word in words(text)? {
        let (name, value) = word.split_once('=').ok_or_else(|| format!("`{word}` is not like `name=value`."))?;
        if arguments.insert(name.to_owned(), read_value(value, property(tool, name))).is_some() {
            return Err(format!("`{name}` is there twice."));
        }
    }
    Ok(to_raw_value(&arguments).expect("values always serialize"))
}

/// Splits a text into words at white space outside of quotes.
fn words(text: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in text.chars() {
        match quote {
            Some(end) if character == end => quote = None,
            None if character == '"' || character == '\'' => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            None if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    if quote.is_some() { Err("A quote is not closed.".to_owned()) } else { Ok(words) }
}

/// A value of the type that the schema asks for: text for a string, and otherwise JSON, if the text is JSON.
fn read_value(text: &str, schema: Option<&Value>) -> Value {
    let wants_text = schema.and_then(|schema| schema.get("type")).is_some_and(|kind| kind == "string");
    let plain = || Value::String(text.to_owned());
    if wants_text { plain() } else { serde_json::from_str(text).unwrap_or_else(|_| plain()) }
}

fn property<'a>(tool: &'a ToolDeclaration, name: &str) -> Option<&'a Value> {
    tool.input_schema.get("properties")?.get(name)
}

fn help(tools: &[NamedTool]) -> String {
    if tools.is_empty() {
        return "No tool is connected that you may call.".to_owned();
    }
    let lines: Vec<_> = tools.iter().map(usage_of).collect();
    format!("Tools:\n{}\n\nCall one with `/<tool> {{\"name\": value}}` or `/<tool> name=value`.", lines.join("\n"))
}

/// The line of help for a tool: its name, its arguments with their types, and the first line of its description.
fn usage_of(tool: &NamedTool) -> String {
    let declaration = &tool.tool.declaration;
    let required = declaration.input_schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|required| required == name));
    let properties = declaration.input_schema.get("properties").and_then(Value::as_object);
    let arguments = properties.into_iter().flatten().map(|(name, schema)| {
        let kind = schema.get("type").and_then(Value::as_str).unwrap_or("any");
        if is_required(name) { format!(" {name}=<{kind}>") } else { format!(" [{name}=<{kind}>]") }
    });
    let description = declaration.description.lines().next().unwrap_or_default();
    let dash = if description.is_empty() { "" } else { " - " };
    format!("- /{}{}{dash}{description}", tool.handle, arguments.collect::<String>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tool() -> ToolDeclaration {
        let schema = json!({"properties": {"id": {"type": "string"}, "count": {"type": "integer"}, "open": {"type": "boolean"}}});
        ToolDeclaration::new("lookup", "", schema)
    }

    fn arguments(text: &str) -> Result<Value, String> {
        read_arguments(text, &tool()).map(|raw| serde_json::from_str(raw.get()).unwrap())
    }

    #[test]
    fn a_command_is_a_tool_and_its_arguments() {
        for (message, command) in [
            ("/help", Some(ChatCommand::Help)),
            (" /lookup  id=1 ", Some(ChatCommand::Call { tool: "lookup", arguments: "id=1" })),
            ("/lookup\n{}", Some(ChatCommand::Call { tool: "lookup", arguments: "{}" })),
            ("/lookup", Some(ChatCommand::Call { tool: "lookup", arguments: "" })),
            ("hello", None),
            ("/", None),
            ("/ help", None),
            ("", None),
        ] {
            assert_eq!(ChatCommand::parse(message), command, "{message:?}");
        }
    }

    #[test]
    fn words_become_values_as_the_schema_wants_them() {
        assert_eq!(
            arguments(r#"id=42 count=42 open=true other=null note="a b" list=[1]"#),
            Ok(json!({"id": "42", "count": 42, "open": true, "other": null, "note": "a b", "list": [1]}))
        );
        assert_eq!(arguments(""), Ok(json!({})));
        assert_eq!(arguments("id= count=many"), Ok(json!({"id": "", "count": "many"})));
        assert_eq!(arguments("id='it''s = fine'"), Ok(json!({"id": "its = fine"})));
        assert_eq!(arguments(r#"{"id": 1}"#), Ok(json!({"id": 1})));
    }

    #[test]
    fn what_is_no_argument_is_named() {
        for (text, part) in [
            ("id", "`id` is not like `name=value`"),
            ("id=1 id=2", "`id` is there twice"),
            ("id=\"1", "A quote is not closed"),
            ("{\"id\": }", "no JSON object"),
        ] {
            let problem = arguments(text).unwrap_err();
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }
}
