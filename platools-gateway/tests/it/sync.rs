//! Tests of the tool-sync protocol.

use std::time::Duration;

use platools_gateway::{Gateway, dev};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::support::{Caller, Dial, Worker, dev_gateway, ended, gateway_with, tool, within};

/// The refusal of a worker: error frame, close code, reason.
async fn refusal(dial: Dial) -> (String, u16, String) {
    let mut worker = dial.open().await;
    let error = worker.expect("error").await["error"].as_str().unwrap().to_owned();
    let (code, reason) = worker.closed().await;
    (error, code, reason)
}

#[tokio::test]
async fn all_three_paths_serve_workers() {
    let gateway = dev_gateway().await;
    for path in ["/ws/sdk", "/tools/sync", "/tools/sync/ws/sdk"] {
        let mut worker = Dial::to(&gateway, path).secret(dev::SECRET).open().await;
        let welcome = worker.expect("welcome").await;
        for field in ["sdk_connection_id", "organization_id", "project_id", "environment_id", "entity_id"] {
            assert!(welcome[field].as_str().is_some_and(|id| !id.is_empty()), "{path}: {welcome}");
        }
    }
}

#[tokio::test]
async fn a_worker_without_a_bearer_token_is_refused_after_the_upgrade() {
    let gateway = dev_gateway().await;
    let (error, code, reason) = refusal(Dial::to(&gateway, "/ws/sdk")).await;
    assert!(error.contains("missing bearer token"), "{error}");
    assert_eq!((code, reason), (1008, error));
}

#[tokio::test]
async fn a_wrong_secret_and_a_wrong_entity_are_refused_alike() {
    let gateway = dev_gateway().await;
    let wrong_secret = refusal(Dial::to(&gateway, "/ws/sdk?entity=dev").secret("wrong")).await;
    let wrong_entity = refusal(Dial::to(&gateway, "/ws/sdk?entity=other").secret(dev::SECRET)).await;
    let both = refusal(Dial::to(&gateway, "/ws/sdk?entity=other").secret("wrong")).await;
    let unnamed = refusal(Dial::to(&gateway, "/ws/sdk").secret("wrong")).await;
    assert_eq!(wrong_secret.1, 1008);
    assert_eq!(wrong_secret, wrong_entity);
    assert_eq!(wrong_secret, both);
    assert_eq!(wrong_secret, unnamed);
}

#[tokio::test]
async fn an_entitys_secret_does_not_open_another_entity() {
    let gateway = dev_gateway().await;
    let secret = gateway.add_entity("orders").await.unwrap();
    let dial = Dial::to(&gateway, "/ws/sdk?entity=orders");
    assert_eq!(refusal(dial.clone().secret(dev::SECRET)).await.1, 1008);
    dial.secret(secret.expose_secret()).welcomed().await;
}

#[tokio::test]
async fn an_unknown_environment_is_refused_in_its_own_words() {
    let gateway = dev_gateway().await;
    let (error, code, _) = refusal(Dial::to(&gateway, "/ws/sdk?env=moon").secret(dev::SECRET)).await;
    assert_eq!((error.as_str(), code), ("unknown environment", 1008));
}

#[tokio::test]
async fn of_a_name_that_is_there_twice_the_first_counts() {
    let gateway = dev_gateway().await;
    let path = "/ws/sdk?env=dev&entity=dev&env=moon&entity=other";
    Dial::to(&gateway, path).secret(dev::SECRET).welcomed().await;
    let path = "/ws/sdk?env=moon&env=dev";
    assert_eq!(refusal(Dial::to(&gateway, path).secret(dev::SECRET)).await.0, "unknown environment");
}

#[tokio::test]
async fn the_entity_may_be_named_in_four_ways() {
    let gateway = dev_gateway().await;
    for path in ["/ws/sdk?entity=dev", "/ws/sdk?source=dev"] {
        Dial::to(&gateway, path).secret(dev::SECRET).welcomed().await;
    }
    for header in ["x-platos-entity-id", "x-platos-source"] {
        Dial::dev(&gateway).header(header, "dev").welcomed().await;
        assert_eq!(refusal(Dial::dev(&gateway).header(header, "other")).await.1, 1008, "{header}");
    }
}

#[tokio::test]
async fn environments_are_named_by_id_slug_or_alias_and_development_is_the_default() {
    let gateway = dev_gateway().await;
    let environment = |path: &'static str| {
        let dial = Dial::to(&gateway, path).secret(dev::SECRET);
        async move { dial.open().await.expect("welcome").await["environment_id"].as_str().unwrap().to_owned() }
    };
    let development = environment("/ws/sdk").await;
    let staging = environment("/ws/sdk?env=staging").await;
    assert_ne!(development, staging);
    assert_eq!(environment("/ws/sdk?env=DEV").await, development);
    assert_eq!(environment("/ws/sdk?env=Stg").await, staging);
    let by_header = Dial::dev(&gateway).header("x-platos-environment-id", &staging);
    assert_eq!(by_header.open().await.expect("welcome").await["environment_id"], staging);
    let wrong_case = Dial::dev(&gateway).header("x-platos-environment-id", &staging.to_uppercase());
    assert_eq!(refusal(wrong_case).await.1, 1008);
}

/// A text frame from a client, as bytes; a mask of zeros leaves the text as it is.
fn masked(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    let mut frame = vec![0x81, 0x80 | 126];
    frame.extend(length.to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

#[tokio::test]
async fn frames_sent_before_auth_finishes_are_replayed_in_order() {
    let gateway = dev_gateway().await;
    let mut bytes = format!(
        "GET /ws/sdk HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {}\r\n\r\n",
        dev::SECRET
    )
    .into_bytes();
    for names in [&["a"][..], &["a", "b", "c"], &["c"]] {
        let tools: Vec<_> = names.iter().map(|name| tool(name)).collect();
        bytes.extend(masked(&json!({"type": "tool_register", "tools": tools}).to_string()));
    }
    // Everything leaves in one piece, before the gateway could have answered the upgrade.
    let mut stream = within(TcpStream::connect(gateway.address())).await.unwrap();
    within(stream.write_all(&bytes)).await.unwrap();
    skip_response(&mut stream).await;

    let socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
    let mut worker = Worker::from(socket);
    worker.expect("welcome").await;
    for (count, added, pruned) in [(1, 1, 0), (3, 2, 0), (1, 0, 2)] {
        let changes = worker.expect("tools_registered").await;
        assert_eq!(
            (&changes["count"], &changes["new_tools"], &changes["pruned"]),
            (&json!(count), &json!(added), &json!(pruned))
        );
    }
}

/// Reads the answer to the upgrade, and nothing after it.
async fn skip_response(stream: &mut TcpStream) {
    use tokio::io::AsyncReadExt as _;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(stream.read_u8()).await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
}

#[tokio::test]
async fn a_newer_connection_supersedes_the_older_with_1000() {
    let gateway = dev_gateway().await;
    let mut older = Dial::dev(&gateway).welcomed().await;
    let mut newer = Dial::dev(&gateway).welcomed().await;
    assert_eq!(older.closed().await, (1000, "superseded by new connection".to_owned()));
    // The end of the older does not take the newer along, and the newer is the one that is called.
    newer.register(&["echo"]).await;
    let call = Caller::admin(&gateway).calling("echo", json!({}));
    let frame = newer.expect("tool_call").await;
    newer.answer(&frame, json!("newer")).await;
    assert_eq!(ended(call).await.body["result"], "newer");
    newer.leave().await;
    assert_eq!(gateway.connection_count(), 0);
}

#[tokio::test]
async fn another_environment_or_entity_supersedes_nobody() {
    let gateway = dev_gateway().await;
    let secret = gateway.add_entity("orders").await.unwrap();
    let mut development = Dial::dev(&gateway).welcomed().await;
    let mut staging = Dial::to(&gateway, "/ws/sdk?env=staging").secret(dev::SECRET).welcomed().await;
    let mut orders = Dial::to(&gateway, "/ws/sdk").secret(secret.expose_secret()).welcomed().await;
    for worker in [&mut development, &mut staging, &mut orders] {
        worker.settle().await;
    }
    assert_eq!(gateway.connection_count(), 3);
}

/// Registers six times, each time other tools than before; the last time `a` alone.
async fn register_six_times(worker: &mut Worker) {
    for other in ["b", "c", "d", "e", "f"] {
        worker.register(&["a", other]).await;
    }
    worker.register(&["a"]).await;
}

#[tokio::test]
async fn a_seventh_registration_of_other_tools_in_a_minute_is_throttled() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    register_six_times(&mut worker).await;
    worker.declare(&["a", "b"]).await;
    let throttled = worker.expect("register_throttled").await;
    let retry_after_ms = throttled["retry_after_ms"].as_u64().unwrap();
    assert!((1..=60_001).contains(&retry_after_ms), "{throttled}");
    assert!(throttled["error"].is_string());
    // The socket stays, the tools are as they were, and a new socket does not reset the count.
    worker.settle().await;
    assert_eq!(Caller::admin(&gateway).tools().await, [("a".to_owned(), true)]);
    let mut next = Dial::dev(&gateway).welcomed().await;
    next.declare(&["a", "b"]).await;
    next.expect("register_throttled").await;
    // The tools that it declared as they were are called all the same.
    let call = Caller::admin(&gateway).calling("a", json!({}));
    let frame = next.expect("tool_call").await;
    next.answer(&frame, json!("served")).await;
    assert_eq!(ended(call).await.body["result"], "served");
    // Another environment counts for itself.
    Dial::to(&gateway, "/ws/sdk?env=prod").secret(dev::SECRET).welcomed().await.register(&["a"]).await;
}

#[tokio::test]
async fn a_registration_that_changes_nothing_is_not_counted() {
    let gateway = dev_gateway().await;
    for _ in 0..3 {
        let mut worker = Dial::dev(&gateway).welcomed().await;
        for _ in 0..20 {
            assert_eq!(worker.register(&["a"]).await["updated"], 0);
        }
    }
}

/// Lets so much time pass for the gateway, which runs in the same runtime.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn the_latest_throttled_registration_is_stored_when_the_minute_is_over() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    register_six_times(&mut worker).await;
    for refused in [["a", "x"], ["a", "y"]] {
        worker.declare(&refused).await;
        worker.expect("register_throttled").await;
    }
    pass(Duration::from_secs(61)).await;
    let stored = worker.expect("tools_registered").await;
    assert_eq!((&stored["new_tools"], &stored["count"]), (&json!(1), &json!(2)));
    let tools = [("a".to_owned(), true), ("y".to_owned(), true)];
    assert_eq!(Caller::admin(&gateway).tools().await, tools);
    // Nothing else is kept: the next answer is that of the heartbeat.
    worker.settle().await;
}

#[tokio::test]
async fn a_registration_that_is_stored_replaces_one_that_was_throttled() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    register_six_times(&mut worker).await;
    worker.declare(&["a", "x"]).await;
    worker.expect("register_throttled").await;
    worker.register(&["a"]).await;
    pass(Duration::from_secs(61)).await;
    worker.settle().await;
    assert_eq!(Caller::admin(&gateway).tools().await, [("a".to_owned(), true)]);
}

#[tokio::test]
async fn a_registration_is_the_complete_set_of_tools() {
    let gateway = dev_gateway().await;
    let (caller, mut worker) = (Caller::admin(&gateway), Dial::dev(&gateway).welcomed().await);
    let counts =
        |changes: &Value| ["count", "new_tools", "updated", "pruned"].map(|name| changes[name].as_u64().unwrap());

    assert_eq!(counts(&worker.register(&["b", "a"]).await), [2, 2, 0, 0]);
    assert_eq!(caller.tools().await, [("b".to_owned(), true), ("a".to_owned(), true)]);
    let mut changed = tool("a");
    changed["description"] = json!("changed");
    worker.send(json!({"type": "tool_register", "tools": [changed, tool("c")]})).await;
    assert_eq!(counts(&worker.expect("tools_registered").await), [2, 1, 1, 1]);
    assert_eq!(caller.tools().await, [("a".to_owned(), true), ("c".to_owned(), true)]);
    assert_eq!(counts(&worker.register(&[]).await), [0, 0, 0, 2]);
    assert_eq!(caller.tools().await, []);
}

#[tokio::test]
async fn tools_that_cannot_be_taken_do_not_cost_the_others() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    let changes = worker.register(&["good", "line\nbreak", "", &"x".repeat(129), "good"]).await;
    assert_eq!(changes["count"], 1);
    assert_eq!(Caller::admin(&gateway).tools().await, [("good".to_owned(), true)]);
}

#[tokio::test]
async fn too_many_tools_end_the_session_and_change_nothing() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["a"]).await;
    let tools: Vec<_> = (0..1001).map(|number| tool(&format!("t{number}"))).collect();
    worker.send(json!({"type": "tool_register", "tools": tools})).await;
    let error = worker.expect("error").await;
    assert!(error["error"].as_str().unwrap().contains("1001 were declared, 1000 are allowed"), "{error}");
    assert_eq!(worker.closed().await.0, 1008);
    assert_eq!(Caller::admin(&gateway).tools().await, [("a".to_owned(), false)]);
}

#[tokio::test]
async fn each_tool_that_is_not_well_is_alerted_before_the_heartbeats_ack() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    let health = |status: &str| json!({"status": status, "avg_latency_ms": 5, "error_count_1h": 3, "last_error": "e"});
    let tools = json!({"a": health("degraded"), "b": health("healthy"), "c": health("down")});
    worker.send(json!({"type": "heartbeat", "tools_health": tools})).await;
    for (name, status) in [("a", "degraded"), ("c", "down")] {
        let alert = worker.expect("tool_health_alert").await;
        assert_eq!((&alert["tool"], &alert["status"]), (&json!(name), &json!(status)));
        assert_eq!(alert["details"], json!({"avg_latency_ms": 5, "error_count_1h": 3, "last_error": "e"}));
    }
    worker.expect("heartbeat_ack").await;
}

#[tokio::test]
async fn a_heartbeat_whose_figures_cannot_be_read_is_acknowledged() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    for health in [json!([]), json!({"a": {"status": "sleepy"}}), json!(7)] {
        worker.send(json!({"type": "heartbeat", "tools_health": health})).await;
        worker.expect("heartbeat_ack").await;
    }
}

#[tokio::test]
async fn rotating_a_secret_closes_with_4001_and_only_the_new_one_connects() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    let mut staging = Dial::to(&gateway, "/ws/sdk?env=staging").secret(dev::SECRET).welcomed().await;
    let secret = gateway.rotate_secret("dev").await.unwrap();
    assert_eq!(worker.closed().await.0, 4001);
    assert_eq!(staging.closed().await.0, 4001);
    assert_eq!(refusal(Dial::dev(&gateway)).await.1, 1008);
    Dial::dev(&gateway).secret(secret.expose_secret()).welcomed().await;
}

#[tokio::test]
async fn a_silent_worker_is_closed() {
    let setup = Gateway::builder().worker_silence(Duration::from_millis(50));
    let (gateway, secret, _caller) = gateway_with(setup).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    assert_eq!(worker.closed().await, (1008, "no heartbeat".to_owned()));
    assert_eq!(gateway.connection_count(), 0);
}

#[tokio::test]
async fn a_worker_that_sends_a_frame_slowly_is_not_silent() {
    let silence = Duration::from_secs(1);
    let (gateway, secret, _caller) = gateway_with(Gateway::builder().worker_silence(silence)).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    let frame = masked(&format!(r#"{{"type":"heartbeat","padding":"{}"}}"#, "x".repeat(1000)));
    let mut pace = tokio::time::interval(silence / 5);
    for piece in frame.chunks(frame.len().div_ceil(8)) {
        pace.tick().await;
        within(worker.connection().write_all(piece)).await.unwrap();
    }
    worker.expect("heartbeat_ack").await;
}

#[tokio::test]
async fn shutdown_closes_workers_with_1001() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    let stopping = tokio::spawn(gateway.shutdown());
    assert_eq!(worker.closed().await.0, 1001);
    within(stopping).await.unwrap();
}

#[tokio::test]
async fn tools_stay_listed_while_their_worker_is_away_and_after_a_restart() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["b", "a"]).await;
    worker.leave().await;
    let offline = [("b".to_owned(), false), ("a".to_owned(), false)];
    assert_eq!(Caller::admin(&gateway).tools().await, offline);

    let address = gateway.address();
    let gateway = within(within(gateway.stop()).await.start()).await.unwrap();
    assert_eq!(gateway.address(), address);
    assert_eq!(Caller::admin(&gateway).tools().await, offline);
    let mut worker = Dial::dev(&gateway).welcomed().await;
    assert_eq!(worker.register(&["b", "a"]).await["new_tools"], 0);
    assert_eq!(Caller::admin(&gateway).tools().await[0], ("b".to_owned(), true));
}
