//! Tests of many callers at the same time over gateway RPC.

use futures::future::join_all;
use platools_gateway::{Gateway, Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::rpc_caller::RpcCaller;
use crate::support::{Dial, dev_gateway, within};

const CONNECTIONS: usize = 500;
const CHATS: usize = 50;

/// Answers every call with what it was called with, until it is dropped.
async fn echo(gateway: &Gateway) -> tokio::task::JoinHandle<()> {
    let mut worker = Dial::dev(gateway).welcomed().await;
    worker.register(&["echo"]).await;
    tokio::spawn(async move {
        while let Some(text) = worker.next_text_if_any().await {
            let call: Value = serde_json::from_str(&text).unwrap();
            let result = call["params"]["text"].clone();
            worker.answer(&call, result).await;
        }
    })
}

/// Says several things, and checks that everything that is told of them comes in order.
async fn chat(caller: &mut RpcCaller, user: usize) {
    for turn in 0..4 {
        let text = format!("{user}-{turn}");
        let message = json!({"agentId": "main", "message": format!("/echo text={text}")});
        let said = caller.ok("chat.send", message).await;
        assert_eq!(said["content"], json!(text).to_string());
    }
    assert_eq!(caller.events[0]["seq"], 1);
    let events = caller.take_events();
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["agent", "tool.call", "tool.result", "chat", "agent"].repeat(4));
    let chunks = events.iter().filter(|(name, _)| name == "chat").map(|(_, chat)| chat["chunk"].clone());
    assert!(chunks.eq((0..4).map(|turn| json!(json!(format!("{user}-{turn}")).to_string()))));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_chat_at_once_and_one_that_does_not_read_delays_nobody() {
    let gateway = dev_gateway().await;
    let worker = echo(&gateway).await;
    let key = gateway.add_key(Role::Operator).await.unwrap();
    let key = key.expose_secret();
    let connect = |user: usize| RpcCaller::with(&gateway, key, Box::leak(format!("u-{user}").into_boxed_str()));
    let mut callers = join_all((0..CONNECTIONS).map(connect)).await;
    assert_eq!(callers[0].ok("status", json!({})).await["callers"], CONNECTIONS);

    let stalled = json!({"token": key, "user_id": "u-stalled"});
    let mut stalled = RpcCaller::known(Dial::to(&gateway, "/ws").narrow(), stalled).await;
    let text = "x".repeat(100_000);
    for _ in 0..40 {
        let arguments = json!({"text": text});
        stalled.send("tools.call", json!({"name": "echo", "arguments": arguments})).await;
    }

    within(join_all(callers.iter_mut().take(CHATS).enumerate().map(|(user, caller)| chat(caller, user)))).await;
    // The others are served as well.
    within(join_all(callers.iter_mut().map(|caller| caller.ok("health", json!({}))))).await;
    drop(stalled);
    worker.abort();
}
