//! Tests of the program: its output, its files and its end.

use std::path::Path;

use serde_json::{Value, json};

use crate::program_process::{Program, command, last_word, output, stdout};
use crate::rpc_caller::RpcCaller;
use crate::support::{Caller, Dial, ended, within};

async fn dev_in(temporary: &Path) -> Program {
    let mut command = command(&["dev", "--listen", "127.0.0.1:0"]);
    command.env("TMPDIR", temporary);
    Program::start(command).await
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
    let mut program = dev_in(temporary.path()).await;
    assert_eq!(program.before.len(), 1, "the link to the console: {:?}", program.before);
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
async fn a_log_of_everything_has_no_secrets_and_no_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let (program, log) = Program::logging_everything(folder.path()).await;
    let mut worker = program.dial("platools-dev-secret").welcomed().await;
    worker.register(&["echo"]).await;
    let call =
        Caller::at(&program.url).key("platools-dev-admin").calling("echo", json!({"arguments": {"pin": "h1dden"}}));
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, json!("h1dden")).await;
    assert_eq!(ended(call).await.status, 200);
    let connect = json!({"token": "platools-dev-admin", "user_id": "u"});
    let mut caller = RpcCaller::known(Dial::at(&program.url.replace("http://", "ws://"), "/ws"), connect).await;
    caller.ok("chat.send", json!({"agentId": "main", "message": "h1dden"})).await;
    program.signal("-TERM").await;
    assert_eq!(program.exit_code().await, Some(0));
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains("caller connected") && logged.contains("DEBUG"), "{logged}");
    for hidden in ["platools-dev-secret", "platools-dev-admin", "platools-dev-agent", "h1dden"] {
        let line = logged.lines().find(|line| line.contains(hidden));
        assert_eq!(line, None, "{hidden}");
    }
}

#[tokio::test]
async fn dev_removes_its_data_when_its_terminal_is_closed() {
    let temporary = tempfile::tempdir().unwrap();
    let program = dev_in(temporary.path()).await;
    assert_eq!(temporary.path().read_dir().unwrap().count(), 1);
    program.signal("-HUP").await;
    assert_eq!(program.exit_code().await, Some(0));
    assert_eq!(temporary.path().read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn a_second_signal_ends_the_program_at_once() {
    let temporary = tempfile::tempdir().unwrap();
    let program = dev_in(temporary.path()).await;
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
    let token =
        last_word(&stdout(&output(&["token", "mint", "--role", "viewer", "--ttl", "1h", "--data", data]).await))
            .to_owned();
    // The key that signs tokens has a file of its own, which is no part of the database.
    let keys_file = folder.path().join("signing-keys.json");
    let keys: Value = serde_json::from_slice(&std::fs::read(&keys_file).unwrap()).unwrap();
    let signing_key = keys["keys"][0]["secret"].as_str().unwrap().to_owned();
    let mut read = 0;
    for entry in folder.path().read_dir().unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        read += bytes.len();
        let elsewhere = (path != keys_file).then_some(&signing_key);
        for secret in [&key, &secret, &token].into_iter().chain(elsewhere) {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{}", path.display());
        }
    }
    assert!(read > 0);
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_the_database_also_in_a_folder_that_was_there() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let _program = Program::serve(folder.path()).await;
    let names = folder.path().read_dir().unwrap().map(|entry| entry.unwrap());
    let database = names.filter(|entry| entry.file_name().to_string_lossy().starts_with("gateway.sqlite"));
    let modes: Vec<_> =
        database.map(|entry| format!("{:o}", entry.metadata().unwrap().permissions().mode() & 0o777)).collect();
    assert!(!modes.is_empty() && modes.iter().all(|mode| mode == "600"), "{modes:?}");
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
    let [names, orders] = listed.lines().collect::<Vec<_>>()[..] else { panic!("two lines were expected: {listed}") };
    assert!(names.starts_with("slug    id") && orders.starts_with("orders  ent_"), "{listed}");
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

#[cfg(unix)]
#[tokio::test]
async fn sighup_does_not_end_a_gateway_that_has_nothing_to_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::serve(folder.path()).await;
    program.signal("-HUP").await;
    assert_eq!(Caller::at(&program.url).get("/health").await.status, 200);
    program.signal("-TERM").await;
    assert_eq!(program.exit_code().await, Some(0));
}
