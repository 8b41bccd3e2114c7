//! Tests of the frames that agents send and receive over their sockets.

use platools_gateway::Role;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::runtime_agent::{Agent, patient, started};
use crate::support::{Dial, ended, within};

#[tokio::test]
async fn others_are_told_of_who_comes_and_who_goes_but_not_of_a_new_session() {
    let gateway = started().await;
    let (scout, other) = (Agent::new(&gateway, "scout").await, Agent::new(&gateway, "other").await);
    let mut watching = scout.join().await;
    let session = other.connect().await;
    let joined = watching.event("presence.joined").await;
    assert_eq!((&joined["address"], &joined["displayName"]), (&json!("other"), &Value::Null));
    assert_eq!(joined["agentId"], other.get("/v1/runtime/status").await["agentId"]);
    let mut own = other.open().await;
    other.connect().await;
    watching.settle().await;
    other.post("/v1/runtime/disconnect", Value::Null).await;
    let left = watching.event("presence.left").await;
    assert_eq!(left["address"], "other");
    assert!(!format!("{joined}{left}").contains(&session));
    // Nobody is told of itself.
    assert_eq!(own.closed().await.0, 1000);
    scout.connect().await;
    watching.settle().await;
}

#[tokio::test]
async fn a_custom_event_reaches_all_sockets_of_its_agent_and_nobody_else() {
    let gateway = started().await;
    let (scout, other) = (Agent::new(&gateway, "scout").await, Agent::new(&gateway, "other").await);
    let (mut one, mut two, mut stranger) = (scout.open().await, scout.open().await, other.open().await);
    let data = json!({"text": "\u{2028} é 𝕋", "n": [1, 2.5, null]});
    one.send(json!({"type": "custom.event", "data": data, "timestamp": "1970-01-01T00:00:00Z"})).await;
    for socket in [&mut one, &mut two] {
        let event = socket.next().await;
        assert_eq!((&event["type"], &event["data"]), (&json!("custom.event"), &data));
        assert!(event["timestamp"].as_str().unwrap() > "2020", "it is the gateway's time: {event}");
    }
    stranger.settle().await;
    let viewer = Agent::with_role(&gateway, "other", Role::Viewer).await;
    viewer.open().await.settle().await;
}

#[tokio::test]
async fn what_is_not_understood_is_answered_and_the_socket_stays() {
    let gateway = started().await;
    let agent = Agent::new(&gateway, "scout").await;
    let mut socket = agent.open().await;
    for (text, words) in [
        ("", "not a JSON object"),
        ("nonsense", "not a JSON object"),
        ("[1]", "not a JSON object"),
        (r#"{"type":"a"} {}"#, "not a JSON object"),
        ("{}", "no `type`"),
        (r#"{"type":7}"#, "no `type`"),
        (r#"{"type":"channel.subscribe"}"#, "`channelId`"),
        (r#"{"type":"channel.unsubscribe","channelId":7}"#, "`channelId`"),
        (r#"{"type":"channel.message","data":{"content":"forged"}}"#, "are the gateway's own"),
        (r#"{"type":"presence.joined","data":{}}"#, "are the gateway's own"),
        (r#"{"type":"tool.call"}"#, "are the gateway's own"),
        (r#"{"type":"connection.state"}"#, "are the gateway's own"),
    ] {
        let error = socket.refused(text).await;
        assert!(error.contains(words), "{text}: {error}");
    }
    let long = json!({"type": "x".repeat(129)}).to_string();
    assert!(socket.refused(&long).await.contains("at most 128 bytes"));
    within(futures::SinkExt::send(&mut socket.0, Message::binary(vec![1, 2]))).await.unwrap();
    assert!(socket.event("error").await["error"].as_str().unwrap().contains("binary"));
    let deep = format!(r#"{{"type":"deep","data":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    socket.send_text(&deep).await;
    let Some(Ok(Message::Text(echo))) = within(futures::StreamExt::next(&mut socket.0)).await else {
        panic!("no echo")
    };
    assert!(echo.contains(r#""type":"deep""#) || echo.contains("error"), "{}", &echo[..80]);
    socket.settle().await;
}

#[tokio::test]
async fn a_heartbeat_over_a_socket_keeps_a_session_or_begins_one() {
    let gateway = started().await;
    let agent = Agent::new(&gateway, "scout").await;
    let mut socket = agent.open().await;
    let mut sessions = Vec::new();
    for _ in 0..2 {
        socket.send(json!({"type": "heartbeat", "timestamp": "2026-03-01T10:30:15Z"})).await;
        socket.settle().await;
        sessions.push(agent.get("/v1/runtime/status").await["session"]["sessionId"].clone());
    }
    assert!(sessions[0].is_string() && sessions[0] == sessions[1], "{sessions:?}");
}

#[tokio::test]
async fn frames_that_are_too_large_or_no_text_close_the_socket() {
    let gateway = within(patient(|settings| settings.max_frame_bytes = 2000).start()).await.unwrap();
    let agent = Agent::new(&gateway, "scout").await;
    let mut other = agent.open().await;
    let mut socket = agent.open().await;
    let fits = json!({"type": "x", "data": "y".repeat(1900)});
    socket.send(fits).await;
    assert_eq!(socket.event("x").await.as_str().unwrap().len(), 1900);
    other.event("x").await;
    socket.send_text(&"x".repeat(2001)).await;
    assert_eq!(socket.closed().await, (1009, "the message is too large".to_owned()));
    let mut socket = agent.open().await;
    let broken = Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true);
    within(futures::SinkExt::send(&mut socket.0, Message::Frame(broken))).await.unwrap();
    assert_eq!(socket.closed().await.0, 1007);
    other.settle().await;
}

#[tokio::test]
async fn an_agent_is_told_of_its_own_calls_without_arguments_and_results() {
    let gateway = started().await;
    let secret = gateway.add_entity("orders").await.unwrap();
    let mut worker =
        Dial::to(&gateway, "/ws/sdk").secret(secrecy::ExposeSecret::expose_secret(&secret)).welcomed().await;
    worker.register(&["look_up"]).await;
    let (scout, other) = (Agent::new(&gateway, "scout").await, Agent::new(&gateway, "other").await);
    let (mut one, mut two, mut stranger) = (scout.open().await, scout.open().await, other.open().await);
    for outcome in ["ok", "tool_failed"] {
        let call = scout.http.calling("look_up", json!({"arguments": {"pin": "h1dden"}}));
        let sent = worker.expect("tool_call").await;
        let began = one.event("tool.call").await;
        let expected = json!({
            "callId": sent["call_id"], "tool": "look_up", "entity": "orders", "environment": "development"
        });
        assert_eq!(began, expected);
        match outcome {
            "ok" => worker.answer(&sent, json!("h1dden")).await,
            _ => worker.send(json!({"type": "tool_error", "call_id": sent["call_id"], "error": "h1dden"})).await,
        }
        ended(call).await;
        let result = one.event("tool.result").await;
        assert_eq!((&result["outcome"], &result["callId"]), (&json!(outcome), &sent["call_id"]));
        assert!(result["latencyMs"].is_u64() && !result.to_string().contains("h1dden"), "{result}");
        assert_eq!((two.event("tool.call").await, two.event("tool.result").await), (began, result));
    }
    stranger.settle().await;
    let call = other.http.calling("look_up", json!({}));
    stranger.event("tool.call").await;
    call.abort();
    assert_eq!(stranger.event("tool.result").await["outcome"], "abandoned");
    one.settle().await;
}
