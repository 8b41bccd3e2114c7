//! Tests of the program's settings: files, variables, flags, and errors about them.

use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::program_process::{Program, command, last_word, stdout};
use crate::support::{Caller, within};

/// Runs `config check` with a file, and more arguments and variables.
async fn check(file: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    std::fs::write(&path, file).unwrap();
    let mut command = command(&["config", "check", "--config", path.to_str().unwrap()]);
    command.args(arguments).env_remove("RUST_LOG").envs(variables.iter().copied());
    within(command.output()).await.unwrap()
}

#[tokio::test]
async fn flags_go_before_the_environment_and_that_before_the_file() {
    let file = "data = '/file'\nlisten = '127.0.0.1:1'\ndrain_limit = '1s'\n[worker]\nstall = '1m'\n\
        [http]\nnames = ['file.example']\nallowed_origins = ['null']\n\
        [limits.key]\ncalls_per_second = 7\ncalls_in_flight = 7\n\
        [feed]\nwaiting_keys = 7\nsnapshot_limit = '1m'\ntick = '1s'\n\
        [chat]\nbusy = 'refuse'\n[model]\nurl = 'http://file'\nname = 'file'\nmax_turns = 4\n\
        [journal]\nrecording = 'nothing'\nmax_age = '3d'\nmax_size = '1 GiB'\n\
        [audit]\nmax_age = '7d'\nmax_rows = 9\n";
    let variables = [
        ("PLATOOLS_GATEWAY_DATA", "/variable"),
        ("PLATOOLS_GATEWAY_MODEL", "variable"),
        ("PLATOOLS_GATEWAY_HTTP_NAMES", "a.example,b.example:8443"),
        ("PLATOOLS_GATEWAY_CHAT_RUN_LIMIT", "1m"),
        ("PLATOOLS_GATEWAY_FEED_TICK", "2s"),
        ("PLATOOLS_GATEWAY_FEED_WAITING_KEYS", "100"),
        ("PLATOOLS_GATEWAY_LISTEN", "127.0.0.1:2"),
        ("PLATOOLS_GATEWAY_KEY_CALLS_IN_FLIGHT", "8"),
        ("PLATOOLS_GATEWAY_TRUSTED_PROXIES", "10.0.0.0/8,::1"),
        ("PLATOOLS_GATEWAY_JOURNAL_SENSITIVE_NAMES", "pin,iban"),
        ("PLATOOLS_GATEWAY_AUDIT_MAX_ROWS", "10"),
        ("PLATOOLS_GATEWAY_CALLS_WAIT_FOR_WORKER", "0s"),
    ];
    let flags = [
        "--feed-tick",
        "250ms",
        "--data",
        "/flag",
        "--model-url",
        "https://flag",
        "--log-format",
        "json",
        "--journal-max-size",
        "2 GiB",
    ];
    let checked = check(file, &flags, &variables).await;
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let expected = include_str!("../fixtures/merged_settings.toml");
    assert_eq!(stdout(&checked), expected);
}

#[tokio::test]
async fn admins_read_each_setting_with_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let (file, keys) = (folder.path().join("gateway.toml"), folder.path().join("keys"));
    let text = format!("data = '{}'\n[calls]\nworker_return = '20s'\n", folder.path().join("data").display());
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let mut command = command(&["serve", "--config", file, "--listen", "127.0.0.1:0", "--stop-delay", "0s"]);
    command.env("PLATOOLS_GATEWAY_DRAIN_LIMIT", "2s").env("PLATOOLS_GATEWAY_SIGNING_KEY_FILE", &keys);
    command.env("PLATOOLS_GATEWAY_FEED_JWT_SECRET", "a secret of the application, 32+");
    let program = Program::start(command).await;
    let admin = Caller::at(&program.url).key(last_word(&program.before[0]));
    let list = admin.get("/v1/settings").await;
    assert_eq!(list.status, 200, "{list:?}");
    let items = list.body["items"].as_array().unwrap();
    for (name, value, source, place) in [
        ("calls.worker_return", json!("20s"), "file", json!(format!("{file}:3"))),
        ("drain_limit", json!("2s"), "environment", json!("PLATOOLS_GATEWAY_DRAIN_LIMIT")),
        ("stop_delay", json!("0s"), "command_line", json!("--stop-delay")),
        ("calls.max_timeout", json!("10m"), "default", json!(null)),
        ("feed.jwt.secret", json!(null), "environment", json!("PLATOOLS_GATEWAY_FEED_JWT_SECRET")),
    ] {
        let item = items.iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!((&item["value"], &item["source"], &item["place"]), (&value, &json!(source), &place), "{item}");
        assert!(item["description"].is_string() && item["section"].is_string(), "{item}");
    }
    assert!(!list.body.to_string().contains("a secret of the application"));
    let viewer = admin.post("/v1/keys", json!({"role": "viewer"})).await.body;
    let viewer = Caller::at(&program.url).key(viewer["secret"].as_str().unwrap());
    assert_eq!(viewer.get("/v1/settings").await.status, 403);
}

#[tokio::test]
async fn rust_log_goes_before_the_file_and_after_our_own_variable() {
    let file = "data = '/d'\n[log]\nfilter = 'warn'\n";
    for (variables, filter) in [
        (&[][..], "warn"),
        (&[("RUST_LOG", "error")], "error"),
        (&[("RUST_LOG", "error"), ("PLATOOLS_GATEWAY_LOG_FILTER", "debug")], "debug"),
    ] {
        let printed = stdout(&check(file, &[], variables).await);
        assert!(printed.contains(&format!("filter = \"{filter}\"")), "{printed}");
    }
}

#[tokio::test]
async fn a_wrong_configuration_is_refused_with_its_file_and_line() {
    let checked = check("data = '/d'\nlistne = '127.0.0.1:1'\n", &[], &[]).await;
    assert_eq!(checked.status.code(), Some(1));
    let error = String::from_utf8(checked.stderr).unwrap();
    assert!(checked.stdout.is_empty());
    for part in ["gateway.toml", "line 2", "listne", "listen"] {
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn serve_reads_the_configuration_and_keeps_its_key_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    let data = folder.path().join("data");
    let text = format!("data = '{}'\nlisten = '127.0.0.1:0'\nfirst_key = false\n", data.display());
    std::fs::write(&file, text).unwrap();
    let program = Program::start(command(&["serve", "--config", file.to_str().unwrap()])).await;
    assert!(program.before.is_empty(), "{:?}", program.before);
    assert!(data.is_dir());
}

#[tokio::test]
async fn logs_are_json_if_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut command = command(&["serve", "--data", data, "--listen", "127.0.0.1:0", "--log-format", "json"]);
    let mut child = command.stdout(Stdio::null()).env_remove("RUST_LOG").spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    loop {
        let line = within(lines.next_line()).await.unwrap().expect("the program ended before it listened");
        let line: Value = serde_json::from_str(&line).unwrap();
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
        if line["message"] == "listening" {
            assert!(line["address"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
            break;
        }
    }
}

#[cfg(not(feature = "otlp"))]
#[tokio::test]
async fn a_collector_is_refused_by_a_program_without_opentelemetry() {
    let checked = check("data = '/d'\n[otlp]\nendpoint = 'http://127.0.0.1:4318'\n", &[], &[]).await;
    assert_eq!(checked.status.code(), Some(1));
    let error = String::from_utf8(checked.stderr).unwrap();
    assert!(error.contains("`otlp.endpoint`") && error.contains("--features otlp"), "{error}");

    // What is said to every program on the machine is not said to this one.
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318"), ("OTEL_SERVICE_NAME", "other")];
    let printed = stdout(&check("data = '/d'\n", &[], &variables).await);
    assert!(printed.contains("service_name = \"platools-gateway\"") && !printed.contains("endpoint"), "{printed}");
}
