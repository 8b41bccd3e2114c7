//! Tests that a member means the same in snake case and in camel case, for frames of workers and of platforms.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

/// The members that have a second spelling.
const SPELLINGS: &[(&str, &str)] = &[
    ("call_id", "callId"),
    ("tool_name", "toolName"),
    ("latency_ms", "latencyMs"),
    ("error", "message"),
    ("traceback", "stack"),
    ("tools_health", "toolsHealth"),
    ("avg_latency_ms", "avgLatencyMs"),
    ("error_count_1h", "errorCount1h"),
    ("last_error", "lastError"),
    ("input_schema", "inputSchema"),
    ("output_schema", "outputSchema"),
    ("call_ids", "callIds"),
    ("deadline_ms", "deadlineMs"),
    ("retry_after_ms", "retryAfterMs"),
    ("sdk_connection_id", "sdkConnectionId"),
    ("organization_id", "organizationId"),
    ("project_id", "projectId"),
    ("environment_id", "environmentId"),
    ("entity_id", "entityId"),
    ("new_tools", "newTools"),
];

/// Frames of workers and of platforms, with every member.
fn frames(text: &str, number: u32) -> [Value; 14] {
    [
        json!({"type": "tool_result", "call_id": text, "result": {"call_id": text}, "latency_ms": number}),
        json!({"type": "tool_error", "call_id": text, "error": text, "traceback": text, "code": text, "retryable": true,
            "details": {"error": text}}),
        json!({"type": "tool_progress", "call_id": text, "progress": number, "total": number, "message": text}),
        json!({"type": "tool_log", "call_id": text, "level": "info", "message": text}),
        json!({"type": "heartbeat", "tools_health": {text: {"status": "down", "avg_latency_ms": number,
            "error_count_1h": number, "last_error": text}}}),
        json!({"type": "tool_register", "tools": [{"name": text, "input_schema": {"type": "object"}, "output_schema": {}}]}),
        json!({"type": "drain", "deadline_ms": number}),
        json!({"type": "tool_call", "call_id": text, "tool_name": text, "params": {"tool_name": text}}),
        json!({"type": "tool_cancel", "call_id": text, "reason": text}),
        json!({"type": "result_ack", "call_ids": [text, text]}),
        json!({"type": "welcome", "sdk_connection_id": text, "organization_id": text, "project_id": text,
            "environment_id": text, "entity_id": text, "features": ["progress"]}),
        json!({"type": "tools_registered", "entity_id": text, "environment_id": text, "count": number, "new_tools": number,
            "updated": 1, "pruned": 2}),
        json!({"type": "register_throttled", "error": text, "retry_after_ms": number}),
        json!({"type": "error", "error": text}),
    ]
}

/// The frame as its reader understands it, written again.
fn read(frame: &Value) -> String {
    let text = frame.to_string();
    match (WorkerFrame::parse(&text), PlatformFrame::parse(&text)) {
        (Ok(frame), Err(FrameError::UnknownType(_))) => frame.to_text(),
        (Err(FrameError::UnknownType(_)), Ok(frame)) => frame.to_text(),
        // Both sides may announce their end.
        (Ok(worker), Ok(platform)) => format!("{} {}", worker.to_text(), platform.to_text()),
        (worker, platform) => panic!("{text}: {worker:?}, {platform:?}"),
    }
}

/// Writes a member with this name and that second spelling.
type Respell<'a> = dyn Fn(&mut Map<String, Value>, (&'static str, &'static str), Value) + 'a;

/// The same frame, in which `respell` writes each member that has a second spelling.
fn respelled(frame: &Value, respell: &Respell<'_>) -> Value {
    let Value::Object(members) = frame else { return frame.clone() };
    let words = matches!(members.get("type").and_then(Value::as_str), Some("tool_progress" | "tool_log"));
    let mut written = Map::new();
    for (name, value) in members {
        let value = match name.as_str() {
            "tools_health" => {
                let tools = value.as_object().expect("an object").iter();
                Value::Object(tools.map(|(tool, health)| (tool.clone(), respelled(health, respell))).collect())
            }
            "tools" => value.as_array().expect("a list").iter().map(|tool| respelled(tool, respell)).collect(),
            _ => value.clone(),
        };
        match SPELLINGS.iter().find(|(first, _)| first == name && !(words && *first == "error")) {
            Some(spelling) => respell(&mut written, *spelling, value),
            None => drop(written.insert(name.clone(), value)),
        }
    }
    Value::Object(written)
}

proptest! {
    #[test]
    fn each_spelling_of_a_frame_means_the_same_and_the_usual_one_wins(text in "\\PC{1,12}", number in any::<u32>()) {
        for frame in frames(&text, number) {
            let usual = read(&frame);
            let other = respelled(&frame, &|written, (_, other), value| {
                written.insert(other.to_owned(), value);
            });
            prop_assert_eq!(read(&other), usual.clone(), "{}", other);
            let both_before = respelled(&frame, &|written, (first, other), value| {
                written.insert(other.to_owned(), json!([null]));
                written.insert(first.to_owned(), value);
            });
            let both_behind = respelled(&frame, &|written, (first, other), value| {
                written.insert(first.to_owned(), value);
                written.insert(other.to_owned(), json!([null]));
            });
            prop_assert_eq!(read(&both_before), usual.clone(), "{}", both_before);
            prop_assert_eq!(read(&both_behind), usual, "{}", both_behind);
        }
    }
}

#[test]
fn a_null_under_the_usual_name_is_no_value() {
    let text = r#"{"type":"tool_error","call_id":null,"callId":"c","error":null,"message":"no stock","stack":"at x"}"#;
    let WorkerFrame::ToolError(failure) = WorkerFrame::parse(text).expect("a frame") else { panic!("a failure") };
    assert_eq!((&*failure.call_id, &*failure.error, failure.traceback.as_deref()), ("c", "no stock", Some("at x")));
}
