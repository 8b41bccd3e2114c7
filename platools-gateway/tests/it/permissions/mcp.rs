//! Table of the permissions for methods of the Model Context Protocol.

use std::path::Path;

use platools_gateway::Role::{Operator, Viewer};
use serde_json::json;

use super::{Credential, Kind, World};
use crate::mcp_raw_client::{Client, initialize};

/// The functions that serve methods, and the methods. What each does for each credential is asserted below.
const HANDLED: &[(&str, &str)] = &[
    ("initialize", "initialize: opens a session, for every credential"),
    ("list_tools", "tools/list"),
    ("call_tool", "tools/call"),
    ("set_level", "logging/setLevel"),
    ("on_initialized", "notifications/initialized"),
    ("listen", "subscriptions/listen"),
    ("on_custom_request", "any other method: refused"),
];

fn client(world: &World, credential: &Credential) -> Client {
    let client = Client::at(&world.gateway.url(), "/mcp");
    if credential.kind == Kind::Nothing { client } else { client.key(&credential.secret) }
}

/// The tools that a credential may call, which are the ones it is shown.
fn callable(credential: &Credential) -> Vec<&'static str> {
    let is_admin = credential.role > Operator;
    match (credential.role, credential.kind) {
        (Viewer, _) => Vec::new(),
        (_, Kind::UsersToken) if is_admin => vec!["open", "for_users", "for_admins"],
        (_, Kind::UsersToken) => vec!["open", "for_users"],
        _ if is_admin => vec!["open", "for_admins"],
        _ => vec!["open"],
    }
}

#[tokio::test]
async fn each_credential_is_shown_the_tools_that_it_may_call_and_calls_no_others() {
    let world = World::new().await;
    for credential in &world.credentials {
        let label = credential.label();
        if credential.kind == Kind::Nothing {
            assert_eq!(client(&world, credential).post(&initialize()).await.status(), 401, "{label}");
            continue;
        }
        let client = client(&world, credential).opened().await;
        assert_eq!(client.names().await, callable(credential), "{label}");
        for tool in ["open", "for_users", "for_admins", "for_support"] {
            let called = client.call(tool, json!({})).await;
            let is_answered = called.get("error").is_none() && called["result"]["isError"] != true;
            assert_eq!(is_answered, callable(credential).contains(&tool), "{tool} with {label}: {called}");
        }
        let level = client.asked("logging/setLevel", json!({"level": "warning"})).await;
        assert!(level.get("error").is_none(), "{label}: {level}");
        let unknown = client.asked("keys/list", json!({})).await;
        assert!(unknown.get("error").is_some(), "{label}: {unknown}");
    }
    world.end().await;
}

#[test]
fn every_method_has_a_row() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../platools/src/mcp/server.rs");
    let source = std::fs::read_to_string(source).unwrap();
    let source = source.split("ServerHandler for").nth(1).and_then(|handler| handler.split("\n}\n").next()).unwrap();
    let served = source.split("async fn ").skip(1).filter_map(|rest| rest.split('(').next());
    for function in served {
        assert!(HANDLED.iter().any(|(known, _)| *known == function), "{function} needs a row");
    }
}
