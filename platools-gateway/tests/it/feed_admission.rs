//! Tests that a dashboard may watch an agent only for users with the right to it.

use std::num::NonZeroU32;
use std::time::Duration;

use platools_gateway::admin::{AgentChange, NewToken, NewWorkerToken};
use platools_gateway::dev::{self, DevOptions};
use platools_gateway::domain::project::ProjectName;
use platools_gateway::limits::Limits;
use platools_gateway::{Gateway, Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::dashboard::{Dashboard, add_agent, close, token, token_of};
use crate::program_process::{Program, command};
use crate::rpc_caller::RpcCaller;
use crate::support::{Caller, Dial, dev_gateway, gateway_with, http, within};

const NOT_FOUND: &str = "Agent not found";

/// Connects, and is turned away with an error and a close.
async fn turned_away(dial: Dial) -> (Value, (u16, String)) {
    let mut dashboard = Dashboard::open(dial).await;
    (dashboard.expect("error").await, dashboard.closed().await)
}

#[tokio::test]
async fn without_a_good_token_there_is_no_upgrade() {
    let (gateway, elsewhere) = (dev_gateway().await, dev_gateway().await);
    add_agent(&gateway, "trader").await;
    let good = token_of(&gateway, "u-1").await;
    let new = NewWorkerToken::new(Duration::from_secs(60));
    let worker = gateway.core().local_admin().mint_worker_token(dev::ENTITY, new).await.unwrap();
    let (head, signature) = good.rsplit_once('.').unwrap();
    let mut forged = signature.to_owned();
    forged.replace_range(..1, if forged.starts_with('A') { "B" } else { "A" });
    for wrong in [
        "nonsense",
        "",
        "eyJ",
        dev::ADMIN_KEY,
        dev::SECRET,
        worker.token.expose_secret(),
        &token_of(&elsewhere, "u-1").await,
        &format!("{head}.{forged}"),
        &format!("{head}."),
        &good[..good.len() - 1],
    ] {
        assert_eq!(Dashboard::refused(Dashboard::dial(&gateway, wrong, "trader")).await, 401, "{wrong}");
    }
    for query in ["agentId=trader", "token=&agentId=trader", &format!("agentId=trader&token={good}&token={good}")] {
        assert_eq!(Dashboard::refused(Dial::to(&gateway, &format!("/ws?{query}"))).await, 401, "{query}");
    }
    // A header is no token: what is in the URL counts.
    let dial = Dial::to(&gateway, "/ws?agentId=trader").secret(&good);
    assert_eq!(Dashboard::refused(dial).await, 401);
    assert_eq!(Dashboard::refused(Dashboard::dial(&gateway, &good, "trader")).await, 101);
}

#[tokio::test]
async fn a_token_that_has_ended_lets_nobody_in_and_closes_what_it_opened() {
    let gateway = dev_gateway().await;
    add_agent(&gateway, "trader").await;
    let ttl = Duration::from_secs(2);
    let new = NewToken::new(Role::Admin, ttl);
    let token = gateway.core().local_admin().mint_token(new).await.unwrap().token;
    let dial = || Dashboard::dial(&gateway, token.expose_secret(), "trader");
    let mut dashboard = Dashboard::open(dial()).await;
    assert_eq!(dashboard.closed().await, close(4001, "the key or token has ended"));
    assert_eq!(Dashboard::refused(dial()).await, 401);
}

#[tokio::test]
async fn an_address_with_too_many_wrong_tokens_has_to_wait() {
    let mut limits = Limits::default();
    limits.address.failures_per_minute = NonZeroU32::new(2).unwrap();
    let (gateway, _, _) = gateway_with(Gateway::builder().limits(limits)).await;
    add_agent(&gateway, "trader").await;
    let mut refused = Vec::new();
    for wrong in ["nonsense", "eyJ.eyJ.x", "plt_key_1", "nonsense"] {
        refused.push(Dashboard::refused(Dashboard::dial(&gateway, wrong, "trader")).await);
    }
    assert_eq!((refused[0], refused[3]), (401, 429), "{refused:?}");
    // A good one is let in all the same.
    Dashboard::of(&gateway, "trader").await;
}

#[tokio::test]
async fn owners_and_tokens_for_the_agent_and_admins_watch_it_and_nobody_else_learns_whether_it_is_there() {
    let gateway = dev_gateway().await;
    let agent = add_agent(&gateway, "trader").await;
    for good in [
        token_of(&gateway, "u-1").await,
        token(&gateway, Role::Operator, Some("u-2"), Some("trader")).await,
        token(&gateway, Role::Viewer, None, Some("trader")).await,
        token(&gateway, Role::Admin, None, None).await,
    ] {
        let mut dashboard = Dashboard::open(Dashboard::dial(&gateway, &good, agent.as_str())).await;
        dashboard.expect("connected").await;
        dashboard.leave().await;
    }
    let missing = turned_away(Dashboard::dial(&gateway, &token_of(&gateway, "u-1").await, "nobody")).await;
    assert_eq!(missing.1, close(1008, NOT_FOUND));
    assert!(missing.0["message"].is_string());
    for (wrong, name) in [
        (token_of(&gateway, "u-2").await, "trader"),
        (token_of(&gateway, "u-2").await, agent.as_str()),
        (token(&gateway, Role::Operator, None, None).await, "trader"),
        (token(&gateway, Role::Operator, Some("u-2"), Some("main")).await, "trader"),
        (token_of(&gateway, "u-1").await, ""),
        (token(&gateway, Role::Admin, None, None).await, "nobody"),
    ] {
        assert_eq!(turned_away(Dashboard::dial(&gateway, &wrong, name)).await, missing, "{name}");
    }
    let token_alone = Dial::to(&gateway, &format!("/ws?token={}", token_of(&gateway, "u-1").await));
    assert_eq!(turned_away(token_alone).await, missing);
}

#[tokio::test]
async fn nobody_watches_agents_of_other_projects() {
    let gateway = dev_gateway().await;
    let agent = add_agent(&gateway, "trader").await;
    let projects = gateway.core().local_projects();
    let name: ProjectName = "acme/shop".parse().unwrap();
    within(projects.add(&name)).await.unwrap();
    let new =
        |role, user: &str| NewToken { user_id: Some(user.to_owned()), ..NewToken::new(role, Duration::from_secs(60)) };
    for role in [Role::Viewer, Role::Admin] {
        let theirs = projects.admin(&name).unwrap().mint_token(new(role, "u-1")).await.unwrap().token;
        for named in ["trader", agent.as_str()] {
            let dial = Dashboard::dial(&gateway, theirs.expose_secret(), named);
            assert_eq!(turned_away(dial).await.1, close(1008, NOT_FOUND));
        }
    }
}

#[tokio::test]
async fn an_agent_that_changes_hands_or_goes_is_watched_no_longer() {
    let gateway = dev_gateway().await;
    add_agent(&gateway, "trader").await;
    let admin = gateway.core().local_admin();
    let (mut first, change) = (Dashboard::of(&gateway, "trader").await, |owner: &str| AgentChange {
        owner: Some(owner.to_owned()),
        ..AgentChange::default()
    });
    assert_eq!(within(admin.change_agent("trader", change("u-2"))).await.unwrap().owner.as_deref(), Some("u-2"));
    assert_eq!(first.expect("error").await["message"], "there is no such agent that you may watch");
    assert_eq!(first.closed().await, close(1008, NOT_FOUND));
    within(admin.change_agent("trader", change("u-1"))).await.unwrap();
    let mut second = Dashboard::of(&gateway, "trader").await;
    within(admin.remove_agent("trader")).await.unwrap();
    assert_eq!(second.closed().await, close(1008, NOT_FOUND));
    let refused =
        within(admin.add_agent(
            "third",
            platools_gateway::admin::NewAgent { owner: Some("x".repeat(256)), ..Default::default() },
        ))
        .await;
    assert!(refused.unwrap_err().to_string().contains("1 to 255 characters"));
}

#[tokio::test]
async fn owners_are_shown_and_set_over_http_and_over_rpc() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let added = admin.post("/v1/agents", json!({"slug": "trader", "owner": "u-1"})).await;
    assert_eq!((added.status, &added.body["owner"]), (201, &json!("u-1")));
    let change = async |body: Value| admin.send("PATCH", "/v1/agents/trader", body.to_string()).await;
    assert_eq!(change(json!({"owner": "u-2"})).await.body["owner"], "u-2");
    assert_eq!(change(json!({"profile": {"model": "m"}})).await.body["owner"], "u-2");
    let shown = change(json!({"owner": ""})).await.body;
    assert_eq!((&shown["owner"], &shown["profile"]["model"]), (&Value::Null, &json!("m")));
    change(json!({})).await.is_problem(400, "invalid_request", false);
    change(json!({"owner": "a\nb"})).await.is_problem(400, "invalid_request", false);

    let mut caller = RpcCaller::admin(&gateway).await;
    let agent = caller.ok("agents.create", json!({"slug": "buyer", "owner": "u-1"})).await;
    assert_eq!(agent["owner"], "u-1");
    let agent = caller.ok("agents.update", json!({"agentId": "buyer", "owner": "u-3"})).await;
    assert_eq!((&agent["owner"], &agent["profile"]["kind"]), (&json!("u-3"), &json!("command")));
    assert_eq!(caller.code("agents.update", json!({"agentId": "buyer"})).await, "INVALID_REQUEST");
    let mut operator = RpcCaller::operator(&gateway, "u").await;
    let listed = operator.ok("agents.list", json!({})).await.to_string();
    assert!(listed.contains("buyer") && !listed.contains("u-3"), "{listed}");
}

#[tokio::test]
async fn without_authentication_a_token_is_needed_all_the_same_and_pages_from_elsewhere_are_turned_away() {
    let gateway = within(dev::start(DevOptions { no_auth: true, ..DevOptions::with_known_secrets() })).await.unwrap();
    add_agent(&gateway, "trader").await;
    let token = token_of(&gateway, "u-1").await;
    let dial = || Dashboard::dial(&gateway, &token, "trader");
    assert_eq!(Dashboard::refused(dial().header("origin", "https://example.com")).await, 403);
    assert_eq!(Dashboard::refused(dial().header("origin", "http://localhost:5173")).await, 101);
    assert_eq!(Dashboard::refused(Dial::to(&gateway, "/ws?agentId=trader")).await, 401);
}

#[tokio::test]
async fn ws_without_those_parameters_is_for_callers() {
    let gateway = dev_gateway().await;
    for path in ["/ws", "/ws?", "/ws?user=1"] {
        let connect = json!({"token": dev::ADMIN_KEY, "user_id": "u"});
        let mut caller = RpcCaller::known(Dial::to(&gateway, path), connect).await;
        caller.ok("health", json!({})).await;
    }
}

#[tokio::test]
async fn a_log_of_everything_has_no_token_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut command = command(&["dev", "--listen", "127.0.0.1:0", "--log-filter", "trace"]);
    command.env("TMPDIR", folder.path());
    let program = Program::logging_to(std::fs::File::create(&log).unwrap(), command).await;
    let admin = Caller::at(&program.url).key("platools-dev-admin");
    let mint = json!({"role": "admin", "ttlSeconds": 60});
    let token = admin.post("/v1/tokens", mint).await.body["token"].as_str().unwrap().to_owned();
    let at = |query: &str| Dial::at(&program.url.replace("http://", "ws://"), &format!("/ws?{query}"));
    let mut dashboard = Dashboard::open(at(&format!("token={token}&agentId=main"))).await;
    dashboard.expect("connected").await;
    dashboard.send("not JSON".into()).await;
    turned_away(at(&format!("token={token}&agentId=nobody"))).await;
    assert_eq!(Dashboard::refused(at(&format!("token={token}x&agentId=main"))).await, 401);
    assert_eq!(Dashboard::refused(at("token=platools-dev-admin&agentId=main")).await, 401);
    // Neither where there is no such place, nor where there is no upgrade.
    for path in [format!("/ws?token={token}&agentId=main"), format!("/nowhere?token={token}")] {
        within(http().get(format!("{}{path}", program.url)).send()).await.unwrap();
    }
    program.signal("-TERM").await;
    assert_eq!(dashboard.closed().await, close(1000, "Server shutdown"));
    assert_eq!(program.exit_code().await, Some(0));
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains("dashboard connected") && logged.contains("DEBUG"), "{logged}");
    for hidden in token.split('.').chain(["platools-dev-admin", "token="]) {
        assert_eq!(logged.lines().find(|line| line.contains(hidden)), None, "{hidden}");
    }
}
