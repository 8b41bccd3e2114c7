//! Tests of the frames and payloads of gateway RPC.

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::*;

fn raw(text: &str) -> &RawValue {
    serde_json::from_str(text).expect("it is JSON")
}

fn response(text: &str) -> Response<'_> {
    match GatewayFrame::parse(text) {
        Ok(GatewayFrame::Response(response)) => response,
        other => panic!("{text} is a response, and was read as {other:?}"),
    }
}

fn event_of(text: &str) -> Event<'_> {
    match GatewayFrame::parse(text) {
        Ok(GatewayFrame::Event(event)) => event,
        other => panic!("{text} is an event, and was read as {other:?}"),
    }
}

fn written(payload: &impl serde::Serialize) -> String {
    serde_json::to_string(payload).expect("it serializes")
}

/// Written and read again, a payload is what it was, and on the way it has exactly those members.
fn travels<T>(payload: T, members: Value)
where
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    let text = serde_json::to_string(&payload).expect("it serializes");
    assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), members);
    let mut extended = members.clone();
    extended.as_object_mut().expect("an object").insert("of a newer version".to_owned(), json!([{}]));
    let read: T = serde_json::from_value(extended).expect("unknown members are passed over");
    assert_eq!(serde_json::to_value(read).expect("it serializes"), members);
}

#[test]
fn frames_are_written_as_they_are_read() {
    let text = r#"{"type":"req","id":"a\"1","method":"tools.call","params":{"name":"add","arguments":{"a":1.50}}}"#;
    assert_eq!(Request::parse(text).expect("a request").to_text(), text, "params stay as they were written");
    for text in [
        r#"{"type":"res","id":"7","ok":true,"payload":{"protocol":3}}"#,
        r#"{"type":"res","id":"","ok":true,"payload":null}"#,
        r#"{"type":"res","id":"7","ok":false,"error":{"code":"NOT_FOUND","message":"no such agent","retryable":false}}"#,
        r#"{"type":"res","id":"7","ok":false,"error":{"code":"UNAVAILABLE","message":"","details":{"a":[1]},"retryable":true,"retryAfterMs":250}}"#,
    ] {
        assert_eq!(response(text).to_text(), text);
    }
    let text = r#"{"type":"event","event":"chat","payload":{"chunk":"2+2 equals","delta":" equals"},"seq":1}"#;
    assert_eq!(event_of(text).to_text(), text);
}

#[test]
fn members_may_come_in_any_order_and_unknown_ones_are_passed_over() {
    let text = r#"{"x":{"id":"no"},"params":{},"method":"health","traceparent":7,"id":"1","type":"req"}"#;
    let request = Request::parse(text).expect("a request");
    assert_eq!((&*request.id, &*request.method), ("1", "health"));
    let text = r#"{"payload":{"a":1},"more":[],"ok":true,"id":"1","type":"res"}"#;
    assert_eq!(response(text).outcome.expect("it succeeded").get(), r#"{"a":1}"#);
    let text = r#"{"seq":9,"channel":"x","payload":{},"event":"e","type":"event"}"#;
    assert_eq!((&*event_of(text).event, event_of(text).seq), ("e", 9));
}

#[test]
fn a_request_without_params_has_empty_ones() {
    for text in
        [r#"{"type":"req","id":"1","method":"health"}"#, r#"{"type":"req","id":"1","method":"health","params":null}"#]
    {
        assert_eq!(Request::parse(text).expect("a request").params.get(), "{}");
    }
}

#[test]
fn what_is_no_request_is_answered_with_the_best_known_id() {
    for (text, id) in [
        ("", ""),
        ("no JSON", ""),
        ("[]", ""),
        (r#""req""#, ""),
        (r#"{"type":"req","id":"1","method":"health"} trailing"#, ""),
        (r#"{"id":"1","method":"health"}"#, ""),
        (r#"{"type":7,"id":"1","method":"health"}"#, ""),
        (r#"{"type":"res","id":"1","ok":true,"payload":{}}"#, ""),
        (r#"{"type":"hello","id":"1"}"#, ""),
        (r#"{"type":"req","method":"health"}"#, ""),
        (r#"{"type":"req","id":1,"method":"health"}"#, ""),
        (r#"{"type":"req","id":"","method":"health"}"#, ""),
        (r#"{"type":"req","id":"1"}"#, "1"),
        (r#"{"type":"req","id":"1","method":null}"#, "1"),
        (r#"{"type":"req","id":"1","method":"health","params":[]}"#, "1"),
    ] {
        let error = Request::parse(text).expect_err(text);
        assert_eq!(error.id(), id, "{text}");
        let answer = error.to_response().to_text();
        let answer = response(&answer);
        assert_eq!(answer.id, id, "{text}");
        let error = answer.outcome.expect_err("it failed");
        assert_eq!((error.code, error.retryable), (ErrorCode::InvalidRequest, false));
    }
}

#[test]
fn what_a_gateway_garbles_fails_the_request_it_names() {
    for (text, id) in [
        (r#"{"type":"res","id":"1"}"#, "1"),
        (r#"{"type":"res","id":"1","ok":"yes","payload":{}}"#, "1"),
        (r#"{"type":"res","id":"1","ok":false}"#, "1"),
        (r#"{"type":"res","id":"1","ok":false,"error":"why not"}"#, "1"),
        (r#"{"type":"event","event":"chat","payload":{}}"#, ""),
        (r#"{"type":"event","event":"chat","payload":{},"seq":-1}"#, ""),
        (r#"{"type":"event","payload":{},"seq":1}"#, ""),
        (r#"{"type":"req","id":"1","method":"health"}"#, ""),
        ("{", ""),
    ] {
        assert_eq!(GatewayFrame::parse(text).expect_err(text).id(), id, "{text}");
    }
}

#[test]
fn a_code_nobody_knows_yet_is_kept_as_it_came() {
    let text = r#"{"type":"res","id":"1","ok":false,"error":{"code":"TEAPOT","message":"short and stout"}}"#;
    let error = response(text).outcome.expect_err("it failed");
    assert_eq!(error.code, ErrorCode::Other("TEAPOT".to_owned()));
    assert_eq!(error.to_string(), "TEAPOT: short and stout");
    assert!(!error.retryable);
    assert_eq!(Response::failure("1", error).to_text().matches("TEAPOT").count(), 1);
}

#[test]
fn the_ten_codes_and_which_of_them_may_be_tried_again() {
    for (word, retryable) in [
        ("INVALID_REQUEST", false),
        ("UNAUTHORIZED", false),
        ("FORBIDDEN", false),
        ("NOT_FOUND", false),
        ("ALREADY_EXISTS", false),
        ("UNAVAILABLE", true),
        ("RESOURCE_EXHAUSTED", true),
        ("FAILED_PRECONDITION", false),
        ("AGENT_TIMEOUT", true),
        ("INTERNAL", false),
    ] {
        let code = ErrorCode::from(word);
        assert!(!matches!(code, ErrorCode::Other(_)), "{word}");
        assert_eq!((code.as_str(), code.is_retryable()), (word, retryable));
        assert_eq!(RpcError::new(code, "").retryable, retryable);
    }
}

#[test]
fn a_badly_described_failure_is_still_a_failure() {
    for (error, code, retryable, retry_after_ms) in [
        (json!({}), "INTERNAL", false, None),
        (json!({"code": "UNAVAILABLE"}), "UNAVAILABLE", true, None),
        (json!({"code": "UNAVAILABLE", "retryable": false}), "UNAVAILABLE", false, None),
        (json!({"code": "INTERNAL", "retryable": true, "retryAfterMs": 1.5}), "INTERNAL", true, Some(2)),
        (json!({"code": "INTERNAL", "retryAfterMs": -1}), "INTERNAL", false, None),
        (json!({"code": "INTERNAL", "retryAfterMs": "soon", "details": null}), "INTERNAL", false, None),
    ] {
        let text = json!({"type": "res", "id": "1", "ok": false, "error": error}).to_string();
        let error = response(&text).outcome.expect_err("it failed");
        assert_eq!((error.code.as_str(), error.retryable, error.retry_after_ms), (code, retryable, retry_after_ms));
        assert_eq!(error.details, None);
    }
}

#[test]
fn a_time_to_wait_makes_a_failure_retryable() {
    let error = RpcError::new(ErrorCode::Internal, "").with_retry_after(Duration::from_millis(1_500));
    assert!(error.retryable);
    assert_eq!((error.retry_after_ms, error.retry_after()), (Some(1_500), Some(Duration::from_millis(1_500))));
}

#[test]
fn payloads_have_the_members_of_the_protocol() {
    travels(Connect::new("u"), json!({"user_id": "u"}));
    travels(Connect::new("u").with_token("t"), json!({"token": "t", "user_id": "u"}));
    travels(Connected::new(Role::Operator, "u"), json!({"protocol": 3, "role": "operator", "user_id": "u"}));
    let warned = json!({"protocol": 3, "role": "viewer", "user_id": "u", "warning": "unknown token"});
    travels(Connected::new(Role::Viewer, "u").with_warning("unknown token"), warned);
    travels(
        ChatSend::new("main", "Hello!").with_session_id("s"),
        json!({"agentId": "main", "message": "Hello!", "channel": "websocket", "sessionId": "s"}),
    );
    travels(
        ChatReply::new("4", Usage::new(42, 8), "s", "r"),
        json!({"content": "4", "usage": {"input_tokens": 42, "output_tokens": 8}, "sessionId": "s", "runId": "r"}),
    );
    travels(ChatAbort::new("r"), json!({"runId": "r"}));
    travels(ChatAbort::of_session("s"), json!({"sessionId": "s"}));
    travels(
        ToolsCall::new("add", json!({"a": 1})).with_entity_id("e").with_timeout_ms(5),
        json!({"name": "add", "arguments": {"a": 1}, "entityId": "e", "timeoutMs": 5}),
    );
    travels(ToolsReply::new(json!(3), 4, "c"), json!({"result": 3, "latencyMs": 4, "callId": "c"}));
    travels(AgentEvent::new("r", RunStatus::Started), json!({"run_id": "r", "status": "started"}));
    travels(ChatChunk::new("ab", "b"), json!({"chunk": "ab", "delta": "b"}));
    travels(ToolCallEvent::new("add", json!({"a": 1})), json!({"tool": "add", "input": {"a": 1}}));
    travels(ToolResultEvent::new("add", json!(3)), json!({"tool": "add", "output": 3}));
}

#[test]
fn events_name_their_run_behind_the_members_of_the_protocol() {
    assert_eq!(
        written(&AgentEvent::new("r", RunStatus::Started).with_session_id("s")),
        r#"{"run_id":"r","status":"started","session_id":"s"}"#
    );
    assert_eq!(written(&ChatChunk::new("ab", "b").with_run_id("r")), r#"{"chunk":"ab","delta":"b","run_id":"r"}"#);
    assert_eq!(
        written(&ToolCallEvent::new("add", json!({"a": 1})).with_run_id("r").with_call_id("c")),
        r#"{"tool":"add","input":{"a":1},"run_id":"r","call_id":"c"}"#
    );
    assert_eq!(
        written(&ToolResultEvent::new("add", json!(3)).with_run_id("r").with_call_id("c")),
        r#"{"tool":"add","output":3,"run_id":"r","call_id":"c"}"#
    );
}

#[test]
fn words_of_a_newer_gateway_are_kept() {
    travels(AgentEvent::new("r", RunStatus::Other("paused".to_owned())), json!({"run_id": "r", "status": "paused"}));
    travels(Connected::new(Role::from("auditor"), "u"), json!({"protocol": 3, "role": "auditor", "user_id": "u"}));
}

#[test]
fn raw_arguments_are_borrowed_from_the_frame() {
    let text = r#"{"type":"req","id":"1","method":"tools.call","params":{"name":"add","arguments":{"a": 1.0}}}"#;
    let request = Request::parse(text).expect("a request");
    let call: ToolsCall<&RawValue> = request.decode().expect("they fit");
    assert_eq!(call.arguments.get(), r#"{"a": 1.0}"#);
    let error = request.decode::<ChatSend>().expect_err("they are those of another method");
    assert_eq!(error.code, ErrorCode::InvalidRequest);
    assert!(error.message.contains("agentId"), "{error}");
}

#[test]
fn a_user_id_has_one_to_255_characters() {
    for (user_id, valid) in [("", false), ("u", true), (&*"ü".repeat(255), true), (&*"ü".repeat(256), false)] {
        assert_eq!(Connect::new(user_id).has_valid_user_id(), valid, "{user_id}");
    }
}

#[test]
fn debug_shows_no_token_and_nothing_that_somebody_says() {
    let payload = to_raw_value("hunter2").expect("it serializes");
    for debug in [
        format!("{:?}", Connect::new("u").with_token("hunter2")),
        format!("{:?}", Request::new("1", "m", raw(r#"{"a":"hunter2"}"#))),
        format!("{:?}", Response::success("1", &payload)),
        format!("{:?}", Event::new("e", &payload, 1)),
        format!("{:?}", ChatSend::new("main", "hunter2")),
        format!("{:?}", ChatReply::new("hunter2", Usage::default(), "s", "r")),
        format!("{:?}", ChatChunk::new("hunter2", "hunter2")),
        format!("{:?}", ToolsCall::new("add", "hunter2")),
        format!("{:?}", ToolsReply::new("hunter2", 1, "c")),
        format!("{:?}", ToolCallEvent::new("add", "hunter2")),
        format!("{:?}", ToolResultEvent::new("add", "hunter2")),
    ] {
        assert!(!debug.contains("hunter2"), "{debug}");
    }
}
