//! Tests of every official MCP client against a gateway and against a served registry. Each client lists all tools, compiles their schemas,
//! and calls each tool with valid arguments.
//!
//! A failure names the client with its version, its revision of the protocol, the server and the tool.

mod case;
mod client;
mod foreign;
mod server;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use platools_tests::{installed, module, node, within};
use tokio::process::Command;
use tokio::task::JoinSet;

use case::Case;
use client::{CLIENTS, Client};
use server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn every_client_reads_every_tool_of_a_gateway() {
    let (gateway, _workers, cases) = server::gateway().await;
    all(&gateway, &cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_reads_every_tool_of_a_server_over_http() {
    let (server, _worker) = server::over_http().await;
    all(&server, &server::cases().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_reads_every_tool_of_a_server_over_its_standard_streams() {
    all(&server::over_standard_streams(), &server::cases().await).await;
}

/// Runs every client in every revision that it has, or in its own only where the transport knows no revisions. It makes all calls in its own, and
/// some in the others.
async fn all(server: &Server, cases: &[Case]) {
    let mut runs = JoinSet::new();
    let names: BTreeSet<_> = cases.iter().map(|case| case.tool.clone()).collect();
    let called: Vec<_> = cases.iter().filter(|case| case.is_called()).cloned().collect();
    let some = called.iter().enumerate().filter(|(index, case)| index % 16 == 0 || case.is_content());
    let some: Vec<_> = some.map(|(_, case)| case.clone()).collect();
    for client in CLIENTS {
        for revision in client.revisions() {
            let is_own = *revision == client.own_revision();
            if is_own || server.is_over_http() {
                let mut cases = if is_own { called.clone() } else { some.clone() };
                cases.retain(|case| client.reads_long_results() || !server.is_over_http() || !case.is_long());
                runs.spawn(problems(client, revision, server.clone(), cases, names.clone()));
            }
        }
    }
    let mut problems: Vec<_> = runs.join_all().await.into_iter().flatten().collect();
    problems.sort();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

/// The problems that a client finds, each with the client, its revision, the server and the tool.
async fn problems(
    client: Client,
    revision: &'static str,
    server: Server,
    cases: Vec<Case>,
    names: BTreeSet<String>,
) -> Vec<String> {
    let called = cases.len();
    let (report, said) = client.run(revision, &server, &cases).await;
    let about = format!("{} in {revision} against {}", client.name, server.name());
    let mut problems = Vec::new();
    if !said.is_empty() {
        problems.push(format!("{about}: it said: {said}"));
    }
    let Some(report) = report else { return problems };
    if report.revision != revision {
        problems.push(format!("{about}: it speaks {}", report.revision));
    }
    if report.tools != names {
        let lost: Vec<_> = names.difference(&report.tools).collect();
        problems.push(format!("{about}: {} of {} tools are listed, without {lost:?}", report.tools.len(), names.len()));
    }
    if report.called != called {
        problems.push(format!("{about}: {} of {called} calls were answered", report.called));
    }
    problems.extend(report.problems.iter().map(|(tool, problem)| format!("{about}: {tool}: {problem}")));
    problems
}

#[tokio::test]
async fn the_schemas_of_foreign_workers_are_those_that_their_libraries_write() {
    let mut zod = Command::new(node());
    zod.arg(client::file("schemas.mjs")).env("MODULES", module(""));
    assert_eq!(printed(zod).await, fs::read_to_string(client::file("zod.json")).expect("the schemas"));
    let mut pydantic = Command::new(installed("venv/bin/python"));
    pydantic.arg(client::file("schemas.py"));
    assert_eq!(printed(pydantic).await, fs::read_to_string(client::file("pydantic.json")).expect("the schemas"));
}

async fn printed(mut program: Command) -> String {
    program.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    let output = within(program.output()).await.expect("it starts");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The folder of the clients' programs and the schemas.
fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/interop/mcp/matrix"))
}
