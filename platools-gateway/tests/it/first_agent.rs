//! Tests of the agent `main`, which `serve` adds at its first start.

use serde_json::{Value, json};

use crate::model_server::Model;
use crate::program_process::{Data, Program, command, last_word, output, stdout};
use crate::rpc_caller::RpcCaller;
use crate::support::{Dial, within};

async fn connected(program: &Program, token: &str) -> RpcCaller {
    let dial = Dial::at(&program.url.replace("http://", "ws://"), "/ws");
    RpcCaller::known(dial, json!({"token": token, "user_id": "u"})).await
}

#[tokio::test]
async fn serve_adds_the_agent_main_at_its_first_start() {
    let (data, program) = Data::served().await;
    let key = last_word(&program.before[0]).to_owned();
    let mut caller = connected(&program, &key).await;
    let said = caller.ok("chat.send", json!({"agentId": "main", "message": "/help"})).await;
    assert!(said["content"].is_string() && said["sessionId"].is_string(), "{said}");
    // It answers nobody without the role, and is not shown to them.
    let mut stranger = connected(&program, "").await;
    assert_eq!(stranger.code("chat.send", json!({"agentId": "main", "message": "/help"})).await, "FORBIDDEN");
    assert_eq!(stranger.ok("agents.list", json!({})).await["items"], json!([]));
    assert!(data.printed("agent list").await.contains("main"));
}

#[tokio::test]
async fn an_agent_main_that_was_removed_stays_removed() {
    let (data, program) = Data::served().await;
    let key = last_word(&program.before[0]).to_owned();
    data.printed("agent remove main").await;
    program.signal("-TERM").await;
    assert_eq!(program.exit_code().await, Some(0));
    let program = data.serve_again().await;
    let mut caller = connected(&program, &key).await;
    let error = caller.error("chat.send", json!({"agentId": "main", "message": "/help"})).await;
    assert_eq!(error["message"], "there is no agent `main`; make one with `platools-gateway agent add main`");
    data.printed("agent add main").await;
    within(async {
        // A gateway that runs sees what a command has changed within half a second.
        while caller.answer("chat.send", json!({"agentId": "main", "message": "/help"})).await["ok"] != true {}
    })
    .await;
}

#[tokio::test]
async fn no_agent_is_added_if_the_setting_says_so_or_the_data_is_older() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let serve = ["serve", "--data", data, "--listen", "127.0.0.1:0"];
    for first_agent in [&["--first-agent", "false"][..], &[]] {
        let program = Program::start(command(&[&serve, first_agent].concat())).await;
        let listed = output(&["agent", "list", "--data", data]).await;
        assert!(!stdout(&listed).contains("main"), "{first_agent:?} {listed:?}");
        program.signal("-TERM").await;
        assert_eq!(program.exit_code().await, Some(0));
    }
}

#[tokio::test]
async fn the_agent_main_thinks_with_the_model_if_there_is_one() {
    let model = Model::start().await;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut serve = command(&["serve", "--data", data, "--listen", "127.0.0.1:0"]);
    serve.args(["--model-url", model.url.as_str(), "--model", "m"]);
    let _program = Program::start(serve).await;
    let listed = output(&["agent", "list", "--json", "--data", data]).await;
    let listed: Value = serde_json::from_str(&stdout(&listed)).unwrap();
    assert_eq!(listed[0]["kind"], "model", "{listed}");
}
