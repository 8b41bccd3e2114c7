//! Tests of many dashboards at the same time.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::join_all;
use platools_gateway::Gateway;
use platools_gateway::domain::ids::AgentId;
use platools_gateway::feed::{Event, KeyedStream};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

use crate::dashboard::{Dashboard, add_agent};
use crate::support::{dev_gateway, within};

const AGENTS: usize = 100;
const KEYS: usize = 50;
const ROUNDS: usize = 20;
/// The last value of each key.
const LAST: usize = 2 * ROUNDS;
const VALUES: KeyedStream = KeyedStream::new("values");

/// Changes every value of every agent twice in each round, and says when that is over.
async fn publish(gateway: &Gateway, agents: &[AgentId]) {
    let feed = gateway.feed();
    let mut rounds = interval(Duration::from_millis(20));
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in 1..=ROUNDS {
        rounds.tick().await;
        for key in 0..KEYS {
            for agent in agents {
                // The first of the two is replaced before it could travel, or nearly always.
                for value in [2 * round - 1, 2 * round] {
                    let value = json!({"key": key, "value": value, "agent": agent.as_str()});
                    assert_eq!(feed.publish_keyed(agent, VALUES.key(&key.to_string()), &value).unwrap(), 1);
                }
            }
        }
    }
    // Values travel within a tick, and this does not wait for it.
    feed.publish_to(agents, Event::new("over", &Value::Null)).unwrap();
}

/// Reads until every value is the last one. Returns how many values came.
async fn follow(dashboard: &mut Dashboard, agent: &AgentId) -> usize {
    let (mut values, mut came, mut is_over) = (HashMap::<u64, usize>::new(), 0, false);
    while !is_over || values.len() < KEYS || values.values().any(|value| *value != LAST) {
        let message = dashboard.next().await;
        is_over |= message["type"] == "over";
        for update in message["data"]["updates"].as_array().into_iter().flatten() {
            assert_eq!(update["agent"], agent.as_str());
            let (key, value) = (update["key"].as_u64().unwrap(), update["value"].as_u64().unwrap());
            let value = usize::try_from(value).unwrap();
            let before = values.insert(key, value).unwrap_or(0);
            assert!(before < value, "values of a key come in order, and none twice");
            came += 1;
        }
    }
    came
}

#[tokio::test(flavor = "multi_thread")]
async fn many_dashboards_get_every_last_value() {
    let gateway = dev_gateway().await;
    let mut agents = Vec::new();
    for number in 0..AGENTS {
        agents.push(add_agent(&gateway, &format!("agent-{number}")).await);
    }
    let mut dashboards = join_all(agents.iter().map(|agent| Dashboard::of(&gateway, agent.as_str()))).await;
    assert_eq!(gateway.feed().connection_count(), AGENTS);
    let follow = join_all(dashboards.iter_mut().zip(&agents).map(|(dashboard, agent)| follow(dashboard, agent)));
    let (came, ()) = within(async { tokio::join!(follow, publish(&gateway, &agents)) }).await;
    let published = KEYS * LAST;
    assert!(came.iter().all(|came| (KEYS..=published).contains(came)), "{came:?}");
}

/// The keys of the load test with interest, and how many of them each agent watches.
const SHARED_KEYS: usize = 200;
const WATCHED: usize = 20;

/// The keys that an agent watches.
fn watched(agent: usize) -> impl Iterator<Item = usize> {
    (0..WATCHED).map(move |number| (agent * 7 + number * 13) % SHARED_KEYS)
}

/// Publishes each value of each round once for all, while agents watch further keys and leave them.
async fn publish_values(gateway: &Gateway, agents: &[AgentId]) {
    let feed = gateway.feed();
    for round in 1..=LAST {
        for key in 0..SHARED_KEYS {
            let name = key.to_string();
            feed.publish_value(VALUES.key(&name), &json!({"key": key, "value": round})).unwrap();
        }
        let agent = round % AGENTS;
        feed.watch_keys(&agents[agent], VALUES, ["another"]);
        feed.set_keys(&agents[agent], VALUES, watched(agent).map(|key| key.to_string()));
        tokio::task::yield_now().await;
    }
}

/// Reads until every value that the agent watches is the last one.
async fn follow_watched(dashboard: &mut Dashboard, agent: usize) {
    let mut values: HashMap<usize, usize> = watched(agent).map(|key| (key, 0)).collect();
    while values.values().any(|value| *value != LAST) {
        let message = dashboard.next().await;
        for update in message["data"]["updates"].as_array().into_iter().flatten() {
            let (key, value) = (update["key"].as_u64().unwrap(), update["value"].as_u64().unwrap());
            let (key, value) = (usize::try_from(key).unwrap(), usize::try_from(value).unwrap());
            let before = values.get_mut(&key).expect("a key that the agent watches");
            assert!(*before < value, "values of a key come in order, and none twice");
            *before = value;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_dashboards_get_every_last_value_of_the_keys_that_their_agents_watch_and_of_no_other() {
    let gateway = dev_gateway().await;
    let mut agents = Vec::new();
    for number in 0..AGENTS {
        let agent = add_agent(&gateway, &format!("agent-{number}")).await;
        gateway.feed().watch_keys(&agent, VALUES, watched(number).map(|key| key.to_string()));
        agents.push(agent);
    }
    let mut dashboards = join_all(agents.iter().map(|agent| Dashboard::of(&gateway, agent.as_str()))).await;
    let follow = join_all(dashboards.iter_mut().enumerate().map(|(agent, dashboard)| follow_watched(dashboard, agent)));
    within(async { tokio::join!(follow, publish_values(&gateway, &agents)) }).await;
}
