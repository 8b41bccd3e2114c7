//! Tests of the bus over NATS, with a real server that `platools-bus/tests/setup` installs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod conformance;
#[path = "nats/server.rs"]
mod server;

use std::time::Duration;

use conformance::{event, message, subject, subscribe, unordered_cases};
use platools_bus::nats::{NatsBus, NatsCredentials, NatsSettings};
use platools_bus::{Bus, Event, InboxBounds, NotDelivered, PublishError, RequestError, State};
use server::Server;
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(60);

fn settings(server: &Server) -> NatsSettings {
    NatsSettings { servers: vec![server.url("nats")], ..NatsSettings::default() }
}

async fn connect(server: &Server) -> NatsBus {
    NatsBus::connect(&settings(server)).await.unwrap()
}

async fn connected() -> (NatsBus, NatsBus, Server) {
    let server = Server::start("").await;
    (connect(&server).await, connect(&server).await, server)
}

async fn becomes(bus: &dyn Bus, state: State) {
    timeout(LONG, bus.state().wait_for(|current| *current == state)).await.expect("the state changes").unwrap();
}

async fn refusal(settings: NatsSettings) -> String {
    NatsBus::connect(&settings).await.unwrap_err().to_string()
}

unordered_cases!(over_nats, super::connected; messages_of_one_sender_stay_in_order);

#[tokio::test]
async fn a_restarted_server_leaves_a_gap_and_refusals() {
    let (one, other, mut server) = connected().await;
    let mut subscription = subscribe(&other, "a").await;
    server.stop().await;
    becomes(&one, State::Disconnected).await;
    becomes(&other, State::Disconnected).await;
    assert_eq!(one.publish(&subject("a"), "lost".into()), Err(PublishError::Disconnected));
    let answer = one.request(&subject("a"), "lost".into(), LONG).await;
    assert_eq!(answer, Err(PublishError::Disconnected.into()));
    assert!(one.subscribe(&subject("b"), InboxBounds::default()).await.is_err());

    server.restart().await;
    becomes(&one, State::Connected).await;
    becomes(&other, State::Connected).await;
    assert!(matches!(event(&mut subscription).await, Event::Gap));
    let request = one.request(&subject("a"), "back".into(), LONG);
    let answer = async { message(&mut subscription).await.responder.unwrap().respond("answer".into()) };
    assert_eq!(tokio::join!(request, answer).0.unwrap(), "answer");
}

#[tokio::test]
async fn a_server_that_is_silent_is_noticed_by_the_probe() {
    let (one, other, server) = connected().await;
    let mut subscription = subscribe(&one, "a").await;
    server.signal("STOP");
    becomes(&one, State::Disconnected).await;
    server.signal("CONT");
    becomes(&one, State::Connected).await;
    becomes(&other, State::Connected).await;
    assert!(matches!(event(&mut subscription).await, Event::Gap));
    other.publish(&subject("a"), "back".into()).unwrap();
    assert_eq!(message(&mut subscription).await.payload, "back");
}

#[tokio::test]
async fn messages_of_another_version_are_refused_and_leave_a_gap() {
    let (one, _other, server) = connected().await;
    let mut subscription = subscribe(&one, "a").await;
    let client = async_nats::connect(server.url("nats")).await.unwrap();
    let answer = client.request("platools.a", vec![9, 9].into()).await.unwrap();
    assert_eq!(answer.payload[..], [1, 2, 3], "version 1, a refusal, as it is of another version");
    assert!(matches!(event(&mut subscription).await, Event::Gap));
}

#[tokio::test]
async fn installations_on_one_server_do_not_hear_each_other() {
    let (one, _other, server) = connected().await;
    let elsewhere = NatsSettings { installation: "staging".to_owned(), ..settings(&server) };
    let elsewhere = NatsBus::connect(&elsewhere).await.unwrap();
    let _subscription = subscribe(&elsewhere, "a").await;
    let answer = one.request(&subject("a"), "call".into(), LONG).await;
    assert_eq!(answer, Err(RequestError::NotDelivered(NotDelivered::NoSubscriber)));
}

#[tokio::test]
async fn credentials_are_checked_and_never_shown() {
    let server = Server::start("authorization { user: gateway, password: hidden }").await;
    let with = |password: &str| NatsSettings {
        credentials: NatsCredentials::Password { user: "gateway".to_owned(), password: password.into() },
        ..settings(&server)
    };
    NatsBus::connect(&with("hidden")).await.unwrap();
    for settings in [with("hidden-not"), settings(&server)] {
        let error = refusal(settings).await;
        assert!(error.contains("refused the credentials; check the user"), "{error}");
        assert!(!error.contains("hidden"), "{error}");
    }
    let file = NatsCredentials::File("hidden".into());
    let error = refusal(NatsSettings { credentials: file, ..settings(&server) }).await;
    assert_eq!(
        error,
        "the credentials for NATS are not the text of a credentials file; give the text of a file that `nsc` wrote"
    );

    let server = Server::start("authorization { token: hidden }").await;
    let token = NatsCredentials::Token("hidden".into());
    NatsBus::connect(&NatsSettings { credentials: token, ..settings(&server) }).await.unwrap();
}

#[tokio::test]
async fn permissions_that_are_missing_are_named() {
    let users = "authorization { users: [{ user: gateway, password: hidden, permissions: { publish: none, subscribe: none } }] }";
    let server = Server::start(users).await;
    let credentials = NatsCredentials::Password { user: "gateway".to_owned(), password: "hidden".into() };
    let error = refusal(NatsSettings { credentials, ..settings(&server) }).await;
    assert!(error.contains("check the permissions of its user for `platools.>`"), "{error}");
}

#[tokio::test]
async fn a_server_that_takes_short_messages_only_is_refused() {
    let server = Server::start("max_payload: 100000").await;
    let error = refusal(settings(&server)).await;
    assert!(error.contains("at most 100000 bytes; set its `max_payload` to 262144 or more"), "{error}");
    let server = Server::start("max_payload: 262144").await;
    let (one, other) = (connect(&server).await, connect(&server).await);
    conformance::payloads_of_any_length_arrive_whole(&one, &other).await;
}

#[tokio::test]
async fn no_server_is_told_with_its_address() {
    let mut server = Server::start("").await;
    server.stop().await;
    let error = refusal(settings(&server)).await;
    assert!(error.contains(&format!("no NATS server answers at {}", server.url("nats"))), "{error}");
}

#[tokio::test]
async fn tls_is_checked_against_the_authority() {
    let (server, authority) = Server::start_with_tls().await;
    let with = |file: Option<std::path::PathBuf>| NatsSettings {
        servers: vec![server.url("tls")],
        certificate_authority: file,
        ..NatsSettings::default()
    };
    let (one, other) = (NatsBus::connect(&with(Some(authority))).await.unwrap(), NatsBus::connect(&with(None)).await);
    let error = other.unwrap_err().to_string();
    assert!(error.contains("check its certificate, and name the authority that signed it"), "{error}");
    conformance::a_request_without_a_subscriber_is_not_delivered(&one, &one).await;
}
