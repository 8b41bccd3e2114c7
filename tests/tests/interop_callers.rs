//! Tests of the gateway with the minimal JavaScript client of gateway RPC, which others wrote.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use platools_gateway::dev::{self, DevOptions};
use platools_gateway::{Gateway, Role};
use platools_tests::Unreachable;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// Nothing a test waits for takes so long.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_client_talks_to_a_gateway_without_auth() {
    let gateway = dev::start(DevOptions::with_known_secrets().no_auth()).await.expect("a gateway");
    talks(gateway, "").await;
}

#[tokio::test]
async fn the_client_talks_to_a_gateway_with_a_token() {
    let gateway = dev::start(DevOptions::default()).await.expect("a gateway");
    let key = gateway.add_key(Role::Operator).await.expect("a key");
    talks(gateway, key.expose_secret()).await;
}

#[tokio::test]
async fn the_client_says_that_nobody_listens() {
    let nobody = Unreachable::start();
    let mut client = Client::dialling(nobody.url().trim_start_matches("http://"), "");
    assert_eq!(client.line().await.as_deref(), Some("Disconnected"));
    let mut errors = String::new();
    let mut stderr = client.process.stderr.take().expect("it is piped");
    within(stderr.read_to_string(&mut errors)).await.expect("text");
    assert!(errors.contains("WebSocket error:") && errors.contains("ECONNREFUSED"), "{errors}");
    assert!(within(client.process.wait()).await.expect("its end").success());
}

/// The client says hello, hears the agent speak, and notices that the gateway stops.
async fn talks(gateway: Gateway, token: &str) {
    let mut client = Client::start(&gateway, token);
    let chunk = client.line().await.expect("a chunk");
    let response = client.line().await.expect("a response");
    let said = chunk.strip_prefix("Chunk: ").expect("a chunk");
    assert!(said.starts_with("I call tools."), "{said}");
    assert_eq!(response.strip_prefix("Response: "), Some(said));
    within(gateway.shutdown()).await;
    assert_eq!(client.line().await.as_deref(), Some("Disconnected"));
    assert!(within(client.process.wait()).await.expect("its end").success());
}

struct Client {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Client {
    fn start(gateway: &Gateway, token: &str) -> Self {
        Self::dialling(&gateway.address().to_string(), token)
    }

    fn dialling(address: &str, token: &str) -> Self {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut process = Command::new("node")
            .arg(tests.join("interop/run-caller.js"))
            .env("GATEWAY", address)
            .env("MODULES", modules(tests))
            .env("TOKEN", token)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node cannot be started; run tests/interop/setup first");
        let stdout = process.stdout.take().expect("it is piped");
        Self { process, lines: BufReader::new(stdout).lines() }
    }

    /// The next line that it prints.
    async fn line(&mut self) -> Option<String> {
        within(self.lines.next_line()).await.expect("text")
    }
}

fn modules(tests: &Path) -> PathBuf {
    let modules = tests.join("../target/interop/node");
    assert!(modules.join("installed").exists(), "run tests/interop/setup first");
    modules
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it took too long")
}
