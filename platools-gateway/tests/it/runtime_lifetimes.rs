//! Tests of the lifetimes of agents' sessions and sockets.

use std::time::Duration;

use platools_gateway::admin::NewKey;
use platools_gateway::{Gateway, Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::program_process::{Data, command};
use crate::runtime_agent::{Agent, patient, started};
use crate::support::{Caller, viewer, within};

/// Long enough for a busy machine, as sessions are kept going within it.
const SHORT: Duration = Duration::from_secs(4);

async fn impatient() -> Gateway {
    within(patient(|settings| settings.session_timeout = SHORT).start()).await.unwrap()
}

#[tokio::test]
async fn a_session_without_heartbeats_ends_with_its_sockets_and_others_are_told() {
    let gateway = impatient().await;
    let (scout, other) = (Agent::new(&gateway, "scout").await, Agent::new(&gateway, "other").await);
    let mut watching = other.open().await;
    let mut silent = scout.join().await;
    assert_eq!(watching.event("presence.joined").await["address"], "scout");
    let (code, reason) = silent.closed().await;
    assert!(code == 1008 && reason.contains("heartbeat"), "{code} {reason}");
    assert_eq!(watching.event("presence.left").await["address"], "scout");
    assert_eq!(scout.get("/v1/runtime/status").await["session"], Value::Null);
    assert_eq!(scout.refused("POST", "/v1/runtime/heartbeat", Value::Null).await.0, 404);
    // Whoever has a socket and no session stays: it may be about to begin one.
    watching.settle().await;
}

#[tokio::test]
async fn heartbeats_over_the_socket_or_over_http_keep_a_session() {
    let gateway = impatient().await;
    let (scout, other) = (Agent::new(&gateway, "scout").await, Agent::new(&gateway, "other").await);
    let silent = Agent::new(&gateway, "silent").await;
    let mut socket = scout.join().await;
    other.connect().await;
    silent.connect().await;
    socket.event("presence.joined").await;
    socket.event("presence.joined").await;
    // The one that says nothing ends, so the others would have.
    let left = async {
        loop {
            socket.send(json!({"type": "heartbeat"})).await;
            socket.send(json!({"type": "beat"})).await;
            other.post("/v1/runtime/heartbeat", Value::Null).await;
            let event = socket.next().await;
            if event["type"] == "presence.left" {
                break event["data"]["address"].clone();
            }
        }
    };
    assert_eq!(within(left).await, "silent");
    assert_eq!(scout.get("/v1/runtime/presence").await["total"], 2);
}

#[tokio::test]
async fn a_session_outlives_a_restart_of_the_gateway() {
    let gateway = started().await;
    let scout = Agent::new(&gateway, "scout").await;
    let session = scout.connect().await;
    let beat = scout.post("/v1/runtime/heartbeat", Value::Null).await["lastHeartbeat"].clone();
    let mut socket = scout.open().await;
    let stopping = tokio::spawn(gateway.stop());
    assert_eq!(socket.closed().await, (1001, "the gateway is shutting down".to_owned()));
    let gateway = within(within(stopping).await.unwrap().start()).await.unwrap();
    let scout = scout.moved_to(&gateway);
    let status = scout.get("/v1/runtime/status").await;
    assert_eq!((&status["session"]["sessionId"], &status["session"]["lastHeartbeat"]), (&json!(session), &beat));
    assert_eq!(scout.get("/v1/runtime/presence").await["total"], 1);
    scout.post("/v1/runtime/heartbeat", Value::Null).await;
    scout.open().await.settle().await;
}

#[tokio::test]
async fn a_session_that_nobody_takes_up_after_a_restart_ends() {
    let gateway = impatient().await;
    let (scout, other) = (Agent::new(&gateway, "scout").await, Agent::new(&gateway, "other").await);
    scout.connect().await;
    let gateway = within(within(gateway.stop()).await.start()).await.unwrap();
    let mut watching = other.moved_to(&gateway).open().await;
    let scout = scout.moved_to(&gateway);
    assert!(scout.get("/v1/runtime/status").await["session"].is_object());
    assert_eq!(watching.event("presence.left").await["address"], "scout");
    // It stays ended.
    let gateway = within(within(gateway.stop()).await.start()).await.unwrap();
    assert_eq!(scout.moved_to(&gateway).get("/v1/runtime/status").await["session"], Value::Null);
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let (data, program) = Data::served().await;
    data.printed("agent add scout").await;
    let key = data.secret("key add --role operator --agent scout").await;
    let agent = Agent::known(&program.url, "scout", &key);
    let session = agent.connect().await;
    agent.channel("general").await;
    let said = agent.say("general", "kept").await;
    program.signal("-KILL").await;
    program.exit_code().await;

    let program = data.serve_again().await;
    let agent = Agent::known(&program.url, "scout", &key);
    assert_eq!(agent.get("/v1/runtime/status").await["session"]["sessionId"], session.as_str());
    assert_eq!(agent.get("/v1/channels/general/messages").await["messages"], json!([said]));
}

#[tokio::test]
async fn a_log_of_everything_has_no_tickets_and_nothing_that_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut command = command(&["dev", "--listen", "127.0.0.1:0", "--log-filter", "trace"]);
    command.env("TMPDIR", folder.path());
    let program = crate::program_process::Program::logging_to(std::fs::File::create(&log).unwrap(), command).await;
    let agent = Agent::known(&program.url, "dev-agent", "platools-dev-agent");
    agent.post("/v1/runtime/connect", json!({"metadata": {"a": "h1dden"}})).await;
    let (used, unused) = (agent.ticket().await, agent.ticket().await);
    let mut socket = agent.open_with(agent.dial_with(&used)).await;
    assert!(agent.dial_with(&used).try_open().await.is_err());
    agent.refused("GET", &format!("/ws/runtime?ticket={unused}"), Value::Null).await;
    assert_eq!(agent.http.get(&format!("/ws/runtime/?ticket={unused}")).await.status, 404);
    let channel = agent.channel("general").await;
    socket.subscribe(&channel).await;
    agent.say("general", "h1dden").await;
    socket.event("channel.message").await;
    socket.send(json!({"type": "custom", "data": "h1dden"})).await;
    socket.event("custom").await;
    socket.refused("h1dden").await;
    program.signal("-TERM").await;
    assert_eq!(program.exit_code().await, Some(0));
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains("agent socket opened") && logged.contains("DEBUG"), "{logged}");
    for hidden in [&*used, &*unused, "platools-dev-agent", "h1dden"] {
        assert_eq!(logged.lines().find(|line| line.contains(hidden)), None, "{hidden}");
    }
}

#[tokio::test]
async fn a_fourth_socket_takes_the_place_of_the_one_heard_from_least_recently() {
    let gateway = started().await;
    let scout = Agent::new(&gateway, "scout").await;
    let other = Agent::new(&gateway, "other").await;
    let mut others = [other.open().await, other.open().await, other.open().await];
    let (mut one, mut two, mut three) = (scout.open().await, scout.open().await, scout.open().await);
    // Everybody hears it, and only the first is heard from.
    one.send(json!({"type": "ping"})).await;
    for socket in [&mut one, &mut two, &mut three] {
        socket.event("ping").await;
    }
    let mut four = scout.open().await;
    let (code, reason) = two.closed().await;
    assert!(code == 1008 && reason.contains("another socket"), "{code} {reason}");
    one.send(json!({"type": "still here"})).await;
    for socket in [&mut one, &mut three, &mut four] {
        socket.event("still here").await;
    }
    for socket in &mut others {
        socket.settle().await;
    }
}

#[tokio::test]
async fn a_replaced_session_keeps_the_sockets_of_its_agent() {
    let gateway = started().await;
    let scout = Agent::new(&gateway, "scout").await;
    let mut socket = scout.join().await;
    scout.connect().await;
    socket.send(json!({"type": "heartbeat"})).await;
    socket.settle().await;
}

#[tokio::test]
async fn a_key_that_is_revoked_closes_what_it_opened_and_so_does_the_end_of_its_agent() {
    let gateway = started().await;
    let admin = gateway.add_key(Role::Admin).await.unwrap();
    let admin = Caller::at(&gateway.url()).key(admin.expose_secret());
    let scout = Agent::new(&gateway, "scout").await;
    let other = Agent::new(&gateway, "other").await;
    let mut watching = other.open().await;
    let mut socket = scout.join().await;
    watching.event("presence.joined").await;
    let mut revoked = NewKey::new(Role::Viewer);
    revoked.credential.agent = Some("scout".to_owned());
    let revoked = gateway.core().local_admin().add_key(revoked).await.unwrap();
    let by_revoked = Agent::known(&gateway.url(), "scout", revoked.secret.expose_secret());
    let mut closing = by_revoked.open().await;
    admin.send("DELETE", &format!("/v1/keys/{}", revoked.new.id), "").await;
    assert_eq!(closing.closed().await, (4001, "the key or token has ended".to_owned()));
    socket.settle().await;
    admin.send("DELETE", "/v1/agents/scout", "").await;
    assert_eq!(socket.closed().await.0, 4001);
    assert_eq!(watching.event("presence.left").await["address"], "scout");
    assert_eq!(other.get("/v1/runtime/presence").await["total"], 0);
}

#[tokio::test]
async fn an_agent_that_says_nothing_is_pinged_and_then_gone() {
    let setup = patient(|settings| {
        settings.ping_interval = Duration::from_millis(200);
        settings.read_deadline = Duration::from_secs(3);
    });
    let gateway = within(setup.start()).await.unwrap();
    let scout = Agent::new(&gateway, "scout").await;
    let mut answering = scout.open().await;
    let silent = Agent::new(&gateway, "silent").await;
    let mut silent_socket = silent.open().await;
    // Only reading answers pings, and one of them is not read.
    let pinged = async {
        for _ in 0..20 {
            let message = within(futures::StreamExt::next(&mut answering.0)).await;
            assert!(message.unwrap().unwrap().is_ping());
        }
    };
    within(pinged).await;
    answering.settle().await;
    let (code, reason) = silent_socket.closed().await;
    assert_eq!((code, &*reason), (1008, "no message and no pong"));
}

#[tokio::test]
async fn figures_count_sessions_and_sockets() {
    let gateway = started().await;
    let scout = Agent::new(&gateway, "scout").await;
    let sockets = [scout.join().await, scout.open().await];
    let viewer = viewer(&gateway).await;
    let (_, text) = viewer.text("/metrics").await;
    assert!(text.contains("platools_sessions{} 1") || text.contains("platools_sessions 1"), "{text}");
    assert!(text.contains("platools_agent_sockets{} 2") || text.contains("platools_agent_sockets 2"), "{text}");
    for socket in sockets {
        socket.leave().await;
    }
    let gone = async { while !viewer.text("/metrics").await.1.contains("agent_sockets{} 0") {} };
    within(gone).await;
}
