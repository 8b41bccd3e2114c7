//! Tests of the tools in requests to a model: their number, their forms, and those that the endpoint refuses.

use std::num::NonZeroU32;

use serde_json::{Value, json};

use crate::model::asking;
use crate::model_server::{Asked, Model, thinking_gateway};
use crate::support::{Answer, Caller, Dial, Worker, ended};

/// The answer of an endpoint of OpenAI's kind to tools that it does not take.
fn refusal(body: &Value, max_tools: usize) -> Option<(u16, Value)> {
    let tools = body["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    let error = |param: String, code: &str, message: String| {
        let error = json!({"message": message, "type": "invalid_request_error", "param": param, "code": code});
        Some((400, json!({ "error": error })))
    };
    if tools.len() > max_tools {
        let message = format!("Invalid 'tools': array too long. Expected an array with maximum length {max_tools}.");
        return error("tools".to_owned(), "array_above_max_length", message);
    }
    for (at, tool) in tools.iter().enumerate() {
        let function = &tool["function"];
        let name = function["name"].as_str().unwrap_or_default();
        let is_plain = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_plain) {
            let message = format!("Invalid 'tools[{at}].function.name': string does not match pattern.");
            return error(format!("tools[{at}].function.name"), "invalid_value", message);
        }
        if function["description"].as_str().unwrap_or_default().chars().count() > 1024 {
            let message = format!("Invalid 'tools[{at}].function.description': string too long.");
            return error(format!("tools[{at}].function.description"), "string_above_max_length", message);
        }
        let parameters = &function["parameters"];
        let has_union = ["oneOf", "anyOf", "allOf", "enum", "not"].iter().any(|union| parameters.get(union).is_some());
        // Stands for a rule that nobody knows of.
        let is_odd = parameters.to_string().contains("impossible");
        if parameters["type"] != "object" || has_union || is_odd {
            let message = format!("Invalid schema for function '{name}': schema must have type 'object'.");
            return error(format!("tools[{at}].function.parameters"), "invalid_function_parameters", message);
        }
    }
    None
}

/// The first request that the endpoint takes, and the number of those that it refused.
async fn accepted(model: &mut Model, max_tools: usize) -> (Asked, usize) {
    let mut refused = 0;
    loop {
        let asked = model.asked().await;
        match refusal(&asked.body, max_tools) {
            Some((status, body)) => asked.refuse(status, &[], body.to_string()),
            None => return (asked, refused),
        }
        refused += 1;
        assert!(refused < 20, "the gateway goes on sending what is refused");
    }
}

fn names(asked: &Asked) -> Vec<&str> {
    let tools = asked.body["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    tools.iter().map(|tool| tool["function"]["name"].as_str().unwrap()).collect()
}

fn message(answer: &Answer) -> &str {
    answer.body["error"]["message"].as_str().unwrap_or_else(|| panic!("{answer:?}"))
}

async fn register(worker: &mut Worker, tools: Vec<Value>) {
    worker.send(json!({"type": "tool_register", "tools": tools})).await;
    worker.expect("tools_registered").await;
}

fn declared(name: &str, description: &str, schema: Value) -> Value {
    json!({"name": name, "description": description, "input_schema": schema, "output_schema": null, "auth": "none", "roles": [], "annotations": {}})
}

fn many(count: usize) -> Vec<Value> {
    (0..count).map(|n| declared(&format!("t{n:03}"), "One of many.", json!({"type": "object"}))).collect()
}

#[tokio::test]
async fn a_model_is_shown_as_many_tools_as_it_takes_and_those_of_the_profile_first() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    register(&mut worker, many(130)).await;
    let answer = asking(&gateway, "hi");
    let (asked, refused) = accepted(&mut model, 128).await;
    assert_eq!((names(&asked).len(), refused), (128, 0));
    assert_eq!((names(&asked)[0], names(&asked)[127]), ("t000", "t127"), "those that were declared first");
    asked.says("hello").await;
    assert_eq!(ended(answer).await.status, 200);

    let named: Vec<_> = (0..130).rev().map(|n| format!("t{n:03}")).collect();
    let profile = json!({"profile": {"tools": named}}).to_string();
    assert_eq!(Caller::admin(&gateway).send("PATCH", "/v1/agents/main", profile).await.status, 200);
    let answer = asking(&gateway, "hi");
    let (asked, _) = accepted(&mut model, 128).await;
    assert_eq!((names(&asked).len(), names(&asked)[0], names(&asked)[127]), (128, "t002", "t129"));
    asked.says("hello").await;
    assert_eq!(ended(answer).await.status, 200);
}

#[tokio::test]
async fn an_endpoint_that_takes_fewer_tools_is_told_of_with_the_number_and_the_setting() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings().with(|model| model.max_tools = NonZeroU32::new(70).unwrap())).await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    register(&mut worker, many(80)).await;
    let answer = asking(&gateway, "hi");
    let asked = model.asked().await;
    let (status, body) = refusal(&asked.body, 64).unwrap();
    asked.refuse(status, &[], body.to_string());
    let answer = ended(answer).await;
    assert_eq!(answer.status, 502);
    for part in ["array_above_max_length", "`model.max_tools`", "agent change AGENT --tool NAME", "it was shown 70"] {
        assert!(message(&answer).contains(part), "{answer:?}");
    }
    assert!(model.is_left_alone());
}

#[tokio::test]
async fn tools_that_interfaces_refuse_are_shown_in_forms_that_they_take() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    let branch = |tag: &str| json!({"type": "object", "properties": {"kind": {"const": tag}}, "required": ["kind"]});
    let deep = (0..12).fold(json!({"type": "string"}), |schema, _| json!({"type": "object", "properties": {"a": schema}, "required": ["a"], "additionalProperties": false}));
    register(
        &mut worker,
        vec![
            declared("files.read", &"long ".repeat(500), json!({"type": "object"})),
            declared(
                "größe",
                "",
                json!({"type": "object", "properties": {"v": {"type": "string", "pattern": r"^\p{L}+$"}}}),
            ),
            declared(&"x".repeat(100), "", json!({"type": "object", "oneOf": [branch("a"), branch("b")]})),
            declared("deep", "", deep),
        ],
    )
    .await;
    let answer = asking(&gateway, "hi");
    let (asked, refused) = accepted(&mut model, 128).await;
    assert_eq!((names(&asked).len(), refused), (4, 0));
    let deep = asked.body["tools"].as_array().unwrap().iter().find(|tool| tool["function"]["name"] == "deep").unwrap();
    assert_eq!(deep["function"]["strict"], false, "deeper than strict form");
    assert!(!asked.body.to_string().contains("\"pattern\""));
    asked.says("hello").await;
    assert_eq!(ended(answer).await.status, 200);
}

#[tokio::test]
async fn a_tool_that_the_endpoint_refuses_costs_the_agent_no_other_tool() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    let odd = json!({"type": "object", "properties": {"impossible": {"type": "string"}}, "required": ["impossible"]});
    let good = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    register(&mut worker, vec![declared("bad", "", odd), declared("good", "", good)]).await;
    let answer = asking(&gateway, "hi");
    let (asked, refused) = accepted(&mut model, 128).await;
    assert_eq!((names(&asked), refused), (vec!["good"], 2), "in strict form, and in the other one");
    asked.calls(&[("c1", "good", "{\"n\": 1}")]).await;
    let call = worker.expect("tool_call").await;
    assert_eq!(call["params"]["n"], 1);
    worker.answer(&call, json!("done")).await;
    let (asked, refused) = accepted(&mut model, 128).await;
    assert_eq!(refused, 0);
    asked.says("hello").await;
    assert_eq!(ended(answer).await.status, 200);
    // The next message does without it at once.
    let answer = asking(&gateway, "again");
    let (asked, refused) = accepted(&mut model, 128).await;
    assert_eq!((names(&asked), refused), (vec!["good"], 0));
    asked.says("hello").await;
    assert_eq!(ended(answer).await.status, 200);
}

#[tokio::test]
async fn an_endpoint_without_strict_form_is_asked_without_it() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    let strict = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    register(&mut worker, vec![declared("one", "", strict.clone()), declared("two", "", strict)]).await;
    let answer = asking(&gateway, "hi");
    let asked = model.asked().await;
    assert_eq!(asked.body["tools"][0]["function"]["strict"], true);
    let body = json!({"detail": [{"type": "extra_forbidden", "loc": ["body", "tools", 0, "function", "strict"]}]});
    asked.refuse(422, &[], body.to_string());
    let asked = model.asked().await;
    assert_eq!(names(&asked), ["one", "two"]);
    assert!(!asked.body.to_string().contains("\"strict\""));
    asked.says("hello").await;
    assert_eq!(ended(answer).await.status, 200);
}

#[tokio::test]
async fn a_null_that_strict_form_asks_for_does_not_reach_a_tool_that_takes_none() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    let schema = json!({"type": "object", "properties": {
        "unit": {"enum": ["C", "F"]}, "place": {"properties": {"zip": {"type": "string"}}}, "note": {"type": ["string", "null"]}
    }});
    let mut tool = declared("weather", "", schema);
    tool["annotations"] = json!({"strictArguments": true});
    register(&mut worker, vec![tool]).await;
    let answer = asking(&gateway, "hi");
    let asked = model.asked().await;
    let properties = &asked.body["tools"][0]["function"]["parameters"]["properties"];
    assert_eq!(properties["unit"], json!({"type": ["string", "null"], "enum": ["C", "F", null]}));
    asked.calls(&[("c1", "weather", r#"{"unit": null, "place": {"zip": null}, "note": null}"#)]).await;
    let call = worker.expect("tool_call").await;
    let params = call["params"].as_object().unwrap();
    let own: Value = params
        .iter()
        .filter(|(name, _)| !name.starts_with('_'))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    assert_eq!(own, json!({"place": {}, "note": null}));
    worker.answer(&call, json!("sunny")).await;
    let asked = model.asked().await;
    let kept = &asked.body["messages"][1]["tool_calls"][0]["function"]["arguments"];
    assert_eq!(kept, r#"{"unit": null, "place": {"zip": null}, "note": null}"#, "the model's own words");
    asked.says("sunny").await;
    assert_eq!(ended(answer).await.status, 200);
}

#[tokio::test]
async fn arguments_that_a_model_wrote_for_a_form_are_taken_over_rest() {
    let gateway = crate::support::dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    let schema = json!({"type": "object", "properties": {"$top": {"type": "integer"}, "unit": {"enum": ["C"]}}, "required": ["$top"],
        "additionalProperties": false});
    let mut tool = declared("list", "", schema);
    tool["annotations"] = json!({"strictArguments": true});
    register(&mut worker, vec![tool]).await;
    let admin = Caller::admin(&gateway);
    let shown = admin.get("/v1/tools/list/schema?dialect=anthropic").await;
    assert_eq!(shown.body["input_schema"]["required"], json!(["_top"]));
    for (dialect, sent, own) in [
        ("anthropic", json!({"_top": 3}), json!({"$top": 3})),
        ("openai", json!({"$top": 3, "unit": null}), json!({"$top": 3})),
    ] {
        let path = format!("/v1/tools/list/call?dialect={dialect}");
        let caller = Caller::admin(&gateway);
        let call = tokio::spawn(async move { caller.post(&path, json!({ "arguments": sent })).await });
        let frame = worker.expect("tool_call").await;
        let params = frame["params"].as_object().unwrap();
        let taken: Value = params
            .iter()
            .filter(|(name, _)| !name.starts_with('_'))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        assert_eq!(taken, own);
        worker.answer(&frame, json!(null)).await;
        assert_eq!(ended(call).await.status, 200);
    }
    let refused = admin.post("/v1/tools/list/call?dialect=cobol", json!({})).await;
    assert!(refused.status == 400 && refused.detail().contains("`dialect` must be"), "{refused:?}");
}
