//! Tests of agents with sessions that run on a Python client.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use platools_gateway::admin::{AgentChange, NewKey};
use platools_gateway::dev::{self, DevOptions};
use platools_gateway::{Gateway, Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::{python_in, within};

#[tokio::test]
async fn pythons_agents_meet_talk_and_come_back_when_the_gateway_does() {
    let gateway = within("the gateway's start", dev::start(DevOptions::with_known_secrets())).await.expect("a gateway");
    let mut key = NewKey::new(Role::Operator);
    key.credential.agent = Some(dev::MAIN_AGENT.to_owned());
    let key = gateway.core().local_admin().add_key(key).await.expect("a key");
    let title = AgentChange { title: Some("Main agent".to_owned()), ..AgentChange::default() };
    gateway.core().local_admin().change_agent(dev::MAIN_AGENT, title).await.expect("a title");
    let mut agents = Agents::spawn(&gateway, &format!("{} {}", key.secret.expose_secret(), dev::AGENT_KEY));
    for expected in [
        json!({
            "step": "connect", "address": "main", "same_session": true, "status": "active", "present": ["main"],
            "names": ["Main agent", "Main agent"],
        }),
        json!({
            "step": "channel", "joined": "dev-agent", "present": ["main", "dev-agent"],
            "listed": [["general", "General", true, 2]], "members": [["main", "owner"], ["dev-agent", "member"]],
            "online": ["main", "dev-agent"],
        }),
        json!({
            "step": "message", "heard": [[true, "dev-agent", "hello"], [true, "dev-agent", "hello"]],
            "history": [["dev-agent", "hello", {"n": 1}]],
        }),
        json!({"step": "custom", "data": {"foo": "bar"}}),
        json!({"step": "heartbeat", "success": true}),
        json!({
            "step": "refused", "error": "Gateway request failed (409): there is a channel `general` already",
        }),
        json!({
            "step": "missing", "error": "Gateway request failed (404): there is nothing at /v1/some/endpoint",
        }),
        json!({"step": "restart"}),
    ] {
        assert_eq!(agents.next().await, expected);
    }
    let stopped = within("the gateway's stop", gateway.stop()).await;
    let gateway = within("the gateway's return", stopped.start()).await.expect("a gateway");
    agents.go_on().await;
    let back = json!({"step": "back", "heard": ["again", "again"], "same_session": true});
    assert_eq!(agents.next().await, back);
    let gone = json!({"step": "disconnect", "left": "main", "present": ["dev-agent"]});
    assert_eq!(agents.next().await, gone);
    agents.ended().await;
    within("the gateway's stop", gateway.shutdown()).await;
}

/// The process that runs `interop/agents.py`; it ends with the test.
struct Agents {
    process: Child,
    says: Lines<BufReader<ChildStdout>>,
    hears: ChildStdin,
}

impl Agents {
    fn spawn(gateway: &Gateway, keys: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/agents.py");
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop-agents.log");
        let mut process = Command::new(python_in("agents"))
            .arg(script)
            .envs([("GATEWAY_URL", &*gateway.url()), ("AGENT_KEYS", keys), ("PYTHONDONTWRITEBYTECODE", "1")])
            // No proxy of the environment knows the way to this loopback interface.
            .envs([("no_proxy", "127.0.0.1"), ("NO_PROXY", "127.0.0.1")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(log).expect("a file for the agents' log"))
            .kill_on_drop(true)
            .spawn()
            .expect("a Python process");
        let says = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let hears = process.stdin.take().expect("a pipe");
        Self { process, says, hears }
    }

    /// Outcome of the next step.
    async fn next(&mut self) -> Value {
        let line = within("a step", self.says.next_line()).await.expect("text");
        let line = line.expect("the agents ended early: see interop-agents.log");
        serde_json::from_str(&line).expect("JSON")
    }

    async fn go_on(&mut self) {
        self.hears.write_all(b"go on\n").await.expect("the agents listen");
    }

    async fn ended(mut self) {
        assert!(within("the agents' end", self.process.wait()).await.expect("a child").success());
    }
}
