//! Tests of custom events between agents and the application that embeds the gateway, and of events that a backend sends to agents.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use platools_gateway::domain::ids::{AgentId, ChannelId};
use platools_gateway::sessions::{AgentEvent, AgentRuntime};
use platools_gateway::{Gateway, Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

use crate::runtime_agent::{Agent, AgentSocket, patient, started};
use crate::support::{Caller, viewer, within};

/// A gateway whose application passes custom events on to the test.
async fn listening() -> (Gateway, mpsc::UnboundedReceiver<AgentEvent>) {
    let (heard, events) = mpsc::unbounded_channel();
    let builder = patient(|_| {}).on_agent_event(move |event| {
        let heard = heard.clone();
        async move { drop(heard.send(event)) }
    });
    (within(builder.start()).await.unwrap(), events)
}

/// The next event that is not of the test itself.
async fn heard(events: &mut mpsc::UnboundedReceiver<AgentEvent>) -> AgentEvent {
    loop {
        let event = within(events.recv()).await.unwrap();
        if event.kind != "test.settle" {
            return event;
        }
    }
}

async fn id_of(agent: &Agent) -> AgentId {
    agent.get("/v1/runtime/status").await["agentId"].as_str().unwrap().into()
}

/// A backend with an operator's key of the project.
async fn backend(gateway: &Gateway) -> Caller {
    let key = gateway.add_key(Role::Operator).await.unwrap();
    Caller::at(&gateway.url()).key(key.expose_secret())
}

#[tokio::test]
async fn a_custom_event_reaches_the_application_with_its_agent_and_session() {
    let (gateway, mut events) = listening().await;
    let agent = Agent::new(&gateway, "scout").await;
    let session = agent.connect().await;
    let mut socket = agent.open().await;
    socket.send_text(r#"{"type":"custom.event","data":{"foo": "bar", "n": 1.50}}"#).await;
    let event = heard(&mut events).await;
    assert_eq!((&*event.kind, event.data.get()), ("custom.event", r#"{"foo": "bar", "n": 1.50}"#));
    assert_eq!((&event.agent_id, &*event.agent), (&id_of(&agent).await, "scout"));
    assert_eq!(event.session_id.as_ref().map(|id| id.as_str()), Some(&*session));
    assert!(event.received_ms > 1_700_000_000_000 && !format!("{event:?}").contains("bar"), "{event:?}");
    assert_eq!(event.decode::<Value>().unwrap()["foo"], "bar");
    // Its own sockets get it as before.
    assert_eq!(socket.event("custom.event").await["foo"], "bar");

    socket.send(json!({"type": "heartbeat"})).await;
    socket.send(json!({"type": "done"})).await;
    let done = heard(&mut events).await;
    assert_eq!((&*done.kind, done.data.get()), ("done", "{}"), "a heartbeat is no custom event");
}

#[tokio::test]
async fn a_socket_without_a_session_sends_custom_events_and_is_told_events() {
    let (gateway, mut events) = listening().await;
    let agent = Agent::new(&gateway, "scout").await;
    let mut socket = agent.open().await;
    socket.send(json!({"type": "custom.event", "data": 7})).await;
    assert_eq!(heard(&mut events).await.session_id, None);
    socket.event("custom.event").await;
    assert_eq!(gateway.runtime().tell(&id_of(&agent).await, "noted", &7).unwrap(), 1);
    assert_eq!(socket.event("noted").await, 7);
    assert_eq!(agent.get("/v1/runtime/status").await["status"], "inactive");
}

#[tokio::test]
async fn a_handler_that_panics_gets_the_next_event_and_the_socket_stays() {
    let (heard, mut events) = mpsc::unbounded_channel();
    let builder = patient(|_| {}).on_agent_event(move |event: AgentEvent| {
        // Before its future is there, and in it.
        assert_ne!(event.kind, "bad", "as the test wants it");
        let heard = heard.clone();
        async move {
            assert_ne!(event.kind, "worse", "as the test wants it");
            drop(heard.send(event.kind));
        }
    });
    let gateway = within(builder.start()).await.unwrap();
    let agent = Agent::new(&gateway, "scout").await;
    let mut socket = agent.open().await;
    for kind in ["bad", "worse", "good"] {
        socket.send(json!({"type": kind})).await;
        socket.event(kind).await;
    }
    while within(events.recv()).await.unwrap() != "good" {}
    let figures = gateway.runtime().event_figures();
    assert_eq!((figures.panicked, figures.dropped), (2, 0), "{figures:?}");
}

#[tokio::test]
async fn a_handler_that_does_not_return_holds_up_no_socket_and_no_other_handler_and_drops_are_counted() {
    const SENT: usize = 700;
    let (stuck, seen) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (waits, counts) = (Arc::clone(&stuck), Arc::clone(&seen));
    let builder = patient(|_| {})
        .on_agent_event(move |_| {
            let waits = Arc::clone(&waits);
            async move { waits.acquire().await.unwrap().forget() }
        })
        .on_agent_event(move |event| {
            counts.fetch_add(usize::from(event.kind == "n"), Ordering::SeqCst);
            std::future::ready(())
        });
    let gateway = within(builder.start()).await.unwrap();
    let agent = Agent::new(&gateway, "scout").await;
    let mut socket = agent.open().await;
    for number in 0..SENT {
        socket.send(json!({"type": "n", "data": number})).await;
        assert_eq!(socket.event("n").await, number);
    }
    within(async {
        while seen.load(Ordering::SeqCst) < SENT {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let dropped = gateway.runtime().event_figures().dropped;
    // 512 of an agent wait, and one is under way; the socket's own first frame was one of them.
    assert_eq!(dropped, SENT as u64 + 1 - 513);
    let key = gateway.add_key(Role::Viewer).await.unwrap();
    let (_, metrics) = Caller::at(&gateway.url()).key(key.expose_secret()).text("/metrics").await;
    let line = format!("platools_agent_events_total{{outcome=\"dropped\"}} {dropped}");
    assert!(metrics.contains(&line), "{metrics}");
    stuck.add_permits(2 * SENT);
    within(gateway.shutdown()).await;
}

#[tokio::test]
async fn events_that_wait_are_handled_before_the_gateway_has_stopped() {
    let handled = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&handled);
    let builder = patient(|_| {}).on_agent_event(move |event: AgentEvent| {
        let counts = Arc::clone(&counts);
        async move {
            tokio::task::yield_now().await;
            counts.fetch_add(usize::from(event.kind == "n"), Ordering::SeqCst);
        }
    });
    let gateway = within(builder.start()).await.unwrap();
    let mut socket = Agent::new(&gateway, "scout").await.open().await;
    for _ in 0..100 {
        socket.send(json!({"type": "n"})).await;
    }
    for _ in 0..100 {
        socket.event("n").await;
    }
    tokio::join!(within(gateway.shutdown()), socket.closed());
    assert_eq!(handled.load(Ordering::SeqCst), 100);
}

#[tokio::test]
async fn the_application_tells_an_agent_on_all_its_sockets() {
    let gateway = started().await;
    let (scout, other) = (Agent::new(&gateway, "scout").await, Agent::new(&gateway, "other").await);
    let (id, runtime) = (id_of(&scout).await, gateway.runtime());
    assert_eq!(runtime.tell(&id, "job.assigned", &json!({})).unwrap(), 0, "it has no socket");
    assert_eq!(runtime.tell(&"agent_none".into(), "job.assigned", &json!({})).unwrap(), 0, "there is none");
    let (mut one, mut two, mut stranger) = (scout.join().await, scout.open().await, other.open().await);
    assert_eq!(runtime.tell(&id, "job.assigned", &json!({"job": 7, "text": "\u{2028} é"})).unwrap(), 2);
    for socket in [&mut one, &mut two] {
        assert_eq!(socket.event("job.assigned").await, json!({"job": 7, "text": "\u{2028} é"}));
    }
    stranger.settle().await;
    two.leave().await;
    assert_eq!(runtime.tell(&id, "more", &Value::Null).unwrap(), 1);
    assert_eq!(one.event("more").await, Value::Null);
}

#[tokio::test]
async fn the_application_tells_the_subscribers_of_a_channel() {
    let gateway = started().await;
    let (scout, other) = (Agent::new(&gateway, "scout").await, Agent::new(&gateway, "other").await);
    let channel = scout.channel("general").await;
    other.post("/v1/channels/general/join", Value::Null).await;
    let id = ChannelId::from(&*channel);
    assert_eq!(gateway.runtime().tell_channel(&id, "poll.opened", &json!({})).unwrap(), 0);
    let (mut one, mut two, mut silent) = (scout.open().await, other.open().await, other.open().await);
    one.subscribe(&channel).await;
    two.subscribe(&channel).await;
    assert_eq!(gateway.runtime().tell_channel(&id, "poll.opened", &json!({"poll": 1})).unwrap(), 2);
    for socket in [&mut one, &mut two] {
        assert_eq!(socket.event("poll.opened").await, json!({"poll": 1}));
    }
    // The other agent's settling reached this socket as well, and nothing else.
    silent.settle().await;
    assert_eq!(scout.get("/v1/channels/general/messages").await["messages"], json!([]), "it is no message");
    for kind in ["channel.message", "error", ""] {
        assert!(gateway.runtime().tell_channel(&id, kind, &json!({})).is_err(), "{kind}");
    }
}

#[tokio::test]
async fn events_that_agents_would_take_for_the_gateways_own_or_cannot_read_are_refused() {
    let gateway = started().await;
    let agent = Agent::new(&gateway, "scout").await;
    let (id, runtime, mut socket) = (id_of(&agent).await, gateway.runtime(), agent.open().await);
    for (kind, part) in [
        ("channel.message", "the type `channel.message` is the gateway's own"),
        ("presence.joined", "is the gateway's own"),
        ("connection.state", "is the gateway's own"),
        ("tool.call", "is the gateway's own"),
        ("error", "is the gateway's own"),
        ("heartbeat", "is the gateway's own"),
        ("", "from 1 to 128 bytes"),
        (&"x".repeat(129), "from 1 to 128 bytes"),
    ] {
        let error = runtime.tell(&id, kind, &json!({})).unwrap_err().to_string();
        assert!(error.contains(part), "{kind}: {error}");
    }
    let large = "y".repeat(256 * 1024 - 2);
    assert!(runtime.tell(&id, "large", &format!("{large}y")).unwrap_err().to_string().contains("at most 262144"));
    socket.settle().await;
    assert_eq!(runtime.tell(&id, "large", &large).unwrap(), 1);
    assert_eq!(socket.event("large").await, large.as_str());
}

#[tokio::test]
async fn a_backend_tells_an_agent_an_event_over_http() {
    let gateway = started().await;
    let (agent, backend) = (Agent::new(&gateway, "scout").await, backend(&gateway).await);
    let tell = async |name: &str, body: Value| backend.post(&format!("/v1/agents/{name}/events"), body).await;
    let told = tell("scout", json!({"type": "job.assigned", "data": {"job": 7}})).await;
    assert_eq!((told.status, &told.body), (200, &json!({"sockets": 0})));
    let mut socket = agent.join().await;
    for name in ["scout", id_of(&agent).await.as_str()] {
        let told = tell(name, json!({"type": "job.assigned", "data": {"job": 7}})).await;
        assert_eq!((told.status, &told.body), (200, &json!({"sockets": 1})));
        assert_eq!(socket.event("job.assigned").await, json!({"job": 7}));
    }
    tell("scout", json!({"type": "ping.me"})).await;
    assert_eq!(socket.event("ping.me").await, json!({}));
    tell("none", json!({"type": "x"})).await.is_problem(404, "not_found", false);
    for (body, part) in [
        (json!({"type": "tool.call"}), "is the gateway's own"),
        (json!({"type": "x", "data": "y".repeat(256 * 1024)}), "at most 262144"),
        (json!({"type": "x", "data": nested(200)}), "`data` cannot be read"),
        (json!({"data": 1}), "`type`"),
    ] {
        let refused = tell("scout", body).await;
        refused.is_problem(400, "invalid_request", false);
        assert!(refused.detail().contains(part), "{refused:?}");
    }
    socket.settle().await;
}

/// Nested lists, `depth` of them.
fn nested(depth: usize) -> Value {
    (0..depth).fold(json!([]), |inner, _| json!([inner]))
}

#[tokio::test]
async fn only_the_project_tells_its_agents_and_a_refusal_is_in_the_audit() {
    let gateway = started().await;
    let (agent, other) = (Agent::new(&gateway, "scout").await, Agent::new(&gateway, "other").await);
    let event = json!({"type": "x"});
    for (caller, part) in [
        (other.http.clone(), "belongs to no user and no agent"),
        (agent.http.clone(), "belongs to no user and no agent"),
        (viewer(&gateway).await, "needs the role operator"),
    ] {
        let refused = caller.post("/v1/agents/scout/events", event.clone()).await;
        refused.is_problem(403, "forbidden", false);
        assert!(refused.detail().contains(part), "{refused:?}");
    }
    let admin = gateway.add_key(Role::Admin).await.unwrap();
    let admin = Caller::at(&gateway.url()).key(admin.expose_secret());
    assert_eq!(admin.post("/v1/agents/scout/events", event).await.status, 200);
    let refusals = within(async {
        loop {
            let page = admin.get("/v1/audit?kind=refusal").await.body;
            let refusals = page["items"].as_array().unwrap().clone();
            if refusals.len() >= 3 {
                return refusals;
            }
        }
    })
    .await;
    let subjects: Vec<_> = refusals.iter().map(|refusal| refusal["subject"].as_str().unwrap()).collect();
    assert!(subjects.iter().all(|subject| subject.contains("/v1/agents/{agent}/events")), "{subjects:?}");
}

#[tokio::test]
async fn a_gateway_that_is_dropped_ends_a_handler_that_tells_agents_itself() {
    let (runtime, alive) = (Arc::new(OnceLock::<AgentRuntime>::new()), Arc::new(()));
    let own = Arc::clone(&runtime);
    let held = Arc::downgrade(&alive);
    let builder = patient(|_| {}).on_agent_event(move |event: AgentEvent| {
        let (own, alive) = (Arc::clone(&own), Arc::clone(&alive));
        async move {
            let runtime = own.get().expect("it was set before the agent came");
            runtime.tell(&event.agent_id, "answer", &event.kind).unwrap();
            drop(alive);
        }
    });
    let gateway = within(builder.start()).await.unwrap();
    runtime.set(gateway.runtime()).unwrap();
    let mut socket = AgentSocket(Agent::new(&gateway, "scout").await.dial().await.open().await.into_socket());
    socket.send(json!({"type": "question"})).await;
    socket.event("question").await;
    assert_eq!(socket.event("answer").await, "question");
    drop(gateway);
    within(async {
        while held.upgrade().is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
