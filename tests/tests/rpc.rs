//! Tests of gateway RPC clients, with a gateway that sends exactly the frames that each test wants.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use platools::connection::{ConnectionState, Disconnect, OnRefusal};
use platools::{ErrorKind, Secret};
use platools_client::{
    Chat, ChatEvent, ChatItem, RequestError, RequestErrorKind, RpcClient, RpcClientBuilder, RpcEvent,
};
use platools_protocol::rpc::{ChatReply, ErrorCode, MAX_MESSAGE_BYTES, Role, RunStatus, ToolCallEvent, ToolsReply};
use platools_tests::{CallerSocket, Log, Platform, TOKEN, USER, Unreachable, quick, rpc_client, with_causes, within};
use serde_json::{Value, json};

async fn connect(client: RpcClientBuilder, gateway: &Platform) -> (RpcClient, CallerSocket) {
    let (client, socket) = tokio::join!(within(client.connect()), CallerSocket::connected(gateway));
    (client.expect("it connects"), socket)
}

/// A client and its socket from the other side.
async fn connected(gateway: &Platform) -> (RpcClient, CallerSocket) {
    connect(rpc_client(&gateway.url()), gateway).await
}

async fn reaches(client: &RpcClient, wanted: impl FnMut(&ConnectionState) -> bool) {
    let mut states = client.watch_state();
    within(states.wait_for(wanted)).await.expect("the client lives");
}

/// A call of a method with a number, on a task of its own.
fn call(client: &RpcClient, number: i64) -> tokio::task::JoinHandle<Result<i64, RequestError>> {
    let client = client.clone();
    tokio::spawn(async move { client.call("double", json!({"number": number})).await })
}

async fn item(chat: &mut Chat) -> ChatItem {
    within(chat.next()).await.expect("the chat goes on").expect("it has not failed")
}

async fn text(chat: &mut Chat) -> String {
    match item(chat).await {
        ChatItem::Event(ChatEvent::Chat(chunk)) => chunk.chunk,
        other => panic!("{other:?}"),
    }
}

/// Cause of the end of the socket.
async fn disconnected(events: &mut BoxStream<'static, RpcEvent>) -> Disconnect {
    loop {
        if let RpcEvent::Disconnected(reason) = within(events.next()).await.expect("the client lives") {
            return reason;
        }
    }
}

#[tokio::test]
async fn answers_may_come_in_any_order() {
    let gateway = Platform::start().await;
    let (client, mut socket) = connected(&gateway).await;
    assert_eq!(client.role(), Some(Role::Operator));
    let calls: Vec<_> = (0..100).map(|number| call(&client, number)).collect();
    let mut requests = Vec::new();
    for _ in 0..100 {
        requests.push(socket.request("double").await);
    }
    for request in requests.iter().rev() {
        let number = request["params"]["number"].as_i64().expect("a number");
        socket.reply(request["id"].clone(), json!(number * 2)).await;
    }
    for (number, call) in (0..).zip(calls) {
        assert_eq!(within(call).await.expect("no panic").expect("a reply"), number * 2);
    }
}

#[tokio::test]
async fn a_tool_is_called_with_what_was_set() {
    let gateway = Platform::start().await;
    let (client, mut socket) = connected(&gateway).await;
    let call = client.call_tool("add", json!({"a": 1, "b": 2})).entity("entity_1").timeout(Duration::from_secs(5));
    let answered = async {
        let request = socket.request("tools.call").await;
        let expected =
            json!({"name": "add", "arguments": {"a": 1, "b": 2}, "entityId": "entity_1", "timeoutMs": 5_000});
        assert_eq!(request["params"], expected);
        socket.reply(request["id"].clone(), json!({"result": 3, "latencyMs": 7, "callId": "c"})).await;
        let request = socket.request("tools.call").await;
        assert_eq!(request["params"], json!({"name": "ping", "arguments": {}}));
        socket.reply(request["id"].clone(), json!({"result": "pong"})).await;
    };
    let called = async {
        let reply = call.send::<i64>().await.expect("a reply");
        assert_eq!(reply, ToolsReply::new(3, 7, "c"));
        let reply = client.call_tool("ping", json!({})).send::<Value>().await.expect("a reply");
        assert_eq!(reply.result, "pong");
    };
    within(async { tokio::join!(answered, called) }).await;
}

#[tokio::test]
async fn a_chat_is_what_the_agent_does_and_then_its_reply() {
    let gateway = Platform::start().await;
    let (client, mut socket) = connected(&gateway).await;
    let mut chat = within(client.chat("main", "What is 2+2?")).await.expect("it begins");
    let request = socket.request("chat.send").await;
    assert_eq!(
        request["params"],
        json!({"agentId": "main", "message": "What is 2+2?", "channel": "websocket"}),
        "a new conversation has no id"
    );
    socket.event("agent", json!({"run_id": "run", "status": "started"})).await;
    socket.event("chat", json!({"chunk": "2+2", "delta": "2+2"})).await;
    socket.event("of a newer version", json!([])).await;
    socket.event("tool.call", json!({"tool": "add", "input": {"a": 2, "b": 2}})).await;
    socket.event("tool.result", json!({"tool": "add", "output": 4})).await;
    socket.event("chat", json!({"chunk": "2+2 equals 4.", "delta": " equals 4."})).await;
    socket.event("agent", json!({"run_id": "run", "status": "completed"})).await;
    socket.say(request["id"].clone(), "2+2 equals 4.", "session").await;

    let ChatItem::Event(ChatEvent::Agent(agent)) = item(&mut chat).await else { panic!("it starts") };
    assert_eq!((&*agent.run_id, agent.status), ("run", RunStatus::Started));
    assert_eq!(text(&mut chat).await, "2+2");
    let called = ToolCallEvent::new("add", json!({"a": 2, "b": 2}));
    assert_eq!(item(&mut chat).await, ChatItem::Event(ChatEvent::ToolCall(called)));
    let ChatItem::Event(ChatEvent::ToolResult(result)) = item(&mut chat).await else { panic!("a tool answers") };
    assert_eq!(result.output, 4);
    assert_eq!(text(&mut chat).await, "2+2 equals 4.");
    let ChatItem::Event(ChatEvent::Agent(agent)) = item(&mut chat).await else { panic!("it ends") };
    assert_eq!(agent.status, RunStatus::Completed);
    let ChatItem::Reply(reply) = item(&mut chat).await else { panic!("it replies") };
    assert_eq!((&*reply.content, &*reply.session_id, &*reply.run_id), ("2+2 equals 4.", "session", "run"));
    assert_eq!((reply.usage.input_tokens, reply.usage.output_tokens), (42, 8));
    assert!(within(chat.next()).await.is_none(), "the reply is the last");
}

#[tokio::test]
async fn a_chat_that_failed_ends_with_the_error() {
    let gateway = Platform::start().await;
    let (client, mut socket) = connected(&gateway).await;
    let mut chat = within(client.chat("main", "Hello!")).await.expect("it begins");
    let request = socket.request("chat.send").await;
    socket.event("agent", json!({"run_id": "run", "status": "failed"})).await;
    let error = json!({"code": "AGENT_TIMEOUT", "message": "too slow", "retryable": true, "retryAfterMs": 1500});
    socket.fail(request["id"].clone(), error).await;
    item(&mut chat).await;
    let error = within(chat.next()).await.expect("the error").expect_err("it failed");
    assert_eq!((error.kind(), error.code()), (RequestErrorKind::Gateway, Some(&ErrorCode::AgentTimeout)));
    assert!(error.is_retryable() && !error.is_in_doubt());
    assert_eq!(error.retry_after(), Some(Duration::from_millis(1_500)));
    assert!(within(chat.next()).await.is_none());
}

#[tokio::test]
async fn a_conversation_whose_first_message_fails_goes_on_with_the_id_of_the_failure() {
    let gateway = Platform::start().await;
    let (client, mut socket) = connected(&gateway).await;
    let conversation = client.conversation("main");
    for (details, sent, kept) in [
        (json!({"code": "not_found"}), None, None),
        (json!({"code": "model_unavailable", "sessionId": "conv_1", "runId": "run_1"}), None, Some("conv_1")),
        (json!({"code": "rate_limited"}), Some("conv_1"), Some("conv_1")),
    ] {
        let chat = within(conversation.say("Hello!")).await.expect("it begins");
        let request = socket.request("chat.send").await;
        assert_eq!(request["params"]["sessionId"].as_str(), sent);
        let error = json!({"code": "UNAVAILABLE", "message": "no", "retryable": true, "details": details});
        socket.fail(request["id"].clone(), error).await;
        let error = within(chat.reply()).await.expect_err("it failed");
        assert_eq!(error.session_id(), details["sessionId"].as_str());
        assert_eq!(error.run_id(), details["runId"].as_str());
        assert_eq!(conversation.session_id().as_deref(), kept);
    }
}

#[tokio::test]
async fn a_conversation_is_known_from_the_begin_of_its_first_run_on() {
    let gateway = Platform::start().await;
    let (client, mut socket) = connected(&gateway).await;
    let conversation = client.conversation("main");
    let mut chat = within(conversation.say("Hello!")).await.expect("it begins");
    socket.request("chat.send").await;
    socket.event("agent", json!({"run_id": "run", "status": "started", "session_id": "conv_1"})).await;
    item(&mut chat).await;
    socket.kill();
    within(chat.next()).await.expect("an end").expect_err("the connection is lost");
    assert_eq!(conversation.session_id().as_deref(), Some("conv_1"));
}

#[tokio::test]
async fn events_of_other_runs_and_of_calls_are_not_those_of_a_chat() {
    let gateway = Platform::start().await;
    let (client, mut socket) = connected(&gateway).await;
    let mut chat = within(client.chat("main", "Hello!")).await.expect("it begins");
    let request = socket.request("chat.send").await;
    socket.event("agent", json!({"run_id": "run", "status": "started", "session_id": "s"})).await;
    for (event, payload) in [
        ("chat", json!({"chunk": "no", "delta": "no", "run_id": "other"})),
        ("agent", json!({"run_id": "other", "status": "failed"})),
        ("tool.call", json!({"tool": "add", "input": {}, "call_id": "c1"})),
        ("tool.result", json!({"tool": "add", "output": 1, "call_id": "c1"})),
        ("tool.call", json!({"tool": "add", "input": {}, "run_id": "other", "call_id": "c2"})),
        ("chat", json!({"chunk": "yes", "delta": "yes", "run_id": "run"})),
    ] {
        socket.event(event, payload).await;
    }
    socket.say(request["id"].clone(), "yes", "s").await;
    let ChatItem::Event(ChatEvent::Agent(agent)) = item(&mut chat).await else { panic!("it starts") };
    assert_eq!(agent.session_id.as_deref(), Some("s"));
    assert_eq!(text(&mut chat).await, "yes");
    assert!(matches!(item(&mut chat).await, ChatItem::Reply(_)));
}

#[tokio::test]
async fn every_code_and_those_of_a_newer_gateway_reach_the_caller() {
    let gateway = Platform::start().await;
    let (client, mut socket) = connected(&gateway).await;
    for (code, retryable, retry_after_ms) in [
        ("INVALID_REQUEST", false, None),
        ("FORBIDDEN", false, None),
        ("NOT_FOUND", false, None),
        ("RESOURCE_EXHAUSTED", true, Some(250)),
        ("UNAVAILABLE", true, None),
        ("TEAPOT", true, Some(1)),
    ] {
        let called = call(&client, 1);
        let request = socket.request("double").await;
        let mut error = json!({"code": code, "message": "no", "retryable": retryable, "details": {"why": [1]}});
        if let Some(ms) = retry_after_ms {
            error["retryAfterMs"] = json!(ms);
        }
        socket.fail(request["id"].clone(), error).await;
        let error = within(called).await.expect("no panic").expect_err("it failed");
        assert_eq!((error.code().map(ErrorCode::as_str), error.is_retryable()), (Some(code), retryable));
        assert_eq!(error.retry_after(), retry_after_ms.map(Duration::from_millis));
        assert_eq!(error.gateway().and_then(|error| error.details.as_deref()), Some(&json!({"why": [1]})));
    }
}

#[tokio::test]
async fn a_dropped_chat_is_aborted_and_the_next_one_begins() {
    let gateway = Platform::start().await;
    let (client, mut socket) = connected(&gateway).await;
    let mut chat = within(client.chat("main", "Count to a million.")).await.expect("it begins");
    let first = socket.request("chat.send").await;
    socket.event("agent", json!({"run_id": "run-7", "status": "started"})).await;
    item(&mut chat).await;
    drop(chat);
    let abort = socket.request("chat.abort").await;
    assert_eq!(abort["params"], json!({"runId": "run-7"}));
    let next = tokio::spawn({
        let client = client.clone();
        async move { client.chat("main", "Never mind.").await?.reply().await }
    });
    // What still comes of the first is not the next one's.
    socket.event("chat", json!({"chunk": "1", "delta": "1"})).await;
    socket.fail(first["id"].clone(), json!({"code": "FAILED_PRECONDITION", "message": "aborted"})).await;
    let second = socket.request("chat.send").await;
    assert_eq!(second["params"]["message"], "Never mind.");
    socket.say(second["id"].clone(), "All right.", "s").await;
    assert_eq!(within(next).await.expect("no panic").expect("a reply").content, "All right.");
}

#[tokio::test]
async fn a_chat_that_has_ended_is_not_aborted() {
    let gateway = Platform::start().await;
    let (client, mut socket) = connected(&gateway).await;
    let mut chat = within(client.chat("main", "Hello!")).await.expect("it begins");
    let request = socket.request("chat.send").await;
    socket.event("agent", json!({"run_id": "run", "status": "started"})).await;
    socket.say(request["id"].clone(), "Hello.", "s").await;
    while within(chat.next()).await.is_some() {}
    drop(chat);
    let called = call(&client, 1);
    let request = socket.request("double").await;
    socket.reply(request["id"].clone(), json!(2)).await;
    assert_eq!(within(called).await.expect("no panic").expect("a reply"), 2);
}

#[tokio::test]
async fn a_gap_in_the_numbers_is_told_to_listeners_and_to_the_chat() {
    let gateway = Platform::start().await;
    let (client, mut socket) = connected(&gateway).await;
    let mut events = client.events();
    let mut chat = within(client.chat("main", "Hello!")).await.expect("it begins");
    let request = socket.request("chat.send").await;
    socket.event("chat", json!({"chunk": "a", "delta": "a"})).await;
    socket.drop_events(3);
    socket.event("chat", json!({"chunk": "abcde", "delta": "e"})).await;
    socket.event("chat", json!("not what a chat is")).await;
    socket.say(request["id"].clone(), "abcde", "s").await;

    assert_eq!(text(&mut chat).await, "a");
    assert!(matches!(item(&mut chat).await, ChatItem::Missed { count: 3, .. }));
    assert_eq!(text(&mut chat).await, "abcde");
    assert!(matches!(item(&mut chat).await, ChatItem::Missed { count: 1, .. }), "one could not be read");
    assert!(matches!(item(&mut chat).await, ChatItem::Reply(_)));

    let mut told = Vec::new();
    while told.len() < 4 {
        match within(events.next()).await.expect("the client lives") {
            RpcEvent::Gateway(event) => told.push(format!("{} {}", event.name, event.seq)),
            RpcEvent::Missed { count, .. } => told.push(format!("missed {count}")),
            RpcEvent::Connected(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(told, ["chat 1", "missed 3", "chat 5", "chat 6"]);
}

#[tokio::test]
async fn a_conversation_goes_on_after_a_reconnect() {
    let gateway = Platform::start().await;
    let (client, mut socket) = connected(&gateway).await;
    let conversation = client.conversation("main");
    assert_eq!(conversation.session_id(), None);
    let reply = tokio::spawn({
        let conversation = conversation.clone();
        async move { conversation.say("What is 2+2?").await?.reply().await }
    });
    let request = socket.request("chat.send").await;
    socket.say(request["id"].clone(), "4", "session_xyz").await;
    within(reply).await.expect("no panic").expect("a reply");
    assert_eq!(conversation.session_id().as_deref(), Some("session_xyz"));

    let mut events = client.events();
    socket.kill();
    // What is said before the client has noticed would be in flight.
    let reason = disconnected(&mut events).await;
    assert!(matches!(reason, Disconnect::Broken { .. } | Disconnect::Closed { code: None, .. }), "{reason}");
    let (mut socket, chat) = tokio::join!(CallerSocket::connected(&gateway), within(conversation.say("Add 5.")));
    let request = socket.request("chat.send").await;
    assert_eq!(request["params"]["sessionId"], "session_xyz");
    // The numbers begin anew with each connection.
    socket.event("chat", json!({"chunk": "9", "delta": "9"})).await;
    socket.say(request["id"].clone(), "9", "session_xyz").await;
    assert_eq!(within(chat.expect("it begins").reply()).await.expect("a reply").content, "9");
    let told: Vec<_> = within(events.take(2).collect()).await;
    assert!(matches!(told[..], [RpcEvent::Connected(_), RpcEvent::Gateway(_)]), "{told:?}");

    let resumed = client.resume("main", "session_of_old");
    let (chat, request) = tokio::join!(within(resumed.say("Hello again!")), socket.request("chat.send"));
    assert_eq!(request["params"]["sessionId"], "session_of_old");
    drop(chat);
}

#[tokio::test]
async fn requests_in_flight_fail_with_their_connection_and_are_not_sent_again() {
    let gateway = Platform::start().await;
    let (client, mut socket) = connected(&gateway).await;
    let mut chat = within(client.chat("main", "Hello!")).await.expect("it begins");
    let called = call(&client, 1);
    for _ in 0..2 {
        socket.expect("req").await;
    }
    socket.event("agent", json!({"run_id": "run", "status": "started"})).await;
    item(&mut chat).await;
    socket.kill();
    let error = within(called).await.expect("no panic").expect_err("the connection is lost");
    assert_eq!(error.kind(), RequestErrorKind::Disconnected);
    assert!(error.is_retryable() && error.is_in_doubt());
    let error = within(chat.next()).await.expect("an end").expect_err("the connection is lost");
    assert_eq!(error.kind(), RequestErrorKind::Disconnected);

    let mut socket = CallerSocket::connected(&gateway).await;
    let called = call(&client, 2);
    let request = socket.request("double").await;
    assert_eq!(request["params"]["number"], 2, "the first one was not sent again");
    socket.reply(request["id"].clone(), json!(4)).await;
    assert_eq!(within(called).await.expect("no panic").expect("a reply"), 4);
}

#[tokio::test]
async fn requests_made_without_a_connection_wait_for_one() {
    let unreachable = Unreachable::start();
    let client = rpc_client(&unreachable.url()).start().expect("a valid client");
    reaches(&client, |state| matches!(state, ConnectionState::Reconnecting { .. })).await;
    let called = call(&client, 21);
    let gateway = unreachable.restart();
    let mut socket = CallerSocket::connected(&gateway).await;
    let request = socket.request("double").await;
    socket.reply(request["id"].clone(), json!(42)).await;
    assert_eq!(within(called).await.expect("no panic").expect("a reply"), 42);
    assert!(client.state().is_connected());
}

#[tokio::test]
async fn garbage_ends_nothing() {
    let gateway = Platform::start().await;
    let (client, mut socket) = connected(&gateway).await;
    let called = call(&client, 1);
    let request = socket.request("double").await;
    for garbage in [
        "",
        "no JSON",
        "[]",
        "{}",
        r#"{"type":7}"#,
        r#"{"type":"hello"}"#,
        r#"{"type":"req","id":"1","method":"connect","params":{}}"#,
        r#"{"type":"event"}"#,
        r#"{"type":"event","event":"chat","payload":{},"seq":"one"}"#,
        r#"{"type":"res"}"#,
        r#"{"type":"res","id":"","ok":false,"error":{"code":"INVALID_REQUEST","message":"what?"}}"#,
        r#"{"type":"res","id":"4711","ok":true,"payload":{}}"#,
        r#"{"type":"res","id":"not ours","ok":false}"#,
    ] {
        socket.send_text(garbage).await;
    }
    socket.reply(request["id"].clone(), json!(2)).await;
    assert_eq!(within(called).await.expect("no panic").expect("a reply"), 2);
}

#[tokio::test]
async fn a_reply_of_another_shape_is_an_error_of_its_own() {
    let gateway = Platform::start().await;
    let (client, mut socket) = connected(&gateway).await;
    let called = call(&client, 1);
    let request = socket.request("double").await;
    socket.reply(request["id"].clone(), json!({"number": 2})).await;
    let error = within(called).await.expect("no panic").expect_err("it is no number");
    assert_eq!(error.kind(), RequestErrorKind::InvalidReply);
    assert!(error.is_in_doubt() && !error.is_retryable());
}

#[tokio::test]
async fn a_request_no_gateway_would_read_is_not_sent() {
    let gateway = Platform::start().await;
    let (client, mut socket) = connected(&gateway).await;
    let large = "x".repeat(MAX_MESSAGE_BYTES);
    let error = within(client.call::<_, Value>("m", json!({"text": large}))).await.expect_err("too large");
    assert_eq!(error.kind(), RequestErrorKind::TooLarge);
    let error = within(client.chat("main", large)).await.expect_err("too large");
    assert_eq!(error.kind(), RequestErrorKind::TooLarge);
    let error = within(client.call::<_, Value>("m", json!([1]))).await.expect_err("no object");
    assert_eq!(error.kind(), RequestErrorKind::InvalidParams);
    let called = call(&client, 1);
    socket.request("double").await;
    called.abort();
    // The turn of the chat that was too large is free again.
    let (chat, _) = tokio::join!(within(client.chat("main", "Hello!")), socket.request("chat.send"));
    drop(chat);
}

#[tokio::test]
async fn a_request_gives_up_in_time() {
    let gateway = Platform::start().await;
    let (client, mut socket) =
        connect(rpc_client(&gateway.url()).request_timeout(Duration::from_millis(1)), &gateway).await;
    let error = within(client.call::<_, Value>("m", ())).await.expect_err("nobody answers");
    assert_eq!(error.kind(), RequestErrorKind::TimedOut);
    assert!(error.is_retryable() && error.is_in_doubt());
    drop(client);
    while socket.try_next().await.is_some() {}
}

#[tokio::test]
async fn a_chat_that_nobody_reads_holds_up_nothing_else() {
    const EVENTS: usize = 10_000;
    let gateway = Platform::start().await;
    let (client, mut socket) = connected(&gateway).await;
    let mut chat = within(client.chat("main", "Say something long.")).await.expect("it begins");
    let request = socket.request("chat.send").await;
    for number in 0..EVENTS {
        socket.event("chat", json!({"chunk": format!("{number}"), "delta": "x"})).await;
    }
    let called = call(&client, 1);
    let second = socket.request("double").await;
    socket.reply(second["id"].clone(), json!(2)).await;
    assert_eq!(within(called).await.expect("no panic").expect("a reply"), 2);
    socket.say(request["id"].clone(), "the whole of it", "s").await;

    for number in 0..256 {
        assert_eq!(text(&mut chat).await, number.to_string());
    }
    let ChatItem::Missed { count, .. } = item(&mut chat).await else { panic!("the others were dropped") };
    assert_eq!(count, EVENTS as u64 - 256);
    let ChatItem::Reply(reply) = item(&mut chat).await else { panic!("the reply is never dropped") };
    assert_eq!(reply.content, "the whole of it");
}

#[tokio::test]
async fn chats_take_turns() {
    let gateway = Platform::start().await;
    let (client, mut socket) = connected(&gateway).await;
    let chats: Vec<_> = (0..5)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move { client.chat("main", number.to_string()).await?.reply().await })
        })
        .collect();
    for _ in 0..5 {
        let request = socket.request("chat.send").await;
        // Had another one begun meanwhile, its request would come before that of this call.
        let called = call(&client, 1);
        let other = socket.request("double").await;
        socket.reply(other["id"].clone(), json!(2)).await;
        within(called).await.expect("no panic").expect("a reply");
        let message = request["params"]["message"].as_str().expect("a text").to_owned();
        socket.say(request["id"].clone(), &message, "s").await;
    }
    for (number, chat) in (0..).zip(chats) {
        let reply: ChatReply = within(chat).await.expect("no panic").expect("a reply");
        assert_eq!(reply.content, i32::to_string(&number));
    }
}

#[tokio::test]
async fn a_gateway_that_closes_is_dialled_again() {
    let gateway = Platform::start().await;
    let (client, socket) = connected(&gateway).await;
    let mut events = client.events();
    socket.close(1013, "too slow").await;
    let _socket = CallerSocket::connected(&gateway).await;
    let reason = disconnected(&mut events).await;
    assert!(matches!(reason, Disconnect::Closed { code: Some(1013), .. }), "{reason}");
}

#[tokio::test]
async fn close_says_goodbye_and_fails_what_is_unanswered() {
    let gateway = Platform::start().await;
    let (client, mut socket) = connected(&gateway).await;
    let called = call(&client, 1);
    socket.request("double").await;
    let (closed, ()) = tokio::join!(socket.closed(), within(client.disconnect()));
    assert_eq!(closed, (1000, "client stop".to_owned()));
    let error = within(called).await.expect("no panic").expect_err("it is closed");
    assert_eq!(error.kind(), RequestErrorKind::Closed);
    assert!(!error.is_retryable());
    assert_eq!(client.state(), ConnectionState::Disconnected);
    let error = within(client.chat("main", "Hello?")).await.expect_err("it is closed");
    assert_eq!(error.kind(), RequestErrorKind::Closed);
    within(client.disconnect()).await;
}

#[tokio::test]
async fn the_last_handle_ends_the_connection() {
    let gateway = Platform::start().await;
    let (client, mut socket) = connected(&gateway).await;
    let conversation = client.conversation("main");
    let chat = within(conversation.say("Hello!")).await.expect("it begins");
    drop((client, conversation));
    socket.request("chat.send").await;
    drop(chat);
    assert_eq!(socket.try_next().await, None, "the socket has ended");
}

#[tokio::test]
async fn connect_fails_where_the_caller_is_refused() {
    let gateway = Platform::start().await;
    for (error, kind) in [
        (json!({"code": "UNAUTHORIZED", "message": "not you", "retryable": false}), ErrorKind::Refused),
        (json!({"code": "UNAVAILABLE", "message": "starting", "retryable": true}), ErrorKind::Connection),
    ] {
        let client = rpc_client(&gateway.url());
        let refusing = async {
            let (mut socket, _) = CallerSocket::accept(&gateway).await;
            socket.fail("connect", error.clone()).await;
        };
        let (client, ()) = tokio::join!(within(client.connect()), refusing);
        let failure = client.expect_err("it is refused");
        assert_eq!(failure.kind(), kind);
        assert!(with_causes(&failure).contains(error["message"].as_str().expect("a text")), "{failure:?}");
    }
    let newer = async {
        let (mut socket, _) = CallerSocket::accept(&gateway).await;
        socket.reply("connect", json!({"protocol": 4, "role": "admin", "user_id": USER})).await;
    };
    let (client, ()) = tokio::join!(within(rpc_client(&gateway.url()).connect()), newer);
    assert!(client.expect_err("it speaks another version").to_string().contains("version 4"));
    let refused = within(async { tokio::join!(rpc_client(&gateway.url()).connect(), gateway.refuse("403 Forbidden")) });
    assert_eq!(refused.await.0.expect_err("it is refused").kind(), ErrorKind::Refused);
    let nowhere = Unreachable::start();
    let error = within(rpc_client(&nowhere.url()).connect()).await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Connection);
}

#[tokio::test]
async fn a_client_that_has_given_up_says_why() {
    let gateway = Platform::start().await;
    let client = rpc_client(&gateway.url()).reconnect(quick().on_refusal(OnRefusal::Fail));
    let client = client.start().expect("a valid client");
    let called = call(&client, 1);
    let (mut socket, _) = CallerSocket::accept(&gateway).await;
    socket.fail("connect", json!({"code": "UNAUTHORIZED", "message": "not you"})).await;
    reaches(&client, ConnectionState::is_failed).await;
    let error = within(called).await.expect("no panic").expect_err("it is hopeless");
    assert_eq!(error.kind(), RequestErrorKind::Closed);
    assert!(error.to_string().contains("not you"), "{error}");
    let error = within(client.call::<_, Value>("m", ())).await.expect_err("it is hopeless");
    assert!(error.to_string().contains("not you"), "{error}");
}

#[tokio::test]
async fn the_address_may_be_spelled_out_and_the_token_is_not_in_it() {
    let gateway = Platform::start().await;
    for url in [gateway.url(), format!("ws://{}/ws", gateway.address())] {
        let (client, socket) = connect(rpc_client(&url), &gateway).await;
        assert_eq!(socket.uri(), "/ws");
        assert_eq!(socket.header("authorization"), None);
        drop(client);
    }
}

#[tokio::test]
async fn a_caller_without_a_token_is_a_viewer_and_a_rotated_token_is_read_anew() {
    let gateway = Platform::start().await;
    let client = RpcClient::builder().url(gateway.url()).user_id(USER);
    let viewer = async {
        let (mut socket, params) = CallerSocket::accept(&gateway).await;
        assert_eq!(params, json!({"user_id": USER}));
        socket.greet("viewer").await;
    };
    let (client, ()) = tokio::join!(within(client.connect()), viewer);
    assert_eq!(client.expect("it connects").role(), Some(Role::Viewer));

    let tokens = Arc::new(Mutex::new(vec!["second", "first"]));
    let token = Secret::provider(move || {
        let token = tokens.lock().expect("no panic").pop().ok_or_else(|| io::Error::other("no more"));
        async move { token.map(str::to_owned) }
    });
    let client = rpc_client(&gateway.url()).secret(token).start().expect("a valid client");
    for expected in ["first", "second"] {
        let (mut socket, params) = CallerSocket::accept(&gateway).await;
        assert_eq!(params["token"], expected);
        socket.greet("operator").await;
        reaches(&client, ConnectionState::is_connected).await;
        socket.kill();
        reaches(&client, |state| !state.is_connected()).await;
    }
}

#[tokio::test]
async fn neither_the_token_nor_what_anybody_says_is_in_a_log_or_a_debug() {
    let log = Log::of_process();

    let gateway = Platform::start().await;
    let builder = rpc_client(&gateway.url());
    let mut shown = format!("{builder:?}");
    let client = builder.start().expect("a valid client");
    gateway.refuse("401 Unauthorized").await;
    let (mut socket, _) = CallerSocket::accept(&gateway).await;
    socket.fail("connect", json!({"code": "UNAUTHORIZED", "message": "not you"})).await;
    let (mut socket, _) = CallerSocket::accept(&gateway).await;
    socket.greet("viewer").await;
    let mut events = client.events();
    let mut chat = within(client.chat("main", "hunter2")).await.expect("it begins");
    let request = socket.request("chat.send").await;
    socket.event("chat", json!({"chunk": "hunter2", "delta": "hunter2"})).await;
    socket.event("tool.call", json!({"tool": "t", "input": {"password": "hunter2"}})).await;
    socket.event("tool.result", json!({"tool": "t", "output": "hunter2"})).await;
    socket.event("agent", json!(["hunter2"])).await;
    socket.send_text(r#""hunter2""#).await;
    socket.send_text(r#"{"type":"res","id":"x","ok":"hunter2"}"#).await;
    socket.say(request["id"].clone(), "hunter2", "s").await;
    while let Some(item) = within(chat.next()).await {
        shown += &format!("{item:?}");
    }
    for _ in 0..4 {
        shown += &format!("{:?}", within(events.next()).await);
    }
    let call = client.call_tool("t", json!({"password": "hunter2"}));
    shown += &format!("{client:?} {chat:?} {call:?} {:?}", client.conversation("main"));
    socket.kill();
    drop(CallerSocket::accept(&gateway).await);

    let log = log.text();
    for logged in ["refused", "secret unknown to the gateway", "ignored", "does not fit its type", "socket ended"] {
        assert!(log.contains(logged), "the log has `{logged}`: {log}");
    }
    for secret in [TOKEN, "hunter2"] {
        assert!(!shown.contains(secret), "{shown}");
        assert_eq!(log.lines().find(|line| line.contains(secret)), None);
    }
}
