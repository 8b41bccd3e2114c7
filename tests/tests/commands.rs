//! Tests of the commands of a worker's program.

use std::path::Path;
use std::process::{Output, Stdio};

use platools_tests::{Platform, Unreachable, within};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_commands"));
    command.args(arguments).env_clear().stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn output(command: &mut Command) -> Output {
    within(command.output()).await.expect("it starts")
}

/// The exit code, the standard output and the standard error of a command.
async fn ran(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = output(&mut program(arguments)).await;
    (status.code(), String::from_utf8(stdout).expect("text"), String::from_utf8(stderr).expect("text"))
}

fn file(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a file");
    path.display().to_string()
}

#[tokio::test]
async fn declarations_are_shown_in_every_form() {
    let (code, out, _) = ran(&["list"]).await;
    assert_eq!(
        (code, &*out),
        (Some(0), "pack_order    Pack an order for the caller.\nremove_order  Remove an order.\n")
    );
    let (_, out, _) = ran(&["schema", "pack_order", "--dialect", "openai"]).await;
    let schema: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(schema["function"]["strict"], true);
    let (code, out, err) = ran(&["schema", "pack"]).await;
    assert_eq!((code, &*out), (Some(1), ""));
    assert!(err.contains("there is no tool named pack; there are: pack_order, remove_order"), "{err}");
    let (code, _, err) = ran(&["shema"]).await;
    assert!(code == Some(2) && err.contains("schema"), "{err}");
}

#[tokio::test]
async fn a_manifest_is_compared_and_the_exit_code_tells_a_breaking_change() {
    let folder = TempDir::new().expect("a folder");
    let (_, manifest, _) = ran(&["manifest"]).await;
    let same = file(&folder, "same.json", &manifest);
    let (code, out, err) = ran(&["manifest", "diff", &same, "--exact"]).await;
    assert_eq!((code, &*out, &*err), (Some(0), "", "changes: none\n"));
    let wider = file(&folder, "wider.json", &manifest.replace("\"maximum\": 10", "\"maximum\": 20"));
    let (code, out, _) = ran(&["manifest", "diff", &wider]).await;
    assert_eq!((code, &*out), (Some(1), "breaking: pack_order: argument /quantity: `maximum` is 10, was 20\n"));
    let narrower = file(&folder, "narrower.json", &manifest.replace("\"maximum\": 10", "\"maximum\": 5"));
    let (code, out, _) = ran(&["manifest", "diff", &narrower, "--json"]).await;
    let diff: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &diff["compatibility"]), (Some(0), &json!("compatible")));
    assert_eq!(ran(&["manifest", "diff", &narrower, "--exact"]).await.0, Some(1));
    let (code, _, err) = ran(&["manifest", "diff", "/nowhere"]).await;
    assert!(code == Some(1) && err.contains("cannot read the manifest /nowhere"), "{err}");
}

#[tokio::test]
async fn a_tool_is_called_with_its_result_on_standard_output_and_its_reports_beside() {
    let (code, out, err) = ran(&["call", "pack_order", "item=lamp", "quantity=2", "--user", "ann"]).await;
    assert_eq!((code, &*out), (Some(0), "\"2 x lamp for ann\"\n"));
    assert_eq!(err, "info: packing\nprogress: 1 of 2: the first\n");
    let (code, out, err) = ran(&["call", "pack_order", "item=sofa"]).await;
    assert_eq!((code, &*out, &*err), (Some(1), "", "error: there is no sofa (unknown_item)\n"));
    let (code, _, err) = ran(&["call", "pack_order", "--arguments", r#"{"itm":"lamp"}"#]).await;
    assert!(code == Some(1) && err.contains("invalid_arguments") && err.contains("itm"), "{err}");
}

#[tokio::test]
async fn the_doctors_exit_code_tells_an_error() {
    let (code, out, _) = ran(&["doctor"]).await;
    assert!(code == Some(1) && out.contains("error: unreachable_param: pack_order.item: "), "{out}");
    let healthy = output(program(&["doctor", "--json"]).env("ALLOWED", "1")).await;
    let report: Value = serde_json::from_slice(&healthy.stdout).expect("JSON");
    assert_eq!((healthy.status.code(), &report["errors"]), (Some(0), &json!([])));
    assert_eq!(report["warnings"][0]["code"], "missing_destructive_hint");
    assert_eq!(report["allowed"][0]["reason"], "people know the items");
    let (_, out, _) = ran(&["doctor", "--sarif"]).await;
    assert_eq!(serde_json::from_str::<Value>(&out).expect("JSON")["version"], "2.1.0");
}

#[tokio::test]
async fn a_batch_runs_and_its_exit_code_tells_a_failure() {
    let folder = TempDir::new().expect("a folder");
    let text = "tests:\n  - { tool: pack_order, params: { item: lamp }, user: ann, expect: 1 x lamp for ann }\n";
    let good = file(&folder, "platools-tests.yaml", text);
    let in_folder = output(program(&["test"]).current_dir(folder.path())).await;
    assert_eq!(in_folder.status.code(), Some(0), "{in_folder:?}");
    let junit = folder.path().join("junit.xml").display().to_string();
    let bad = file(&folder, "bad.yaml", "tests: [{ tool: pack_order, params: { item: sofa } }]");
    let (code, out, _) = ran(&["test", &bad, "--junit", &junit]).await;
    assert!(code == Some(1) && out.ends_with("0 passed, 1 failed\n"), "{out}");
    assert!(std::fs::read_to_string(&junit).expect("a report").contains("there is no sofa"));
    let (code, out, _) = ran(&["test", &good, "--coverage"]).await;
    let expected = "pack_order: 1 case, without quantity\nremove_order: 0 cases\n1 of 2 tools have a case\n";
    assert_eq!((code, &*out), (Some(0), expected));
    assert_eq!(ran(&["test", &Path::new("/nowhere").display().to_string()]).await.0, Some(1));
}

#[tokio::test]
async fn a_dry_run_checks_the_settings_and_sends_nothing() {
    let platform = Platform::start().await;
    let settings = [("PLATOS_URL", platform.url()), ("PLATOS_SECRET", "hunter2".to_owned())];
    let checked = output(program(&["connect", "--dry-run"]).envs(settings)).await;
    let err = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && err.starts_with("ready to connect: 2 tools, fingerprint "), "{err}");
    tokio::select! {
        biased;
        _ = platform.accept_tcp() => panic!("it has dialled"),
        () = std::future::ready(()) => {}
    }
    let (code, _, err) = ran(&["connect", "--dry-run"]).await;
    assert!(code == Some(1) && err.contains("set PLATOS_URL"), "{err}");
}

#[tokio::test]
async fn a_worker_without_a_log_says_that_and_why_it_is_not_connected() {
    let unreachable = Unreachable::start();
    let settings = [("PLATOS_URL", unreachable.url()), ("PLATOS_SECRET", "hunter2".to_owned())];
    let mut worker = program(&["run"]).envs(settings).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(worker.stderr.take().expect("a pipe")).lines();
    let mut line = async || within(lines.next_line()).await.expect("text").expect("a line");
    let said = line().await;
    assert!(said.starts_with("platools: not connected, trying again: ") && said.contains("refused"), "{said}");
    let platform = unreachable.restart();
    platform.refuse("401 Unauthorized").await;
    let said = line().await;
    assert!(said.contains("401") && !said.contains("hunter2"), "{said}");
    let mut link = platform.accept_worker().await;
    link.send(json!({"type": "tools_registered", "registered": 2, "updated": 0})).await;
    assert_eq!(line().await, "platools: connected, and the tools are registered");
    link.kill();
    let said = line().await;
    assert!(said.starts_with("platools: the connection ended: "), "{said}");
}
