//! Tests of runs of agents over gateway RPC: their start, their end and the events of both.

use std::num::NonZeroU32;
use std::time::Duration;

use platools_gateway::agents::chat::ChatSettings;
use platools_gateway::dev::{self, DevOptions};
use platools_gateway::domain::agent_profile::Profile;
use platools_gateway::limits::Limits;
use platools_gateway::{Gateway, Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::model_server::{Model, thinking_gateway};
use crate::rpc_caller::RpcCaller;
use crate::support::{Dial, Worker, dev_gateway, gateway_with, within};

/// A message to the agent `main`.
fn message(text: &str, session: impl Into<Value>) -> Value {
    json!({"agentId": "main", "message": text, "sessionId": session.into()})
}

/// A worker with a tool that is answered by the test.
async fn worker(gateway: &Gateway) -> Worker {
    let mut worker = Dial::dev(gateway).header("platools-features", "cancel").welcomed().await;
    worker.register(&["slow"]).await;
    worker
}

/// The statuses of runs among events, and that each run started once before it ended once.
fn statuses(events: &[(String, Value)]) -> Vec<String> {
    let agents = events.iter().filter(|(name, _)| name == "agent");
    agents.map(|(_, event)| format!("{} {}", event["run_id"], event["status"])).collect()
}

#[tokio::test]
async fn the_example_of_a_streamed_answer_comes_out_to_the_digit() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let admin = crate::support::Caller::admin(&gateway);
    admin.send("PATCH", "/v1/agents/main", json!({"profile": {"kind": "model"}}).to_string()).await;
    let mut caller = RpcCaller::operator(&gateway, "user_123").await;
    let request = r#"{
      "type": "req",
      "id": "2",
      "method": "chat.send",
      "params": {
        "agentId": "main",
        "message": "What is 2+2?",
        "channel": "websocket"
      }
    }"#;
    caller.send_text(request).await;
    let answering = model.asked().await.answering();
    for delta in ["2+2", " equals", " 4."] {
        answering.delta(json!({"content": delta})).await;
    }
    answering.end_with("stop", (42, 8)).await;
    let mut frames = Vec::new();
    for _ in 0..6 {
        frames.push(caller.next().await);
    }
    let payload = &frames[5]["payload"];
    let (session, run) = (payload["sessionId"].as_str().unwrap(), payload["runId"].as_str().unwrap());
    let event = |seq: u64, event: &str, payload: String| {
        format!(r#"{{"type":"event","event":"{event}","payload":{payload},"seq":{seq}}}"#)
    };
    let agent = |status: &str| format!(r#"{{"run_id":"{run}","status":"{status}","session_id":"{session}"}}"#);
    let chat = |chunk: &str, delta: &str| format!(r#"{{"chunk":"{chunk}","delta":"{delta}","run_id":"{run}"}}"#);
    let usage = r#"{"input_tokens":42,"output_tokens":8}"#;
    let expected = [
        event(1, "agent", agent("started")),
        event(2, "chat", chat("2+2", "2+2")),
        event(3, "chat", chat("2+2 equals", " equals")),
        event(4, "chat", chat("2+2 equals 4.", " 4.")),
        event(5, "agent", agent("completed")),
        format!(
            r#"{{"type":"res","id":"2","ok":true,"payload":{{"content":"2+2 equals 4.","usage":{usage},"sessionId":"{session}","runId":"{run}"}}}}"#
        ),
    ];
    assert_eq!(frames.iter().map(Value::to_string).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_message_that_is_refused_starts_no_agent() {
    let gateway = dev_gateway().await;
    let mut admin = RpcCaller::admin(&gateway).await;
    for (slug, kind) in [("other", "command"), ("thinker", "model")] {
        admin.ok("agents.create", json!({"slug": slug, "profile": {"kind": kind}})).await;
    }
    let mut caller = RpcCaller::operator(&gateway, "u").await;
    let own = caller.ok("chat.send", message("/help", Value::Null)).await["sessionId"].clone();
    let theirs = RpcCaller::operator(&gateway, "v").await.ok("chat.send", message("/help", Value::Null)).await;
    caller.take_events();
    let with = |name: &str, value: Value| {
        let mut params = message("/help", own.clone());
        params[name] = value;
        params
    };
    for (params, code, is_named) in [
        (with("agentId", json!("nobody")), "NOT_FOUND", false),
        (with("sessionId", json!("conv_unknown")), "NOT_FOUND", false),
        (with("sessionId", theirs["sessionId"].clone()), "NOT_FOUND", false),
        (with("agentId", json!("other")), "INVALID_REQUEST", true),
        (with("agentId", json!("thinker")), "FAILED_PRECONDITION", true),
        (with("channel", json!("x".repeat(65))), "INVALID_REQUEST", true),
        (with("message", json!(" ")), "INVALID_REQUEST", true),
        (json!({"agentId": "main"}), "INVALID_REQUEST", false),
        (json!({"agentId": "thinker", "message": "Hello!"}), "FAILED_PRECONDITION", false),
    ] {
        let error = caller.error("chat.send", params.clone()).await;
        assert_eq!(error["code"], code, "{params}");
        let named = if is_named { own.clone() } else { Value::Null };
        assert_eq!(error["details"]["sessionId"], named, "{params}: {error}");
        assert_eq!(error["details"]["runId"].is_string(), is_named, "{params}: {error}");
        assert_eq!(caller.take_events(), [], "{params}");
    }
    let listed = caller.ok("sessions.list", json!({})).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "no conversation began: {listed}");
    let kept = caller.ok("chat.history", json!({"sessionId": own})).await;
    assert_eq!(kept["messages"].as_array().unwrap().len(), 2, "nothing was said: {kept}");
}

#[tokio::test]
async fn a_message_over_a_limit_starts_no_agent_and_keeps_its_conversation() {
    let mut limits = Limits::default();
    limits.key.chats_in_flight = NonZeroU32::new(1).unwrap();
    let (gateway, secret, _) = gateway_with(Gateway::builder().limits(limits)).await;
    let key = gateway.add_key(Role::Operator).await.unwrap();
    gateway.core().local_admin().add_agent("main", Profile::default()).await.unwrap();
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["slow"]).await;
    let mut caller = RpcCaller::with(&gateway, key.expose_secret(), "u").await;
    let session = caller.ok("chat.send", message("/help", Value::Null)).await["sessionId"].clone();
    caller.take_events();
    let first = caller.send("chat.send", message("/slow", Value::Null)).await;
    let call = worker.expect("tool_call").await;
    let refused = caller.error("chat.send", message("/help", session.clone())).await;
    assert_eq!((&refused["code"], &refused["retryable"]), (&json!("RESOURCE_EXHAUSTED"), &json!(true)));
    assert_eq!((&refused["details"]["sessionId"], refused["details"]["runId"].is_string()), (&session, true));
    assert_eq!(statuses(&caller.take_events()).len(), 1, "only the first has started");
    worker.answer(&call, json!(null)).await;
    assert_eq!(caller.response(&first).await["ok"], true);
}

#[tokio::test]
async fn the_second_message_of_a_conversation_starts_when_the_first_has_ended() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway).await;
    let mut caller = RpcCaller::operator(&gateway, "u").await;
    let session = caller.ok("chat.send", message("/help", Value::Null)).await["sessionId"].clone();
    caller.take_events();
    let first = caller.send("chat.send", message("/slow n=1", session.clone())).await;
    let call = worker.expect("tool_call").await;
    let second = caller.send("chat.send", message("/slow n=2", session.clone())).await;
    // Its answer shows that the second message was taken.
    caller.ok("health", json!({})).await;
    let begun = caller.take_events();
    assert_eq!(begun.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["agent", "tool.call"]);
    worker.answer(&call, json!("one")).await;
    let first = caller.response(&first).await["payload"].clone();
    let call = worker.expect("tool_call").await;
    worker.answer(&call, json!("two")).await;
    let second = caller.response(&second).await["payload"].clone();
    let mut events = begun;
    events.extend(caller.take_events());
    let status = |run: &Value, status: &str| format!("{} \"{status}\"", run["runId"]);
    let expected = [
        status(&first, "started"),
        status(&first, "completed"),
        status(&second, "started"),
        status(&second, "completed"),
    ];
    assert_eq!(statuses(&events), expected);
    assert_eq!((&first["sessionId"], &second["sessionId"]), (&session, &session));
}

#[tokio::test]
async fn events_of_two_runs_on_one_connection_are_told_apart() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway).await;
    let mut caller = RpcCaller::operator(&gateway, "u").await;
    let first = caller.send("chat.send", message("/slow n=1", Value::Null)).await;
    let calls = [worker.expect("tool_call").await, {
        caller.send_as("other", "chat.send", message("/slow n=2", Value::Null)).await;
        worker.expect("tool_call").await
    }];
    caller.send_as("call", "tools.call", json!({"name": "slow", "arguments": {"n": 3}})).await;
    let direct = worker.expect("tool_call").await;
    worker.answer(&direct, json!("direct")).await;
    assert_eq!(caller.response("call").await["payload"]["callId"], direct["call_id"]);
    worker.answer(&calls[1], json!("second")).await;
    let other = caller.response("other").await["payload"].clone();
    worker.answer(&calls[0], json!("first")).await;
    let first = caller.response(&first).await["payload"].clone();
    let events = caller.take_events();
    for (run, call, result) in [(&first, &calls[0], "first"), (&other, &calls[1], "second")] {
        let of_run: Vec<_> = events.iter().filter(|(_, event)| event["run_id"] == run["runId"]).collect();
        let names: Vec<_> = of_run.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["agent", "tool.call", "tool.result", "chat", "agent"]);
        assert_eq!((&of_run[1].1["call_id"], &of_run[2].1["call_id"]), (&call["call_id"], &call["call_id"]));
        assert_eq!(of_run[2].1["output"], result);
        assert!(of_run[3].1["chunk"].as_str().unwrap().contains(result));
    }
    let of_none: Vec<_> = events.iter().filter(|(_, event)| event.get("run_id").is_none()).collect();
    assert_eq!(of_none.len(), 2, "the call and its result: {events:?}");
    assert!(of_none.iter().all(|(_, event)| event["call_id"] == direct["call_id"]));
}

/// A connected caller whose agent `main` thinks with the model.
async fn thinking(gateway: &Gateway) -> RpcCaller {
    let mut admin = RpcCaller::admin(gateway).await;
    admin.ok("agents.update", json!({"agentId": "main", "profile": {"kind": "model"}})).await;
    RpcCaller::operator(gateway, "u").await
}

#[tokio::test]
async fn a_model_that_fails_has_the_code_that_says_whether_to_try_again() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let mut caller = thinking(&gateway).await;
    let too_long = r#"{"error": {"code": "context_length_exceeded"}}"#;
    let no_quota = r#"{"error": {"code": "insufficient_quota"}}"#;
    for (status, tries, wait, body, code, detail, wait_ms) in [
        (429, 1, "31", "{}", "RESOURCE_EXHAUSTED", "model_overloaded", json!(31_000)),
        (429, 1, "9999999999", "{}", "RESOURCE_EXHAUSTED", "model_overloaded", json!(86_400_000)),
        (429, 1, "1", no_quota, "INTERNAL", "agent_failed", Value::Null),
        (503, 1, "40", "{}", "UNAVAILABLE", "model_unavailable", json!(40_000)),
        (500, 3, "soon", "{}", "UNAVAILABLE", "model_unavailable", Value::Null),
        (529, 1, "31", "{}", "UNAVAILABLE", "model_unavailable", json!(31_000)),
        (401, 1, "1", "{}", "INTERNAL", "agent_failed", Value::Null),
        (403, 1, "1", "{}", "INTERNAL", "agent_failed", Value::Null),
        (404, 1, "1", "{}", "INTERNAL", "agent_failed", Value::Null),
        (400, 1, "1", "{}", "INTERNAL", "agent_failed", Value::Null),
        (400, 1, "1", too_long, "FAILED_PRECONDITION", "context_length_exceeded", Value::Null),
    ] {
        let id = caller.send("chat.send", message("Hello!", Value::Null)).await;
        for _ in 0..tries {
            model.asked().await.refuse(status, &[("retry-after", wait)], body);
        }
        let error = caller.failed(&id).await;
        assert_eq!((&error["code"], &error["details"]["code"]), (&json!(code), &json!(detail)), "{status}: {error}");
        let retryable = error["retryable"].as_bool().unwrap();
        assert_eq!(retryable, matches!(code, "RESOURCE_EXHAUSTED" | "UNAVAILABLE"), "{error}");
        assert_eq!(error["message"].as_str().unwrap().contains("try again"), retryable, "{error}");
        assert_eq!(error["retryAfterMs"], wait_ms, "{error}");
    }
    assert!(model.is_left_alone());
}

#[tokio::test]
async fn a_model_that_cannot_be_reached_or_breaks_off_is_unavailable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let nobody = thinking_gateway(
        platools_gateway::model::ModelSettings::new(url).with(|model| model.name = Some("m".to_owned())),
    )
    .await;
    let error = thinking(&nobody).await.error("chat.send", message("Hello!", Value::Null)).await;
    assert_eq!((&error["code"], &error["retryable"]), (&json!("UNAVAILABLE"), &json!(true)));
    assert_eq!(error["message"], "the model cannot be reached; try again later");

    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let mut caller = thinking(&gateway).await;
    let id = caller.send("chat.send", message("Hello!", Value::Null)).await;
    let answering = model.asked().await.answering();
    answering.delta(json!({"content": "Once upon"})).await;
    answering.cut().await;
    let error = caller.failed(&id).await;
    assert_eq!((&error["code"], &error["retryable"]), (&json!("UNAVAILABLE"), &json!(true)));
    assert_eq!(error["message"], "the model's answer broke off; try again later");
}

#[tokio::test]
async fn a_run_that_fails_after_calls_of_tools_says_how_many() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let mut worker = worker(&gateway).await;
    let mut caller = thinking(&gateway).await;
    let id = caller.send("chat.send", message("Hello!", Value::Null)).await;
    model.asked().await.calls(&[("c1", "slow", "{}"), ("c2", "nothing", "{}")]).await;
    let call = worker.expect("tool_call").await;
    worker.answer(&call, json!(1)).await;
    model.asked().await.refuse(503, &[("retry-after", "31")], "{}");
    let error = caller.failed(&id).await;
    assert_eq!((&error["code"], &error["details"]["toolCalls"]), (&json!("UNAVAILABLE"), &json!(1)), "{error}");
}

#[tokio::test]
async fn a_failed_answer_names_its_conversation_and_its_run_and_a_repeated_message_is_kept_once() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let mut caller = thinking(&gateway).await;
    let id = caller.send("chat.send", message("fail", Value::Null)).await;
    model.asked().await.refuse(503, &[("retry-after", "31")], "{}");
    let error = caller.failed(&id).await;
    let (session, run) = (error["details"]["sessionId"].clone(), error["details"]["runId"].clone());
    let events = caller.take_events();
    let agent = |status: &str| ("agent".to_owned(), json!({"run_id": run, "status": status, "session_id": session}));
    assert_eq!(events, [agent("started"), agent("failed")]);

    // What a client that was told to try again does.
    let id = caller.send("chat.send", message("fail", session.clone())).await;
    let asked = model.asked().await;
    assert_eq!(asked.body["messages"], json!([{"role": "user", "content": "fail"}]));
    asked.says("well").await;
    assert_eq!(caller.response(&id).await["payload"]["sessionId"], session);
    let listed = caller.ok("sessions.list", json!({})).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "there is no second conversation: {listed}");
    let history = caller.ok("chat.history", json!({"sessionId": session})).await;
    let said: Vec<_> = history["messages"].as_array().unwrap().iter().map(|message| &message["content"]).collect();
    assert_eq!(said, ["fail", "well"]);

    // Said again after an answer, it is another message; and one that failed stays before another one.
    let id = caller.send("chat.send", message("well", session.clone())).await;
    model.asked().await.refuse(400, &[], "{}");
    assert_eq!(caller.failed(&id).await["details"]["sessionId"], session);
    let id = caller.send("chat.send", message("fail", session.clone())).await;
    let asked = model.asked().await;
    let said: Vec<_> =
        asked.body["messages"].as_array().unwrap().iter().map(|message| message["content"].clone()).collect();
    assert_eq!(said, ["fail", "well", "well", "fail"]);
    asked.says("yes").await;
    assert_eq!(caller.response(&id).await["ok"], true);
}

#[tokio::test]
async fn a_run_that_takes_too_long_names_its_conversation_and_ends_once() {
    let model = Model::start().await;
    let chat = ChatSettings::default().with(|chat| chat.run_limit = Duration::from_millis(20));
    let setup = DevOptions { model: Some(model.settings()), chat, ..DevOptions::with_known_secrets() };
    let gateway = within(dev::start(setup)).await.unwrap();
    let mut caller = thinking(&gateway).await;
    let error = caller.error("chat.send", message("Hello!", Value::Null)).await;
    assert_eq!((&error["code"], &error["retryable"]), (&json!("AGENT_TIMEOUT"), &json!(true)), "{error}");
    assert_eq!(error["message"], "the agent did not answer within 0.02 seconds");
    let run = error["details"]["runId"].to_string();
    assert!(error["details"]["sessionId"].is_string(), "{error}");
    assert_eq!(statuses(&caller.take_events()), [format!("{run} \"started\""), format!("{run} \"failed\"")]);
}

#[tokio::test]
async fn a_new_conversation_is_aborted_by_the_id_that_its_begin_told() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway).await;
    let mut caller = RpcCaller::operator(&gateway, "u").await;
    let id = caller.send("chat.send", message("/slow", Value::Null)).await;
    let started = caller.event("agent").await;
    worker.expect("tool_call").await;
    caller.event("tool.call").await;
    let abort = json!({"runId": "", "sessionId": started["session_id"]});
    caller.send_as("abort", "chat.abort", abort).await;
    let (mut aborted, mut failed) = (Value::Null, Value::Null);
    while aborted.is_null() || failed.is_null() {
        let frame = caller.next().await;
        match frame["id"].as_str() {
            Some("abort") => aborted = frame["payload"]["aborted"].clone(),
            Some(other) if other == id => failed = frame["error"].clone(),
            _ => assert_eq!((&frame["event"], &frame["payload"]["status"]), (&json!("agent"), &json!("failed"))),
        }
    }
    assert_eq!(aborted, json!([started["run_id"]]));
    let details = json!({"code": "cancelled", "sessionId": started["session_id"], "runId": started["run_id"]});
    assert_eq!(failed["details"], details);
}

#[tokio::test]
async fn a_message_that_is_aborted_before_its_turn_starts_no_agent_and_is_not_kept() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway).await;
    let mut caller = RpcCaller::operator(&gateway, "u").await;
    let session = caller.ok("chat.send", message("/help", Value::Null)).await["sessionId"].clone();
    // The first run is another connection's, so that this one aborts only what waits.
    let mut other = RpcCaller::operator(&gateway, "u").await;
    let first = other.send("chat.send", message("/slow", session.clone())).await;
    let call = worker.expect("tool_call").await;
    caller.take_events();
    let waiting = caller.send("chat.send", message("never mind", session.clone())).await;
    caller.send_as("abort", "chat.abort", json!({"sessionId": session})).await;
    let (mut aborted, mut failed) = (Value::Null, Value::Null);
    while aborted.is_null() || failed.is_null() {
        let frame = caller.next().await;
        match frame["id"].as_str() {
            Some("abort") => aborted = frame["payload"]["aborted"].clone(),
            Some(id) if id == waiting => failed = frame["error"].clone(),
            _ => panic!("nothing has begun: {frame}"),
        }
    }
    let details = json!({"code": "cancelled", "sessionId": session, "runId": aborted[0]});
    assert_eq!(failed["details"], details);
    worker.answer(&call, json!("done")).await;
    assert_eq!(other.response(&first).await["ok"], true);
    let history = caller.ok("chat.history", json!({"sessionId": session})).await.to_string();
    assert!(!history.contains("never mind"), "{history}");
}

#[tokio::test]
async fn a_run_that_ends_with_the_gateway_or_the_key_is_told_to_have_failed_before_the_close() {
    for is_revoked in [false, true] {
        let mut model = Model::start().await;
        let setup = Gateway::builder().model(model.settings()).drain_limit(Duration::from_millis(50));
        let gateway = within(setup.start()).await.unwrap();
        let profile = serde_json::from_value::<Profile>(json!({"kind": "model"})).unwrap();
        gateway.core().local_admin().add_agent("main", profile).await.unwrap();
        let key = gateway.add_key(Role::Operator).await.unwrap();
        let mut caller = RpcCaller::with(&gateway, key.expose_secret(), "u").await;
        caller.send("chat.send", message("Hello!", Value::Null)).await;
        let answering = model.asked().await.answering();
        let started = caller.event("agent").await;
        assert_eq!(started["status"], "started");
        let (mut gateway, mut stopping) = (Some(gateway), None);
        if is_revoked {
            revoke_operators(gateway.as_ref().unwrap()).await;
        } else {
            stopping = gateway.take().map(|gateway| tokio::spawn(gateway.shutdown()));
        }
        let failed = json!({"run_id": started["run_id"], "status": "failed", "session_id": started["session_id"]});
        assert_eq!(caller.event("agent").await, failed);
        assert_eq!(caller.closed().await.0, if is_revoked { 4001 } else { 1001 });
        answering.given_up().await;
        if let Some(stopping) = stopping {
            within(stopping).await.unwrap();
        }
    }
}

async fn revoke_operators(gateway: &Gateway) {
    let admin = gateway.core().local_admin();
    for key in admin.keys().into_iter().filter(|key| key.role == Role::Operator) {
        admin.revoke_key(key.id.as_str()).await.unwrap();
    }
}

#[tokio::test]
async fn an_empty_text_is_none_where_a_text_is_optional() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway).await;
    let mut caller = RpcCaller::operator(&gateway, "u").await;
    let mut sessions = Vec::new();
    for none in [json!(""), Value::Null] {
        let params = json!({"agentId": "main", "message": "/help", "sessionId": none, "channel": none});
        let said = caller.ok("chat.send", params).await;
        let shown = caller.ok("sessions.preview", json!({"sessionId": said["sessionId"]})).await;
        assert_eq!(shown["session"]["channel"], "websocket");
        sessions.push(said["sessionId"].clone());
        let params = json!({"agentId": none, "userId": none, "cursor": none});
        let listed = caller.ok("sessions.list", params).await;
        assert_eq!(listed["items"].as_array().unwrap().len(), sessions.len());
        caller.ok("chat.history", json!({"sessionId": said["sessionId"], "cursor": none})).await;
        caller.ok("agents.list", json!({"cursor": none})).await;
        caller.ok("tools.list", json!({"environmentId": none})).await;
        let error = caller.error("chat.abort", json!({"runId": none, "sessionId": none})).await;
        assert_eq!(error["message"], "say what to abort: `runId` or `sessionId`");
        let call = json!({"name": "slow", "arguments": {}, "entityId": none, "environmentId": none});
        let id = caller.send("tools.call", call).await;
        let call = worker.expect("tool_call").await;
        worker.answer(&call, json!(1)).await;
        assert_eq!(caller.response(&id).await["ok"], true);
    }
    assert_ne!(sessions[0], sessions[1], "each is a conversation of its own");
    let mut admin = RpcCaller::admin(&gateway).await;
    admin.ok("api_keys.create", json!({"role": "operator", "agentId": ""})).await;
}
