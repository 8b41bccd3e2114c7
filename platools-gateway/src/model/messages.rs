//! Functions that turn the messages of a conversation into the messages of a request to a model.

use async_openai::types::chat::{
    ChatCompletionMessageToolCall, ChatCompletionMessageToolCalls, ChatCompletionRequestAssistantMessage,
    ChatCompletionRequestMessage, ChatCompletionRequestSystemMessage, ChatCompletionRequestToolMessage,
    ChatCompletionRequestUserMessage, FunctionCall,
};

use crate::agents::{Input, Message, ToolUse};

/// Everything from the system prompt to what is to be answered.
pub(super) fn begin(input: &Input<'_>) -> Vec<ChatCompletionRequestMessage> {
    let prompts = input.profile.system_prompt.iter().chain(input.instructions).map(String::as_str);
    let prompts: Vec<_> = prompts.filter(|prompt| !prompt.trim().is_empty()).collect();
    // One message: many models take no second one.
    let system = (!prompts.is_empty()).then(|| {
        ChatCompletionRequestMessage::System(ChatCompletionRequestSystemMessage {
            content: prompts.join("\n\n").into(),
            name: None,
        })
    });
    system.into_iter().chain(history(input.history)).chain([user(input.message)]).collect()
}

/// A message of an agent, with its calls.
pub(super) fn assistant(text: &str, calls: &[ToolUse]) -> ChatCompletionRequestMessage {
    let calls: Vec<_> = calls.iter().map(call).collect();
    ChatCompletionRequestMessage::Assistant(ChatCompletionRequestAssistantMessage {
        content: (!text.is_empty() || calls.is_empty()).then(|| text.to_owned().into()),
        tool_calls: (!calls.is_empty()).then_some(calls),
        ..ChatCompletionRequestAssistantMessage::default()
    })
}

/// The result of a call.
pub(super) fn tool(id: &str, content: &str) -> ChatCompletionRequestMessage {
    ChatCompletionRequestMessage::Tool(ChatCompletionRequestToolMessage {
        content: content.to_owned().into(),
        tool_call_id: id.to_owned(),
    })
}

fn user(text: &str) -> ChatCompletionRequestMessage {
    ChatCompletionRequestMessage::User(ChatCompletionRequestUserMessage { content: text.to_owned().into(), name: None })
}

fn call(call: &ToolUse) -> ChatCompletionMessageToolCalls {
    let function = FunctionCall { name: call.name.clone(), arguments: call.arguments.get().to_owned() };
    ChatCompletionMessageToolCalls::Function(ChatCompletionMessageToolCall { id: call.id.clone(), function })
}

/// The earlier messages. Endpoints refuse a call without its result, and a result without its call, so both are left out: the
/// oldest messages are cut off anywhere, and other clients keep their own history.
fn history(messages: &[Message]) -> Vec<ChatCompletionRequestMessage> {
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
fn with_results(content: &str, calls: &[ToolUse], results: &[Message]) -> Vec<ChatCompletionRequestMessage> {
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
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::profile::Profile;

    fn used(id: &str) -> ToolUse {
        let arguments = RawValue::from_string("{\"a\": 1}".to_owned()).unwrap();
        ToolUse { id: id.to_owned(), name: "echo".to_owned(), arguments }
    }

    fn told(messages: &[Message]) -> Value {
        serde_json::to_value(history(messages)).unwrap()
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
        let input = |profile, instructions| Input { profile, instructions, history: &[], message: "hi" };
        let hi = json!({"role": "user", "content": "hi"});
        let messages = serde_json::to_value(begin(&input(&profile, &instructions))).unwrap();
        assert_eq!(messages, json!([{"role": "system", "content": "Be brief.\n\nBe kind."}, hi]));
        let messages = serde_json::to_value(begin(&input(&Profile::default(), &[]))).unwrap();
        assert_eq!(messages, json!([hi]));
    }
}
