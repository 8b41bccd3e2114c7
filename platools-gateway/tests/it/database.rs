//! Tests of the database file: versions, upgrades, backups, and lists of many calls.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, Row as _, SqliteConnection};
use tempfile::TempDir;

use crate::program_process::{Data, Program, command, last_word, output, stdout};
use crate::running_program::secret;
use crate::support::{Caller, within};

/// The steps of the version before the one that this file is about.
const EARLIER: [&str; 7] = [
    include_str!("../../migrations/0001_directory_and_catalog.sql"),
    include_str!("../../migrations/0002_journal.sql"),
    include_str!("../../migrations/0003_idempotency.sql"),
    include_str!("../../migrations/0004_conversations.sql"),
    include_str!("../../migrations/0005_runtime.sql"),
    include_str!("../../migrations/0006_agent_owners.sql"),
    include_str!("../../migrations/0007_entity_cards.sql"),
];

fn database(data: &Path) -> PathBuf {
    data.join("gateway.sqlite")
}

async fn open(file: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    within(SqliteConnection::connect_with(&options)).await.unwrap()
}

async fn number(file: &Path, statement: &'static str) -> i64 {
    let mut connection = open(file).await;
    let number = within(sqlx::query(statement).fetch_one(&mut connection)).await.unwrap().get(0);
    connection.close().await.unwrap();
    number
}

async fn change(file: &Path, statement: &'static str) {
    let mut connection = open(file).await;
    within(sqlx::query(statement).execute(&mut connection)).await.unwrap();
    connection.close().await.unwrap();
}

/// Data of version 7.
async fn earlier_data() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let steps = (1..).zip(EARLIER).map(|(version, sql)| {
        let sql = sqlx::SqlSafeStr::into_sql_str(sql);
        Migration::new(version, "step".into(), MigrationType::Simple, sql, false)
    });
    let mut connection = open(&database(folder.path())).await;
    within(Migrator::with_migrations(steps.collect()).run(&mut connection)).await.unwrap();
    connection.close().await.unwrap();
    folder
}

/// Runs a command on data, given as words.
async fn run(data: &Path, words: &str) -> Output {
    let mut arguments: Vec<_> = words.split(' ').collect();
    arguments.extend(["--data", data.to_str().unwrap()]);
    output(&arguments).await
}

async fn succeeds(data: &Path, words: &str) -> String {
    let output = run(data, words).await;
    assert!(output.status.success(), "{words}: {output:?}");
    stdout(&output)
}

async fn fails(data: &Path, words: &str) -> String {
    let output = run(data, words).await;
    assert!(!output.status.success() && output.stdout.is_empty(), "{words}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

async fn stopped(program: Program) {
    program.signal("-TERM").await;
    assert_eq!(program.exit_code().await, Some(0));
}

const STEPS: &str = "SELECT COUNT(*) FROM _sqlx_migrations";

#[tokio::test]
async fn a_command_of_another_version_changes_nothing_under_a_gateway_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path(), database(folder.path()));
    let program = Program::serve(data).await;
    let steps = number(&file, STEPS).await;
    // As if the gateway were of an earlier version than the command.
    change(&file, "DELETE FROM _sqlx_migrations WHERE version > 7").await;
    let refused = fails(data, "entity add orders").await;
    assert!(refused.contains("the data has version 7") && refused.contains("platools-gateway upgrade"), "{refused}");
    let refused = fails(data, "upgrade").await;
    assert!(refused.contains("another gateway runs") && refused.contains("stop it first"), "{refused}");
    for words in ["downgrade", "restore nothing"] {
        let refused = fails(data, words).await;
        assert!(refused.contains("another gateway runs"), "{refused}");
    }
    assert_eq!(number(&file, STEPS).await, 7, "nothing was brought up");
    // As if it were of a later one.
    change(&file, "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', TRUE, x'00', 0)").await;
    let refused = fails(data, "entity list").await;
    assert!(refused.contains("version 9999") && refused.contains("only versions up to"), "{refused}");
    stopped(program).await;
    let refused = fails(data, "serve --listen 127.0.0.1:0").await;
    assert!(refused.contains("version 9999") && refused.contains("downgrade"), "{refused}");
    assert_eq!(number(&file, STEPS).await, 8);
    assert!(steps > 7, "{steps}");
}

#[tokio::test]
async fn data_goes_up_to_this_version_and_back() {
    let folder = earlier_data().await;
    let (data, file) = (folder.path(), database(folder.path()));
    let told = succeeds(data, "upgrade").await;
    assert!(told.contains("upgraded the data from version 7 to"), "{told}");
    assert!(succeeds(data, "upgrade").await.contains("already"));
    let id = last_word(&succeeds(data, "project add acme/shop").await).to_owned();
    assert!(id.starts_with("prj_"), "{id}");
    let told = succeeds(data, "downgrade").await;
    assert!(told.contains("version 7") && told.contains("good again"), "{told}");
    assert_eq!(number(&file, STEPS).await, 7);
    assert_eq!(number(&file, "SELECT COUNT(*) FROM projects").await, 0, "the data is as it was");
    assert!(fails(data, "downgrade").await.contains("restore a backup"));
    // A gateway does it by itself.
    let program = Program::serve(data).await;
    stopped(program).await;
    assert_eq!(number(&file, "PRAGMA auto_vacuum").await, 2);
    let versions: Vec<_> = std::fs::read_dir(data).unwrap().map(|file| file.unwrap().file_name()).collect();
    let kept = |kind: &str| versions.iter().filter(|name| name.to_string_lossy().contains(kind)).count();
    assert_eq!((kept(".before-"), kept(".downgraded-"), kept(".next")), (1, 1, 0), "{versions:?}");
}

#[tokio::test]
async fn a_backup_of_a_gateway_that_runs_is_private_whole_and_brings_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let (data, backup) = (folder.path().join("data"), folder.path().join("backup"));
    let program = Program::serve(&data).await;
    let key = last_word(&program.before[0]).to_owned();
    let admin = Caller::at(&program.url).key(&key);
    secret(&admin.post("/v1/entities", json!({"slug": "orders"})).await);
    let words = format!("backup {}", backup.display());
    let told = succeeds(&data, &words).await;
    assert!(told.contains("wrote the data") && told.contains("not in it"), "{told}");
    assert!(fails(&data, &words).await.contains("exists already"));
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&backup).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    secret(&admin.post("/v1/entities", json!({"slug": "later"})).await);
    stopped(program).await;

    let restore = format!("restore {}", backup.display());
    let told = succeeds(&data, &restore).await;
    assert!(told.contains("the data that was there is in"), "{told}");
    let elsewhere = folder.path().join("elsewhere");
    succeeds(&elsewhere, &restore).await;
    for data in [data, elsewhere] {
        let program = Program::serve(&data).await;
        let listing = Caller::at(&program.url).key(&key).get("/v1/entities").await;
        let slugs: Vec<_> = listing.body["items"].as_array().unwrap().iter().map(|entity| &entity["slug"]).collect();
        assert_eq!(slugs, ["orders"], "{listing:?}");
        stopped(program).await;
    }
    assert!(fails(&folder.path().join("none"), &words).await.contains("there is no gateway's data"));
}

/// A command as a user who may do nothing in the folders of others.
#[cfg(unix)]
fn command_of_a_stranger(words: &[&str]) -> tokio::process::Command {
    let mut command = command(words);
    if rustix::process::geteuid().is_root() {
        command.uid(65_534).gid(65_534);
    }
    command
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn data_of_another_user_is_not_called_missing() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    // The program has to be where a stranger may run it.
    let data = folder.path().join("data");
    let program = Program::serve(&data).await;
    stopped(program).await;
    let closed = if rustix::process::geteuid().is_root() { 0o700 } else { 0o000 };
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(closed)).unwrap();
    for words in [&["entity", "list"][..], &["upgrade"], &["serve", "--listen", "127.0.0.1:0"]] {
        let words = [words, &["--data", data.to_str().unwrap()]].concat();
        let refused = within(command_of_a_stranger(&words).output()).await.unwrap();
        let told = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && told.to_lowercase().contains("permission denied"), "{words:?}: {told}");
        assert!(!told.contains("there is no"), "{told}");
    }
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn files_that_an_administrators_command_makes_belong_to_the_owner_of_the_data() {
    use std::os::unix::fs::{MetadataExt as _, chown};

    let folder = earlier_data().await;
    let (data, file) = (folder.path(), database(folder.path()));
    let backup = tempfile::tempdir().unwrap();
    let backup = backup.path().join("backup");
    succeeds(data, &format!("backup {}", backup.display())).await;
    let owner = if rustix::process::geteuid().is_root() { 65_534 } else { rustix::process::geteuid().as_raw() };
    for path in [data, &file] {
        chown(path, Some(owner), None).unwrap();
    }
    let restore = format!("restore {}", backup.display());
    for words in ["upgrade", "downgrade", &restore] {
        succeeds(data, words).await;
        assert_eq!(std::fs::metadata(&file).unwrap().uid(), owner, "{words}");
    }
    std::fs::remove_file(&file).unwrap();
    std::fs::remove_file(data.join("gateway.sqlite.replaced")).unwrap();
    succeeds(data, &restore).await;
    assert_eq!(std::fs::metadata(&file).unwrap().uid(), owner, "restored where there was none");
}

#[tokio::test]
async fn data_that_is_none_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(database(folder.path()), "no database".repeat(1000)).unwrap();
    for words in ["entity list", "serve --listen 127.0.0.1:0", "upgrade"] {
        let told = fails(folder.path(), words).await;
        assert!(told.contains("damaged") && told.contains("restore a backup"), "{words}: {told}");
        assert_eq!(told.matches("file is not a database").count(), 1, "{words}: {told}");
    }
    let file = database(folder.path());
    let told = fails(&file, "serve --listen 127.0.0.1:0").await;
    assert!(told.contains("it is no folder"), "{told}");
}

/// Twenty-five thousand calls of a project, one a second, of which every ten-thousandth is of the tool `rare`.
const MANY: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25000) \
    INSERT INTO calls (call_id, project_id, started_ms, stored_bytes, tool, entity_id, entity, environment_id, environment, credential, \
    role, outcome, total_ms, arguments_bytes, arguments_state) SELECT 'call_' || i, p.id, 1000 * i, 1024, \
    CASE WHEN i % 10000 = 0 THEN 'rare' ELSE 'usual' END, 'ent_1', 'e', 'env_1', 'v', 'key_1', 'viewer', 'ok', 1, 2, 'dropped' \
    FROM n, projects p";

#[tokio::test]
async fn a_list_that_few_calls_are_in_comes_in_short_pages_that_lead_to_all_of_them() {
    let (data, program) = Data::served().await;
    let admin = Caller::at(&program.url).key(last_word(&program.before[0]));
    change(&database(data.path()), MANY).await;
    let (mut found, mut pages, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let page = admin.get(&format!("/v1/calls?tool=rare&outcome=ok{cursor}")).await;
        assert_eq!(page.status, 200, "{page:?}");
        pages += 1;
        found.extend(page.body["items"].as_array().unwrap().iter().map(|call| call["callId"].clone()));
        match &page.body["nextCursor"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => break,
        }
    }
    assert_eq!(found, [json!("call_20000"), json!("call_10000")]);
    assert_eq!(pages, 2, "twenty thousand calls are looked at for a page");
    stopped(program).await;
}
