//! Tests of the token of a `connect` over gateway RPC, and of the role that follows from it.

use std::time::Duration;

use platools_gateway::admin::{NewAgent, NewKey, NewToken};
use platools_gateway::dev::{self, DevOptions};
use platools_gateway::domain::identity::SpeaksFor;
use platools_gateway::{AnonymousAccess, Gateway, Role, RpcSettings};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::program_process::{Program, command};
use crate::rpc_caller::RpcCaller;
use crate::support::{Caller, Dial, dev_gateway, gateway_with, within};

fn chat(agent: &str) -> Value {
    json!({"agentId": agent, "message": "/help"})
}

#[tokio::test]
async fn an_unknown_token_is_said_to_be_unknown_and_the_role_stays_viewer() {
    let gateway = dev_gateway().await;
    let new = NewToken::new(Role::Admin, Duration::from_secs(1));
    let ended = within(gateway.core().local_admin().mint_token(new)).await.unwrap().token;
    within(async {
        // The token has ended once it opens nothing.
        while Caller::at(&gateway.url()).key(ended.expose_secret()).get("/v1/tools").await.status == 200 {}
    })
    .await;
    for wrong in ["a-wrong-token", ended.expose_secret()] {
        let mut caller = RpcCaller::stranger_at(&gateway).await;
        let connected = caller.ok("connect", json!({"token": wrong, "user_id": "u"})).await;
        assert_eq!((&connected["protocol"], &connected["role"]), (&json!(3), &json!("viewer")));
        let warning = connected["warning"].as_str().unwrap();
        assert!(warning.contains("not known to this gateway (mistyped, revoked or expired)"), "{warning}");
        let error = caller.error("chat.send", chat("main")).await;
        assert_eq!((&error["code"], &error["retryable"]), (&json!("FORBIDDEN"), &json!(false)));
        assert_eq!(error["details"], json!({"code": "forbidden", "token": "unknown"}));
        let message = error["message"].as_str().unwrap();
        for part in ["needs the role operator; this connection has viewer", "its token is not known to this gateway"] {
            assert!(message.contains(part), "{message}");
        }
        assert!(!message.contains(wrong) && !warning.contains(wrong));
    }
}

#[tokio::test]
async fn a_missing_token_is_said_to_be_missing_and_a_known_one_is_not_mentioned() {
    let gateway = dev_gateway().await;
    for connect in [json!({"user_id": "u"}), json!({"user_id": "u", "token": ""})] {
        let mut caller = RpcCaller::stranger_at(&gateway).await;
        assert_eq!(caller.ok("connect", connect).await["warning"], Value::Null);
        let error = caller.error("chat.send", chat("main")).await;
        assert_eq!(error["details"]["token"], "missing");
        assert!(error["message"].as_str().unwrap().ends_with("its `connect` had no `token`"), "{error}");
    }
    let key = gateway.add_key(Role::Viewer).await.unwrap();
    let mut viewer = RpcCaller::with(&gateway, key.expose_secret(), "u").await;
    let error = viewer.error("chat.send", chat("main")).await;
    assert_eq!(error["message"], "`chat.send`: this needs the role operator; the key or token has viewer");
    assert_eq!(error["details"], Value::Null);
}

#[tokio::test]
async fn a_gateway_that_admits_nobody_says_that_the_token_is_unknown() {
    let mut rpc = RpcSettings::default();
    rpc.anonymous = AnonymousAccess::None;
    let (gateway, _, _) = gateway_with(Gateway::builder().rpc(rpc)).await;
    let message = async |connect: Value| {
        let mut caller = RpcCaller::stranger_at(&gateway).await;
        let error = caller.error("connect", connect).await;
        assert_eq!(error["code"], "UNAUTHORIZED");
        error["message"].as_str().unwrap().to_owned()
    };
    assert!(message(json!({"user_id": "u", "token": "wrong"})).await.contains("this token is not known to it"));
    assert!(!message(json!({"user_id": "u"})).await.contains("not known"));
}

#[tokio::test]
async fn without_auth_the_admin_key_makes_an_admin_and_any_other_token_an_operator() {
    let gateway = within(dev::start(DevOptions { no_auth: true, ..DevOptions::with_known_secrets() })).await.unwrap();
    let viewer = gateway.add_key(Role::Viewer).await.unwrap();
    for (token, role) in [
        (json!(dev::ADMIN_KEY), "admin"),
        (json!(dev::AGENT_KEY), "operator"),
        (json!(viewer.expose_secret()), "operator"),
        (json!("wrong"), "operator"),
        (json!(""), "operator"),
        (Value::Null, "operator"),
    ] {
        let mut caller = RpcCaller::stranger_at(&gateway).await;
        let connected = caller.ok("connect", json!({"token": token, "user_id": "u"})).await;
        assert_eq!(connected, json!({"protocol": 3, "role": role, "user_id": "u"}), "{token}");
        caller.ok("chat.send", chat("main")).await;
        let listed = caller.answer("api_keys.list", json!({})).await;
        assert_eq!(listed["ok"], role == "admin", "{token} {listed}");
    }
}

#[tokio::test]
async fn viewers_read_the_history_of_their_own_conversations_if_the_setting_says_so() {
    for is_allowed in [false, true] {
        let mut rpc = RpcSettings::default();
        rpc.viewers_read_history = is_allowed;
        let (gateway, _, _) = gateway_with(Gateway::builder().rpc(rpc)).await;
        let admin = gateway.core().local_admin();
        within(admin.add_agent("desk", NewAgent::default())).await.unwrap();
        let mut operator = RpcCaller::operator(&gateway, "u-1").await;
        let session = operator.ok("chat.send", chat("desk")).await["sessionId"].clone();
        let history = json!({"sessionId": session});
        let mut for_users = NewKey::new(Role::Viewer);
        for_users.credential.speaks_for = Some(SpeaksFor::Anybody);
        let key = within(admin.add_key(for_users)).await.unwrap().secret;
        let of_user =
            NewToken { user_id: Some("u-1".to_owned()), ..NewToken::new(Role::Viewer, Duration::from_secs(60)) };
        let token = within(admin.mint_token(of_user)).await.unwrap().token;
        for own in [key.expose_secret(), token.expose_secret()] {
            let mut viewer = RpcCaller::with(&gateway, own, "u-1").await;
            let answer = viewer.answer("chat.history", history.clone()).await;
            assert_eq!(answer["ok"], is_allowed, "{answer}");
            if is_allowed {
                assert_eq!(answer["payload"]["messages"][0]["content"], "/help");
            } else {
                assert_eq!(answer["error"]["code"], "FORBIDDEN");
            }
            // Reading is all that the setting opens.
            assert_eq!(viewer.code("chat.send", chat("desk")).await, "FORBIDDEN");
            assert_eq!(viewer.code("sessions.reset", history.clone()).await, "FORBIDDEN");
        }
        let expected = if is_allowed { "NOT_FOUND" } else { "FORBIDDEN" };
        let mut other = RpcCaller::with(&gateway, key.expose_secret(), "u-2").await;
        assert_eq!(other.code("chat.history", history.clone()).await, expected);
        // Without a valid token, a name opens nothing.
        let mut stranger = RpcCaller::known(Dial::to(&gateway, "/ws"), json!({"user_id": "u-1"})).await;
        assert_eq!(stranger.code("chat.history", history).await, "FORBIDDEN");
    }
}

#[tokio::test]
async fn an_unknown_agent_is_answered_with_how_to_make_one() {
    let gateway = dev_gateway().await;
    let hint = "there is no agent `desk`; make one with `platools-gateway agent add desk`";
    let mut operator = RpcCaller::operator(&gateway, "u").await;
    let error = operator.error("chat.send", chat("desk")).await;
    assert_eq!((&error["code"], &error["message"]), (&json!("NOT_FOUND"), &json!(hint)));
    let admin = Caller::admin(&gateway);
    assert_eq!(admin.get("/v1/agents/desk").await.body["detail"], hint);
    let completion = json!({"model": "desk", "messages": [{"role": "user", "content": "/help"}]});
    let answer = admin.post("/v1/chat/completions", completion).await;
    assert_eq!((answer.status, &answer.body["error"]["message"]), (404, &json!(hint)));
    // A name that no agent can have makes no command.
    for odd in ["$(touch x)", "a b", "", "agt_1"] {
        let message = operator.error("chat.send", chat(odd)).await["message"].clone();
        assert_eq!(message, format!("there is no agent `{odd}`"));
    }
    // Somebody without the role learns nothing of agents.
    let mut stranger = RpcCaller::known(Dial::to(&gateway, "/ws"), json!({"user_id": "u"})).await;
    let refused = stranger.error("chat.send", chat("desk")).await.to_string();
    assert!(!refused.contains("desk"), "{refused}");
    let projects = gateway.core().local_projects();
    let name = "acme/shop".parse().unwrap();
    within(projects.add(&name)).await.unwrap();
    let key = within(projects.admin(&name).unwrap().add_key(NewKey::new(Role::Operator))).await.unwrap().secret;
    let mut theirs = RpcCaller::with(&gateway, key.expose_secret(), "u").await;
    let message = theirs.error("chat.send", chat("desk")).await["message"].clone();
    assert!(message.as_str().unwrap().ends_with("`platools-gateway agent add desk --project acme/shop`"), "{message}");
}

#[tokio::test]
async fn pages_of_files_may_use_a_development_gateway_if_its_flag_says_so() {
    for (options, is_allowed) in [
        (DevOptions { no_auth: true, ..DevOptions::with_known_secrets() }, false),
        (DevOptions { no_auth: true, file_pages: true, ..DevOptions::with_known_secrets() }, true),
    ] {
        let gateway = within(dev::start(options)).await.unwrap();
        let dial = || Dial::to(&gateway, "/ws");
        let opened = dial().header("origin", "null").try_open().await;
        assert_eq!(opened.is_ok(), is_allowed);
        assert!(dial().header("origin", "https://example.com").try_open().await.is_err());
    }
    let program = Program::start(command(&["dev", "--no-auth", "--allow-file-pages", "--listen", "127.0.0.1:0"])).await;
    let dial = Dial::at(&program.url.replace("http://", "ws://"), "/ws").header("origin", "null");
    let mut page = RpcCaller::known(dial, json!({"user_id": "web_client_1"})).await;
    assert!(page.ok("chat.send", chat("main")).await["content"].is_string());
}
