//! Tests of the guarantees that every bus gives. Each test takes any two buses that are connected; `memory.rs` and `nats.rs` run all of
//! them.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use platools_bus::{
    Bus, Event, InboxBounds, MAX_PAYLOAD_BYTES, Message, NotDelivered, PublishError, RequestError, State, Subject,
    Subscription,
};
use tokio::time::timeout;

/// Makes a module of tests; `$connect` is the path of an async function that connects two buses and returns them with what they need.
macro_rules! bus_conformance {
    ($module:ident, $connect:path; $($case:ident),* $(,)?) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $case() {
                    let (one, other, _guard) = $connect().await;
                    $crate::conformance::$case(&one, &other).await;
                }
            )*
        }
    };
}
pub(crate) use bus_conformance;

/// The guarantees of every bus but the order of messages.
macro_rules! unordered_cases {
    ($module:ident, $connect:path; $($more:ident),* $(,)?) => {
        $crate::conformance::bus_conformance!($module, $connect;
            every_subscriber_of_a_subject_has_the_message,
            requests_have_their_own_answers,
            a_request_without_a_subscriber_is_not_delivered,
            a_request_after_the_end_of_the_subscription_is_not_delivered,
            a_request_that_is_dropped_is_unanswered_at_once,
            a_request_that_nobody_answers_ends_at_its_limit,
            a_full_inbox_loses_messages_has_a_gap_and_refuses_requests,
            payloads_of_any_length_arrive_whole,
            longer_payloads_are_refused,
            a_closed_bus_ends_its_subscriptions,
            $($more,)*
        );
    };
}
pub(crate) use unordered_cases;

const LONG: Duration = Duration::from_secs(60);

pub(crate) fn subject(text: &str) -> Subject {
    Subject::new(text).unwrap()
}

pub(crate) async fn subscribe(bus: &dyn Bus, text: &str) -> Subscription {
    bus.subscribe(&subject(text), InboxBounds::default()).await.unwrap()
}

pub(crate) async fn event(subscription: &mut Subscription) -> Event {
    let event = timeout(LONG, subscription.next()).await;
    event.expect("there is no event within a minute").expect("the subscription has ended")
}

pub(crate) async fn message(subscription: &mut Subscription) -> Message {
    match event(subscription).await {
        Event::Message(message) => message,
        Event::Gap => panic!("messages are missing"),
    }
}

fn text(number: usize) -> Bytes {
    number.to_string().into()
}

pub(crate) async fn every_subscriber_of_a_subject_has_the_message(one: &dyn Bus, other: &dyn Bus) {
    let mut subscriptions = vec![
        subscribe(one, "fact.links").await,
        subscribe(other, "fact.links").await,
        subscribe(other, "fact.links").await,
    ];
    let mut elsewhere = subscribe(other, "fact.link").await;
    one.publish(&subject("fact.links"), "news".into()).unwrap();
    one.publish(&subject("fact.link"), "elsewhere".into()).unwrap();
    for subscription in &mut subscriptions {
        let message = message(subscription).await;
        assert_eq!((message.payload, message.responder.is_some()), ("news".into(), false));
    }
    assert_eq!(message(&mut elsewhere).await.payload, "elsewhere");
}

pub(crate) async fn messages_of_one_sender_stay_in_order(one: &dyn Bus, other: &dyn Bus) {
    let (name, bounds) = (subject("ordered"), InboxBounds { messages: 10_000, bytes: usize::MAX });
    let mut subscription = other.subscribe(&name, bounds).await.unwrap();
    for number in 0..1000 {
        one.publish(&name, format!("one {number}").into()).unwrap();
        other.publish(&name, format!("other {number}").into()).unwrap();
    }
    let mut next = [0, 0];
    for _ in 0..2000 {
        let payload = message(&mut subscription).await.payload;
        let (sender, number) = str::from_utf8(&payload).unwrap().split_once(' ').unwrap();
        let next = &mut next[usize::from(sender == "other")];
        assert_eq!(number, next.to_string());
        *next += 1;
    }
}

pub(crate) async fn requests_have_their_own_answers(one: &dyn Bus, other: &dyn Bus) {
    let name = subject("gateway.b.call");
    let mut subscription = subscribe(other, "gateway.b.call").await;
    let requests = join_all((0..100).map(|number| one.request(&name, text(number), LONG)));
    let answers = async {
        let mut messages = Vec::new();
        for _ in 0..100 {
            messages.push(message(&mut subscription).await);
        }
        for message in messages.into_iter().rev() {
            let answer = [b"answer to ", &*message.payload].concat();
            message.responder.unwrap().respond(answer.into());
        }
    };
    let (answers, ()) = tokio::join!(requests, answers);
    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.unwrap(), format!("answer to {number}"));
    }
}

pub(crate) async fn a_request_without_a_subscriber_is_not_delivered(one: &dyn Bus, other: &dyn Bus) {
    let _elsewhere = subscribe(other, "gateway.b.stage").await;
    let answer = one.request(&subject("gateway.b.call"), "call".into(), LONG).await;
    assert_eq!(answer, Err(RequestError::NotDelivered(NotDelivered::NoSubscriber)));
}

pub(crate) async fn a_request_after_the_end_of_the_subscription_is_not_delivered(one: &dyn Bus, other: &dyn Bus) {
    let subscription = subscribe(other, "gateway.b.call").await;
    let unread = one.request(&subject("gateway.b.call"), "unread".into(), LONG);
    drop(subscription);
    let later = one.request(&subject("gateway.b.call"), "later".into(), LONG);
    let nobody = Err(RequestError::NotDelivered(NotDelivered::NoSubscriber));
    assert_eq!((unread.await, later.await), (nobody.clone(), nobody));
}

pub(crate) async fn a_request_that_is_dropped_is_unanswered_at_once(one: &dyn Bus, other: &dyn Bus) {
    let mut subscription = subscribe(other, "gateway.b.call").await;
    let request = one.request(&subject("gateway.b.call"), "call".into(), LONG);
    let dropped = async { drop(message(&mut subscription).await) };
    let (answer, ()) = timeout(LONG / 2, async { tokio::join!(request, dropped) }).await.unwrap();
    assert_eq!(answer, Err(RequestError::Unanswered));
}

pub(crate) async fn a_request_that_nobody_answers_ends_at_its_limit(one: &dyn Bus, other: &dyn Bus) {
    let mut subscription = subscribe(other, "gateway.b.call").await;
    let request = one.request(&subject("gateway.b.call"), "call".into(), Duration::from_millis(100));
    assert_eq!(request.await, Err(RequestError::Unanswered));
    // An answer that comes later is dropped, and hurts nothing.
    message(&mut subscription).await.responder.unwrap().respond("late".into());
    let request = one.request(&subject("gateway.b.call"), "call".into(), LONG);
    let answer = async { message(&mut subscription).await.responder.unwrap().respond("in time".into()) };
    assert_eq!(tokio::join!(request, answer).0.unwrap(), "in time");
}

pub(crate) async fn a_full_inbox_loses_messages_has_a_gap_and_refuses_requests(one: &dyn Bus, other: &dyn Bus) {
    let name = subject("gateway.b.call");
    let bounds = InboxBounds { messages: 3, bytes: 1000 };
    let mut subscription = other.subscribe(&name, bounds).await.unwrap();
    let taken = join_all((0..3).map(|number| one.request(&name, text(number), LONG)));
    let refused = async {
        // Once one is refused the inbox is full.
        while one.request(&name, "more".into(), Duration::from_secs(5)).await
            != Err(RequestError::NotDelivered(NotDelivered::Busy))
        {}
        for _ in 0..3 {
            message(&mut subscription).await.responder.unwrap().respond("taken".into());
        }
        assert!(matches!(event(&mut subscription).await, Event::Gap));
    };
    let (taken, ()) = tokio::join!(taken, refused);
    assert_eq!(taken.into_iter().filter(|answer| answer.as_ref().is_ok_and(|text| text == "taken")).count(), 3);
}

pub(crate) async fn payloads_of_any_length_arrive_whole(one: &dyn Bus, other: &dyn Bus) {
    let name = subject("gateway.b.call");
    let bounds = InboxBounds { messages: 10, bytes: 2 * MAX_PAYLOAD_BYTES };
    let mut subscription = other.subscribe(&name, bounds).await.unwrap();
    for length in [0, 1, 500_000, 524_288, 1_048_577, MAX_PAYLOAD_BYTES] {
        let payload: Bytes = (0..=250).cycle().take(length).collect();
        let request = one.request(&name, payload.clone(), LONG);
        let answer = async {
            let message = message(&mut subscription).await;
            message.responder.unwrap().respond(message.payload);
        };
        let (answer, ()) = tokio::join!(request, answer);
        assert!(answer.unwrap() == payload, "{length} bytes come back changed");
    }
}

pub(crate) async fn longer_payloads_are_refused(one: &dyn Bus, other: &dyn Bus) {
    let _subscription = subscribe(other, "gateway.b.call").await;
    let payload = Bytes::from(vec![0; MAX_PAYLOAD_BYTES + 1]);
    assert_eq!(one.publish(&subject("gateway.b.call"), payload.clone()), Err(PublishError::TooLong));
    let answer = one.request(&subject("gateway.b.call"), payload, LONG).await;
    assert_eq!(answer, Err(PublishError::TooLong.into()));
}

pub(crate) async fn a_closed_bus_ends_its_subscriptions(one: &dyn Bus, other: &dyn Bus) {
    let mut subscription = subscribe(one, "fact.links").await;
    let mut farewells = subscribe(other, "farewell").await;
    one.publish(&subject("farewell"), "bye".into()).unwrap();
    one.close().await;
    assert_eq!(message(&mut farewells).await.payload, "bye");
    assert_eq!(*one.state().borrow(), State::Closed);
    assert!(timeout(LONG, subscription.next()).await.unwrap().is_none());
    assert_eq!(one.publish(&subject("fact.links"), "news".into()), Err(PublishError::Disconnected));
    assert!(one.subscribe(&subject("fact.links"), InboxBounds::default()).await.is_err());
    let answer = other.request(&subject("fact.links"), "call".into(), LONG).await;
    assert_eq!(answer, Err(RequestError::NotDelivered(NotDelivered::NoSubscriber)));
}
