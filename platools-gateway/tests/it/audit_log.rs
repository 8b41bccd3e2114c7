//! Tests of the log lines of requests and connections: they have ids and addresses, and no secrets.

use platools_gateway::{Gateway, dev};
use serde_json::{Value, json};

use crate::dashboard::Dashboard;
use crate::program_process::{Program, command};
use crate::rpc_caller::RpcCaller;
use crate::runtime_agent::Agent;
use crate::support::{Caller, Dial, dev_gateway, ended, http, within};

async fn id_of(gateway: &Gateway, path: &str, sent: &[&str]) -> (String, Value) {
    let request = http().get(format!("{}{path}", gateway.url()));
    let request = sent.iter().fold(request, |request, id| request.header("x-request-id", *id));
    let response = within(request.send()).await.unwrap();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    (id, serde_json::from_str(&within(response.text()).await.unwrap()).unwrap_or_default())
}

#[tokio::test]
async fn every_request_has_an_id_which_a_client_may_choose() {
    let gateway = dev_gateway().await;
    for path in ["/health", "/v1/tools", "/nothing", "/v1/models", "/mcp", "/v1/runtime/status"] {
        let (id, body) = id_of(&gateway, path, &["my-id.7"]).await;
        assert_eq!(id, "my-id.7", "{path}");
        if matches!(path, "/v1/tools" | "/nothing") {
            assert_eq!(body["requestId"], "my-id.7", "{path}: {body}");
        }
        let (made, body) = id_of(&gateway, path, &[]).await;
        assert!(made.starts_with("req_"), "{path}: {made}");
        assert!(body.get("requestId").is_none_or(|id| *id == made), "{path}: {body}");
    }
    let long = "x".repeat(65);
    for odd in [&["<script>"][..], &["a b"], &[""], &["a", "b"], &[&long]] {
        let (id, _) = id_of(&gateway, "/health", odd).await;
        assert!(id.starts_with("req_"), "{odd:?}: {id}");
    }
    let upgrade = Dial::to(&gateway, "/ws/sdk").secret(dev::SECRET).header("x-request-id", "up-1");
    upgrade.welcomed().await;
    let records = Caller::admin(&gateway).get("/v1/audit?action=worker.connect").await.body;
    assert_eq!(records["items"][0]["actor"]["requestId"], "up-1");
}

#[tokio::test]
async fn responses_with_secrets_are_stored_nowhere() {
    let gateway = dev_gateway().await;
    let agent = Agent::known(&gateway.url(), dev::AGENT, dev::AGENT_KEY);
    agent.connect().await;
    for (key, path, body) in [
        (dev::ADMIN_KEY, "/v1/keys", json!({"role": "viewer"})),
        (dev::ADMIN_KEY, "/v1/tokens", json!({"role": "viewer", "ttlSeconds": 60})),
        (dev::ADMIN_KEY, "/v1/entities", json!({"slug": "orders"})),
        (dev::ADMIN_KEY, "/v1/entities/orders/rotate", json!({})),
        (dev::ADMIN_KEY, "/v1/entities/orders/tokens", json!({"ttlSeconds": 60})),
        (dev::AGENT_KEY, "/v1/ws/ticket", json!({})),
    ] {
        let request = http().post(format!("{}{path}", gateway.url())).bearer_auth(key).body(body.to_string());
        let response = within(request.send()).await.unwrap();
        assert!(response.status().is_success(), "{path}: {response:?}");
        assert_eq!(response.headers().get("cache-control").unwrap(), "no-store", "{path}");
    }
}

#[tokio::test]
async fn the_log_says_who_came_from_where_and_how_it_ended_and_has_no_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let filter = ["dev", "--listen", "127.0.0.1:0", "--log-format", "json", "--log-filter", "debug"];
    let program = Program::logging_to(std::fs::File::create(&log).unwrap(), command(&filter)).await;
    let (url, ws) = (program.url.clone(), program.url.replace("http://", "ws://"));
    let admin = Caller::at(&url).key(dev::ADMIN_KEY);

    let mut worker = program.dial(dev::SECRET).welcomed().await;
    worker.register(&["echo"]).await;
    let call = admin.calling("echo", json!({"arguments": {"pin": "h1dden-argument"}}));
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, json!("h1dden-result")).await;
    assert_eq!(ended(call).await.status, 200);
    worker.leave().await;

    let added = admin.post("/v1/keys", json!({"role": "operator"})).await.body;
    let token = admin.post("/v1/tokens", json!({"role": "admin", "ttlSeconds": 60})).await.body;
    let token = token["token"].as_str().unwrap();
    let dial = Dial::at(&ws, &format!("/ws?token={token}&agentId={}", dev::AGENT));
    let mut dashboard = Dashboard::open(dial).await;
    dashboard.expect("connected").await;
    drop(dashboard);
    drop(RpcCaller::known(Dial::at(&ws, "/ws"), json!({"token": dev::AGENT_KEY, "user_id": "u"})).await);
    let agent = Agent::known(&url, dev::AGENT, dev::AGENT_KEY);
    agent.connect().await;
    let ticket = agent.ticket().await;
    drop(agent.dial_with(&ticket).open().await);

    assert_eq!(Caller::at(&url).key("h1dden-wrong-key").get("/v1/tools/h1dden?env=h1dden-query").await.status, 401);
    program.dial("h1dden-wrong-secret").open().await.refused().await;
    let entity = Dial::at(&ws, "/ws/sdk?entity=h1dden-entity").secret("h1dden-wrong-secret");
    entity.open().await.refused().await;
    program.signal("-TERM").await;
    assert_eq!(program.exit_code().await, Some(0));

    let logged = std::fs::read_to_string(&log).unwrap();
    let secret = added["secret"].as_str().unwrap();
    for hidden in ["h1dden", dev::SECRET, dev::ADMIN_KEY, dev::AGENT_KEY, secret, token, &ticket] {
        assert!(!logged.contains(hidden), "{hidden} is in the log");
    }
    let lines: Vec<Value> = logged.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |target: &str| lines.iter().filter(|line| line["target"] == target).collect::<Vec<_>>();
    let audited: Vec<_> = of("audit").iter().map(|line| line["action"].as_str().unwrap().to_owned()).collect();
    for action in ["worker.connect", "key.create", "token.mint", "feed.connect", "rpc.connect", "socket.open"] {
        assert!(audited.iter().any(|audited| audited == action), "{action}: {audited:?}");
    }
    let refused = of("audit").into_iter().find(|line| line["action"] == "caller.authenticate").unwrap();
    assert_eq!((&refused["client.address"], &refused["level"]), (&json!("127.0.0.1"), &json!("WARN")), "{refused}");
    let failed = of("access").into_iter().find(|line| line["http.status"] == 401).unwrap();
    assert_eq!((&failed["http.route"], &failed["level"]), (&json!("/v1/tools/{name}"), &json!("INFO")), "{failed}");
    assert_eq!(failed["request.id"], refused["request.id"]);
    assert!(failed["duration_ms"].is_u64() && failed["client.address"] == "127.0.0.1", "{failed}");
    for message in ["worker disconnected", "caller disconnected", "agent disconnected", "dashboard disconnected"] {
        let line = lines.iter().find(|line| line["message"] == message).unwrap_or_else(|| panic!("{message}"));
        let reason = line["reason"].as_str().unwrap();
        assert!(reason.contains(' ') && !reason.contains(['{', '(']), "{reason}");
        assert!(line["duration_ms"].is_u64(), "{line}");
        assert!(line["span"]["client.address"] == "127.0.0.1", "{line}");
    }
}
