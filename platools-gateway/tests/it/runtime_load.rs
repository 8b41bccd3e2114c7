//! Tests of many agents at the same time, some of which do not read.

use std::time::Duration;

use futures::future::join_all;
use platools_gateway::admin::NewToken;
use platools_gateway::domain::agent_profile::Profile;
use platools_gateway::{Gateway, Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::runtime_agent::{Agent, patient, started};
use crate::support::{viewer, within};

const AGENTS: usize = 1000;

/// Agents of one gateway, with tokens.
async fn agents(gateway: &Gateway, number: usize) -> Vec<Agent> {
    let admin = gateway.core().local_admin();
    let mut agents = Vec::with_capacity(number);
    for number in 0..number {
        let slug = format!("agent-{number}");
        admin.add_agent(&slug, Profile::default()).await.unwrap();
        let ttl = Duration::from_secs(3600);
        let mut token = NewToken::new(Role::Operator, ttl);
        token.credential.agent = Some(slug.clone());
        let token = admin.mint_token(token).await.unwrap().token;
        agents.push(Agent::known(&gateway.url(), &slug, token.expose_secret()));
    }
    agents
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_agents_hear_one_message() {
    let gateway = started().await;
    let agents = agents(&gateway, AGENTS).await;
    let channel = agents[0].channel("everybody").await;
    let mut sockets = Vec::with_capacity(AGENTS);
    for some in agents.chunks(50) {
        let joined = some.iter().map(async |agent| {
            agent.connect().await;
            agent.post("/v1/channels/everybody/join", Value::Null).await;
        });
        within(join_all(joined)).await;
    }
    for some in agents.chunks(50) {
        let opened = some.iter().map(async |agent| {
            let mut socket = agent.open().await;
            socket.subscribe(&channel).await;
            socket
        });
        sockets.extend(within(join_all(opened)).await);
    }
    assert_eq!(agents[0].get("/v1/runtime/presence?limit=1").await["total"], AGENTS);
    for content in ["one", "two", "three"] {
        agents[7].say("everybody", content).await;
    }
    within(join_all(sockets.iter_mut().map(async |socket| {
        for content in ["one", "two", "three"] {
            assert_eq!(socket.event("channel.message").await["content"], content);
        }
        // Each heard each message once.
        socket.settle().await;
    })))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_does_not_read_holds_up_nobody_and_is_closed() {
    let gateway = within(patient(|settings| settings.waiting_events = 16).start()).await.unwrap();
    let (scout, slow) = (Agent::new(&gateway, "scout").await, Agent::new(&gateway, "slow").await);
    let channel = scout.channel("general").await;
    slow.post("/v1/channels/general/join", Value::Null).await;
    let mut reading = scout.open().await;
    reading.subscribe(&channel).await;
    let mut stuck = slow.open_with(slow.dial().await.narrow()).await;
    stuck.subscribe(&channel).await;
    let content = "x".repeat(60_000);
    // More than the queue and all buffers of a socket take.
    for _ in 0..200 {
        scout.say("general", &content).await;
        assert_eq!(reading.event("channel.message").await["content"].as_str().map(str::len), Some(content.len()));
    }
    let viewer = viewer(&gateway).await;
    let closed = async { while viewer.text("/metrics").await.1.contains("agent_sockets{} 2") {} };
    within(closed).await;
    let mut heard = 0;
    let (code, reason) = within(stuck.closed_after(&mut heard)).await;
    assert_eq!((code, &*reason), (1013, "too many events wait"));
    assert!(heard < 200, "it heard all {heard}");
    reading.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_takes_nothing_at_all_is_forgotten() {
    let setup = patient(|settings| settings.write_deadline = Duration::from_millis(500));
    let gateway = within(setup.start()).await.unwrap();
    let slow = Agent::new(&gateway, "slow").await;
    let mut stuck = slow.open_with(slow.dial().await.narrow()).await;
    // It hears itself, as long as it reads.
    for number in 0..100 {
        let frame = json!({"type": "echo", "data": format!("{number}{}", "x".repeat(200_000))});
        if futures::SinkExt::send(&mut stuck.0, frame.to_string().into()).await.is_err() {
            break;
        }
    }
    let viewer = viewer(&gateway).await;
    let gone = async { while !viewer.text("/metrics").await.1.contains("agent_sockets{} 0") {} };
    within(gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_frames_is_answered_to_whoever_reads() {
    const FRAMES: usize = 20_000;
    let gateway = within(patient(|settings| settings.waiting_events = 64).start()).await.unwrap();
    let agent = Agent::new(&gateway, "scout").await;
    let (mut sink, mut stream) = futures::StreamExt::split(agent.open().await.0);
    let sending = tokio::spawn(async move {
        for number in 0..FRAMES {
            let frame = json!({"type": "n", "data": number}).to_string();
            futures::SinkExt::feed(&mut sink, frame.into()).await.unwrap();
        }
        futures::SinkExt::flush(&mut sink).await.unwrap();
        sink
    });
    for number in 0..FRAMES {
        let text = within(futures::StreamExt::next(&mut stream)).await.unwrap().unwrap().into_text().unwrap();
        let event: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(event["data"], number, "{event}");
    }
    drop(sending.await.unwrap());
}
