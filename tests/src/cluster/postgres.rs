//! [`Postgres`]: runs a PostgreSQL server for one installation.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::sleep;

use super::process::Signal;
use super::tcp_relay::Target;
use super::variable;
use crate::within;

/// A PostgreSQL server on a socket in a folder of its own. It ends when this is dropped.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Child>,
    folder: TempDir,
    target: watch::Sender<Target>,
}

impl Postgres {
    /// Starts a server with new data.
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let template = PathBuf::from(variable("PLATOOLS_TEST_POSTGRES_DATA"));
        let copied = Command::new("cp").arg("-a").arg(&template).arg(folder.path().join("data")).status();
        assert!(within(copied).await.is_ok_and(|status| status.success()), "no copy of {}", template.display());
        // The folder of the socket belongs to the user of the server.
        let owner = std::fs::metadata(&template).expect("the data of a new server");
        std::os::unix::fs::chown(folder.path(), Some(owner.uid()), Some(owner.gid())).expect("a folder of its own");
        let target = watch::Sender::new(Target::Socket(folder.path().join(".s.PGSQL.5432")));
        let mut postgres = Self { process: None, folder, target };
        postgres.run().await;
        postgres
    }

    pub(super) fn target(&self) -> watch::Receiver<Target> {
        self.target.subscribe()
    }

    /// Ends all connections and stops the server.
    ///
    /// # Panics
    /// It does not run.
    pub async fn stop(&mut self) {
        Signal::Interrupt.send(self.id());
        self.ended().await;
    }

    /// Starts the server again, with its data.
    ///
    /// # Panics
    /// It does not start.
    pub async fn restart(&mut self) {
        if self.process.is_some() {
            self.stop().await;
        }
        self.run().await;
    }

    /// Stops all processes of the server, as a machine that hangs does.
    ///
    /// # Panics
    /// It does not run.
    pub fn freeze(&self) {
        Signal::Stop.send_to_all(self.id());
    }

    /// Lets a server that was frozen go on.
    ///
    /// # Panics
    /// It does not run.
    pub fn thaw(&self) {
        Signal::Continue.send_to_all(self.id());
    }

    async fn run(&mut self) {
        let programs = PathBuf::from(variable("PLATOOLS_TEST_POSTGRES_BIN"));
        let (data, log) = (self.folder.path().join("data"), self.folder.path().join("log"));
        let log = std::fs::File::options().append(true).create(true).open(log).expect("a log");
        let mut command = unprivileged(&programs.join("postgres"));
        command.arg("-D").arg(data).arg("-k").arg(self.folder.path());
        command.args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200"]);
        command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.process = Some(command.spawn().expect("PostgreSQL starts"));
        let socket = self.folder.path().join(".s.PGSQL.5432");
        let answers = async {
            // It makes its socket before it lets anybody in.
            while !is_ready(&programs, self.folder.path()).await || UnixStream::connect(&socket).await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        within(answers).await;
    }

    async fn ended(&mut self) {
        let process = self.process.as_mut().expect("it runs");
        within(process.wait()).await.expect("it ends");
        self.process = None;
    }

    fn id(&self) -> u32 {
        self.process.as_ref().and_then(Child::id).expect("PostgreSQL runs")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(process) = self.process.as_ref().and_then(Child::id) {
            // A process that is stopped would keep the signal for later.
            Signal::Continue.send_to_all(process);
            Signal::Quit.send(process);
        }
    }
}

async fn is_ready(programs: &Path, socket: &Path) -> bool {
    let mut command = Command::new(programs.join("pg_isready"));
    let status = command.arg("--quiet").arg("--host").arg(socket).stdin(Stdio::null()).status().await;
    status.is_ok_and(|status| status.success())
}

/// The command as a user whom the server lets start it.
fn unprivileged(program: &Path) -> Command {
    let template = std::fs::metadata(variable("PLATOOLS_TEST_POSTGRES_DATA")).expect("the data of a new server");
    let own = std::fs::metadata("/proc/self").expect("a system with /proc");
    if template.uid() == own.uid() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    let user = [format!("--reuid={}", template.uid()), format!("--regid={}", template.gid())];
    command.args(user).args(["--clear-groups", "--"]).arg(program);
    command
}
