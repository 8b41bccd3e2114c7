//! Tests of a local MCP server over standard input and output, with the client of `rmcp`.

use std::process::Stdio;

use platools_tests::within;
use rmcp::model::SubscriptionFilter;
use rmcp::transport::TokioChildProcess;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::client::{Client, Heard, answer, child, finds_everything, hears_progress, program};

#[tokio::test]
async fn a_client_finds_and_calls_the_tools() {
    let mut client = Client::begin(child(&["stdio"])).await;
    let info = client.service.peer_info().expect("it introduced itself").clone();
    let server = info.server_info.as_ref().expect("a name");
    assert_eq!((&*server.name, &*server.version), ("tests", "1.2.3"));
    finds_everything(&mut client).await;
    hears_progress(&mut client).await;
}

#[tokio::test]
async fn a_client_of_the_revision_without_sessions_finds_the_same() {
    let mut client = Client::discover(child(&["stdio"])).await;
    finds_everything(&mut client).await;
    hears_progress(&mut client).await;
}

#[tokio::test]
async fn a_cancelled_call_learns_of_it_and_others_go_on() {
    let (transport, stderr) =
        TokioChildProcess::builder(program(&["stdio"])).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut said = BufReader::new(stderr.expect("piped")).lines();
    let mut client = Client::begin(transport).await;
    let held = client.start("hold", json!({})).await;
    client.hear_progress().await;
    within(held.cancel(Some("enough".to_owned()))).await.expect("it is sent");
    assert_eq!(within(said.next_line()).await.expect("text").as_deref(), Some("let go"));
    assert_eq!(client.call("greet", json!({ "name": "Ada" })).await, Ok("Hello, Ada!".to_owned()));
}

#[tokio::test]
async fn a_client_is_told_of_changes() {
    let mut client = Client::begin(child(&["stdio"])).await;
    let before = client.names().await;
    assert!(client.call("change", json!({})).await.is_ok());
    assert!(matches!(client.hear().await, Heard::ListChanged));
    let after = client.names().await;
    assert_eq!(after[..before.len()], before);
    assert_eq!(after[before.len()..], ["late"]);
    assert_eq!(client.call("late", json!({})).await, Ok("true".to_owned()));
}

#[tokio::test]
async fn a_client_that_listens_is_told_of_changes() {
    let client = Client::discover(child(&["stdio"])).await;
    let filter = SubscriptionFilter::builder().tools_list_changed().build();
    let mut changes = within(client.service.listen(filter)).await.expect("it may listen");
    assert!(client.call("change", json!({})).await.is_ok());
    let change = within(changes.next()).await.expect("no error").expect("a change");
    assert!(matches!(change, rmcp::model::ServerNotification::ToolListChangedNotification(_)), "{change:?}");
}

#[tokio::test]
async fn only_the_tools_that_were_named_are_served() {
    let client = Client::begin(child(&["stdio", "--tool", "whoami", "--tool", "greet", "--user", "u-1"])).await;
    assert_eq!(client.names().await, ["greet", "whoami"]);
    assert!(client.try_call("add", json!({ "a": 1, "b": 2 })).await.is_err());
    let whoami = client.call("whoami", json!({ "__platos": { "userId": "mallory", "agentId": "a" } })).await;
    assert_eq!(whoami, Ok(r#"[Some("u-1"), None, None, None]"#.to_owned()));
}

#[tokio::test]
async fn a_call_that_runs_is_answered_after_another_one() {
    let mut client = Client::begin(child(&["stdio"])).await;
    let slow = client.start("linger", json!({ "milliseconds": 300 })).await;
    client.hear_progress().await;
    assert_eq!(client.call("greet", json!({ "name": "Ada" })).await, Ok("Hello, Ada!".to_owned()));
    assert_eq!(answer(slow).await, Ok("done".to_owned()));
}
