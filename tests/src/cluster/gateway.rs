//! [`GatewayProcess`]: runs the program `platools-gateway` as one of several.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::IS_MEASUREMENT;
use super::process::Signal;
use super::tcp_relay::TcpRelay;
use crate::within;

/// A gateway as a process, with a relay to the bus and one to the database. It ends when this is dropped.
#[derive(Debug)]
pub struct GatewayProcess {
    number: u16,
    process: Child,
    url: String,
    settings: GatewayPlace,
    /// The way to the NATS server.
    pub bus: TcpRelay,
    /// The way to the PostgreSQL server.
    pub database: TcpRelay,
    admin_key: Option<String>,
}

/// The files of a gateway.
#[derive(Debug, Clone)]
pub(super) struct GatewayPlace {
    /// Has the keys that sign tokens, which all gateways share.
    pub(super) folder: PathBuf,
    pub(super) log: PathBuf,
}

impl GatewayProcess {
    /// Starts a gateway on a free port.
    pub(super) async fn start(number: u16, settings: GatewayPlace, bus: TcpRelay, database: TcpRelay) -> Self {
        let mut command = command(number, &settings.folder, &bus, &database);
        command.args(["--listen", "127.0.0.1:0"]);
        let Started { process, url, admin_key } = run(command, &settings.log).await;
        Self { number, process, url, settings, bus, database, admin_key }
    }

    /// The number of the gateway.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }

    /// The URL, which stays the same when the gateway starts again.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The key of an admin, if this start made the data.
    pub(super) fn admin_key(&self) -> Option<&str> {
        self.admin_key.as_deref()
    }

    /// The process, for measurements of it.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// The log since the first start.
    ///
    /// # Panics
    /// It cannot be read.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.settings.log).expect("a log")
    }

    /// Ends the gateway at once, as `kill -9` does.
    ///
    /// # Panics
    /// It does not end.
    pub async fn kill(&mut self) {
        within(self.process.kill()).await.expect("it ends");
    }

    /// Stops the gateway in order, and returns its end.
    ///
    /// # Panics
    /// It does not end.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::Terminate);
        self.ended().await
    }

    /// Waits until the gateway has ended by itself.
    ///
    /// # Panics
    /// It goes on.
    pub async fn ended(&mut self) -> ExitStatus {
        within(self.process.wait()).await.expect("it ends")
    }

    /// Stops the process, as a machine that hangs does.
    ///
    /// # Panics
    /// It does not run.
    pub fn freeze(&self) {
        self.signal(Signal::Stop);
    }

    /// Lets a process that was frozen go on.
    ///
    /// # Panics
    /// It does not run.
    pub fn thaw(&self) {
        self.signal(Signal::Continue);
    }

    /// Starts the gateway again on its port, after its end in order if it runs.
    ///
    /// # Panics
    /// It does not end or start.
    pub async fn restart(&mut self) {
        if self.process.id().is_some() {
            self.stop().await;
        }
        let mut command = command(self.number, &self.settings.folder, &self.bus, &self.database);
        command.args(["--listen", self.url.trim_start_matches("http://")]);
        self.process = run(command, &self.settings.log).await.process;
    }

    fn signal(&self, signal: Signal) {
        signal.send(self.process.id().expect("the gateway runs"));
    }
}

/// The program `serve` of one of several gateways, without an address.
fn command(number: u16, folder: &Path, bus: &TcpRelay, database: &TcpRelay) -> Command {
    let mut command = serve(folder, database);
    command.args(["--cluster-gateway", &number.to_string(), "--nats", &format!("nats://127.0.0.1:{}", bus.port())]);
    command
}

/// The program `serve` with a database.
pub(super) fn serve(folder: &Path, database: &TcpRelay) -> Command {
    let mut command = administer(database, &["serve"]);
    if IS_MEASUREMENT {
        // All calls have one key.
        command.env("PLATOOLS_GATEWAY_LOG_FILTER", "info,sqlx=warn").args(["--key-calls-per-second", "1000000"]);
    } else {
        command.env("PLATOOLS_GATEWAY_LOG_FILTER", "info,sqlx=warn,platools_gateway=debug");
    }
    command.arg("--signing-key-file").arg(folder.join("signing-keys.json"));
    command
}

/// A command of the program on a database.
pub(super) fn administer(database: &TcpRelay, words: &[&str]) -> Command {
    let mut command = program_command(words);
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", database.port());
    command.args(["--database", &url]);
    command
}

/// A command of the program, without the settings of gateways that run beside the tests.
pub(super) fn program_command(words: &[&str]) -> Command {
    let mut command = Command::new(program());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PLATOOLS_GATEWAY_") {
            command.env_remove(name);
        }
    }
    command.args(words).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// A gateway that listens.
pub(super) struct Started {
    pub(super) process: Child,
    url: String,
    admin_key: Option<String>,
}

pub(super) async fn run(mut command: Command, log: &Path) -> Started {
    let log = File::options().append(true).create(true).open(log).expect("a log");
    let mut process = command.stdout(Stdio::piped()).stderr(log).spawn().expect("the gateway starts");
    let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
    let mut admin_key = None;
    loop {
        let line = within(lines.next_line()).await.expect("text").expect("the gateway ended before it listened");
        if let Some(url) = line.strip_prefix("listening on ") {
            return Started { process, url: url.to_owned(), admin_key };
        }
        if line.starts_with("admin key") {
            admin_key = line.rsplit(' ').next().map(str::to_owned);
        }
    }
}

/// The gateway's program, beside the tests.
fn program() -> PathBuf {
    let tests = std::env::current_exe().expect("a test has a file");
    let folder = tests.with_file_name("");
    // Tests are a folder further down than programs.
    let places = [folder.join("platools-gateway"), folder.join("../platools-gateway")];
    let [_, expected] = &places;
    let program = places.iter().find(|place| place.exists());
    program
        .unwrap_or_else(|| panic!("run `cargo build -p platools-gateway` first (there is no {})", expected.display()))
        .clone()
}
