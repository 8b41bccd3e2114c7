//! Tests of agents as models of OpenAI's interface.

use serde_json::{Value, json};

use crate::model_server::{Model, thinking_gateway};
use crate::support::{Answer, Caller, Dial, dev_gateway, ended};

const COMPLETIONS: &str = "/v1/chat/completions";

fn asked(text: &str) -> Value {
    json!({"model": "main", "messages": [{"role": "user", "content": text}]})
}

/// Checks that this is an error as OpenAI has them.
fn is_error(answer: &Answer, status: u16, kind: &str, code: &str, param: &Value) {
    assert_eq!((answer.status, answer.kind.as_str()), (status, "application/json"), "{answer:?}");
    let error = &answer.body["error"];
    assert_eq!((&error["type"], &error["code"], &error["param"]), (&json!(kind), &json!(code), param), "{answer:?}");
    assert!(error["message"].is_string(), "{answer:?}");
}

#[tokio::test]
async fn an_agent_answers_commands_whole_and_as_a_stream() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo"]).await;
    let caller = admin.clone();
    let call = tokio::spawn(async move { caller.post(COMPLETIONS, asked("/echo text=hi")).await });
    let frame = worker.expect("tool_call").await;
    assert_eq!(frame["params"]["text"], "hi");
    worker.answer(&frame, json!("hi")).await;
    let answer = ended(call).await;
    assert_eq!(
        (answer.status, &answer.body["object"], &answer.body["model"]),
        (200, &json!("chat.completion"), &json!("main"))
    );
    assert!(answer.body["id"].as_str().unwrap().starts_with("chatcmpl-") && answer.body["created"].is_i64());
    let choice = &answer.body["choices"][0];
    assert_eq!((&choice["message"]["role"], &choice["message"]["content"]), (&json!("assistant"), &json!("\"hi\"")));
    assert_eq!((&choice["index"], &choice["finish_reason"]), (&json!(0), &json!("stop")));
    assert_eq!(answer.body["usage"], json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}));

    for with_usage in [false, true] {
        let mut body = asked("/echo text=hi");
        body["stream"] = json!(true);
        body["stream_options"] = json!({"include_usage": with_usage});
        let opened = admin.open_stream(COMPLETIONS, body);
        let answering = async {
            let frame = worker.expect("tool_call").await;
            worker.answer(&frame, json!("hi")).await;
        };
        let (events, ()) = tokio::join!(opened, answering);
        let events = events.rest().await;
        let deltas: Vec<_> = events.iter().map(|event| event["choices"][0]["delta"].clone()).collect();
        assert_eq!(deltas[..3], [json!({"role": "assistant", "content": ""}), json!({"content": "\"hi\""}), json!({})]);
        assert_eq!(events[2]["choices"][0]["finish_reason"], "stop");
        assert!(
            events[..3]
                .iter()
                .all(|event| event["object"] == "chat.completion.chunk" && event["id"] == events[0]["id"])
        );
        assert_eq!(events.len(), if with_usage { 5 } else { 4 });
        assert_eq!(events.last().unwrap(), "[DONE]");
        if with_usage {
            assert_eq!((&events[3]["choices"], &events[3]["usage"]["total_tokens"]), (&json!([]), &json!(0)));
        }
    }
}

#[tokio::test]
async fn a_stream_has_the_words_as_they_are_said() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let admin = Caller::admin(&gateway);
    let mut body = asked("hi");
    body["stream"] = json!(true);
    let opened = admin.open_stream(COMPLETIONS, body);
    let asked = async {
        let answering = model.asked().await.answering();
        answering.delta(json!({"content": "one "})).await;
        answering
    };
    let (mut events, answering) = tokio::join!(opened, asked);
    events.until("one ").await;
    answering.delta(json!({"content": "two"})).await;
    events.until("two").await;
    answering.end("stop").await;
    assert_eq!(events.rest().await.last().unwrap(), "[DONE]");
}

#[tokio::test]
async fn a_client_tells_what_was_said_and_adds_instructions() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let admin = Caller::admin(&gateway);
    let profile = json!({"profile": {"kind": "model", "systemPrompt": "Be brief."}});
    admin.send("PATCH", "/v1/agents/main", profile.to_string()).await;
    let body = json!({"model": "main", "temperature": 0.1, "messages": [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "a"}]},
        {"role": "assistant", "content": "b"},
        {"role": "tool", "tool_call_id": "lost", "content": "c"},
        {"role": "user", "content": "d"},
    ]});
    let call = tokio::spawn(async move { admin.post(COMPLETIONS, body).await });
    let asked = model.asked().await;
    let expected = json!([
        {"role": "system", "content": "Be brief.\n\nBe kind."},
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "d"},
    ]);
    assert_eq!((&asked.body["messages"], &asked.body["temperature"]), (&expected, &Value::Null));
    asked.says("e").await;
    assert_eq!(ended(call).await.status, 200);
}

#[tokio::test]
async fn a_completion_speaks_for_the_tokens_user_or_the_requests_or_nobody() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo"]).await;
    let token = json!({"role": "operator", "userId": "ada", "ttlSeconds": 60});
    let token = admin.post("/v1/tokens", token).await.body["token"].as_str().unwrap().to_owned();
    let key = admin.post("/v1/keys", json!({"role": "operator"})).await.body;
    let key = key["secret"].as_str().unwrap();
    let agents = admin.get("/v1/agents").await.body;
    let main = agents["items"].as_array().unwrap().iter().find(|agent| agent["slug"] == "main").unwrap();
    for (secret, user, expected) in [(token.as_str(), Some("bob"), "ada"), (key, Some("bob"), "bob"), (key, None, "")] {
        let caller = Caller::at(&gateway.url()).key(secret);
        let mut body = asked("/echo");
        body["user"] = json!(user);
        let call = tokio::spawn(async move { caller.post(COMPLETIONS, body).await });
        let frame = worker.expect("tool_call").await;
        let scope = &frame["params"]["__platos"];
        assert_eq!((&scope["userId"], &scope["agentId"]), (&json!(expected), &main["id"]));
        worker.answer(&frame, json!(null)).await;
        assert_eq!(ended(call).await.status, 200);
    }
}

#[tokio::test]
async fn agents_are_listed_as_models() {
    let gateway = dev_gateway().await;
    let agent = Caller::at(&gateway.url()).key("platools-dev-agent");
    let listed = agent.get("/v1/models").await;
    assert_eq!((listed.status, &listed.body["object"]), (200, &json!("list")));
    let models = listed.body["data"].as_array().unwrap();
    let ids: Vec<_> = models.iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["dev-agent", "main"]);
    assert!(models.iter().all(|model| model["object"] == "model" && model["created"].is_i64()), "{models:?}");
    assert_eq!(agent.get("/v1/models/main").await.body, models[1]);
    is_error(&agent.get("/v1/models/gpt").await, 404, "invalid_request_error", "model_not_found", &Value::Null);
}

#[tokio::test]
async fn what_goes_wrong_is_an_error_as_openai_has_them() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let invalid = "invalid_request_error";
    let with = |name: &str, value: Value| {
        let mut body = asked("hi");
        body[name] = value;
        body
    };
    let image = json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]);
    for (body, status, code, param) in [
        (with("tools", json!([{"type": "function"}])), 400, "unsupported_parameter", json!("tools")),
        (with("messages", image), 400, "invalid_request", json!("messages[0].content")),
        (with("messages", json!([])), 400, "invalid_request", json!("messages")),
        (with("model", json!("gpt")), 404, "model_not_found", Value::Null),
        (json!([]), 400, "invalid_request", Value::Null),
    ] {
        let mut streamed = body.clone();
        if streamed.is_object() {
            streamed["stream"] = json!(true);
        }
        for body in [body, streamed] {
            is_error(&admin.post(COMPLETIONS, body).await, status, invalid, code, &param);
        }
    }
    let nobody = Caller::at(&gateway.url());
    for caller in [nobody.clone(), nobody.key("wrong")] {
        for answer in [caller.post(COMPLETIONS, asked("hi")).await, caller.get("/v1/models").await] {
            is_error(&answer, 401, "authentication_error", "unauthenticated", &Value::Null);
        }
    }
    let viewer = admin.post("/v1/keys", json!({"role": "viewer"})).await.body;
    let viewer = Caller::at(&gateway.url()).key(viewer["secret"].as_str().unwrap());
    is_error(&viewer.post(COMPLETIONS, asked("hi")).await, 403, "permission_error", "forbidden", &Value::Null);
    let long = admin.send("POST", COMPLETIONS, " ".repeat(8 * 1024 * 1024 + 1)).await;
    is_error(&long, 413, invalid, "too_large", &Value::Null);
    admin.get(COMPLETIONS).await.is_problem(405, "method_not_allowed", false);
    admin.post("/v1/chat", json!({})).await.is_problem(404, "no_such_route", false);
}
