//! Tests of the gateway RPC protocol: permissions, errors and events.

use platools_gateway::dev::{self, DevOptions};
use platools_gateway::{Gateway, Role, RpcSettings};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::rpc_caller::RpcCaller;
use crate::support::{Caller, Dial, dev_gateway, gateway_with, within};

const VIEWER: [&str; 6] = ["health", "status", "agents.list", "tools.list", "sessions.list", "sessions.preview"];
const OPERATOR: [&str; 6] =
    ["tools.call", "chat.send", "chat.abort", "chat.history", "sessions.delete", "sessions.reset"];
const ADMIN: [&str; 11] = [
    "agents.create",
    "agents.update",
    "agents.delete",
    "entities.list",
    "entities.create",
    "entities.rotate",
    "entities.delete",
    "api_keys.list",
    "api_keys.create",
    "api_keys.revoke",
    "logs.tail",
];

/// The reply to `connect`.
async fn connected(gateway: &Gateway, connect: Value) -> Value {
    RpcCaller::stranger_at(gateway).await.ok("connect", connect).await
}

#[tokio::test]
async fn connect_says_what_a_caller_may_do() {
    let gateway = dev_gateway().await;
    let viewer = gateway.add_key(Role::Viewer).await.unwrap();
    for (token, role) in [
        (Some(dev::ADMIN_KEY), "admin"),
        (Some(dev::AGENT_KEY), "operator"),
        (Some(viewer.expose_secret()), "viewer"),
        (Some("wrong"), "viewer"),
        (Some(""), "viewer"),
        (None, "viewer"),
    ] {
        let mut reply = connected(&gateway, json!({"token": token, "user_id": "u-1", "extra": 1})).await;
        let warning = reply.as_object_mut().unwrap().remove("warning");
        assert_eq!(warning.is_some(), token == Some("wrong"), "{token:?}");
        assert_eq!(reply, json!({"protocol": 3, "role": role, "user_id": "u-1"}), "{token:?}");
    }
}

#[tokio::test]
async fn every_method_takes_its_role() {
    let gateway = dev_gateway().await;
    let callers = [
        (0, RpcCaller::known(Dial::to(&gateway, "/ws"), json!({"user_id": "u"})).await),
        (1, RpcCaller::operator(&gateway, "u").await),
        (2, RpcCaller::admin(&gateway).await),
    ];
    for (rank, mut caller) in callers {
        for (needed, methods) in [(0, &VIEWER[..]), (1, &OPERATOR), (2, &ADMIN)] {
            for method in methods {
                let id = caller.send(method, json!({})).await;
                let response = caller.response(&id).await;
                // What is allowed may still lack params.
                let is_forbidden = response["error"]["code"] == "FORBIDDEN";
                assert_eq!(is_forbidden, rank < needed, "{method} as {rank}: {response}");
                assert_ne!(response["error"]["message"], "unknown method", "{method}");
            }
        }
    }
}

#[tokio::test]
async fn nothing_is_answered_before_connect() {
    let gateway = dev_gateway().await;
    let mut caller = RpcCaller::stranger_at(&gateway).await;
    for method in ["health", "chat.send", "nothing"] {
        let error = caller.error(method, json!({})).await;
        assert_eq!((&error["code"], &error["retryable"]), (&json!("UNAUTHORIZED"), &json!(false)), "{method}");
    }
    for connect in [json!({}), json!({"user_id": ""}), json!({"user_id": "ü".repeat(256)}), json!({"user_id": 7})] {
        assert_eq!(caller.code("connect", connect.clone()).await, "INVALID_REQUEST", "{connect}");
    }
    assert_eq!(caller.code("health", json!({})).await, "UNAUTHORIZED");
    caller.ok("connect", json!({"user_id": "ü".repeat(255)})).await;
    assert_eq!(caller.ok("health", json!({})).await["status"], "healthy");
}

#[tokio::test]
async fn requests_may_be_sent_before_connect_is_answered() {
    let gateway = dev_gateway().await;
    let mut caller = RpcCaller::stranger_at(&gateway).await;
    caller.send_as("a", "connect", json!({"token": dev::ADMIN_KEY, "user_id": "u"})).await;
    caller.send_as("b", "api_keys.list", json!({})).await;
    assert_eq!(caller.response("a").await["payload"]["role"], "admin");
    assert_eq!(caller.response("b").await["ok"], true);
}

#[tokio::test]
async fn a_second_connect_changes_nothing() {
    let gateway = dev_gateway().await;
    let mut caller = RpcCaller::known(Dial::to(&gateway, "/ws"), json!({"user_id": "u"})).await;
    let again = json!({"token": dev::ADMIN_KEY, "user_id": "u"});
    assert_eq!(caller.code("connect", again).await, "INVALID_REQUEST");
    assert_eq!(caller.code("api_keys.list", json!({})).await, "FORBIDDEN");
}

#[tokio::test]
async fn a_token_that_speaks_for_a_user_speaks_for_no_other() {
    let gateway = dev_gateway().await;
    let mint = json!({"role": "operator", "userId": "u-1", "ttlSeconds": 60});
    let token = Caller::admin(&gateway).post("/v1/tokens", mint).await.body["token"].clone();
    let mut caller = RpcCaller::stranger_at(&gateway).await;
    assert_eq!(caller.code("connect", json!({"token": token, "user_id": "u-2"})).await, "FORBIDDEN");
    assert_eq!(caller.ok("connect", json!({"token": token, "user_id": "u-1"})).await["role"], "operator");
}

#[tokio::test]
async fn wrong_tokens_count_as_failed_attempts() {
    let mut limits = platools_gateway::limits::Limits::default();
    limits.address.failures_per_minute = 3.try_into().unwrap();
    let (gateway, _, _) = gateway_with(Gateway::builder().limits(limits)).await;
    let wrong = json!({"token": "wrong", "user_id": "u"});
    for _ in 0..3 {
        assert_eq!(connected(&gateway, wrong.clone()).await["role"], "viewer");
    }
    let refused = RpcCaller::stranger_at(&gateway).await.error("connect", wrong).await;
    assert_eq!((&refused["code"], &refused["retryable"]), (&json!("RESOURCE_EXHAUSTED"), &json!(true)), "{refused}");
    assert!(refused["retryAfterMs"].as_u64().is_some_and(|wait| wait > 0), "{refused}");
    let key = gateway.add_key(Role::Operator).await.unwrap();
    assert_eq!(connected(&gateway, json!({"token": key.expose_secret(), "user_id": "u"})).await["role"], "operator");
}

#[tokio::test]
async fn what_is_no_request_is_answered_and_the_connection_goes_on() {
    let gateway = dev_gateway().await;
    let mut caller = RpcCaller::admin(&gateway).await;
    for (text, id) in [
        ("", ""),
        ("{", ""),
        ("[]", ""),
        ("\"hello\"", ""),
        (r#"{"type":"res","id":"1","ok":true}"#, ""),
        (r#"{"type":"event","event":"chat","seq":1}"#, ""),
        (r#"{"id":"1","method":"health"}"#, ""),
        (r#"{"type":"req","method":"health"}"#, ""),
        (r#"{"type":"req","id":7,"method":"health"}"#, ""),
        (r#"{"type":"req","id":"x"}"#, "x"),
        (r#"{"type":"req","id":"y","method":"health","params":[]}"#, "y"),
    ] {
        caller.send_text(text).await;
        assert_eq!(caller.failed(id).await["code"], "INVALID_REQUEST", "{text}");
    }
    caller.send_message(Message::binary(vec![0, 159])).await;
    assert_eq!(caller.failed("").await["code"], "INVALID_REQUEST");
    let error = caller.error("nothing", json!({})).await;
    assert_eq!(error, json!({"code": "INVALID_REQUEST", "message": "unknown method", "retryable": false}));
    caller.send_text(r#"{"type":"req","id":"z","method":"health"}"#).await;
    assert_eq!(caller.response("z").await["ok"], true);
}

#[tokio::test]
async fn a_mistake_in_params_names_the_member_and_what_it_must_be() {
    let gateway = dev_gateway().await;
    let mut caller = RpcCaller::stranger_at(&gateway).await;
    let user_id = "`user_id` is required: text of 1 to 255 characters";
    for connect in [json!({}), json!({"user_id": ""}), json!({"user_id": 7}), json!({"user_id": null})] {
        assert_eq!(caller.error("connect", connect).await["message"], user_id);
    }
    let token = caller.error("connect", json!({"user_id": "u", "token": {"hunter2": 1}})).await;
    assert_eq!(token["message"], "`connect`: `token` must be a string, and it is an object");
    let mut caller = RpcCaller::admin(&gateway).await;
    for (method, params, message) in [
        ("tools.call", json!({"arguments": {}}), "`tools.call`: `name` is required"),
        (
            "sessions.list",
            json!({"limit": "ten"}),
            "`sessions.list`: `limit` must be a whole number from 0 on, and it is a string",
        ),
        ("entities.create", json!({}), "`entities.create`: `slug` is required"),
        ("logs.tail", json!({"stop": 1}), "`logs.tail`: `stop` must be `true` or `false`, and it is a number"),
        ("agents.delete", json!({"agentId": []}), "`agents.delete`: `agentId` must be a string, and it is a list"),
    ] {
        let error = caller.error(method, params).await;
        assert_eq!((&error["code"], &error["message"]), (&json!("INVALID_REQUEST"), &json!(message)));
    }
}

/// A request with the id 1 that has so many bytes.
fn sized(bytes: usize) -> String {
    let empty = r#"{"type":"req","id":"1","method":"health","params":{"a":""}}"#;
    empty.replace(r#""""#, &format!("\"{}\"", "x".repeat(bytes - empty.len())))
}

#[tokio::test]
async fn a_message_of_512_kib_is_read_and_a_longer_one_is_dropped_and_answered_while_the_connection_goes_on() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["slow"]).await;
    let mut caller = RpcCaller::admin(&gateway).await;
    caller.send_text(sized(512 * 1024)).await;
    assert_eq!(caller.response("1").await["ok"], true);
    caller.send_as("under way", "tools.call", json!({"name": "slow", "arguments": {}})).await;
    let call = worker.expect("tool_call").await;
    for bytes in [512 * 1024 + 1, 4 * 1024 * 1024] {
        caller.send_text(sized(bytes)).await;
        let error = caller.failed("1").await;
        let message = format!("message too large: {bytes} bytes; the limit is 524288");
        assert_eq!(error, json!({"code": "INVALID_REQUEST", "message": message, "retryable": false}));
    }
    caller.send_message(Message::binary(vec![0; 512 * 1024 + 1])).await;
    assert_eq!(caller.failed("").await["message"], "message too large: 524289 bytes; the limit is 524288");
    worker.answer(&call, json!(1)).await;
    assert_eq!(caller.response("under way").await["payload"]["result"], 1);
    caller.ok("health", json!({})).await;
}

#[tokio::test]
async fn a_message_of_more_than_4_mib_closes_with_1009_and_says_how_large_it_is() {
    let gateway = dev_gateway().await;
    let mut caller = RpcCaller::admin(&gateway).await;
    let bytes = 4 * 1024 * 1024 + 1;
    // The gateway does not read it to its end.
    caller.try_send_text(sized(bytes)).await;
    assert_eq!(caller.closed().await, (1009, format!("message too large: {bytes} bytes; the limit is 524288")));
}

#[tokio::test]
async fn a_message_in_fragments_is_dropped_too_and_pings_between_them_change_nothing() {
    let gateway = dev_gateway().await;
    let mut caller = RpcCaller::admin(&gateway).await;
    let fragment = || vec![b'x'; 256 * 1024];
    caller.send_frame(Frame::message(fragment(), OpCode::Data(Data::Text), false)).await;
    for _ in 0..3 {
        caller.send_message(Message::Ping(Default::default())).await;
        caller.send_frame(Frame::message(fragment(), OpCode::Data(Data::Continue), false)).await;
    }
    caller.send_frame(Frame::message(Vec::new(), OpCode::Data(Data::Continue), true)).await;
    assert_eq!(caller.failed("").await["message"], "message too large: 1048576 bytes; the limit is 524288");
    // The same without an end: that is more than is read of any message.
    caller.send_frame(Frame::message(fragment(), OpCode::Data(Data::Text), false)).await;
    for _ in 0..16 {
        caller.try_send_frame(Frame::message(fragment(), OpCode::Data(Data::Continue), false)).await;
    }
    assert_eq!(caller.closed().await.0, 1009);
}

#[tokio::test]
async fn without_room_in_the_budget_a_message_that_is_too_large_closes_with_1009() {
    let mut limits = platools_gateway::limits::Limits::default();
    limits.key.body_bytes = (64 * 1024).try_into().unwrap();
    limits.total.body_bytes = (1024 * 1024).try_into().unwrap();
    let (gateway, _, _) = gateway_with(Gateway::builder().limits(limits)).await;
    let mut caller = RpcCaller::operator(&gateway, "u").await;
    caller.try_send_text(sized(600 * 1024)).await;
    assert_eq!(caller.closed().await, (1009, "message too large: more than 524288 bytes".to_owned()));
}

#[tokio::test]
async fn text_that_is_not_utf8_closes_with_1007() {
    let gateway = dev_gateway().await;
    let mut caller = RpcCaller::admin(&gateway).await;
    caller.send_frame(Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true)).await;
    assert_eq!(caller.closed().await.0, 1007);
}

#[tokio::test]
async fn without_auth_everybody_is_an_operator() {
    let gateway = within(dev::start(DevOptions { no_auth: true, ..DevOptions::with_known_secrets() })).await.unwrap();
    for connect in [json!({"user_id": "u"}), json!({"user_id": "u", "token": "wrong"})] {
        assert_eq!(connected(&gateway, connect).await["role"], "operator");
    }
    // Over HTTP nothing is different.
    Caller::at(&gateway.url()).get("/v1/tools").await.is_problem(401, "unauthenticated", false);
    let mut caller = RpcCaller::known(Dial::to(&gateway, "/ws"), json!({"user_id": "u"})).await;
    let said = caller.ok("chat.send", json!({"agentId": "main", "message": "Hello!"})).await;
    let own = caller.ok("sessions.list", json!({})).await;
    assert_eq!(own["items"][0]["sessionId"], said["sessionId"]);
}

#[tokio::test]
async fn web_pages_of_other_machines_are_refused_with_and_without_auth() {
    for options in [DevOptions::with_known_secrets(), DevOptions { no_auth: true, ..DevOptions::with_known_secrets() }]
    {
        let gateway = within(dev::start(options)).await.unwrap();
        for origin in ["https://example.com", "null"] {
            assert!(Dial::to(&gateway, "/ws").header("origin", origin).try_open().await.is_err(), "{origin}");
        }
        let local = Dial::to(&gateway, "/ws").header("origin", "http://localhost:3000");
        RpcCaller::known(local, json!({"user_id": "u"})).await;
    }
}

#[tokio::test]
async fn ids_of_requests_under_way_are_not_taken_twice() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["slow"]).await;
    let mut caller = RpcCaller::operator(&gateway, "u").await;
    caller.send_as("a", "tools.call", json!({"name": "slow", "arguments": {}})).await;
    let call = worker.expect("tool_call").await;
    caller.send_as("a", "health", json!({})).await;
    assert_eq!(caller.failed("a").await["code"], "INVALID_REQUEST");
    worker.answer(&call, json!(1)).await;
    assert_eq!(caller.response("a").await["payload"]["result"], 1);
    caller.send_as("a", "health", json!({})).await;
    assert_eq!(caller.response("a").await["ok"], true);
}

#[tokio::test]
async fn more_requests_than_may_be_under_way_are_refused() {
    let mut settings = RpcSettings::default();
    settings.requests_in_flight = 2;
    let (gateway, secret, _) = gateway_with(Gateway::builder().rpc(settings)).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["slow"]).await;
    let key = gateway.add_key(Role::Operator).await.unwrap();
    let mut caller = RpcCaller::with(&gateway, key.expose_secret(), "u").await;
    for id in ["a", "b"] {
        caller.send_as(id, "tools.call", json!({"name": "slow", "arguments": {}})).await;
    }
    let error = caller.error("health", json!({})).await;
    assert_eq!((&error["code"], &error["retryable"]), (&json!("RESOURCE_EXHAUSTED"), &json!(true)));
    let first = worker.expect("tool_call").await;
    worker.answer(&first, json!(1)).await;
    caller.response("a").await;
    caller.ok("health", json!({})).await;
}
