//! Tests of the live feed's protocol: its messages, and the ends of connections.

use std::time::Duration;

use platools_gateway::Gateway;
use platools_gateway::feed::{Event, FeedSettings};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::dashboard::{Dashboard, add_agent, close, token_of};
use crate::support::{Caller, Dial, dev_gateway, gateway_with, within};

/// Pings that a test can wait for.
fn quick() -> FeedSettings {
    let mut settings = FeedSettings::default();
    settings.ping_interval = Duration::from_millis(250);
    settings
}

fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|time| time.len() == 24 && time.ends_with('Z'))
}

#[tokio::test]
async fn a_dashboard_is_told_that_it_is_connected_then_how_everything_is_and_then_what_happens() {
    let gateway = dev_gateway().await;
    let agent = add_agent(&gateway, "trader").await;
    for name in [agent.as_str(), "trader"] {
        let dial = Dashboard::dial(&gateway, &token_of(&gateway, "u-1").await, name);
        let mut dashboard = Dashboard::open(dial).await;
        let connected = dashboard.expect("connected").await;
        assert_eq!(connected["agentId"], name, "as the dashboard named it");
        assert!(is_time(&connected["timestamp"]), "{connected}");
        assert_eq!(dashboard.expect("initial_data").await, json!({"tools": [], "workers": [], "calls": []}));
        assert_eq!(gateway.feed().publish(&agent, Event::new("order", &json!({"id": 1}))).unwrap(), 1);
        assert_eq!(dashboard.next().await, json!({"type": "order", "data": {"id": 1}}));
        dashboard.leave().await;
    }
}

#[tokio::test]
async fn a_newer_connection_closes_the_older_one_of_the_same_agent() {
    let gateway = dev_gateway().await;
    let agent = add_agent(&gateway, "trader").await;
    add_agent(&gateway, "other").await;
    let mut other = Dashboard::of(&gateway, "other").await;
    let mut older = Dashboard::of(&gateway, "trader").await;
    let mut newer = Dashboard::of(&gateway, "trader").await;
    assert_eq!(older.closed().await, close(1000, "New connection established"));
    assert_eq!(gateway.feed().connection_count(), 2);
    gateway.feed().publish(&agent, Event::new("order", "x")).unwrap();
    assert_eq!(newer.expect("order").await, "x");
    other.say(json!({"type": "ping"})).await;
    assert_eq!(other.next().await["type"], "pong");
}

#[tokio::test]
async fn pings_and_subscriptions_are_answered() {
    let gateway = dev_gateway().await;
    let agent = add_agent(&gateway, "trader").await;
    let mut dashboard = Dashboard::of(&gateway, "trader").await;
    dashboard.say(json!({"type": "ping", "timestamp": "2026-01-01T00:00:00.000Z"})).await;
    let pong = dashboard.next().await;
    assert!(pong["type"] == "pong" && is_time(&pong["timestamp"]) && pong["data"] == Value::Null, "{pong}");
    for (subscribe, named) in [
        (json!({"type": "subscribe", "data": {"agentId": agent.as_str()}}), agent.as_str()),
        (json!({"type": "subscribe", "agentId": agent.as_str()}), agent.as_str()),
        (json!({"type": "subscribe", "data": {"agentId": "trader"}}), "trader"),
        (json!({"type": "subscribe"}), "trader"),
    ] {
        dashboard.say(subscribe).await;
        assert_eq!(dashboard.expect("subscribed").await["agentId"], named);
    }
    dashboard.say(json!({"type": "subscribe", "data": {"agentId": "another"}})).await;
    dashboard.error("another agent").await;
}

#[tokio::test]
async fn what_makes_no_sense_is_answered_and_the_connection_stays() {
    let gateway = dev_gateway().await;
    add_agent(&gateway, "trader").await;
    let mut dashboard = Dashboard::of(&gateway, "trader").await;
    for (text, part) in [
        ("", "not JSON"),
        ("nonsense", "not JSON"),
        ("{\"type\":\"ping\"", "not JSON"),
        ("[1]", "an object"),
        ("{}", "an object"),
        ("{\"type\":7}", "an object"),
        ("{\"type\":\"order\"}", "not known"),
    ] {
        dashboard.send(Message::text(text)).await;
        dashboard.error(part).await;
    }
    dashboard.send(Message::binary(vec![1, 2, 3])).await;
    dashboard.error("binary").await;
    dashboard.say(json!({"type": "ping", "more": [{}]})).await;
    assert_eq!(dashboard.next().await["type"], "pong");
    dashboard.send(Message::text("x".repeat(64 * 1024 + 1))).await;
    assert_eq!(dashboard.closed().await.0, 1009);
}

#[tokio::test]
async fn a_dashboard_that_answers_pings_stays_and_one_that_says_something_else_is_closed() {
    let (gateway, _, _) = gateway_with(Gateway::builder().feed(quick())).await;
    let agent = add_agent(&gateway, "trader").await;
    let mut dashboard = Dashboard::of(&gateway, "trader").await;
    // More than three intervals: without its pongs it would be gone by then.
    for _ in 0..5 {
        answer_ping(&mut dashboard).await;
    }
    // Anything else is no pong, however often it comes.
    let closed = within(dashboard.closed_while_saying(json!({"type": "subscribe"}))).await;
    assert_eq!(closed, close(1000, "Connection timeout"));
    assert!(!gateway.feed().is_watched(&agent));
}

/// Reads a ping and answers it.
async fn answer_ping(dashboard: &mut Dashboard) {
    let ping = next_ping(dashboard).await;
    dashboard.say(json!({"type": "pong", "timestamp": ping["timestamp"]})).await;
}

/// Reads a ping and does not answer it.
async fn next_ping(dashboard: &mut Dashboard) -> Value {
    let ping = dashboard.next().await;
    assert!(ping["type"] == "ping" && is_time(&ping["timestamp"]), "{ping}");
    ping
}

#[tokio::test]
async fn a_dashboard_that_misses_one_ping_gets_another_before_it_is_closed() {
    let (gateway, _, _) = gateway_with(Gateway::builder().feed(quick())).await;
    add_agent(&gateway, "trader").await;
    let mut dashboard = Dashboard::of(&gateway, "trader").await;
    // It misses every other ping, beginning with the first.
    for _ in 0..3 {
        next_ping(&mut dashboard).await;
        answer_ping(&mut dashboard).await;
    }
    // Two pings without a pong, and no third.
    for _ in 0..2 {
        next_ping(&mut dashboard).await;
    }
    assert_eq!(dashboard.next_close().await, close(1000, "Connection timeout"));
}

#[tokio::test]
async fn dashboards_are_closed_before_nobody_listens_any_more() {
    let gateway = dev_gateway().await;
    add_agent(&gateway, "trader").await;
    let mut dashboard = Dashboard::of(&gateway, "trader").await;
    let address = gateway.address();
    let stopping = tokio::spawn(gateway.shutdown());
    assert_eq!(dashboard.close_frame().await, close(1000, "Server shutdown"));
    // The close is not answered yet.
    within(TcpStream::connect(address)).await.expect("somebody still listens");
    dashboard.end().await;
    within(stopping).await.unwrap();
    TcpStream::connect(address).await.unwrap_err();
}

#[tokio::test]
async fn a_dropped_gateway_closes_its_dashboards() {
    let gateway = dev_gateway().await;
    add_agent(&gateway, "trader").await;
    let mut dashboard = Dashboard::of(&gateway, "trader").await;
    drop(gateway);
    assert_eq!(dashboard.closed().await, close(1000, "Server shutdown"));
}

#[tokio::test]
async fn a_dashboard_that_goes_is_not_counted_any_more() {
    let gateway = dev_gateway().await;
    let agent = add_agent(&gateway, "trader").await;
    let caller = Caller::admin(&gateway);
    let dashboard = Dashboard::of(&gateway, "trader").await;
    let _worker = Dial::dev(&gateway).welcomed().await;
    assert_eq!(caller.get("/health").await.body, json!({"status": "healthy", "connectionCount": 2}));
    let (_, figures) = caller.text("/metrics").await;
    assert!(figures.contains("\nplatools_watched_agents{} 1\n"), "{figures}");
    assert!(gateway.feed().is_watched(&agent));
    dashboard.leave().await;
    within(async {
        while gateway.feed().connection_count() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    within(async { while caller.get("/health").await.body["connectionCount"] != 1 {} }).await;
}
