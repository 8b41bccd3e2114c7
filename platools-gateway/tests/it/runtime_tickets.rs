//! Tests of tickets, each of which opens one socket of an agent.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Error;

use crate::runtime_agent::{Agent, AgentSocket, patient, started};
use crate::support::{Caller, Dial, within};

/// That a dial is turned away before the upgrade, and how.
async fn turned_away(dial: Dial) -> (u16, String) {
    match dial.try_open().await.err() {
        Some(Error::Http(response)) => {
            let body: Value = serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap();
            (response.status().as_u16(), body["error"].as_str().unwrap().to_owned())
        }
        other => panic!("an answer was expected, and this came: {other:?}"),
    }
}

#[tokio::test]
async fn a_ticket_opens_one_socket() {
    let gateway = started().await;
    let agent = Agent::new(&gateway, "scout").await;
    let ticket = agent.ticket().await;
    agent.open_with(agent.dial_with(&ticket)).await.settle().await;
    let (status, error) = turned_away(agent.dial_with(&ticket)).await;
    assert!(status == 401 && error.contains("POST /v1/ws/ticket"), "{error}");
    let ws = gateway.url().replace("http://", "ws://");
    for path in ["/ws/runtime", "/ws/runtime?ticket=", "/ws/runtime?ticket=tkt_wrong", "/ws/runtime?ticket=a&ticket=b"]
    {
        assert_eq!(turned_away(Dial::at(&ws, path)).await.0, 401, "{path}");
    }
    // A key is no ticket.
    assert_eq!(turned_away(Dial::at(&ws, "/ws/runtime").secret(&agent.key)).await.0, 401);
    assert_eq!(turned_away(agent.dial_with(&agent.key)).await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_used_a_hundred_times_at_once_opens_one_socket() {
    let gateway = started().await;
    let agent = Agent::new(&gateway, "scout").await;
    for _ in 0..3 {
        let ticket = agent.ticket().await;
        let dials = (0..100).map(|_| agent.dial_with(&ticket).try_open());
        let (opened, refused): (Vec<_>, Vec<_>) = join_all(dials).await.into_iter().partition(Result::is_ok);
        assert_eq!((opened.len(), refused.len()), (1, 99));
        for error in refused.into_iter().filter_map(Result::err) {
            assert!(matches!(&error, Error::Http(response) if response.status() == 401), "{error}");
        }
        let winner = opened.into_iter().next().unwrap().ok().unwrap();
        AgentSocket(winner.into_socket()).settle().await;
    }
}

#[tokio::test]
async fn a_ticket_that_has_ended_opens_nothing() {
    let gateway = within(patient(|settings| settings.ticket_lifetime = Duration::ZERO).start()).await.unwrap();
    let agent = Agent::new(&gateway, "scout").await;
    assert_eq!(turned_away(agent.dial().await).await.0, 401);
}

#[tokio::test]
async fn another_agents_key_makes_a_ticket_good_for_nothing() {
    let gateway = started().await;
    let (agent, other) = (Agent::new(&gateway, "scout").await, Agent::new(&gateway, "other").await);
    let ticket = agent.ticket().await;
    assert_eq!(turned_away(agent.dial_with(&ticket).secret(&other.key)).await.0, 401);
    assert_eq!(turned_away(agent.dial_with(&ticket)).await.0, 401, "it was shown to somebody else");
    let ticket = agent.ticket().await;
    agent.open_with(agent.dial_with(&ticket).secret(&agent.key)).await.settle().await;
}

#[tokio::test]
async fn a_ticket_ends_with_the_key_it_was_asked_for_with() {
    let gateway = started().await;
    let admin = gateway.add_key(platools_gateway::Role::Admin).await.unwrap();
    let admin = Caller::at(&gateway.url()).key(secrecy::ExposeSecret::expose_secret(&admin));
    let agent = Agent::new(&gateway, "scout").await;
    let ticket = agent.ticket().await;
    let keys = admin.get("/v1/keys").await.body;
    let of_agent = keys["items"].as_array().unwrap().iter().find(|key| key["agentId"].is_string()).unwrap();
    admin.send("DELETE", &format!("/v1/keys/{}", of_agent["id"].as_str().unwrap()), "").await;
    assert_eq!(turned_away(agent.dial_with(&ticket)).await.0, 401);
}

#[tokio::test]
async fn whoever_means_no_websocket_keeps_its_ticket() {
    let gateway = started().await;
    let agent = Agent::new(&gateway, "scout").await;
    let ticket = agent.ticket().await;
    let (status, error) = agent.refused("GET", &format!("/ws/runtime?ticket={ticket}"), Value::Null).await;
    assert!(status == 400 && !error.contains(&ticket), "{status} {error}");
    assert_eq!(agent.refused("POST", &format!("/ws/runtime?ticket={ticket}"), json!({})).await.0, 405);
    agent.open_with(agent.dial_with(&ticket)).await.settle().await;
}

#[tokio::test]
async fn whoever_guesses_is_told_to_wait_and_good_tickets_are_let_in() {
    let mut limits = platools_gateway::limits::Limits::default();
    limits.address.failures_per_minute = 3.try_into().unwrap();
    let gateway = within(patient(|_| {}).limits(limits).start()).await.unwrap();
    let agent = Agent::new(&gateway, "scout").await;
    for status in [401, 401, 401, 429] {
        assert_eq!(turned_away(agent.dial_with("tkt_guess")).await.0, status);
    }
    agent.open().await.settle().await;
}
