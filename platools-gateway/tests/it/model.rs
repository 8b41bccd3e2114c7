//! Tests of model agents: the requests to the model, its answers, and the calls that it makes.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::Mutex;

use platools_gateway::Gateway;
use platools_gateway::agents::chat::ChatRequest;
use platools_gateway::agents::{ChatEvent, ChatSink};
use platools_gateway::dev;
use platools_gateway::domain::identity::Caller as CoreCaller;
use platools_gateway::domain::ids::RunId;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::model_server::{KEY, Model, thinking_gateway};
use crate::support::{Answer, Caller, Dial, ended, within};

/// Says something to the agent `main` while the test goes on.
pub(crate) fn asking(gateway: &Gateway, text: &str) -> JoinHandle<Answer> {
    let caller = Caller::admin(gateway);
    let body = json!({"model": "main", "messages": [{"role": "user", "content": text}]});
    tokio::spawn(async move { caller.post("/v1/chat/completions", body).await })
}

/// The text of an agent's answer.
fn said(answer: &Answer) -> &str {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["choices"][0]["message"]["content"].as_str().unwrap()
}

async fn caller_for(gateway: &Gateway, user: &str) -> CoreCaller {
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut caller =
        gateway.core().authenticator.authenticate(&dev::ADMIN_KEY.to_owned().into(), address).await.unwrap();
    caller.user_id = Some(user.to_owned());
    caller
}

/// Everything that happens in a run, in order.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl ChatSink for Heard {
    fn event(&self, event: ChatEvent<'_>) {
        let line = match event {
            ChatEvent::Said { delta, .. } => delta.to_owned(),
            ChatEvent::ToolCall { tool, input, .. } => format!("{tool} <- {input}"),
            ChatEvent::ToolResult { tool, output, .. } => format!("{tool} -> {output}"),
            ChatEvent::Started { .. } => "started".to_owned(),
            ChatEvent::Completed { .. } => "completed".to_owned(),
            _ => unreachable!("there is nothing else"),
        };
        self.0.lock().unwrap().push(line);
    }
}

#[tokio::test]
async fn a_model_is_told_the_prompt_the_message_and_the_tools_and_its_words_are_the_answer() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let admin = Caller::admin(&gateway);
    let profile = json!({"kind": "model", "model": "other-model", "systemPrompt": "Be brief.", "tools": ["echo"]});
    let changed = admin.send("PATCH", "/v1/agents/main", json!({"profile": profile}).to_string()).await;
    assert_eq!((changed.status, &changed.body["profile"]), (200, &profile));
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo", "other"]).await;

    let answer = asking(&gateway, "hi");
    let asked = model.asked().await;
    assert_eq!(asked.headers["authorization"], format!("Bearer {KEY}"));
    assert_eq!((&asked.body["model"], &asked.body["stream"]), (&json!("other-model"), &json!(true)));
    assert_eq!(asked.body["stream_options"], json!({"include_usage": true}));
    let messages = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]);
    assert_eq!(asked.body["messages"], messages);
    let tools = asked.body["tools"].as_array().unwrap();
    assert_eq!(
        (tools.len(), &tools[0]["type"], &tools[0]["function"]["name"]),
        (1, &json!("function"), &json!("echo"))
    );
    asked.says("hello").await;
    let answer = ended(answer).await;
    assert_eq!(said(&answer), "hello");
    assert_eq!(answer.body["usage"], json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}));
}

#[tokio::test]
async fn text_comes_whole_however_its_bytes_are_cut() {
    let text = "naïve – 東京 𝕋 \u{2028} \"quoted\" \n\n data: ";
    let chunk = json!({"choices": [{"index": 0, "delta": {"content": text}}]});
    // Some endpoints leave the escapes of JSON out, and some end lines as HTTP does.
    let stream =
        format!(": ping\r\n\r\ndata: {chunk}\r\n\r\ndata:{{\"choices\":[{{\"finish_reason\":\"stop\"}}]}}\n\n");
    for size in [1, 2, 3, 7, 1000] {
        let mut model = Model::start().await;
        let gateway = thinking_gateway(model.settings()).await;
        let answer = asking(&gateway, "hi");
        let answering = model.asked().await.answering();
        for piece in stream.as_bytes().chunks(size) {
            answering.bytes(piece).await;
        }
        drop(answering);
        let answer = ended(answer).await;
        assert_eq!(said(&answer), text);
        assert_eq!(answer.body["usage"]["total_tokens"], 0, "an endpoint need not say what it cost");
    }
}

#[tokio::test]
async fn tools_that_are_called_together_run_together_and_results_keep_the_models_order() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["left", "right"]).await;
    let answer = asking(&gateway, "hi");
    let calls = [("c1", "left", "{\"n\": 1}"), ("c2", "right", ""), ("c3", "left", "{\"n\": 3}")];
    model.asked().await.calls(&calls).await;
    // Each is answered only when all are there, and the last one first.
    let mut frames = Vec::new();
    for _ in calls {
        frames.push(worker.expect("tool_call").await);
    }
    for frame in frames.iter().rev() {
        let result = json!([frame["tool_name"], frame["params"]["n"]]);
        worker.answer(frame, result).await;
    }
    let asked = model.asked().await;
    let result = |id: &str, content: &str| json!({"role": "tool", "tool_call_id": id, "content": content});
    assert_eq!(
        asked.body["messages"][1]["tool_calls"][0]["function"],
        json!({"name": "left", "arguments": "{\"n\": 1}"})
    );
    let results = [result("c1", "[\"left\",1]"), result("c2", "[\"right\",null]"), result("c3", "[\"left\",3]")];
    assert_eq!(asked.messages(2), json!(results));
    asked.says("done").await;
    let answer = ended(answer).await;
    assert_eq!((said(&answer), &answer.body["usage"]["total_tokens"]), ("done", &json!(30)), "both turns count");
}

#[tokio::test]
async fn arguments_that_a_model_encodes_twice_or_puts_in_a_code_fence_are_taken() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo"]).await;
    let answer = asking(&gateway, "hi");
    let calls = [
        ("c1", "echo", r#""{\"n\":1}""#),
        ("c2", "echo", "```json\n{\"n\":1}\n```"),
        ("c3", "echo", r#"{"n":1,"t":"\ud83c"}"#),
    ];
    model.asked().await.calls(&calls).await;
    for _ in calls {
        let frame = worker.expect("tool_call").await;
        assert_eq!(frame["params"]["n"], 1, "{frame}");
        worker.answer(&frame, json!("taken")).await;
    }
    let asked = model.asked().await;
    for message in asked.messages(2).as_array().unwrap() {
        assert_eq!(message["content"], "\"taken\"");
    }
    asked.says("done").await;
    assert_eq!(said(&ended(answer).await), "done");
}

#[tokio::test]
async fn a_model_is_told_what_is_wrong_with_a_call_and_goes_on() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["fails", "panics"]).await;
    let answer = asking(&gateway, "hi");
    let calls = [
        ("c1", "fails", "{\"a\": "),
        ("c2", "nothing", "{}"),
        ("c3", "fails", "[]"),
        ("c4", "panics", "{}"),
        ("c5", "fails", "{}"),
    ];
    model.asked().await.calls(&calls).await;
    // Only the last two are calls of tools that are there.
    for _ in 0..2 {
        let call = worker.expect("tool_call").await;
        let error = if call["tool_name"] == "panics" { "the tool panicked" } else { "no such order" };
        worker.send(json!({"type": "tool_error", "call_id": call["call_id"], "error": error})).await;
    }
    let asked = model.asked().await;
    let results = asked.messages(2);
    let told: Vec<_> = results
        .as_array()
        .unwrap()
        .iter()
        .map(|message| {
            let told: Value = serde_json::from_str(message["content"].as_str().unwrap()).unwrap();
            (message["tool_call_id"].as_str().unwrap().to_owned(), told["error"].as_str().unwrap().to_owned())
        })
        .collect();
    let parts = ["no JSON", "no tool `nothing`", "object", "the tool panicked", "no such order"];
    for ((part, (id, told)), call) in parts.iter().zip(&told).zip(calls) {
        assert!(id == call.0 && told.contains(part), "{id}: {told}");
    }
    let kept = &asked.body["messages"][1]["tool_calls"][0]["function"]["arguments"];
    assert_eq!(kept, "{\"not_json\":\"{\\\"a\\\": \"}", "an endpoint that reads it is not to fail");
    asked.says("sorry").await;
    assert_eq!(said(&ended(answer).await), "sorry");
}

#[tokio::test]
async fn a_model_is_told_the_code_and_the_details_of_a_failure() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let mut worker = Dial::dev(&gateway).header("platools-features", "error-details").welcomed().await;
    worker.register(&["fails"]).await;
    let answer = asking(&gateway, "hi");
    model.asked().await.calls(&[("c1", "fails", "{}")]).await;
    let call = worker.expect("tool_call").await;
    let details = json!({"left": 3});
    let error = json!({
        "type": "tool_error", "call_id": call["call_id"], "error": "too few", "code": "too_few", "retryable": false, "details": details
    });
    worker.send(error).await;
    let asked = model.asked().await;
    let told: Value = serde_json::from_str(asked.messages(2)[0]["content"].as_str().unwrap()).unwrap();
    assert_eq!(told, json!({"error": "too few", "code": "too_few", "details": details}));
    asked.says("sorry").await;
    assert_eq!(said(&ended(answer).await), "sorry");
}

#[tokio::test]
async fn a_conversation_goes_on_with_what_was_said_and_called_before() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo"]).await;
    let caller = caller_for(&gateway, "ada").await;
    let heard = Heard::default();
    let say = async |message: &str, conversation| {
        let (agent, channel) = ("main".to_owned(), "test".to_owned());
        let request = ChatRequest { agent, message: message.to_owned(), conversation, channel };
        gateway.core().conversations.chat(&caller, request, &RunId::from("run"), &heard).await.unwrap()
    };
    let script = async {
        let answering = model.asked().await.answering();
        answering.delta(json!({"content": "Let me "})).await;
        answering.delta(json!({"content": "see."})).await;
        answering.call(&[("c1", "echo", "{\"n\":1}")]).await;
        answering.end("tool_calls").await;
        let call = worker.expect("tool_call").await;
        worker.answer(&call, json!(42)).await;
        model.asked().await.says("It is 42.").await;
    };
    let (reply, ()) = tokio::join!(within(say("what is it?", None)), script);
    assert_eq!((reply.content.as_str(), reply.usage.input_tokens), ("Let me see.\n\nIt is 42.", 20));
    let expected = ["started", "Let me ", "see.", "echo <- {\"n\":1}", "echo -> 42", "\n\nIt is 42.", "completed"];
    assert_eq!(*heard.0.lock().unwrap(), expected);

    let script = async {
        let asked = model.asked().await;
        let function = json!({"name": "echo", "arguments": "{\"n\":1}"});
        let expected = json!([
            {"role": "user", "content": "what is it?"},
            {"role": "assistant", "content": "Let me see.", "tool_calls": [{"type": "function", "id": "c1", "function": function}]},
            {"role": "tool", "content": "42", "tool_call_id": "c1"},
            {"role": "assistant", "content": "It is 42."},
            {"role": "user", "content": "sure?"},
        ]);
        assert_eq!(asked.body["messages"], expected);
        asked.says("Yes.").await;
    };
    let (reply, ()) = tokio::join!(within(say("sure?", Some(reply.conversation))), script);
    assert_eq!(reply.content, "Yes.");
}

#[tokio::test]
async fn a_model_that_loops_forever_ends_at_the_limit_of_turns() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings().with(|model| model.max_turns = NonZeroU32::new(3).unwrap())).await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo"]).await;
    let answer = asking(&gateway, "hi");
    for turn in 1..=3 {
        let asked = model.asked().await;
        let choice = if turn == 3 { json!("none") } else { Value::Null };
        assert_eq!(asked.body["tool_choice"], choice, "the last turn is to end it");
        asked.calls(&[("c", "echo", "{}")]).await;
        if turn < 3 {
            let call = worker.expect("tool_call").await;
            worker.answer(&call, json!(turn)).await;
        }
    }
    let answer = ended(answer).await;
    assert_eq!((answer.status, &answer.body["error"]["code"]), (502, &json!("agent_failed")));
    assert!(answer.body["error"]["message"].as_str().unwrap().contains("asked 3 times"), "{answer:?}");
    assert!(model.is_left_alone());
}

#[tokio::test]
async fn tools_past_their_limit_are_not_called_and_the_model_sums_up() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings().with(|model| model.max_tool_calls = 1)).await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo"]).await;
    let answer = asking(&gateway, "hi");
    model.asked().await.calls(&[("c1", "echo", "{}"), ("c2", "echo", "{}")]).await;
    let call = worker.expect("tool_call").await;
    worker.answer(&call, json!(1)).await;
    let asked = model.asked().await;
    assert_eq!(asked.messages(2)[0]["content"], "1");
    assert!(asked.messages(2)[1]["content"].as_str().unwrap().contains("no more tools may be called"));
    assert_eq!(asked.body["tool_choice"], "none");
    asked.says("done").await;
    assert_eq!(said(&ended(answer).await), "done");
}

#[tokio::test]
async fn a_model_writes_no_more_tokens_than_it_may() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings().with(|model| model.max_output_tokens = NonZeroU32::new(8))).await;
    let answer = asking(&gateway, "hi");
    for left in [8, 3] {
        let asked = model.asked().await;
        assert_eq!(asked.body["max_completion_tokens"], left);
        asked.calls(&[("c", "nothing", "{}")]).await;
    }
    let answer = ended(answer).await;
    assert_eq!((answer.status, &answer.body["error"]["code"]), (502, &json!("agent_failed")));
    assert!(answer.body["error"]["message"].as_str().unwrap().contains("wrote 10 tokens, of at most 8"), "{answer:?}");
    assert!(model.is_left_alone());
}
