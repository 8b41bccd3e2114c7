//! Tests of stored conversations over gateway RPC.

use platools_gateway::{Gateway, Role, dev};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::rpc_caller::RpcCaller;
use crate::support::{Dial, dev_gateway, within};

async fn say(caller: &mut RpcCaller, message: &str, session: Option<&Value>) -> Value {
    let said = caller.ok("chat.send", json!({"agentId": "main", "message": message, "sessionId": session})).await;
    said["sessionId"].clone()
}

/// Roles and texts of the messages in `chat.history`.
async fn history(caller: &mut RpcCaller, session: &Value) -> Vec<String> {
    let history = caller.ok("chat.history", json!({"sessionId": session})).await;
    assert_eq!(history["session"]["sessionId"], *session);
    let messages = history["messages"].as_array().unwrap().iter();
    messages
        .map(|message| format!("{}: {}", message["role"].as_str().unwrap(), message["content"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn a_conversation_goes_on_after_a_reconnect_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = within(Gateway::builder().data_folder(folder.path()).start()).await.unwrap();
    let admin = gateway.first_admin_key().await.unwrap().unwrap();
    let key = gateway.add_key(Role::Operator).await.unwrap();
    let mut admin = RpcCaller::with(&gateway, admin.expose_secret(), "u").await;
    admin.ok("agents.create", json!({"slug": "main"})).await;
    let session = {
        let mut caller = RpcCaller::with(&gateway, key.expose_secret(), "u").await;
        say(&mut caller, "one", None).await
    };
    let mut caller = RpcCaller::with(&gateway, key.expose_secret(), "u").await;
    assert_eq!(say(&mut caller, "two", Some(&session)).await, session);
    drop((admin, caller));
    within(gateway.shutdown()).await;

    let gateway = within(Gateway::builder().data_folder(folder.path()).start()).await.unwrap();
    let mut caller = RpcCaller::with(&gateway, key.expose_secret(), "u").await;
    assert_eq!(say(&mut caller, "three", Some(&session)).await, session);
    let said = history(&mut caller, &session).await;
    let users: Vec<_> = said.iter().filter(|line| line.starts_with("user")).collect();
    assert_eq!(users, ["user: one", "user: two", "user: three"]);
    assert_eq!(said.len(), 6, "{said:?}");
}

#[tokio::test]
async fn a_user_sees_its_own_conversations_only() {
    let gateway = dev_gateway().await;
    let mut one = RpcCaller::operator(&gateway, "u-1").await;
    let mut other = RpcCaller::operator(&gateway, "u-2").await;
    let session = say(&mut one, "secret", None).await;
    assert_eq!(other.ok("sessions.list", json!({})).await["items"], json!([]));
    assert_eq!(other.ok("sessions.list", json!({"userId": "u-1"})).await["items"], json!([]));
    for method in ["sessions.preview", "chat.history", "sessions.reset", "sessions.delete"] {
        assert_eq!(other.code(method, json!({"sessionId": session})).await, "NOT_FOUND", "{method}");
    }
    let message = json!({"agentId": "main", "message": "and?", "sessionId": session});
    assert_eq!(other.code("chat.send", message).await, "NOT_FOUND");
    assert_eq!(history(&mut one, &session).await.len(), 2);

    let mut admin = RpcCaller::admin(&gateway).await;
    let listed = admin.ok("sessions.list", json!({"userId": "u-1", "agentId": "main"})).await;
    assert_eq!((&listed["items"][0]["sessionId"], &listed["items"][0]["userId"]), (&session, &json!("u-1")));
}

#[tokio::test]
async fn whoever_proves_nothing_sees_no_conversation() {
    let gateway = dev_gateway().await;
    let session = say(&mut RpcCaller::operator(&gateway, "u-1").await, "secret", None).await;
    let mut stranger = RpcCaller::known(Dial::to(&gateway, "/ws"), json!({"user_id": "u-1"})).await;
    assert_eq!(stranger.ok("sessions.list", json!({})).await, json!({"items": [], "nextCursor": null}));
    assert_eq!(stranger.code("sessions.preview", json!({"sessionId": session})).await, "NOT_FOUND");
    let key = gateway.add_key(Role::Viewer).await.unwrap();
    let mut viewer = RpcCaller::with(&gateway, key.expose_secret(), "u-1").await;
    assert_eq!(viewer.ok("sessions.list", json!({})).await, json!({"items": [], "nextCursor": null}));
    assert_eq!(viewer.code("sessions.preview", json!({"sessionId": session})).await, "NOT_FOUND");
    let mut owner = RpcCaller::operator(&gateway, "u-1").await;
    assert_eq!(owner.ok("sessions.list", json!({})).await["items"][0]["sessionId"], session);
}

#[tokio::test]
async fn long_lists_and_histories_come_in_pages() {
    let gateway = dev_gateway().await;
    let mut caller = RpcCaller::operator(&gateway, "u").await;
    let mut sessions = Vec::new();
    for number in 0..3 {
        sessions.push(say(&mut caller, &format!("message {number}"), None).await);
    }
    let (mut seen, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let page = caller.ok("sessions.list", json!({"limit": 1, "cursor": cursor})).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["sessionId"].clone()));
        cursor = page["nextCursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    seen.sort_by_key(Value::to_string);
    sessions.sort_by_key(Value::to_string);
    assert_eq!(seen, sessions);

    let session = &sessions[0];
    say(&mut caller, "again", Some(session)).await;
    let last = caller.ok("chat.history", json!({"sessionId": session, "limit": 3})).await;
    assert_eq!(last["messages"].as_array().unwrap().len(), 3);
    let first = caller.ok("chat.history", json!({"sessionId": session, "cursor": last["nextCursor"]})).await;
    assert_eq!((first["messages"].as_array().unwrap().len(), &first["nextCursor"]), (1, &Value::Null));
    assert!(first["messages"][0]["createdAt"].is_string(), "{first}");
    for params in [json!({"limit": 0}), json!({"cursor": "x"})] {
        assert_eq!(caller.code("sessions.list", params).await, "INVALID_REQUEST");
    }
}

#[tokio::test]
async fn a_conversation_is_shown_in_short_begun_again_and_deleted() {
    let gateway = dev_gateway().await;
    let mut caller = RpcCaller::operator(&gateway, "u").await;
    let session = say(&mut caller, &"ü".repeat(300), None).await;
    let which = json!({"sessionId": session});
    let preview = caller.ok("sessions.preview", which.clone()).await;
    assert_eq!(preview["messages"][0]["content"], "ü".repeat(200));
    assert_eq!(preview["session"]["agent"], dev::MAIN_AGENT);
    assert_eq!(caller.ok("sessions.reset", which.clone()).await, json!({"reset": true}));
    assert!(history(&mut caller, &session).await.is_empty());
    assert_eq!(say(&mut caller, "once more", Some(&session)).await, session);
    assert_eq!(caller.ok("sessions.delete", which.clone()).await, json!({"deleted": true}));
    assert_eq!(caller.code("chat.history", which).await, "NOT_FOUND");
}
