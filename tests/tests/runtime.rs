//! Tests of agents with sessions, with a gateway that answers exactly as each test wants.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use platools::Secret;
use platools::connection::{ConnectionState, Jitter, OnRefusal, Reconnect};
use platools_client::{RuntimeClient, RuntimeClientBuilder, RuntimeError, RuntimeErrorKind, RuntimeEvent};
use platools_protocol::runtime::{ChannelMessage, Connected, ConnectionChange, event};
use platools_tests::{
    AgentSocket, KEY, Log, Platform, Reply, RuntimeGateway, Unreachable, runtime_client, with_causes, within,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};

const CONNECT: &str = "POST /v1/runtime/connect";
const TICKET: &str = "POST /v1/ws/ticket";
const HEARTBEAT: &str = "POST /v1/runtime/heartbeat";
const DISCONNECT: &str = "POST /v1/runtime/disconnect";

async fn connected(gateway: &mut RuntimeGateway) -> (RuntimeClient, Connected, AgentSocket) {
    let client = runtime_client(&gateway.url()).build().expect("a valid client");
    let session = within(client.connect()).await.expect("it connects");
    (client, session, gateway.socket().await)
}

async fn reaches(client: &RuntimeClient, wanted: impl FnMut(&ConnectionState) -> bool) {
    let mut states = client.watch_state();
    within(states.wait_for(wanted)).await.expect("the client lives");
}

/// A policy that does not wait.
fn at_once() -> Reconnect {
    let delay = Duration::from_millis(1);
    Reconnect::of_sessions().base(delay).max(delay).jitter(Jitter::None)
}

/// Waits until the client's loop is at work, whatever else it sends before.
async fn is_served(client: &RuntimeClient, socket: &mut AgentSocket) {
    reaches(client, ConnectionState::is_connected).await;
    client.send(json!({"type": "served?"})).await.expect("there is a socket");
    while socket.next().await["type"] != "served?" {}
}

/// Ends the session, with a gateway that answers the close.
async fn disconnect(client: &RuntimeClient, socket: AgentSocket) -> (u16, String) {
    let ((), closed) = within(async { tokio::join!(client.disconnect(), socket.closed()) }).await;
    closed
}

/// The clock jumps ahead, for whoever waits for the time.
async fn skip(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// The data of the next event of the connection's own.
async fn connection_event(events: &mut BoxStream<'static, RuntimeEvent>) -> Value {
    loop {
        let event = within(events.next()).await.expect("the client lives");
        if event.kind() == "connection.state" {
            return event.decode().expect("JSON");
        }
    }
}

async fn subscribed(socket: &mut AgentSocket, channel_id: &str) {
    assert_eq!(socket.next().await, json!({"type": "channel.subscribe", "channelId": channel_id}));
}

async fn tell(socket: &mut AgentSocket, kind: &str, data: Value) {
    socket.send(json!({"type": kind, "timestamp": "2026-03-01T10:30:15Z", "data": data})).await;
}

/// A handler that passes on what it is given, and where that goes.
fn collected(client: &RuntimeClient, kind: &str) -> mpsc::UnboundedReceiver<Value> {
    let (sender, received) = mpsc::unbounded_channel();
    client.on(kind, move |event| sender.send(event.decode().expect("JSON")));
    received
}

fn session_of(session_id: &str) -> Value {
    json!({"sessionId": session_id, "agentId": "agent", "address": "0x1", "connectedAt": "2026-03-01T10:30:00Z"})
}

async fn next(received: &mut mpsc::UnboundedReceiver<Value>) -> Value {
    within(received.recv()).await.expect("the handler lives")
}

/// The changes of a connection from its loss to the end of the client, for a gateway that answers every attempt with `reply`.
async fn lost(
    reply: Reply,
    set_up: impl FnOnce(RuntimeClientBuilder) -> RuntimeClientBuilder,
) -> Vec<ConnectionChange> {
    let mut gateway = RuntimeGateway::start().await;
    let day = Duration::from_secs(86_400);
    let builder = RuntimeClient::builder().url(gateway.url()).secret(KEY).request_timeout(day).connect_timeout(day);
    let client = set_up(builder).build().expect("a valid client");
    within(client.connect()).await.expect("it connects");
    let socket = gateway.socket().await;
    let (sender, mut received) = mpsc::unbounded_channel();
    client.on(event::CONNECTION_STATE, move |event| sender.send(event.decode().expect("a change")));
    gateway.always(CONNECT, reply);
    drop(socket);
    let mut changes: Vec<ConnectionChange> = Vec::new();
    for _ in 0..10_000 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        changes.extend(std::iter::from_fn(|| received.try_recv().ok()));
        if changes.last().is_some_and(|change| change.state == "failed") {
            let attempts = changes.iter().filter(|change| change.attempt.is_some()).count();
            assert_eq!(gateway.count(CONNECT), 1 + attempts);
            assert_eq!(client.state(), ConnectionState::Disconnected);
            return changes;
        }
        skip(Duration::from_secs(70)).await;
    }
    panic!("the client does not give up: {changes:?}")
}

/// The announced delays without the jitter, in seconds, and the reason of the end.
async fn announced(
    reply: Reply,
    set_up: impl FnOnce(RuntimeClientBuilder) -> RuntimeClientBuilder,
) -> (Vec<u64>, Option<String>) {
    let changes = lost(reply, set_up).await;
    let delays = changes.iter().filter_map(|change| change.delay_ms).map(|delay| delay / 1_000).collect();
    (delays, changes.last().and_then(|change| change.reason.clone()))
}

#[tokio::test]
async fn reconnect_settings_change_only_what_they_name() {
    let seconds = Duration::from_secs;
    let gone = || Reply::new(503, &json!({"error": "gone"}));
    let exhausted = || Some("max retries exceeded".to_owned());
    let set_up =
        |builder: RuntimeClientBuilder| builder.max_retries(5).initial_delay(seconds(2)).max_delay(seconds(60));
    assert_eq!(announced(gone(), set_up).await, (vec![2, 4, 8, 16, 32], exhausted()));
    assert_eq!(announced(gone(), |builder| builder).await, (vec![1, 2, 4, 8, 16, 30, 30, 30, 30, 30], exhausted()));
    assert_eq!(announced(gone(), |builder| builder.max_retries(2)).await, (vec![1, 2], exhausted()));
    let policy = Reconnect::new().max_attempts(2);
    assert_eq!(announced(gone(), |builder| builder.reconnect(policy)).await, (vec![1, 2], exhausted()));
    let (delays, _) = announced(gone(), |builder| builder.initial_delay(seconds(20))).await;
    assert_eq!(delays, [20, 30, 30, 30, 30, 30, 30, 30, 30, 30]);
    let (delays, _) = announced(gone(), |builder| builder.max_delay(seconds(2))).await;
    assert_eq!(delays, [1, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
}

#[tokio::test]
async fn custom_retries_have_the_jitter_of_sessions_above_each_delay() {
    let gone = Reply::new(503, &json!({"error": "gone"}));
    let delay = Duration::from_millis(1);
    let changes = lost(gone, |builder| builder.max_retries(40).initial_delay(delay).max_delay(delay)).await;
    let delays: Vec<_> = changes.iter().filter_map(|change| change.delay_ms).collect();
    assert_eq!(delays.len(), 40);
    // Each of them is below 200 with a chance of one in 5.
    assert!(delays.iter().all(|delay| (1..=1_000).contains(delay)), "{delays:?}");
    assert!(delays.iter().any(|delay| *delay > 200) && delays.iter().any(|delay| *delay < 800), "{delays:?}");
}

#[tokio::test]
async fn a_refused_key_is_final_with_custom_retries_too() {
    let refused = Reply::new(401, &json!({"error": "no such key"}));
    let (delays, reason) = announced(refused, |builder| builder.max_retries(5)).await;
    let expected = "the gateway refused the secret: the gateway answered with 401: no such key";
    assert_eq!((delays, reason.as_deref()), (vec![1], Some(expected)));
}

#[tokio::test]
async fn without_retries_a_lost_connection_is_final() {
    let gone = Reply::new(503, &json!({"error": "gone"}));
    let states: Vec<_> =
        lost(gone, |builder| builder.max_retries(0)).await.into_iter().map(|change| change.state).collect();
    assert_eq!(states, ["disconnected", "failed"]);
}

#[tokio::test]
async fn a_connection_is_a_session_a_ticket_a_socket_and_the_channels_of_the_agent() {
    let mut gateway = RuntimeGateway::start().await;
    // More than a page of them.
    gateway.set_channels((0..120).map(|number| {
        json!({"id": format!("c{number:03}"), "slug": "s", "name": "n", "isMember": number == 3 || number == 110})
    }));
    let client = runtime_client(&gateway.url()).metadata(json!({"team": "blue"})).build().expect("a valid client");
    assert_eq!((client.state(), client.session()), (ConnectionState::Disconnected, None));
    let session = within(client.connect()).await.expect("it connects");
    assert_eq!(
        (&*session.agent_id, &*session.address, &*session.connected_at),
        ("agent", "0x1", "2026-03-01T10:30:00Z")
    );
    assert_eq!((client.state(), client.session()), (ConnectionState::Connected, Some(session)));

    let asked = gateway.asked(CONNECT).await;
    assert_eq!(asked.headers["authorization"], format!("Bearer {KEY}"));
    assert_eq!(
        (&asked.body["clientName"], &asked.body["metadata"]),
        (&json!("platools-rust"), &json!({"team": "blue"}))
    );
    let asked = gateway.asked(TICKET).await;
    assert_eq!(
        (asked.headers["authorization"].to_str().ok(), asked.body),
        (Some(&*format!("Bearer {KEY}")), Value::Null)
    );
    let mut socket = gateway.socket().await;
    assert!(socket.uri().starts_with("/ws/runtime?ticket=ticket-"), "{}", socket.uri());
    assert_eq!(socket.header("authorization"), None, "the ticket is enough");
    subscribed(&mut socket, "c003").await;
    subscribed(&mut socket, "c110").await;
    assert_eq!(gateway.count("GET /v1/channels?"), 2);
}

#[tokio::test]
async fn channels_that_were_listed_count_also_where_others_cannot_be() {
    let mut gateway = RuntimeGateway::start().await;
    gateway.set_channels((0..250).map(|number| json!({"id": format!("c{number:03}"), "isMember": number % 100 == 7})));
    let client = runtime_client(&gateway.url()).reconnect(at_once()).build().expect("a valid client");
    within(client.connect()).await.expect("it connects");
    let mut socket = gateway.socket().await;
    for channel in ["c007", "c107", "c207"] {
        subscribed(&mut socket, channel).await;
    }
    // Those that are not seen again are no reason to forget them.
    gateway.once("GET /v1/channels?limit=100&offset=200", Reply::new(500, &json!({})));
    gateway.set_channels((0..250).map(|number| json!({"id": format!("c{number:03}"), "isMember": number % 100 == 8})));
    drop(socket);
    let mut socket = gateway.socket().await;
    for channel in ["c007", "c008", "c107", "c108", "c207"] {
        subscribed(&mut socket, channel).await;
    }
}

#[tokio::test]
async fn a_gateway_with_smaller_pages_is_asked_for_all_of_them() {
    for (size, says) in [(50, false), (20, true)] {
        let mut gateway = RuntimeGateway::start().await;
        for page in 0..3 {
            let channels: Vec<_> = (page * size..(page + 1) * size)
                .map(|number| json!({"id": number.to_string(), "isMember": number % size == 0}))
                .collect();
            let mut listed = json!({ "channels": channels });
            if says {
                listed["limit"] = size.into();
            }
            let line = format!("GET /v1/channels?limit=100&offset={} ", page * size);
            gateway.once(line.trim_end(), Reply::new(200, &listed));
        }
        gateway.once(
            &format!("GET /v1/channels?limit=100&offset={}", 3 * size),
            Reply::new(200, &json!({"channels": []})),
        );
        let (_client, _, mut socket) = connected(&mut gateway).await;
        let mut ids: Vec<_> = (0..3).map(|page| (page * size).to_string()).collect();
        ids.sort();
        for id in &ids {
            subscribed(&mut socket, id).await;
        }
    }
}

#[tokio::test]
async fn a_gateway_that_knows_no_pages_is_not_asked_for_ever() {
    let mut gateway = RuntimeGateway::start().await;
    let page: Vec<_> = (0..50).map(|number| json!({"id": format!("{number}"), "isMember": number == 7})).collect();
    gateway.always("GET /v1/channels", Reply::new(200, &json!({"channels": page})));
    let (_client, _, mut socket) = connected(&mut gateway).await;
    subscribed(&mut socket, "7").await;
    assert_eq!(gateway.count("GET /v1/channels"), 2);
}

#[tokio::test]
async fn channels_that_cannot_be_listed_are_no_reason_not_to_connect() {
    for reply in [Reply::new(500, &json!({})), Reply::text(200, "<html>"), Reply::new(404, &json!({}))] {
        let mut gateway = RuntimeGateway::start().await;
        gateway.always("GET /v1/channels", reply);
        let (client, _, mut socket) = connected(&mut gateway).await;
        client.subscribe_channel("c").await;
        subscribed(&mut socket, "c").await;
    }
}

#[tokio::test]
async fn only_one_connection_at_a_time() {
    let mut gateway = RuntimeGateway::start().await;
    let client = runtime_client(&gateway.url()).build().expect("a valid client");
    let is_busy = |error: RuntimeError| error.kind() == RuntimeErrorKind::AlreadyConnected;
    let second = async {
        reaches(&client, |state| *state == ConnectionState::Connecting).await;
        assert!(is_busy(client.connect().await.expect_err("it is connecting")));
    };
    let (first, ()) = within(async { tokio::join!(client.connect(), second) }).await;
    first.expect("it connects");
    assert!(is_busy(client.connect().await.expect_err("it is connected")));
    assert_eq!((client.state(), gateway.count(CONNECT)), (ConnectionState::Connected, 1));
    let socket = gateway.socket().await;
    disconnect(&client, socket).await;
    within(client.connect()).await.expect("it connects again");
    gateway.socket().await;
}

#[tokio::test]
async fn a_dropped_connect_leaves_the_client_as_it_was() {
    let gateway = Platform::start().await;
    let client = runtime_client(&gateway.url()).build().expect("a valid client");
    {
        let mut connecting = std::pin::pin!(client.connect());
        tokio::select! {
            _ = &mut connecting => panic!("nobody answers"),
            _wire = gateway.accept_tcp() => {}
        }
    }
    assert_eq!(client.state(), ConnectionState::Disconnected);
    let (outcome, ()) = within(async {
        tokio::join!(client.connect(), async {
            reaches(&client, |state| *state == ConnectionState::Connecting).await;
            client.disconnect().await;
        })
    })
    .await;
    assert_eq!(outcome.expect_err("it was disconnected").kind(), RuntimeErrorKind::Disconnected);
    assert_eq!(client.state(), ConnectionState::Disconnected);
}

#[tokio::test]
async fn a_deadline_around_connect_ends_it_and_leaves_nothing_behind() {
    let mut gateway = RuntimeGateway::start().await;
    let limited = || Reply::new(429, &json!({"error": "slow down"}));
    let client = runtime_client(&gateway.url()).build().expect("a valid client");

    // Before there is a session.
    gateway.once(CONNECT, limited());
    let deadline = tokio::time::timeout(Duration::from_secs(4), client.connect());
    let late = async {
        gateway.asked(CONNECT).await;
        skip(Duration::from_secs(4)).await;
    };
    let (outcome, ()) = tokio::join!(deadline, late);
    outcome.expect_err("it takes 5 seconds");
    assert_eq!((client.state(), client.session()), (ConnectionState::Disconnected, None));

    // With one, of which the gateway is told.
    gateway.once(CONNECT, Reply::new(201, &session_of("half")));
    gateway.once(TICKET, limited());
    let deadline = tokio::time::timeout(Duration::from_secs(4), client.connect());
    let late = async {
        gateway.asked(TICKET).await;
        skip(Duration::from_secs(4)).await;
    };
    let (outcome, ()) = tokio::join!(deadline, late);
    outcome.expect_err("it takes 5 seconds");
    assert_eq!((client.state(), client.session()), (ConnectionState::Disconnected, None));
    within(client.disconnect()).await;
    assert_eq!(gateway.count(DISCONNECT), 1, "`disconnect` waits until it is told");
    assert_eq!(gateway.asked(DISCONNECT).await.body, json!({"sessionId": "half"}));

    // No attempt goes on.
    skip(Duration::from_secs(600)).await;
    within(client.connect()).await.expect("it connects");
    gateway.socket().await;
    assert_eq!((gateway.count(CONNECT), gateway.count(TICKET), gateway.count(DISCONNECT)), (3, 2, 1));
}

#[tokio::test]
async fn disconnect_closes_the_socket_tells_the_gateway_and_forgets_the_session() {
    let mut gateway = RuntimeGateway::start().await;
    let (client, session, mut socket) = connected(&mut gateway).await;
    client.subscribe_channel("c").await;
    subscribed(&mut socket, "c").await;
    assert_eq!(disconnect(&client, socket).await, (1000, "client stop".to_owned()));
    assert_eq!(gateway.asked(DISCONNECT).await.body, json!({"sessionId": session.session_id}));
    assert_eq!((client.state(), client.session()), (ConnectionState::Disconnected, None));
    within(client.disconnect()).await;
    assert_eq!(gateway.count(DISCONNECT), 1, "there is nothing to end any more");
    let error = client.send(json!({"type": "x"})).await.expect_err("there is no socket");
    assert_eq!(error.kind(), RuntimeErrorKind::NotConnected);

    within(client.connect()).await.expect("it connects again");
    let mut socket = gateway.socket().await;
    client.send(json!({"type": "x"})).await.expect("there is a socket");
    assert_eq!(socket.next().await["type"], "x", "the channels are forgotten");
}

#[tokio::test]
async fn disconnect_does_not_wait_for_a_gateway_that_is_gone() {
    let mut gateway = RuntimeGateway::start().await;
    let (client, _, socket) = connected(&mut gateway).await;
    let gone = gateway.stop().await;
    within(client.disconnect()).await;
    assert_eq!((client.state(), client.session()), (ConnectionState::Disconnected, None));
    drop((gone, socket));
    // Nor for one that does not answer the close.
    let mut gateway = RuntimeGateway::start().await;
    let (client, _, socket) = connected(&mut gateway).await;
    let disconnecting = tokio::spawn({
        let client = client.clone();
        async move { client.disconnect().await }
    });
    tokio::task::yield_now().await;
    skip(Duration::from_secs(5)).await;
    gateway.asked(DISCONNECT).await;
    within(disconnecting).await.expect("no panic");
    assert_eq!(client.state(), ConnectionState::Disconnected);
    drop(socket);
}

#[tokio::test]
async fn a_gateway_that_comes_back_has_a_new_session_a_new_ticket_the_channels_and_every_handler() {
    let mut gateway = RuntimeGateway::start().await;
    gateway.set_channels([json!({"id": "member", "isMember": true}), json!({"id": "left", "isMember": true})]);
    let (client, first, mut socket) = connected(&mut gateway).await;
    let mut messages = collected(&client, "channel.message");
    let mut states = client.states();
    subscribed(&mut socket, "left").await;
    subscribed(&mut socket, "member").await;
    client.subscribe_channel("asked").await;
    subscribed(&mut socket, "asked").await;
    client.unsubscribe_channel("left").await;
    assert_eq!(socket.next().await, json!({"type": "channel.unsubscribe", "channelId": "left"}));

    // Three tries fail before the gateway is itself again.
    for _ in 0..3 {
        gateway.once(CONNECT, Reply::new(503, &json!({"error": "restarting"})));
    }
    let ticket = socket.uri();
    drop(socket);
    let mut socket = gateway.socket().await;
    assert_ne!(socket.uri(), ticket);
    subscribed(&mut socket, "asked").await;
    subscribed(&mut socket, "member").await;
    reaches(&client, ConnectionState::is_connected).await;
    let second = client.session().expect("a session");
    assert_ne!(second.session_id, first.session_id);
    assert_eq!((gateway.count(CONNECT), gateway.count(TICKET)), (5, 2));
    for attempt in 1..=4 {
        let state = within(states.next()).await.expect("the client lives");
        assert!(matches!(state, ConnectionState::Reconnecting { attempt: found, .. } if found == attempt), "{state:?}");
    }
    assert_eq!(within(states.next()).await, Some(ConnectionState::Connected));

    tell(&mut socket, "channel.message", json!({"from": "0x2", "content": "Hello!"})).await;
    assert_eq!(next(&mut messages).await["content"], "Hello!");
}

#[tokio::test]
async fn a_restarted_gateway_is_found_again() {
    let mut gateway = RuntimeGateway::start().await;
    let (client, _, socket) = connected(&mut gateway).await;
    let gone = gateway.stop().await;
    drop(socket);
    reaches(&client, |state| matches!(state, ConnectionState::Reconnecting { attempt: 3, .. })).await;
    let error = client.send(json!({"type": "x"})).await.expect_err("there is no socket");
    assert!(error.is_retryable() && error.to_string().contains("the client is reconnecting"), "{error}");
    let mut gateway = RuntimeGateway::on(gone.restart());
    gateway.socket().await;
    reaches(&client, ConnectionState::is_connected).await;
}

#[tokio::test]
async fn a_gateway_that_is_gone_for_good_is_tried_ten_times() {
    let mut gateway = RuntimeGateway::start().await;
    let delay = Duration::from_millis(1);
    let reconnect = Reconnect::of_sessions().base(delay).max(delay).jitter(Jitter::None);
    let client = runtime_client(&gateway.url()).reconnect(reconnect).build().expect("a valid client");
    within(client.connect()).await.expect("it connects");
    let socket = gateway.socket().await;
    let mut events = client.events();
    gateway.always(CONNECT, Reply::new(503, &json!({"error": "gone"})));
    drop(socket);
    for attempt in 1..=10 {
        let expected = json!({"state": "reconnecting", "attempt": attempt, "delayMs": 1});
        assert_eq!(connection_event(&mut events).await, expected);
    }
    assert_eq!(connection_event(&mut events).await, json!({"state": "disconnected"}));
    let failed = json!({"state": "failed", "reason": "max retries exceeded"});
    assert_eq!(connection_event(&mut events).await, failed);
    assert_eq!((client.state(), client.session()), (ConnectionState::Disconnected, None));
    assert_eq!(gateway.count(CONNECT), 1 + 10);
    let error = within(client.connect()).await.expect_err("it is gone");
    assert_eq!((error.status(), error.gateway_message()), (Some(503), Some("gone")));
}

#[tokio::test]
async fn a_key_that_is_refused_ends_it_at_once() {
    for status in [401, 403] {
        let mut gateway = RuntimeGateway::start().await;
        let client =
            runtime_client(&gateway.url()).reconnect(Reconnect::of_sessions()).build().expect("a valid client");
        within(client.connect()).await.expect("it connects");
        let mut socket = gateway.socket().await;
        let mut events = client.events();
        gateway.always(CONNECT, Reply::new(status, &json!({"error": format!("no agent has {KEY}")})));
        // The delay before the first retry.
        let waits = tokio::spawn({
            let client = client.clone();
            async move {
                reaches(&client, |state| matches!(state, ConnectionState::Reconnecting { .. })).await;
                tokio::task::yield_now().await;
                skip(Duration::from_secs(2)).await;
            }
        });
        tell(&mut socket, "x", json!({})).await;
        drop(socket);
        assert_eq!(connection_event(&mut events).await["state"], "reconnecting");
        assert_eq!(connection_event(&mut events).await, json!({"state": "disconnected"}));
        let reason = format!("the gateway refused the secret: the gateway answered with {status}: no agent has ...");
        assert_eq!(connection_event(&mut events).await, json!({"state": "failed", "reason": reason}));
        assert_eq!(gateway.count(CONNECT), 2);
        within(waits).await.expect("no panic");
    }
}

#[tokio::test]
async fn a_refused_key_may_be_tried_again_where_the_policy_says_so_and_is_read_anew_each_time() {
    let mut gateway = RuntimeGateway::start().await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "old\n").expect("it is written");
    let builder = runtime_client(&gateway.url()).secret(Secret::file(file.path()));
    let reconnect = Reconnect::new().base(Duration::from_millis(1)).max(Duration::from_millis(1));
    let client = builder.reconnect(reconnect.on_refusal(OnRefusal::Retry)).build().expect("a valid client");
    within(client.connect()).await.expect("it connects");
    let socket = gateway.socket().await;
    assert_eq!(gateway.asked(CONNECT).await.headers["authorization"], "Bearer old");
    for _ in 0..3 {
        gateway.once(CONNECT, Reply::new(401, &json!({"error": "rotated"})));
    }
    std::fs::write(file.path(), "new\n").expect("it is written");
    drop(socket);
    gateway.socket().await;
    assert_eq!(gateway.asked(CONNECT).await.headers["authorization"], "Bearer new");
}

#[tokio::test]
async fn connect_fails_with_what_the_gateway_says() {
    let mut gateway = RuntimeGateway::start().await;
    let client = runtime_client(&gateway.url()).build().expect("a valid client");
    gateway.once(CONNECT, Reply::new(401, &json!({"error": "no such key"})));
    let error = within(client.connect()).await.expect_err("it is refused");
    assert_eq!(error.to_string(), "the gateway answered with 401: no such key");
    assert_eq!((error.kind(), error.status()), (RuntimeErrorKind::Status, Some(401)));
    assert_eq!((client.state(), gateway.count(DISCONNECT)), (ConnectionState::Disconnected, 0));

    // What began is ended where the rest fails.
    gateway.once("GET /ws/runtime", Reply::new(429, &json!({"error": "three sockets are enough"})));
    let error = within(client.connect()).await.expect_err("there is no socket");
    assert_eq!(error.kind(), RuntimeErrorKind::Connection);
    gateway.asked(DISCONNECT).await;
    gateway.once(CONNECT, Reply::new(200, &json!({"sessionId": 7})));
    let error = within(client.connect()).await.expect_err("it is no session");
    assert_eq!(error.kind(), RuntimeErrorKind::InvalidReply);
    let nobody = Unreachable::start();
    let client = runtime_client(&nobody.url()).build().expect("a valid client");
    let error = within(client.connect()).await.expect_err("nobody is there");
    assert_eq!(error.kind(), RuntimeErrorKind::Connection);
    assert_eq!(client.state(), ConnectionState::Disconnected);
}

#[tokio::test]
async fn heartbeats_go_over_the_socket_and_over_http_while_there_is_none() {
    let mut gateway = RuntimeGateway::start().await;
    // The delay before the first retry is as long as two heartbeats.
    let delay = Duration::from_secs(50);
    let reconnect = Reconnect::new().base(delay).max(delay).jitter(Jitter::None);
    let builder = runtime_client(&gateway.url()).reconnect(reconnect).heartbeat_interval(Duration::from_secs(20));
    let client = builder.build().expect("a valid client");
    within(client.connect()).await.expect("it connects");
    let mut socket = gateway.socket().await;
    is_served(&client, &mut socket).await;
    // For longer than a gateway may be silent: answers to pings are all that comes from this one.
    for _ in 0..6 {
        skip(Duration::from_secs(20)).await;
        let heartbeat = socket.expect("heartbeat").await;
        let timestamp = heartbeat["timestamp"].as_str().expect("a time");
        time::OffsetDateTime::parse(timestamp, &time::format_description::well_known::Rfc3339).expect("ISO 8601");
        assert_eq!((timestamp.len(), &timestamp[19..20], &timestamp[23..]), (24, ".", "Z"), "{timestamp}");
        // The answer to the ping beside it goes out while the next frame is waited for.
        is_served(&client, &mut socket).await;
    }
    drop(socket);
    reaches(&client, |state| matches!(state, ConnectionState::Reconnecting { .. })).await;
    assert_eq!(gateway.count(HEARTBEAT), 0);
    for _ in 0..2 {
        skip(Duration::from_secs(20)).await;
        let asked = gateway.asked(HEARTBEAT).await;
        assert_eq!(asked.headers["authorization"], format!("Bearer {KEY}"));
    }
    skip(Duration::from_secs(20)).await;
    let mut socket = gateway.socket().await;
    is_served(&client, &mut socket).await;
    skip(Duration::from_secs(20)).await;
    socket.expect("heartbeat").await;
}

#[tokio::test]
async fn heartbeats_may_be_a_second_or_100_seconds_apart() {
    for interval in [1, 15, 60, 100].map(Duration::from_secs) {
        let mut gateway = RuntimeGateway::start().await;
        let client = runtime_client(&gateway.url()).heartbeat_interval(interval).build().expect("a valid client");
        within(client.connect()).await.expect("it connects");
        let mut socket = gateway.socket().await;
        is_served(&client, &mut socket).await;
        if interval > Duration::from_secs(1) {
            skip(interval / 2).await;
            client.send(json!({"type": "not yet"})).await.expect("there is a socket");
            socket.expect("not yet").await;
        }
        skip(interval).await;
        socket.expect("heartbeat").await;
    }
}

#[tokio::test]
async fn a_session_that_has_ended_gets_no_more_heartbeats() {
    let mut gateway = RuntimeGateway::start().await;
    let delay = Duration::from_secs(500);
    let reconnect = Reconnect::new().base(delay).max(delay).jitter(Jitter::None);
    let client = runtime_client(&gateway.url()).reconnect(reconnect).build().expect("a valid client");
    within(client.connect()).await.expect("it connects");
    gateway.always(HEARTBEAT, Reply::new(404, &json!({"error": "no session"})));
    drop(gateway.socket().await);
    reaches(&client, |state| matches!(state, ConnectionState::Reconnecting { .. })).await;
    skip(Duration::from_secs(30)).await;
    gateway.asked(HEARTBEAT).await;
    client.status().await.expect_err("the answer has come before this one's");
    for _ in 0..10 {
        skip(Duration::from_secs(30)).await;
        client.status().await.expect_err("nothing is there");
    }
    assert_eq!(gateway.count(HEARTBEAT), 1);
}

#[tokio::test]
async fn a_session_that_an_attempt_has_begun_gets_heartbeats_again() {
    let mut gateway = RuntimeGateway::start().await;
    let delay = Duration::from_secs(100);
    let reconnect = Reconnect::new().base(delay).max(delay).jitter(Jitter::None);
    let client = runtime_client(&gateway.url()).reconnect(reconnect).build().expect("a valid client");
    within(client.connect()).await.expect("it connects");
    gateway.once(HEARTBEAT, Reply::new(404, &json!({"error": "no session"})));
    gateway.once(CONNECT, Reply::new(201, &session_of("another")));
    gateway.once(TICKET, Reply::new(503, &json!({"error": "not now"})));
    drop(gateway.socket().await);
    reaches(&client, |state| matches!(state, ConnectionState::Reconnecting { .. })).await;
    skip(Duration::from_secs(30)).await;
    gateway.asked(HEARTBEAT).await;
    client.status().await.expect_err("the answer has come before this one's");
    skip(Duration::from_secs(30)).await;
    client.status().await.expect_err("nothing is there");
    assert_eq!(gateway.count(HEARTBEAT), 1);
    skip(Duration::from_secs(50)).await;
    gateway.asked(TICKET).await;
    reaches(&client, |state| matches!(state, ConnectionState::Reconnecting { attempt: 2, .. })).await;
    skip(Duration::from_secs(30)).await;
    gateway.asked(HEARTBEAT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_told_that_the_client_has_given_up_may_connect_at_once() {
    let mut gateway = RuntimeGateway::start().await;
    let client = runtime_client(&gateway.url()).reconnect(at_once().max_attempts(1)).build().expect("a valid client");
    let (sender, mut tried) = mpsc::unbounded_channel();
    let again = client.clone();
    client.on("connection.state", move |event| {
        let (again, sender) = (again.clone(), sender.clone());
        async move {
            let state: Value = event.decode().expect("JSON");
            if state["state"] == "failed" {
                let _ = sender.send(again.connect().await.map(drop).map_err(|error| error.kind()));
            }
        }
    });
    within(client.connect()).await.expect("it connects");
    let socket = gateway.socket().await;
    gateway.once(CONNECT, Reply::new(503, &json!({"error": "gone"})));
    drop(socket);
    assert_eq!(within(tried.recv()).await.expect("it was told"), Ok(()));
    let _socket = gateway.socket().await;
    assert_eq!(client.state(), ConnectionState::Connected);
    assert!(client.session().is_some());
}

#[tokio::test]
async fn a_gateway_that_answers_no_ping_is_taken_for_dead() {
    let mut gateway = RuntimeGateway::start().await;
    let (client, _, socket) = connected(&mut gateway).await;
    // Nobody reads from this socket, so that nobody answers.
    for _ in 0..1_000 {
        if gateway.count(CONNECT) == 2 {
            break;
        }
        skip(Duration::from_secs(30)).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    gateway.socket().await;
    reaches(&client, ConnectionState::is_connected).await;
    drop(socket);
}

#[tokio::test]
async fn every_event_reaches_the_handlers_of_its_type_and_those_of_all() {
    let mut gateway = RuntimeGateway::start().await;
    let (client, _, mut socket) = connected(&mut gateway).await;
    let mut messages = collected(&client, "channel.message");
    let mut events = client.events();
    let all = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&all);
    client.on_any(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        async {}
    });
    for text in ["no JSON", "[]", r#"{"data":{}}"#, r#"{"type":7}"#] {
        socket.send_text(text).await;
    }
    for number in 0..100 {
        tell(&mut socket, "channel.message", json!({"from": "0x2", "content": number.to_string()})).await;
        tell(&mut socket, "presence.joined", json!({"agentId": "b"})).await;
    }
    for number in 0..100 {
        let message: ChannelMessage = serde_json::from_value(next(&mut messages).await).expect("a message");
        assert_eq!(message.content, number.to_string());
        for kind in ["channel.message", "presence.joined"] {
            let event = within(events.next()).await.expect("the client lives");
            assert_eq!((event.kind(), event.timestamp()), (kind, "2026-03-01T10:30:15Z"));
        }
    }
    socket.send(json!({"type": "bare"})).await;
    let event = within(events.next()).await.expect("the client lives");
    assert_eq!((event.kind(), event.timestamp(), event.data().get()), ("bare", "", "{}"));
    within(async {
        while all.load(Ordering::Relaxed) < 201 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_handler_that_panics_or_fails_hurts_nobody() {
    let mut gateway = RuntimeGateway::start().await;
    let (client, _, mut socket) = connected(&mut gateway).await;
    let called = Arc::new(AtomicUsize::new(0));
    let (at_once, later) = (Arc::clone(&called), Arc::clone(&called));
    client.on("x", move |_| {
        assert!(at_once.fetch_add(1, Ordering::Relaxed) > 1_000, "before there is a future");
        async {}
    });
    client.on("x", move |_| {
        let later = Arc::clone(&later);
        async move { assert!(later.fetch_add(1, Ordering::Relaxed) > 1_000, "within the future") }
    });
    client.on("x", async |_| Err::<(), _>("it failed"));
    let mut received = collected(&client, "x");
    for number in 0..3 {
        tell(&mut socket, "x", json!(number)).await;
        assert_eq!(next(&mut received).await, number);
    }
    within(async {
        while called.load(Ordering::Relaxed) < 6 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    client.send(json!({"type": "still here"})).await.expect("there is a socket");
    socket.expect("still here").await;
}

#[tokio::test]
async fn listeners_of_every_form_capture_what_they_need() {
    /// A function of its own, which captures nothing.
    async fn decoded(event: RuntimeEvent) -> Result<u64, serde_json::Error> {
        event.decode()
    }
    let mut gateway = RuntimeGateway::start().await;
    let (client, _, mut socket) = connected(&mut gateway).await;
    let (sender, mut received) = mpsc::unbounded_channel();
    let tell = |name: &str| {
        let (sender, name) = (sender.clone(), name.to_owned());
        move |what: String| sender.send(format!("{name} {what}"))
    };

    let plain = tell("plain");
    client.on("x", move |event| plain(event.kind().to_owned()));
    let quiet = tell("without a result");
    client.on("x", move |event| {
        quiet(event.kind().to_owned()).ok();
    });
    let moved = tell("a future");
    client.on("x", move |event| async move { moved(event.kind().to_owned()) });
    let awaited = tell("async");
    client.on("x", async move |event| {
        tokio::task::yield_now().await;
        awaited(event.kind().to_owned())
    });
    let fallible = tell("fallible");
    client.on("x", async move |event| {
        let number: u64 = event.decode()?;
        fallible(number.to_string())?;
        Ok::<_, Box<dyn std::error::Error>>(())
    });
    let any = tell("any");
    client.on_any(move |event| any(event.kind().to_owned()));
    let state = tell("state");
    client.on_state_change(move |change| state(change.to_string()));
    let state = tell("async state");
    client.on_state_change(async move |change| state(change.to_string()));
    client.on("x", decoded);
    client.on("x", drop);

    // Twice: a captured value is still there for the next event.
    for number in [7, 8] {
        self::tell(&mut socket, "x", json!(number)).await;
        let mut names = Vec::new();
        for _ in 0..6 {
            names.push(within(received.recv()).await.expect("the handlers live"));
        }
        names.sort();
        assert_eq!(
            names,
            ["a future x", "any x", "async x", &format!("fallible {number}"), "plain x", "without a result x"]
        );
    }
    disconnect(&client, socket).await;
    let mut names = Vec::new();
    for _ in 0..3 {
        names.push(within(received.recv()).await.expect("the handlers live"));
    }
    names.sort();
    assert_eq!(names, ["any connection.state", "async state disconnected", "state disconnected"]);
}

#[tokio::test]
async fn a_plain_listener_that_panics_or_fails_is_called_again() {
    let mut gateway = RuntimeGateway::start().await;
    let (client, _, mut socket) = connected(&mut gateway).await;
    let (sender, mut called) = mpsc::unbounded_channel();
    let panics = sender.clone();
    client.on("x", move |_| {
        panics.send("panics").expect("the test reads it");
        assert!(panics.is_closed(), "at once");
    });
    client.on("x", move |_| {
        sender.send("fails").expect("the test reads it");
        Err::<(), _>("at once")
    });
    for number in 0..3 {
        tell(&mut socket, "x", json!(number)).await;
        let mut names = [within(called.recv()).await, within(called.recv()).await];
        names.sort_unstable();
        assert_eq!(names, [Some("fails"), Some("panics")]);
    }
    client.send(json!({"type": "still here"})).await.expect("there is a socket");
    socket.expect("still here").await;
}

#[tokio::test]
async fn a_slow_handler_holds_up_neither_others_nor_heartbeats() {
    let mut gateway = RuntimeGateway::start().await;
    let (client, _, mut socket) = connected(&mut gateway).await;
    client.on("x", async |_| std::future::pending::<()>().await);
    let mut received = collected(&client, "x");
    // More than the slow one's queue takes.
    for number in 0..1_100 {
        tell(&mut socket, "x", json!(number)).await;
        assert_eq!(next(&mut received).await, number);
    }
    skip(Duration::from_secs(30)).await;
    socket.expect("heartbeat").await;
}

#[tokio::test]
async fn removed_handlers_and_listeners_are_not_called_any_more() {
    let mut gateway = RuntimeGateway::start().await;
    let (client, _, mut socket) = connected(&mut gateway).await;
    let removed = Arc::new(AtomicUsize::new(0));
    let (counted, seen) = (Arc::clone(&removed), Arc::clone(&removed));
    let handler = client.on("x", move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        async {}
    });
    let listener = client.on_state_change(move |_| {
        seen.fetch_add(1, Ordering::Relaxed);
        async {}
    });
    assert!(client.off(handler) && !client.off(handler));
    assert!(client.off_state_change(listener) && !client.off_state_change(listener));
    let (sender, mut states) = mpsc::unbounded_channel();
    client.on_state_change(move |state| {
        let sender = sender.clone();
        async move { drop(sender.send(state)) }
    });
    let mut received = collected(&client, "x");
    tell(&mut socket, "x", json!(1)).await;
    assert_eq!(next(&mut received).await, 1);
    disconnect(&client, socket).await;
    assert_eq!(within(states.recv()).await, Some(ConnectionState::Disconnected));
    assert_eq!(removed.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_removed_handler_is_not_called_for_what_waits_for_it() {
    let mut gateway = RuntimeGateway::start().await;
    let (client, _, mut socket) = connected(&mut gateway).await;
    let (began, mut begun) = mpsc::unbounded_channel();
    let go = Arc::new(Notify::new());
    let handler = client.on("x", {
        let go = Arc::clone(&go);
        move |event| {
            let (began, go) = (began.clone(), Arc::clone(&go));
            async move {
                began.send(event.decode().expect("JSON")).expect("the test reads it");
                go.notified().await;
            }
        }
    });
    let mut received = collected(&client, "x");
    for number in 0..3 {
        tell(&mut socket, "x", json!(number)).await;
        assert_eq!(next(&mut received).await, number);
    }
    assert_eq!(next(&mut begun).await, 0);
    assert!(client.off(handler));
    go.notify_one();
    assert_eq!(within(begun.recv()).await, None, "its call has ended, and it is gone");
}

#[tokio::test]
async fn presence_is_a_page_or_a_bare_array() {
    let gateway = RuntimeGateway::start().await;
    let client = runtime_client(&gateway.url()).build().expect("a valid client");
    let agent =
        json!({"agentId": "a", "address": "0x1", "displayName": null, "connectedAt": "t", "lastHeartbeat": "u"});
    let line = "GET /v1/runtime/presence?limit=10&offset=20";
    gateway.once(line, Reply::new(200, &json!({"agents": [agent], "total": 21, "limit": 10, "offset": 20})));
    let page = within(client.presence(10, 20)).await.expect("a page");
    assert_eq!((page.agents.len(), page.total, page.offset), (1, 21, 20));
    gateway.once(line, Reply::new(200, &json!([agent])));
    let page = within(client.presence(10, 20)).await.expect("an array");
    assert_eq!((&*page.agents[0].agent_id, page.total), ("a", 1));
    gateway.once(
        "GET /v1/runtime/status",
        Reply::new(200, &json!({"agentId": "a", "address": "0x1", "status": "active"})),
    );
    assert_eq!(within(client.status()).await.expect("a status").session, None);
}

#[tokio::test]
async fn requests_are_any_method_path_and_body_to_any_type() {
    let mut gateway = RuntimeGateway::start().await;
    let client = runtime_client(&format!("{}/behind/a/proxy/", gateway.url())).build().expect("a valid client");
    gateway.once("PATCH /behind/a/proxy/v1/x?y=1", Reply::new(200, &json!({"n": 7})));
    let answer: Value = within(client.request("PATCH", "/v1/x?y=1", json!({"a": 1}))).await.expect("an answer");
    assert_eq!(answer["n"], 7);
    let asked = gateway.asked("PATCH").await;
    assert_eq!(
        (asked.body, &asked.headers["content-type"]),
        (json!({"a": 1}), &"application/json".parse().expect("text"))
    );
    assert_eq!(asked.headers["host"], gateway.url().trim_start_matches("http://"));
    for reply in [Reply::text(204, ""), Reply::text(200, ""), Reply::text(200, " \n")] {
        gateway.once("DELETE", reply.clone());
        within(client.request::<()>("DELETE", "/v1/x", ())).await.expect("nothing");
        gateway.once("DELETE", reply);
        let answer = within(client.request::<Option<String>>("DELETE", "/v1/x", ())).await.expect("nothing");
        assert_eq!(answer, None);
    }
    let asked = gateway.asked("DELETE").await;
    assert_eq!((asked.body, asked.headers.get("content-type")), (Value::Null, None));
    gateway.once("GET", Reply::text(204, ""));
    let error = within(client.request::<String>("GET", "/v1/x", ())).await.expect_err("nothing is no text");
    assert_eq!(error.kind(), RuntimeErrorKind::InvalidReply);
}

#[tokio::test]
async fn a_failure_has_the_status_and_the_gateways_words() {
    let gateway = RuntimeGateway::start().await;
    let client = runtime_client(&gateway.url()).build().expect("a valid client");
    for (status, body, words) in [
        (400, r#"{"error":"no"}"#, Some("no")),
        (404, r#"{"message":"no"}"#, Some("no")),
        (422, r#"{"detail":"no"}"#, Some("no")),
        (500, "<html>a proxy's own</html>", None),
        (503, "", None),
        (302, r#"{"error":"elsewhere"}"#, Some("elsewhere")),
    ] {
        gateway.once("GET /v1/x", Reply::text(status, body).header("location", "http://127.0.0.1:1/"));
        let error = within(client.request::<Value>("GET", "/v1/x", ())).await.expect_err("it failed");
        assert_eq!((error.kind(), error.status()), (RuntimeErrorKind::Status, Some(status)));
        assert_eq!((error.gateway_message(), error.is_retryable()), (words, status >= 500), "{status}");
    }
    let long = json!({"error": "x".repeat(100_000)});
    gateway.once("GET /v1/x", Reply::new(400, &long));
    let error = within(client.request::<Value>("GET", "/v1/x", ())).await.expect_err("it failed");
    assert!(with_causes(&error).len() < 2_000, "an error is bounded");
}

#[tokio::test]
async fn an_error_says_in_one_line_what_failed_and_has_the_status() {
    let gateway = RuntimeGateway::start().await;
    let client = runtime_client(&gateway.url()).build().expect("a valid client");
    for (status, body, expected) in [
        (404, json!({"error": "no such channel"}), "the gateway answered with 404: no such channel"),
        (500, json!({}), "the gateway answered with 500"),
        (403, json!({"error": format!("{KEY} may not")}), "the gateway answered with 403: ... may not"),
    ] {
        gateway.once("GET /v1/x", Reply::new(status, &body));
        let error = within(client.request::<Value>("GET", "/v1/x", ())).await.expect_err("it failed");
        assert_eq!((error.to_string().as_str(), error.status()), (expected, Some(status)));
    }
    let nobody = Unreachable::start();
    let client = runtime_client(&nobody.url()).build().expect("a valid client");
    let error = within(client.connect()).await.expect_err("nobody is there");
    assert_eq!(error.to_string(), format!("{} cannot be reached", nobody.url().trim_start_matches("http://")));
    assert_eq!((error.kind(), error.status()), (RuntimeErrorKind::Connection, None));
}

#[tokio::test]
async fn what_cannot_be_sent_or_read_is_an_error_of_its_own() {
    let gateway = RuntimeGateway::start().await;
    let client = runtime_client(&gateway.url()).build().expect("a valid client");
    for (method, path) in
        [("GE T", "/v1/x"), ("", "/v1/x"), ("GET", "v1/x"), ("GET", ""), ("GET", "/a b"), ("GET", "/a\r\nx: y")]
    {
        let error = within(client.request::<Value>(method, path, ())).await.expect_err(path);
        assert_eq!(error.kind(), RuntimeErrorKind::InvalidRequest, "{method} {path}");
    }
    let error = client.request::<Value>("POST", "/v1/x", "x".repeat(300_000)).await.expect_err("too large");
    assert_eq!(error.kind(), RuntimeErrorKind::TooLarge);
    assert_eq!(gateway.count(""), 0);
    gateway.once("GET /v1/x", Reply::text(200, format!("\"{}\"", "x".repeat(9 * 1024 * 1024))));
    let error = within(client.request::<String>("GET", "/v1/x", ())).await.expect_err("larger than is read");
    assert_eq!(error.kind(), RuntimeErrorKind::InvalidReply);
    gateway.once("GET /v1/x", Reply::text(200, r#"{"a":"hunter2"}"#));
    let error = within(client.request::<u8>("GET", "/v1/x", ())).await.expect_err("no number");
    assert!(!format!("{} {error:?}", with_causes(&error)).contains("hunter2"));
}

#[tokio::test]
async fn a_request_gives_up_in_time() {
    let gateway = Platform::start().await;
    let client = runtime_client(&gateway.url()).request_timeout(Duration::from_millis(50)).build().expect("a client");
    let (wire, answer) = tokio::join!(gateway.accept_tcp(), within(client.status()));
    assert_eq!(answer.expect_err("nobody answers").kind(), RuntimeErrorKind::TimedOut);
    drop(wire);
}

#[tokio::test]
async fn a_storm_of_requests_is_waited_out() {
    let date = |ahead| httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(ahead));
    for (header, seconds) in [
        (None, 5),
        (Some("soon".to_owned()), 5),
        (Some("-7".to_owned()), 5),
        (Some("1".to_owned()), 5),
        (Some("30".to_owned()), 30),
        (Some(date(300)), 300),
        (Some("Sun, 06 Nov 1994 08:49:37 GMT".to_owned()), 5),
    ] {
        let mut gateway = RuntimeGateway::start().await;
        let builder = runtime_client(&gateway.url()).request_timeout(Duration::from_secs(86_400));
        let client = builder.build().expect("a valid client");
        let limited = Reply::new(429, &json!({"error": "slow down"}));
        gateway.once("GET", header.iter().fold(limited, |reply, header| reply.header("retry-after", header)));
        gateway.once("GET", Reply::new(200, &json!(7)));
        let asking = tokio::spawn(async move { client.request::<u8>("GET", "/v1/x", ()).await });
        gateway.asked("GET").await;
        // The wait begins once the answer is read, which nothing here can see; an idle moment later it has.
        for _ in 0..10_000 {
            if gateway.count("GET") == 2 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            skip(Duration::from_secs(seconds * 12 / 10 + 1)).await;
        }
        assert_eq!(within(asking).await.expect("no panic").expect("an answer"), 7, "{header:?}");
    }
    let gateway = RuntimeGateway::start().await;
    let client = runtime_client(&gateway.url()).build().expect("a valid client");
    for absurd in ["86400", "99999999999999999999999", &date(86_400)] {
        gateway.once("GET", Reply::new(429, &json!({"error": "slow down"})).header("retry-after", absurd));
        let error = within(client.request::<u8>("GET", "/v1/x", ())).await.expect_err("it is not waited out");
        assert!(error.retry_after().expect("a time") > Duration::from_secs(80_000), "{absurd}");
        assert!(error.is_retryable());
    }
}

#[tokio::test]
async fn an_idle_connection_is_used_again_and_one_that_was_closed_is_not() {
    let gateway = RuntimeGateway::start().await;
    let client = runtime_client(&gateway.url()).build().expect("a valid client");
    let answer = || Reply::new(200, &json!(7));
    for (reply, connections) in [
        (answer(), 1),
        (answer(), 1),
        (Reply::new(404, &json!({})), 1),
        (answer().header("connection", "close"), 1),
        (answer(), 2),
        // What is not read to its end cannot be used again.
        (Reply::text(200, "x".repeat(9 * 1024 * 1024)), 2),
        (answer(), 3),
    ] {
        gateway.once("GET", reply);
        let _ = within(client.request::<u8>("GET", "/v1/x", ())).await;
        assert_eq!(gateway.connections(), connections);
    }
    let gateway = RuntimeGateway::on(gateway.stop().await.restart());
    gateway.always("GET", answer());
    assert_eq!(within(client.request::<u8>("GET", "/v1/x", ())).await.expect("an answer"), 7);
    let both =
        async { tokio::join!(client.request::<u8>("GET", "/v1/x", ()), client.request::<u8>("GET", "/v1/x", ())) };
    let (first, second) = within(both).await;
    assert_eq!((first.expect("an answer"), second.expect("an answer"), gateway.connections()), (7, 7, 2));
}

/// Hands a connection on to the gateway, and keeps all that the client sends.
async fn recorded(front: TcpListener, gateway: String, sent: Arc<Mutex<Vec<u8>>>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (mut client, _) = front.accept().await.expect("a connection");
        let (gateway, sent) = (gateway.clone(), Arc::clone(&sent));
        connections.spawn(async move {
            let mut gateway = TcpStream::connect(gateway).await.expect("the gateway listens");
            let ((mut from_client, mut to_client), (mut from_gateway, mut to_gateway)) =
                (client.split(), gateway.split());
            let up = async {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = from_client.read(&mut bytes).await {
                    sent.lock().expect("no panic").extend_from_slice(&bytes[..count]);
                    if to_gateway.write_all(&bytes[..count]).await.is_err() {
                        break;
                    }
                }
            };
            // Either side may end first.
            let down = tokio::io::copy(&mut from_gateway, &mut to_client);
            tokio::select! {
                () = up => {}
                _ = down => {}
            }
        });
    }
}

#[tokio::test]
async fn the_private_key_is_for_the_handlers_and_never_sent() {
    const PRIVATE_KEY: &str = "0x4c0883a69102937d6231471b5dbb6204fe512961708279";
    let mut gateway = RuntimeGateway::start().await;
    let front = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let url = format!("http://{}", front.local_addr().expect("it is bound"));
    let sent = Arc::new(Mutex::new(Vec::new()));
    let target = gateway.url().trim_start_matches("http://").to_owned();
    let front = tokio::spawn(recorded(front, target, Arc::clone(&sent)));
    let client = runtime_client(&url).private_key(PRIVATE_KEY).metadata(json!({"team": "blue"})).build();
    let client = client.expect("a valid client");
    within(client.connect()).await.expect("it connects");
    let mut socket = gateway.socket().await;

    // A handler signs, here with the length of the key.
    let signing = client.clone();
    let handler = client.on("sign.request", async move |event| {
        let key = signing.private_key().expect("it was given");
        let signed = event.data().get().len() + key.expose_secret().len();
        signing.send(json!({"type": "sign.reply", "data": signed})).await
    });
    tell(&mut socket, "sign.request", json!("text")).await;
    let mut frames = vec![socket.next().await];
    assert_eq!(frames[0], json!({"type": "sign.reply", "data": "\"text\"".len() + PRIVATE_KEY.len()}));
    client.off(handler);

    gateway.once("POST /v1/x", Reply::new(500, &json!({"error": PRIVATE_KEY})));
    within(client.request::<Value>("POST", "/v1/x", json!({"a": 1}))).await.expect_err("it fails");
    client.subscribe_channel("c").await;
    within(client.presence(50, 0)).await.ok();
    within(client.status()).await.ok();
    skip(Duration::from_secs(30)).await;
    frames.extend([socket.next().await, socket.next().await]);
    assert!(frames.iter().any(|frame| frame["type"] == "heartbeat"), "{frames:?}");
    drop(socket);
    let mut socket = gateway.socket().await;
    reaches(&client, ConnectionState::is_connected).await;
    let shown = format!("{client:?} {:?}", client.private_key());
    frames.push(socket.expect("channel.subscribe").await);
    disconnect(&client, socket).await;
    front.abort();

    // Frames travel masked, so they are looked at as the gateway reads them.
    let sent = String::from_utf8_lossy(&sent.lock().expect("no panic")).into_owned();
    for part in ["POST /v1/runtime/connect", "POST /v1/x", "POST /v1/runtime/disconnect", KEY] {
        assert!(sent.contains(part), "{part} is among the bytes that were sent");
    }
    for text in [sent, json!(frames).to_string(), shown] {
        assert!(!text.contains(PRIVATE_KEY) && !text.contains(&PRIVATE_KEY[2..]), "{text}");
    }
}

#[tokio::test]
async fn neither_the_key_nor_a_ticket_nor_what_anybody_says_is_in_a_log_an_error_or_a_debug() {
    let log = Log::of_process();

    let mut gateway = RuntimeGateway::start().await;
    let builder = runtime_client(&gateway.url()).metadata(json!({"password": "hunter2"})).private_key("hunter2");
    let mut shown = format!("{builder:?}");
    let client = builder.build().expect("a valid client");
    let repeats = |status| Reply::new(status, &json!({"error": format!("the key {KEY} is not right")}));
    for status in [401, 500] {
        gateway.once(CONNECT, repeats(status));
        let error = within(client.connect()).await.expect_err("it fails");
        shown += &format!("{error} {error:?}");
    }
    let session = within(client.connect()).await.expect("it connects");
    let mut socket = gateway.socket().await;
    let ticket = socket.uri().split_once('=').expect("a ticket").1.to_owned();
    client.on("x", async |event| Err::<(), _>(event.data().to_owned()));
    client.on("x", async |event| assert!(event.decode::<u8>().is_ok(), "it is no number"));
    let mut received = collected(&client, "x");
    let mut events = client.events();
    tell(&mut socket, "x", json!("hunter2")).await;
    socket.send_text(r#""hunter2""#).await;
    socket.send_text(r#"{"hunter2":1}"#).await;
    next(&mut received).await;
    shown += &format!("{:?} {client:?}", within(events.next()).await);
    gateway.once("GET /v1/x", Reply::text(200, r#""hunter2""#));
    let error = within(client.request::<u8>("GET", "/v1/x", ())).await.expect_err("no number");
    shown += &format!("{error} {error:?}");
    is_served(&client, &mut socket).await;
    gateway.once(CONNECT, repeats(503));
    drop(socket);
    gateway.socket().await;
    reaches(&client, ConnectionState::is_connected).await;

    let log = log.text();
    for logged in ["the key ... is not right", "panicked", "failed", "ignored", "socket ended"] {
        assert!(log.contains(logged), "the log has `{logged}`: {log}");
    }
    for secret in [KEY, "hunter2", &ticket, &session.session_id] {
        assert!(!shown.contains(secret), "{shown}");
        assert_eq!(log.lines().find(|line| line.contains(secret)), None);
    }
}
