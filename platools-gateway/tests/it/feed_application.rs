//! Tests of the live feed with an application that provides snapshots, events and values.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use platools_gateway::feed::{Event, FeedSettings, FeedSnapshot, KeyedStream, SnapshotProvider, Watched};
use platools_gateway::{Gateway, Role};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::dashboard::{Dashboard, add_agent, token, token_of};
use crate::support::{Dial, gateway_with, within};

const PRICES: KeyedStream = KeyedStream::new("price_update_batch");

type Made = Result<FeedSnapshot, Box<dyn std::error::Error + Send + Sync>>;

/// Makes snapshots that count, as soon as the test lets it.
#[derive(Debug)]
struct Counting {
    asked: AtomicUsize,
    may: Semaphore,
}

impl Counting {
    fn new(may: usize) -> Arc<Self> {
        Arc::new(Self { asked: AtomicUsize::new(0), may: Semaphore::new(may) })
    }
}

impl SnapshotProvider for Counting {
    fn snapshot<'a>(&'a self, watched: &'a Watched) -> BoxFuture<'a, Made> {
        async move {
            let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            self.may.acquire().await?.forget();
            Ok(FeedSnapshot::of(&json!({"number": number, "agent": watched.agent, "user": watched.caller.user_id}))?)
        }
        .boxed()
    }
}

/// Makes none: it fails, panics or hangs.
#[derive(Debug)]
struct Failing(&'static str);

impl SnapshotProvider for Failing {
    fn snapshot<'a>(&'a self, _: &'a Watched) -> BoxFuture<'a, Made> {
        async move {
            match self.0 {
                "fails" => Err("the password h1dden is wrong".into()),
                "panics" => panic!("as told"),
                _ => std::future::pending().await,
            }
        }
        .boxed()
    }
}

/// A value that counts how often it is serialized.
struct Counted<'a>(&'a AtomicUsize);

impl Serialize for Counted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.fetch_add(1, Ordering::SeqCst);
        serializer.serialize_str("counted")
    }
}

fn settings(change: impl FnOnce(&mut FeedSettings)) -> FeedSettings {
    let mut settings = FeedSettings::default();
    change(&mut settings);
    settings
}

async fn gateway(settings: FeedSettings, provider: Arc<dyn SnapshotProvider>) -> Gateway {
    gateway_with(Gateway::builder().feed(settings).snapshots(provider)).await.0
}

#[tokio::test]
async fn what_happens_while_the_snapshot_is_made_is_told_after_it() {
    let provider = Counting::new(0);
    let gateway = gateway(FeedSettings::default(), Arc::clone(&provider) as _).await;
    let agent = add_agent(&gateway, "trader").await;
    let mut dashboard = Dashboard::open(Dashboard::dial(&gateway, &token_of(&gateway, "u-1").await, "trader")).await;
    dashboard.expect("connected").await;
    let feed = gateway.feed();
    feed.publish(&agent, Event::new("order", &1)).unwrap();
    feed.publish_keyed(&agent, PRICES.key("a"), &1).unwrap();
    within(async {
        while provider.asked.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    feed.publish(&agent, Event::new("order", &2)).unwrap();
    // What the dashboard says is answered meanwhile.
    dashboard.say(json!({"type": "ping"})).await;
    assert_eq!(dashboard.next().await["type"], "pong");
    provider.may.add_permits(1);
    let snapshot = dashboard.expect("initial_data").await;
    assert_eq!(snapshot, json!({"number": 1, "agent": "trader", "user": "u-1"}));
    let (mut orders, mut prices) = (Vec::new(), Value::Null);
    while orders.len() < 2 || prices == Value::Null {
        let message = dashboard.next().await;
        match message["type"].as_str() {
            Some("order") => orders.push(message["data"].clone()),
            _ => prices = message["data"]["updates"].clone(),
        }
    }
    assert_eq!((orders, prices), (vec![json!(1), json!(2)], json!([1])));
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_made_is_an_error_message_and_events_go_on() {
    for how in ["fails", "panics", "hangs"] {
        let settings = settings(|settings| settings.snapshot_limit = Duration::from_millis(200));
        let gateway = gateway(settings, Arc::new(Failing(how))).await;
        let agent = add_agent(&gateway, "trader").await;
        let mut dashboard =
            Dashboard::open(Dashboard::dial(&gateway, &token_of(&gateway, "u-1").await, "trader")).await;
        dashboard.expect("connected").await;
        let error = dashboard.expect("error").await;
        assert_eq!(
            error,
            json!({"message": "there is no snapshot at the moment; another one follows as soon as there is"})
        );
        gateway.feed().publish(&agent, Event::new("order", &1)).unwrap();
        assert_eq!(dashboard.expect("order").await, 1, "{how}");
    }
}

#[tokio::test]
async fn of_each_key_the_last_value_travels_and_there_is_one_message_a_tick() {
    let settings = settings(|settings| settings.tick = Duration::from_millis(500));
    let gateway = gateway(settings, Counting::new(1)).await;
    let agent = add_agent(&gateway, "trader").await;
    let mut dashboard = Dashboard::of(&gateway, "trader").await;
    let feed = gateway.feed();
    for round in 0..100 {
        for token in ["a", "b", "c"] {
            let price = json!({"tokenAddress": token, "price": round});
            assert_eq!(feed.publish_keyed(&agent, PRICES.key(token), &price).unwrap(), 1);
        }
    }
    feed.publish_keyed(&agent, PRICES.key("a"), &json!({"tokenAddress": "a", "price": 0.5})).unwrap();
    let batch = dashboard.expect("price_update_batch").await;
    assert!(batch["timestamp"].as_str().unwrap().ends_with('Z'));
    let expected = [("a", json!(0.5)), ("b", json!(99)), ("c", json!(99))];
    let expected = expected.map(|(token, price)| json!({"tokenAddress": token, "price": price}));
    assert_eq!(batch["updates"], json!(expected));
    // Nothing is left of it.
    feed.publish(&agent, Event::new("end", "")).unwrap();
    dashboard.expect("end").await;
    feed.publish_keyed(&agent, PRICES.key("b"), &json!(7)).unwrap();
    assert_eq!(dashboard.expect("price_update_batch").await["updates"], json!([7]));
}

#[tokio::test]
async fn nothing_is_serialized_for_the_absent_and_once_for_all_who_are_there() {
    let gateway = gateway(FeedSettings::default(), Counting::new(3)).await;
    let (feed, count) = (gateway.feed(), AtomicUsize::new(0));
    let mut agents = Vec::new();
    for number in 0..5 {
        agents.push(add_agent(&gateway, &format!("agent-{number}")).await);
    }
    let publish = || {
        let event = feed.publish_to(&agents, Event::new("order", &Counted(&count))).unwrap();
        (event, feed.publish_keyed_to(&agents, PRICES.key("a"), &Counted(&count)).unwrap())
    };
    for _ in 0..1000 {
        assert_eq!(publish(), (0, 0));
        assert_eq!(feed.publish(&agents[0], Event::new("order", &Counted(&count))).unwrap(), 0);
        assert_eq!(feed.publish_keyed(&agents[0], PRICES.key("a"), &Counted(&count)).unwrap(), 0);
        // Not even what would be refused is looked at.
        assert_eq!(feed.publish(&agents[0], Event::new("ping", &Counted(&count))).unwrap(), 0);
    }
    assert_eq!(count.load(Ordering::SeqCst), 0);

    let mut dashboards = Vec::new();
    for number in [1, 2, 4] {
        dashboards.push(Dashboard::of(&gateway, &format!("agent-{number}")).await);
    }
    assert_eq!((publish(), count.load(Ordering::SeqCst)), ((3, 3), 2));
    for dashboard in &mut dashboards {
        assert_eq!(dashboard.expect("order").await, "counted");
        assert_eq!(dashboard.expect("price_update_batch").await["updates"], json!(["counted"]));
    }
    assert!(feed.publish(&agents[1], Event::new("ping", &1)).unwrap_err().to_string().contains("protocol"));
}

#[tokio::test]
async fn events_are_for_their_own_agent_only() {
    let gateway = gateway(FeedSettings::default(), Counting::new(2)).await;
    let (one, other) = (add_agent(&gateway, "one").await, add_agent(&gateway, "other").await);
    let (mut first, mut second) = (Dashboard::of(&gateway, "one").await, Dashboard::of(&gateway, "other").await);
    let feed = gateway.feed();
    feed.publish(&one, Event::new("order", "for one")).unwrap();
    feed.publish(&other, Event::new("order", "for the other")).unwrap();
    assert_eq!(first.expect("order").await, "for one");
    assert_eq!(second.expect("order").await, "for the other");
}

/// Publishes until an agent's dashboard, which reads nothing, has so much waiting that events are dropped.
async fn flood(gateway: &Gateway, agent: &platools_gateway::domain::ids::AgentId) {
    let (feed, text) = (gateway.feed(), "x".repeat(100_000));
    for number in 0..200 {
        feed.publish(agent, Event::new("order", &json!({"number": number, "text": text}))).unwrap();
        for token in 0..50 {
            let price = json!({"token": token, "price": number});
            feed.publish_keyed(agent, PRICES.key(&token.to_string()), &price).unwrap();
        }
        // The dashboard's task has its turn.
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_dashboard_that_reads_slowly_holds_nobody_up_and_ends_up_with_the_last_values_and_a_fresh_snapshot() {
    let settings = settings(|settings| (settings.tick, settings.waiting_events) = (Duration::from_millis(20), 4));
    let provider = Counting::new(100);
    let gateway = gateway(settings, Arc::clone(&provider) as _).await;
    let (slow, quick) = (add_agent(&gateway, "slow").await, add_agent(&gateway, "quick").await);
    let dial = Dashboard::dial(&gateway, &token_of(&gateway, "u-1").await, "slow").narrow();
    let mut sleeper = Dashboard::open(dial).await;
    sleeper.expect("connected").await;
    assert_eq!(sleeper.expect("initial_data").await["number"], 1);
    flood(&gateway, &slow).await;

    let mut reader = Dashboard::of(&gateway, "quick").await;
    gateway.feed().publish(&quick, Event::new("order", "at once")).unwrap();
    assert_eq!(reader.expect("order").await, "at once");

    // It wakes up: in the end it has a snapshot of after the last event that it missed, and every last value.
    let (mut prices, mut snapshots, mut last_event) = (HashMap::new(), 1, 0);
    while prices.len() < 50 || prices.values().any(|price| *price != 199) || snapshots == 1 {
        let message = sleeper.next().await;
        match message["type"].as_str().unwrap() {
            "initial_data" => snapshots += 1,
            "order" => last_event = message["data"]["number"].as_u64().unwrap(),
            "ping" => {}
            _ => {
                for price in message["data"]["updates"].as_array().unwrap() {
                    prices.insert(price["token"].as_u64().unwrap(), price["price"].as_u64().unwrap());
                }
            }
        }
    }
    assert!(last_event < 199 || snapshots > 1, "events were dropped, so there was a snapshot");
    assert!(provider.asked.load(Ordering::SeqCst) >= 3);
    gateway.feed().publish(&slow, Event::new("end", "")).unwrap();
    sleeper.until("end").await;
}

#[tokio::test]
async fn an_application_that_has_a_state_of_its_own_hears_nothing_of_the_gateways() {
    let provider = Counting::new(1);
    let (gateway, secret, _) = gateway_with(Gateway::builder().snapshots(provider)).await;
    let agent = add_agent(&gateway, "trader").await;
    let admin = token(&gateway, Role::Admin, None, None).await;
    let mut dashboard = Dashboard::open(Dashboard::dial(&gateway, &admin, "trader")).await;
    dashboard.expect("connected").await;
    dashboard.expect("initial_data").await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["echo"]).await;
    worker.leave().await;
    gateway.feed().publish(&agent, Event::new("end", "")).unwrap();
    dashboard.expect("end").await;
}
