//! Tests of the command `serve` of a worker's program.

use std::path::Path;
use std::process::{Output, Stdio};

use platools_tests::within;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::client::{Client, over_http, program};

async fn run(arguments: &[&str]) -> Output {
    within(program(arguments).stdin(Stdio::null()).output()).await.expect("it starts")
}

/// Error text of the command, which ends at once with nothing on standard output.
async fn complaint(arguments: &[&str]) -> String {
    let output = run(arguments).await;
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).expect("text")
}

#[tokio::test]
async fn a_list_is_printed_without_serving() {
    let output = run(&["--list"]).await;
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success());
    assert_eq!(text.lines().count(), 11, "{text}");
    assert!(text.starts_with("greet   Greet somebody.\nadd     Add two numbers.\n"), "{text}");
    let output = run(&["http", "--list", "--tool", "hold"]).await;
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(text, "hold  Say that it has begun, and go on until it is given up.\n");
}

#[tokio::test]
async fn an_unknown_tool_is_told_with_those_there_are() {
    for arguments in [&["stdio", "--tool", "gret"][..], &["--list", "--tool", "gret"]] {
        let said = complaint(arguments).await;
        assert!(said.contains("there is no tool named gret; there are: greet, add, "), "{said}");
    }
}

#[tokio::test]
async fn http_does_not_start_without_a_token() {
    let said = complaint(&["http", "--port", "0"]).await;
    assert!(said.contains("PLATOOLS_SERVE_TOKEN") && said.contains("--auth-token-file"), "{said}");
    let said = complaint(&["http", "--port", "0", "--auth-token", " "]).await;
    assert!(said.contains("empty"), "{said}");
    let said = complaint(&["http", "--port", "0", "--auth-token-file", "/nowhere/at/all"]).await;
    assert!(said.contains("/nowhere/at/all"), "{said}");
}

#[tokio::test]
async fn a_token_that_cannot_be_used_is_not_shown() {
    let said = complaint(&["http", "--port", "0", "--auth-token", "hunter2 ü"]).await;
    assert!(!said.contains("hunter2"), "{said}");
}

/// A server that listens, and its URL.
async fn listening(mut command: Command) -> (Child, String) {
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut said = BufReader::new(child.stderr.take().expect("piped")).lines();
    let line = within(said.next_line()).await.expect("text").expect("it says where");
    let url = line.strip_prefix("serving at ").unwrap_or_else(|| panic!("{line}")).to_owned();
    // What it says later must have somebody to read it.
    tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
    (child, url)
}

#[tokio::test]
async fn a_token_is_taken_from_a_flag_a_file_or_the_environment_in_this_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{name}\n")).expect("it is written");
        path.to_str().expect("text").to_owned()
    };
    let (flag, environment) = (file("flag-file"), file("environment-file"));
    let http = ["http", "--port", "0"];
    for (arguments, has_file, token) in [
        (&["--auth-token-file", &flag][..], true, "flag-file"),
        (&["--auth-token", "flag"], true, "flag"),
        (&[], true, "environment-file"),
        (&[], false, "environment"),
    ] {
        let mut command = program(&[&http, arguments].concat());
        command.env("PLATOOLS_SERVE_TOKEN", "environment");
        if has_file {
            command.env("PLATOOLS_SERVE_TOKEN_FILE", Path::new(&environment));
        }
        let (_child, url) = listening(command).await;
        let client = Client::begin(over_http(&url, token)).await;
        assert_eq!(client.call("greet", json!({ "name": "Ada" })).await, Ok("Hello, Ada!".to_owned()), "{token}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn http_ends_at_a_signal_with_clients_that_are_connected() {
    let mut command = program(&["http", "--port", "0"]);
    command.env("PLATOOLS_SERVE_TOKEN", "s3cret");
    let (mut child, url) = listening(command).await;
    let client = Client::begin(over_http(&url, "s3cret")).await;
    assert_eq!(client.call("greet", json!({ "name": "Ada" })).await, Ok("Hello, Ada!".to_owned()));
    let id = child.id().expect("it runs").to_string();
    let sent = Command::new("kill").args(["-s", "TERM", &id]).status();
    assert!(within(sent).await.expect("there is kill").success());
    assert!(within(child.wait()).await.expect("it ends").success());
}
