//! Tests of administration over REST: entities, agents, keys and tokens.

use std::num::NonZeroU32;

use platools_gateway::Gateway;
use platools_gateway::limits::Limits;
use serde_json::{Value, json};

use crate::support::{Caller, Dial, dev_gateway, gateway_with, within};

async fn created(admin: &Caller, path: &str, body: Value) -> Value {
    let answer = admin.post(path, body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.body
}

fn secret(created: &Value) -> String {
    created["secret"].as_str().expect("it is shown once").to_owned()
}

async fn added(gateway: &Gateway, slug: &str) -> String {
    secret(&created(&Caller::admin(gateway), "/v1/entities", json!({"slug": slug})).await)
}

#[tokio::test]
async fn an_entity_that_is_added_can_connect_and_one_that_is_removed_cannot() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let secret = added(&gateway, "orders").await;
    assert!(secret.starts_with("plt_worker_"));
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["lookup"]).await;

    let listed = admin.get("/v1/entities").await.body;
    let slugs: Vec<_> = listed["items"].as_array().unwrap().iter().map(|entity| entity["slug"].clone()).collect();
    assert_eq!(slugs, ["dev", "orders"]);
    assert!(!listed.to_string().contains("plt_"), "no secret is shown again");

    assert_eq!(admin.send("DELETE", "/v1/entities/orders", "").await.status, 204);
    assert_eq!(worker.closed().await.0, 4001);
    let (code, _) = Dial::to(&gateway, "/ws/sdk").secret(&secret).open().await.refused().await;
    assert_eq!(code, 1008);
    assert_eq!(admin.tools().await, [], "its tools are gone");
    admin.send("DELETE", "/v1/entities/orders", "").await.is_problem(404, "not_found", false);
}

#[tokio::test]
async fn rotation_without_grace_closes_at_once_and_with_grace_at_its_end() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let first = added(&gateway, "orders").await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&first).welcomed().await;

    let second = secret(&admin.post("/v1/entities/orders/rotate", json!({})).await.body);
    assert_eq!(worker.closed().await.0, 4001);

    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&second).welcomed().await;
    let third = secret(&admin.post("/v1/entities/orders/rotate", json!({"graceSeconds": 1})).await.body);
    worker.settle().await;
    // Both are good for a while, and then only the new one.
    let late = Dial::to(&gateway, "/ws/sdk?env=staging").secret(&second).welcomed().await;
    let fresh = Dial::to(&gateway, "/ws/sdk?env=production").secret(&third).welcomed().await;
    assert_eq!(worker.closed().await.0, 4001);
    let (mut late, mut fresh) = (late, fresh);
    assert_eq!(late.closed().await.0, 4001);
    fresh.settle().await;
    let (code, _) = Dial::to(&gateway, "/ws/sdk").secret(&second).open().await.refused().await;
    assert_eq!(code, 1008);
}

#[tokio::test]
async fn a_key_does_what_its_role_allows_until_it_is_revoked() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let url = gateway.url();
    let viewer = created(&admin, "/v1/keys", json!({"role": "viewer"})).await;
    let caller = Caller::at(&url).key(&secret(&viewer));
    assert_eq!(caller.get("/v1/tools").await.status, 200);
    caller.get("/v1/keys").await.is_problem(403, "forbidden", false);
    caller.post("/v1/tokens", json!({"role": "admin", "ttlSeconds": 60})).await.is_problem(403, "forbidden", false);

    let id = viewer["key"]["id"].as_str().unwrap();
    assert_eq!(admin.send("DELETE", &format!("/v1/keys/{id}"), "").await.status, 204);
    caller.get("/v1/tools").await.is_problem(401, "unauthenticated", false);

    let brief = created(&admin, "/v1/keys", json!({"role": "viewer", "ttlSeconds": 0})).await;
    Caller::at(&url).key(&secret(&brief)).get("/v1/tools").await.is_problem(401, "unauthenticated", false);
}

#[tokio::test]
async fn the_last_admin_cannot_lock_everybody_out() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let keys = admin.get("/v1/keys").await.body;
    let own = keys["items"].as_array().unwrap().iter().find(|key| key["role"] == "admin").unwrap();
    let path = format!("/v1/keys/{}", own["id"].as_str().unwrap());
    let refused = admin.send("DELETE", &path, "").await;
    refused.is_problem(400, "invalid_request", false);
    assert!(refused.detail().contains("last key of an admin"));
    created(&admin, "/v1/keys", json!({"role": "admin"})).await;
    assert_eq!(admin.send("DELETE", &path, "").await.status, 204);
}

#[tokio::test]
async fn a_token_speaks_for_a_user_and_an_agent_until_the_agent_is_gone() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo"]).await;
    created(&admin, "/v1/agents", json!({"slug": "helper"})).await;
    let token = json!({"role": "operator", "userId": "u-7", "agentId": "helper", "ttlSeconds": 3600});
    let minted = created(&admin, "/v1/tokens", token).await;
    assert!(minted["expiresAt"].as_str().unwrap().ends_with('Z'));
    let caller = Caller::at(&gateway.url()).key(minted["token"].as_str().unwrap());

    let call = caller.calling("echo", json!({}));
    let frame = worker.expect("tool_call").await;
    assert_eq!(frame["params"]["__platos"]["userId"], "u-7");
    assert!(frame["params"]["__platos"]["agentId"].as_str().unwrap().starts_with("agent_"));
    worker.answer(&frame, json!(1)).await;
    assert_eq!(within(call).await.unwrap().status, 200);

    assert_eq!(admin.send("DELETE", "/v1/agents/helper", "").await.status, 204);
    caller.get("/v1/tools").await.is_problem(401, "unauthenticated", false);
}

#[tokio::test]
async fn a_token_that_would_be_good_for_ever_or_for_nobody_is_refused() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    for (body, status, code) in [
        (json!({"role": "operator", "ttlSeconds": 0}), 400, "invalid_request"),
        (json!({"role": "operator", "ttlSeconds": 400 * 24 * 3600}), 400, "invalid_request"),
        (json!({"role": "root", "ttlSeconds": 60}), 400, "invalid_request"),
        (json!({"role": "operator", "agentId": "nobody", "ttlSeconds": 60}), 404, "not_found"),
        (json!({"role": "operator", "ttl": 60}), 400, "invalid_request"),
    ] {
        admin.post("/v1/tokens", body.clone()).await.is_problem(status, code, false);
    }
}

#[tokio::test]
async fn a_worker_may_connect_with_a_token_of_its_entity() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    added(&gateway, "orders").await;
    let staging = json!({"environmentId": "staging", "ttlSeconds": 3600});
    let token = created(&admin, "/v1/entities/orders/tokens", staging).await["token"].as_str().unwrap().to_owned();
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&token).welcomed().await;
    worker.register(&["lookup"]).await;
    let tool = admin.get("/v1/tools/lookup?environmentId=staging").await.body;
    assert_eq!((&tool["entity"], &tool["environment"]), (&json!("orders"), &json!("staging")));

    let (code, _) = Dial::to(&gateway, "/ws/sdk?env=production").secret(&token).open().await.refused().await;
    assert_eq!(code, 1008, "another environment");
    let (code, _) = Dial::to(&gateway, "/ws/sdk?entity=dev").secret(&token).open().await.refused().await;
    assert_eq!(code, 1008, "another entity");
    Caller::at(&gateway.url()).key(&token).get("/v1/tools").await.is_problem(401, "unauthenticated", false);
}

#[tokio::test]
async fn a_worker_whose_token_ends_is_closed_like_one_whose_secret_was_rotated() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let minted = created(&admin, "/v1/entities/dev/tokens", json!({"ttlSeconds": 1})).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(minted["token"].as_str().unwrap()).welcomed().await;
    assert_eq!(worker.closed().await.0, 4001);
}

#[tokio::test]
async fn an_environment_that_is_added_can_be_used() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    created(&admin, "/v1/environments", json!({"slug": "review"})).await;
    let mut worker = Dial::dev_at(&gateway, "/ws/sdk?env=Review").welcomed().await;
    worker.register(&["lookup"]).await;
    assert_eq!(admin.get("/v1/tools/lookup?environmentId=review").await.status, 200);
    admin.post("/v1/environments", json!({"slug": "review"})).await.is_problem(409, "already_exists", false);
    admin.post("/v1/environments", json!({"slug": "../x"})).await.is_problem(400, "invalid_request", false);
}

#[tokio::test]
async fn long_lists_come_in_pages() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    for number in 0..5 {
        added(&gateway, &format!("entity-{number}")).await;
    }
    let (mut slugs, mut path) = (Vec::new(), "/v1/entities?limit=2".to_owned());
    loop {
        let page = admin.get(&path).await.body;
        slugs
            .extend(page["items"].as_array().unwrap().iter().map(|entity| entity["slug"].as_str().unwrap().to_owned()));
        match page["nextCursor"].as_str() {
            Some(cursor) => path = format!("/v1/entities?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(slugs, ["dev", "entity-0", "entity-1", "entity-2", "entity-3", "entity-4"]);
    admin.get("/v1/entities?limit=0").await.is_problem(400, "invalid_request", false);
    admin.get("/v1/entities?cursor=gone").await.is_problem(400, "invalid_request", false);
}

#[tokio::test]
async fn wrong_secrets_in_bulk_are_all_told_the_same_and_block_nobody() {
    let mut many = Limits::default();
    many.address.failures_per_minute = NonZeroU32::MAX;
    let (gateway, secret, _) = gateway_with(Gateway::builder().limits(many)).await;
    let tries = (0..200).map(|number| {
        let dial = Dial::to(&gateway, &format!("/ws/sdk?entity={}", if number % 2 == 0 { "orders" } else { "nobody" }));
        let dial = dial.secret(&format!("plt_worker_{number}"));
        async move { dial.open().await.refused().await }
    });
    let refusals = within(futures::future::join_all(tries)).await;
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "an entity that is there is not given away");
    Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await.settle().await;
}

#[tokio::test]
async fn tokens_that_were_not_signed_here_are_refused_like_unknown_keys() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let minted = created(&admin, "/v1/tokens", json!({"role": "admin", "ttlSeconds": 60})).await;
    let token = minted["token"].as_str().unwrap();
    let (head, rest) = token.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    let tampered = format!("{head}.{}.{signature}", body.replace('a', "b"));
    // {"alg":"none","typ":"JWT"}
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}.");
    for forged in [&*tampered, &unsigned, &format!("{head}.{body}."), "eyJ", "eyJ..", "eyJhbGciOiJIUzI1NiJ9.e30."] {
        let answer = Caller::at(&gateway.url()).key(forged).get("/v1/tools").await;
        answer.is_problem(401, "unauthenticated", false);
        assert_eq!(answer.detail(), Caller::at(&gateway.url()).key("wrong").get("/v1/tools").await.detail());
    }
}
