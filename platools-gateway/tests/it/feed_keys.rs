//! Tests of values under a key, which reach the dashboards of all agents that watch the key.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use platools_gateway::Gateway;
use platools_gateway::domain::ids::AgentId;
use platools_gateway::feed::{Event, FeedSettings, FeedSnapshot, KeyedStream, SnapshotProvider, Watched};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::dashboard::{Dashboard, add_agent, token_of};
use crate::support::{dev_gateway, gateway_with, within};

const PRICES: KeyedStream = KeyedStream::new("price_update_batch");

/// A value that counts how often it is serialized.
struct Counted<'a>(&'a AtomicUsize, &'a str);

impl Serialize for Counted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.fetch_add(1, Ordering::SeqCst);
        serializer.serialize_str(self.1)
    }
}

/// Finds the keys of an agent, waits for a permit, and only then reads the values.
#[derive(Debug)]
struct Holdings {
    found: Semaphore,
    may_read: Semaphore,
}

impl SnapshotProvider for Holdings {
    fn snapshot<'a>(
        &'a self,
        watched: &'a Watched,
    ) -> BoxFuture<'a, Result<FeedSnapshot, Box<dyn std::error::Error + Send + Sync>>> {
        async move {
            watched.feed().set_keys(&watched.agent_id, PRICES, ["SOL"]);
            self.found.add_permits(1);
            self.may_read.acquire().await?.forget();
            Ok(FeedSnapshot::of(&json!({"positions": ["SOL"]}))?)
        }
        .boxed()
    }
}

/// The values of the next batch.
async fn batch(dashboard: &mut Dashboard) -> Value {
    dashboard.expect("price_update_batch").await["updates"].take()
}

/// Publishes an event, and reads it as the next message: nothing else was sent before.
async fn hears_nothing_else(gateway: &Gateway, agent: &AgentId, dashboard: &mut Dashboard) {
    gateway.feed().publish(agent, Event::new("end", "")).unwrap();
    dashboard.expect("end").await;
}

/// A gateway whose values wait so long that a test decides what is in a batch.
async fn slow_ticks() -> Gateway {
    let mut settings = FeedSettings::default();
    settings.tick = Duration::from_millis(500);
    gateway_with(Gateway::builder().feed(settings)).await.0
}

#[tokio::test]
async fn a_value_is_serialized_once_and_reaches_only_agents_that_watch_its_key() {
    let gateway = slow_ticks().await;
    let (feed, count) = (gateway.feed(), AtomicUsize::new(0));
    let (mut agents, mut dashboards) = (Vec::new(), Vec::new());
    for (slug, keys) in [("one", vec!["SOL", "BONK"]), ("two", vec!["SOL"]), ("three", vec!["WIF"])] {
        let agent = add_agent(&gateway, slug).await;
        feed.watch_keys(&agent, PRICES, keys);
        dashboards.push(Dashboard::of(&gateway, slug).await);
        agents.push(agent);
    }
    let publish = |token: &str| feed.publish_value(PRICES.key(token), &Counted(&count, token)).unwrap();
    assert_eq!(["SOL", "BONK", "USDC"].map(publish), [2, 1, 0]);
    assert_eq!(count.load(Ordering::SeqCst), 2, "once for all, and never for nobody");
    assert_eq!(batch(&mut dashboards[0]).await, json!(["SOL", "BONK"]));
    assert_eq!(batch(&mut dashboards[1]).await, json!(["SOL"]));
    hears_nothing_else(&gateway, &agents[2], &mut dashboards[2]).await;
    let refused = feed.publish_value(KeyedStream::new("ping").key("SOL"), &1);
    assert_eq!(refused.unwrap(), 0, "nobody watches that stream");
    feed.watch_keys(&agents[0], KeyedStream::new("ping"), ["SOL"]);
    feed.publish_value(KeyedStream::new("ping").key("SOL"), &1).unwrap_err();
}

#[tokio::test]
async fn a_key_that_no_connected_agent_watches_costs_no_serialization() {
    let gateway = dev_gateway().await;
    let (feed, count, agent) = (gateway.feed(), AtomicUsize::new(0), add_agent(&gateway, "trader").await);
    feed.watch_keys(&agent, PRICES, ["SOL"]);
    for token in ["SOL", "BONK"] {
        assert_eq!(feed.publish_value(PRICES.key(token), &Counted(&count, token)).unwrap(), 0);
        assert!(!feed.is_key_watched(PRICES.key(token)));
    }
    assert!(feed.watched_keys(PRICES).is_empty());
    let _dashboard = Dashboard::of(&gateway, "trader").await;
    assert!(feed.is_key_watched(PRICES.key("SOL")) && !feed.is_key_watched(PRICES.key("BONK")));
    assert_eq!(feed.watched_keys(PRICES), [Arc::from("SOL")]);
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn keys_of_an_agent_outlive_its_connection_and_a_newer_one_gets_their_values() {
    let gateway = dev_gateway().await;
    let (feed, agent) = (gateway.feed(), add_agent(&gateway, "trader").await);
    feed.watch_keys(&agent, PRICES, ["SOL"]);
    let older = Dashboard::of(&gateway, "trader").await;
    let mut newer = Dashboard::of(&gateway, "trader").await;
    assert_eq!(feed.publish_value(PRICES.key("SOL"), &1).unwrap(), 1, "the newer one only");
    assert_eq!(batch(&mut newer).await, json!([1]));
    older.leave().await;
    newer.leave().await;
    within(async {
        while feed.is_key_watched(PRICES.key("SOL")) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut again = Dashboard::of(&gateway, "trader").await;
    assert_eq!(feed.publish_value(PRICES.key("SOL"), &2).unwrap(), 1);
    assert_eq!(batch(&mut again).await, json!([2]));
}

#[tokio::test]
async fn a_value_published_while_the_snapshot_is_made_comes_after_it() {
    let provider = Arc::new(Holdings { found: Semaphore::new(0), may_read: Semaphore::new(0) });
    let (gateway, _, _) = gateway_with(Gateway::builder().snapshots(Arc::clone(&provider) as _)).await;
    add_agent(&gateway, "trader").await;
    let dial = Dashboard::dial(&gateway, &token_of(&gateway, "u-1").await, "trader");
    let mut dashboard = Dashboard::open(dial).await;
    dashboard.expect("connected").await;
    within(provider.found.acquire()).await.unwrap().forget();
    let feed = gateway.feed();
    assert_eq!(feed.publish_value(PRICES.key("SOL"), &7).unwrap(), 1, "declared by the provider");
    assert_eq!(feed.publish_value(PRICES.key("BONK"), &8).unwrap(), 0);
    provider.may_read.add_permits(1);
    assert_eq!(dashboard.expect("initial_data").await, json!({"positions": ["SOL"]}));
    assert_eq!(batch(&mut dashboard).await, json!([7]));
}

#[tokio::test]
async fn values_of_a_key_that_an_agent_stops_watching_do_not_come_any_more() {
    let gateway = slow_ticks().await;
    let (feed, agent) = (gateway.feed(), add_agent(&gateway, "trader").await);
    let mut dashboard = Dashboard::of(&gateway, "trader").await;
    feed.watch_keys(&agent, PRICES, ["SOL", "BONK", "WIF"]);
    for token in ["SOL", "BONK", "WIF"] {
        assert_eq!(feed.publish_value(PRICES.key(token), token).unwrap(), 1);
    }
    // They wait for the tick.
    feed.unwatch_keys(&agent, PRICES, ["SOL"]);
    feed.set_keys(&agent, PRICES, ["BONK", "USDC"]);
    assert_eq!(feed.publish_value(PRICES.key("SOL"), "SOL").unwrap(), 0);
    assert_eq!(feed.publish_value(PRICES.key("USDC"), "USDC").unwrap(), 1);
    assert_eq!(batch(&mut dashboard).await, json!(["BONK", "USDC"]));
    feed.set_keys(&agent, PRICES, [""; 0]);
    assert!(feed.watched_keys(PRICES).is_empty());
    hears_nothing_else(&gateway, &agent, &mut dashboard).await;
}
