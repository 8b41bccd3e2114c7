//! Tests of the snippets in the existing clients' documents against a gateway. A snippet runs as it is printed if its packages exist, and
//! otherwise as Python. `docs/compatibility.md` lists all snippets.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use platools_gateway::admin::{NewAgent, NewKey, NewToken};
use platools_gateway::dev::{self, DevOptions};
use platools_gateway::feed::{Event, FeedSettings, FeedSnapshot, SnapshotProvider, Watched};
use platools_gateway::{Gateway, Role};
use platools_tests::{Caller, within};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/documents")
}

/// Something that `tests/interop/setup` installs.
fn installed(path: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/interop").join(path);
    assert!(path.exists(), "run tests/interop/setup first: there is no {}", path.display());
    path
}

/// A snippet that runs, and what it prints.
struct Snippet {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Snippet {
    fn start(program: PathBuf, script: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let name = format!("interop-documents-{script}-{}.log", arguments.join("-"));
        let log = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)).expect("a file for the log");
        let mut process = Command::new(program)
            .arg(scripts().join(script))
            .args(arguments)
            .envs(environment.iter().copied())
            .envs([("no_proxy", "127.0.0.1"), ("NO_PROXY", "127.0.0.1"), ("PYTHONDONTWRITEBYTECODE", "1")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the interpreter starts");
        let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        Self { process, lines }
    }

    async fn line(&mut self) -> Option<String> {
        within(self.lines.next_line()).await.expect("text")
    }

    /// The next line, which is JSON.
    async fn json(&mut self) -> Value {
        let line = self.line().await.expect("the snippet prints more");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    async fn signal(&self, name: &str) {
        let pid = self.process.id().expect("a process that runs").to_string();
        let kill = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(within(kill).await.expect("the command kill").success());
    }

    async fn ends_well(mut self) {
        assert!(within(self.process.wait()).await.expect("a child").success());
    }
}

async fn dev_gateway() -> Gateway {
    within(dev::start(DevOptions::with_known_secrets())).await.expect("a gateway")
}

/// The application of the live feed document, as far as its snippets need it.
#[derive(Debug)]
struct Positions;

impl SnapshotProvider for Positions {
    fn snapshot<'a>(
        &'a self,
        _: &'a Watched,
    ) -> BoxFuture<'a, Result<FeedSnapshot, Box<dyn std::error::Error + Send + Sync>>> {
        async { Ok(FeedSnapshot::of(&json!({"positions": [{"id": "p-1"}]}))?) }.boxed()
    }
}

#[tokio::test]
async fn the_feed_snippets_connect_and_stay_as_printed() {
    let mut settings = FeedSettings::default();
    settings.ping_interval = Duration::from_millis(250);
    let builder = Gateway::builder().feed(settings).snapshots(std::sync::Arc::new(Positions));
    let gateway = within(builder.start()).await.expect("a gateway");
    let admin = gateway.core().local_admin();
    let new = NewAgent { owner: Some("u-1".to_owned()), ..NewAgent::default() };
    let agent = within(admin.add_agent("trader", new)).await.expect("an agent").id;
    let mut token = NewToken::new(Role::Viewer, Duration::from_secs(600));
    token.user_id = Some("u-1".to_owned());
    let token = admin.mint_token(token).await.expect("a token").token;
    let (address, modules) = (gateway.address().to_string(), installed("node"));
    let environment = [
        ("GATEWAY", &*address),
        ("MODULES", modules.to_str().expect("a path of text")),
        ("TOKEN", token.expose_secret()),
        ("AGENT", agent.as_str()),
    ];
    let mut dashboard = Snippet::start("node".into(), "feed.js", &[], &environment);
    let connected = dashboard.json().await;
    assert_eq!((&connected["type"], &connected["data"]["agentId"]), (&json!("connected"), &json!(agent.as_str())));
    assert_eq!(dashboard.json().await, json!({"type": "initial_data", "data": {"positions": [{"id": "p-1"}]}}));
    // More intervals than a dashboard without pongs stays for.
    for _ in 0..6 {
        let ping = dashboard.json().await;
        assert!(ping["type"] == "ping" && ping["timestamp"].is_string(), "{ping}");
    }
    let closed = json!({"eventType": "position_closed", "positionId": "p-1"});
    gateway.feed().publish(&agent, Event::new("position_update", &closed)).expect("an event");
    let update = loop {
        let message = dashboard.json().await;
        if message["type"] != "ping" {
            break message;
        }
    };
    assert_eq!(update, json!({"type": "position_update", "data": closed}));
    within(gateway.shutdown()).await;
    let close = loop {
        let message = dashboard.json().await;
        if message["type"] != "ping" {
            break message;
        }
    };
    assert_eq!(close, json!({"type": "close", "data": {"code": 1000, "reason": "Server shutdown"}}));
    dashboard.ends_well().await;
}

#[tokio::test]
async fn the_runtime_snippets_run_in_python() {
    let gateway = dev_gateway().await;
    let mut key = NewKey::new(Role::Operator);
    key.credential.agent = Some(dev::MAIN_AGENT.to_owned());
    let key = gateway.core().local_admin().add_key(key).await.expect("a key").secret;
    let environment = [("GATEWAY_URL", &*gateway.url()), ("API_KEY", key.expose_secret())];
    let mut snippets = Snippet::start(installed("agents/bin/python"), "runtime.py", &[], &environment);
    let mut results = BTreeMap::new();
    while let Some(line) = snippets.line().await {
        let mut line: Value = serde_json::from_str(&line).expect("JSON");
        results.insert(line["case"].as_str().expect("a name").to_owned(), line["result"].take());
    }
    snippets.ends_well().await;
    let mut result = |case: &str| results.remove(case).unwrap_or_else(|| panic!("no case `{case}`"));
    let has_text = |value: &Value, members: &[&str]| {
        assert!(members.iter().all(|member| value[*member].is_string()), "{value}: {members:?}");
    };

    let connected = result("connect");
    assert!(connected["sessionId"].as_str().is_some_and(|id| id.starts_with("sess_")), "{connected}");
    has_text(&connected, &["agentId", "address", "connectedAt"]);
    let gone = json!({"was": true, "is": false, "session": null, "status": "inactive"});
    assert_eq!(result("disconnect"), gone);
    assert_eq!(result("custom_reconnection"), true);
    assert_eq!(result("custom_heartbeat_interval"), true);
    let presence = result("presence");
    assert_eq!(presence.as_array().map(Vec::len), Some(1), "{presence}");
    has_text(&presence[0], &["agentId", "address", "connectedAt", "lastHeartbeat"]);
    assert!(presence[0].get("displayName").is_some(), "{presence}");
    assert_eq!(result("presence_with_limit_and_offset"), json!([1, 0]));
    let status = result("status");
    assert_eq!(status["status"], "active");
    has_text(&status["session"], &["sessionId", "connectedAt", "lastHeartbeat"]);
    assert!(result("request").as_array().is_some_and(|members| members.contains(&json!("tools"))));
    assert_eq!(result("request_with_body"), "documents");
    assert_eq!(result("raw_message"), json!({"foo": "bar"}));
    let refused = result("connection_error");
    assert!(refused.as_str().is_some_and(|text| text.starts_with("Gateway request failed (401): ")), "{refused}");
    let missing = result("request_error");
    assert!(missing.as_str().is_some_and(|text| text.starts_with("Gateway request failed (404): ")), "{missing}");
    assert_eq!(result("disconnect_at_a_signal"), false);
    let defaults = json!({"max_retries": 10, "initial_delay_ms": 1000, "max_delay_ms": 30000});
    let configuration = result("configuration");
    assert_eq!((&configuration["reconnect"], &configuration["heartbeat_interval_ms"]), (&defaults, &json!(30000)));
    assert!(results.is_empty(), "no check for {:?}", results.keys());
    within(gateway.shutdown()).await;
}

#[tokio::test]
async fn the_worker_snippets_run_in_python() {
    let gateway = dev_gateway().await;
    let caller = Caller::new(gateway.url(), dev::ADMIN_KEY);
    let environment = [("PLATOS_URL", &*gateway.url()), ("PLATOS_SECRET", dev::SECRET)];
    let start = |case: &str| Snippet::start(installed("venv/bin/python"), "worker.py", &[case], &environment);
    for (case, last_word) in
        [("basic_usage", None), ("graceful_shutdown", Some("cancelled")), ("direct_client", Some("stopped"))]
    {
        let mut worker = start(case);
        is_online(&caller, true).await;
        assert_eq!(caller.call("add", json!({"a": 40, "b": 2})).await.result(), 42, "{case}");
        worker.signal("TERM").await;
        assert_eq!(worker.line().await.as_deref(), last_word, "{case}");
        let status = within(worker.process.wait()).await.expect("a child");
        assert_eq!(status.success(), last_word.is_some(), "{case}: {status}");
        is_online(&caller, false).await;
    }
    let mut refused = start("constructor_refuses");
    for name in ["url", "secret"] {
        let line = refused.line().await.expect("an error");
        assert!(line.starts_with(&format!("PlatoolsClient requires a {name}")), "{line}");
    }
    refused.ends_well().await;
    within(gateway.shutdown()).await;
}

/// Waits until the tool `add` can be called, or cannot.
async fn is_online(caller: &Caller, expected: bool) {
    let check = async {
        while caller.tools().await.iter().any(|tool| tool["name"] == "add" && tool["online"] == true) != expected {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within(check).await;
}
