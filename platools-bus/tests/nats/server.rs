//! [`Server`]: runs a NATS server for one test.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// A NATS server on a free port of loopback, stopped when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Server {
    /// Starts a server with these lines in its configuration, and waits until it listens.
    pub(crate) async fn start(configuration: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), configuration).await
    }

    /// Starts a server with a certificate for 127.0.0.1. Returns the file of the authority that signed it, too.
    pub(crate) async fn start_with_tls() -> (Self, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let signed = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(path("certificate.pem"), signed.cert.pem()).unwrap();
        std::fs::write(path("key.pem"), signed.signing_key.serialize_pem()).unwrap();
        let (certificate, key) = (path("certificate.pem"), path("key.pem"));
        let tls = format!("tls {{ cert_file: {certificate:?}, key_file: {key:?} }}");
        (Self::start_in(folder, &tls).await, certificate)
    }

    async fn start_in(folder: TempDir, configuration: &str) -> Self {
        std::fs::write(folder.path().join("nats.conf"), configuration).unwrap();
        let process = spawn(folder.path(), "-1");
        let port = timeout(LIMIT, port(folder.path(), &process)).await.expect("the NATS server starts");
        let server = Self { process, port, folder };
        server.listens().await;
        server
    }

    pub(crate) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    pub(crate) fn signal(&self, name: &str) {
        let process = self.process.id().expect("it runs").to_string();
        let status = std::process::Command::new("kill").args(["-s", name, &process]).status().unwrap();
        assert!(status.success());
    }

    pub(crate) async fn stop(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Starts it again on the same port.
    pub(crate) async fn restart(&mut self) {
        self.process = spawn(self.folder.path(), &self.port.to_string());
        self.listens().await;
    }

    async fn listens(&self) {
        let connects = async {
            while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(LIMIT, connects).await.expect("the NATS server listens");
    }
}

const LIMIT: Duration = Duration::from_secs(30);

fn spawn(folder: &Path, port: &str) -> Child {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/nats/bin/nats-server");
    let program =
        std::env::var_os("CARGO_TARGET_DIR").map_or(program, |target| Path::new(&target).join("nats/bin/nats-server"));
    assert!(program.exists(), "run platools-bus/tests/setup first (there is no {})", program.display());
    Command::new(program)
        .args(["--addr", "127.0.0.1", "--port", port, "--ports_file_dir"])
        .arg(folder)
        .arg("--config")
        .arg(folder.join("nats.conf"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Reads the port that the server has chosen from the file that it writes.
async fn port(folder: &Path, process: &Child) -> u16 {
    let file = folder.join(format!("nats-server_{}.ports", process.id().expect("it runs")));
    loop {
        // `{"nats":["nats://127.0.0.1:12345"]}`; it may be half written.
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let address = text.split('"').find(|part| part.contains("://127.0.0.1:"));
        if let Some(port) = address.and_then(|address| address.rsplit(':').next()).and_then(|port| port.parse().ok()) {
            return port;
        }
        sleep(Duration::from_millis(10)).await;
    }
}
