//! Tests of the program with a PostgreSQL database, on the server that `tests/database/run` starts.

use std::process::Output;

use platools_gateway::domain::database::PostgresUrl;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::process::Command;

use crate::program_process::{Data, Program, command, last_word, stdout};
use crate::support::{Caller, ended, within};

/// Ends the connection with the lock of the gateway on a database. The locks of transactions have two keys.
const END_LOCK: &str = "SELECT pg_terminate_backend(l.pid, 5000) FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                        WHERE d.datname = $1 AND l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted";

/// The URL of the server, without a database.
fn server() -> String {
    std::env::var("PLATOOLS_TEST_POSTGRES").expect("tests with a database are run by tests/database/run")
}

/// Waits until `/ready` answers with a status and a text.
async fn until_ready_says(program: &Program, status: u16, text: &str) {
    let asked = async {
        let caller = Caller::at(&program.url);
        loop {
            let answer = caller.get("/ready").await;
            if answer.status == status && answer.body.to_string().contains(text) {
                return;
            }
        }
    };
    within(asked).await;
}

/// An empty database, and a folder for the keys that sign tokens.
struct Database {
    url: PostgresUrl,
    keys: TempDir,
}

impl Database {
    async fn new() -> Self {
        let keys = tempfile::tempdir().unwrap();
        let name = keys.path().file_name().unwrap().to_str().unwrap();
        let url = format!("{}/{name}", server()).parse().unwrap();
        let database = Self { url, keys };
        database.administer("CREATE DATABASE name").await;
        database
    }

    /// Runs a statement over a connection to another database. `name` stands for the name of this one. Returns the number of its rows.
    async fn administer(&self, statement: &str) -> u64 {
        let name = self.keys.path().file_name().unwrap().to_str().unwrap();
        let statement = sqlx::AssertSqlSafe(statement.replace("name", &format!("\"{name}\"")));
        let mut connection = PgConnection::connect(&format!("{}/postgres", server())).await.unwrap();
        sqlx::query(statement).execute(&mut connection).await.unwrap().rows_affected()
    }

    /// Ends the connection that has the lock of the gateway.
    async fn end_lock(&self, connection: &mut PgConnection) {
        let name = self.keys.path().file_name().unwrap().to_str().unwrap();
        let ended = sqlx::query(END_LOCK).bind(name).execute(connection).await.unwrap();
        assert_eq!(ended.rows_affected(), 1);
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

#[tokio::test]
async fn a_gateway_that_has_lost_its_lock_is_not_ready_until_it_has_it_again() {
    let database = Database::new().await;
    let program = database.serve().await;
    until_ready_says(&program, 200, "ready").await;
    let mut other = PgConnection::connect(&format!("{}/postgres", server())).await.unwrap();
    // The connections that are open stay.
    database.administer("ALTER DATABASE name ALLOW_CONNECTIONS false").await;
    database.end_lock(&mut other).await;
    until_ready_says(&program, 503, "has lost the lock").await;
    database.administer("ALTER DATABASE name ALLOW_CONNECTIONS true").await;
    until_ready_says(&program, 200, "ready").await;
    // There is one to end again.
    database.end_lock(&mut other).await;
}

#[tokio::test]
async fn a_gateway_stops_when_another_has_taken_its_database() {
    let database = Database::new().await;
    let log = tempfile::NamedTempFile::new().unwrap();
    let serve = database.command("serve --listen 127.0.0.1:0");
    let program = Program::logging_to(log.reopen().unwrap(), serve).await;
    let mut other = PgConnection::connect(database.url.as_str()).await.unwrap();
    database.end_lock(&mut other).await;
    sqlx::query("SELECT pg_advisory_lock(hashtext('platools-gateway'))").execute(&mut other).await.unwrap();
    assert_eq!(program.exit_code().await, Some(1));
    let log = std::fs::read_to_string(log.path()).unwrap();
    assert!(log.contains("error: another gateway has taken the database"), "{log}");
}
