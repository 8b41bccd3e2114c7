//! Tests of the frames between workers and platforms.

use serde_json::{Value, json};

use super::*;
use crate::{ErrorDetails, LogLevel};

/// The frames every tool host must read, made with the other SDKs.
fn inbound() -> Value {
    let fixture: Value = serde_json::from_str(include_str!("../../../tests/vectors/tool-sync-fixture.json"))
        .expect("the fixture is JSON");
    fixture["inbound"].clone()
}

fn lines(of: &Value) -> Vec<String> {
    of.as_array().expect("a list").iter().map(|line| line.as_str().expect("a string").to_owned()).collect()
}

#[test]
fn malformed_and_unknown_frames_are_errors_that_name_no_call() {
    let mut errors = 0;
    for line in lines(&inbound()["ignored_without_ending_the_session"]) {
        if let Err(error) = PlatformFrame::parse(&line) {
            errors += 1;
            assert!(!matches!(error, FrameError::Malformed { call_id: Some(_), .. }), "{line}: {error:?}");
        }
    }
    assert_eq!(errors, 7, "the fixture has seven lines that are no frame for us");
}

#[test]
fn a_malformed_call_keeps_its_call_id() {
    for (line, expected) in lines(&inbound()["answered_with_tool_error"]).iter().zip(["m-1", "m-2", "m-3"]) {
        match PlatformFrame::parse(line) {
            Err(FrameError::Malformed { kind: "tool_call", call_id: Some(call_id), .. }) => {
                assert_eq!(call_id, expected)
            }
            other => panic!("{line}: {other:?}"),
        }
    }
}

#[test]
fn both_spellings_of_the_organization_are_read() {
    for form in inbound()["welcome_forms"].as_array().expect("a list") {
        let text = form["frame"].as_str().expect("a string");
        let PlatformFrame::Welcome(welcome) = PlatformFrame::parse(text).expect("a welcome") else {
            panic!("{text} is a welcome")
        };
        assert_eq!(welcome.organization(), form["organization_id"].as_str());
    }
}

#[test]
fn camel_case_calls_are_read() {
    let text = inbound()["camel_case_call"].as_str().expect("a string").to_owned();
    let PlatformFrame::ToolCall(call) = PlatformFrame::parse(&text).expect("a call") else {
        panic!("{text} is a call")
    };
    assert_eq!((&*call.call_id, &*call.tool_name), ("k-1", "lookup_order"));
}

#[test]
fn new_tools_may_be_a_number_or_names() {
    for (text, new_tools) in [
        (r#"{"type":"tools_registered","count":3,"new_tools":2,"updated":0,"pruned":0}"#, 2),
        (r#"{"type":"tools_registered","count":3,"new_tools":["a","b","c"]}"#, 3),
    ] {
        let PlatformFrame::ToolsRegistered(registered) = PlatformFrame::parse(text).expect("a frame") else {
            panic!("{text} tells what was registered")
        };
        assert_eq!((registered.count, registered.new_tools), (3, new_tools));
    }
}

#[test]
fn escaped_keys_and_ids_are_unescaped() {
    let text = r#"{"\u0074ype":"tool_call","call_id":"a\"b","tool_name":"t","params":{"x":"\u00e9"}}"#;
    let PlatformFrame::ToolCall(call) = PlatformFrame::parse(text).expect("a call") else { panic!("{text} is a call") };
    assert_eq!(call.call_id, "a\"b");
    assert_eq!(call.params.get(), r#"{"x":"\u00e9"}"#, "params stay as they were written");
}

#[test]
fn an_acknowledgement_is_written_with_its_type_alone() {
    assert_eq!(PlatformFrame::HeartbeatAck {}.to_text(), r#"{"type":"heartbeat_ack"}"#);
}

#[test]
fn a_result_written_in_place_is_a_tool_result() {
    let mut frame = Vec::new();
    result_frame::head(&mut frame, "id with \"quotes\" and \u{1}");
    frame.extend_from_slice(br#"{"sum":3}"#);
    result_frame::tail(&mut frame, u64::MAX);
    let text = String::from_utf8(frame).expect("JSON is UTF-8");
    let WorkerFrame::ToolResult(result) = WorkerFrame::parse(&text).expect("a frame") else {
        panic!("{text} is a result")
    };
    assert_eq!(result.call_id, "id with \"quotes\" and \u{1}");
    assert_eq!(result.result.get(), r#"{"sum":3}"#);
    assert_eq!(result.latency_ms, u64::MAX);
    assert_eq!(WorkerFrame::ToolResult(result).to_text(), text, "both ways of writing give the same bytes");
}

#[test]
fn the_facts_of_a_failure_are_members_of_its_frame_and_none_of_them_spoils_it() {
    let facts = ErrorDetails::new("locked", true, Some(&serde_json::json!({"by": "ada"})));
    let frame = WorkerFrame::ToolError(ToolFailure::new("c", "it is locked").with_details(facts.clone()));
    let text = r#"{"type":"tool_error","call_id":"c","error":"it is locked","code":"locked","retryable":true,"details":{"by":"ada"}}"#;
    assert_eq!(frame.to_text(), text);
    let read = |text: &str| match WorkerFrame::parse(text).expect("a frame") {
        WorkerFrame::ToolError(failure) => failure.details,
        other => panic!("it is a failure: {other:?}"),
    };
    assert_eq!(read(text), facts);
    let strange = [
        r#""code":7,"retryable":"yes","details":null"#,
        r#""code":null,"retryable":1,"details":1e999"#,
        r#""code":"""#,
    ];
    for members in strange {
        assert!(
            read(&format!(r#"{{"type":"tool_error","call_id":"c","error":"e",{members}}}"#)).is_empty(),
            "{members}"
        );
    }
    let large = format!(r#"{{"type":"tool_error","call_id":"c","error":"e","details":"{}"}}"#, "x".repeat(64 * 1024));
    assert!(read(&large).is_empty());
}

#[test]
fn an_error_without_causes_has_no_traceback() {
    let frame = WorkerFrame::ToolError(ToolFailure::new("c", "it broke"));
    assert_eq!(frame.to_text(), r#"{"type":"tool_error","call_id":"c","error":"it broke"}"#);
    let with = WorkerFrame::ToolError(ToolFailure::new("c", "it broke").with_traceback("because"));
    assert_eq!(with.to_text(), r#"{"type":"tool_error","call_id":"c","error":"it broke","traceback":"because"}"#);
}

#[test]
fn a_registration_has_exactly_seven_keys_per_tool() {
    let tools = vec![ToolDeclaration::new("t", "d", json!({"type": "object"}))];
    let frame = WorkerFrame::ToolRegister { tools, unreadable: Vec::new() };
    let value: Value = serde_json::from_str(&frame.to_text()).expect("JSON");
    let keys: Vec<_> = value["tools"][0].as_object().expect("an object").keys().cloned().collect();
    assert_eq!(keys, ["name", "description", "input_schema", "output_schema", "auth", "roles", "annotations"]);
    assert_eq!(value["tools"][0]["output_schema"], Value::Null);
}

#[test]
fn the_older_sdks_frames_are_read() {
    for text in [
        r#"{"type":"heartbeat","tools_health":{}}"#,
        r#"{"type":"heartbeat"}"#,
        r#"{"type":"tool_error","call_id":"c","error":"e","traceback":null}"#,
        r#"{"type":"tool_result","call_id":"c","result":null,"latency_ms":0}"#,
        r#"{"type":"tool_register","tools":[]}"#,
    ] {
        WorkerFrame::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

#[test]
fn a_result_that_is_left_out_is_null() {
    let frame = WorkerFrame::parse(r#"{"type":"tool_result","call_id":"c","latency_ms":3}"#).expect("a frame");
    let WorkerFrame::ToolResult(result) = frame else { panic!("a result") };
    assert_eq!((result.result.get(), result.latency_ms), ("null", 3));
}

#[test]
fn an_error_that_says_nothing_is_named_as_the_other_platform_names_it() {
    for (error, expected) in [
        ("", "tool_error"),
        (r#","error":null"#, "tool_error"),
        (r#","error":" ""#, "tool_error"),
        (r#","error":"e""#, "e"),
        (r#","error":{"code":7}"#, r#"{"code":7}"#),
    ] {
        let text = format!(r#"{{"type":"tool_error","call_id":"c"{error}}}"#);
        let WorkerFrame::ToolError(failure) = WorkerFrame::parse(&text).expect("a frame") else { panic!("an error") };
        assert_eq!(failure.error, expected, "{text}");
    }
}

#[test]
fn extension_frames_of_a_platform_are_written_as_they_are_read() {
    for text in [
        r#"{"type":"tool_cancel","call_id":"c"}"#,
        r#"{"type":"tool_cancel","call_id":"c","reason":"nobody waits"}"#,
        r#"{"type":"result_ack","call_ids":["a","b\"c"]}"#,
        r#"{"type":"result_ack","call_ids":[]}"#,
        r#"{"type":"drain"}"#,
        r#"{"type":"drain","deadline_ms":30000}"#,
    ] {
        let frame = PlatformFrame::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(frame.to_text(), text);
        assert!(frame.feature().is_some(), "{text}");
    }
}

#[test]
fn extension_frames_of_a_worker_are_written_as_they_are_read() {
    for text in [
        r#"{"type":"tool_progress","call_id":"c","progress":0.5}"#,
        r#"{"type":"tool_progress","call_id":"c","progress":3.0,"total":4.0,"message":"three of four"}"#,
        r#"{"type":"tool_log","call_id":"c","level":"notice","message":"half\nof it"}"#,
        r#"{"type":"drain"}"#,
        r#"{"type":"drain","deadline_ms":0}"#,
    ] {
        let frame = WorkerFrame::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(frame.to_text(), text);
        assert!(frame.feature().is_some(), "{text}");
    }
    let whole = r#"{"type":"tool_progress","call_id":"c","progress":3,"total":null,"message":null}"#;
    WorkerFrame::parse(whole).expect("a number need not have a fraction, and null is nothing");
}

#[test]
fn extension_frames_that_make_no_sense_are_malformed() {
    for text in [
        r#"{"type":"tool_cancel"}"#,
        r#"{"type":"tool_cancel","call_id":""}"#,
        r#"{"type":"tool_cancel","call_id":"c","reason":7}"#,
        r#"{"type":"result_ack"}"#,
        r#"{"type":"result_ack","call_ids":[7]}"#,
        r#"{"type":"drain","deadline_ms":-1}"#,
    ] {
        assert!(matches!(PlatformFrame::parse(text), Err(FrameError::Malformed { .. })), "{text}");
    }
    for text in [
        r#"{"type":"tool_progress","progress":1}"#,
        r#"{"type":"tool_progress","call_id":"c"}"#,
        r#"{"type":"tool_progress","call_id":"c","progress":"1"}"#,
        r#"{"type":"tool_log","level":"info","message":""}"#,
        r#"{"type":"tool_log","call_id":"c","level":"loud","message":""}"#,
        r#"{"type":"tool_log","call_id":"c","level":"info"}"#,
    ] {
        assert!(matches!(WorkerFrame::parse(text), Err(FrameError::Malformed { .. })), "{text}");
    }
}

#[test]
fn debug_shows_no_words_of_a_cancellation_or_a_report() {
    let cancel = PlatformFrame::ToolCancel(ToolCancel::new("c").with_reason("hunter2"));
    let progress = WorkerFrame::ToolProgress(ToolProgress::new("c", 1.0).with_message("hunter2"));
    let log = WorkerFrame::ToolLog(ToolLog::new("c", LogLevel::Info, "hunter2"));
    for debug in [format!("{cancel:?}"), format!("{progress:?}"), format!("{log:?}")] {
        assert!(debug.contains('7') && !debug.contains("hunter2"), "{debug}");
    }
}

#[test]
fn features_travel_in_a_header_and_in_the_welcome() {
    assert_eq!(Features::all().to_string(), "cancel, progress, log, result-ack, drain, error-details");
    assert_eq!(Features::from_header(&Features::all().to_string()), Features::all());
    assert_eq!(
        Features::from_header("drain,,cancel , x, Cancel"),
        [Feature::Cancel, Feature::Drain].into_iter().collect()
    );
    assert!(Features::from_header("").is_empty());
    for (text, expected) in [
        (r#"{"type":"welcome","sdk_connection_id":"c"}"#, Features::none()),
        (
            r#"{"type":"welcome","sdk_connection_id":"c","features":["progress","x",7]}"#,
            [Feature::Progress].into_iter().collect(),
        ),
        (r#"{"type":"welcome","sdk_connection_id":"c","features":{"something":"else"}}"#, Features::none()),
        (r#"{"type":"welcome","sdk_connection_id":"c","features":null}"#, Features::none()),
    ] {
        let PlatformFrame::Welcome(welcome) = PlatformFrame::parse(text).expect("a welcome") else {
            panic!("{text} is a welcome")
        };
        assert_eq!(welcome.features, expected, "{text}");
    }
}

#[test]
fn a_welcome_without_features_has_no_field_of_that_name() {
    let text = PlatformFrame::Welcome(Welcome::new("c")).to_text();
    assert_eq!(text, r#"{"type":"welcome","sdk_connection_id":"c"}"#);
}
