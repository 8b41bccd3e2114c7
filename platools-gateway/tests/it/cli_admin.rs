//! Tests of commands that change the directory while a gateway runs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program_process::{Data, Program, last_word};
use crate::support::{Caller, Dial, Worker, ended};

/// Dials until the gateway has noticed what the command line changed; it looks twice a second.
async fn welcomed(dial: Dial) -> Worker {
    let begun = Instant::now();
    loop {
        let mut worker = dial.clone().open().await;
        if worker.next_text().await.contains(r#""type":"welcome""#) {
            return worker;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "the gateway does not notice");
    }
}

async fn refused(program: &Program, secret: &str) {
    let mut worker = program.dial(secret).open().await;
    worker.expect("error").await;
    assert_eq!(worker.closed().await.0, 1008);
}

/// Asks until the gateway has noticed what became of a key: 200 when it is good, 401 when it is not.
async fn comes_to(caller: &Caller, status: u16) {
    let begun = Instant::now();
    while caller.get("/v1/tools").await.status != status {
        assert!(begun.elapsed() < Duration::from_secs(30), "the gateway does not notice");
    }
}

#[tokio::test]
async fn a_rotated_secret_closes_its_sockets_at_once() {
    let (data, program) = Data::served().await;
    let old = data.secret("entity add orders").await;
    let mut worker = welcomed(program.dial(&old)).await;
    let new = data.secret("entity rotate orders").await;
    assert_eq!(worker.closed().await.0, 4001);
    refused(&program, &old).await;
    welcomed(program.dial(&new)).await.settle().await;
}

#[tokio::test]
async fn a_rotated_secret_stays_good_for_its_grace_time() {
    let (data, program) = Data::served().await;
    let old = data.secret("entity add orders --policy pool").await;
    let mut before = welcomed(program.dial(&old)).await;
    let rotated = Instant::now();
    let new = data.secret("entity rotate orders --grace 1s").await;
    let mut after = welcomed(program.dial(&new)).await;
    let (code, _) = before.closed().await;
    assert_eq!(code, 4001);
    assert!(rotated.elapsed() >= Duration::from_secs(1), "{:?}", rotated.elapsed());
    refused(&program, &old).await;
    after.settle().await;
}

#[tokio::test]
async fn an_old_secret_still_connects_in_its_grace_time() {
    let (data, program) = Data::served().await;
    let old = data.secret("entity add orders --policy pool").await;
    let new = data.secret("entity rotate orders --grace 1h").await;
    for secret in [old, new] {
        welcomed(program.dial(&secret)).await.settle().await;
    }
}

#[tokio::test]
async fn a_removed_entity_is_gone_with_its_sockets_and_tools() {
    let (data, program) = Data::served().await;
    let admin = Caller::at(&program.url).key(last_word(&program.before[0]));
    let secret = data.secret("entity add orders").await;
    let mut worker = welcomed(program.dial(&secret)).await;
    worker.register(&["echo"]).await;
    data.printed("entity remove orders").await;
    assert_eq!(worker.closed().await.0, 4001);
    assert_eq!(admin.tools().await, []);
    assert_eq!(data.printed("entity list").await, "");
    assert!(data.refused("entity remove orders").await.contains("there is no entity `orders`"));
}

#[tokio::test]
async fn pooled_workers_of_an_entity_stay_side_by_side() {
    let (data, program) = Data::served().await;
    let secret = data.secret("entity add orders --policy pool").await;
    let mut first = welcomed(program.dial(&secret)).await;
    welcomed(program.dial(&secret)).await.settle().await;
    first.settle().await;
    assert!(data.refused("entity add more --policy other").await.contains("possible values: supersede, pool"));
}

#[tokio::test]
async fn a_key_is_good_until_it_is_revoked() {
    let (data, program) = Data::served().await;
    data.printed("agent add buyer").await;
    let words = "key add --role operator --agent buyer --tool-role support --tool-role sales --expires 90d";
    let printed = data.printed(words).await;
    let caller = Caller::at(&program.url).key(last_word(&printed));
    comes_to(&caller, 200).await;

    let listed: Value = serde_json::from_str(&data.printed("key list --json").await).unwrap();
    let [_, key] = listed.as_array().unwrap().as_slice() else { panic!("two keys were expected: {listed}") };
    assert_eq!((&key["role"], &key["toolRoles"]), (&json!("operator"), &json!(["support", "sales"])));
    assert!(key["expiresAt"].is_string() && key["agentId"].as_str().unwrap().starts_with("agent_"), "{key}");
    let id = key["id"].as_str().unwrap();
    assert!(printed.contains(id), "{printed}");

    data.printed(&format!("key revoke {id}")).await;
    assert!(data.refused(&format!("key revoke {id}")).await.contains("there is no key"));
    comes_to(&caller, 401).await;
}

#[tokio::test]
async fn the_last_key_of_an_admin_cannot_be_revoked() {
    let (data, _program) = Data::served().await;
    let listed: Value = serde_json::from_str(&data.printed("key list --json").await).unwrap();
    let id = listed[0]["id"].as_str().unwrap();
    assert!(data.refused(&format!("key revoke {id}")).await.contains("add another one first"));
}

#[tokio::test]
async fn a_minted_token_calls_as_its_user_and_agent() {
    let (data, program) = Data::served().await;
    let agent = data.secret("agent add buyer").await;
    let secret = data.secret("entity add orders").await;
    let mut worker = welcomed(program.dial(&secret)).await;
    worker.register(&["echo"]).await;
    let token = data.secret("token mint --role operator --user ada --agent buyer --ttl 1h").await;
    let caller = Caller::at(&program.url).key(&token);
    comes_to(&caller, 200).await;
    let call = caller.calling("echo", json!({}));
    let frame = worker.expect("tool_call").await;
    let scope = frame.to_string();
    assert!(scope.contains("ada") && scope.contains(&agent), "{frame}");
    worker.answer(&frame, json!("done")).await;
    assert_eq!(ended(call).await.body["result"], "done");

    let viewer = data.secret("token mint --role viewer --ttl 1h").await;
    Caller::at(&program.url).key(&viewer).call("echo", json!({})).await.is_problem(403, "forbidden", false);
    for (words, error) in [
        ("token mint --role viewer --ttl 0s", "at least a second"),
        ("token mint --role viewer --ttl 400d", "at most 366 days"),
        ("token mint --role viewer --ttl soon", "invalid value 'soon' for '--ttl <TIME>'"),
        ("token mint --role viewer --agent nobody --ttl 1h", "there is no agent `nobody`"),
        ("token mint --role owner --ttl 1h", "possible values: viewer, operator, admin"),
    ] {
        let refused = data.refused(words).await;
        assert!(refused.contains(error), "{refused}");
    }
}

#[tokio::test]
async fn a_workers_token_opens_the_environment_it_is_for() {
    let (data, program) = Data::served().await;
    data.secret("entity add orders").await;
    data.printed("environment add qa").await;
    assert_eq!(data.printed("environment list").await.lines().count(), 5);
    let token = data.secret("entity token orders --env qa --ttl 1d").await;
    welcomed(program.dial(&token).header("x-platos-environment-id", "qa")).await.settle().await;
    let mut elsewhere = program.dial(&token).header("x-platos-environment-id", "production").open().await;
    elsewhere.expect("error").await;
    assert_eq!(elsewhere.closed().await.0, 1008);
    let everywhere = data.secret("entity token orders --ttl 1d").await;
    welcomed(program.dial(&everywhere).header("x-platos-environment-id", "production")).await.settle().await;
}

/// Asks until the gateway has noticed whether a tool is switched on.
async fn is_switched(caller: &Caller, tool: &str, enabled: bool) {
    let begun = Instant::now();
    while caller.get(&format!("/v1/tools/{tool}")).await.body["enabled"] != enabled {
        assert!(begun.elapsed() < Duration::from_secs(30), "the gateway does not notice");
    }
}

#[tokio::test]
async fn a_tool_that_is_disabled_is_refused_until_it_is_enabled() {
    let (data, program) = Data::served().await;
    let caller = Caller::at(&program.url).key(last_word(&program.before[0]));
    let secret = data.secret("entity add orders").await;
    let mut worker = welcomed(program.dial(&secret)).await;
    worker.register(&["lookup", "cancel"]).await;

    data.printed("tool disable lookup").await;
    is_switched(&caller, "lookup", false).await;
    caller.call("lookup", json!({})).await.is_problem(403, "tool_disabled", false);
    is_switched(&caller, "cancel", true).await;
    let listed: Value = serde_json::from_str(&data.printed("tool list --json").await).unwrap();
    let shown = caller.get("/v1/tools/lookup").await.body;
    for member in ["name", "entity", "environment", "enabled", "fingerprint", "changedAt"] {
        assert_eq!(listed[0][member], shown[member], "{listed}");
    }
    assert_eq!((&listed[1]["name"], &listed[1]["enabled"]), (&json!("cancel"), &json!(true)));

    data.printed("tool enable lookup --entity orders --env dev").await;
    is_switched(&caller, "lookup", true).await;
    let call = caller.calling("lookup", json!({}));
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, json!("done")).await;
    assert_eq!(ended(call).await.body["result"], "done");
}

#[tokio::test]
async fn a_tool_that_several_have_is_disabled_where_it_is_said() {
    let (data, program) = Data::served().await;
    let caller = Caller::at(&program.url).key(last_word(&program.before[0]));
    let mut workers = Vec::new();
    for entity in ["orders", "stock"] {
        let secret = data.secret(&format!("entity add {entity}")).await;
        for environment in ["development", "staging"] {
            let dial = program.dial(&secret).header("x-platos-environment-id", environment);
            let mut worker = welcomed(dial).await;
            worker.register(&["lookup"]).await;
            workers.push(worker);
        }
    }
    let refused = data.refused("tool disable lookup").await;
    assert!(refused.contains("orders, stock; name the one that is meant"), "{refused}");
    let printed = data.printed("tool disable lookup --entity stock --env staging").await;
    assert_eq!(printed, "disabled the tool lookup of stock in staging\n");
    is_switched(&caller, "lookup?entityId=stock&environmentId=staging", false).await;
    for elsewhere in ["entityId=stock", "entityId=orders", "entityId=orders&environmentId=staging"] {
        is_switched(&caller, &format!("lookup?{elsewhere}"), true).await;
    }
    assert_eq!(data.printed("tool list --env staging").await.lines().count(), 3);
    for (words, error) in [
        ("tool disable nothing", "unknown tool: nothing"),
        ("tool enable lookup --entity nobody", "unknown tool: lookup"),
        ("tool list --env nowhere", "unknown environment"),
    ] {
        let refused = data.refused(words).await;
        assert!(refused.contains(error), "{refused}");
    }
}

#[tokio::test]
async fn a_removed_agent_has_no_say_any_more() {
    let (data, program) = Data::served().await;
    data.printed("agent add buyer").await;
    assert!(data.printed("agent list").await.contains("\nbuyer  agent_"));
    let key = data.secret("key add --role operator --agent buyer").await;
    let caller = Caller::at(&program.url).key(&key);
    comes_to(&caller, 200).await;
    data.printed("agent remove buyer").await;
    comes_to(&caller, 401).await;
}

#[tokio::test]
async fn a_command_without_a_folder_says_how_to_name_it() {
    let output = crate::program_process::output(&["key", "list"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("`--data FOLDER`"));
}
