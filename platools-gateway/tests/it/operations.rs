//! Tests of what operators see and do over REST: workers, recent calls, calls under way, and events.

use platools_gateway::domain::identity::Policy;
use platools_gateway::{Gateway, Role, dev};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::dashboard::token_of;
use crate::support::{Caller, Dial, Worker, dev_gateway, ended, gateway_with, viewer};

/// The worker with a connection, as it is listed.
async fn listed(admin: &Caller) -> Value {
    admin.get("/v1/workers").await.body["items"][0].take()
}

/// Two workers of a pool with the same tool, and an admin.
async fn pool() -> (Gateway, [Worker; 2], Caller) {
    let (gateway, _, _) = gateway_with(Gateway::builder()).await;
    let secret = gateway.core().local_admin().add_entity("pool", Policy::Pool).await.unwrap().secret;
    let mut workers = Vec::new();
    for _ in 0..2 {
        let mut worker = Dial::to(&gateway, "/ws/sdk").secret(secret.expose_secret()).welcomed().await;
        worker.register(&["echo"]).await;
        workers.push(worker);
    }
    let admin = gateway.add_key(Role::Admin).await.unwrap();
    let admin = Caller::at(&gateway.url()).key(admin.expose_secret());
    (gateway, workers.try_into().ok().unwrap(), admin)
}

#[tokio::test]
async fn a_worker_is_listed_with_its_policy_its_heartbeat_and_its_tools() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo", "sum"]).await;
    worker.send(json!({"type": "heartbeat", "tools_health": {}})).await;
    worker.expect("heartbeat_ack").await;
    let shown = listed(&admin).await;
    assert_eq!(
        (&shown["policy"], &shown["tools"], &shown["isDraining"], &shown["gateway"]),
        (&json!("supersede"), &json!(2), &json!(false), &json!(null))
    );
    assert!(shown["heartbeatAgeMs"].as_u64().unwrap() < 60_000, "{shown}");
}

#[tokio::test]
async fn a_drained_worker_gets_no_more_calls_and_ends_those_that_it_has() {
    let (_gateway, [mut first, mut second], admin) = pool().await;
    let call = admin.calling("echo", json!({}));
    let (mut busy, mut idle) = tokio::select! {
        frame = first.expect("tool_call") => ((first, frame), second),
        frame = second.expect("tool_call") => ((second, frame), first),
    };
    let workers = admin.get("/v1/workers").await.body;
    let workers = workers["items"].as_array().unwrap();
    let drained = workers.iter().find(|worker| worker["callsInFlight"] == 1).unwrap()["connectionId"].as_str().unwrap();
    assert_eq!(admin.status("POST", &format!("/v1/workers/{drained}/drain"), "").await, 204);
    for _ in 0..8 {
        let call = admin.calling("echo", json!({}));
        let frame = idle.expect("tool_call").await;
        idle.answer(&frame, json!("from the other")).await;
        assert_eq!(ended(call).await.status, 200);
    }
    busy.0.answer(&busy.1, json!("late")).await;
    assert_eq!(ended(call).await.body["result"], "late");
    let workers = admin.get("/v1/workers").await.body;
    let shown = workers["items"].as_array().unwrap().iter().find(|worker| worker["connectionId"] == drained).unwrap();
    assert_eq!(shown["isDraining"], true);
}

#[tokio::test]
async fn a_disconnected_worker_is_told_to_come_again() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo"]).await;
    let id = listed(&admin).await["connectionId"].as_str().unwrap().to_owned();
    assert_eq!(admin.status("DELETE", &format!("/v1/workers/{id}"), "").await, 204);
    assert_eq!(worker.closed().await, (1001, "disconnected by an admin".to_owned()));
    let missing = admin.send("DELETE", &format!("/v1/workers/{id}"), "").await;
    missing.is_problem(404, "not_found", false);
    Dial::dev(&gateway).welcomed().await;
}

#[tokio::test]
async fn recent_calls_are_counted_in_all_and_for_each_tool() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo", "sum"]).await;
    for tool in ["echo", "echo", "sum"] {
        let call = admin.calling(tool, json!({}));
        let frame = worker.expect("tool_call").await;
        worker.answer(&frame, json!(1)).await;
        assert_eq!(ended(call).await.status, 200);
    }
    admin.call("none", json!({})).await;
    let activity = admin.get("/v1/activity").await.body;
    let sum = |member: &str| {
        activity["buckets"].as_array().unwrap().iter().map(|bucket| bucket[member].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((sum("calls"), sum("errors")), (3, 0), "{activity}");
    assert_eq!((&activity["intervalSeconds"], &activity["callsInFlight"]), (&json!(10), &json!(0)));
    let tools: Vec<_> =
        activity["tools"].as_array().unwrap().iter().map(|tool| (&tool["name"], &tool["calls"])).collect();
    assert_eq!(tools, [(&json!("echo"), &json!(2)), (&json!("sum"), &json!(1))]);
    let one = admin.get("/v1/activity?tool=sum&seconds=60").await.body;
    assert_eq!(one["tools"].as_array().unwrap().len(), 1);
    assert!(one["tools"][0]["series"][0]["p50Ms"].is_number(), "{one}");
    assert_eq!(admin.get("/v1/activity?tools=false").await.body["tools"], json!([]));
    for (environment, count) in [("development", 3), ("production", 0)] {
        let one = admin.get(&format!("/v1/activity?environmentId={environment}")).await.body;
        let calls = one["tools"].as_array().unwrap().iter().map(|tool| tool["calls"].as_u64().unwrap()).sum::<u64>();
        assert_eq!(calls, count, "{environment}");
    }
    for wrong in ["environmentId=none", "seconds=9", "seconds=1801", "minutes=1"] {
        assert_eq!(admin.get(&format!("/v1/activity?{wrong}")).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn calls_under_way_are_listed_newest_first_and_to_those_who_may_see_them() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo", "sum"]).await;
    let mut frames = Vec::new();
    let mut calls = Vec::new();
    for tool in ["echo", "sum"] {
        calls.push(admin.calling(tool, json!({})));
        frames.push(worker.expect("tool_call").await);
    }
    let page = admin.get("/v1/calls?status=running").await.body;
    let tools: Vec<_> = page["items"].as_array().unwrap().iter().map(|call| (&call["tool"], &call["status"])).collect();
    assert_eq!(tools, [(&json!("sum"), &json!("running")), (&json!("echo"), &json!("running"))]);
    assert_eq!(page["items"][0]["callId"], frames[1]["call_id"]);
    let first = admin.get("/v1/calls?status=running&limit=1").await.body;
    let next = first["nextCursor"].as_str().unwrap();
    let second = admin.get(&format!("/v1/calls?status=running&limit=1&cursor={next}")).await.body;
    assert_eq!((&second["items"][0]["tool"], &second["nextCursor"]), (&json!("echo"), &json!(null)));
    for (condition, count) in [("tool=echo", 1), ("environmentId=prod", 0), ("outcome=ok", 0), ("entityId=dev", 2)] {
        let page = admin.get(&format!("/v1/calls?status=running&{condition}")).await.body;
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{condition}");
    }
    let user = Caller::at(&gateway.url()).key(&token_of(&gateway, "ada").await);
    assert_eq!(user.get("/v1/calls?status=running").await.body["items"], json!([]));
    assert_eq!(admin.get("/v1/calls?status=over").await.status, 400);
    for (call, frame) in calls.into_iter().zip(&frames) {
        worker.answer(frame, json!(1)).await;
        ended(call).await;
    }
    assert_eq!(admin.get("/v1/calls?status=running").await.body["items"], json!([]));
}

#[tokio::test]
async fn events_tell_of_workers_tools_and_calls_until_the_key_ends() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let key = admin.post("/v1/keys", json!({"role": "viewer"})).await.body;
    let follower = viewer(&gateway).await;
    let mut events = follower.follow("/v1/events").await;
    let mut calls_only = follower.follow("/v1/events?types=call_ended").await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo"]).await;
    let connected = events.next().await;
    assert_eq!((&*connected.0, &connected.1["entity"]), ("worker_connected", &json!(dev::ENTITY)));
    let call = admin.calling("echo", json!({}));
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, json!(1)).await;
    ended(call).await;
    let mut names = Vec::new();
    let ended = loop {
        let (name, data) = events.next().await;
        names.push(name.clone());
        if name == "call_ended" {
            break data;
        }
    };
    assert!(names.contains(&"tools_changed".to_owned()) && names.contains(&"call_began".to_owned()), "{names:?}");
    assert_eq!((&ended["callId"], &ended["outcome"]), (&frame["call_id"], &json!("ok")));
    assert_eq!(calls_only.next().await, ("call_ended".to_owned(), ended));
    worker.leave().await;
    assert_eq!(events.next().await.0, "worker_disconnected");
    assert_eq!(follower.get("/v1/events?types=call_ended,nothing").await.status, 400);
    let (id, secret) = (key["key"]["id"].as_str().unwrap(), key["secret"].as_str().unwrap());
    let of_key = Caller::at(&gateway.url()).key(secret).follow("/v1/events").await;
    assert_eq!(admin.status("DELETE", &format!("/v1/keys/{id}"), "").await, 204);
    assert_eq!(of_key.rest().await, [] as [Value; 0], "the stream ends with the key");
}
