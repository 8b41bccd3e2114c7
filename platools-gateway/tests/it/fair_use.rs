//! Tests of limits that callers share: memory for bodies, rates of requests and chats, connections behind proxies, and sessions.

use std::num::NonZeroU64;

use platools_gateway::admin::NewKey;
use platools_gateway::domain::agent_profile::Profile;
use platools_gateway::domain::identity::Policy;
use platools_gateway::limits::Limits;
use platools_gateway::{Gateway, McpSettings, Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Error;

use crate::mcp_raw_client::{Client, initialize};
use crate::rpc_caller::RpcCaller;
use crate::support::{Answer, Caller, Dial, Worker, gateway_with, limits, number, within};

const CALL: &str = "/v1/tools/slow/call";

async fn gateway(change: impl FnOnce(&mut Limits)) -> (Gateway, String, Caller) {
    gateway_with(Gateway::builder().limits(limits(change))).await
}

async fn key(gateway: &Gateway, role: Role) -> String {
    gateway.add_key(role).await.unwrap().expose_secret().to_owned()
}

async fn worker(gateway: &Gateway, secret: &str) -> Worker {
    let mut worker = Dial::to(gateway, "/ws/sdk").secret(secret).welcomed().await;
    worker.register(&["slow"]).await;
    worker
}

/// Sends a request whose body of `length` bytes is there up to `sent` bytes.
async fn begin(gateway: &Gateway, method: &str, path: &str, key: &str, (length, sent): (usize, usize)) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    // So that responses that are not read wait in the gateway.
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let mut stream = within(socket.connect(gateway.address())).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\
         Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b' '; sent]).await.unwrap();
    stream
}

/// The response, up to the end of the connection.
async fn answer(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = within(stream.read_to_end(&mut answer)).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn bodies_are_bounded_in_sum_and_one_key_holds_half_at_most() {
    let (gateway, secret, caller) = gateway(|limits| {
        limits.key.body_bytes = number(100_000);
        limits.total.body_bytes = NonZeroU64::new(200_000).unwrap();
    })
    .await;
    let _worker = worker(&gateway, &secret).await;
    let [first, second, third] =
        [key(&gateway, Role::Operator).await, key(&gateway, Role::Operator).await, key(&gateway, Role::Operator).await];
    let hold = async |key: &str, sent| begin(&gateway, "POST", CALL, key, (100_000, sent)).await;
    let is_busy = |answer: &str| {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("retry-after: 1"), "{answer}");
        assert!(body.contains(r#""code":"busy""#) && body.contains(r#""retryable":true"#), "{answer}");
    };
    let _unfinished = hold(&first, 90_000).await;
    // The gateway has that much when this one does not fit.
    is_busy(&within(until_refused(async || hold(&first, 90_000).await)).await);
    let _unfinished_too = hold(&second, 90_000).await;
    is_busy(&within(until_refused(async || hold(&third, 90_000).await)).await);

    // Short ones are answered all the same, over REST and by the other protocols.
    caller.call("nothing", json!({})).await.is_problem(404, "unknown_tool", false);
    for path in ["/mcp", "/v1/chat/completions"] {
        is_503(&answer(begin(&gateway, "POST", path, &third, (100_000, 90_000)).await).await);
    }
    assert_eq!(caller.get("/v1/tools").await.status, 200);

    drop((_unfinished, _unfinished_too));
    let long = json!({"arguments": {"text": "x".repeat(90_000)}});
    within(async { while caller.call("nothing", long.clone()).await.status == 503 {} }).await;
    caller.call("nothing", long).await.is_problem(404, "unknown_tool", false);
}

fn is_503(answer: &str) {
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 1"), "{answer}");
}

/// Begins requests until one is refused, as the gateway may not have read the ones before it yet; those it reads on stay open.
async fn until_refused(begin: impl AsyncFn() -> TcpStream) -> String {
    let mut open = Vec::new();
    loop {
        let mut stream = begin().await;
        let mut first = [0];
        tokio::select! {
            _ = stream.read_exact(&mut first) => return format!("H{}", answer(stream).await),
            () = tokio::time::sleep(std::time::Duration::from_secs(1)) => open.push(stream),
        }
    }
}

#[tokio::test]
async fn arguments_count_until_their_call_is_over() {
    let (gateway, secret, caller) = gateway(|limits| {
        limits.key.body_bytes = number(100_000);
        limits.total.body_bytes = NonZeroU64::new(200_000).unwrap();
    })
    .await;
    let mut worker = worker(&gateway, &secret).await;
    let mut rpc = RpcCaller::with(&gateway, &key(&gateway, Role::Operator).await, "u").await;
    let long = json!({"text": "x".repeat(60_000)});
    let call = caller.calling("slow", json!({"arguments": long}));
    let frame = worker.expect("tool_call").await;
    caller.call("slow", json!({"arguments": long})).await.is_problem(503, "busy", true);
    let id = rpc.send("tools.call", json!({"name": "slow", "arguments": long})).await;
    let other_frame = worker.expect("tool_call").await;
    let refused = rpc.send("tools.call", json!({"name": "slow", "arguments": long})).await;
    let refused = rpc.failed(&refused).await;
    assert_eq!((&refused["code"], &refused["details"]["code"]), (&json!("RESOURCE_EXHAUSTED"), &json!("busy")));
    worker.answer(&other_frame, json!(1)).await;
    assert_eq!(rpc.response(&id).await["ok"], true);
    worker.answer(&frame, json!(1)).await;
    assert_eq!(within(call).await.unwrap().status, 200);
    let call = caller.calling("slow", json!({"arguments": long}));
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, json!(2)).await;
    assert_eq!(within(call).await.unwrap().status, 200);
}

#[tokio::test]
async fn no_body_is_read_of_a_caller_that_is_refused_without_it() {
    let (gateway, secret, _) = gateway(|limits| {
        limits.key.calls_per_second = number(1);
        limits.key.chats_per_second = number(1);
        limits.key.requests_per_second = number(4);
    })
    .await;
    let _worker = worker(&gateway, &secret).await;
    let viewer = key(&gateway, Role::Viewer).await;
    // The body does not come: whoever waits for it waits too long.
    let refused = async |method: &str, path: &str, key: &str| {
        let stream = begin(&gateway, method, path, key, (8_000_000, 0)).await;
        answer(stream).await.lines().next().unwrap_or_default().to_owned()
    };
    for (method, path) in
        [("PATCH", "/v1/tools/slow"), ("POST", CALL), ("POST", "/v1/chat/completions"), ("POST", "/v1/entities")]
    {
        assert_eq!(refused(method, path, &viewer).await, "HTTP/1.1 403 Forbidden", "{method} {path}");
    }
    let operator = key(&gateway, Role::Operator).await;
    let caller = Caller::at(&gateway.url()).key(&operator);
    let too_many = async |spend: &str, path: &str| {
        // The rate may let another one through on a slow machine, which then waits for its body for a while.
        let tries = async {
            loop {
                until(429, async || caller.post(spend, json!([])).await).await;
                if refused("POST", path, &operator).await == "HTTP/1.1 429 Too Many Requests" {
                    break;
                }
            }
        };
        within(tries).await;
    };
    for path in [CALL, "/v1/chat/completions"] {
        too_many(path, path).await;
    }
    for path in ["/mcp", "/v1/chat/completions"] {
        too_many("/mcp", path).await;
    }
}

/// Asks until the answer has that status.
async fn until(status: u16, ask: impl AsyncFn() -> Answer) -> Answer {
    let asks = async {
        loop {
            let answer = ask().await;
            if answer.status == status {
                break answer;
            }
        }
    };
    within(asks).await
}

#[tokio::test]
async fn looking_has_a_rate_as_calling_has() {
    let (gateway, _, _) = gateway(|limits| {
        limits.key.calls_per_second = number(1);
        limits.key.requests_per_second = number(1);
    })
    .await;
    let caller = async || Caller::at(&gateway.url()).key(&key(&gateway, Role::Admin).await);
    for path in ["/v1/tools", "/v1/calls", "/v1/workers", "/v1/keys"] {
        let caller = caller().await;
        for _ in 0..2 {
            assert_eq!(caller.get(path).await.status, 200, "{path}");
        }
        let refused = until(429, async || caller.get(path).await).await;
        refused.is_problem(429, "rate_limited", true);
        assert_eq!(refused.retry_after, "1");
        caller.call("nothing", json!({})).await.is_problem(404, "unknown_tool", false);
    }
    let models = caller().await;
    until(429, async || models.get("/v1/models").await).await;
    // A call that is refused before it is one is a request.
    let wrong = caller().await;
    wrong.post("/v1/tools/nothing/call?stream=2", json!({})).await.is_problem(400, "invalid_request", false);
    until(429, async || wrong.post("/v1/tools/nothing/call?stream=2", json!({})).await).await;

    let operator = key(&gateway, Role::Operator).await;
    let client = Client::at(&gateway.url(), "/mcp").key(&operator);
    assert_eq!(client.post(&initialize()).await.status(), 200);
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    within(async { while client.post(&list).await.status() != 429 {} }).await;

    let mut rpc = RpcCaller::with(&gateway, &key(&gateway, Role::Operator).await, "u").await;
    let refused = until_error(&mut rpc, "sessions.list", json!({})).await;
    assert_eq!((&refused["code"], &refused["retryable"]), (&json!("RESOURCE_EXHAUSTED"), &json!(true)));
    assert!(refused["retryAfterMs"].as_u64().unwrap() <= 1001, "{refused}");
    assert_eq!(rpc.code("tools.call", json!({"name": "nothing", "arguments": {}})).await, "NOT_FOUND");
}

/// Asks for something until it fails.
async fn until_error(rpc: &mut RpcCaller, method: &str, params: Value) -> Value {
    let asks = async {
        loop {
            let id = rpc.send(method, params.clone()).await;
            let mut response = rpc.response(&id).await;
            if response["ok"] == false {
                break response["error"].take();
            }
        }
    };
    within(asks).await
}

#[tokio::test]
async fn chats_and_completions_have_a_rate() {
    let (gateway, _, _) = gateway(|limits| limits.key.chats_per_second = number(1)).await;
    gateway.core().local_admin().add_agent("desk", Profile::default()).await.unwrap();
    let operator = key(&gateway, Role::Operator).await;
    let caller = Caller::at(&gateway.url()).key(&operator);
    let completion = json!({"model": "desk", "messages": [{"role": "user", "content": "/help"}]});
    assert_eq!(caller.post("/v1/chat/completions", completion.clone()).await.status, 200);
    let refused = until(429, async || caller.post("/v1/chat/completions", completion.clone()).await).await;
    assert_eq!(refused.retry_after, "1", "{refused:?}");
    let mut rpc = RpcCaller::with(&gateway, &operator, "u").await;
    let refused = until_error(&mut rpc, "chat.send", json!({"agentId": "desk", "message": "/help"})).await;
    assert_eq!((&refused["code"], &refused["details"]["code"]), (&json!("RESOURCE_EXHAUSTED"), &json!("rate_limited")));
    assert_eq!(caller.get("/v1/tools").await.status, 200, "it is about chats only");
}

#[tokio::test]
async fn a_key_and_the_gateway_have_so_many_chats_under_way() {
    let (gateway, secret, _) = gateway(|limits| {
        limits.key.chats_in_flight = number(1);
        limits.total.chats_in_flight = number(2);
    })
    .await;
    gateway.core().local_admin().add_agent("desk", Profile::default()).await.unwrap();
    let mut worker = worker(&gateway, &secret).await;
    let mut callers = Vec::new();
    for _ in 0..3 {
        callers.push(RpcCaller::with(&gateway, &key(&gateway, Role::Operator).await, "u").await);
    }
    let slow = json!({"agentId": "desk", "message": "/slow"});
    let mut under_way = Vec::new();
    for caller in &mut callers[..2] {
        under_way.push((caller.send("chat.send", slow.clone()).await, worker.expect("tool_call").await));
    }
    for (caller, part) in [(0, "of this key or token"), (2, "in this gateway")] {
        let refused = callers[caller].error("chat.send", slow.clone()).await;
        assert_eq!(refused["code"], "RESOURCE_EXHAUSTED");
        assert!(refused["message"].as_str().unwrap().contains(part), "{refused}");
    }
    let (id, frame) = under_way.remove(0);
    worker.answer(&frame, json!("done")).await;
    assert_eq!(callers[0].response(&id).await["ok"], true);
    callers[2].send("chat.send", slow).await;
    worker.expect("tool_call").await;
}

#[tokio::test]
async fn addresses_behind_a_trusted_proxy_have_so_many_connections() {
    let (gateway, secret, _) = gateway(|limits| {
        limits.address.connections = number(2);
        limits.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    })
    .await;
    let dial = |from: &str| Dial::to(&gateway, "/ws").header("x-forwarded-for", from);
    let first = RpcCaller::stranger(dial("6.6.6.6")).await;
    let worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).header("x-forwarded-for", "1.1.1.1, 6.6.6.6");
    let _worker = worker.welcomed().await;
    for from in ["6.6.6.6", "7.7.7.7, 6.6.6.6"] {
        match dial(from).try_open().await {
            Err(Error::Http(answer)) => assert_eq!(answer.status(), 429),
            other => panic!("{:?}", other.map(drop)),
        }
    }
    let from = async |from: &'static str| {
        Caller::at(&gateway.url()).send_with(CALL, &[("x-forwarded-for", from)], json!({})).await
    };
    from("6.6.6.6").await.is_problem(429, "rate_limited", true);
    from("7.7.7.7").await.is_problem(401, "unauthenticated", false);
    RpcCaller::stranger(dial("7.7.7.7")).await;
    drop(first);
    within(async { while from("6.6.6.6").await.status == 429 {} }).await;
    RpcCaller::stranger(dial("6.6.6.6")).await;
}

#[tokio::test]
async fn bytes_that_a_client_writes_in_front_do_not_make_it_the_proxy() {
    let (gateway, _, _) = gateway(|limits| {
        limits.address.failures_per_minute = number(1);
        limits.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    })
    .await;
    let guess = async |from: &[u8]| {
        let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
        let head = b"GET /v1/tools HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer plt_key_wrong\r\n";
        stream.write_all(&[head, &b"X-Forwarded-For: "[..], from, b"\r\n\r\n"].concat()).await.unwrap();
        answer(stream).await.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(guess(b"1.2.3.4").await, "401");
    assert_eq!(guess(b"\xff, 1.2.3.4").await, "429");
    assert_eq!(guess(b"\xff\xfe").await, "401", "the proxy itself, which has tried nothing yet");
}

#[tokio::test]
async fn a_session_makes_room_only_among_those_of_its_own_caller() {
    let mut settings = McpSettings::default();
    (settings.max_sessions, settings.max_sessions_per_caller) = (2, 2);
    let (gateway, _, _) = gateway_with(Gateway::builder().mcp(settings)).await;
    let (projects, name) = (gateway.core().local_projects(), "acme/shop".parse().unwrap());
    projects.add(&name).await.unwrap();
    let theirs = projects.admin(&name).unwrap();
    theirs.add_entity("shop", Policy::Supersede).await.unwrap();
    let theirs = theirs.add_key(NewKey::new(Role::Operator)).await.unwrap().secret;
    let client = |key: &str| Client::at(&gateway.url(), "/mcp").key(key);
    let ours = [key(&gateway, Role::Operator).await, key(&gateway, Role::Operator).await];
    let (first, second) = (client(&ours[0]).opened().await, client(&ours[0]).opened().await);
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});

    // Idle, all of them, and still nobody else's to end.
    assert_eq!(client(&ours[1]).post(&initialize()).await.status(), 429);
    let others = client(theirs.expose_secret()).opened().await;
    for open in [&first, &second, &others] {
        assert_eq!(open.post(&list).await.status(), 200);
    }
    let third = client(&ours[0]).opened().await;
    assert_eq!(first.post(&list).await.status(), 404, "its own idlest session makes room");
    assert_eq!(third.post(&list).await.status(), 200);
}

#[tokio::test]
async fn lists_that_nobody_reads_are_bounded_in_sum() {
    let (gateway, secret, caller) = gateway(|limits| {
        limits.total.waiting_bytes = NonZeroU64::new(16 * 1024 * 1024).unwrap();
        limits.entity.catalog_bytes = number(16 * 1024 * 1024);
    })
    .await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    let long = json!({"x": "x".repeat(10_000)});
    let tools: Vec<_> = (0..900)
        .map(|number| json!({"name": format!("t-{number}"), "description": "", "input_schema": long}))
        .collect();
    worker.send(json!({"type": "tool_register", "tools": tools})).await;
    worker.expect("tools_registered").await;
    let key = key(&gateway, Role::Viewer).await;
    // Each has 9 MB, of which the systems of both sides take some.
    let list = async || begin(&gateway, "GET", "/v1/tools", &key, (0, 0)).await;
    let mut open = Vec::new();
    let refused = within(async {
        loop {
            let stream = list().await;
            let mut line = [0; 12];
            let mut peeked = 0;
            while peeked < line.len() {
                peeked = stream.peek(&mut line).await.unwrap();
            }
            if line == *b"HTTP/1.1 503" {
                break answer(stream).await;
            }
            open.push(stream);
        }
    })
    .await;
    assert!(refused.contains("retry-after: 1") && refused.contains(r#""code":"busy""#), "{refused}");
    assert!(open.len() < 10, "{}", open.len());
    // Who looks at little is answered, and so is who called something.
    assert_eq!(caller.get("/v1/workers").await.status, 200);
    drop(open);
    until(200, async || caller.get("/v1/tools").await).await;
}
