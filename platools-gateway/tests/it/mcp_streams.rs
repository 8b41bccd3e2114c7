//! Streams that are lost, found again, and ended.

use std::time::Duration;

use platools_gateway::{Gateway, McpSettings, Role, dev};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::mcp_raw::{Client, admin, initialize, text, worker};
use crate::support::{Dial, dev_gateway, gateway_with, within};

#[tokio::test]
async fn a_client_that_loses_the_stream_of_its_call_misses_nothing() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, &["slow"]).await;
    let client = admin(&gateway).await;
    let params = json!({"name": "slow", "_meta": {"progressToken": "p"}});
    let mut stream = client.ask(7, "tools/call", params).await;
    let call = worker.expect("tool_call").await;
    let progress = |done: u32| json!({"type": "tool_progress", "call_id": call["call_id"], "progress": done});
    worker.send(progress(1)).await;
    assert_eq!(stream.next().await.unwrap()["params"]["progress"], 1.0);
    let latest = stream.latest.clone();
    drop(stream);
    worker.send(progress(2)).await;
    worker.settle().await;
    let mut found = client.listening(Some(&latest)).await;
    assert_eq!(found.next().await.unwrap()["params"]["progress"], 2.0);
    let latest = found.latest.clone();
    drop(found);
    worker.answer(&call, json!("done")).await;
    // Also what came while nobody read, and again for whoever asks again.
    for _ in 0..2 {
        let mut found = client.listening(Some(&latest)).await;
        let answer = found.next().await.unwrap();
        assert_eq!((&answer["id"], text(&answer)), (&json!(7), "done"));
        assert_eq!(found.next().await, None, "nothing comes after the answer");
    }
}

#[tokio::test]
async fn a_client_that_loses_its_stream_is_told_later_what_changed() {
    let gateway = dev_gateway().await;
    let client = admin(&gateway).await;
    let mut listening = client.listening(None).await;
    let mut worker = worker(&gateway, &["one"]).await;
    listening.list_change().await;
    let latest = listening.latest.clone();
    drop(listening);
    worker.register(&["one", "two"]).await;
    client.listening(Some(&latest)).await.list_change().await;
    // A stream that was lost before anything came on it.
    client.listening(Some("0")).await.list_change().await;
    let mut nothing = client.listening(Some("999999")).await;
    assert_eq!(nothing.next().await, None);
}

#[tokio::test]
async fn a_cancelled_request_cancels_its_call_at_the_worker() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, &["slow"]).await;
    let client = admin(&gateway).await;
    let mut stream = client.ask(9, "tools/call", json!({"name": "slow"})).await;
    let call = worker.expect("tool_call").await;
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 9}});
    assert_eq!(client.post(&cancel).await.status(), 202);
    assert_eq!(worker.expect("tool_cancel").await["call_id"], call["call_id"]);
    assert_eq!(stream.next().await, None, "it is not answered");
}

#[tokio::test]
async fn a_session_that_is_closed_cancels_its_calls() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, &["slow"]).await;
    let client = admin(&gateway).await;
    let _stream = client.ask(9, "tools/call", json!({"name": "slow"})).await;
    let call = worker.expect("tool_call").await;
    assert_eq!(client.send("DELETE").await.status(), 202);
    assert_eq!(worker.expect("tool_cancel").await["call_id"], call["call_id"]);
}

#[tokio::test]
async fn without_a_session_a_client_that_hangs_up_cancels_its_call() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, &["slow"]).await;
    let client = stateless(&gateway);
    // Its answer does not begin before there is something to say.
    let asking = tokio::spawn(async move { client.ask(1, "tools/call", modern("slow")).await });
    let call = worker.expect("tool_call").await;
    asking.abort();
    assert_eq!(worker.expect("tool_cancel").await["call_id"], call["call_id"]);
}

/// A client of the revision without sessions, which calls.
fn stateless(gateway: &Gateway) -> Client {
    let client = Client::at(&gateway.url(), "/mcp").key(dev::ADMIN_KEY).with("mcp-protocol-version", "2026-07-28");
    client.with("mcp-method", "tools/call").with("mcp-name", "slow")
}

fn modern(name: &str) -> Value {
    json!({"name": name, "_meta": {
        "progressToken": 3,
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }})
}

#[tokio::test]
async fn the_revision_without_sessions_calls_with_progress() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, &["slow"]).await;
    let client = stateless(&gateway);
    let call = tokio::spawn(async move {
        let mut stream = client.ask(1, "tools/call", modern("slow")).await;
        (stream.next().await.unwrap(), stream.answer().await)
    });
    let frame = worker.expect("tool_call").await;
    let progress = json!({"type": "tool_progress", "call_id": frame["call_id"], "progress": 1, "message": "half"});
    worker.send(progress).await;
    worker.settle().await;
    worker.answer(&frame, json!("done")).await;
    let (progress, answer) = within(call).await.unwrap();
    assert_eq!((&progress["params"]["message"], &progress["params"]["progressToken"]), (&json!("half"), &json!(3)));
    assert_eq!(text(&answer), "done");
}

#[tokio::test]
async fn a_worker_that_dies_changes_the_list_and_ends_its_calls_if_it_does_not_come_back() {
    let mut settings = McpSettings::default();
    settings.worker_return = Duration::from_millis(200);
    let (gateway, secret, _) = gateway_with(Gateway::builder().mcp(settings)).await;
    let key = gateway.add_key(Role::Operator).await.unwrap();
    let client = Client::at(&gateway.url(), "/mcp").key(key.expose_secret()).opened().await;
    let mut listening = client.listening(None).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["slow"]).await;
    let call = client.calling("slow", json!({}));
    worker.expect("tool_call").await;
    listening.list_change().await;
    drop(worker);
    let ended = within(call).await.unwrap();
    assert_eq!(ended["result"]["_meta"]["platools/code"], "timeout", "{ended}");
    assert!(text(&ended).contains("went away while it ran"), "{ended}");
    listening.list_change().await;
    assert_eq!(client.tools().await[0]["_meta"]["platools/online"], false);
    let mut back = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    back.register(&["slow", "other"]).await;
    listening.list_change().await;
    within(async { while client.names().await != ["slow", "other"] {} }).await;
}

#[tokio::test]
async fn a_worker_that_comes_back_still_answers() {
    let gateway = dev_gateway().await;
    let mut gone = worker(&gateway, &["slow"]).await;
    let client = admin(&gateway).await;
    let mut listening = client.listening(None).await;
    let call = client.calling("slow", json!({}));
    let frame = gone.expect("tool_call").await;
    drop(gone);
    listening.list_change().await;
    let mut back = worker(&gateway, &["slow"]).await;
    back.answer(&frame, json!("done")).await;
    assert_eq!(text(&within(call).await.unwrap()), "done");
}

#[tokio::test]
async fn news_is_for_those_who_see_the_tools() {
    let gateway = dev_gateway().await;
    let secret = gateway.add_entity("orders").await.unwrap().expose_secret().to_owned();
    let client = Client::at(&gateway.url(), "/mcp/entities/orders").key(dev::ADMIN_KEY).opened().await;
    let mut listening = client.listening(None).await;
    let mut dev = worker(&gateway, &["one"]).await;
    dev.register(&["two"]).await;
    let caller = crate::support::Caller::admin(&gateway);
    caller.send("PATCH", "/v1/tools/two", r#"{"enabled":false}"#).await;
    let mut orders = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    listening.list_change().await;
    assert_eq!(client.names().await, [""; 0], "the first news was of the entity's own worker");
    orders.register(&["lookup"]).await;
    listening.list_change().await;
    caller.send("PATCH", "/v1/tools/lookup", r#"{"enabled":false}"#).await;
    listening.list_change().await;
    assert_eq!(client.names().await, [""; 0]);
}

#[tokio::test]
async fn a_client_that_wants_a_log_is_told_how_calls_end() {
    let gateway = dev_gateway().await;
    let worker = worker(&gateway, &["echo"]).await;
    worker.leave().await;
    let client = admin(&gateway).await;
    let mut listening = client.listening(None).await;
    assert_eq!(client.asked("logging/setLevel", json!({"level": "warning"})).await["result"], json!({}));
    client.call("echo", json!({"secret": 1})).await;
    let message = loop {
        let message = listening.next().await.unwrap();
        if message["method"] == "notifications/message" {
            break message["params"].clone();
        }
    };
    assert_eq!((&message["level"], &message["data"]["code"]), (&json!("warning"), &json!("worker_offline")));
    assert_eq!(client.asked("logging/setLevel", json!({"level": "loud"})).await["error"]["code"], -32602);
}

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
            let _slow = client.ask(1000, "tools/call", json!({"name": "slow"})).await;
            for round in 0..5 {
                assert_eq!(client.names().await.len(), 3);
                let n = number * 100 + round;
                assert_eq!(text(&client.call("echo", json!({"n": n})).await), n.to_string());
                assert_eq!(client.call("fail", json!({})).await["result"]["isError"], true);
            }
            assert_eq!(client.send("DELETE").await.status(), 202);
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
