//! Tests of workers of the TypeScript SDK: their schemas, results and signatures, through every protocol.

use hmac::{Hmac, KeyInit as _, Mac as _};
use platools_gateway::{Gateway, Role, dev};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::dashboard::{Dashboard, token};
use crate::mcp_raw_client::{Client, admin, text};
use crate::model::asking;
use crate::model_server::{Model, thinking_gateway};
use crate::rpc_caller::RpcCaller;
use crate::runtime_agent::Agent;
use crate::support::{Caller, Dial, Worker, dev_gateway, ended, tool, within};
use crate::typescript_worker::{Behaviour, TypeScriptTool, TypeScriptWorker};

/// Tools as `tests/interop/typescript.js` has the SDK's converter declare them.
const SCHEMAS: &str = include_str!("../fixtures/typescript_schemas.json");

struct Declared {
    name: String,
    schema: Value,
    fits: Value,
    misfits: Option<Value>,
}

fn declared() -> Vec<Declared> {
    let rows: Vec<Value> = serde_json::from_str(SCHEMAS).unwrap();
    let row = |row: &Value| Declared {
        name: row["name"].as_str().unwrap().to_owned(),
        schema: row["schema"].clone(),
        fits: row["fits"].clone(),
        misfits: Some(row["misfits"].clone()).filter(|misfits| !misfits.is_null()),
    };
    rows.iter().map(row).collect()
}

/// A gateway with a worker that has all those tools, and the model of its agent `main`.
async fn started() -> (Gateway, TypeScriptWorker, Model) {
    let model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let tools =
        declared().iter().map(|tool| TypeScriptTool::new(&tool.name, &tool.schema, Behaviour::Echoes)).collect();
    let mut worker = TypeScriptWorker::start(&gateway, tools).await;
    worker.expect("welcome").await;
    assert_eq!(worker.expect("tools_registered").await["count"], declared().len());
    (gateway, worker, model)
}

/// The name that models and MCP clients have for a tool.
fn handle(name: &str) -> String {
    name.replace('.', "_")
}

#[tokio::test]
async fn every_zod_schema_is_called_with_what_fits_and_refuses_what_does_not() {
    let (gateway, _worker, _model) = started().await;
    let (rest, mcp) = (Caller::admin(&gateway), admin(&gateway).await);
    let mut rpc = RpcCaller::operator(&gateway, "u-1").await;
    for Declared { name, fits, misfits, .. } in declared() {
        let answer = rest.call(&name, json!({"arguments": fits})).await;
        assert_eq!((answer.status, &answer.body["result"]), (200, &fits), "{name}: {answer:?}");
        let called = rpc.ok("tools.call", json!({"name": name, "arguments": fits})).await;
        assert_eq!(called["result"], fits, "{name}");
        for as_called in [handle(&name), name.clone()] {
            let called = mcp.call(&as_called, fits.clone()).await;
            assert_eq!(called["result"]["isError"], false, "{name}: {called}");
            assert_eq!(serde_json::from_str::<Value>(text(&called)).unwrap(), fits, "{name}");
        }
        let Some(misfits) = misfits else { continue };
        let answer = rest.call(&name, json!({"arguments": misfits})).await;
        assert_eq!(answer.body["code"], "invalid_arguments", "{name}: {answer:?}");
        assert_eq!(
            rpc.code("tools.call", json!({"name": name, "arguments": misfits})).await,
            "INVALID_REQUEST",
            "{name}"
        );
    }
}

#[tokio::test]
async fn every_zod_schema_is_shown_to_mcp_clients_as_one_that_they_can_use() {
    let (gateway, _worker, _model) = started().await;
    let listed = admin(&gateway).await.tools().await;
    for Declared { name, schema, fits, misfits } in declared() {
        let shown = listed.iter().find(|tool| tool["_meta"]["platools/name"] == *name).unwrap();
        assert_eq!(shown["name"], handle(&name));
        let input = &shown["inputSchema"];
        let validator =
            jsonschema::draft202012::new(input).unwrap_or_else(|error| panic!("{name}: {error} in {input}"));
        // An argument that may be left out is not shown as one that may be null as well.
        let fits = if name == "nullish" { json!({}) } else { fits };
        assert!(validator.is_valid(&fits), "{name}: {input}");
        // The order of a tuple is told in a sentence.
        let is_tuple = ["map", "tuple", "tuple_with_rest"].contains(&name.as_str());
        if let Some(misfits) = misfits.filter(|_| !is_tuple) {
            assert!(!validator.is_valid(&misfits), "{name}: {input}");
        }
        let pattern = "/properties/v/pattern";
        assert_eq!(input.pointer(pattern), schema.pointer(pattern), "{name}");
    }
}

#[tokio::test]
async fn every_zod_schema_is_exported_in_every_dialect() {
    let (gateway, _worker, _model) = started().await;
    let rest = Caller::admin(&gateway);
    for Declared { name, schema, .. } in declared() {
        let exported = async |dialect: &str| {
            let answer = rest.get(&format!("/v1/tools/{name}/schema?dialect={dialect}")).await;
            assert_eq!(answer.status, 200, "{name} in {dialect}: {answer:?}");
            answer.body
        };
        assert_eq!(exported("platform").await["input_schema"], schema, "{name}: as it was declared");
        for (dialect, at) in
            [("openai", "/function/parameters"), ("anthropic", "/input_schema"), ("mcp", "/inputSchema")]
        {
            let exported = exported(dialect).await;
            let parameters = exported.pointer(at).unwrap();
            assert_eq!(parameters["type"], "object", "{name} in {dialect}: {parameters}");
            assert_references(parameters, parameters, &format!("{name} in {dialect}"));
        }
        assert!(!exported("gemini").await.to_string().contains("$ref"), "{name}");
        assert_eq!(
            rest.get(&format!("/v1/tools/{name}")).await.body["inputSchema"],
            schema,
            "{name}: as it was declared"
        );
    }
    for dialect in ["openai", "gemini"] {
        let shown = rest.get(&format!("/v1/tools/look_ahead/schema?dialect={dialect}")).await.body.to_string();
        assert!(shown.contains("Matches the pattern `^(?=") && !shown.contains(r#""pattern""#), "{dialect}: {shown}");
    }
}

/// Checks that models' interfaces can follow each reference, and that arrays have one schema of items.
fn assert_references(root: &Value, value: &Value, of: &str) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                let name = reference.strip_prefix("#/$defs/");
                let is_known = name.is_some_and(|name| root["$defs"].get(name).is_some());
                assert!(reference == "#" || is_known, "{of}: {reference} in {root}");
            }
            assert!(!members.get("items").is_some_and(Value::is_array), "{of}: {root}");
            members.values().for_each(|value| assert_references(root, value, of));
        }
        Value::Array(items) => items.iter().for_each(|value| assert_references(root, value, of)),
        _ => {}
    }
}

#[tokio::test]
async fn a_model_is_told_of_every_zod_schema_and_calls_the_tools() {
    let (gateway, _worker, mut model) = started().await;
    let answer = asking(&gateway, "hi");
    let asked = model.asked().await;
    let told = asked.body["tools"].as_array().unwrap();
    let names: Vec<_> = told.iter().map(|tool| tool["function"]["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, declared().iter().map(|tool| handle(&tool.name)).collect::<Vec<_>>());
    for tool in told {
        let parameters = &tool["function"]["parameters"];
        assert!(parameters["type"] == "object" && parameters["properties"].is_object(), "{tool}");
    }
    let calls = [
        ("c1", "reused_object", r#"{"v":{"city":"Ulm","zip":null},"w":{"city":"Bonn","zip":null}}"#),
        ("c2", "optional", r#"{"v":null}"#),
        ("c3", "nullable", r#"{"v":null}"#),
        ("c4", "dotted_name", r#"{"v":[],"w":{"city":"Ulm"}}"#),
        ("c5", "dotted.name", r#"{"v":[],"w":{"city":"Ulm"}}"#),
        ("c6", "tuple", r#"{"v":null}"#),
    ];
    asked.calls(&calls).await;
    let asked = model.asked().await;
    let results = asked.messages(2);
    let content = |at: usize| results[at]["content"].as_str().unwrap();
    // In strict form a model cannot leave an argument out, and gives `null` for it, which zod does not take.
    assert_eq!(content(0), r#"{"v":{"city":"Ulm"},"w":{"city":"Bonn"}}"#);
    assert_eq!([content(1), content(2)], ["{}", r#"{"v":null}"#]);
    assert_eq!([content(3), content(4)], [r#"{"v":[],"w":{"city":"Ulm"}}"#; 2]);
    assert!(content(5).contains("v: null must be a list"), "the model is told of what it wrote: {}", content(5));
    asked.says("done").await;
    assert_eq!(ended(answer).await.body["choices"][0]["message"]["content"], "done");
}

#[tokio::test]
async fn a_schema_that_nobody_can_use_costs_the_model_that_tool_alone() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let mut bomb = json!({"type": "object", "properties": {"v": {"$ref": "#/$defs/d0"}}, "$defs": {"d30": {}}});
    for level in 0..30 {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        bomb["$defs"][format!("d{level}")] = json!({"allOf": [next, next]});
    }
    let tools = [
        ("bomb", bomb),
        ("odd", json!({"properties": {"v": {"$ref": "https://example.com/v.json"}}})),
        ("none", json!({})),
    ];
    let tools = tools.iter().map(|(name, schema)| TypeScriptTool::new(name, schema, Behaviour::Echoes)).collect();
    let mut worker = TypeScriptWorker::start(&gateway, tools).await;
    worker.expect("welcome").await;
    worker.expect("tools_registered").await;
    let answer = asking(&gateway, "hi");
    let asked = model.asked().await;
    let names: Vec<_> = asked.body["tools"].as_array().unwrap().iter().map(|tool| &tool["function"]["name"]).collect();
    assert_eq!(names, ["odd", "none"]);
    asked.says("done").await;
    ended(answer).await;
    let called = Caller::admin(&gateway).call("bomb", json!({"arguments": {"v": 1}})).await;
    assert_eq!(called.body["result"], json!({"v": 1}), "it can be called all the same");
}

#[tokio::test]
async fn a_worker_without_features_is_called_through_every_protocol() {
    let mut model = Model::start().await;
    let gateway = thinking_gateway(model.settings()).await;
    let tools = [
        ("echo", Behaviour::Echoes),
        ("nothing", Behaviour::ReturnsNothing),
        ("throws", Behaviour::Throws("no such order")),
        ("throws_empty", Behaviour::Throws("")),
        ("throws_undefined", Behaviour::ThrowsUndefined),
        ("half", Behaviour::ReturnsHalf),
    ];
    let schema = json!({"type": "object", "properties": {}});
    let tools = tools.map(|(name, behaviour)| TypeScriptTool::new(name, &schema, behaviour));
    let mut worker = TypeScriptWorker::start(&gateway, tools.into()).await;
    assert_eq!(worker.expect("welcome").await["entity_id"], "dev");
    assert_eq!(worker.expect("tools_registered").await["entity_id"], "dev");
    let (rest, mcp) = (Caller::admin(&gateway), admin(&gateway).await);
    let mut rpc = RpcCaller::operator(&gateway, "u-1").await;

    let arguments = json!({"n": 1, "text": "é🎉"});
    assert_eq!(rest.call("echo", json!({"arguments": arguments})).await.body["result"], arguments);
    assert_eq!(rpc.ok("tools.call", json!({"name": "echo", "arguments": arguments})).await["result"], arguments);
    assert_eq!(text(&mcp.call("echo", arguments.clone()).await), arguments.to_string());
    assert_eq!(rest.call("half", json!({})).await.body["result"], "cut \u{fffd}");

    // A tool that returns nothing has run, and says so everywhere.
    let answer = rest.call("nothing", json!({})).await;
    assert_eq!((answer.status, &answer.body["result"]), (200, &Value::Null), "{answer:?}");
    assert_eq!(rpc.ok("tools.call", json!({"name": "nothing", "arguments": {}})).await["result"], Value::Null);
    let answer = mcp.call("nothing", json!({})).await;
    assert_eq!((text(&answer), &answer["result"]["isError"]), ("null", &json!(false)));

    for (name, message) in
        [("throws", "no such order"), ("throws_empty", "tool_error"), ("throws_undefined", "tool_error")]
    {
        let answer = rest.call(name, json!({})).await;
        answer.is_problem(422, "tool_failed", false);
        assert_eq!(answer.detail(), message, "{name}");
        assert_eq!(rpc.error("tools.call", json!({"name": name, "arguments": {}})).await["message"], message, "{name}");
        let answer = mcp.call(name, json!({})).await;
        assert_eq!((text(&answer), &answer["result"]["isError"]), (message, &json!(true)), "{name}");
    }

    let answer = asking(&gateway, "hi");
    model.asked().await.calls(&[("c1", "nothing", "{}"), ("c2", "throws_empty", "{}")]).await;
    let asked = model.asked().await;
    assert_eq!(asked.messages(2)[0]["content"], "null");
    assert_eq!(asked.messages(2)[1]["content"], r#"{"error":"tool_error"}"#);
    asked.says("done").await;
    assert_eq!(ended(answer).await.status, 200);
}

#[tokio::test]
async fn dashboards_and_sessions_of_an_agent_hear_of_its_calls_to_such_a_worker() {
    let gateway = crate::runtime_agent::started().await;
    let agent = Agent::new(&gateway, "scout").await;
    let mut session = agent.join().await;
    let watching = token(&gateway, Role::Admin, None, None).await;
    let mut dashboard = Dashboard::open(Dashboard::dial(&gateway, &watching, "scout")).await;
    assert_eq!(dashboard.expect("connected").await["agentId"], "scout", "as the dashboard named it");
    dashboard.expect("initial_data").await;
    let secret = within(gateway.add_entity("typescript")).await.unwrap();
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(secret.expose_secret()).open().await;
    worker.send(json!({"type": "tool_register", "tools": [tool("nothing")]})).await;
    worker.expect("welcome").await;
    worker.expect("tools_registered").await;
    let call = agent.http.calling("nothing", json!({}));
    let frame = worker.expect("tool_call").await;
    assert_eq!(frame["params"]["__platos"]["entityId"], "typescript");
    worker.send(json!({"type": "tool_result", "call_id": frame["call_id"], "latency_ms": 0})).await;
    let answer = ended(call).await;
    assert_eq!((answer.status, &answer.body["result"]), (200, &Value::Null), "{answer:?}");
    assert_eq!(session.event("tool.call").await["callId"], frame["call_id"]);
    assert_eq!(session.event("tool.result").await["outcome"], "ok");
    assert_eq!(dashboard.until("call_began").await["callId"], frame["call_id"]);
    assert_eq!(dashboard.until("call_ended").await["outcome"], "ok");
}

/// Verifies a call as the TypeScript SDK does: it has parsed params only, and writes them again.
fn is_verified(frame: &Value) -> bool {
    let mut params = frame["params"].clone();
    let platos = params.as_object_mut().unwrap().shift_remove("__platos").unwrap();
    let body = json!({"method": "tools/call", "params": {"name": frame["tool_name"], "arguments": params}}).to_string();
    let field = |name: &str| platos[name].as_str().unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(dev::SECRET.as_bytes()).unwrap();
    mac.update(format!("{}.{}.{body}", field("timestamp"), field("nonce")).as_bytes());
    mac.verify_slice(&hex::decode(field("signature")).unwrap()).is_ok()
}

#[tokio::test]
async fn a_worker_that_writes_parsed_arguments_again_verifies_the_signature() {
    let gateway = dev_gateway().await;
    let schema = json!({"type": "object"});
    let mut worker =
        TypeScriptWorker::start(&gateway, vec![TypeScriptTool::new("echo", &schema, Behaviour::Echoes)]).await;
    worker.expect("welcome").await;
    worker.expect("tools_registered").await;
    let caller = Caller::admin(&gateway);
    for arguments in [
        r#"{ "n": [2.0, 1e3, 1.10, -0, 1.5] }"#,
        r#"{"text":"\u00e9 \ud83c\udf89 \/ \u0007","\u00e9":1}"#,
        r#"{"text":"cut \ud83c"}"#,
        "{}",
    ] {
        let body = format!(r#"{{"arguments":{arguments}}}"#);
        let answer = caller.send("POST", "/v1/tools/echo/call", body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let frame = worker.expect("tool_call").await;
        assert!(is_verified(&frame), "{frame}");
    }
    let answer = caller.send("POST", "/v1/tools/echo/call", r#"{"arguments":{"b":1,"10":2.0,"9":3}}"#).await;
    assert_eq!(answer.body["result"].to_string(), r#"{"9":3,"10":2,"b":1}"#, "in the order of JavaScript");
}

#[tokio::test]
async fn an_odd_tool_is_left_out_alone_and_the_worker_is_told() {
    let gateway = dev_gateway().await;
    let good = tool("good");
    let with = |changes: Value| {
        let mut tool = tool("odd");
        tool.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        tool
    };
    let without = |name: &str| {
        let mut tool = tool("odd");
        tool.as_object_mut().unwrap().remove(name);
        tool
    };
    let taken = [
        without("description"),
        without("input_schema"),
        without("output_schema"),
        without("auth"),
        without("roles"),
        without("annotations"),
        with(json!({"description": null})),
        with(json!({"input_schema": null})),
        with(json!({"auth": null, "roles": null, "annotations": null})),
        with(json!({"name": " odd "})),
    ];
    let refused = [
        (with(json!({"input_schema": []})), "odd", "its input schema is not an object"),
        (with(json!({"auth": "root"})), "odd", "its `auth` must be `none`, `user` or `admin`"),
        (with(json!({"name": 7})), "#1", "its name is not a string"),
        (with(json!({"name": ""})), "", "it has no name"),
        (json!("odd"), "#1", "its declaration is not an object"),
        (json!({"description": "x"}), "#1", "it has no name"),
        (with(json!({"name": "good"})), "good", "its name was there before"),
    ];
    let names = async |worker: &mut Worker, odd: Value| {
        worker.send(json!({"type": "tool_register", "tools": [good, odd]})).await;
        worker.expect("tools_registered").await["count"].as_u64().unwrap()
    };
    for (at, odd) in taken.into_iter().enumerate() {
        // Six registrations are taken in a minute, in each environment.
        let environment = ["development", "staging", "production"][at % 3];
        let mut worker = Dial::to(&gateway, &format!("/ws/sdk?env={environment}")).secret(dev::SECRET).welcomed().await;
        assert_eq!(names(&mut worker, odd.clone()).await, 2, "{odd}");
        let listed = Caller::admin(&gateway).get(&format!("/v1/tools/odd?env={environment}")).await;
        assert_eq!((listed.status, &listed.body["description"]), (200, &json!("")), "{odd}");
    }
    let gateway = dev_gateway().await;
    for (at, (odd, name, reason)) in refused.into_iter().enumerate() {
        let environment = ["development", "staging", "production"][at % 3];
        let mut worker = Dial::to(&gateway, &format!("/ws/sdk?env={environment}")).secret(dev::SECRET).welcomed().await;
        assert_eq!(names(&mut worker, odd.clone()).await, 1, "{odd}");
        let alert = worker.expect("tool_health_alert").await;
        assert_eq!((&alert["tool"], &alert["status"]), (&json!(name), &json!("down")), "{odd}");
        assert_eq!(alert["details"], format!("not registered: {reason}"), "{odd}");
        worker.settle().await;
    }
}

#[tokio::test]
async fn a_registration_without_tools_is_answered_with_an_error_and_changes_nothing() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["good"]).await;
    for frame in [
        json!({"type": "tool_register"}),
        json!({"type": "tool_register", "tools": null}),
        json!({"type": "tool_register", "tools": {}}),
    ] {
        worker.send(frame).await;
        let error = worker.expect("error").await;
        assert!(error["error"].as_str().unwrap().starts_with("tool_register failed: `tools` is "), "{error}");
        worker.settle().await;
    }
    assert_eq!(Caller::admin(&gateway).tools().await, [("good".to_owned(), true)]);
}

#[tokio::test]
async fn dotted_names_are_readable_and_the_original_is_taken() {
    let gateway = dev_gateway().await;
    let schema = json!({"type": "object"});
    let tools = ["fandesk.list_bookings"].map(|name| TypeScriptTool::new(name, &schema, Behaviour::Echoes));
    let mut worker = TypeScriptWorker::start(&gateway, tools.into()).await;
    worker.expect("welcome").await;
    worker.expect("tools_registered").await;
    let client: Client = admin(&gateway).await;
    assert_eq!(client.names().await, ["fandesk_list_bookings"]);
    for name in ["fandesk_list_bookings", "fandesk.list_bookings"] {
        assert_eq!(text(&client.call(name, json!({"a": 1})).await), r#"{"a":1}"#);
    }
    assert!(client.call("fandesk/list_bookings", json!({})).await["error"].is_object());
}

#[tokio::test]
async fn half_characters_of_callers_are_replaced_over_every_protocol() {
    let gateway = dev_gateway().await;
    let schema = json!({"type": "object", "properties": {"text": {"type": "string"}}});
    let mut worker =
        TypeScriptWorker::start(&gateway, vec![TypeScriptTool::new("echo", &schema, Behaviour::Echoes)]).await;
    worker.expect("welcome").await;
    worker.expect("tools_registered").await;
    let (half, whole) = (r#"{"text":"\ud83c"}"#, json!({"text": "\u{fffd}"}));
    let answer =
        Caller::admin(&gateway).send("POST", "/v1/tools/echo/call", format!(r#"{{"arguments":{half}}}"#)).await;
    assert_eq!(answer.body["result"], whole, "{answer:?}");
    let mut rpc = RpcCaller::operator(&gateway, "u-1").await;
    rpc.send_text(format!(
        r#"{{"type":"req","id":"half","method":"tools.call","params":{{"name":"echo","arguments":{half}}}}}"#
    ))
    .await;
    assert_eq!(rpc.response("half").await["payload"]["result"], whole);
    let client = admin(&gateway).await;
    let call =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"echo","arguments":{half}}}}}"#);
    let answer = within(within(client.post_text(call)).await.text()).await.unwrap();
    assert!(answer.contains("\u{fffd}") && answer.contains(r#""isError":false"#), "{answer}");
}
