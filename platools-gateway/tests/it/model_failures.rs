//! Tests of models that fail, refuse or break off, and of callers that disconnect.

use std::process::Stdio;
use std::time::Duration;

use platools_gateway::agents::chat::ChatSettings;
use platools_gateway::dev::{self, DevOptions};
use platools_gateway::model::ModelSettings;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::model::asking;
use crate::model_server::{KEY, Model, thinking_gateway};
use crate::program_process::{Program, command, output};
use crate::support::{Answer, Caller, Dial, ended, within};

/// The message of an answer that says that the model refused for good.
fn failure(answer: &Answer) -> &str {
    told(answer, 502, "agent_failed")
}

/// The message of an answer that says that the model is away for now.
fn outage(answer: &Answer) -> &str {
    told(answer, 503, "model_unavailable")
}

/// The message of an error, which has words of trying again exactly if clients try again by its status and code.
fn told<'a>(answer: &'a Answer, status: u16, code: &str) -> &'a str {
    assert_eq!((answer.status, &answer.body["error"]["code"]), (status, &json!(code)), "{answer:?}");
    let message = answer.body["error"]["message"].as_str().unwrap();
    assert_eq!(message.contains("try again"), code.starts_with("model_"), "{message}");
    message
}

#[tokio::test]
async fn an_endpoint_that_has_too_much_to_do_is_asked_again_when_it_says() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let answer = asking(&gateway, "hi");
    for (status, after) in [(429, "1"), (503, "Sun, 06 Nov 1994 08:49:37 GMT")] {
        model.asked().await.refuse(status, &[("retry-after", after)], "{}");
    }
    model.asked().await.says("hello").await;
    assert_eq!(ended(answer).await.body["choices"][0]["message"]["content"], "hello");
}

#[tokio::test]
async fn an_endpoint_that_goes_on_failing_is_asked_three_times() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let answer = asking(&gateway, "hi");
    for _ in 0..3 {
        model.asked().await.refuse(500, &[], "{}");
    }
    assert_eq!(outage(&ended(answer).await), "the model's endpoint failed (status 500); try again later");
    assert!(model.is_left_alone());
}

#[tokio::test]
async fn what_would_fail_again_is_not_tried_again() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let failed = (502, "agent_failed");
    for (status, headers, body, (answered, code), part) in [
        (
            400,
            &[][..],
            json!({"error": {"code": "context_length_exceeded"}}),
            (400, "context_length_exceeded"),
            "longer than the model reads (status 400, context_length_exceeded); begin a new conversation",
        ),
        (404, &[], json!({"error": {"code": "model_not_found"}}), failed, "(status 404, model_not_found)"),
        (307, &[("location", "http://example.com")], Value::Null, failed, "is at another URL (status 307)"),
        (429, &[("retry-after", "7")], json!({"error": {"type": "insufficient_quota"}}), failed, "no quota left"),
        (
            429,
            &[("retry-after", "31")],
            Value::Null,
            (429, "model_overloaded"),
            "takes no more requests now (status 429)",
        ),
    ] {
        let answer = asking(&gateway, "hi");
        model.asked().await.refuse(status, headers, body.to_string());
        let answer = ended(answer).await;
        assert!(told(&answer, answered, code).contains(part), "{answer:?}");
        assert_eq!(answer.retry_after, if answered == 429 { "31" } else { "" });
        assert!(model.is_left_alone());
    }
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_said_to_be() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let gateway = thinking_gateway(ModelSettings::new(&url).with(|model| model.name = Some("m".to_owned()))).await;
    // The first time connections are closed before they say anything; then there is nobody.
    let answer = asking(&gateway, "hi");
    for _ in 0..3 {
        drop(within(listener.accept()).await.unwrap());
    }
    assert_eq!(outage(&ended(answer).await), "the model cannot be reached; try again later");
    drop(listener);
    assert_eq!(outage(&ended(asking(&gateway, "hi")).await), "the model cannot be reached; try again later");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_asked_for_again_and_its_begin_was_heard() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let caller = Caller::admin(&gateway);
    let body = json!({"model": "main", "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    for (ends, code) in [
        ("cut", "model_unavailable"),
        ("over", "model_unavailable"),
        ("error", "model_unavailable"),
        ("nonsense", "agent_failed"),
    ] {
        let streamed = caller.open_stream("/v1/chat/completions", body.clone());
        let script = async {
            let answering = model.asked().await.answering();
            answering.delta(json!({"content": "Once upon"})).await;
            match ends {
                "cut" => answering.cut().await,
                "error" => {
                    answering.bytes(format!("data: {{\"error\": {{\"message\": \"{KEY}\"}}}}\n\n").as_bytes()).await
                }
                "nonsense" => answering.bytes(format!("data: {KEY}\n\n").as_bytes()).await,
                _ => drop(answering),
            }
        };
        let (events, ()) = tokio::join!(streamed, script);
        let events = events.rest().await;
        let (last, before) = events.split_last().unwrap();
        assert!(before.iter().any(|event| event["choices"][0]["delta"]["content"] == "Once upon"), "{events:?}");
        assert_eq!(last["error"]["code"], code, "{ends}: {events:?}");
        assert!(!last.to_string().contains(KEY), "{last}");
        assert!(model.is_left_alone());
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_ends_the_request_to_the_model() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    for stream in [false, true] {
        let caller = Caller::admin(&gateway);
        let body = json!({"model": "main", "stream": stream, "messages": [{"role": "user", "content": "hi"}]});
        let call = tokio::spawn(async move { caller.post("/v1/chat/completions", body).await });
        let answering = model.asked().await.answering();
        answering.delta(json!({"content": "Once"})).await;
        call.abort();
        answering.given_up().await;
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_cancels_the_calls_of_tools() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let mut worker = Dial::dev(&gateway).header("platools-features", "cancel").welcomed().await;
    worker.register(&["echo"]).await;
    let answer = asking(&gateway, "hi");
    model.asked().await.calls(&[("c1", "echo", "{}"), ("c2", "echo", "{}")]).await;
    let mut calls =
        [worker.expect("tool_call").await, worker.expect("tool_call").await].map(|call| call["call_id"].to_string());
    answer.abort();
    let mut cancelled = [worker.expect("tool_cancel").await, worker.expect("tool_cancel").await]
        .map(|call| call["call_id"].to_string());
    calls.sort();
    cancelled.sort();
    assert_eq!(calls, cancelled);
    assert!(model.is_left_alone());
}

#[tokio::test]
async fn a_run_that_takes_too_long_ends_with_its_request_to_the_model() {
    let mut model = Model::start().await;
    let chat = ChatSettings::default().with(|chat| chat.run_limit = Duration::from_secs(3));
    let setup = DevOptions { model: Some(model.settings()), chat, ..DevOptions::with_known_secrets() };
    let gateway = within(dev::start(setup)).await.unwrap();
    let answer = asking(&gateway, "hi");
    let answering = model.asked().await.answering();
    answering.given_up().await;
    let answer = ended(answer).await;
    assert_eq!((answer.status, &answer.body["error"]["code"]), (504, &json!("agent_timeout")), "{answer:?}");
}

#[tokio::test]
async fn an_agent_without_a_model_says_what_is_missing() {
    let gateway = crate::support::dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let change = json!({"profile": {"kind": "model"}}).to_string();
    assert_eq!(admin.send("PATCH", "/v1/agents/main", change).await.status, 200);
    let answer = ended(asking(&gateway, "hi")).await;
    assert_eq!((answer.status, &answer.body["error"]["code"]), (400, &json!("not_configured")));
    assert!(answer.body["error"]["message"].as_str().unwrap().contains("--model-url"), "{answer:?}");

    let gateway = thinking_gateway(ModelSettings::new("http://127.0.0.1:1/v1")).await;
    let answer = ended(asking(&gateway, "hi")).await;
    assert!(answer.body["error"]["message"].as_str().unwrap().contains("`--model`"), "{answer:?}");
}

#[tokio::test]
async fn the_key_and_what_is_said_never_reach_a_log_or_an_error() {
    let mut model = Model::start().await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut command = command(&["dev", "--listen", "127.0.0.1:0", "--model-url", &model.url, "--model", "m"]);
    command.args(["--log-filter", "trace"]).env("PLATOOLS_GATEWAY_MODEL_KEY", KEY).env("TMPDIR", folder.path());
    let program = Program::logging_to(Stdio::from(std::fs::File::create(&log).unwrap()), command).await;
    let caller = Caller::at(&program.url).key("platools-dev-admin");
    let profile = json!({"kind": "model", "systemPrompt": "the-prompt"});
    caller.send("PATCH", "/v1/agents/main", json!({"profile": profile}).to_string()).await;
    let body = json!({"model": "main", "messages": [{"role": "user", "content": "the-question"}]});
    let ask = || {
        let (caller, body) = (caller.clone(), body.clone());
        tokio::spawn(async move { caller.post("/v1/chat/completions", body).await })
    };
    let mut worker = program.dial("platools-dev-secret").welcomed().await;
    worker.register(&["echo"]).await;

    let answer = ask();
    let asked = model.asked().await;
    assert_eq!(asked.headers["authorization"], format!("Bearer {KEY}"));
    asked.calls(&[("c1", "echo", "{\"a\": \"the-argument\"}"), ("c2", "echo", "the-nonsense")]).await;
    let call = worker.expect("tool_call").await;
    worker.answer(&call, json!("the-result")).await;
    model.asked().await.says("the-answer").await;
    assert_eq!(ended(answer).await.status, 200);

    let echo = json!({"error": {"message": format!("wrong key {KEY}"), "type": KEY, "code": KEY}}).to_string();
    for (status, tries) in [(401, 1), (400, 1), (500, 3)] {
        let answer = ask();
        for _ in 0..tries {
            model.asked().await.refuse(status, &[("www-authenticate", KEY)], &*echo);
        }
        let answer = ended(answer).await;
        let message = if status == 500 { outage(&answer) } else { failure(&answer) };
        assert!(message.contains(&format!("status {status}")), "{answer:?}");
        assert!(!format!("{answer:?}").contains(KEY), "{answer:?}");
    }
    program.signal("-TERM").await;
    program.exit_code().await;
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("status 401") && log.contains("DEBUG"), "it does log: {log}");
    for secret in [KEY, "the-prompt", "the-question", "the-argument", "the-nonsense", "the-result", "the-answer"] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_sent_is_refused_without_being_repeated() {
    for (arguments, key, part) in [
        (["serve", "--data", "/d", "--model-url", "http://a"], "hush\n", "PLATOOLS_GATEWAY_MODEL_KEY"),
        (["serve", "--data", "/d", "--model-url", "http://u:hush@a"], "", "PLATOOLS_GATEWAY_MODEL_KEY"),
        (["dev", "--listen", "127.0.0.1:0", "--model-url", "hush"], "", "`model.url` is not an HTTP URL"),
    ] {
        let mut command = command(&arguments);
        let refused = within(command.env("PLATOOLS_GATEWAY_MODEL_KEY", key).output()).await.unwrap();
        let error = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && error.contains(part) && !error.contains("hush"), "{error}");
    }
    let printed = output(&["config", "check", "--data", "/d", "--model-url", "http://a", "--model", "m"]).await;
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert!(printed.contains("[model]\nurl = \"http://a\"\nname = \"m\"\nmax_turns = 16"), "{printed}");
}
