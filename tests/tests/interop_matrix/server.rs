//! [`Server`]: names the address at which an MCP client finds the tools. Functions start the gateway or the worker behind it.

use std::process::Stdio;
use std::time::Duration;

use platools::Platools;
use platools::serve::Command as Serve;
use platools_gateway::{Gateway, dev};
use platools_tests::{Caller, within};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::case::Case;
use super::foreign::Foreign;

const TOKEN: &str = "s3cret-token";

/// A server as a client is told of it.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Server {
    /// At a URL.
    Http {
        #[serde(skip)]
        name: &'static str,
        url: String,
        token: &'static str,
    },
    /// A program, with which the client speaks over its standard streams, and its environment.
    Program { command: &'static str, args: [&'static str; 2], env: Map<String, Value> },
}

impl Server {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Http { name, .. } => name,
            Self::Program { .. } => "serve stdio",
        }
    }

    /// True over HTTP, where a revision of the protocol changes sessions and streams, too.
    pub(crate) fn is_over_http(&self) -> bool {
        matches!(self, Self::Http { .. })
    }
}

/// The programs behind a gateway, which end with this.
#[derive(Debug)]
pub(crate) struct Workers {
    _gateway: Gateway,
    _corpus: Child,
    _foreign: Foreign,
}

/// A gateway with the corpus and a foreign worker.
pub(crate) async fn gateway() -> (Server, Workers, Vec<Case>) {
    let gateway = dev::start(dev::DevOptions::with_known_secrets()).await.expect("a gateway");
    let secret = gateway.add_entity("foreign").await.expect("an entity");
    let mut worker = corpus();
    worker.env(Platools::URL_VARIABLE, gateway.url()).env(Platools::SECRET_VARIABLE, dev::SECRET);
    let corpus = worker.spawn().expect("the worker starts");
    let (foreign, mut cases) = Foreign::connect(&gateway, secret.expose_secret()).await;
    cases.extend(self::cases().await);
    let caller = Caller::new(gateway.url(), dev::ADMIN_KEY);
    let registered = async {
        while !caller.tools().await.iter().any(|tool| tool["name"] == "take_nothing") {
            sleep(Duration::from_millis(20)).await;
        }
    };
    within(registered).await;
    let server = Server::Http { name: "gateway", url: format!("{}/mcp", gateway.url()), token: dev::ADMIN_KEY };
    (server, Workers { _gateway: gateway, _corpus: corpus, _foreign: foreign }, cases)
}

/// The corpus, served over HTTP.
pub(crate) async fn over_http() -> (Server, Child) {
    let mut worker = corpus();
    worker.args(["serve", "http", "--port", "0"]).env(Serve::TOKEN_VARIABLE, TOKEN).stderr(Stdio::piped());
    let mut worker = worker.spawn().expect("the worker starts");
    let mut said = BufReader::new(worker.stderr.take().expect("it is piped")).lines();
    let said = within(said.next_line()).await.expect("text").expect("it says where it is");
    let url = said.trim_start_matches("serving at ").to_owned();
    (Server::Http { name: "serve http", url, token: TOKEN }, worker)
}

/// The corpus, served over its standard streams.
pub(crate) fn over_standard_streams() -> Server {
    Server::Program { command: env!("CARGO_BIN_EXE_corpus"), args: ["serve", "stdio"], env: Map::new() }
}

/// The cases of the corpus.
pub(crate) async fn cases() -> Vec<Case> {
    let output = within(corpus().arg("cases").output()).await.expect("it starts");
    let cases: Vec<Case> = serde_json::from_slice(&output.stdout).expect("cases");
    cases.into_iter().map(Case::with_fit).collect()
}

fn corpus() -> Command {
    let mut worker = Command::new(env!("CARGO_BIN_EXE_corpus"));
    worker.stdin(Stdio::null()).kill_on_drop(true);
    worker
}
