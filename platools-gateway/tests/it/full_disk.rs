//! Tests of a gateway with a full disk: it goes on serving, and acknowledges nothing that it cannot store.

use serde_json::json;

use crate::program_process::command_without_xfsz;
use crate::running_program::{Running, Runs, numbered, secret, serve};
use crate::runtime_agent::Agent;
use crate::support::{Answer, Caller, ended, within};

const CALL: &str = "/v1/tools/echo/call";

/// A change of each kind that the directory and the catalog keep, under a new name.
async fn changes(admin: &Caller, name: &str) -> Vec<Answer> {
    vec![
        admin.post("/v1/entities", json!({"slug": name})).await,
        admin.post("/v1/environments", json!({"slug": name})).await,
        admin.post("/v1/agents", json!({"slug": name})).await,
        admin.post("/v1/keys", json!({"role": "viewer"})).await,
        admin.post("/v1/entities/orders/rotate", json!({"graceSeconds": 3600})).await,
        admin.send("PATCH", "/v1/tools/off", r#"{"enabled":false}"#).await,
    ]
}

async fn named(caller: &Caller, name: &str) -> Answer {
    caller.try_named(CALL, name, &numbered(name)).await.unwrap()
}

/// The names of a listing's items.
async fn slugs(admin: &Caller, path: &str) -> Vec<String> {
    let listing = admin.get(path).await;
    let items = listing.body["items"].as_array().unwrap_or_else(|| panic!("{listing:?}"));
    items.iter().map(|item| item["slug"].as_str().unwrap().to_owned()).collect()
}

/// Waits until the journal has a call.
async fn journaled(gateway: &Running, call_id: &str) {
    let path = format!("/v1/calls/{call_id}");
    within(async { while gateway.admin().get(&path).await.body["status"] != "ended" {} }).await;
}

#[tokio::test]
async fn what_a_full_disk_cannot_keep_is_refused_and_what_was_acknowledged_stays() {
    let gateway = Running::start(command_without_xfsz).await;
    let (admin, runs) = (gateway.admin(), Runs::default());
    let orders = gateway.entity("orders").await;
    serve(gateway.worker(&orders, &["echo", "off"]).await, &runs);
    let late = gateway.entity("late").await;
    let before = named(&admin, "before").await;
    assert_eq!(before.status, 200, "{before:?}");

    gateway.program.room_on_disk(Some(0));
    for change in changes(&admin, "full").await {
        change.is_problem(500, "storage", true);
    }
    let mut registering = gateway.program.dial(&late).welcomed().await;
    registering.declare(&["late"]).await;
    assert!(registering.expect("error").await["error"].as_str().unwrap().contains("could not be stored"));
    assert_eq!(registering.closed().await.0, 1011);
    named(&admin, "refused").await.is_problem(500, "storage", true);
    assert_eq!(runs.lock().unwrap().get(r#""refused""#), None, "it was not run");
    assert_eq!(named(&admin, "before").await.body, before.body);
    let during = admin.call("echo", numbered("during")).await;
    assert_eq!((during.status, &during.body["result"]), (200, &json!("during")));
    assert_eq!(admin.tools().await, [("echo".to_owned(), true), ("off".to_owned(), true)]);
    assert_eq!(admin.get("/ready").await.status, 200, "calls are served");

    gateway.program.room_on_disk(None);
    for change in changes(&admin, "after").await {
        assert!((200..300).contains(&change.status), "{change:?}");
    }
    // A change that comes to nothing leaves the database to others.
    for change in changes(&admin, "after").await.iter().take(3) {
        change.is_problem(409, "already_exists", false);
    }
    gateway.worker(&late, &["late"]).await.settle().await;
    let after = named(&admin, "refused").await;
    assert_eq!((after.status, &after.body["result"]), (200, &json!("refused")));
    journaled(&gateway, during.body["callId"].as_str().unwrap()).await;

    let gateway = gateway.restarted("-KILL").await;
    let admin = gateway.admin();
    assert_eq!(slugs(&admin, "/v1/entities").await, ["after", "late", "orders"]);
    assert_eq!(slugs(&admin, "/v1/agents").await, ["after", "main"]);
    let names = ["echo", "late", "off"].map(|name| (name.to_owned(), false));
    let mut tools = admin.tools().await;
    tools.sort();
    assert_eq!(tools, names);
    admin.call("off", json!({})).await.is_problem(403, "tool_disabled", false);
    for (name, answer) in [("before", before), ("refused", after)] {
        assert_eq!(named(&admin, name).await.body, answer.body);
    }
    assert_eq!(gateway.journal().await[during.body["callId"].as_str().unwrap()], "ok");
    let rotated = secret(&admin.post("/v1/entities/orders/rotate", json!({})).await);
    gateway.worker(&rotated, &["echo"]).await.settle().await;
}

#[tokio::test]
async fn an_answer_that_could_not_be_kept_at_first_is_kept_as_soon_as_there_is_room() {
    let gateway = Running::start(command_without_xfsz).await;
    let admin = gateway.admin();
    let mut worker = gateway.worker(&gateway.entity("orders").await, &["echo"]).await;
    let first = {
        let admin = admin.clone();
        tokio::spawn(async move { named(&admin, "n").await })
    };
    let call = worker.expect("tool_call").await;
    gateway.program.room_on_disk(Some(0));
    worker.answer(&call, json!("once")).await;
    let first = ended(first).await;
    assert_eq!((first.status, &first.body["result"]), (200, &json!("once")));
    assert_eq!(named(&admin, "n").await.body, first.body, "as long as it cannot be kept, it is remembered");
    gateway.program.room_on_disk(None);
    // A stop in order does not wait for another attempt, but makes it.
    let gateway = gateway.restarted("-TERM").await;
    assert_eq!(named(&gateway.admin(), "n").await.body, first.body);
}

#[tokio::test]
async fn a_session_whose_end_cannot_be_kept_goes_on() {
    let gateway = Running::start(command_without_xfsz).await;
    let admin = gateway.admin();
    assert_eq!(admin.post("/v1/agents", json!({"slug": "scout"})).await.status, 201);
    let key = secret(&admin.post("/v1/keys", json!({"role": "operator", "agentId": "scout"})).await);
    let agent = |gateway: &Running| Agent::known(&gateway.program.url, "scout", &key);
    let scout = agent(&gateway);
    let session = scout.connect().await;
    let mut socket = scout.open().await;
    let status = async |agent: &Agent| agent.get("/v1/runtime/status").await["session"]["sessionId"].clone();

    gateway.program.room_on_disk(Some(0));
    let refused = scout.http.post("/v1/runtime/disconnect", json!({"sessionId": session})).await;
    assert_eq!(refused.status, 500, "{refused:?}");
    assert_eq!(status(&scout).await, session.as_str());
    socket.settle().await;
    gateway.program.room_on_disk(None);

    let gateway = gateway.restarted("-KILL").await;
    let scout = agent(&gateway);
    assert_eq!(status(&scout).await, session.as_str());
    scout.post("/v1/runtime/disconnect", json!({"sessionId": session})).await;
    let gateway = gateway.restarted("-KILL").await;
    assert_eq!(status(&agent(&gateway)).await, serde_json::Value::Null);
}
