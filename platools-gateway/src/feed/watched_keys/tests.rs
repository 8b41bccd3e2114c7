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
fn watchers(interest: &KeyInterest, key: StreamKey<'_>) -> Vec<String> {
    let watchers = interest.watchers(key).map(|(_, watchers)| watchers);
    let mut names: Vec<_> = watchers.iter().flat_map(|all| all.keys()).map(ToString::to_string).collect();
    names.sort();
    names
}

fn is_empty(interest: &KeyInterest) -> bool {
    interest.declared.lock().unwrap().is_empty() && interest.index.read().unwrap().is_empty()
}

#[test]
fn keys_outlive_connections_and_only_connected_agents_are_listed() {
    let (interest, first) = (KeyInterest::default(), subscription("a"));
    interest.change().add(&agent("a"), PRICES, &["x", "y"], None);
    interest.change().add(&agent("b"), PRICES, &["x"], None);
    assert!(interest.watchers(PRICES.key("x")).is_none(), "nobody is connected");
    interest.change().connect(&first);
    interest.change().connect(&subscription("b"));
    assert_eq!(watchers(&interest, PRICES.key("x")), ["a", "b"]);
    assert_eq!(watchers(&interest, PRICES.key("y")), ["a"]);
    assert!(interest.watchers(SPEEDS.key("x")).is_none(), "another stream");
    interest.change().disconnect(&agent("a"));
    assert_eq!(watchers(&interest, PRICES.key("x")), ["b"]);
    assert!(interest.watchers(PRICES.key("y")).is_none());
    let second = subscription("a");
    interest.change().connect(&second);
    let (_, listed) = interest.watchers(PRICES.key("y")).unwrap();
    assert!(Arc::ptr_eq(&listed[&agent("a")], &second), "the connection that is there now");
}

#[test]
fn keys_are_added_removed_and_replaced_for_one_stream() {
    let (interest, connected) = (KeyInterest::default(), subscription("a"));
    let (agent, subscription) = (agent("a"), Some(&connected));
    interest.change().add(&agent, PRICES, &["x", "y", "y"], subscription);
    interest.change().add(&agent, SPEEDS, &["x"], subscription);
    interest.change().set(&agent, PRICES, &["y", "z"], subscription);
    let mut keys = interest.watched_keys(PRICES);
    keys.sort();
    assert_eq!(keys, ["y".into(), "z".into()]);
    assert_eq!(watchers(&interest, SPEEDS.key("x")), ["a"]);
    interest.change().remove(&agent, PRICES, &["y", "unknown"], subscription);
    assert!(interest.watchers(PRICES.key("y")).is_none());
    interest.change().set::<&str>(&agent, PRICES, &[], subscription);
    interest.change().remove(&agent, SPEEDS, &["x"], subscription);
    assert!(is_empty(&interest));
}

#[test]
fn watchers_that_a_publisher_reads_stay_as_they_were() {
    let interest = KeyInterest::default();
    interest.change().add(&agent("a"), PRICES, &["x"], Some(&subscription("a")));
    let (_, before) = interest.watchers(PRICES.key("x")).unwrap();
    interest.change().add(&agent("b"), PRICES, &["x"], Some(&subscription("b")));
    assert_eq!(before.len(), 1);
    assert_eq!(watchers(&interest, PRICES.key("x")), ["a", "b"]);
}

#[test]
fn keys_of_agents_that_are_gone_are_dropped_at_the_second_sweep() {
    let interest = KeyInterest::default();
    interest.change().add(&agent("stays"), PRICES, &["x"], None);
    interest.change().add(&agent("gone"), PRICES, &["x", "y"], Some(&subscription("gone")));
    let exists = |agent: &AgentId| agent.as_str() == "stays";
    interest.change().sweep(exists);
    assert_eq!(watchers(&interest, PRICES.key("y")), ["gone"], "it may be in the directory a moment later");
    interest.change().sweep(|_| true);
    interest.change().sweep(exists);
    assert_eq!(watchers(&interest, PRICES.key("y")), ["gone"], "it was there meanwhile");
    interest.change().sweep(exists);
    assert!(interest.index.read().unwrap().is_empty());
    assert_eq!(interest.declared.lock().unwrap().len(), 1);
    interest.change().sweep(|_| false);
    interest.change().sweep(|_| false);
    assert!(is_empty(&interest));
}
