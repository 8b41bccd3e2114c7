//! Tests of the program with a PostgreSQL database, on the server that `tests/database/run` starts.

use std::process::Output;

use platools_gateway::domain::database::PostgresUrl;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::process::Command;

use crate::program_process::{Data, Program, command, last_word, stdout};
use crate::support::{Caller, ended, within};

/// An empty database, and a folder for the keys that sign tokens.
struct Database {
    url: PostgresUrl,
    keys: TempDir,
}

impl Database {
    async fn new() -> Self {
        let server =
            std::env::var("PLATOOLS_TEST_POSTGRES").expect("tests with a database are run by tests/database/run");
        let keys = tempfile::tempdir().unwrap();
        let name = keys.path().file_name().unwrap().to_str().unwrap();
        let mut connection = PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE \"{name}\""));
        sqlx::query(create).execute(&mut connection).await.unwrap();
        Self { url: format!("{server}/{name}").parse().unwrap(), keys }
    }

    fn command(&self, words: &str) -> Command {
        let mut command = command(&words.split(' ').collect::<Vec<_>>());
        command.env("PLATOOLS_GATEWAY_DATABASE", self.url.as_str());
        command.env("PLATOOLS_GATEWAY_SIGNING_KEY_FILE", self.keys.path().join("keys.json"));
        command
    }

    async fn serve(&self) -> Program {
        Program::start(self.command("serve --listen 127.0.0.1:0")).await
    }

    async fn run(&self, words: &str) -> Output {
        within(self.command(words).output()).await.unwrap()
    }

    async fn printed(&self, words: &str) -> String {
        let output = self.run(words).await;
        assert!(output.status.success(), "{output:?}");
        stdout(&output)
    }
}

#[tokio::test]
async fn a_gateway_that_was_killed_finds_its_data_in_the_database() {
    let database = Database::new().await;
    let program = database.serve().await;
    let key = last_word(&program.before[0]).to_owned();
    let secret = last_word(&database.printed("entity add orders").await).to_owned();
    let mut worker = program.dial(&secret).welcomed().await;
    worker.register(&["echo"]).await;
    let path = "/v1/tools/echo/call";
    let send = |program: &Program| {
        let caller = Caller::at(&program.url).key(&key);
        tokio::spawn(async move { caller.send_with(path, &[("idempotency-key", "k")], json!({})).await })
    };
    let call = send(&program);
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, json!("once")).await;
    assert_eq!(ended(call).await.body["result"], "once");
    let token = database.printed("token mint --role operator --ttl 1h").await;
    program.signal("-KILL").await;
    program.exit_code().await;

    let again = database.serve().await;
    assert!(again.before.is_empty(), "the first start alone prints a key: {:?}", again.before);
    assert_eq!(ended(send(&again)).await.body["result"], "once", "without a worker");
    let tools = Caller::at(&again.url).key(last_word(&token)).get("/v1/tools").await;
    assert_eq!((tools.status, &tools.body["tools"][0]["name"]), (200, &json!("echo")));
    again.signal("-TERM").await;
    assert_eq!(again.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_folder_moves_to_a_database() {
    let (data, program) = Data::served().await;
    data.printed("entity add orders").await;
    let folder = data.path().to_str().unwrap().to_owned();
    let database = Database::new().await;
    let copy = format!("database copy --from {folder} --to {}", database.url);
    let refused = database.run(&copy).await;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("stop it first"), "{refused:?}");
    program.signal("-TERM").await;
    assert_eq!(program.exit_code().await, Some(0));
    database.printed(&copy).await;
    assert_eq!(database.printed("entity list --json").await, data.printed("entity list --json").await);
    assert!(database.printed("upgrade").await.contains("already"));
    let refused = database.run("backup /tmp/never").await;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("pg_dump"), "{refused:?}");
}
