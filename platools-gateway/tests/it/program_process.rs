//! `Program`: the program `platools-gateway` as a process of a test.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use platools_gateway::dev;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::{Dial, within};

/// The program with these arguments, and without what whoever runs the tests has set for gateways of their own.
pub(crate) fn command(arguments: &[&str]) -> Command {
    command_of(env!("CARGO_BIN_EXE_platools-gateway"), arguments)
}

fn command_of(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_proxy = text.to_ascii_uppercase().ends_with("_PROXY");
        if is_proxy || ["PLATOOLS_GATEWAY_", "OTEL_", "OPENAI_"].iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    // A gateway for development has secrets of its own otherwise, which a test would have to read.
    for (name, secret) in [("SECRET", dev::SECRET), ("ADMIN_KEY", dev::ADMIN_KEY), ("AGENT_KEY", dev::AGENT_KEY)] {
        command.env(format!("PLATOOLS_GATEWAY_DEV_{name}"), secret);
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// The same, where a write beyond the limit for files fails as on a full disk. By default it ends the program.
#[cfg(target_os = "linux")]
pub(crate) fn command_without_xfsz(arguments: &[&str]) -> Command {
    let shell = ["-c", r#"trap '' XFSZ; exec "$0" "$@""#, env!("CARGO_BIN_EXE_platools-gateway")];
    let arguments = [&shell, arguments].concat();
    command_of("/bin/sh", &arguments)
}

pub(crate) async fn output(arguments: &[&str]) -> Output {
    within(command(arguments).output()).await.unwrap()
}

/// A gateway that runs as a program.
pub(crate) struct Program {
    child: Child,
    pub(crate) lines: Lines<BufReader<ChildStdout>>,
    /// Lines that were printed before the address.
    pub(crate) before: Vec<String>,
    pub(crate) url: String,
}

impl Program {
    pub(crate) async fn start(command: Command) -> Self {
        // Nobody reads it, and a full pipe would stop the program.
        Self::logging_to(Stdio::null(), command).await
    }

    /// A gateway for development that logs everything into a file of a folder.
    pub(crate) async fn logging_everything(folder: &Path) -> (Self, PathBuf) {
        let log = folder.join("log");
        let mut command = command(&["dev", "--listen", "127.0.0.1:0", "--log-filter", "trace"]);
        command.env("TMPDIR", folder);
        (Self::logging_to(std::fs::File::create(&log).unwrap(), command).await, log)
    }

    pub(crate) async fn logging_to(log: impl Into<Stdio>, mut command: Command) -> Self {
        let mut child = command.stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut before = Vec::new();
        loop {
            let line = within(lines.next_line()).await.unwrap().expect("the program ended before it listened");
            match line.strip_prefix("listening on ") {
                Some(url) => break Self { url: url.to_owned(), child, lines, before },
                None => before.push(line),
            }
        }
    }

    pub(crate) async fn serve(data: &Path) -> Self {
        Self::start(command(&["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"])).await
    }

    pub(crate) async fn signal(&self, signal: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = within(Command::new("kill").args([signal, &id]).status()).await.unwrap();
        assert!(sent.success());
    }

    /// Leaves no room for what the program writes into files, or all there is again. Its command must be one of
    /// [`command_without_xfsz`].
    #[cfg(target_os = "linux")]
    pub(crate) fn room_on_disk(&self, bytes: Option<u64>) {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};

        let id = Pid::from_raw(self.child.id().expect("it runs").try_into().unwrap());
        prlimit(id, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
    }

    pub(crate) async fn exit_code(mut self) -> Option<i32> {
        within(self.child.wait()).await.unwrap().code()
    }

    pub(crate) fn dial(&self, secret: &str) -> Dial {
        Dial::at(&self.url.replace("http://", "ws://"), "/ws/sdk").secret(secret)
    }
}

/// Data in a folder, as the command line administers it.
pub(crate) struct Data(TempDir);

impl Data {
    /// The data of a gateway that runs.
    pub(crate) async fn served() -> (Self, Program) {
        let folder = tempfile::tempdir().unwrap();
        let program = Program::serve(folder.path()).await;
        (Self(folder), program)
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Another gateway with the same data, when the one before has ended.
    pub(crate) async fn serve_again(&self) -> Program {
        Program::serve(self.0.path()).await
    }

    /// Runs a command, given as words, and returns what it printed and whether it succeeded.
    pub(crate) async fn run(&self, words: &str) -> Output {
        let mut command = command(&words.split(' ').collect::<Vec<_>>());
        within(command.env("PLATOOLS_GATEWAY_DATA", self.0.path()).output()).await.unwrap()
    }

    /// Runs a command that must succeed, and returns what it printed.
    pub(crate) async fn printed(&self, words: &str) -> String {
        let output = self.run(words).await;
        assert!(output.status.success(), "{output:?}");
        stdout(&output)
    }

    /// Runs a command that prints a secret or a token at the end of one line, and returns that.
    pub(crate) async fn secret(&self, words: &str) -> String {
        let printed = self.printed(words).await;
        assert_eq!(printed.lines().count(), 1, "{printed}");
        last_word(&printed).to_owned()
    }

    /// Runs a command that must fail, and returns its error.
    pub(crate) async fn refused(&self, words: &str) -> String {
        let output = self.run(words).await;
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The secret at the end of a line.
pub(crate) fn last_word(line: &str) -> &str {
    line.rsplit(' ').next().unwrap().trim_end()
}
