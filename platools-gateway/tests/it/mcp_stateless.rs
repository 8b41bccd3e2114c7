//! Tests of the MCP revision without sessions.

use platools_gateway::admin::NewKey;
use platools_gateway::{Gateway, Role, dev};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::mcp_raw_client::{Client, worker};
use crate::support::dev_gateway;

/// A client of the revision without sessions, which calls.
fn stateless(gateway: &Gateway) -> Client {
    let client = Client::at(&gateway.url(), "/mcp").key(dev::ADMIN_KEY).with("mcp-protocol-version", "2026-07-28");
    client.with("mcp-method", "tools/call").with("mcp-name", "slow")
}

/// `_meta` of each request of that revision.
fn about() -> Value {
    json!({
        "progressToken": 3,
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

#[tokio::test]
async fn the_revision_without_sessions_is_told_what_it_asked_for_until_its_key_ends() {
    let gateway = dev_gateway().await;
    let added = gateway.core().local_admin().add_key(NewKey::new(Role::Operator)).await.unwrap();
    let client = stateless(&gateway).key(added.secret.expose_secret());
    let client = client.with("mcp-method", "subscriptions/listen").without("mcp-name");
    let params = json!({"notifications": {"toolsListChanged": true}, "_meta": about()});
    let mut told = client.ask(1, "subscriptions/listen", params).await;
    assert_eq!(told.next().await.unwrap()["method"], "notifications/subscriptions/acknowledged");
    let _worker = worker(&gateway, &["slow"]).await;
    told.list_change().await;
    gateway.core().local_admin().revoke_key(added.new.id.as_str()).await.unwrap();
    let end = loop {
        let message = told.next().await.expect("its end");
        if message.get("id").is_some() {
            break message;
        }
    };
    assert!(end["result"].is_object(), "{end}");
}
