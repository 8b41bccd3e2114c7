//! Tests of limits on the objects of a project, and of their removal: answers under idempotency keys, environments, secrets, tools and
//! channels.

use std::num::NonZeroU32;

use platools_gateway::admin::NewKey;
use platools_gateway::limits::Limits;
use platools_gateway::{Builder, Gateway, IdempotencySettings, Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::program_process::Data;
use crate::runtime_agent::{Agent, patient, started};
use crate::support::{Answer, Caller, Dial, Worker, dev_gateway, ended, gateway_with, tool, within};

const COUNT: &str = "/v1/tools/count/call";

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn limited(change: impl FnOnce(&mut Limits)) -> Builder {
    let mut limits = Limits::default();
    change(&mut limits);
    Gateway::builder().limits(limits)
}

fn remembering(change: impl FnOnce(&mut IdempotencySettings)) -> Builder {
    let mut settings = IdempotencySettings::default();
    change(&mut settings);
    Gateway::builder().idempotency(settings)
}

async fn admin_of(gateway: &Gateway) -> Caller {
    let key = gateway.add_key(Role::Admin).await.unwrap();
    Caller::at(&gateway.url()).key(key.expose_secret())
}

/// Calls under an idempotency key, with a result of the worker.
async fn served(worker: &mut Worker, caller: &Caller, key: &'static str, result: Value) -> Answer {
    let call = {
        let caller = caller.clone();
        tokio::spawn(async move { caller.send_with(COUNT, &[("idempotency-key", key)], json!({})).await })
    };
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, result).await;
    ended(call).await
}

/// Repeats a call, which must not reach a worker.
async fn repeated(caller: &Caller, key: &'static str) -> Answer {
    caller.send_with(COUNT, &[("idempotency-key", key)], json!({})).await
}

async fn counting(gateway: &Gateway, secret: &str) -> Worker {
    let mut worker = Dial::to(gateway, "/ws/sdk").secret(secret).welcomed().await;
    worker.register(&["count"]).await;
    worker
}

#[tokio::test]
async fn an_answer_that_made_room_says_so_and_its_call_does_not_run_again() {
    // A sealed answer of 1000 bytes takes some 1500.
    let (gateway, secret, caller) = gateway_with(remembering(|settings| settings.max_project_bytes = 2500)).await;
    let mut worker = counting(&gateway, &secret).await;
    let first = served(&mut worker, &caller, "k-1", json!("x".repeat(1000))).await;
    assert_eq!(repeated(&caller, "k-1").await.body, first.body);
    let second = served(&mut worker, &caller, "k-2", json!("y".repeat(1000))).await;
    let gone = repeated(&caller, "k-1").await;
    gone.is_problem(409, "answer_not_kept", false);
    assert!(gone.detail().contains("no longer kept"), "{gone:?}");
    assert_eq!(gone.body["callId"], first.body["callId"], "where the journal has it");
    assert_eq!(repeated(&caller, "k-2").await.body, second.body);
    worker.settle().await;
}

#[tokio::test]
async fn an_answer_that_is_too_large_to_be_kept_reaches_its_caller_and_its_call_does_not_run_again() {
    let (gateway, secret, caller) = gateway_with(remembering(|settings| settings.max_answer_bytes = 500)).await;
    let mut worker = counting(&gateway, &secret).await;
    let first = served(&mut worker, &caller, "k", json!("x".repeat(1000))).await;
    assert_eq!(first.status, 200);
    let again = repeated(&caller, "k").await;
    again.is_problem(409, "answer_not_kept", false);
    assert!(again.detail().contains("too large"), "{again:?}");
    worker.settle().await;
}

#[tokio::test]
async fn a_call_under_one_key_too_many_is_refused_and_does_not_run() {
    let (gateway, secret, caller) = gateway_with(remembering(|settings| settings.max_keys = 1)).await;
    let mut worker = counting(&gateway, &secret).await;
    served(&mut worker, &caller, "k-1", json!(1)).await;
    let refused = repeated(&caller, "k-2").await;
    refused.is_problem(429, "rate_limited", true);
    assert!(refused.detail().contains("idempotency keys"), "{refused:?}");
    worker.settle().await;
    assert_eq!(repeated(&caller, "k-1").await.body["result"], 1, "what is known stays known");
}

#[tokio::test]
async fn the_database_has_neither_the_key_nor_the_answer_of_a_call() {
    let folder = tempfile::tempdir().unwrap();
    let (gateway, secret, caller) = gateway_with(Gateway::builder().data_folder(folder.path())).await;
    let mut worker = counting(&gateway, &secret).await;
    served(&mut worker, &caller, "key-of-my-own", json!({"password": "hunter2hunter2"})).await;
    assert_eq!(repeated(&caller, "key-of-my-own").await.body["result"]["password"], "hunter2hunter2");
    drop(worker);
    gateway.shutdown().await;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let stored = std::fs::read(file.unwrap().path()).unwrap();
        for text in ["key-of-my-own", "hunter2hunter2"] {
            assert!(!stored.windows(text.len()).any(|window| window == text.as_bytes()), "{text}");
        }
    }
}

#[tokio::test]
async fn a_slug_that_means_an_environment_already_is_refused() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    for slug in ["Production", "PRODUCTION", "prod", "Stg", "DEV", "production"] {
        admin.post("/v1/environments", json!({"slug": slug})).await.is_problem(409, "already_exists", false);
    }
    assert_eq!(admin.post("/v1/environments", json!({"slug": "Review"})).await.status, 201);
    admin.post("/v1/environments", json!({"slug": "review"})).await.is_problem(409, "already_exists", false);
}

#[tokio::test]
async fn an_environment_is_removed_with_its_tools_and_its_workers_go() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    assert_eq!(admin.post("/v1/environments", json!({"slug": "qa"})).await.status, 201);
    let mut worker = Dial::dev(&gateway).header("x-platos-environment-id", "qa").welcomed().await;
    worker.register(&["lookup"]).await;
    let refused = admin.send("DELETE", "/v1/environments/qa", "").await;
    refused.is_problem(409, "in_use", false);
    assert!(refused.detail().contains("tools: 1, connected workers: 1"), "{refused:?}");
    admin.send("DELETE", "/v1/environments/development?force=true", "").await.is_problem(400, "invalid_request", false);
    admin.send("DELETE", "/v1/environments/prod?force=true", "").await.is_problem(404, "not_found", false);
    assert_eq!(admin.send("DELETE", "/v1/environments/QA?force=true", "").await.status, 204);
    assert_eq!(worker.closed().await.0, 4001);
    admin.get("/v1/tools/lookup?environmentId=qa").await.is_problem(400, "invalid_request", false);
    let listed = admin.get("/v1/environments").await.body;
    assert_eq!(listed["items"].as_array().unwrap().len(), 3, "{listed}");
    let (code, _) = Dial::dev(&gateway).header("x-platos-environment-id", "qa").open().await.refused().await;
    assert_eq!(code, 1008);
    assert_eq!(admin.post("/v1/environments", json!({"slug": "qa"})).await.status, 201);
    assert_eq!(admin.send("DELETE", "/v1/environments/qa", "").await.status, 204, "nothing uses it");
}

#[tokio::test]
async fn an_environment_is_removed_on_the_command_line_beside_a_gateway_that_runs() {
    let (data, program) = Data::served().await;
    let key = data.secret("key add --role admin").await;
    let admin = Caller::at(&program.url).key(&key);
    data.printed("environment add qa").await;
    data.printed("agent add tester --env qa").await;
    assert!(data.refused("environment remove qa").await.contains("in use (agents: 1)"));
    assert!(data.refused("environment remove development --force").await.contains("cannot be removed"));
    assert!(data.refused("environment remove nowhere").await.contains("there is no environment `nowhere`"));
    assert_eq!(data.printed("environment remove qa --force").await.trim(), "removed the environment qa");
    let is_gone = async { while admin.get("/v1/tools?environmentId=qa").await.status == 200 {} };
    within(is_gone).await;
}

#[tokio::test]
async fn a_project_has_a_bounded_number_of_things() {
    let builder = limited(|limits| {
        limits.project.environments = number(4);
        limits.project.entities = number(2);
        limits.project.agents = number(1);
        limits.project.keys = number(2);
    });
    let (gateway, ..) = gateway_with(builder).await;
    let admin = admin_of(&gateway).await;
    for (path, first, second) in [
        ("/v1/environments", json!({"slug": "a"}), json!({"slug": "b"})),
        ("/v1/entities", json!({"slug": "a"}), json!({"slug": "b"})),
        ("/v1/agents", json!({"slug": "a"}), json!({"slug": "b"})),
    ] {
        assert_eq!(admin.post(path, first).await.status, 201, "{path}");
        let refused = admin.post(path, second).await;
        refused.is_problem(409, "limit_reached", false);
        assert!(refused.detail().contains("`limits.project."), "{refused:?}");
    }
    let refused = admin.post("/v1/keys", json!({"role": "viewer"})).await;
    refused.is_problem(409, "limit_reached", false);
    let keys = admin.get("/v1/keys").await.body;
    let other = keys["items"].as_array().unwrap().iter().find(|key| key["role"] == "operator").unwrap();
    let path = format!("/v1/keys/{}", other["id"].as_str().unwrap());
    assert_eq!(admin.send("DELETE", &path, "").await.status, 204);
    assert_eq!(admin.post("/v1/keys", json!({"role": "viewer"})).await.status, 201, "one that went made room");
}

#[tokio::test]
async fn an_entity_has_a_bounded_number_of_secrets_that_are_still_good() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let rotate = async |seconds: u64| admin.post("/v1/entities/dev/rotate", json!({"graceSeconds": seconds})).await;
    for _ in 0..16 {
        assert_eq!(rotate(600).await.status, 200);
    }
    let refused = rotate(600).await;
    refused.is_problem(409, "limit_reached", false);
    assert!(refused.detail().contains("without a grace time"), "{refused:?}");
    assert_eq!(rotate(0).await.status, 200, "that ends them");
    assert_eq!(rotate(600).await.status, 200);
}

#[tokio::test]
async fn texts_of_the_directory_are_bounded_and_have_no_control_characters() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let agent = |profile: Value| json!({"slug": "a", "profile": profile});
    let token = |member: &str, value: Value| json!({"role": "viewer", "ttlSeconds": 60, member: value});
    for (path, body, part) in [
        ("/v1/agents", agent(json!({"systemPrompt": "x".repeat(64 * 1024 + 1)})), "`systemPrompt` has 65537 bytes"),
        ("/v1/agents", agent(json!({"systemPrompt": "a\0b"})), "`systemPrompt` has the control character U+0000"),
        ("/v1/agents", agent(json!({"model": "m\n"})), "`model` has the control character U+000A"),
        ("/v1/agents", agent(json!({"tools": vec!["t"; 1001]})), "`tools` has 1001 entries"),
        ("/v1/keys", json!({"role": "viewer", "toolRoles": vec!["r"; 65]}), "`toolRoles` has 65 entries"),
        ("/v1/keys", json!({"role": "viewer", "toolRoles": ["r\0"]}), "U+0000"),
        ("/v1/tokens", token("userId", json!("u\0")), "`userId` has the control character U+0000"),
        ("/v1/tokens", token("userId", json!("u".repeat(1025))), "`userId` has 1025 bytes"),
        ("/v1/tokens", token("toolRoles", json!(["r".repeat(129)])), "`toolRoles` has 129 bytes"),
    ] {
        let refused = admin.post(path, body).await;
        refused.is_problem(400, "invalid_request", false);
        assert!(refused.detail().contains(part), "{refused:?}");
    }
    let prompt = "Be brief.\n\tAnd kind: grüß Gott.".repeat(1000);
    assert_eq!(admin.post("/v1/agents", agent(json!({"systemPrompt": prompt}))).await.status, 201);
}

#[tokio::test]
async fn tools_with_too_many_bytes_are_refused_by_name_and_change_nothing() {
    let builder = limited(|limits| {
        limits.entity.catalog_bytes = number(3000);
        limits.project.catalog_bytes = number(4000);
    });
    let (gateway, secret, caller) = gateway_with(builder).await;
    let described = |name: &str, bytes: usize| {
        let mut declaration = tool(name);
        declaration["description"] = "x".repeat(bytes).into();
        declaration
    };
    let register = |tools: Value| json!({"type": "tool_register", "tools": tools});
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.send(register(json!([described("small", 2000)]))).await;
    worker.expect("tools_registered").await;
    worker.send(register(json!([described("first", 2000), described("second", 2000), described("third", 10)]))).await;
    let (code, error) = worker.refused().await;
    assert_eq!(code, 1008);
    assert!(error.contains("3000 are allowed") && error.contains("do not fit: second, third"), "{error}");
    assert_eq!(caller.tools().await, [("small".to_owned(), false)]);

    // Another entity has what is left of the project's room.
    let other = gateway.add_entity("stock").await.unwrap();
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(other.expose_secret()).welcomed().await;
    worker.send(register(json!([described("large", 2500)]))).await;
    let (code, error) = worker.refused().await;
    assert!(code == 1008 && error.contains("do not fit: large"), "{error}");
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(other.expose_secret()).welcomed().await;
    worker.send(register(json!([described("fitting", 500)]))).await;
    worker.expect("tools_registered").await;
}

#[tokio::test]
async fn a_channel_is_deleted_by_the_agent_that_made_it_or_an_admin() {
    let gateway = started().await;
    let (owner, other) = (Agent::new(&gateway, "owner").await, Agent::new(&gateway, "other").await);
    let admin = admin_of(&gateway).await;
    for slug in ["mine", "theirs"] {
        owner.channel(slug).await;
        other.post(&format!("/v1/channels/{slug}/join"), Value::Null).await;
    }
    other.post("/v1/channels/mine/messages", json!({"content": "hello"})).await;
    let (status, error) = other.refused("DELETE", "/v1/channels/mine", Value::Null).await;
    assert!(status == 403 && error.contains("only the agent that made"), "{error}");
    // Its maker may, also when it has left.
    owner.post("/v1/channels/mine/leave", Value::Null).await;
    assert_eq!(owner.ok("DELETE", "/v1/channels/mine", Value::Null).await, json!({"success": true}));
    for (method, path) in
        [("GET", "/v1/channels/mine"), ("DELETE", "/v1/channels/mine"), ("POST", "/v1/channels/mine/join")]
    {
        assert_eq!(other.refused(method, path, Value::Null).await.0, 404, "{method}");
    }
    let deleted = admin.send("DELETE", "/v1/channels/theirs", "").await;
    assert_eq!((deleted.status, deleted.body), (200, json!({"success": true})));
    assert_eq!(owner.get("/v1/channels").await["total"], 0);
    owner.channel("mine").await;
    assert_eq!(
        owner.get("/v1/channels/mine/messages").await["messages"],
        json!([]),
        "nothing is left of the former one"
    );
}

#[tokio::test]
async fn channels_are_bounded_and_one_that_goes_makes_room() {
    let gateway = within(patient(|settings| settings.max_channels_of_agent = 1).start()).await.unwrap();
    let agent = Agent::new(&gateway, "owner").await;
    agent.channel("a").await;
    let (status, error) = agent.refused("POST", "/v1/channels", json!({"slug": "b", "name": "b"})).await;
    assert!(status == 409 && error.contains("DELETE /v1/channels/{channel}"), "{error}");
    agent.ok("DELETE", "/v1/channels/a", Value::Null).await;
    agent.channel("b").await;
    for (member, value) in [("name", "a\0b"), ("description", "a\u{1b}b")] {
        let mut body = json!({"slug": "c", "name": "c"});
        body[member] = value.into();
        let (status, error) = agent.refused("POST", "/v1/channels", body).await;
        assert!(status == 400 && error.contains("control character"), "{error}");
    }
    let (status, error) = agent.refused("POST", "/v1/channels/b/messages", json!({"content": "a\0"})).await;
    assert!(status == 400 && error.contains("U+0000"), "{error}");
}

#[tokio::test]
async fn a_deleted_channel_is_heard_no_more() {
    let gateway = started().await;
    let (owner, other) = (Agent::new(&gateway, "owner").await, Agent::new(&gateway, "other").await);
    let id = owner.channel("general").await;
    other.post("/v1/channels/general/join", Value::Null).await;
    let mut socket = other.join().await;
    socket.subscribe(&id).await;
    owner.post("/v1/channels/general/messages", json!({"content": "hello"})).await;
    assert_eq!(socket.event("channel.message").await["content"], "hello");
    owner.ok("DELETE", "/v1/channels/general", Value::Null).await;
    owner.channel("general").await;
    owner.post("/v1/channels/general/messages", json!({"content": "to others"})).await;
    socket.settle().await;
}

#[tokio::test]
async fn a_viewer_deletes_no_channel() {
    let gateway = started().await;
    let owner = Agent::new(&gateway, "owner").await;
    owner.channel("general").await;
    let mut key = NewKey::new(Role::Viewer);
    key.credential.agent = Some("owner".to_owned());
    let key = gateway.core().local_admin().add_key(key).await.unwrap().secret;
    let viewer = Agent::known(&gateway.url(), "owner", key.expose_secret());
    assert_eq!(viewer.refused("DELETE", "/v1/channels/general", Value::Null).await.0, 403);
    assert_eq!(owner.get("/v1/channels").await["total"], 1);
}
