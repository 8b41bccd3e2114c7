//! Tests of the audit: administrative changes, sign-ins and refusals, each with one record.

use std::time::{Duration, Instant};

use platools_gateway::admin::NewKey;
use platools_gateway::audit::AuditSettings;
use platools_gateway::dev::{self, DevOptions};
use platools_gateway::{Gateway, Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::dashboard::{Dashboard, token, token_of};
use crate::mcp_raw_client::Client;
use crate::program_process::Data;
use crate::rpc_caller::RpcCaller;
use crate::runtime_agent::Agent;
use crate::support::{Caller, Dial, dev_gateway, within};

/// Reads the records that are new since the last time.
struct Reader {
    admin: Caller,
    last: Vec<String>,
}

impl Reader {
    async fn of(gateway: &Gateway) -> Self {
        let mut reader = Self { admin: Caller::admin(gateway), last: Vec::new() };
        reader.new_records().await;
        reader
    }

    /// The new records, oldest first.
    async fn new_records(&mut self) -> Vec<Value> {
        let page = self.admin.get("/v1/audit?limit=1000").await;
        assert_eq!(page.status, 200, "{page:?}");
        let mut items = page.body["items"].as_array().unwrap().clone();
        let ids: Vec<_> = items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
        items.retain(|item| !self.last.iter().any(|id| *id == item["id"]));
        self.last = ids;
        items.reverse();
        items
    }

    /// The one new record.
    async fn one(&mut self, cause: &str) -> Value {
        let records = self.new_records().await;
        let [record] = &*records else { panic!("{cause}: one record was expected: {records:#?}") };
        record.clone()
    }

    /// The one new record, which must be that.
    async fn expect(&mut self, kind: &str, action: &str, protocol: &str) -> Value {
        let record = self.one(action).await;
        let outcome = if kind == "refusal" { "refused" } else { "ok" };
        assert_eq!(
            (&record["kind"], &record["action"], &record["outcome"], &record["actor"]["protocol"]),
            (&json!(kind), &json!(action), &json!(outcome), &json!(protocol)),
            "{record:#}"
        );
        record
    }
}

/// The changes over REST: method, path, body, and the action that is recorded. `{key}` and `{token}` are the ids of those that were made
/// before, `{connection}` that of a connected worker.
fn rest_changes() -> Vec<(&'static str, &'static str, &'static str, Value, &'static str)> {
    let none = Value::Null;
    vec![
        ("POST", "/v1/entities", "/v1/entities", json!({"slug": "orders"}), "entity.create"),
        ("POST", "/v1/entities/{entity}/rotate", "/v1/entities/orders/rotate", json!({}), "entity.rotate"),
        (
            "POST",
            "/v1/entities/{entity}/tokens",
            "/v1/entities/orders/tokens",
            json!({"ttlSeconds": 60}),
            "worker_token.mint",
        ),
        ("DELETE", "/v1/entities/{entity}", "/v1/entities/orders", none.clone(), "entity.delete"),
        ("POST", "/v1/environments", "/v1/environments", json!({"slug": "qa"}), "environment.create"),
        ("DELETE", "/v1/environments/{environment}", "/v1/environments/qa", none.clone(), "environment.delete"),
        ("POST", "/v1/agents", "/v1/agents", json!({"slug": "buyer"}), "agent.create"),
        ("PATCH", "/v1/agents/{agent}", "/v1/agents/buyer", json!({"owner": "u-1"}), "agent.update"),
        ("DELETE", "/v1/agents/{agent}", "/v1/agents/buyer", none.clone(), "agent.delete"),
        ("POST", "/v1/keys", "/v1/keys", json!({"role": "viewer"}), "key.create"),
        ("DELETE", "/v1/keys/{key}", "/v1/keys/{key}", none.clone(), "key.revoke"),
        ("POST", "/v1/tokens", "/v1/tokens", json!({"role": "viewer", "ttlSeconds": 60}), "token.mint"),
        ("DELETE", "/v1/tokens/{token}", "/v1/tokens/{token}", none.clone(), "token.revoke"),
        ("POST", "/v1/signing-keys/rotate", "/v1/signing-keys/rotate", json!({}), "signing_key.rotate"),
        ("PATCH", "/v1/tools/{name}", "/v1/tools/echo?entityId=dev", json!({"enabled": false}), "tool.disable"),
        ("PATCH", "/v1/tools/{name}", "/v1/tools/echo?entityId=dev", json!({"enabled": true}), "tool.enable"),
        ("POST", "/v1/workers/{connection}/drain", "/v1/workers/{connection}/drain", none.clone(), "worker.drain"),
        ("DELETE", "/v1/workers/{connection}", "/v1/workers/{connection}", none.clone(), "worker.disconnect"),
    ]
}

/// Routes that change nothing administrative.
const NO_CHANGES: [&str; 4] = ["/v1/calls", "/v1/runtime", "/v1/channels", "/console/session"];

#[tokio::test]
async fn each_administrative_route_leaves_one_record() {
    let gateway = dev_gateway().await;
    let (admin, mut reader) = (Caller::admin(&gateway), Reader::of(&gateway).await);
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo"]).await;
    let connected = admin.get("/v1/workers").await.body["items"][0]["connectionId"].take();
    reader.expect("sign_in", "worker.connect", "tool_sync").await;
    let (mut key, mut token) = (String::new(), String::new());
    for (method, _, path, body, action) in rest_changes() {
        let path = path.replace("{key}", &key).replace("{token}", &token);
        let path = path.replace("{connection}", connected.as_str().unwrap());
        let answer = admin.send(method, &path, if body.is_null() { String::new() } else { body.to_string() }).await;
        assert!(matches!(answer.status, 200 | 201 | 204), "{method} {path}: {answer:?}");
        if let Some(id) = answer.body["key"]["id"].as_str() {
            id.clone_into(&mut key);
        }
        if let Some(id) = answer.body["id"].as_str() {
            id.clone_into(&mut token);
        }
        let record = reader.expect("change", action, "rest").await;
        let actor = &record["actor"];
        assert_eq!((&actor["role"], &actor["address"]), (&json!("admin"), &json!("127.0.0.1")), "{record:#}");
        assert!(actor["credential"].as_str().unwrap().starts_with("key_"), "{record:#}");
        assert!(actor["requestId"].as_str().unwrap().starts_with("req_"), "{record:#}");
        assert!(record["subject"].is_string() && record["projectId"].is_string(), "{record:#}");
    }
}

#[tokio::test]
async fn no_administrative_route_is_without_a_row_in_the_table_of_changes() {
    let gateway = dev_gateway().await;
    let document = Caller::at(&gateway.url()).get("/openapi.json").await.body;
    let changes = rest_changes();
    let is_known = |method: &str, path: &str| {
        changes.iter().any(|(known, template, ..)| known.eq_ignore_ascii_case(method) && *template == path)
    };
    let mut routes = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let is_other = NO_CHANGES.iter().any(|prefix| path.starts_with(prefix)) || path.ends_with("/call");
        for method in operations.as_object().unwrap().keys().filter(|method| *method != "get") {
            // An event for an agent is passed on and changes nothing, as a message in a channel.
            let is_other = is_other || ["/v1/ws/ticket", "/v1/agents/{agent}/events"].contains(&path.as_str());
            assert!(is_other || is_known(method, path), "{method} {path} has no row");
            routes += usize::from(!is_other);
        }
    }
    assert!(routes >= 12, "{routes}");
}

#[tokio::test]
async fn a_change_that_is_not_made_leaves_no_record() {
    let gateway = dev_gateway().await;
    let (admin, mut reader) = (Caller::admin(&gateway), Reader::of(&gateway).await);
    for (method, path, body, status) in [
        ("POST", "/v1/entities", json!({"slug": dev::ENTITY}), 409),
        ("POST", "/v1/environments", json!({"slug": "production"}), 409),
        ("POST", "/v1/agents", json!({"slug": dev::AGENT}), 409),
        ("DELETE", "/v1/keys/key_none", Value::Null, 404),
        ("POST", "/v1/tokens", json!({"role": "viewer", "ttlSeconds": 0}), 400),
    ] {
        assert_eq!(admin.send(method, path, body.to_string()).await.status, status, "{method} {path}");
    }
    assert_eq!(reader.new_records().await, [] as [Value; 0]);
}

#[tokio::test]
async fn each_administrative_method_of_gateway_rpc_leaves_one_record() {
    let gateway = dev_gateway().await;
    let mut reader = Reader::of(&gateway).await;
    let mut admin = RpcCaller::admin(&gateway).await;
    reader.expect("sign_in", "rpc.connect", "rpc").await;
    let mut key = Value::Null;
    for (method, params, action) in [
        ("agents.create", json!({"slug": "buyer"}), "agent.create"),
        ("agents.update", json!({"agentId": "buyer", "owner": "u-1"}), "agent.update"),
        ("agents.delete", json!({"agentId": "buyer"}), "agent.delete"),
        ("entities.create", json!({"slug": "orders"}), "entity.create"),
        ("entities.rotate", json!({"entityId": "orders"}), "entity.rotate"),
        ("entities.delete", json!({"entityId": "orders"}), "entity.delete"),
        ("api_keys.create", json!({"role": "viewer"}), "key.create"),
        ("api_keys.revoke", Value::Null, "key.revoke"),
    ] {
        let params = if params.is_null() { json!({"keyId": key}) } else { params };
        let reply = admin.ok(method, params).await;
        if action == "key.create" {
            key = reply["key"]["id"].clone();
        }
        let record = reader.expect("change", action, "rpc").await;
        assert_eq!(record["actor"]["userId"], "u-admin", "{record:#}");
        assert_eq!(record["actor"]["address"], "127.0.0.1", "{record:#}");
    }
}

#[tokio::test]
async fn each_command_leaves_one_record_and_one_line() {
    let (data, program) = Data::served().await;
    let secret = data.secret("entity add tools").await;
    let mut worker = program.dial(&secret).welcomed().await;
    worker.register(&["echo"]).await;
    let mut expected = vec!["entity.create"];
    let (mut key, mut token) = (String::new(), String::new());
    for (words, action) in [
        ("project add acme/shop", "project.create"),
        ("project remove acme/shop", "project.delete"),
        ("entity add orders", "entity.create"),
        ("entity rotate orders", "entity.rotate"),
        ("entity token orders --ttl 1m", "worker_token.mint"),
        ("entity remove orders", "entity.delete"),
        ("environment add qa", "environment.create"),
        ("environment remove qa", "environment.delete"),
        ("agent add buyer", "agent.create"),
        ("agent change buyer --owner u-1", "agent.update"),
        ("agent remove buyer", "agent.delete"),
        ("key add --role viewer", "key.create"),
        ("key revoke KEY", "key.revoke"),
        ("token mint --role viewer --ttl 1m", "token.mint"),
        ("token revoke TOKEN", "token.revoke"),
        ("token rotate-key", "signing_key.rotate"),
        ("tool disable echo", "tool.disable"),
        ("tool enable echo", "tool.enable"),
    ] {
        let output = data.run(&words.replace("KEY", &key).replace("TOKEN", &token)).await;
        assert!(output.status.success(), "{words}: {output:?}");
        let (printed, logged) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        if let Some(id) = printed.split_whitespace().find(|word| word.starts_with("key_")) {
            id.clone_into(&mut key);
        }
        if let Some(id) = printed.split_whitespace().find(|word| word.starts_with("tok_")) {
            id.trim_end_matches(|end: char| !end.is_ascii_alphanumeric()).clone_into(&mut token);
        }
        assert_eq!(logged.lines().filter(|line| line.contains(" audit: ")).count(), 1, "{words}: {logged}");
        assert!(logged.contains(action), "{words}: {logged}");
        expected.push(action);
    }
    let listed: Value = serde_json::from_str(&data.printed("audit list --json").await).unwrap();
    let rows: Vec<_> = listed.as_array().unwrap().iter().filter(|row| row["protocol"] == "command_line").collect();
    let actions: Vec<_> = rows.iter().rev().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(actions, expected);

    let listed = |words: &'static str| async {
        let listed: Value = serde_json::from_str(&data.printed(words).await).unwrap();
        listed.as_array().unwrap().len()
    };
    assert_eq!(listed("audit list --json --action key.create --limit 1").await, 1);
    assert_eq!(listed("audit list --json --until 2001-01-01T00:00:00Z").await, 0);
    assert_eq!(listed("audit list --json --kind refusal").await, 0);
    assert!(data.refused("audit list --since yesterday").await.contains("2026-09-15T00:00:00Z"));
    assert!(data.printed("audit list --limit 1").await.starts_with("at"));
}

#[tokio::test]
async fn each_lasting_sign_in_leaves_one_record() {
    let gateway = dev_gateway().await;
    let token = token(&gateway, Role::Admin, None, None).await;
    let operator = gateway.add_key(Role::Operator).await.unwrap();
    let mut reader = Reader::of(&gateway).await;

    let _worker = Dial::dev(&gateway).welcomed().await;
    let record = reader.expect("sign_in", "worker.connect", "tool_sync").await;
    assert!(record["actor"]["credential"].as_str().unwrap().starts_with("sec_"), "{record:#}");
    assert_eq!(record["detail"], "entity dev, environment development");

    let _caller = RpcCaller::with(&gateway, operator.expose_secret(), "u-1").await;
    assert_eq!(reader.expect("sign_in", "rpc.connect", "rpc").await["actor"]["userId"], "u-1");

    let agent = Agent::known(&gateway.url(), dev::AGENT, dev::AGENT_KEY);
    agent.connect().await;
    reader.expect("sign_in", "session.begin", "runtime").await;
    let ticket = agent.ticket().await;
    assert_eq!(reader.new_records().await, [] as [Value; 0], "a ticket is no sign-in yet");
    let _socket = agent.dial_with(&ticket).open().await;
    reader.expect("sign_in", "socket.open", "runtime").await;

    let mut dashboard = Dashboard::open(Dashboard::dial(&gateway, &token, dev::AGENT)).await;
    dashboard.expect("connected").await;
    let record = reader.expect("sign_in", "feed.connect", "feed").await;
    assert!(record["actor"]["credential"].as_str().unwrap().starts_with("tok_"), "{record:#}");

    let _client = Client::at(&gateway.url(), "/mcp").key(dev::ADMIN_KEY).opened().await;
    reader.expect("sign_in", "mcp_session.begin", "mcp").await;

    assert_eq!(Caller::admin(&gateway).get("/v1/tools").await.status, 200);
    assert_eq!(reader.new_records().await, [] as [Value; 0], "one request is no lasting sign-in");
}

#[tokio::test]
async fn each_protocols_refusal_of_a_wrong_credential_leaves_one_record() {
    let gateway = dev_gateway().await;
    let mut reader = Reader::of(&gateway).await;
    let wrong = Caller::at(&gateway.url()).key("plt_key_wrong");
    for (path, protocol) in [("/v1/tools", "rest"), ("/v1/models", "openai"), ("/v1/runtime/status", "runtime")] {
        assert_eq!(wrong.get(path).await.status, 401, "{path}");
        let record = reader.expect("refusal", "caller.authenticate", protocol).await;
        assert_eq!(record["actor"]["address"], "127.0.0.1");
        assert_eq!((&record["actor"]["credential"], &record["projectId"]), (&Value::Null, &Value::Null));
    }
    let client = Client::at(&gateway.url(), "/mcp").key("plt_key_wrong");
    assert_eq!(client.post(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).await.status(), 401);
    reader.expect("refusal", "caller.authenticate", "mcp").await;

    assert_eq!(Dashboard::refused(Dashboard::dial(&gateway, "eyJ.wrong.token", dev::AGENT)).await, 401);
    reader.expect("refusal", "caller.authenticate", "feed").await;

    let ws = gateway.url().replace("http://", "ws://");
    assert!(Dial::at(&ws, "/ws/runtime?ticket=tkt_wrong").try_open().await.is_err());
    reader.expect("refusal", "caller.authenticate", "runtime").await;

    Dial::to(&gateway, "/ws/sdk?entity=dev").secret("plt_worker_wrong").open().await.refused().await;
    let record = reader.expect("refusal", "worker.connect", "tool_sync").await;
    assert_eq!((&record["subject"], &record["detail"]), (&json!("dev"), &json!("unknown entity or secret")));

    // Over gateway RPC a wrong token is as good as none, which is a sign-in of a viewer.
    let connect = json!({"token": "plt_key_wrong", "user_id": "u"});
    let _viewer = RpcCaller::known(Dial::to(&gateway, "/ws"), connect).await;
    let records = reader.new_records().await;
    let seen: Vec<_> = records.iter().map(|record| (&record["action"], &record["outcome"])).collect();
    assert_eq!(seen, [(&json!("caller.authenticate"), &json!("refused")), (&json!("rpc.connect"), &json!("ok")),]);
}

#[tokio::test]
async fn each_protocols_refusal_of_a_role_leaves_one_record() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo"]).await;
    let viewer = gateway.add_key(Role::Viewer).await.unwrap();
    let (viewer, url) = (viewer.expose_secret(), gateway.url());
    let mut reader = Reader::of(&gateway).await;
    let caller = Caller::at(&url).key(viewer);

    assert_eq!(caller.post("/v1/keys", json!({"role": "admin"})).await.status, 403);
    let record = reader.expect("refusal", "caller.authorize", "rest").await;
    assert_eq!(record["subject"], "POST /v1/keys");
    assert!(record["detail"].as_str().unwrap().contains("needs the role admin"), "{record:#}");
    assert!(record["projectId"].is_string() && record["actor"]["role"] == "viewer", "{record:#}");

    assert_eq!(caller.get("/v1/audit").await.status, 403);
    reader.expect("refusal", "caller.authorize", "rest").await;

    let completion = json!({"model": "main", "messages": [{"role": "user", "content": "hello"}]});
    assert_eq!(caller.post("/v1/chat/completions", completion).await.status, 403);
    reader.expect("refusal", "caller.authorize", "openai").await;

    assert_eq!(caller.get("/v1/runtime/status").await.status, 403);
    let record = reader.expect("refusal", "caller.authorize", "runtime").await;
    assert_eq!(record["subject"], "GET /v1/runtime/status");

    let client = Client::at(&url, "/mcp").key(viewer).opened().await;
    reader.expect("sign_in", "mcp_session.begin", "mcp").await;
    assert_eq!(client.call("echo", json!({})).await["result"]["isError"], true);
    assert_eq!(reader.expect("refusal", "caller.authorize", "mcp").await["subject"], "echo");

    let mut rpc = RpcCaller::with(&gateway, viewer, "u-1").await;
    reader.expect("sign_in", "rpc.connect", "rpc").await;
    assert_eq!(rpc.code("api_keys.create", json!({"role": "admin"})).await, "FORBIDDEN");
    let record = reader.expect("refusal", "caller.authorize", "rpc").await;
    assert_eq!(record["subject"], "api_keys.create");

    let stranger = token_of(&gateway, "u-2").await;
    reader.expect("change", "token.mint", "program").await;
    let mut dashboard = Dashboard::open(Dashboard::dial(&gateway, &stranger, dev::AGENT)).await;
    dashboard.expect("error").await;
    reader.expect("refusal", "feed.connect", "feed").await;

    // A tool that is switched off is answered with 403 as well, and is nobody's refusal.
    let admin = Caller::admin(&gateway);
    assert_eq!(admin.send("PATCH", "/v1/tools/echo", json!({"enabled": false}).to_string()).await.status, 200);
    reader.expect("change", "tool.disable", "rest").await;
    assert_eq!(admin.call("echo", json!({})).await.status, 403);
    assert_eq!(reader.new_records().await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_web_page_from_elsewhere_leaves_one_record() {
    let gateway = within(dev::start(DevOptions { no_auth: true, ..DevOptions::with_known_secrets() })).await.unwrap();
    let mut reader = Reader::of(&gateway).await;
    let dial = Dial::to(&gateway, "/ws").header("origin", "https://example.com");
    assert!(dial.try_open().await.is_err());
    let record = reader.expect("refusal", "request.admit", "http").await;
    assert_eq!((&record["subject"], &record["actor"]["address"]), (&json!("GET /ws"), &json!("127.0.0.1")));
}

#[tokio::test]
async fn strangers_do_not_flood_the_records_and_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = within(Gateway::builder().data_folder(folder.path()).start()).await.unwrap();
    let admin_key = gateway.add_key(Role::Admin).await.unwrap();
    let admin = Caller::at(&gateway.url()).key(admin_key.expose_secret());
    let wrong = Caller::at(&gateway.url()).key("plt_key_wrong");
    for _ in 0..30 {
        assert_eq!(wrong.get("/v1/tools").await.status, 401);
    }
    let refusals = async |admin: &Caller| {
        let page = admin.get("/v1/audit?kind=refusal").await;
        let items = page.body["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["leftOut"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(refusals(&admin).await, [0; 10]);
    let gateway = within(within(gateway.stop()).await.start()).await.unwrap();
    let admin = admin.moved_to(&gateway.url());
    let after = refusals(&admin).await;
    assert_eq!((after.len(), after.iter().sum::<u64>()), (11, 20), "the end says how many there were: {after:?}");
}

#[tokio::test]
async fn lists_have_pages_and_conditions_and_are_for_admins_of_the_project() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    for slug in ["a", "b", "c"] {
        assert_eq!(admin.post("/v1/entities", json!({"slug": slug})).await.status, 201);
    }
    let page = async |query: &str| {
        let page = admin.get(&format!("/v1/audit?{query}")).await;
        assert_eq!(page.status, 200, "{page:?}");
        page.body
    };
    let details = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|item| item["detail"].as_str().unwrap().to_owned()).collect()
    };
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = page(&format!("action=entity.create&limit=3{cursor}")).await;
        all.extend(details(&page));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(all, ["slug c", "slug b", "slug a", "slug dev"]);
    let key = page("action=entity.create&limit=1").await["items"][0]["actor"]["credential"].clone();
    let theirs = page(&format!("actor={}&kind=change", key.as_str().unwrap())).await;
    assert_eq!(details(&theirs), ["slug c", "slug b", "slug a"]);
    assert_eq!(page("since=2100-01-01T00:00:00Z").await["items"], json!([]));
    for wrong in ["kind=other", "since=now", "limit=0", "cursor=x", "acton=key.create"] {
        admin.get(&format!("/v1/audit?{wrong}")).await.is_problem(400, "invalid_request", false);
    }

    // Another project's admin sees that project only.
    let projects = gateway.core().local_projects();
    let name = "acme/shop".parse().unwrap();
    within(projects.add(&name)).await.unwrap();
    let directory = projects.admin(&name).unwrap();
    let added = within(directory.add_key(NewKey::new(Role::Admin))).await.unwrap();
    let theirs = Caller::at(&gateway.url()).key(added.secret.expose_secret());
    let listed = theirs.get("/v1/audit").await.body;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed:#}");
    assert_eq!(listed["items"][0]["action"], "key.create");
    let first = page("limit=2").await;
    let actions: Vec<_> = first["items"].as_array().unwrap().iter().map(|item| item["action"].clone()).collect();
    assert_eq!(actions[0], "project.create", "{first:#}");
}

#[tokio::test]
async fn events_that_are_too_old_are_deleted() {
    let settings = AuditSettings::default().with(|audit| audit.max_age = Duration::from_millis(200));
    let gateway = within(Gateway::builder().audit(settings).start()).await.unwrap();
    let key = gateway.add_key(Role::Admin).await.unwrap();
    let admin = Caller::at(&gateway.url()).key(key.expose_secret());
    let begun = Instant::now();
    while admin.get("/v1/audit").await.body["items"] != json!([]) {
        assert!(begun.elapsed() < Duration::from_secs(30), "it is not deleted");
    }
}
