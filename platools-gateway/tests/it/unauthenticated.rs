//! Tests of callers without a valid credential: they cost little, and do not delay others.

use std::num::NonZeroU32;

use futures::future::join_all;
use platools_gateway::domain::agent_profile::Profile;
use platools_gateway::limits::Limits;
use platools_gateway::{AnonymousAccess, Gateway, Role, RpcSettings};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::rpc_caller::RpcCaller;
use crate::support::{Caller, Dial, gateway_with, tool, within};

/// A gateway with a tool and an agent, where callers without a key may see that much.
async fn gateway_showing(anonymous: AnonymousAccess) -> Gateway {
    let mut settings = RpcSettings::default();
    settings.anonymous = anonymous;
    let (gateway, secret, _) = gateway_with(Gateway::builder().rpc(settings)).await;
    gateway.core().local_admin().add_agent("desk", Profile::default()).await.unwrap();
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["lookup"]).await;
    worker.leave().await;
    gateway
}

/// The head of a WebSocket frame of text with so many bytes, masked with zeros.
fn frame_head(bytes: u64) -> Vec<u8> {
    [&[0x81, 0x80 | 127][..], &bytes.to_be_bytes(), &[0; 4]].concat()
}

#[tokio::test]
async fn without_a_key_tools_and_agents_are_listed_only_where_the_catalog_is_open() {
    for (anonymous, tools, agents) in [(AnonymousAccess::Empty, 0, 0), (AnonymousAccess::Catalog, 1, 1)] {
        let gateway = gateway_showing(anonymous).await;
        for connect in [json!({"user_id": "u"}), json!({"user_id": "u", "token": "wrong"})] {
            let mut stranger = RpcCaller::known(Dial::to(&gateway, "/ws"), connect).await;
            assert_eq!(stranger.ok("tools.list", json!({})).await["tools"].as_array().unwrap().len(), tools);
            assert_eq!(stranger.ok("agents.list", json!({})).await["items"].as_array().unwrap().len(), agents);
            let status = stranger.ok("status", json!({})).await;
            assert_eq!((&status["status"], &status["callers"]), (&json!("ready"), &json!(tools)), "{status}");
        }
        let key = gateway.add_key(Role::Viewer).await.unwrap();
        let mut viewer = RpcCaller::with(&gateway, key.expose_secret(), "u").await;
        assert_eq!(viewer.ok("tools.list", json!({})).await["tools"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_gateway_that_admits_nobody_without_a_key_refuses_their_connect() {
    let gateway = gateway_showing(AnonymousAccess::None).await;
    let mut stranger = RpcCaller::stranger_at(&gateway).await;
    for connect in [json!({"user_id": "u"}), json!({"user_id": "u", "token": "wrong"})] {
        assert_eq!(stranger.code("connect", connect).await, "UNAUTHORIZED");
    }
    let key = gateway.add_key(Role::Viewer).await.unwrap();
    let connect = json!({"user_id": "u", "token": key.expose_secret()});
    assert_eq!(stranger.ok("connect", connect).await["role"], "viewer", "the connection goes on");
}

#[tokio::test]
async fn a_message_over_16_kib_closes_the_connection_of_a_caller_without_a_key() {
    let gateway = gateway_showing(AnonymousAccess::Empty).await;
    let long =
        || json!({"type": "req", "id": "1", "method": "health", "params": {"a": "x".repeat(16_400)}}).to_string();
    let mut stranger = RpcCaller::stranger_at(&gateway).await;
    stranger.send_text(long()).await;
    let reason = format!("message too large: {} bytes; the limit is 16384", long().len());
    assert_eq!(stranger.closed().await, (1009, reason));
    let mut anonymous = RpcCaller::known(Dial::to(&gateway, "/ws"), json!({"user_id": "u"})).await;
    anonymous.send_text(long()).await;
    assert_eq!(anonymous.closed().await.0, 1009);
    let key = gateway.add_key(Role::Viewer).await.unwrap();
    let mut viewer = RpcCaller::with(&gateway, key.expose_secret(), "u").await;
    viewer.send_text(long()).await;
    assert_eq!(viewer.response("1").await["ok"], true);
}

#[tokio::test]
async fn a_long_message_may_follow_the_connect_that_proves_who_sends_it() {
    let gateway = gateway_showing(AnonymousAccess::Empty).await;
    let key = gateway.add_key(Role::Viewer).await.unwrap();
    let mut caller = RpcCaller::stranger_at(&gateway).await;
    caller.send_as("a", "connect", json!({"token": key.expose_secret(), "user_id": "u"})).await;
    caller.send_as("b", "health", json!({"a": "x".repeat(400_000)})).await;
    assert_eq!(caller.response("a").await["ok"], true);
    assert_eq!(caller.response("b").await["ok"], true);
}

#[tokio::test]
async fn messages_that_strangers_do_not_finish_are_not_kept() {
    const STRANGERS: usize = 50;
    let gateway = gateway_showing(AnonymousAccess::Empty).await;
    let strangers = (0..STRANGERS).map(async |number| {
        let mut stranger = match number % 2 {
            0 => RpcCaller::stranger_at(&gateway).await,
            _ => RpcCaller::known(Dial::to(&gateway, "/ws"), json!({"user_id": "u"})).await,
        };
        let unfinished = [frame_head(500_000), vec![b'x'; 40_000]].concat();
        stranger.connection().write_all(&unfinished).await.unwrap();
        stranger.closed().await
    });
    for closed in within(join_all(strangers)).await {
        assert_eq!(closed, (1009, "message too large: more than 16384 bytes".to_owned()));
    }
    let http = Caller::at(&gateway.url());
    assert_eq!(http.get("/health").await.status, 200);
}

#[tokio::test]
async fn frames_of_a_worker_that_is_turned_away_are_not_kept() {
    let gateway = gateway_showing(AnonymousAccess::Empty).await;
    let mut unknown = Dial::to(&gateway, "/ws/sdk").secret("plt_worker_wrong").open().await;
    unknown.connection().write_all(&frame_head(8_000_000)).await.unwrap();
    let sent = async {
        let mut sent = 0;
        while unknown.connection().write_all(&[b'x'; 65_536]).await.is_ok() && sent < 8_000_000 {
            sent += 65_536;
        }
        sent
    };
    // It ends two seconds after the refusal at the latest, and what was sent by then is in buffers of the system.
    assert!(within(sent).await < 8_000_000, "the gateway read it");
}

#[tokio::test]
async fn heads_of_requests_have_32_kib_and_nobody_waits_for_those_that_send_more() {
    let (gateway, _, caller) = gateway_with(Gateway::builder()).await;
    let unfinished = [&b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "[..], &[b'a'; 390_000]].concat();
    let heads = (0..50).map(async |_| {
        let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
        stream.write_all(&unfinished).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    });
    let (answers, tools) = within(async { tokio::join!(join_all(heads), caller.get("/v1/tools")) }).await;
    assert_eq!(tools.status, 200);
    for answer in answers {
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer:?}");
    }
}

#[tokio::test]
async fn requests_without_a_key_have_a_rate() {
    let mut limits = Limits::default();
    limits.address.requests_per_second = NonZeroU32::MIN;
    let (gateway, _, caller) = gateway_with(Gateway::builder().limits(limits)).await;
    let nobody = Caller::at(&gateway.url());
    let mut stranger = RpcCaller::known(Dial::to(&gateway, "/ws"), json!({"user_id": "u"})).await;
    let mut other = RpcCaller::stranger_at(&gateway).await;
    // Each of these asks until it is refused, as a slow machine lets more through.
    let refused = within(async {
        loop {
            let id = stranger.send("tools.list", json!({})).await;
            let mut response = stranger.response(&id).await;
            if response["ok"] == false {
                break response["error"].take();
            }
        }
    });
    let refused = refused.await;
    assert_eq!((&refused["code"], &refused["details"]["code"]), (&json!("RESOURCE_EXHAUSTED"), &json!("rate_limited")));
    within(async { while other.code("status", json!({})).await != "RESOURCE_EXHAUSTED" {} }).await;
    for path in ["/ready", "/openapi.json"] {
        within(async { while nobody.get(path).await.status != 429 {} }).await;
    }
    assert_eq!(nobody.get("/health").await.status, 200, "whoever watches the gateway is always told");
    assert_eq!(caller.get("/v1/tools").await.status, 200, "keys have a rate of their own");
    other.ok("connect", json!({"user_id": "u"})).await;
}

#[tokio::test]
async fn responses_that_a_caller_does_not_read_are_bounded_in_bytes() {
    let mut settings = RpcSettings::default();
    settings.waiting_bytes = 2 * 1024 * 1024;
    let (gateway, secret, _) = gateway_with(Gateway::builder().rpc(settings)).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    let described = |number| {
        let mut tool = tool(&format!("tool-{number}"));
        tool["description"] = "x".repeat(2000).into();
        tool
    };
    let tools: Vec<Value> = (0..500).map(described).collect();
    worker.send(json!({"type": "tool_register", "tools": tools})).await;
    worker.expect("tools_registered").await;
    let key = gateway.add_key(Role::Viewer).await.unwrap();
    let connect = json!({"token": key.expose_secret(), "user_id": "u"});
    let mut viewer = RpcCaller::known(Dial::to(&gateway, "/ws").narrow(), connect).await;
    // Each answer has over a megabyte, and a system takes a few of them before they wait.
    for _ in 0..60 {
        viewer.send("tools.list", json!({})).await;
    }
    assert_eq!(viewer.closed().await, (1013, "too many responses wait".to_owned()));
    let mut other = RpcCaller::with(&gateway, key.expose_secret(), "u").await;
    other.ok("tools.list", json!({})).await;
}
