//! Tests that a worker sends exactly the frames of `tests/vectors/tool-sync-fixture.json`, which the workers of every SDK must send.

use std::collections::BTreeSet;

use futures::StreamExt;
use platools::client::Event;
use platools::{Context, ToolRegistry, tool, tools};
use platools_tests::{Link, Platform, Worker, client, within};
use serde_json::{Map, Value, json};

/// Look up one order by id.
#[tool(auth = "user", roles = ["support", "admin"], category = "orders", no_output_schema)]
async fn lookup_order(
    order_id: String,
    quantity: i64,
    #[arg(default = false)] gift: bool,
    note: Option<String>,
    ctx: &Context,
) -> Value {
    let scope = ctx.scope();
    drop(note);
    json!({
        "received": {"order_id": order_id, "quantity": quantity, "gift": gift},
        "scope": {
            "organizationId": scope.organization_id(),
            "projectId": scope.project_id(),
            "environmentId": scope.environment_id(),
        },
    })
}

fn fixture() -> Value {
    serde_json::from_str(include_str!("../vectors/tool-sync-fixture.json")).expect("the fixture is JSON")
}

fn start(platform: &Platform) -> Worker {
    let registry = ToolRegistry::new().with_tools(tools![lookup_order]).expect("a valid tool");
    Worker::start(client(&platform.url(), &registry))
}

/// A socket that has taken its registration.
async fn registered(platform: &Platform) -> Link {
    let mut link = platform.accept().await;
    link.registration().await;
    link
}

/// Checks that a frame has these keys, of which those with a question mark may be absent or null.
fn assert_keys(frame: &Value, keys: &Value) {
    let frame = frame.as_object().expect("an object");
    let keys: Vec<_> = keys.as_array().expect("keys").iter().map(|key| key.as_str().expect("a key")).collect();
    let known: Vec<_> = keys.iter().map(|key| key.trim_end_matches('?')).collect();
    assert!(frame.keys().all(|key| known.contains(&key.as_str())), "{frame:?} has more than {keys:?}");
    assert!(keys.iter().all(|key| key.ends_with('?') || frame.contains_key(*key)), "{frame:?} has less than {keys:?}");
}

/// Checks the values a frame must have; further keys are another check's matter.
fn assert_values(frame: &Value, expected: &Value) {
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(&frame[key], value, "{key}");
    }
}

/// The JSON types a schema admits.
fn types(schema: &Value) -> BTreeSet<&str> {
    let named = match &schema["type"] {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => names.iter().map(|name| name.as_str().expect("a name")).collect(),
        _ => Vec::new(),
    };
    let members = schema["anyOf"].as_array().into_iter().flatten().flat_map(types);
    named.into_iter().chain(members).collect()
}

/// Parameters of an input schema, in the form of the fixture.
fn parameters(schema: &Value) -> Value {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let meaning = |(name, schema): (&String, &Value)| {
        let mut parameter = Map::from_iter([
            ("name".to_owned(), json!(name)),
            ("types".to_owned(), json!(types(schema))),
            ("required".to_owned(), json!(required.contains(&json!(name)))),
        ]);
        if let Some(default) = schema.get("default").filter(|default| !default.is_null()) {
            parameter.insert("default".to_owned(), default.clone());
        }
        Value::Object(parameter)
    };
    schema["properties"].as_object().expect("properties").iter().map(meaning).collect()
}

/// Proves that the socket serves calls.
async fn serves(link: &mut Link, call_id: &str) {
    link.call(call_id, "lookup_order", json!({"order_id": "o", "quantity": 1})).await;
    assert_eq!(link.result(call_id).await["received"], json!({"order_id": "o", "quantity": 1, "gift": false}));
}

#[tokio::test]
async fn the_registration_has_exactly_the_keys_and_values_of_the_fixture() {
    let (fixture, platform) = (fixture(), Platform::start().await);
    let _worker = start(&platform);
    let expected = &fixture["frames"]["tool_register"];
    let frame = platform.accept().await.expect("tool_register").await;
    assert_keys(&frame, &expected["keys"]);
    assert_eq!(frame["tools"].as_array().expect("tools").len(), 1);
    let tool = &frame["tools"][0];
    assert_keys(tool, &expected["toolKeys"]);
    assert_values(tool, &expected["expected"]);
    assert_eq!(parameters(&tool["input_schema"]), fixture["tool"]["parameters"]);
}

#[tokio::test]
async fn the_call_of_the_fixture_has_its_result() {
    let (frames, platform) = (&fixture()["frames"], Platform::start().await);
    let _worker = start(&platform);
    let mut link = registered(&platform).await;
    link.send(frames["tool_call"].clone()).await;
    let result = link.next().await;
    assert_keys(&result, &frames["tool_result"]["keys"]);
    assert_values(&result, &frames["tool_result"]["expected"]);
    assert!(result["latency_ms"].is_u64(), "{result}");
}

#[tokio::test]
async fn an_unknown_tool_has_the_error_of_the_fixture() {
    let (frames, platform) = (&fixture()["frames"], Platform::start().await);
    let _worker = start(&platform);
    let mut link = registered(&platform).await;
    link.send(frames["unknown_tool"]["call"].clone()).await;
    let error = link.next().await;
    assert_keys(&error, &frames["unknown_tool"]["keys"]);
    assert_values(&error, &frames["unknown_tool"]["expected"]);
    serves(&mut link, "after").await;
}

#[tokio::test]
async fn every_frame_to_be_ignored_leaves_the_socket_serving() {
    let (fixture, platform) = (fixture(), Platform::start().await);
    let _worker = start(&platform);
    let mut link = registered(&platform).await;
    let lines = fixture["inbound"]["ignored_without_ending_the_session"].as_array().expect("lines");
    assert!(!lines.is_empty());
    for (number, line) in lines.iter().enumerate() {
        link.send_text(line.as_str().expect("a line")).await;
        // The next frame answers this call, so there was none for the line.
        serves(&mut link, &format!("after-{number}")).await;
    }
}

#[tokio::test]
async fn every_malformed_call_with_an_id_is_answered_and_the_socket_serves_on() {
    let (fixture, platform) = (fixture(), Platform::start().await);
    let _worker = start(&platform);
    let mut link = registered(&platform).await;
    let lines = fixture["inbound"]["answered_with_tool_error"].as_array().expect("lines");
    assert!(!lines.is_empty());
    for line in lines.iter().map(|line| line.as_str().expect("a line")) {
        let call: Value = serde_json::from_str(line).expect("the line is JSON");
        link.send_text(line).await;
        link.error(call["call_id"].as_str().expect("an id")).await;
        serves(&mut link, &format!("after-{}", call["call_id"])).await;
    }
}

#[tokio::test]
async fn both_forms_of_the_greeting_name_the_organization() {
    let (fixture, platform) = (fixture(), Platform::start().await);
    let worker = start(&platform);
    let mut events = worker.handle().events();
    let mut link = registered(&platform).await;
    for form in fixture["inbound"]["welcome_forms"].as_array().expect("forms") {
        link.send_text(form["frame"].as_str().expect("a frame")).await;
        let welcome = match within(events.next()).await {
            Some(Event::Welcomed(welcome)) => welcome,
            other => panic!("a greeting was expected, and this came: {other:?}"),
        };
        assert_eq!(welcome.organization(), form["organization_id"].as_str());
    }
    worker.reaches(platools::connection::ConnectionState::is_connected).await;
}

#[tokio::test]
async fn a_call_in_camel_case_is_served() {
    let (fixture, platform) = (fixture(), Platform::start().await);
    let _worker = start(&platform);
    let mut link = registered(&platform).await;
    link.send_text(fixture["inbound"]["camel_case_call"].as_str().expect("a frame")).await;
    assert_eq!(link.result("k-1").await["received"], json!({"order_id": "o", "quantity": 1, "gift": false}));
}
