//! The command line.

use std::process::Output;

use platools_tests::within;

use crate::client::program;

async fn run(arguments: &[&str]) -> Output {
    within(program(arguments).stdin(std::process::Stdio::null()).output()).await.expect("it starts")
}

/// What it complains of; it ends at once, with nothing on standard output.
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
    assert_eq!(text.lines().count(), 10, "{text}");
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
