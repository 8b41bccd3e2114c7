//! Tests with programs that others wrote: the Python SDK, OpenAI's client, agents with sessions, callers, MCP clients and the official test
//! suite of MCP, and snippets of documents.

#[path = "interop/agents.rs"]
mod agents;
mod interop_callers;
mod interop_conformance;
mod interop_doctor;
mod interop_documents;
mod interop_matrix;
mod interop_mcp;
mod interop_serve;
mod interop_typescript;
#[path = "interop/openai.rs"]
mod openai;

use std::fs::{self, File};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures::future::join_all;
use platools_gateway::Gateway;
use platools_gateway::dev::{self, DevOptions};
use platools_tests::Caller;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::{Instant, interval, timeout};

/// Nothing a test waits for takes so long; the SDK redials within a second or two of a gateway's return.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);
const TOOLS: [&str; 8] = ["add", "echo", "fail", "fail_later", "learn", "nothing", "order", "who_calls"];

#[tokio::test]
async fn python_tools_are_listed_as_they_were_declared() {
    let platform = Platform::start("listing").await;
    let listing = platform.caller(dev::ADMIN_KEY).tools().await;
    let find = |name| listing.iter().find(|tool| tool["name"] == name).expect("a registered tool");

    let add = find("add");
    assert_eq!(add["description"], "Add two numbers.");
    assert_eq!(add["entity"], dev::ENTITY);
    assert_eq!(add["environment"], "development");
    assert_eq!(add["inputSchema"]["required"], json!(["a"]));
    assert_eq!(add["inputSchema"]["properties"]["b"]["default"], 1);
    assert_eq!(add["inputSchema"]["properties"]["a"]["description"], "The first number.");
    assert_eq!(add["outputSchema"]["type"], "integer");
    assert_eq!((&add["auth"], &add["roles"], &add["annotations"]), (&json!("none"), &json!([]), &json!({})));

    let echo = find("echo");
    assert_eq!(
        (&echo["auth"], &echo["roles"], &echo["annotations"]),
        (&json!("user"), &json!(["support"]), &json!({"readOnlyHint": true}))
    );
    assert_eq!(find("nothing")["outputSchema"], Value::Null);
    assert_eq!(find("order")["inputSchema"]["$defs"]["Line"]["properties"]["quantity"]["minimum"], 1);
    assert!(find("who_calls")["inputSchema"]["properties"].get("ctx").is_none(), "the context is no argument");
    platform.stop().await;
}

#[tokio::test]
async fn python_tools_answer_whoever_calls_them() {
    let platform = Platform::start("answers").await;
    for key in [dev::ADMIN_KEY, dev::AGENT_KEY] {
        let caller = platform.caller(key);
        assert_eq!(caller.call("add", json!({"a": 40, "b": 2})).await.result(), 42);
        assert_eq!(caller.call("add", json!({"a": 40})).await.result(), 41);
        let user = platform.user().await;
        assert_eq!(user.call("echo", json!({"text": "naïve – 東京"})).await.result(), "naïve – 東京");
        assert_eq!(caller.call("nothing", json!({})).await.result(), Value::Null);
        let lines = json!([{"sku": "a", "quantity": 2}, {"sku": "b"}]);
        assert_eq!(
            caller.call("order", json!({"lines": lines})).await.result(),
            json!({"lines": [{"sku": "a", "quantity": 2}, {"sku": "b", "quantity": 1}], "units": 3})
        );
    }
    platform.stop().await;
}

#[tokio::test]
async fn text_of_any_script_travels_unchanged() {
    let platform = Platform::start("unicode").await;
    let caller = platform.user().await;
    // Two-, three- and four-byte characters, what JSON must escape, and line ends only JavaScript knows.
    let piece = "é 東京 𝕋 👩‍👩‍👧 \u{0} \u{1b} \u{7f} \"quoted\" \\ \t\r\n \u{2028}\u{2029} \u{feff} \u{10ffff} ";
    let text = piece.repeat(5 * 1024 / piece.len() + 1);
    assert!(text.len() >= 5 * 1024);
    assert_eq!(caller.call("echo", json!({"text": text})).await.result(), text.as_str());
    let failure = caller.call("fail", json!({"reason": text})).await;
    failure.is_problem(422, "tool_failed");
    assert_eq!(failure.body["detail"], text.as_str());
    platform.stop().await;
}

#[tokio::test]
async fn a_python_exception_is_the_callers_problem_and_the_next_call_is_served() {
    let platform = Platform::start("errors").await;
    let caller = platform.caller(dev::AGENT_KEY);
    for (tool, arguments, detail) in [
        ("fail", json!({"reason": "no such order"}), "no such order"),
        ("fail_later", json!({"reason": "too late"}), "too late"),
        // Later Pythons may add a suggestion.
        ("add", json!({"a": 1, "count": 2}), "add() got an unexpected keyword argument 'count'"),
    ] {
        let failure = caller.call(tool, arguments).await;
        failure.is_problem(422, "tool_failed");
        assert!(failure.body["detail"].as_str().is_some_and(|text| text.starts_with(detail)), "{failure:?}");
        assert!(failure.body["callId"].is_string(), "{failure:?}");
        assert_eq!(caller.call("add", json!({"a": 1})).await.result(), 2);
    }
    for (arguments, path) in [(json!({}), "/a"), (json!({"a": "one", "b": 1}), "/a")] {
        let refused = caller.call("add", arguments).await;
        refused.is_problem(422, "invalid_arguments");
        assert_eq!(refused.body["errors"][0]["path"], path, "{refused:?}");
    }
    caller.call("echo", json!({"text": ""})).await.is_problem(403, "forbidden");
    caller.call("sub", json!({})).await.is_problem(404, "unknown_tool");
    caller.call("add", json!([1, 2])).await.is_problem(400, "invalid_request");
    caller
        .call("who_calls", json!({"note": "", "__platos": {"userId": "root"}}))
        .await
        .is_problem(400, "invalid_request");
    platform.caller("wrong").call("add", json!({"a": 1})).await.is_problem(401, "unauthenticated");
    assert_eq!(caller.call("add", json!({"a": 1})).await.result(), 2);
    platform.stop().await;
}

#[tokio::test]
async fn a_python_tool_learns_who_calls_it_by_every_accessor() {
    let platform = Platform::start("context").await;
    let listed = platform.caller(dev::ADMIN_KEY).tools().await.swap_remove(0);
    let callers = [
        (platform.caller(dev::ADMIN_KEY), false, ""),
        (platform.caller(dev::AGENT_KEY), true, ""),
        (platform.user().await, false, "u-1"),
    ];
    for (caller, is_agent, user) in callers {
        let answer = caller.call("who_calls", json!({"note": "n"})).await;
        let (call_id, seen) = (answer.body["callId"].clone(), answer.result());
        assert_eq!(seen["note"], "n", "only the envelopes are taken from the arguments");
        let context = &seen["ctx"]["context"];
        assert_eq!(context.get("user.id").and_then(Value::as_str).unwrap_or_default(), user);
        assert!(context["deadline"].is_string() && context["traceparent"].is_string(), "{seen}");
        let expected = json!({"call_id": call_id, "context": context, "entity_ids": null, "raw": context});
        assert_eq!(seen["ctx"], expected);

        let current = &seen["current"];
        assert_eq!(current["call_id"], call_id);
        assert_eq!(current["entity_id"], listed["entity"]);
        assert_eq!(current["scope"][2], listed["environmentId"]);
        assert!(current["scope"][0].as_str().is_some_and(|id| id.starts_with("org_")), "{seen}");
        assert!(current["scope"][1].as_str().is_some_and(|id| id.starts_with("prj_")), "{seen}");
        assert_eq!((&current["user_id"], &current["thread_id"]), (&json!(user), &json!("")));
        assert_eq!((&current["user_token"], &current["entity_token"]), (&Value::Null, &Value::Null));
        let agent = current["agent_id"].as_str().expect("a string");
        assert_eq!((agent.starts_with("agent_"), agent == "default"), (is_agent, !is_agent), "{seen}");

        let full = &seen["full"];
        assert!(full.is_object(), "a field the SDK requires is missing, so it has no context: {seen}");
        for name in ["user_id", "user_token", "entity_token", "agent_id", "thread_id", "entity_id", "call_id"] {
            assert_eq!(full[name], current[name], "{name}");
        }
        assert_eq!(full["organization_id"], current["scope"][0]);
        assert_eq!(full["project_id"], current["scope"][1]);
        assert_eq!(full["environment_id"], current["scope"][2]);
        for (name, length) in [("timestamp", "2026-09-15T00:00:00.000Z".len()), ("nonce", 32), ("signature", 64)] {
            assert_eq!(full[name].as_str().map(str::len), Some(length), "{name}: {seen}");
        }
    }
    platform.stop().await;
}

#[tokio::test]
async fn calls_made_at_once_are_each_answered_with_their_own_result() {
    let platform = Platform::start("concurrent").await;
    let caller = platform.caller(dev::ADMIN_KEY);
    let sums = join_all((0..64).map(|a| caller.call("add", json!({"a": a, "b": 1000})))).await;
    for (a, sum) in sums.into_iter().enumerate() {
        assert_eq!(sum.result(), a + 1000);
    }
    platform.stop().await;
}

#[tokio::test]
async fn a_python_worker_comes_back_by_itself_when_the_gateway_does() {
    let mut platform = Platform::start("restart").await;
    for (round, name) in ["x_first", "x_second"].into_iter().enumerate() {
        let (url, pid) = (platform.gateway().url(), platform.worker.process.id());
        // Only a new registration can tell the gateway of it.
        platform.caller(dev::ADMIN_KEY).call("learn", json!({"name": name})).await.result();
        platform.tools.push(name);
        platform
            .restart(async |caller| {
                assert_eq!(online(&caller.tools().await), Vec::<&str>::new(), "the worker is not back yet");
                caller.call("add", json!({"a": 1})).await.is_problem(503, "worker_offline");
                caller.call(name, json!({})).await.is_problem(404, "unknown_tool");
            })
            .await;
        assert_eq!((platform.gateway().url(), platform.worker.process.id()), (url, pid), "nothing else has changed");
        let caller = platform.caller(dev::AGENT_KEY);
        assert_eq!(caller.call(name, json!({})).await.result(), name);
        assert_eq!(caller.call("add", json!({"a": round})).await.result(), round + 1);
        assert_eq!(platform.user().await.call("echo", json!({"text": "again"})).await.result(), "again");
        caller.call("fail", json!({"reason": "still"})).await.is_problem(422, "tool_failed");
        let seen = caller.call("who_calls", json!({"note": ""})).await.result();
        assert!(seen["full"].is_object(), "{seen}");
    }
    platform.stop().await;
}

/// A gateway and the Python worker that dialled it.
struct Platform {
    /// `None` only while it is restarted.
    gateway: Option<Gateway>,
    worker: Worker,
    /// The tools that the worker registers next, by name.
    tools: Vec<&'static str>,
}

impl Platform {
    /// Starts both and waits until the tools can be called.
    async fn start(test: &str) -> Self {
        Self::start_with(test, DevOptions::with_known_secrets()).await
    }

    async fn start_with(test: &str, options: DevOptions) -> Self {
        let gateway = within("the gateway's start", dev::start(options)).await.expect("a gateway");
        let worker = Worker::spawn(test, &gateway.url());
        let mut platform = Self { gateway: Some(gateway), worker, tools: TOOLS.to_vec() };
        platform.registered().await;
        platform
    }

    /// Stops the gateway, starts it on the same port and data, and waits until the tools can be called again. Looks at it
    /// in between, while the worker is kept from dialling.
    async fn restart(&mut self, before_the_worker_is_back: impl AsyncFnOnce(Caller)) {
        let gateway = self.gateway.take().expect("a gateway runs");
        let stopped = within("the gateway's stop", gateway.stop()).await;
        self.worker.signal("STOP").await;
        self.gateway = Some(within("the gateway's return", stopped.start()).await.expect("a gateway"));
        before_the_worker_is_back(self.caller(dev::ADMIN_KEY)).await;
        self.worker.signal("CONT").await;
        self.registered().await;
    }

    /// Asks until every tool is listed and online.
    async fn registered(&mut self) {
        let caller = self.caller(dev::ADMIN_KEY);
        let deadline = Instant::now() + PATIENCE;
        let mut poll = interval(POLL);
        loop {
            poll.tick().await;
            let listing = caller.tools().await;
            if online(&listing) == self.tools {
                return;
            }
            let ended = self.worker.process.try_wait().expect("the state of a child");
            let waiting = ended.is_none() && Instant::now() < deadline;
            assert!(waiting, "the worker did not register ({ended:?}); online: {listing:?}\n{}", self.worker.log());
        }
    }

    /// Caller of the tool `echo`.
    async fn user(&self) -> Caller {
        self.caller(dev::ADMIN_KEY).speaking_for("u-1", &["support"]).await
    }

    fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().expect("a gateway runs")
    }

    fn caller(&self, key: &'static str) -> Caller {
        Caller::new(self.gateway().url(), key)
    }

    /// The worker first, so that it does not see the gateway go.
    async fn stop(mut self) {
        within("the worker's end", self.worker.process.kill()).await.expect("a child that can be killed");
        within("the gateway's stop", self.gateway.take().expect("a gateway runs").shutdown()).await;
    }
}

/// The process that runs `interop/worker.py`; it ends with the test.
struct Worker {
    process: Child,
    log: PathBuf,
}

impl Worker {
    fn spawn(test: &str, url: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/worker.py");
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("interop-{test}.log"));
        let errors = File::create(&log).expect("a file for the worker's log");
        let process = Command::new(python())
            .arg(script)
            .envs([("PLATOS_URL", url), ("PLATOS_SECRET", dev::SECRET), ("PYTHONDONTWRITEBYTECODE", "1")])
            // No proxy of the environment knows the way to this loopback interface.
            .envs([("no_proxy", "127.0.0.1"), ("NO_PROXY", "127.0.0.1")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .expect("a Python process");
        Self { process, log }
    }

    async fn signal(&self, signal: &str) {
        let pid = self.process.id().expect("a process that runs").to_string();
        let kill = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(within("a signal", kill).await.expect("the command kill").success());
    }

    fn log(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_else(|error| error.to_string());
        format!("the worker's log, {}:\n{text}", self.log.display())
    }
}

/// The interpreter with the SDK and OpenAI's client.
fn python() -> PathBuf {
    python_in("venv")
}

/// The interpreter of one of the environments that were set up.
fn python_in(environment: &str) -> PathBuf {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../target/interop/{environment}/bin/python"));
    assert!(python.exists(), "run tests/interop/setup first: there is no {}", python.display());
    python
}

/// The names of the tools that can be called.
fn online(tools: &[Value]) -> Vec<&str> {
    tools.iter().filter(|tool| tool["online"] == true).filter_map(|tool| tool["name"].as_str()).collect()
}

async fn within<T>(what: &str, task: impl Future<Output = T>) -> T {
    timeout(PATIENCE, task).await.unwrap_or_else(|_| panic!("{what} took longer than {PATIENCE:?}"))
}
