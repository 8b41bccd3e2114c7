//! Tests of keys and tokens: their permissions, their ends and the keys that sign them.

use std::path::Path;
use std::time::{Duration, Instant};

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use platools_gateway::{Builder, Gateway, dev};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::dashboard::Dashboard;
use crate::mcp_raw_client::{Client, Stream};
use crate::program_process::{Data, Program, command, last_word};
use crate::rpc_caller::RpcCaller;
use crate::runtime_agent::{Agent, AgentSocket};
use crate::support::{Caller, Dial, Worker, dev_gateway, within};

async fn created(caller: &Caller, path: &str, body: Value) -> Value {
    let answer = caller.post(path, body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.body
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a text was expected: {value}"))
}

/// An admin's key with the changes, as a caller and by its id.
async fn key_with(gateway: &Gateway, changes: Value) -> (Caller, String) {
    let mut body = json!({"role": "admin"});
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let added = created(&Caller::admin(gateway), "/v1/keys", body).await;
    (Caller::at(&gateway.url()).key(text(&added["secret"])), text(&added["key"]["id"]).to_owned())
}

/// A token with the changes, as a caller and by its id.
async fn token_with(gateway: &Gateway, minter: &Caller, changes: Value) -> (Caller, String) {
    let mut body = json!({"role": "admin", "ttlSeconds": 600});
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let minted = created(minter, "/v1/tokens", body).await;
    (Caller::at(&gateway.url()).key(text(&minted["token"])), text(&minted["id"]).to_owned())
}

async fn is_known(caller: &Caller) -> bool {
    match caller.get("/v1/project").await.status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

/// A connection over each protocol, opened with tokens of one minter.
struct Everywhere {
    rest: Caller,
    rpc: RpcCaller,
    runtime: AgentSocket,
    feed: Dashboard,
    mcp: Client,
    listening: Stream,
    worker: Worker,
    /// The ids of the caller's and the worker's token.
    ids: [String; 2],
}

impl Everywhere {
    async fn open(gateway: &Gateway, minter: &Caller) -> Self {
        let body = json!({"role": "admin", "agentId": dev::AGENT, "userId": "u-1", "ttlSeconds": 600});
        let minted = created(minter, "/v1/tokens", body).await;
        let worker = created(minter, &format!("/v1/entities/{}/tokens", dev::ENTITY), json!({"ttlSeconds": 600})).await;
        let token = text(&minted["token"]);
        let mcp = Client::at(&gateway.url(), "/mcp").key(token).opened().await;
        let mut feed = Dashboard::open(Dashboard::dial(gateway, token, dev::AGENT)).await;
        feed.expect("connected").await;
        Self {
            rest: Caller::at(&gateway.url()).key(token),
            rpc: RpcCaller::with(gateway, token, "u-1").await,
            runtime: Agent::known(&gateway.url(), dev::AGENT, token).open().await,
            feed,
            listening: mcp.listening(None).await,
            mcp,
            worker: Dial::to(gateway, "/ws/sdk").secret(text(&worker["token"])).welcomed().await,
            ids: [&minted, &worker].map(|token| text(&token["id"]).to_owned()),
        }
    }

    /// Waits until each connection has ended as one does whose credential has.
    async fn ended(mut self) {
        assert_eq!(self.rpc.closed().await.0, 4001);
        assert_eq!(self.runtime.closed().await.0, 4001);
        assert_eq!(self.feed.closed().await.0, 4001);
        // It is told of the tools that came with the worker before it ends.
        while self.listening.next().await.is_some() {}
        assert_eq!(self.mcp.post(&crate::mcp_raw_client::initialize()).await.status(), 401);
        assert_eq!(self.worker.closed().await.0, 4001);
        assert!(!is_known(&self.rest).await);
    }
}

#[tokio::test]
async fn a_revoked_token_ends_what_it_opened_over_every_protocol() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let open = Everywhere::open(&gateway, &admin).await;
    let (other, _) = token_with(&gateway, &admin, json!({})).await;
    for id in open.ids.clone() {
        assert_eq!(admin.send("DELETE", &format!("/v1/tokens/{id}"), "").await.status, 204);
        admin.send("DELETE", &format!("/v1/tokens/{id}"), "").await.is_problem(404, "not_found", false);
    }
    open.ended().await;
    assert!(is_known(&other).await, "another token of the same key is as it was");
}

#[tokio::test]
async fn tokens_end_with_the_key_that_minted_them_over_every_protocol() {
    let gateway = dev_gateway().await;
    let (minter, id) = key_with(&gateway, json!({})).await;
    let open = Everywhere::open(&gateway, &minter).await;
    let (parent, _) = token_with(&gateway, &minter, json!({})).await;
    let (child, _) = token_with(&gateway, &parent, json!({"ttlSeconds": 60})).await;
    assert!(is_known(&child).await);
    assert_eq!(Caller::admin(&gateway).send("DELETE", &format!("/v1/keys/{id}"), "").await.status, 204);
    open.ended().await;
    for token in [minter, parent, child] {
        assert!(!is_known(&token).await);
    }
}

#[tokio::test]
async fn a_token_ends_with_the_token_that_minted_it_and_not_the_other_way_round() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let (parent, parent_id) = token_with(&gateway, &admin, json!({})).await;
    let (child, child_id) = token_with(&gateway, &parent, json!({"ttlSeconds": 60})).await;
    let (grandchild, _) = token_with(&gateway, &child, json!({"ttlSeconds": 30})).await;
    let (sibling, _) = token_with(&gateway, &parent, json!({"ttlSeconds": 60})).await;
    admin.send("DELETE", &format!("/v1/tokens/{child_id}"), "").await;
    assert!(!is_known(&child).await && !is_known(&grandchild).await);
    assert!(is_known(&parent).await && is_known(&sibling).await);
    admin.send("DELETE", &format!("/v1/tokens/{parent_id}"), "").await;
    assert!(!is_known(&sibling).await);
    let listed = admin.get("/v1/tokens").await.body;
    assert_eq!(listed["items"], json!([]), "{listed}");
}

#[tokio::test]
async fn a_workers_token_ends_with_the_secret_it_stands_in_for() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    created(&admin, "/v1/entities", json!({"slug": "orders", "policy": "pool"})).await;
    let mint = async || {
        text(&created(&admin, "/v1/entities/orders/tokens", json!({"ttlSeconds": 600})).await["token"]).to_owned()
    };
    let before = mint().await;
    let mut early = Dial::to(&gateway, "/ws/sdk").secret(&before).welcomed().await;
    admin.post("/v1/entities/orders/rotate", json!({"graceSeconds": 600})).await;
    early.settle().await;
    let after = mint().await;
    let mut late = Dial::to(&gateway, "/ws/sdk").secret(&after).welcomed().await;
    // The secret before the last one keeps its end, and the last one ends now.
    admin.post("/v1/entities/orders/rotate", json!({})).await;
    assert_eq!((early.closed().await.0, late.closed().await.0), (4001, 4001));
    for token in [before, after] {
        assert_eq!(Dial::to(&gateway, "/ws/sdk").secret(&token).open().await.refused().await.0, 1008);
    }
    assert_eq!(admin.get("/v1/tokens").await.body["items"], json!([]));
    Dial::to(&gateway, "/ws/sdk").secret(&mint().await).welcomed().await.settle().await;
}

#[tokio::test]
async fn nothing_outlives_or_exceeds_the_credential_that_made_it() {
    let gateway = dev_gateway().await;
    let brief = json!({"ttlSeconds": 300});
    let narrow = json!({"speaksFor": ["ada", "bob"], "environments": ["staging", "production"]});
    let (key, bounded) = (key_with(&gateway, brief).await.0, key_with(&gateway, narrow).await.0);
    let bound = key_with(&gateway, json!({"agentId": dev::AGENT})).await.0;
    let (token, _) = token_with(&gateway, &Caller::admin(&gateway), json!({"ttlSeconds": 300})).await;
    for (minter, path, body) in [
        (&key, "/v1/tokens", json!({"role": "viewer", "ttlSeconds": 3600})),
        (&key, "/v1/keys", json!({"role": "viewer"})),
        (&key, "/v1/keys", json!({"role": "viewer", "ttlSeconds": 3600})),
        (&key, "/v1/entities/dev/tokens", json!({"ttlSeconds": 3600})),
        (&token, "/v1/tokens", json!({"role": "viewer", "ttlSeconds": 3600})),
        (&token, "/v1/keys", json!({"role": "viewer"})),
        (&bounded, "/v1/tokens", json!({"role": "operator", "ttlSeconds": 60, "userId": "zoe"})),
        (&bounded, "/v1/tokens", json!({"role": "operator", "ttlSeconds": 60, "speaksFor": "anybody"})),
        (&bounded, "/v1/keys", json!({"role": "operator", "speaksFor": ["ada", "zoe"]})),
        (&bounded, "/v1/keys", json!({"role": "operator", "environments": ["development", "staging"]})),
        (&bounded, "/v1/entities/dev/tokens", json!({"ttlSeconds": 60})),
        (&bounded, "/v1/entities/dev/tokens", json!({"ttlSeconds": 60, "environmentId": "development"})),
        (&bound, "/v1/keys", json!({"role": "operator", "agentId": "main"})),
        (&bound, "/v1/tokens", json!({"role": "operator", "userId": "ada", "ttlSeconds": 60})),
    ] {
        let refused = minter.post(path, body.clone()).await;
        assert_eq!((refused.status, &refused.body["code"]), (403, &json!("forbidden")), "{body}: {refused:?}");
    }
    for (minter, path, body) in [
        (&key, "/v1/tokens", json!({"role": "admin", "ttlSeconds": 60})),
        (&key, "/v1/keys", json!({"role": "admin", "ttlSeconds": 60})),
        (&bounded, "/v1/tokens", json!({"role": "operator", "ttlSeconds": 60, "userId": "ada"})),
        (&bounded, "/v1/entities/dev/tokens", json!({"ttlSeconds": 60, "environmentId": "prod"})),
        (&bound, "/v1/keys", json!({"role": "operator"})),
    ] {
        created(minter, path, body).await;
    }
    // What was not asked for is what the maker has.
    let inherited = created(&bounded, "/v1/keys", json!({"role": "operator"})).await["key"].clone();
    assert_eq!(inherited["speaksFor"], json!(["ada", "bob"]));
    assert_eq!(inherited["environments"], json!(["staging", "production"]));
    let inherited = created(&bound, "/v1/keys", json!({"role": "operator"})).await["key"].clone();
    assert!(text(&inherited["agentId"]).starts_with("agent_") && inherited["speaksFor"] == "nobody", "{inherited}");
}

#[tokio::test]
async fn keys_and_tokens_say_for_whom_and_where_they_act() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    for (body, speaks_for) in [
        (json!({"role": "viewer"}), json!("nobody")),
        (json!({"role": "operator"}), json!("anybody")),
        (json!({"role": "operator", "agentId": "main"}), json!("nobody")),
        (json!({"role": "viewer", "speaksFor": "anybody"}), json!("anybody")),
        (json!({"role": "operator", "speaksFor": ["ada"], "name": "for Ada"}), json!(["ada"])),
        (json!({"role": "operator", "speaksFor": []}), json!("nobody")),
    ] {
        let key = created(&admin, "/v1/keys", body.clone()).await["key"].clone();
        assert_eq!((&key["speaksFor"], &key["name"]), (&speaks_for, &body["name"]), "{body}");
        assert!(text(&key["createdBy"]).starts_with("key_"), "{key}");
    }
    for (body, part) in [
        (json!({"role": "viewer", "speaksFor": "ada"}), "a list of users"),
        (json!({"role": "viewer", "speaksFor": ["a\u{0}"]}), "no control characters"),
        (json!({"role": "viewer", "name": ""}), "1 to 128 characters"),
        (json!({"role": "viewer", "name": "a\nb"}), "no control characters"),
        (json!({"role": "viewer", "environments": []}), "at least one"),
        (json!({"role": "viewer", "environments": ["nowhere"]}), "nowhere"),
        (json!({"role": "viewer", "toolRoles": vec!["r"; 65]}), "`toolRoles` has 65 entries"),
    ] {
        let refused = admin.post("/v1/keys", body.clone()).await;
        refused.is_problem(400, "invalid_request", false);
        assert!(refused.detail().contains(part), "{body}: {}", refused.detail());
    }
    let nul = json!({"role": "viewer", "userId": "a\u{0}", "ttlSeconds": 60});
    admin.post("/v1/tokens", nul).await.is_problem(400, "invalid_request", false);
    let mut rpc = RpcCaller::admin(&gateway).await;
    let wanted = json!({"role": "operator", "name": "bot", "speaksFor": ["bob"], "environments": ["dev"]});
    let key = rpc.ok("api_keys.create", wanted).await["key"].clone();
    assert_eq!((&key["name"], &key["speaksFor"]), (&json!("bot"), &json!(["bob"])));
    assert_eq!(key["environments"], json!(["development"]));
    let wrong = json!({"role": "operator", "speaksFor": 7});
    assert_eq!(rpc.code("api_keys.create", wrong).await, "INVALID_REQUEST");
}

#[tokio::test]
async fn tokens_are_listed_with_their_names_and_last_use_and_without_themselves() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let changes = json!({"role": "operator", "name": "nightly", "userId": "ada", "environments": ["staging"]});
    let (token, id) = token_with(&gateway, &admin, changes).await;
    let unused = created(&admin, "/v1/entities/dev/tokens", json!({"ttlSeconds": 60, "name": "edge"})).await;
    assert!(is_known(&token).await);
    let listed = admin.get("/v1/tokens").await.body;
    assert!(!listed.to_string().contains("eyJ"), "{listed}");
    let find = |id: &str| listed["items"].as_array().unwrap().iter().find(|item| item["id"] == id).unwrap().clone();
    let (shown, worker) = (find(&id), find(text(&unused["id"])));
    assert!(id.starts_with("tok_"));
    for (member, value) in [
        ("name", json!("nightly")),
        ("role", json!("operator")),
        ("userId", json!("ada")),
        ("speaksFor", json!("nobody")),
        ("environments", json!(["staging"])),
    ] {
        assert_eq!(shown[member], value, "{shown}");
    }
    assert!(text(&shown["parent"]).starts_with("key_") && shown["lastUsedAt"].is_string(), "{shown}");
    assert!(worker["role"].is_null() && worker["lastUsedAt"].is_null(), "{worker}");
    assert!(text(&worker["entityId"]).starts_with("ent_") && worker["name"] == "edge", "{worker}");

    let first = admin.get("/v1/tokens?limit=1").await.body;
    let rest = admin.get(&format!("/v1/tokens?cursor={}", text(&first["nextCursor"]))).await.body;
    let ids = [&first["items"][0]["id"], &rest["items"][0]["id"]];
    assert!(ids[0] != ids[1] && rest["nextCursor"].is_null(), "{first} {rest}");
    admin.get("/v1/tokens?cursor=x").await.is_problem(400, "invalid_request", false);
}

#[tokio::test]
async fn the_last_use_of_a_key_outlives_the_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = within(Builder::default().data_folder(folder.path()).start()).await.unwrap();
    let key = gateway.first_admin_key().await.unwrap().unwrap();
    assert!(gateway.first_admin_key().await.unwrap().is_none());
    let used = async |gateway: &Gateway| {
        let admin = Caller::at(&gateway.url()).key(key.expose_secret());
        text(&admin.get("/v1/keys").await.body["items"][0]["lastUsedAt"]).to_owned()
    };
    let before = used(&gateway).await;
    let stopped = within(gateway.stop()).await;
    let listed = platools_gateway::core::Core::open_existing(folder.path()).await.unwrap();
    let stored = listed.local_admin().keys()[0].last_used_ms.unwrap();
    listed.close().await;
    assert_eq!(platools_gateway::ports::time::rfc3339(stored), before);
    let gateway = within(stopped.start()).await.unwrap();
    assert!(used(&gateway).await >= before);
}

#[tokio::test]
async fn two_admins_that_revoke_each_other_leave_one() {
    let gateway = within(Builder::default().start()).await.unwrap();
    let first = gateway.first_admin_key().await.unwrap().unwrap();
    let first = Caller::at(&gateway.url()).key(first.expose_secret());
    let second = created(&first, "/v1/keys", json!({"role": "admin"})).await;
    let keys = first.get("/v1/keys").await.body;
    let [one, other] = [0, 1].map(|index| format!("/v1/keys/{}", text(&keys["items"][index]["id"])));
    let second = Caller::at(&gateway.url()).key(text(&second["secret"]));
    let ends = tokio::join!(first.send("DELETE", &other, ""), second.send("DELETE", &one, ""));
    let mut statuses = [ends.0.status, ends.1.status];
    statuses.sort_unstable();
    // The slower one was told that it is the last, or was known no more.
    assert!(matches!(statuses, [204, 400 | 401]), "{statuses:?}");
    assert!(is_known(&first).await != is_known(&second).await);
}

/// The signing keys of a folder.
fn keys_in(data: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(data.join("signing-keys.json")).unwrap()).unwrap()
}

/// A token that some key signs.
fn signed(secret: &str, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(header), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", BASE64URL_NOPAD.encode(&mac.finalize().into_bytes()))
}

fn part_of(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
}

#[tokio::test]
async fn an_end_that_no_gateway_signs_is_refused_in_spite_of_a_right_signature() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = within(Builder::default().data_folder(folder.path()).start()).await.unwrap();
    let key = gateway.first_admin_key().await.unwrap().unwrap();
    let admin = Caller::at(&gateway.url()).key(key.expose_secret());
    let minted = created(&admin, "/v1/tokens", json!({"role": "admin", "ttlSeconds": 60})).await;
    let token = text(&minted["token"]);
    let (header, claims) = (part_of(token, 0), part_of(token, 1));
    let secret = keys_in(folder.path())["keys"][0]["secret"].as_str().unwrap().to_owned();
    let with = |exp: i64| {
        let mut claims = claims.clone();
        claims["exp"] = json!(exp);
        Caller::at(&gateway.url()).key(&signed(&secret, &header, &claims))
    };
    let exp = claims["exp"].as_i64().unwrap();
    assert!(is_known(&with(exp)).await);
    assert!(!is_known(&with(exp + 367 * 24 * 3600)).await);
    assert!(!is_known(&with(exp + 31 * 365 * 24 * 3600)).await);
}

#[tokio::test]
async fn a_rotation_keeps_tokens_good_for_its_grace_time() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let kid = |token: &Value| text(&part_of(text(token), 0)["kid"]).to_owned();
    let mint =
        async || created(&admin, "/v1/tokens", json!({"role": "viewer", "ttlSeconds": 600})).await["token"].clone();
    let before = mint().await;
    let open = Everywhere::open(&gateway, &admin).await;
    let rotated = admin.post("/v1/signing-keys/rotate", json!({"graceSeconds": 600})).await.body;
    let after = mint().await;
    assert_eq!(rotated["keys"][0]["id"], json!(kid(&after)));
    assert_eq!(rotated["keys"][1]["id"], json!(kid(&before)));
    assert!(rotated["keys"][0]["signing"] == true && rotated["keys"][1]["verifiesUntil"].is_string(), "{rotated}");
    assert_eq!(admin.get("/v1/signing-keys").await.body, rotated);
    let caller = |token: &Value| Caller::at(&gateway.url()).key(text(token));
    assert!(is_known(&caller(&before)).await && is_known(&caller(&after)).await && is_known(&open.rest).await);

    // A shorter grace time ends the earlier key too, and the sockets of its tokens.
    let rotated = admin.post("/v1/signing-keys/rotate", json!({})).await.body;
    assert_eq!(rotated["keys"].as_array().unwrap().len(), 1, "{rotated}");
    open.ended().await;
    assert!(!is_known(&caller(&before)).await && !is_known(&caller(&after)).await);
    assert!(is_known(&caller(&mint().await)).await);
    assert_eq!(admin.get("/v1/tokens").await.body["items"].as_array().unwrap().len(), 1, "others are listed no more");
}

#[tokio::test]
async fn the_grace_time_of_a_rotation_ends() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let (token, _) = token_with(&gateway, &admin, json!({})).await;
    let rotated = Instant::now();
    admin.post("/v1/signing-keys/rotate", json!({"graceSeconds": 1})).await;
    // In its grace time it mints nothing that would be good for longer.
    token.post("/v1/keys", json!({"role": "admin"})).await.is_problem(403, "forbidden", false);
    within(async { while is_known(&token).await {} }).await;
    assert!(rotated.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn only_an_admin_of_the_whole_gateway_rotates_its_keys() {
    let gateway = dev_gateway().await;
    let projects = gateway.core().local_projects();
    let name: platools_gateway::domain::project::ProjectName = "acme/shop".parse().unwrap();
    projects.add(&name).await.unwrap();
    let new = platools_gateway::admin::NewKey::new(platools_gateway::Role::Admin);
    let theirs = projects.admin(&name).unwrap().add_key(new).await.unwrap().secret;
    let theirs = Caller::at(&gateway.url()).key(theirs.expose_secret());
    let part = key_with(&gateway, json!({"environments": ["staging"]})).await.0;
    let agents = key_with(&gateway, json!({"agentId": "main"})).await.0;
    let operator = key_with(&gateway, json!({"role": "operator"})).await.0;
    for caller in [&theirs, &part, &agents, &operator] {
        caller.post("/v1/signing-keys/rotate", json!({})).await.is_problem(403, "forbidden", false);
        caller.get("/v1/signing-keys").await.is_problem(403, "forbidden", false);
    }
    let admin = Caller::admin(&gateway);
    let forever = json!({"graceSeconds": 400 * 24 * 3600});
    admin.post("/v1/signing-keys/rotate", forever).await.is_problem(400, "invalid_request", false);
}

#[tokio::test]
async fn the_command_line_rotates_the_keys_of_a_gateway_that_runs() {
    let (data, program) = Data::served().await;
    let admin = Caller::at(&program.url).key(last_word(&program.before[0]));
    let before = data.secret("token mint --role viewer --ttl 1h").await;
    let printed = data.printed("token rotate-key --grace 1h").await;
    let kid = |token: &str| text(&part_of(token, 0)["kid"]).to_owned();
    let after = data.secret("token mint --role viewer --name nightly --ttl 1h").await;
    assert!(printed.contains(&format!("signed by the key {} from now on", kid(&after))), "{printed}");
    assert!(printed.contains(&format!("tokens of the key {} are good until", kid(&before))), "{printed}");
    // A token of the new key is good at once: the gateway looks when it does not know the key.
    assert!(is_known(&Caller::at(&program.url).key(&after)).await);
    assert!(is_known(&Caller::at(&program.url).key(&before)).await);
    let minted = created(&admin, "/v1/tokens", json!({"role": "viewer", "ttlSeconds": 60})).await;
    assert_eq!(kid(text(&minted["token"])), kid(&after), "the gateway signs with it as well");

    data.printed("token rotate-key").await;
    let caller = Caller::at(&program.url).key(&after);
    within(async { while is_known(&caller).await {} }).await;
    let listed = data.printed("token list").await;
    assert_eq!(listed, "", "no token is good any more");
}

#[tokio::test]
async fn the_command_line_names_lists_and_revokes() {
    let (data, program) = Data::served().await;
    data.printed("key add --role operator --name ci --speaks-for ada,bob --env staging --env prod").await;
    data.printed("key add --role viewer --speaks-for anybody").await;
    let keys: Value = serde_json::from_str(&data.printed("key list --json").await).unwrap();
    assert_eq!((&keys[1]["name"], &keys[1]["speaksFor"]), (&json!("ci"), &json!(["ada", "bob"])));
    assert_eq!(keys[1]["environments"], json!(["staging", "production"]));
    assert_eq!((&keys[2]["speaksFor"], &keys[2]["createdBy"]), (&json!("anybody"), &Value::Null));
    assert!(data.printed("key list").await.contains("lastUsedAt"));
    assert!(data.refused("key add --role viewer --speaks-for ,").await.contains("it takes anybody, nobody"));

    let printed = data.printed("token mint --role viewer --name nightly --speaks-for nobody --ttl 1h").await;
    let id = printed.split([' ', ',']).find(|word| word.starts_with("tok_")).unwrap().to_owned();
    let caller = Caller::at(&program.url).key(last_word(&printed));
    assert!(is_known(&caller).await);
    data.secret("entity add orders").await;
    data.secret("entity token orders --name edge --ttl 1h").await;
    let tokens: Value = serde_json::from_str(&data.printed("token list --json").await).unwrap();
    let mut names: Vec<_> = tokens.as_array().unwrap().iter().map(|token| text(&token["name"])).collect();
    names.sort_unstable();
    assert_eq!(names, ["edge", "nightly"]);
    data.printed(&format!("token revoke {id}")).await;
    within(async { while is_known(&caller).await {} }).await;
    assert!(data.refused(&format!("token revoke {id}")).await.contains("there is no token"));
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_signing_keys() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = Program::serve(folder.path()).await;
    let admin = Caller::at(&program.url).key(last_word(&program.before[0]));
    for _ in 0..2 {
        let mode = std::fs::metadata(folder.path().join("signing-keys.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        admin.post("/v1/signing-keys/rotate", json!({})).await;
    }
}

#[tokio::test]
async fn lost_signing_keys_are_made_anew_and_tokens_are_void() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::serve(folder.path()).await;
    let key = last_word(&program.before[0]).to_owned();
    let admin = Caller::at(&program.url).key(&key);
    let minted = created(&admin, "/v1/tokens", json!({"role": "viewer", "ttlSeconds": 600})).await;
    program.signal("-TERM").await;
    assert_eq!(program.exit_code().await, Some(0));
    std::fs::remove_file(folder.path().join("signing-keys.json")).unwrap();
    let data = folder.path().to_str().unwrap();
    // A command does not make keys that the gateway does not have.
    let refused =
        crate::program_process::output(&["token", "mint", "--role", "viewer", "--ttl", "1h", "--data", data]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("start the gateway once if they are lost"));
    assert!(!folder.path().join("signing-keys.json").exists());

    let log = folder.path().join("log");
    let serve = command(&["serve", "--data", data, "--listen", "127.0.0.1:0"]);
    let program = Program::logging_to(std::fs::File::create(&log).unwrap(), serve).await;
    assert!(std::fs::read_to_string(&log).unwrap().contains("signing keys lost"));
    assert!(!is_known(&Caller::at(&program.url).key(text(&minted["token"]))).await);
    assert!(is_known(&Caller::at(&program.url).key(&key)).await);
}

#[tokio::test]
async fn a_damaged_file_of_signing_keys_stops_the_start_and_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("signing-keys.json"), "{\"hush\": ").unwrap();
    let data = folder.path().to_str().unwrap();
    let failed = crate::program_process::output(&["serve", "--data", data, "--listen", "127.0.0.1:0"]).await;
    assert_eq!(failed.status.code(), Some(1));
    let error = String::from_utf8(failed.stderr).unwrap();
    assert!(error.contains("signing-keys.json cannot be used: it is malformed at line 1"), "{error}");
    assert!(!error.contains("hush"));
}

#[tokio::test]
async fn signing_keys_may_be_handed_in() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let (old, new) = ("o".repeat(64), "n".repeat(64));
    let serve = |keys: &str| {
        let mut serve = command(&["serve", "--data", data, "--listen", "127.0.0.1:0"]);
        serve.env("PLATOOLS_GATEWAY_SIGNING_KEYS", keys);
        serve
    };
    let program = Program::start(serve(&old)).await;
    let admin = Caller::at(&program.url).key(last_word(&program.before[0]));
    let minted = created(&admin, "/v1/tokens", json!({"role": "viewer", "ttlSeconds": 600})).await;
    let refused = admin.post("/v1/signing-keys/rotate", json!({})).await;
    refused.is_problem(400, "invalid_request", false);
    assert!(refused.detail().contains("rotate them there"), "{}", refused.detail());
    program.signal("-TERM").await;
    program.exit_code().await;
    let program = Program::start(serve(&format!("{new},{old}"))).await;
    assert!(is_known(&Caller::at(&program.url).key(text(&minted["token"]))).await);
    assert!(!folder.path().join("signing-keys.json").exists());
    let without =
        crate::program_process::output(&["token", "mint", "--role", "viewer", "--ttl", "1h", "--data", data]).await;
    assert!(String::from_utf8(without.stderr).unwrap().contains("PLATOOLS_GATEWAY_SIGNING_KEYS"));
    let listed = crate::program_process::output(&["token", "list", "--data", data]).await;
    assert!(listed.status.success(), "a list needs no keys: {listed:?}");
}

#[tokio::test]
async fn the_signing_key_of_an_earlier_version_moves_out_of_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::serve(folder.path()).await;
    let key = last_word(&program.before[0]).to_owned();
    let project = Caller::at(&program.url).key(&key).get("/v1/project").await.body["projectId"].clone();
    program.signal("-TERM").await;
    program.exit_code().await;
    // As an earlier version leaves it.
    let old = "0123456789abcdef".repeat(4);
    std::fs::remove_file(folder.path().join("signing-keys.json")).unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("gateway.sqlite"));
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    for statement in [
        "DELETE FROM signing_key_in_use".to_owned(),
        format!("INSERT INTO signing_keys (id, key, created_ms) VALUES ('current', '{old}', 0)"),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&pool).await.unwrap();
    }
    pool.close().await;
    let exp = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 600;
    let claims = json!({
        "iss": "platools-gateway", "aud": "platools:caller", "exp": exp, "jti": "0011223344556677", "project": project,
        "role": "viewer", "roles": []
    });
    let token = signed(&old, &json!({"typ": "JWT", "alg": "HS256"}), &claims);

    let program = Program::serve(folder.path()).await;
    assert!(is_known(&Caller::at(&program.url).key(&token)).await, "a token of that version is good for a while");
    let keys = keys_in(folder.path());
    assert!(keys["keys"][0]["secret"] != json!(old) && keys["keys"][1]["secret"] == json!(old), "a new key signs");
    assert!(keys["keys"][1]["verifiesUntilMs"].is_i64());
    for entry in folder.path().read_dir().unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let has_it = bytes.windows(old.len()).any(|window| window == old.as_bytes());
        assert_eq!(has_it, path.ends_with("signing-keys.json"), "{}", path.display());
    }
    let data = folder.path().to_str().unwrap();
    let rotated = crate::program_process::output(&["token", "rotate-key", "--data", data]).await;
    assert!(rotated.status.success(), "{rotated:?}");
    let caller = Caller::at(&program.url).key(&token);
    within(async { while is_known(&caller).await {} }).await;
}
