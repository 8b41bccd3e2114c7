//! Tests of `platools mcp-host` between a gateway and MCP servers.

mod support;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use platools_gateway::Gateway;
use platools_tests::{Caller, within};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::sleep;

use support::{gateway, hosted, start_host};

/// The server to host: an example of this package, which is built with its tests.
fn server() -> PathBuf {
    let tests = std::env::current_exe().expect("a test is a program");
    let target = tests.ancestors().nth(2).expect("it lies below the target folder");
    let server = target.join("examples").join(format!("mcp_server{}", std::env::consts::EXE_SUFFIX));
    assert!(server.exists(), "there is no {}; build it with `cargo test`, which builds examples", server.display());
    server
}

/// The program, which is killed when this is dropped.
struct Host(Child);

impl Host {
    fn start(gateway: &Gateway, arguments: &[&str]) -> Self {
        Self(start_host(gateway, arguments))
    }

    /// A host of the server as a child process.
    fn of_program(gateway: &Gateway, options: &[&str], server_options: &[&str]) -> Self {
        let server = server();
        let program = ["--", server.to_str().expect("a path of UTF-8")];
        Self::start(gateway, &[options, &program, server_options].concat())
    }

    /// How it ended, and what it wrote to its log.
    async fn ended(mut self) -> (Option<i32>, String) {
        let mut log = String::new();
        let mut written = self.0.stderr.take().expect("it is piped");
        within(written.read_to_string(&mut log)).await.expect("a log of UTF-8");
        (within(self.0.wait()).await.expect("it ends").code(), log)
    }

    #[cfg(unix)]
    fn terminate(&self) {
        let id = self.0.id().expect("it runs").to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().expect("there is `kill`").success());
    }
}

async fn file(path: &Path) {
    within(async {
        while !path.exists() {
            sleep(Duration::from_millis(5)).await
        }
    })
    .await;
}

/// What every server's tools do, however they are reached.
async fn serves(caller: &Caller) {
    let double = hosted(caller, "double").await;
    assert_eq!(double["inputSchema"]["required"], json!(["n"]), "{double}");
    assert_eq!(double["outputSchema"]["properties"]["twice"]["type"], "integer", "{double}");
    assert_eq!(caller.call("double", json!({"n": 21})).await.body["result"], json!({"twice": 42}));

    let names: Vec<_> =
        caller.tools().await.into_iter().map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect();
    let arguments_of = names.iter().find(|name| name.starts_with("arguments_of_")).expect("it has another name here");
    let seen = caller.call(arguments_of, json!({"a": [1, "ü"]})).await;
    assert_eq!(seen.body["result"], r#"{"a":[1,"ü"]}"#, "and nothing of the platform's");

    let failed = caller.call("fail", json!({})).await;
    assert_eq!((&failed.body["code"], &failed.body["detail"]), (&json!("tool_failed"), &json!("no such file")));

    assert_eq!(caller.call("grow", json!({})).await.status, 200);
    hosted(caller, "added_0").await;
    assert_eq!(caller.call("added_0", json!({})).await.body["result"], "added_0 was added");
}

#[tokio::test]
async fn a_program_of_the_newest_revision_is_hosted() {
    let (gateway, caller) = gateway().await;
    let _host = Host::of_program(&gateway, &[], &[]);
    serves(&caller).await;
}

#[tokio::test]
async fn a_program_of_an_older_revision_is_hosted() {
    let (gateway, caller) = gateway().await;
    let _host = Host::of_program(&gateway, &[], &["--legacy"]);
    serves(&caller).await;
}

#[tokio::test]
async fn progress_and_cancellation_cross_the_host() {
    let (gateway, caller) = gateway().await;
    let _host = Host::of_program(&gateway, &[], &[]);
    hosted(&caller, "count").await;
    let folder = tempfile::tempdir().expect("a folder");
    let finish = folder.path().join("finish");
    let mut events = caller.stream("count", json!({"finish": finish})).await;
    let (kind, first) = events.next().await;
    assert_eq!((&*kind, &first["total"]), ("progress", &json!(3.0)), "{first}");
    std::fs::write(&finish, "").expect("the folder can be written");

    let (started, cancelled) = (folder.path().join("started"), folder.path().join("cancelled"));
    let call = caller.calling("wait", json!({"started": started, "cancelled": cancelled}));
    file(&started).await;
    call.abort();
    file(&cancelled).await;
}

#[tokio::test]
async fn a_server_that_dies_fails_its_calls_and_is_started_again() {
    let (gateway, caller) = gateway().await;
    let _host = Host::of_program(&gateway, &[], &[]);
    hosted(&caller, "die").await;
    let failed = caller.call("die", json!({})).await;
    assert_eq!(failed.body["code"], "tool_failed", "{failed:?}");
    assert!(
        failed.body["detail"].as_str().is_some_and(|said| said.contains("the MCP server behind this tool")),
        "{failed:?}"
    );
    let back = async {
        while caller.call("double", json!({"n": 1})).await.status != 200 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    within(back).await;
}

#[tokio::test]
async fn a_server_sees_no_secret_of_the_host() {
    let (gateway, caller) = gateway().await;
    let _host = Host::of_program(&gateway, &[], &[]);
    hosted(&caller, "variables").await;
    let variables = caller.call("variables", json!({})).await;
    let variables = variables.body["result"].as_str().expect("a text");
    assert!(
        variables.contains("PATH") && !variables.contains("PLATOS_SECRET") && !variables.contains("PLATOOLS_MCP_TOKEN")
    );
}

#[tokio::test]
async fn only_the_tools_that_are_named_are_hosted() {
    let (gateway, caller) = gateway().await;
    let _host = Host::of_program(&gateway, &["--tool", "double", "--tool", "fail"], &[]);
    hosted(&caller, "double").await;
    let names: Vec<_> = caller.tools().await.into_iter().map(|tool| tool["name"].clone()).collect();
    assert_eq!(names, ["double", "fail"]);

    let (code, log) = Host::of_program(&gateway, &["--tool", "treble"], &[]).ended().await;
    assert_eq!(code, Some(1));
    assert!(log.contains("the MCP server has no tool named treble; it has double, arguments.of, fail"), "{log}");
}

#[tokio::test]
async fn what_cannot_begin_says_why() {
    let (gateway, _) = gateway().await;
    for (arguments, expected) in [
        (vec!["--", "/no/such/program"], "cannot connect to the MCP server `/no/such/program`"),
        (vec!["--", "true"], "cannot connect to the MCP server `true`"),
        (
            vec!["--server", "http://user:hidden@127.0.0.1:9/mcp?key=hidden"],
            "cannot connect to the MCP server `127.0.0.1:9/mcp`",
        ),
        (vec![], "say which MCP server"),
    ] {
        let (code, log) = Host::start(&gateway, &arguments).ended().await;
        assert_eq!(code, Some(1), "{log}");
        assert!(log.contains(expected) && !log.contains("hidden"), "{log}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_lets_calls_end_and_ends_the_server() {
    let (gateway, caller) = gateway().await;
    let host = Host::of_program(&gateway, &[], &[]);
    hosted(&caller, "count").await;
    let folder = tempfile::tempdir().expect("a folder");
    let finish = folder.path().join("finish");
    let mut call = caller.stream("count", json!({"finish": finish})).await;
    assert_eq!(call.next().await.0, "progress");
    host.terminate();
    std::fs::write(&finish, "").expect("the folder can be written");
    let end = async {
        loop {
            let (kind, event) = call.next().await;
            if kind != "progress" {
                return (kind, event);
            }
        }
    };
    let (kind, event) = within(end).await;
    assert_eq!((&*kind, &event["result"]), ("result", &json!("counted")), "{event}");
    let (code, log) = host.ended().await;
    // The log ends when the last process that has it ends, so the server is gone, too.
    assert_eq!(code, Some(0), "{log}");
}

/// The server behind a URL.
struct Remote {
    process: Child,
    port: u16,
}

impl Remote {
    async fn start(options: &[&str], port: u16) -> Self {
        let mut server = Command::new(server());
        server.args(options).args(["--http", &port.to_string()]).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = server.spawn().expect("the server starts");
        let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let port = within(lines.next_line()).await.expect("a line").expect("a port").parse().expect("a number");
        Self { process, port }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/mcp", self.port)
    }
}

#[tokio::test]
async fn a_server_behind_a_url_is_hosted_and_found_again_after_a_restart() {
    for options in [&[][..], &["--legacy"]] {
        let (gateway, caller) = gateway().await;
        let mut remote = Remote::start(options, 0).await;
        let _host = Host::start(&gateway, &["--server", &remote.url()]);
        serves(&caller).await;

        remote.process.kill().await.expect("it is killed");
        let failed = caller.call("double", json!({"n": 1})).await;
        assert_eq!(failed.body["code"], "tool_failed", "{failed:?}");
        let remote = Remote::start(options, remote.port).await;
        let back = async {
            while caller.call("double", json!({"n": 1})).await.status != 200 {
                sleep(Duration::from_millis(50)).await;
            }
        };
        within(back).await;
        drop(remote);
    }
}

#[tokio::test]
async fn a_server_that_takes_no_token_ends_the_host_with_its_reason() {
    let (gateway, _) = gateway().await;
    let remote = Remote::start(&[], 0).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, "another-token\n").expect("it is written");
    let arguments = ["--server", &remote.url(), "--server-token-file", file.to_str().expect("UTF-8")];
    let (code, log) = Host::start(&gateway, &arguments).ended().await;
    assert_eq!(code, Some(1));
    assert!(log.contains("401") && !log.contains("another-token"), "{log}");
}
