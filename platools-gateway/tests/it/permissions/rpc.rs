//! Table of the permissions for methods of gateway RPC.

use std::path::Path;

use platools_gateway::Role::{self, Admin, Operator, Viewer};
use serde_json::{Value, json};

use super::{Kind, World};
use crate::rpc_caller::RpcCaller;
use crate::support::Dial;

/// A method, params that name nothing that exists, and the lowest role that may use it.
struct Row(&'static str, fn() -> Value, Role);

const ROWS: &[Row] = &[
    Row("health", || json!({}), Viewer),
    Row("status", || json!({}), Viewer),
    Row("agents.list", || json!({}), Viewer),
    Row("tools.list", || json!({}), Viewer),
    Row("sessions.list", || json!({}), Viewer),
    Row("sessions.preview", || json!({"sessionId": "conv_none"}), Viewer),
    Row("tools.call", || json!({"name": "none", "arguments": {}}), Operator),
    Row("chat.send", || json!({"agentId": "none", "message": "hi"}), Operator),
    Row("chat.abort", || json!({"runId": "run_none"}), Operator),
    Row("chat.history", || json!({"sessionId": "conv_none"}), Operator),
    Row("sessions.delete", || json!({"sessionId": "conv_none"}), Operator),
    Row("sessions.reset", || json!({"sessionId": "conv_none"}), Operator),
    Row("agents.create", || json!({"slug": "-"}), Admin),
    Row("agents.update", || json!({"agentId": "none", "profile": {}}), Admin),
    Row("agents.delete", || json!({"agentId": "none"}), Admin),
    Row("entities.list", || json!({}), Admin),
    Row("entities.create", || json!({"slug": "-"}), Admin),
    Row("entities.rotate", || json!({"entityId": "none"}), Admin),
    Row("entities.delete", || json!({"entityId": "none"}), Admin),
    Row("api_keys.list", || json!({}), Admin),
    Row("api_keys.create", || json!({"role": "nobody"}), Admin),
    Row("api_keys.revoke", || json!({"keyId": "key_none"}), Admin),
    Row("logs.tail", || json!({"lines": 1_000_000}), Admin),
];

/// Connects with a credential, as its own user if it has one.
async fn connect(world: &World, credential: &super::Credential) -> RpcCaller {
    let mut params = json!({"user_id": super::USER});
    if credential.kind != Kind::Nothing {
        params["token"] = credential.secret.as_str().into();
    }
    RpcCaller::known(Dial::to(&world.gateway, "/ws"), params).await
}

#[tokio::test]
async fn every_method_serves_the_roles_of_its_row_and_no_others() {
    let world = World::new().await;
    for credential in &world.credentials {
        let mut caller = connect(&world, credential).await;
        for Row(method, params, role) in ROWS {
            let answer = caller.answer(method, params()).await;
            let is_forbidden = answer["error"]["code"] == "FORBIDDEN";
            assert_eq!(is_forbidden, credential.role < *role, "{method} with {}: {answer}", credential.label());
        }
    }
    world.end().await;
}

#[test]
fn every_method_has_a_row() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/listen/rpc/methods/mod.rs");
    let source = std::fs::read_to_string(source).unwrap();
    let table =
        source.split("methods! {").nth(1).and_then(|rest| rest.split("};").next()).expect("the table of methods");
    let methods: Vec<_> =
        table.lines().filter_map(|line| line.trim().split(',').next()).filter(|name| !name.is_empty()).collect();
    assert!(methods.len() >= 20, "{methods:?}");
    for name in methods {
        let method = match name {
            "method::TOOLS_CALL" => "tools.call",
            "method::CHAT_SEND" => "chat.send",
            "method::CHAT_ABORT" => "chat.abort",
            literal => literal.trim_matches('"'),
        };
        assert!(ROWS.iter().any(|Row(known, ..)| *known == method), "{method} needs a row");
    }
}
