//! Functions that write the messages of a conversation, with calls and results, as JSON for a request to a model.

use serde_json::{Value, json};

use crate::agents::{Message, RunInput, ToolUse};

/// All messages of a run's first request, from the system prompt to the message to answer.
pub(super) fn begin(input: &RunInput<'_>) -> Vec<Value> {
    let prompts = input.profile.system_prompt.iter().chain(input.instructions).map(String::as_str);
    let prompts: Vec<_> = prompts.filter(|prompt| !prompt.trim().is_empty()).collect();
    // One message: many models take no second one.
    let system = (!prompts.is_empty()).then(|| json!({"role": "system", "content": prompts.join("\n\n")}));
    system.into_iter().chain(history(input.history)).chain([user(input.message)]).collect()
}

/// A message of an agent, with its calls.
pub(super) fn assistant(text: &str, calls: &[ToolUse]) -> Value {
    let mut message = json!({"role": "assistant"});
    if !text.is_empty() || calls.is_empty() {
        message["content"] = text.into();
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.iter().map(call).collect();
    }
    message
}

/// The result of a call.
pub(super) fn tool(id: &str, content: &str) -> Value {
    json!({"role": "tool", "content": content, "tool_call_id": id})
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

fn call(call: &ToolUse) -> Value {
    json!({"type": "function", "id": call.id, "function": {"name": call.name, "arguments": call.arguments.get()}})
}

/// The earlier messages. Endpoints refuse a call without its result, and a result without its call, so both are left out: the
/// oldest messages are cut off anywhere, and other clients keep their own history.
fn history(messages: &[Message]) -> Vec<Value> {
    let (mut told, mut rest) = (Vec::new(), messages);
    while let Some((message, after)) = rest.split_first() {
        rest = after;
        match message {
            Message::User { content } => told.push(user(content)),
            // Its call would have taken it.
            Message::Tool { .. } => {}
            Message::Assistant { content, tool_calls } => {
                let answered = after.iter().take_while(|message| matches!(message, Message::Tool { .. })).count();
                let (results, after) = after.split_at(answered);
                rest = after;
                told.extend(with_results(content, tool_calls, results));
            }
        }
    }
    told
}

/// A message of an agent with the calls that have a result, and the results.
fn with_results(content: &str, calls: &[ToolUse], results: &[Message]) -> Vec<Value> {
    let result = |call: &ToolUse| {
        results.iter().find_map(|message| match message {
            Message::Tool { id, content } if *id == call.id => Some(content.as_str()),
            _ => None,
        })
    };
    let (calls, results): (Vec<_>, Vec<_>) =
        calls.iter().filter_map(|call| Some((call.clone(), tool(&call.id, result(call)?)))).unzip();
    if content.is_empty() && calls.is_empty() {
        return Vec::new();
    }
    [assistant(content, &calls)].into_iter().chain(results).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::domain::agent_profile::Profile;

    fn used(id: &str) -> ToolUse {
        let arguments = RawValue::from_string("{\"a\": 1}".to_owned()).unwrap();
        ToolUse { id: id.to_owned(), name: "echo".to_owned(), arguments }
    }

    fn told(messages: &[Message]) -> Value {
        history(messages).into()
    }

    fn called(id: &str) -> Value {
        json!({"type": "function", "id": id, "function": {"name": "echo", "arguments": "{\"a\": 1}"}})
    }

    #[test]
    fn calls_stand_with_their_results_in_the_order_of_the_calls() {
        let messages = [
            Message::user("hi"),
            Message::assistant("", vec![used("1"), used("2")]),
            Message::tool("2", "b"),
            Message::tool("1", "a"),
            Message::assistant("ok", Vec::new()),
        ];
        assert_eq!(
            told(&messages),
            json!([
                {"role": "user", "content": "hi"},
                {"role": "assistant", "tool_calls": [called("1"), called("2")]},
                {"role": "tool", "content": "a", "tool_call_id": "1"},
                {"role": "tool", "content": "b", "tool_call_id": "2"},
                {"role": "assistant", "content": "ok"},
            ])
        );
    }

    #[test]
    fn calls_and_results_that_lost_each_other_are_left_out() {
        let messages = [
            Message::tool("0", "cut off"),
            Message::assistant("Let me see.", vec![used("1"), used("2")]),
            Message::tool("1", "a"),
            Message::tool("9", "nobody's"),
            Message::assistant("", vec![used("3")]),
            Message::user("again"),
            Message::tool("3", "too late"),
        ];
        assert_eq!(
            told(&messages),
            json!([
                {"role": "assistant", "content": "Let me see.", "tool_calls": [called("1")]},
                {"role": "tool", "content": "a", "tool_call_id": "1"},
                {"role": "user", "content": "again"},
            ])
        );
    }

    #[test]
    fn the_system_prompt_is_first_and_what_the_caller_adds_comes_after_it() {
        let profile = Profile { system_prompt: Some("Be brief.".to_owned()), ..Profile::default() };
        let instructions = ["Be kind.".to_owned(), " ".to_owned()];
        let input = |profile, instructions| RunInput { profile, instructions, history: &[], message: "hi" };
        let hi = json!({"role": "user", "content": "hi"});
        let messages = Value::from(begin(&input(&profile, &instructions)));
        assert_eq!(messages, json!([{"role": "system", "content": "Be brief.\n\nBe kind."}, hi]));
        let messages = Value::from(begin(&input(&Profile::default(), &[])));
        assert_eq!(messages, json!([hi]));
    }
}
