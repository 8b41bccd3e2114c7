//! Tests that `health` counts the open WebSockets of every protocol, over every protocol that has it.

use serde_json::{Value, json};

use crate::dashboard::{Dashboard, add_agent};
use crate::rpc_caller::RpcCaller;
use crate::runtime_agent::Agent;
use crate::support::{Caller, Dial, dev_gateway, within};

async fn connection_count(caller: &Caller) -> Value {
    let health = caller.get("/health").await.body;
    assert_eq!(health["status"], "healthy");
    health["connectionCount"].clone()
}

#[tokio::test]
async fn every_open_websocket_counts_in_health_whichever_protocol_asks() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    assert_eq!(connection_count(&admin).await, 0, "a request is no WebSocket");
    add_agent(&gateway, "trader").await;
    let dashboard = Dashboard::of(&gateway, "trader").await;
    assert_eq!(connection_count(&admin).await, 1);
    let agent = Agent::new(&gateway, "scout").await;
    agent.connect().await;
    let _socket = agent.open().await;
    let _worker = Dial::dev(&gateway).welcomed().await;
    let _silent = RpcCaller::stranger_at(&gateway).await;
    let mut caller = RpcCaller::known(Dial::to(&gateway, "/ws"), json!({"user_id": "u"})).await;
    assert_eq!(caller.ok("health", json!({})).await, json!({"status": "healthy", "connectionCount": 5}));
    assert_eq!(connection_count(&admin).await, 5);
    let (_, metrics) = admin.text("/metrics").await;
    for (kind, number) in [("caller", 2), ("dashboard", 1), ("agent", 1), ("worker", 1)] {
        let line = format!("\nplatools_websockets{{kind=\"{kind}\"}} {number}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
    dashboard.leave().await;
    within(async { while connection_count(&admin).await != 4 {} }).await;
}
