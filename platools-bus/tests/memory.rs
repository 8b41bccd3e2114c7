//! Tests of the bus in one process, with and without faults of its network.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod conformance;

use std::time::Duration;

use conformance::{event, message, subject, subscribe, unordered_cases};
use platools_bus::memory::{Faults, MemoryBus, Network};
use platools_bus::{Bus as _, Event, InboxBounds, NotDelivered, PublishError, RequestError, State};

async fn connected() -> (MemoryBus, MemoryBus, Network) {
    let network = Network::new();
    (network.join(), network.join(), network)
}

async fn delayed() -> (MemoryBus, MemoryBus, Network) {
    let network = Network::unreliable(1, Faults { loss: 0.0, delay: Duration::from_millis(2) });
    (network.join(), network.join(), network)
}

unordered_cases!(in_memory, super::connected; messages_of_one_sender_stay_in_order);

conformance::bus_conformance!(with_delays, super::delayed;
    every_subscriber_of_a_subject_has_the_message,
    requests_have_their_own_answers,
    a_request_without_a_subscriber_is_not_delivered,
    a_request_that_is_dropped_is_unanswered_at_once,
    a_request_that_nobody_answers_ends_at_its_limit,
    a_full_inbox_loses_messages_has_a_gap_and_refuses_requests,
    payloads_of_any_length_arrive_whole,
    longer_payloads_are_refused,
);

#[tokio::test(start_paused = true)]
async fn the_seed_decides_which_messages_are_lost() {
    let mut lost = Vec::new();
    for seed in [7, 7, 8] {
        let network = Network::unreliable(seed, Faults { loss: 0.3, delay: Duration::from_millis(50) });
        let (one, other) = (network.join(), network.join());
        let mut subscription = subscribe(&other, "a").await;
        for number in 0..1000 {
            one.publish(&subject("a"), format!("{number}").into()).unwrap();
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        other.close().await;
        let mut arrived = Vec::new();
        while let Some(Event::Message(message)) = subscription.next().await {
            arrived.push(message.payload);
        }
        assert!((600..800).contains(&arrived.len()), "{}", arrived.len());
        lost.push(arrived);
    }
    assert_eq!(lost[0], lost[1]);
    assert_ne!(lost[1], lost[2]);
    assert!(!lost[0].is_sorted_by_key(|payload| str::from_utf8(payload).unwrap().parse::<u32>().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_cut_loses_messages_unnoticed_until_it_heals() {
    let network = Network::new();
    let (one, other, third) = (network.join(), network.join(), network.join());
    let mut subscription = subscribe(&other, "a").await;
    network.cut(one.id(), other.id());
    one.publish(&subject("a"), "lost".into()).unwrap();
    let answer = one.request(&subject("a"), "lost".into(), Duration::from_secs(5)).await;
    assert_eq!(answer, Err(RequestError::Unanswered));
    third.publish(&subject("a"), "of the third".into()).unwrap();
    assert_eq!(message(&mut subscription).await.payload, "of the third");
    // The request arrives, and its answer is lost.
    network.heal();
    let request = one.request(&subject("a"), "call".into(), Duration::from_secs(5));
    network.cut(one.id(), other.id());
    message(&mut subscription).await.responder.unwrap().respond("lost".into());
    assert_eq!(request.await, Err(RequestError::Unanswered));
    network.heal();
    one.publish(&subject("a"), "healed".into()).unwrap();
    assert_eq!(message(&mut subscription).await.payload, "healed");
}

#[tokio::test]
async fn a_member_off_the_network_knows_it_and_has_a_gap_when_it_is_back() {
    let network = Network::new();
    let (one, other) = (network.join(), network.join());
    let mut subscription = subscribe(&other, "a").await;
    network.disconnect(other.id());
    assert_eq!(*other.state().borrow(), State::Disconnected);
    assert_eq!(other.publish(&subject("a"), "x".into()), Err(PublishError::Disconnected));
    one.publish(&subject("a"), "lost".into()).unwrap();
    let answer = one.request(&subject("a"), "call".into(), Duration::from_secs(5)).await;
    assert_eq!(answer, Err(RequestError::NotDelivered(NotDelivered::NoSubscriber)));
    network.reconnect(other.id());
    assert!(matches!(event(&mut subscription).await, Event::Gap));
    one.publish(&subject("a"), "back".into()).unwrap();
    assert_eq!(message(&mut subscription).await.payload, "back");
}

#[tokio::test]
async fn a_bus_alone_reaches_itself() {
    let bus = MemoryBus::alone();
    let mut subscription = bus.subscribe(&subject("a"), InboxBounds::default()).await.unwrap();
    bus.publish(&subject("a"), "x".into()).unwrap();
    assert_eq!(message(&mut subscription).await.payload, "x");
}
