//! The program: what it prints, what it keeps, how it ends.

use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::{Caller, Dial, within};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_platools-gateway"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

pub(crate) async fn output(arguments: &[&str]) -> Output {
    within(command(arguments).output()).await.unwrap()
}

/// A gateway that runs as a program.
pub(crate) struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// What was printed before the address.
    pub(crate) before: Vec<String>,
    pub(crate) url: String,
}

impl Program {
    async fn start(arguments: &[&str]) -> Self {
        Self::start_in(arguments, None).await
    }

    async fn start_in(arguments: &[&str], temporary: Option<&Path>) -> Self {
        let mut command = command(arguments);
        if let Some(temporary) = temporary {
            command.env("TMPDIR", temporary);
        }
        // Nobody reads it, and a full pipe would stop the program.
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
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
        Self::start(&["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]).await
    }

    pub(crate) async fn signal(&self, signal: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = within(Command::new("kill").args([signal, &id]).status()).await.unwrap();
        assert!(sent.success());
    }

    pub(crate) async fn exit_code(mut self) -> Option<i32> {
        within(self.child.wait()).await.unwrap().code()
    }

    pub(crate) fn dial(&self, secret: &str) -> Dial {
        Dial::at(&self.url.replace("http://", "ws://"), "/ws/sdk").secret(secret)
    }
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The secret at the end of a line.
pub(crate) fn last_word(line: &str) -> &str {
    line.rsplit(' ').next().unwrap().trim_end()
}

#[tokio::test]
async fn dev_refuses_a_public_address() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        let output = output(&["dev", "--listen", address]).await;
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("loopback only"), "{error}");
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test]
async fn dev_prints_its_secrets_and_removes_its_data_at_exit() {
    let temporary = tempfile::tempdir().unwrap();
    let mut program = Program::start_in(&["dev", "--listen", "127.0.0.1:0"], Some(temporary.path())).await;
    assert!(program.before.is_empty(), "{:?}", program.before);
    let mut printed = String::new();
    for _ in 0..5 {
        printed.push_str(&within(program.lines.next_line()).await.unwrap().unwrap());
        printed.push('\n');
    }
    for secret in ["platools-dev-secret", "platools-dev-admin", "dev-agent", "platools-dev-agent"] {
        assert!(printed.contains(secret), "{printed}");
    }
    let mut worker = program.dial("platools-dev-secret").welcomed().await;
    assert_eq!(temporary.path().read_dir().unwrap().count(), 1);
    program.signal("-TERM").await;
    assert_eq!(worker.closed().await.0, 1001);
    assert_eq!(program.exit_code().await, Some(0));
    assert_eq!(temporary.path().read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn a_second_signal_ends_the_program_at_once() {
    let temporary = tempfile::tempdir().unwrap();
    let program = Program::start_in(&["dev", "--listen", "127.0.0.1:0"], Some(temporary.path())).await;
    let mut worker = program.dial("platools-dev-secret").welcomed().await;
    worker.register(&["echo"]).await;
    let _call = Caller::at(&program.url).key("platools-dev-admin").calling("echo", json!({}));
    worker.expect("tool_call").await;
    // The call keeps the first signal from ending it; once it takes no connections, it has seen that signal.
    program.signal("-INT").await;
    let address = program.url.trim_start_matches("http://").to_owned();
    within(async { while tokio::net::TcpStream::connect(&address).await.is_ok() {} }).await;
    program.signal("-INT").await;
    assert_eq!(program.exit_code().await, Some(130));
    assert_eq!(temporary.path().read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn serve_prints_a_generated_admin_key_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = Program::serve(&data).await;
    let [line] = first.before.as_slice() else { panic!("one line was expected: {:?}", first.before) };
    let key = last_word(line).to_owned();
    assert!(key.starts_with("plt_key_") && key.len() == 72, "{line}");
    assert_eq!(Caller::at(&first.url).key(&key).get("/v1/tools").await.status, 200);
    first.signal("-TERM").await;
    assert_eq!(first.exit_code().await, Some(0));

    let second = Program::serve(&data).await;
    assert!(second.before.is_empty(), "{:?}", second.before);
    assert_eq!(Caller::at(&second.url).key(&key).get("/v1/tools").await.status, 200);
}

#[tokio::test]
async fn secrets_are_not_stored_in_plain() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let program = Program::serve(folder.path()).await;
    let key = last_word(&program.before[0]).to_owned();
    let added = output(&["entity", "add", "orders", "--data", data]).await;
    let secret = last_word(&stdout(&added)).to_owned();
    assert!(secret.starts_with("plt_worker_"), "{added:?}");
    let mut read = 0;
    for entry in folder.path().read_dir().unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        read += bytes.len();
        for secret in [&key, &secret] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
    assert!(read > 0);
}

#[tokio::test]
async fn a_folder_without_a_database_is_not_made_into_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("typo");
    let added = output(&["entity", "add", "orders", "--data", data.to_str().unwrap()]).await;
    assert_eq!(added.status.code(), Some(1));
    assert!(String::from_utf8(added.stderr).unwrap().contains("`serve --data` makes it"));
    assert!(!data.exists());
}

#[tokio::test]
async fn an_entity_added_while_the_gateway_runs_can_connect_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let program = Program::serve(folder.path()).await;
    let added = output(&["entity", "add", "orders", "--data", data]).await;
    assert!(added.status.success(), "{added:?}");
    program.dial(last_word(&stdout(&added))).welcomed().await.settle().await;

    let again = output(&["entity", "add", "orders", "--data", data]).await;
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8(again.stderr).unwrap().contains("there is an entity `orders` already"));
    let listed = stdout(&output(&["entity", "list", "--data", data]).await);
    assert!(listed.starts_with("orders  ent_") && listed.lines().count() == 1, "{listed}");
}

#[tokio::test]
async fn a_data_folder_has_one_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let _running = Program::serve(folder.path()).await;
    let second = output(&["serve", "--data", folder.path().to_str().unwrap(), "--listen", "127.0.0.1:0"]).await;
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8(second.stderr).unwrap().contains("another gateway runs on"));
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::serve(folder.path()).await;
    let key = last_word(&program.before[0]).to_owned();
    let added = output(&["entity", "add", "orders", "--data", folder.path().to_str().unwrap()]).await;
    let secret = last_word(&stdout(&added)).to_owned();
    let mut worker = program.dial(&secret).welcomed().await;
    worker.register(&["a", "b"]).await;
    program.signal("-KILL").await;
    assert_eq!(program.exit_code().await, None);

    let program = Program::serve(folder.path()).await;
    let caller = Caller::at(&program.url).key(&key);
    assert_eq!(caller.tools().await, [("a".to_owned(), false), ("b".to_owned(), false)]);
    program.dial(&secret).welcomed().await.settle().await;
}
