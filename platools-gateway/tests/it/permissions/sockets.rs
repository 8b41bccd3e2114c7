//! Tests of the credentials that open each kind of socket, and of the errors for others.

use platools_gateway::Role::{Admin, Operator, Viewer};
use serde_json::json;

use super::{AGENT, Kind, World};
use crate::dashboard::Dashboard;
use crate::rpc_caller::RpcCaller;
use crate::support::Dial;

#[tokio::test]
async fn no_credential_of_a_caller_makes_a_worker() {
    let world = World::new().await;
    for path in ["/ws/sdk", "/tools/sync", "/tools/sync/ws/sdk"] {
        for credential in &world.credentials {
            let dial = Dial::to(&world.gateway, path);
            let dial = if credential.kind == Kind::Nothing { dial } else { dial.secret(&credential.secret) };
            let (code, _) = dial.open().await.refused().await;
            assert_eq!(code, 1008, "{path} with {}", credential.label());
        }
    }
    world.end().await;
}

#[tokio::test]
async fn no_credential_but_a_ticket_opens_an_agents_socket() {
    let world = World::new().await;
    for credential in &world.credentials {
        let path = format!("/ws/runtime?ticket={}", credential.secret);
        assert!(Dial::to(&world.gateway, &path).try_open().await.is_err(), "{}", credential.label());
        let taken = credential.caller(&world).post("/v1/ws/ticket", json!({})).await;
        assert_eq!(taken.status < 300, credential.belongs_to_agent(), "{}: {taken:?}", credential.label());
    }
    world.end().await;
}

/// A key is no token, and a token watches the agent that it belongs to, the agents that its user owns, or as an admin any of the project.
#[tokio::test]
async fn a_dashboard_watches_what_its_token_is_for() {
    let world = World::new().await;
    for credential in &world.credentials {
        let label = credential.label();
        let dial = || Dashboard::dial(&world.gateway, &credential.secret, AGENT);
        let is_token = matches!(credential.kind, Kind::UsersToken | Kind::AgentsToken);
        if !is_token {
            assert_eq!(Dashboard::refused(dial()).await, 401, "{label}");
            continue;
        }
        let mut dashboard = Dashboard::open(dial()).await;
        if credential.kind == Kind::AgentsToken || credential.role == Admin {
            dashboard.expect("connected").await;
        } else {
            assert_eq!(dashboard.close_code().await, 1008, "{label}");
        }
    }
    world.end().await;
}

/// A name alone opens nothing: viewers, agents' credentials and strangers speak for no user, whichever they name.
#[tokio::test]
async fn a_caller_speaks_for_the_user_it_names_if_its_credential_may() {
    let world = World::new().await;
    let key = &world.find(Kind::Key, Operator).secret;
    let mut owner = RpcCaller::with(&world.gateway, key, "u-2").await;
    let said = owner.ok("chat.send", json!({"agentId": AGENT, "message": "/help"})).await;
    let conversation = said["sessionId"].clone();
    for credential in &world.credentials {
        let label = credential.label();
        let mut connect = json!({"user_id": "u-2"});
        if credential.kind != Kind::Nothing {
            connect["token"] = credential.secret.as_str().into();
        }
        let mut caller = RpcCaller::stranger_at(&world.gateway).await;
        let answer = caller.answer("connect", connect).await;
        if credential.kind == Kind::UsersToken {
            assert_eq!(answer["error"]["code"], "FORBIDDEN", "{label} is another user's: {answer}");
            continue;
        }
        assert_eq!(answer["ok"], true, "{label}: {answer}");
        let sees = credential.role == Admin || (credential.role == Operator && credential.kind == Kind::Key);
        let listed = caller.ok("sessions.list", json!({})).await;
        assert_eq!(listed["items"].as_array().unwrap().len(), usize::from(sees), "{label}: {listed}");
        let which = json!({"sessionId": conversation});
        let previewed = caller.answer("sessions.preview", which.clone()).await;
        assert_eq!(previewed["ok"], sees, "{label}: {previewed}");
        if credential.role > Viewer && !sees {
            for method in ["chat.history", "sessions.reset", "sessions.delete"] {
                assert_eq!(caller.code(method, which.clone()).await, "NOT_FOUND", "{method} with {label}");
            }
            let refused = caller.error("tools.call", json!({"name": "for_users", "arguments": {}})).await;
            assert!(refused["message"].as_str().unwrap().contains("on behalf of a user"), "{label}: {refused}");
        }
    }
    world.end().await;
}
