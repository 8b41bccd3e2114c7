//! Tests of access to objects of other users and other projects.

use platools_gateway::Role::{Admin, Operator, Viewer};
use serde_json::{Value, json};

use super::{AGENT, Kind, USER, World};
use crate::mcp_raw_client::Client;
use crate::rpc_caller::RpcCaller;
use crate::support::{Answer, Caller, within};

/// A token of a user, with a role.
async fn token_of(world: &World, user: &str, role: &str) -> String {
    let body = json!({"role": role, "userId": user, "ttlSeconds": 3600});
    let issued = world.admin().await.post("/v1/tokens", body).await;
    issued.body["token"].as_str().unwrap_or_else(|| panic!("{issued:?}")).to_owned()
}

async fn called(caller: &Caller, note: &str) -> String {
    let answer = caller.call("open", json!({"arguments": {"note": note}})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["callId"].as_str().unwrap().to_owned()
}

fn call_ids(listed: &Answer) -> Vec<&str> {
    listed.body["items"].as_array().unwrap().iter().map(|call| call["callId"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_users_token_sees_cancels_and_replays_the_calls_of_its_user_only() {
    let world = World::new().await;
    let at = Caller::at(&world.gateway.url());
    let bob = at.clone().key(&token_of(&world, "u-bob", "operator").await);
    let of_bob = called(&bob, "bob has the flu").await;
    for (kind, role) in [(Kind::UsersToken, Viewer), (Kind::UsersToken, Operator)] {
        let caller = world.find(kind, role).caller(&world);
        let listed = caller.get("/v1/calls").await;
        assert!(call_ids(&listed).is_empty(), "{role}: {listed:?}");
        let wanted = caller.get("/v1/calls?userId=u-bob").await;
        assert!(call_ids(&wanted).is_empty(), "{role}: {wanted:?}");
        caller.get(&format!("/v1/calls/{of_bob}")).await.is_problem(404, "not_found", false);
        let replayed = caller.post(&format!("/v1/calls/{of_bob}/replay"), Value::Null).await;
        assert_eq!(replayed.status, if role == Viewer { 403 } else { 404 }, "{role}: {replayed:?}");
    }
    let own = world.find(Kind::UsersToken, Operator).caller(&world);
    let of_own = called(&own, "mine").await;
    assert_eq!(call_ids(&own.get("/v1/calls").await), [of_own.as_str()]);
    assert_eq!(own.post(&format!("/v1/calls/{of_own}/replay"), Value::Null).await.status, 200);
    // The user of both is the same, whichever token it comes with.
    let viewer = world.find(Kind::UsersToken, Viewer).caller(&world);
    assert_eq!(viewer.get(&format!("/v1/calls/{of_own}")).await.body["userId"], USER);
    let everything = world.find(Kind::UsersToken, Admin).caller(&world).get("/v1/calls").await;
    assert!(call_ids(&everything).contains(&of_bob.as_str()), "an admin sees all: {everything:?}");
    world.end().await;
}

#[tokio::test]
async fn a_call_under_way_is_shown_to_and_cancelled_by_its_own_user_only() {
    let mut world = World::new().await;
    let at = Caller::at(&world.gateway.url());
    let bob = at.key(&token_of(&world, "u-bob", "operator").await);
    let calling = bob.calling("open", json!({"arguments": {"wait": true}}));
    let running = within(world.waiting.recv()).await.unwrap();
    let path = format!("/v1/calls/{running}");
    for kind in [Kind::UsersToken, Kind::AgentsKey, Kind::AgentsToken] {
        let other = world.find(kind, Operator).caller(&world);
        other.get(&path).await.is_problem(404, "not_found", false);
        other.send("DELETE", &path, "").await.is_problem(404, "not_found", false);
    }
    assert_eq!(bob.get(&path).await.body["status"], "running");
    assert_eq!(bob.send("DELETE", &path, "").await.status, 204);
    assert_eq!(calling.await.unwrap().body["code"], "cancelled");
    world.end().await;
}

/// REST, the RPC protocol, the Model Context Protocol and an agent's run show a user the same tools: those that it may call.
#[tokio::test]
async fn tools_that_a_user_may_not_call_are_hidden_from_it_everywhere_alike() {
    let world = World::new().await;
    for (role, expected) in [(Viewer, &[][..]), (Operator, &["open", "for_users"])] {
        let credential = world.find(Kind::UsersToken, role);
        let caller = credential.caller(&world);
        let listed: Vec<_> = caller.tools().await.into_iter().map(|(name, _)| name).collect();
        assert_eq!(listed, expected, "REST as {role}");
        let mut rpc = RpcCaller::with(&world.gateway, &credential.secret, USER).await;
        let listed = rpc.ok("tools.list", json!({})).await;
        let names: Vec<_> = listed["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
        assert_eq!(names, expected, "RPC as {role}");
        let client = Client::at(&world.gateway.url(), "/mcp").key(&credential.secret).opened().await;
        assert_eq!(client.names().await, expected, "MCP as {role}");
        for hidden in ["for_admins", "for_support"] {
            caller.get(&format!("/v1/tools/{hidden}")).await.is_problem(404, "unknown_tool", false);
            caller.get(&format!("/v1/tools/{hidden}/schema")).await.is_problem(404, "unknown_tool", false);
        }
    }
    let caller = world.find(Kind::UsersToken, Operator).caller(&world);
    for (hidden, missing) in [("for_admins", "none"), ("for_support", "none")] {
        let [hidden, missing] = [caller.call(hidden, json!({})).await, caller.call(missing, json!({})).await];
        assert_eq!((hidden.status, &hidden.body["code"]), (missing.status, &missing.body["code"]), "{hidden:?}");
    }
    let completion = json!({"model": AGENT, "messages": [{"role": "user", "content": "/for_admins"}]});
    let said = caller.post("/v1/chat/completions", completion).await;
    let text = said.body["choices"][0]["message"]["content"].as_str().unwrap_or_else(|| panic!("{said:?}"));
    assert!(text.contains("There is no tool"), "{text}");
    world.end().await;
}

/// A developer's own key sees every tool of the project, and is told why it may not call one.
#[tokio::test]
async fn a_key_of_the_project_is_told_what_a_tool_asks_for() {
    let world = World::new().await;
    let caller = world.find(Kind::Key, Operator).caller(&world);
    assert_eq!(caller.tools().await.len(), 4);
    for (tool, reason) in [("for_users", "on behalf of a user"), ("for_admins", "admins"), ("for_support", "support")] {
        let refused = caller.call(tool, json!({})).await;
        assert_eq!((refused.status, &refused.body["code"]), (403, &json!("forbidden")));
        assert!(refused.body["detail"].as_str().unwrap().contains(reason), "{refused:?}");
    }
    world.end().await;
}

#[tokio::test]
async fn nothing_of_another_project_is_found_by_its_id() {
    let world = World::new().await;
    let other = "acme/shop".parse().unwrap();
    let key = {
        let admin = world.gateway.core().local_projects().admin(&other).unwrap();
        admin.add_key(platools_gateway::admin::NewKey::new(Admin)).await.unwrap()
    };
    let theirs = Caller::at(&world.gateway.url()).key(secrecy::ExposeSecret::expose_secret(&key.secret));
    let id = |page: Answer, slug: &str| {
        let items = page.body["items"].as_array().unwrap().clone();
        let found = items.iter().find(|item| item["slug"] == slug || slug.is_empty()).unwrap();
        found["id"].as_str().unwrap().to_owned()
    };
    let entity = id(theirs.get("/v1/entities").await, "orders");
    let agent = id(theirs.get("/v1/agents").await, AGENT);
    let environment = id(theirs.get("/v1/environments").await, "development");
    let key = id(theirs.get("/v1/keys").await, "");
    let call = called(&theirs, "theirs").await;
    for kind in [Kind::Key, Kind::AgentsKey, Kind::UsersToken, Kind::AgentsToken] {
        let admin = world.find(kind, Admin).caller(&world);
        for (method, path, body) in [
            ("POST", format!("/v1/entities/{entity}/rotate"), json!({})),
            ("POST", format!("/v1/entities/{entity}/tokens"), json!({"ttlSeconds": 60})),
            ("DELETE", format!("/v1/entities/{entity}"), Value::Null),
            ("GET", format!("/v1/agents/{agent}"), Value::Null),
            ("PATCH", format!("/v1/agents/{agent}"), json!({"profile": {}})),
            ("POST", format!("/v1/agents/{agent}/events"), json!({"type": "x"})),
            ("DELETE", format!("/v1/agents/{agent}"), Value::Null),
            ("DELETE", format!("/v1/keys/{key}"), Value::Null),
            ("GET", format!("/v1/calls/{call}"), Value::Null),
            ("DELETE", format!("/v1/calls/{call}"), Value::Null),
            ("POST", format!("/v1/calls/{call}/replay"), Value::Null),
            ("POST", format!("/mcp/entities/{entity}"), json!({})),
            ("GET", format!("/v1/tools/open?entityId={entity}"), Value::Null),
        ] {
            let body = if body.is_null() { String::new() } else { body.to_string() };
            let status = admin.status(method, &path, body).await;
            assert_eq!(status, 404, "{method} {path} with {kind:?}");
        }
        let named = admin.get(&format!("/v1/tools?environmentId={environment}")).await;
        named.is_problem(400, "invalid_request", false);
        let listed = admin.get("/v1/calls").await;
        assert!(!call_ids(&listed).contains(&call.as_str()), "{kind:?}: {listed:?}");
    }
    world.end().await;
}

/// A key with these members.
async fn key_with(world: &World, members: Value) -> Caller {
    let issued = world.admin().await.post("/v1/keys", members).await;
    let secret = issued.body["secret"].as_str().unwrap_or_else(|| panic!("{issued:?}"));
    Caller::at(&world.gateway.url()).key(secret)
}

/// The worker serves `development`, so a key for `staging` finds nothing of it over any protocol.
#[tokio::test]
async fn a_credential_for_some_environments_sees_and_calls_nothing_of_others() {
    let world = World::new().await;
    let of_others = called(&world.find(Kind::Key, Operator).caller(&world), "elsewhere").await;
    for role in ["viewer", "operator", "admin"] {
        let caller = key_with(&world, json!({"role": role, "environments": ["staging"]})).await;
        assert!(caller.tools().await.is_empty(), "{role}");
        assert!(call_ids(&caller.get("/v1/calls").await).is_empty(), "{role}");
        assert_eq!(caller.get("/v1/workers").await.body["items"], json!([]), "{role}");
        caller.get(&format!("/v1/calls/{of_others}")).await.is_problem(404, "not_found", false);
        caller.get("/v1/tools?environmentId=development").await.is_problem(400, "invalid_request", false);
        let called = caller.call("open", json!({"arguments": {}, "environmentId": "development"})).await;
        assert_eq!(called.status, if role == "viewer" { 403 } else { 400 }, "{role}: {called:?}");
    }
    let reaches = key_with(&world, json!({"role": "operator", "environments": ["development"]})).await;
    let own = called(&reaches, "here").await;
    assert!(call_ids(&reaches.get("/v1/calls").await).contains(&own.as_str()));
    world.end().await;
}

/// An admin for some environments makes no secret that is good in others, and ends no credential that reaches further than its own.
#[tokio::test]
async fn an_admin_for_some_environments_changes_nothing_that_concerns_all() {
    let world = World::new().await;
    let wide = world.admin().await;
    let admin = key_with(&world, json!({"role": "admin", "environments": ["staging"]})).await;
    let wide_token = wide.post("/v1/tokens", json!({"role": "viewer", "ttlSeconds": 600})).await;
    let wide_key = wide.post("/v1/keys", json!({"role": "viewer"})).await;
    let (token, key) = (wide_token.body["id"].as_str().unwrap(), wide_key.body["key"]["id"].as_str().unwrap());
    for (method, path, body) in [
        ("POST", "/v1/entities".to_owned(), json!({"slug": "mine"})),
        ("POST", "/v1/entities/orders/rotate".to_owned(), json!({})),
        ("POST", "/v1/entities/orders/tokens".to_owned(), json!({"ttlSeconds": 60, "environmentId": "development"})),
        ("DELETE", "/v1/entities/orders".to_owned(), Value::Null),
        ("POST", "/v1/environments".to_owned(), json!({"slug": "mine"})),
        ("DELETE", format!("/v1/keys/{key}"), Value::Null),
        ("DELETE", format!("/v1/tokens/{token}"), Value::Null),
        ("PATCH", "/v1/tools/open".to_owned(), json!({"enabled": false})),
        ("POST", "/v1/keys".to_owned(), json!({"role": "viewer", "environments": ["development"]})),
        ("POST", "/v1/signing-keys/rotate".to_owned(), json!({})),
    ] {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        assert_eq!(admin.status(method, &path, body).await, 403, "{method} {path}");
    }
    let own = admin.post("/v1/keys", json!({"role": "viewer"})).await;
    assert_eq!(own.body["key"]["environments"], json!(["staging"]), "{own:?}");
    let own = format!("/v1/keys/{}", own.body["key"]["id"].as_str().unwrap());
    assert_eq!(admin.send("DELETE", &own, "").await.status, 204);
    world.end().await;
}

/// A key that lists its users speaks for those and for no other.
#[tokio::test]
async fn a_key_that_lists_users_speaks_for_them_only() {
    let world = World::new().await;
    let issued = world.admin().await.post("/v1/keys", json!({"role": "operator", "speaksFor": ["u-2"]})).await;
    let key = issued.body["secret"].as_str().unwrap();
    let mut listed = RpcCaller::with(&world.gateway, key, "u-2").await;
    listed.ok("chat.send", json!({"agentId": AGENT, "message": "/help"})).await;
    let mut other = RpcCaller::stranger_at(&world.gateway).await;
    assert_eq!(other.code("connect", json!({"token": key, "user_id": "u-3"})).await, "FORBIDDEN");
    let completion =
        |user: &str| json!({"model": AGENT, "user": user, "messages": [{"role": "user", "content": "/help"}]});
    let caller = Caller::at(&world.gateway.url()).key(key);
    assert_eq!(caller.post("/v1/chat/completions", completion("u-2")).await.status, 200);
    assert_eq!(caller.post("/v1/chat/completions", completion("u-3")).await.status, 403);
    world.end().await;
}
