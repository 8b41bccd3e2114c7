//! Tests of the catalog: tools that stay while workers are away, tools that are switched off, and the choice of a worker in a pool.

use platools_gateway::Gateway;
use serde_json::{Value, json};

use crate::support::{Caller, Dial, Worker, dev_gateway, ended, tool};

async fn register(worker: &mut Worker, description: &str) {
    let mut declared = tool("lookup");
    declared["description"] = json!(description);
    worker.send(json!({"type": "tool_register", "tools": [declared]})).await;
    worker.expect("tools_registered").await;
}

async fn lookup(caller: &Caller) -> Value {
    caller.get("/v1/tools/lookup").await.body
}

#[tokio::test]
async fn a_tool_keeps_its_fingerprint_until_it_is_declared_differently() {
    let gateway = dev_gateway().await;
    let caller = Caller::admin(&gateway);
    let mut worker = Dial::dev(&gateway).welcomed().await;
    register(&mut worker, "one").await;
    let first = lookup(&caller).await;
    register(&mut worker, "one").await;
    assert_eq!(lookup(&caller).await, first);
    register(&mut worker, "two").await;
    let second = lookup(&caller).await;
    assert_ne!(second["fingerprint"], first["fingerprint"]);
    assert!(second["changedAt"].as_str() >= first["changedAt"].as_str());

    worker.leave().await;
    let gateway = gateway.stop().await.start().await.unwrap();
    let kept = lookup(&Caller::admin(&gateway)).await;
    assert_eq!((&kept["fingerprint"], &kept["changedAt"]), (&second["fingerprint"], &second["changedAt"]));
    assert_eq!(kept["online"], false);
}

#[tokio::test]
async fn a_tool_that_is_switched_off_stays_so_until_it_is_switched_on() {
    let gateway = dev_gateway().await;
    let caller = Caller::admin(&gateway);
    let mut worker = Dial::dev(&gateway).welcomed().await;
    register(&mut worker, "").await;
    let switched = caller.send("PATCH", "/v1/tools/lookup", json!({"enabled": false}).to_string()).await;
    assert_eq!(switched.body["enabled"], false);
    caller.call("lookup", json!({})).await.is_problem(403, "tool_disabled", false);

    // Neither leaving it out for a while nor a restart brings it back.
    worker.register(&[]).await;
    register(&mut worker, "").await;
    caller.call("lookup", json!({})).await.is_problem(403, "tool_disabled", false);
    drop(worker);
    let gateway = gateway.stop().await.start().await.unwrap();
    let caller = Caller::admin(&gateway);
    assert_eq!(lookup(&caller).await["enabled"], false);

    caller.send("PATCH", "/v1/tools/lookup", json!({"enabled": true}).to_string()).await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    register(&mut worker, "").await;
    let call = caller.calling("lookup", json!({}));
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, json!(1)).await;
    assert_eq!(ended(call).await.status, 200);
}

#[tokio::test]
async fn the_list_of_tools_is_sent_again_only_when_it_changed() {
    let gateway = dev_gateway().await;
    let caller = Caller::admin(&gateway);
    let mut worker = Dial::dev(&gateway).welcomed().await;
    register(&mut worker, "one").await;
    let etag = caller.get("/v1/tools").await.etag;
    assert_eq!(caller.get_unless("/v1/tools", &etag).await, 304);
    assert_eq!(caller.get_unless("/v1/tools", &format!("\"other\", W/{etag}")).await, 304);
    register(&mut worker, "two").await;
    assert_eq!(caller.get_unless("/v1/tools", &etag).await, 200);
}

#[tokio::test]
async fn a_tool_is_shown_in_the_form_each_interface_takes() {
    let gateway = dev_gateway().await;
    let caller = Caller::admin(&gateway);
    let mut worker = Dial::dev(&gateway).welcomed().await;
    register(&mut worker, "Look it up.").await;
    for (dialect, name) in [
        ("openai", "/function/name"),
        ("anthropic", "/name"),
        ("gemini", "/name"),
        ("mcp", "/name"),
        ("platform", "/name"),
    ] {
        let shown = caller.get(&format!("/v1/tools/lookup/schema?dialect={dialect}")).await;
        assert_eq!(shown.body.pointer(name), Some(&json!("lookup")), "{dialect}: {:?}", shown.body);
    }
    caller.get("/v1/tools/lookup/schema?dialect=latin").await.is_problem(400, "invalid_request", false);
    caller.get("/v1/tools/nothing/schema").await.is_problem(404, "unknown_tool", false);
}

/// A pool of some workers that have the same tool.
async fn pool(gateway: &Gateway, count: usize) -> (Caller, Vec<Worker>) {
    let admin = Caller::admin(gateway);
    let added = admin.post("/v1/entities", json!({"slug": "crew", "policy": "pool"})).await;
    let mut workers = Vec::new();
    for _ in 0..count {
        let dial = Dial::to(gateway, "/ws/sdk").secret(added.body["secret"].as_str().unwrap());
        let mut worker = dial.welcomed().await;
        register(&mut worker, "").await;
        workers.push(worker);
    }
    (admin, workers)
}

#[tokio::test]
async fn of_two_workers_of_a_pool_the_one_with_fewer_calls_gets_the_next() {
    let gateway = dev_gateway().await;
    let (caller, mut workers) = pool(&gateway, 2).await;
    let calls: Vec<_> = (0..2).map(|_| caller.calling("lookup", json!({}))).collect();
    let mut frames = Vec::new();
    for worker in &mut workers {
        frames.push(worker.expect("tool_call").await);
    }
    let listed = caller.get("/v1/workers").await.body;
    let loads: Vec<_> = listed["items"].as_array().unwrap().iter().map(|worker| &worker["callsInFlight"]).collect();
    assert_eq!(loads, [1, 1]);

    // One answers, and the next call is its.
    workers[1].answer(&frames[1], json!("early")).await;
    workers[1].settle().await;
    let later = caller.calling("lookup", json!({}));
    let frame = workers[1].expect("tool_call").await;
    workers[1].answer(&frame, json!("late")).await;
    workers[0].answer(&frames[0], json!("first")).await;
    for call in calls.into_iter().chain([later]) {
        assert_eq!(ended(call).await.status, 200);
    }
}

#[tokio::test]
async fn a_pool_serves_on_when_one_of_it_is_gone() {
    let gateway = dev_gateway().await;
    let (caller, mut workers) = pool(&gateway, 3).await;
    workers.remove(0).leave().await;
    workers.remove(0).leave().await;
    assert_eq!(lookup(&caller).await["online"], true);
    let call = caller.calling("lookup", json!({}));
    let frame = workers[0].expect("tool_call").await;
    workers[0].answer(&frame, json!("still here")).await;
    assert_eq!(ended(call).await.body["result"], "still here");
    workers.remove(0).leave().await;
    caller.call("lookup", json!({})).await.is_problem(503, "worker_offline", true);
}

#[tokio::test]
async fn the_interface_describes_itself() {
    let gateway = dev_gateway().await;
    let document = Caller::at(&gateway.url()).get("/openapi.json").await.body;
    assert_eq!(document["openapi"], "3.1.0");
    for (path, method) in [
        ("/health", "get"),
        ("/v1/tools", "get"),
        ("/v1/tools/{name}", "patch"),
        ("/v1/tools/{name}/call", "post"),
        ("/v1/tools/{name}/schema", "get"),
        ("/v1/workers", "get"),
        ("/v1/entities/{entity}/rotate", "post"),
        ("/v1/tokens", "post"),
    ] {
        let operation = &document["paths"][path][method];
        assert!(operation["responses"].is_object(), "{method} {path}");
        // What is said of an operation is for whoever reads the document.
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{method} {path}");
    }
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}
