//! Tests of the index of watched keys.

use super::*;
use crate::domain::identity::Caller;
use crate::feed::FeedSettings;

const PRICES: KeyedStream = KeyedStream::new("prices");
const SPEEDS: KeyedStream = KeyedStream::new("speeds");

fn agent(name: &str) -> AgentId {
    name.into()
}

fn subscription(name: &str) -> Arc<Subscription> {
    let (agent, caller) = ((agent(name), "prj".into()), Caller::sample("key"));
    Arc::new(Subscription::new(agent, caller, None, &FeedSettings::default()))
}

/// The agents whose dashboards get a key.
fn watchers(watched: &WatchedKeys, key: StreamKey<'_>) -> Vec<String> {
    let watchers = watched.watchers(key).map(|(_, watchers)| watchers);
    let mut names: Vec<_> = watchers.iter().flat_map(|all| all.keys()).map(ToString::to_string).collect();
    names.sort();
    names
}

fn is_empty(watched: &WatchedKeys) -> bool {
    watched.declared.lock().unwrap().is_empty() && watched.index.read().unwrap().is_empty()
}

#[test]
fn keys_outlive_connections_and_only_connected_agents_are_listed() {
    let (watched, first) = (WatchedKeys::default(), subscription("a"));
    watched.change().add(&agent("a"), PRICES, &["x", "y"], None);
    watched.change().add(&agent("b"), PRICES, &["x"], None);
    assert!(watched.watchers(PRICES.key("x")).is_none(), "nobody is connected");
    watched.change().connect(&first);
    watched.change().connect(&subscription("b"));
    assert_eq!(watchers(&watched, PRICES.key("x")), ["a", "b"]);
    assert_eq!(watchers(&watched, PRICES.key("y")), ["a"]);
    assert!(watched.watchers(SPEEDS.key("x")).is_none(), "another stream");
    watched.change().disconnect(&agent("a"));
    assert_eq!(watchers(&watched, PRICES.key("x")), ["b"]);
    assert!(watched.watchers(PRICES.key("y")).is_none());
    let second = subscription("a");
    watched.change().connect(&second);
    let (_, listed) = watched.watchers(PRICES.key("y")).unwrap();
    assert!(Arc::ptr_eq(&listed[&agent("a")], &second), "the connection that is there now");
}

#[test]
fn keys_are_added_removed_and_replaced_for_one_stream() {
    let (watched, connected) = (WatchedKeys::default(), subscription("a"));
    let (agent, subscription) = (agent("a"), Some(&connected));
    watched.change().add(&agent, PRICES, &["x", "y", "y"], subscription);
    watched.change().add(&agent, SPEEDS, &["x"], subscription);
    watched.change().set(&agent, PRICES, &["y", "z"], subscription);
    let mut keys = watched.watched_keys(PRICES);
    keys.sort();
    assert_eq!(keys, ["y".into(), "z".into()]);
    assert_eq!(watchers(&watched, SPEEDS.key("x")), ["a"]);
    watched.change().remove(&agent, PRICES, &["y", "unknown"], subscription);
    assert!(watched.watchers(PRICES.key("y")).is_none());
    watched.change().set::<&str>(&agent, PRICES, &[], subscription);
    watched.change().remove(&agent, SPEEDS, &["x"], subscription);
    assert!(is_empty(&watched));
}

#[test]
fn watchers_that_a_publisher_reads_stay_as_they_were() {
    let watched = WatchedKeys::default();
    watched.change().add(&agent("a"), PRICES, &["x"], Some(&subscription("a")));
    let (_, before) = watched.watchers(PRICES.key("x")).unwrap();
    watched.change().add(&agent("b"), PRICES, &["x"], Some(&subscription("b")));
    assert_eq!(before.len(), 1);
    assert_eq!(watchers(&watched, PRICES.key("x")), ["a", "b"]);
}

#[test]
fn keys_of_agents_that_are_gone_are_dropped_at_the_second_sweep() {
    let watched = WatchedKeys::default();
    watched.change().add(&agent("stays"), PRICES, &["x"], None);
    watched.change().add(&agent("gone"), PRICES, &["x", "y"], Some(&subscription("gone")));
    let exists = |agent: &AgentId| agent.as_str() == "stays";
    watched.change().sweep(exists);
    assert_eq!(watchers(&watched, PRICES.key("y")), ["gone"], "it may be in the directory a moment later");
    watched.change().sweep(|_| true);
    watched.change().sweep(exists);
    assert_eq!(watchers(&watched, PRICES.key("y")), ["gone"], "it was there meanwhile");
    watched.change().sweep(exists);
    assert!(watched.index.read().unwrap().is_empty());
    assert_eq!(watched.declared.lock().unwrap().len(), 1);
    watched.change().sweep(|_| false);
    watched.change().sweep(|_| false);
    assert!(is_empty(&watched));
}
