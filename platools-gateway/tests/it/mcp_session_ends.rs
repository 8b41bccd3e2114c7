//! Tests of the limit on MCP sessions, and of the ways in which sessions end.

use std::time::Duration;

use platools_gateway::{Gateway, McpSettings, Role, dev};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::mcp_raw_client::{Client, admin, initialize, text, worker};
use crate::support::{Dial, dev_gateway, gateway_with, within};

#[tokio::test]
async fn a_session_that_nobody_uses_ends() {
    let mut settings = McpSettings::default();
    settings.session_idle = Duration::from_millis(200);
    let (gateway, secret, _) = gateway_with(Gateway::builder().mcp(settings)).await;
    let key = gateway.add_key(Role::Operator).await.unwrap();
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["slow"]).await;
    let client = Client::at(&gateway.url(), "/mcp").key(key.expose_secret()).opened().await;
    let call = client.calling("slow", json!({}));
    let frame = worker.expect("tool_call").await;
    let _other = Client::at(&gateway.url(), "/mcp").key(key.expose_secret()).opened().await;
    within(async {
        while gateway.core().caller_count() > 1 {
            tokio::task::yield_now().await
        }
    })
    .await;
    worker.answer(&frame, json!("done")).await;
    assert_eq!(text(&within(call).await.unwrap()), "done", "a call is a use");
    within(async {
        while gateway.core().caller_count() > 0 {
            tokio::task::yield_now().await
        }
    })
    .await;
    assert_eq!(client.post(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).await.status(), 404);
}

#[tokio::test]
async fn a_stop_lets_calls_end_and_closes_what_is_left() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, &["slow"]).await;
    let client = admin(&gateway).await;
    let mut listening = client.listening(None).await;
    let idle = admin(&gateway).await;
    let mut idle_stream = idle.listening(None).await;
    let call = client.calling("slow", json!({}));
    let frame = worker.expect("tool_call").await;
    let stopping = tokio::spawn(gateway.shutdown());
    assert_eq!(idle_stream.next().await, None, "nothing of its is under way");
    worker.answer(&frame, json!("done")).await;
    assert_eq!(text(&within(call).await.unwrap()), "done");
    while listening.next().await.is_some() {}
    within(stopping).await.unwrap();
}

#[tokio::test]
async fn a_stop_ends_calls_that_take_too_long_and_says_so() {
    let setup = Gateway::builder().drain_limit(Duration::from_millis(200));
    let (gateway, secret, _) = gateway_with(setup).await;
    let key = gateway.add_key(Role::Operator).await.unwrap();
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["slow"]).await;
    let client = Client::at(&gateway.url(), "/mcp").key(key.expose_secret()).opened().await;
    let call = client.calling("slow", json!({}));
    worker.expect("tool_call").await;
    within(gateway.shutdown()).await;
    let ended = within(call).await.unwrap();
    assert_eq!(ended["result"]["_meta"]["platools/code"], "interrupted", "{ended}");
}

#[tokio::test]
async fn many_sessions_call_at_the_same_time() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, &["echo", "fail", "slow"]).await;
    let serving = tokio::spawn(async move {
        loop {
            let frame: Value = serde_json::from_str(&worker.next_text_if_any().await.expect("a frame")).unwrap();
            if frame["type"] != "tool_call" {
                continue;
            }
            match frame["tool_name"].as_str().unwrap() {
                "echo" => worker.answer(&frame, frame["params"]["n"].clone()).await,
                "fail" => {
                    let error = json!({"type": "tool_error", "call_id": frame["call_id"], "error": "no"});
                    worker.send(error).await;
                }
                // Cancelled by its session.
                _ => {}
            }
        }
    });
    let url = gateway.url();
    let sessions = (0..64).map(|number| {
        let url = url.clone();
        tokio::spawn(async move {
            let client = Client::at(&url, "/mcp").key(dev::ADMIN_KEY).opened().await;
            let _listening = client.listening(None).await;
            let _slow = client.asking(1000, "tools/call", json!({"name": "slow"}));
            for round in 0..5 {
                assert_eq!(client.names().await.len(), 3);
                let n = number * 100 + round;
                assert_eq!(text(&client.call("echo", json!({"n": n})).await), n.to_string());
                assert_eq!(client.call("fail", json!({})).await["result"]["isError"], true);
            }
            assert_eq!(client.send("DELETE").await.status(), 204);
        })
    });
    for session in sessions.collect::<Vec<_>>() {
        within(session).await.unwrap();
    }
    within(async {
        while gateway.core().caller_count() > 0 {
            tokio::task::yield_now().await
        }
    })
    .await;
    serving.abort();
    assert_eq!(Client::at(&url, "/mcp").key(dev::ADMIN_KEY).post(&initialize()).await.status(), 200);
}
