//! Runs the test suite of the Model Context Protocol against a worker that is served over HTTP, and against the gateway with the same
//! worker.
//!
//! The suite also tests parts of the protocol that we do not offer. `interop/mcp/conformance.yml` lists these scenarios with the reasons:
//! they must fail, and all others must pass.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use platools::Platools;
use platools::serve::Command as Serve;
use platools_gateway::dev;
use platools_tests::{Bearer, Caller, module, node, within};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::{sleep, timeout};

const TOKEN: &str = "s3cret-token";

/// The whole suite takes no longer, however busy the machine is.
const SUITE_PATIENCE: Duration = Duration::from_secs(240);

/// The worker with the tools that the suite calls.
fn worker() -> Command {
    let mut worker = Command::new(env!("CARGO_BIN_EXE_conformance"));
    worker.stdin(Stdio::null()).kill_on_drop(true);
    worker
}

#[tokio::test]
async fn a_served_worker_conforms() {
    let mut worker = worker();
    worker.args(["serve", "http", "--port", "0"]).env(Serve::TOKEN_VARIABLE, TOKEN).stderr(Stdio::piped());
    let mut worker = worker.spawn().expect("the worker starts");
    let mut said = BufReader::new(worker.stderr.take().expect("it is piped")).lines();
    let said = within(said.next_line()).await.expect("text").expect("it says where it is");
    let address = said.trim_start_matches("serving at http://").trim_end_matches("/mcp");
    conforms(address.parse().expect("an address"), TOKEN).await;
}

#[tokio::test]
async fn a_gateway_with_a_worker_conforms() {
    let gateway = dev::start(dev::DevOptions::with_known_secrets()).await.expect("a gateway");
    let mut worker = worker();
    worker.env(Platools::URL_VARIABLE, gateway.url()).env(Platools::SECRET_VARIABLE, dev::SECRET);
    let _worker = worker.spawn().expect("the worker starts");
    let caller = Caller::new(gateway.url(), dev::ADMIN_KEY);
    let registered = async {
        while caller.tools().await.is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    within(registered).await;
    conforms(gateway.address(), dev::ADMIN_KEY).await;
}

#[test]
fn the_documentation_says_what_is_not_offered() {
    let documented = fs::read_to_string(tests().join("../docs/mcp.md")).expect("the documentation");
    let expected: String = listed().iter().map(|(name, why)| format!("| `{name}` | {why} |\n")).collect();
    assert!(documented.contains(&expected), "the table of docs/mcp.md has to be this:\n{expected}");
}

/// Runs the suite, in which what is listed fails and nothing else.
async fn conforms(server: SocketAddr, token: &str) {
    // The suite has no key, and one of its scenarios is about streams that end early.
    let bearer = Bearer::before(server, token, "test_reconnection").await;
    let mut suite = Command::new(node());
    suite.arg(module("@modelcontextprotocol/conformance/dist/index.js")).args(["server", "--suite", "all"]);
    suite.args(["--url", &format!("http://{}/mcp", bearer.address())]).arg("--expected-failures").arg(list());
    suite.env("no_proxy", "127.0.0.1").env("NO_PROXY", "127.0.0.1").stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(SUITE_PATIENCE, suite.output()).await.expect("it took too long").expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    // It does not mind names that it does not know.
    let failed: Vec<_> = said.lines().filter_map(|line| line.trim().strip_prefix("~ ")).collect();
    let listed = listed();
    for (name, _) in &listed {
        assert!(failed.contains(&name.as_str()), "{name} is not a scenario");
    }
    // Without what arrives after the end of its stream it would be two.
    assert!(said.contains("server-sse-polling: 3 passed"), "{said}");
}

fn tests() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn list() -> PathBuf {
    tests().join("interop/mcp/conformance.yml")
}

/// The scenarios that fail, each with the reason.
fn listed() -> Vec<(String, String)> {
    let list = fs::read_to_string(list()).expect("the list");
    let scenarios = list.lines().filter_map(|line| line.trim().strip_prefix("- "));
    let parted = scenarios.map(|line| line.split_once(" # ").unwrap_or_else(|| panic!("`{line}` has no reason")));
    parted.map(|(name, why)| (name.trim().to_owned(), why.trim().to_owned())).collect()
}
