//! [`Client`]: runs one version of one official MCP client.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use platools_tests::{installed, module, node};
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::case::Case;
use super::server::Server;

/// A version of a client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    pub(crate) name: &'static str,
    runtime: Runtime,
    /// The oldest and the newest revision, by index.
    revisions: (usize, usize),
}

/// Runtime of a client.
#[derive(Debug, Clone, Copy)]
enum Runtime {
    /// The virtual environment in this folder.
    Python(&'static str),
    /// The package of this name.
    Node(&'static str),
}

/// The clients. Those of the second generation ask for a revision of the first with the option for that.
pub(crate) const CLIENTS: [Client; 8] = [
    Client { name: "mcp 1.9.4 (Python)", runtime: Runtime::Python("clients/mcp-1.9.4"), revisions: (0, 1) },
    Client { name: "mcp 1.13.1 (Python)", runtime: Runtime::Python("clients/mcp-1.13.1"), revisions: (0, 2) },
    Client { name: "mcp 1.22.0 (Python)", runtime: Runtime::Python("clients/mcp-1.22.0"), revisions: (0, 2) },
    Client { name: "mcp 2.3.0 (Python)", runtime: Runtime::Python("venv"), revisions: (0, 4) },
    Client { name: "FastMCP 4.2.3", runtime: Runtime::Python("clients/fastmcp-4.2.3"), revisions: (3, 4) },
    Client { name: "sdk 1.20.2 (TypeScript)", runtime: Runtime::Node("sdk-1.20.2"), revisions: (0, 2) },
    Client { name: "sdk 1.32.2 (TypeScript)", runtime: Runtime::Node("@modelcontextprotocol/sdk"), revisions: (0, 3) },
    Client {
        name: "client 2.4.0 (TypeScript)",
        runtime: Runtime::Node("@modelcontextprotocol/client"),
        revisions: (3, 4),
    },
];

/// The revisions that are offered.
const REVISIONS: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];

/// Limit of clients that run at once.
static TURNS: Semaphore = Semaphore::const_new(4);

/// No client takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(240);

/// The findings of a client.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    pub(crate) revision: String,
    pub(crate) tools: BTreeSet<String>,
    pub(crate) called: usize,
    pub(crate) problems: Vec<(String, String)>,
}

impl Client {
    /// The revisions of the protocol that the client has, the oldest first.
    pub(crate) fn revisions(&self) -> &'static [&'static str] {
        let (oldest, newest) = self.revisions;
        &REVISIONS[oldest..=newest]
    }

    /// The revision that the client asks for by itself.
    pub(crate) fn own_revision(&self) -> &'static str {
        REVISIONS[self.revisions.1]
    }

    /// True if the client reads results of several MiB over HTTP. FastMCP asks for the log with each call, so that the answer is an event behind an
    /// entry of the log, and it reads no event of more than 1 MiB.
    pub(crate) fn reads_long_results(&self) -> bool {
        !self.name.starts_with("FastMCP")
    }

    /// Makes the calls. Returns the report, if there is one, and the standard error of the client.
    pub(crate) async fn run(&self, revision: &str, server: &Server, cases: &[Case]) -> (Option<Report>, String) {
        let _turn = TURNS.acquire().await.expect("it is never closed");
        let asked = (revision != self.own_revision()).then_some(revision);
        let request = asked_in_a_file(&json!({ "server": server, "revision": asked, "cases": cases }).to_string());
        let mut program = self.program(&request);
        program.env("no_proxy", "127.0.0.1").env("NO_PROXY", "127.0.0.1").env("PYTHONDONTWRITEBYTECODE", "1");
        let output = program.stdin(Stdio::null()).kill_on_drop(true).output();
        let output = timeout(PATIENCE, output).await.expect("a client took too long").expect("it starts");
        fs::remove_file(&request).expect("the file is there");
        let said = String::from_utf8_lossy(&output.stderr).chars().take(2000).collect();
        (serde_json::from_slice(&output.stdout).ok().filter(|_| output.status.success()), said)
    }

    fn program(&self, request: &PathBuf) -> Command {
        match self.runtime {
            Runtime::Python(venv) => {
                let mut python = Command::new(installed(venv).join("bin/python"));
                python.arg(file("client.py")).arg(request).arg(venv);
                python
            }
            Runtime::Node(package) => {
                let mut node = Command::new(node());
                node.arg(file("client.mjs")).arg(request).arg(package).env("MODULES", module(""));
                node
            }
        }
    }
}

/// A file of the matrix.
pub(crate) fn file(name: &str) -> PathBuf {
    super::folder().join(name)
}

/// A new file with that text.
fn asked_in_a_file(text: &str) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("matrix-{}-{number}.json", std::process::id()));
    fs::write(&path, text).expect("a file");
    path
}
