//! [`Nats`]: runs a NATS server for one installation.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::sleep;

use super::process::Signal;
use super::tcp_relay::Target;
use super::variable;
use crate::within;

/// A NATS server on a free port of loopback. It ends when this is dropped.
#[derive(Debug)]
pub struct Nats {
    process: Child,
    folder: TempDir,
    target: watch::Sender<Target>,
}

impl Nats {
    /// Starts a server with these lines in its configuration.
    ///
    /// # Panics
    /// It does not start.
    pub async fn start(configuration: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("nats.conf"), configuration).expect("a file");
        let (process, port) = run(folder.path()).await;
        Self { process, folder, target: watch::Sender::new(Target::Port(port)) }
    }

    pub(super) fn target(&self) -> watch::Receiver<Target> {
        self.target.subscribe()
    }

    /// The URL of the server itself, which changes when it starts again.
    ///
    /// # Panics
    /// It has no port.
    #[must_use]
    pub fn url(&self) -> String {
        match *self.target.borrow() {
            Target::Port(port) => format!("nats://127.0.0.1:{port}"),
            Target::Socket(_) => panic!("a NATS server has a port"),
        }
    }

    /// The process, for measurements of it.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Ends the server at once.
    ///
    /// # Panics
    /// It does not end.
    pub async fn kill(&mut self) {
        within(self.process.kill()).await.expect("it ends");
    }

    /// Starts the server again, after its end if it runs.
    ///
    /// # Panics
    /// It does not start.
    pub async fn restart(&mut self) {
        if self.process.id().is_some() {
            self.kill().await;
        }
        let (process, port) = run(self.folder.path()).await;
        self.process = process;
        self.target.send_replace(Target::Port(port));
    }

    /// Stops the server, as a machine that hangs does.
    ///
    /// # Panics
    /// It does not run.
    pub fn freeze(&self) {
        Signal::Stop.send(self.process.id().expect("it runs"));
    }

    /// Lets a server that was frozen go on.
    ///
    /// # Panics
    /// It does not run.
    pub fn thaw(&self) {
        Signal::Continue.send(self.process.id().expect("it runs"));
    }
}

/// Starts a server, and returns its port when it listens.
async fn run(folder: &Path) -> (Child, u16) {
    let mut command = Command::new(variable("PLATOOLS_TEST_NATS_SERVER"));
    command.args(["--addr", "127.0.0.1", "--port", "-1", "--ports_file_dir"]).arg(folder);
    command.arg("--config").arg(folder.join("nats.conf"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let process = command.spawn().expect("the NATS server starts");
    let file = folder.join(format!("nats-server_{}.ports", process.id().expect("it runs")));
    let listens = async {
        loop {
            // It may be half written.
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if let Some(port) = port(&text)
                && TcpStream::connect(("127.0.0.1", port)).await.is_ok()
            {
                return port;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    let port = within(listens).await;
    (process, port)
}

/// The port in a text such as `{"nats":["nats://127.0.0.1:12345"]}`.
fn port(text: &str) -> Option<u16> {
    let address = text.split('"').find(|part| part.contains("://127.0.0.1:"))?;
    address.rsplit(':').next()?.parse().ok()
}
