//! Tests of MCP clients that list and call tools.

use std::collections::HashSet;

use platools::tool::Content;
use platools_gateway::admin::NewKey;
use platools_gateway::domain::project::ProjectName;
use platools_gateway::{Role, dev};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::mcp_raw_client::{Client, admin, text, worker, worker_with};
use crate::support::{Caller, Dial, dev_gateway, within};

#[tokio::test]
async fn a_tool_is_listed_and_called() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, &["echo"]).await;
    let (client, said) = Client::at(&gateway.url(), "/mcp").key(dev::ADMIN_KEY).initialized().await;
    assert_eq!(said["serverInfo"]["name"], "platools-gateway");
    assert_eq!(said["capabilities"]["tools"], json!({"listChanged": true}));
    let tools = client.tools().await;
    assert_eq!((&tools[0]["name"], tools.len()), (&json!("echo"), 1));
    assert_eq!(tools[0]["inputSchema"], json!({"type": "object"}));
    assert_eq!(tools[0]["_meta"]["platools/online"], true);
    let call = client.calling("echo", json!({"a": 1}));
    let frame = worker.expect("tool_call").await;
    assert_eq!(frame["params"]["a"], 1);
    worker.answer(&frame, json!({"b": [2]})).await;
    let answer = within(call).await.unwrap();
    assert_eq!((text(&answer), &answer["result"]["isError"]), (r#"{"b":[2]}"#, &json!(false)));
    assert_eq!(answer["result"]["_meta"]["platools/callId"], frame["call_id"]);
    assert!(answer["result"].get("structuredContent").is_none(), "{answer}");
    assert_eq!(client.asked("ping", json!({})).await["result"], json!({}));
}

#[tokio::test]
async fn arguments_travel_as_they_were_written() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, &["echo"]).await;
    let client = admin(&gateway).await;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"n":1.50,"b":123456789012345678901234}}}"#;
    let call = tokio::spawn(async move { client.post_text(body).await });
    let frame = worker.next_text().await;
    assert!(frame.contains(r#""n":1.50,"b":123456789012345678901234"#), "{frame}");
    worker.answer(&serde_json::from_str(&frame).unwrap(), json!("done")).await;
    assert!(within(within(call).await.unwrap().text()).await.unwrap().contains("done"));
}

#[tokio::test]
async fn structured_results_are_passed_on_where_the_tool_says_what_they_are() {
    let gateway = dev_gateway().await;
    let output = json!({"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]});
    let hints = json!({"title": "Guarded", "readOnlyHint": true});
    let mut worker = worker_with(&gateway, json!({"output_schema": output, "annotations": hints})).await;
    let client = admin(&gateway).await;
    let listed = &client.tools().await[0];
    assert_eq!((&listed["outputSchema"], &listed["annotations"]), (&output, &hints));
    let mut answered = async |result: Value| {
        let call = client.calling("guarded", json!({}));
        let frame = worker.expect("tool_call").await;
        worker.answer(&frame, result).await;
        within(call).await.unwrap()["result"].clone()
    };
    let result = answered(json!({"total": 3})).await;
    assert_eq!((&result["structuredContent"], &result["isError"]), (&json!({"total": 3}), &json!(false)));
    assert_eq!(result["content"][0]["text"], r#"{"total":3}"#);
    // A client would refuse these without a word about what the tool said.
    for (other, text) in [(json!("three"), "three"), (json!({"total": "3"}), r#"{"total":"3"}"#), (json!({}), "{}")] {
        let result = answered(other).await;
        assert_eq!((result.get("structuredContent"), &result["isError"]), (None, &json!(true)), "{result}");
        assert_eq!(result["content"][1]["text"], text, "nothing of it is lost");
    }
}

#[tokio::test]
async fn content_is_passed_on_part_by_part_however_large_an_image_is() {
    let gateway = dev_gateway().await;
    let mut worker = worker_with(&gateway, json!({"output_schema": Content::schema()})).await;
    let client = admin(&gateway).await;
    assert!(client.tools().await[0].get("outputSchema").is_none(), "there is no value to describe");
    let content = |bytes: usize| {
        let image = json!({"type": "image", "mimeType": "image/png", "data": "A".repeat(bytes)});
        json!({"content": [{"type": "text", "text": "see:"}, image]})
    };
    let mut answered = async |result: Value| {
        let call = client.calling("guarded", json!({}));
        let frame = worker.expect("tool_call").await;
        worker.answer(&frame, result).await;
        within(call).await.unwrap()["result"].clone()
    };
    let large = content(3 * 1024 * 1024);
    let told = answered(large.clone()).await;
    assert_eq!((&told["isError"], told["content"] == large["content"]), (&json!(false), true));
    assert_eq!(answered(json!("alone")).await["content"], json!([{"type": "text", "text": "alone"}]));
    let told = answered(content(7 * 1024 * 1024)).await;
    assert_eq!((&told["isError"], told.to_string().len() < 64 * 1024), (&json!(true), true));

    let caller = Caller::admin(&gateway);
    let call = tokio::spawn(async move { caller.call("guarded", json!({})).await });
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, content(8)).await;
    assert_eq!(within(call).await.unwrap().body["result"], content(8), "others get it as JSON");
}

#[tokio::test]
async fn tools_of_one_name_and_names_that_clients_do_not_take_are_told_apart_and_called() {
    let gateway = dev_gateway().await;
    let secret = gateway.add_entity("orders").await.unwrap().expose_secret().to_owned();
    let long = "x".repeat(100);
    let mut dev = worker(&gateway, &["lookup", "files.read", "files/read", &long]).await;
    let mut orders = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    orders.register(&["lookup", "cancel"]).await;
    let client = admin(&gateway).await;
    let names = client.names().await;
    assert_eq!(names.len(), 6);
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), 6, "{names:?}");
    let is_taken = |name: &String| {
        name.len() <= 64 && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter))
    };
    assert!(names.iter().all(is_taken), "{names:?}");
    assert_eq!((&*names[0], &names[4..]), ("dev__lookup", &["orders__lookup".to_owned(), "cancel".to_owned()][..]));
    for (name, own) in names.iter().zip(["lookup", "files.read", "files/read", &long, "lookup", "cancel"]) {
        let worker = if ["orders__lookup", "cancel"].contains(&&**name) { &mut orders } else { &mut dev };
        let call = client.calling(name, json!({}));
        let frame = worker.expect("tool_call").await;
        assert_eq!(frame["tool_name"], own);
        worker.answer(&frame, json!(own)).await;
        assert_eq!(text(&within(call).await.unwrap()), own);
    }
}

#[tokio::test]
async fn an_entity_has_an_endpoint_of_its_own() {
    let gateway = dev_gateway().await;
    let secret = gateway.add_entity("orders").await.unwrap().expose_secret().to_owned();
    let _dev = worker(&gateway, &["lookup"]).await;
    let mut orders = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    orders.register(&["lookup"]).await;
    let client = Client::at(&gateway.url(), "/mcp/entities/orders").key(dev::ADMIN_KEY);
    let (client, said) = client.initialized().await;
    assert_eq!(said["serverInfo"]["name"], "orders");
    assert_eq!(client.names().await, ["lookup"], "nobody else's, and so with its own name");
    let call = client.calling("lookup", json!({}));
    let frame = orders.expect("tool_call").await;
    orders.answer(&frame, json!("orders")).await;
    assert_eq!(text(&within(call).await.unwrap()), "orders");
    let nobody = Client::at(&gateway.url(), "/mcp/entities/nobody").key(dev::ADMIN_KEY);
    assert_eq!(nobody.post(&crate::mcp_raw_client::initialize()).await.status(), 404);
}

#[tokio::test]
async fn an_environment_is_named_in_the_address() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev_at(&gateway, "/ws/sdk?env=staging").welcomed().await;
    worker.register(&["staged"]).await;
    assert_eq!(admin(&gateway).await.names().await, [""; 0]);
    let staged = Client::at(&gateway.url(), "/mcp?env=staging").key(dev::ADMIN_KEY).opened().await;
    assert_eq!(staged.names().await, ["staged"]);
    let nowhere = Client::at(&gateway.url(), "/mcp?env=nowhere").key(dev::ADMIN_KEY);
    assert_eq!(nowhere.post(&crate::mcp_raw_client::initialize()).await.status(), 400);
}

#[tokio::test]
async fn callers_see_what_they_may_use_and_nothing_of_other_projects() {
    let gateway = dev_gateway().await;
    let _worker = worker_with(&gateway, json!({"roles": ["support"]})).await;
    let admins = Caller::admin(&gateway);
    let names = async |key: &str| Client::at(&gateway.url(), "/mcp").key(key).opened().await.names().await;
    let token = async |token: Value| admins.post("/v1/tokens", token).await.body["token"].as_str().unwrap().to_owned();
    let supporter = token(json!({"role": "operator", "toolRoles": ["support"], "ttlSeconds": 600})).await;
    assert_eq!(names(&supporter).await, ["guarded"]);
    let operator = gateway.add_key(Role::Operator).await.unwrap();
    assert_eq!(names(operator.expose_secret()).await, [""; 0]);
    let viewer = token(json!({"role": "viewer", "toolRoles": ["support"], "ttlSeconds": 600})).await;
    assert_eq!(names(&viewer).await, [""; 0], "a viewer calls nothing");
    let client = Client::at(&gateway.url(), "/mcp").key(operator.expose_secret()).opened().await;
    let refused = client.call("guarded", json!({})).await;
    assert_eq!(refused["result"]["isError"], true, "{refused}");
    assert!(text(&refused).contains("needs one of the roles support"), "{refused}");
    assert_eq!(refused["result"]["_meta"]["platools/code"], "forbidden");

    let name: ProjectName = "acme/shop".parse().unwrap();
    gateway.core().local_projects().add(&name).await.unwrap();
    let elsewhere = gateway.core().local_projects().admin(&name).unwrap();
    let key = elsewhere.add_key(NewKey::new(Role::Admin)).await.unwrap().secret;
    let stranger = Client::at(&gateway.url(), "/mcp").key(key.expose_secret()).opened().await;
    assert_eq!(stranger.names().await, [""; 0]);
    assert_eq!(stranger.call("guarded", json!({})).await["error"]["code"], -32602);
}

#[tokio::test]
async fn what_a_tool_says_is_a_result_and_what_nobody_asked_for_is_an_error() {
    let gateway = dev_gateway().await;
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    let mut worker = worker_with(&gateway, json!({"input_schema": schema})).await;
    let client = admin(&gateway).await;
    let call = client.calling("guarded", json!({"n": 1}));
    let frame = worker.expect("tool_call").await;
    worker.send(json!({"type": "tool_error", "call_id": frame["call_id"], "error": "no such order"})).await;
    let failed = within(call).await.unwrap();
    assert_eq!((text(&failed), &failed["result"]["isError"]), ("no such order", &json!(true)));
    let misfit = client.call("guarded", json!({"n": "one"})).await;
    assert_eq!(misfit["result"]["isError"], true, "{misfit}");
    assert!(text(&misfit).contains("n: \"one\" must be"), "a model is told what to put right: {misfit}");
    let reserved = client.call("guarded", json!({"n": 1, "_context": {}})).await;
    assert_eq!(reserved["result"]["isError"], true, "{reserved}");
    assert_eq!(client.call("nothing", json!({})).await["error"]["code"], -32602);
    for (method, params, code) in [
        ("tools/call", json!({"name": 5}), -32602),
        ("tools/call", json!({}), -32602),
        ("tools/call", json!({"name": "guarded", "arguments": [1]}), -32602),
        ("tools/list", json!({"cursor": "nonsense"}), -32602),
        ("no/such/method", json!({}), -32601),
    ] {
        let answer = client.asked(method, params).await;
        assert_eq!(answer["error"]["code"], code, "{method}: {answer}");
    }
}

#[tokio::test]
async fn a_tool_stays_listed_while_its_worker_is_away_or_gone_while_it_is_switched_off() {
    let gateway = dev_gateway().await;
    let worker = worker(&gateway, &["echo"]).await;
    let client = admin(&gateway).await;
    worker.leave().await;
    assert_eq!(client.tools().await[0]["_meta"]["platools/online"], false);
    let offline = client.call("echo", json!({})).await;
    assert_eq!(offline["result"]["_meta"]["platools/code"], "worker_offline", "{offline}");
    assert_eq!(offline["result"]["_meta"]["platools/retryable"], true);
    let switched = Caller::admin(&gateway).send("PATCH", "/v1/tools/echo", r#"{"enabled":false}"#).await;
    assert_eq!(switched.status, 200);
    assert_eq!(client.names().await, [""; 0]);
    assert!(text(&client.call("echo", json!({})).await).contains("switched off"));
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let gateway = dev_gateway().await;
    let names: Vec<_> = (0..1050).map(|number| format!("tool_{number}")).collect();
    let (dev, orders) = names.split_at(600);
    let _dev = worker(&gateway, &dev.iter().map(|name| &**name).collect::<Vec<_>>()).await;
    let secret = gateway.add_entity("orders").await.unwrap();
    let mut other = Dial::to(&gateway, "/ws/sdk").secret(secret.expose_secret()).welcomed().await;
    other.register(&orders.iter().map(|name| &**name).collect::<Vec<_>>()).await;
    let client = admin(&gateway).await;
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    for expected in [1000, 50] {
        let page = client.asked("tools/list", json!({"cursor": cursor})).await["result"].clone();
        let tools = page["tools"].as_array().unwrap();
        assert_eq!(tools.len(), expected);
        found.extend(tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()));
        cursor = page["nextCursor"].as_str().map(str::to_owned);
    }
    assert_eq!((found, cursor), (names, None));
}
