//! Tests of agents' profiles, changed over REST and on the command line.

use serde_json::{Value, json};

use crate::program_process::Data;
use crate::support::{Answer, Caller, dev_gateway, ended};

/// The profile of an agent, as the command line left it.
async fn profile(caller: &Caller, agent: &str) -> Value {
    let shown = caller.get(&format!("/v1/agents/{agent}")).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    shown.body["profile"].clone()
}

#[tokio::test]
async fn an_agent_is_added_shown_and_changed_with_its_profile() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let whole = json!({
        "kind": "model", "model": "m", "systemPrompt": "Be brief.", "tools": ["echo"], "environment": "production"
    });
    let added = admin.post("/v1/agents", json!({"slug": "helper", "profile": whole})).await;
    assert_eq!((added.status, &added.body["profile"]), (201, &whole));
    assert_eq!(profile(&admin, added.body["id"].as_str().unwrap()).await, whole);
    let listed = admin.get("/v1/agents").await.body;
    assert!(listed["items"].as_array().unwrap().iter().any(|agent| agent["profile"] == whole), "{listed}");

    let changed = admin.send("PATCH", "/v1/agents/helper", r#"{"profile": {"model": "n"}}"#).await;
    assert_eq!((changed.status, &changed.body["slug"]), (200, &json!("helper")));
    let mut kept = whole.clone();
    kept["model"] = json!("n");
    assert_eq!(profile(&admin, "helper").await, kept);
    let reset = json!({"kind": "command", "systemPrompt": null, "tools": null, "environment": null});
    admin.send("PATCH", "/v1/agents/helper", json!({"profile": reset}).to_string()).await;
    assert_eq!(profile(&admin, "helper").await, json!({"kind": "command", "model": "n"}));
    let plain = admin.post("/v1/agents", json!({"slug": "plain"})).await;
    assert_eq!(plain.body["profile"], json!({"kind": "command"}));
}

#[tokio::test]
async fn a_profile_that_makes_no_sense_is_refused_and_changes_nothing() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    for (profile, status, code) in [
        (json!({"kind": "wizard"}), 400, "invalid_request"),
        (json!({"systemprompt": "Be brief."}), 400, "invalid_request"),
        (json!({"environment": "nowhere"}), 400, "invalid_request"),
    ] {
        let changed = admin.send("PATCH", "/v1/agents/main", json!({"profile": profile}).to_string()).await;
        changed.is_problem(status, code, false);
        admin.post("/v1/agents", json!({"slug": "helper", "profile": profile})).await.is_problem(status, code, false);
    }
    let change = json!({"profile": {}}).to_string();
    admin.send("PATCH", "/v1/agents/nobody", change.clone()).await.is_problem(404, "not_found", false);
    admin.get("/v1/agents/nobody").await.is_problem(404, "not_found", false);
    admin.send("PATCH", "/v1/agents/main", "{}").await.is_problem(400, "invalid_request", false);
    let agent = Caller::at(&gateway.url()).key("platools-dev-agent");
    let forbidden = |answer: Answer| answer.is_problem(403, "forbidden", false);
    forbidden(agent.get("/v1/agents/main").await);
    forbidden(agent.send("PATCH", "/v1/agents/main", change).await);
    assert_eq!(profile(&admin, "main").await, json!({"kind": "command"}));
    assert_eq!(admin.get("/v1/agents/helper").await.status, 404);
}

#[tokio::test]
async fn the_command_line_changes_what_it_is_told_and_leaves_the_rest() {
    let (data, program) = Data::served().await;
    let key = data.secret("key add --role admin").await;
    let admin = Caller::at(&program.url).key(&key);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prompt.txt");
    std::fs::write(&file, "Be brief.\nBe kind.").unwrap();
    // The agent of the first start, which this test is not about.
    data.printed("agent remove main").await;
    data.printed("agent add plain --owner ada").await;
    data.printed(&format!(
        "agent add helper --kind model --model m --system-prompt-file {} --tool echo --tool add --env production",
        file.display()
    ))
    .await;
    let listed: Value = serde_json::from_str(&data.printed("agent list --json").await).unwrap();
    let kinds: Vec<_> =
        listed.as_array().unwrap().iter().map(|row| (&row["slug"], &row["kind"], &row["model"])).collect();
    let (helper, plain) = (json!("helper"), json!("plain"));
    assert_eq!(kinds, [(&helper, &json!("model"), &json!("m")), (&plain, &json!("command"), &Value::Null)]);
    let owners: Vec<_> = listed.as_array().unwrap().iter().map(|row| &row["owner"]).collect();
    assert_eq!(owners, [&Value::Null, &json!("ada")]);
    assert!(data.printed("agent list").await.lines().next().unwrap().contains("kind"));

    let mut expected = json!({
        "kind": "model", "model": "m", "systemPrompt": "Be brief.\nBe kind.", "tools": ["echo", "add"],
        "environment": "production"
    });
    noticed(&admin, &expected).await;
    data.printed("agent change helper --model n --env=").await;
    expected["model"] = json!("n");
    expected.as_object_mut().unwrap().remove("environment");
    noticed(&admin, &expected).await;
    data.printed("agent change helper --kind command --all-tools --system-prompt brief").await;
    let expected = json!({"kind": "command", "model": "n", "systemPrompt": "brief"});
    noticed(&admin, &expected).await;
    for (owner, shown) in [("--owner ada", json!("ada")), ("--model n", json!("ada")), ("--owner=", Value::Null)] {
        data.printed(&format!("agent change helper {owner}")).await;
        let listed: Value = serde_json::from_str(&data.printed("agent list --json").await).unwrap();
        assert_eq!((&listed[0]["slug"], &listed[0]["owner"]), (&json!("helper"), &shown));
    }
    noticed(&admin, &expected).await;
}

/// Asks until the gateway has noticed what the command line made of the agent `helper`.
async fn noticed(admin: &Caller, expected: &Value) {
    let begun = std::time::Instant::now();
    while admin.get("/v1/agents/helper").await.body["profile"] != *expected {
        assert!(begun.elapsed() < std::time::Duration::from_secs(30), "the gateway does not notice");
    }
}

#[tokio::test]
async fn a_command_about_agents_that_makes_no_sense_says_why() {
    let (data, _program) = Data::served().await;
    data.printed("agent add helper").await;
    for (command, error) in [
        ("agent add other --kind wizard", "[possible values: command, model]"),
        ("agent add other --env nowhere", "unknown environment"),
        ("agent add other --system-prompt-file /nowhere/prompt.txt", "/nowhere/prompt.txt"),
        ("agent add other --system-prompt a --system-prompt-file b", "cannot be used with"),
        ("agent change helper --tool a --all-tools", "cannot be used with"),
        ("agent change nobody --kind model", "there is no agent `nobody`"),
    ] {
        let refused = data.refused(command).await;
        assert!(refused.contains(error), "{refused}");
    }
}

#[tokio::test]
async fn a_profile_is_an_object() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    for profile in [json!([]), json!(["model"]), json!("model"), json!(7)] {
        let refused = admin.post("/v1/agents", json!({"slug": "helper", "profile": profile})).await;
        refused.is_problem(400, "invalid_request", false);
        assert!(refused.detail().contains("must be an object"), "{}", refused.detail());
        let changed = admin.send("PATCH", "/v1/agents/helper", json!({"profile": profile}).to_string()).await;
        changed.is_problem(400, "invalid_request", false);
    }
    for nothing in [json!({}), json!(null)] {
        let added = admin.post("/v1/agents", json!({"slug": "helper", "profile": nothing})).await;
        assert_eq!((added.status, &added.body["profile"]), (201, &json!({"kind": "command"})));
        admin.send("DELETE", "/v1/agents/helper", "").await;
    }
}

#[tokio::test]
async fn two_changes_at_the_same_time_are_both_kept() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    for round in 0..20 {
        let value = format!("value-{round}");
        let change = |member: &str| {
            let (admin, body) = (admin.clone(), json!({"profile": {(member): &value}}).to_string());
            tokio::spawn(async move { admin.send("PATCH", "/v1/agents/main", body).await })
        };
        let (model, prompt) = (change("model"), change("systemPrompt"));
        assert_eq!((ended(model).await.status, ended(prompt).await.status), (200, 200));
        let kept = profile(&admin, "main").await;
        assert_eq!((&kept["model"], &kept["systemPrompt"]), (&json!(value), &json!(value)));
    }
}

#[tokio::test]
async fn two_commands_that_change_different_members_are_both_kept() {
    let (data, program) = Data::served().await;
    data.printed("agent add support").await;
    for round in 0..4 {
        let (model, prompt) = (
            format!("agent change support --model m-{round}"),
            format!("agent change support --system-prompt p-{round}"),
        );
        tokio::join!(data.printed(&model), data.printed(&prompt));
        let shown = data.printed("agent list --json").await;
        assert!(shown.contains(&format!("m-{round}")), "{shown}");
    }
    let refused = data.refused("agent change support").await;
    assert!(refused.contains("say what changes"), "{refused}");
    // A key that the gateway does not know yet makes it read the directory.
    let key = data.secret("key add --role admin").await;
    let kept = profile(&Caller::at(&program.url).key(&key), "support").await;
    assert_eq!((&kept["model"], &kept["systemPrompt"]), (&json!("m-3"), &json!("p-3")));
}
