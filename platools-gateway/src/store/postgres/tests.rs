//! Tests of PostgreSQL alone: versions of a shared database, partitions of calls, and the copy of a SQLite file.

use std::path::Path;
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};

use super::{copy_to_database, lock_database, upgrade};
use crate::domain::agent::Agent;
use crate::domain::call::{CallFilter, CallRetention, StoredCall};
use crate::domain::conversation::{ConversationBounds, RunPosition, StoredConversation};
use crate::domain::database::PostgresServer;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::idempotency::{KeyedBegin, KeyedCall};
use crate::domain::ids::{ConversationId, GatewayNumber, RunId};
use crate::domain::message::Message;
use crate::domain::random::hex_of;
use crate::ports::conversations::ConversationStore as _;
use crate::ports::directory::{
    AgentStore as _, DirectoryStore as _, EntityStore as _, ProjectStore as _, SigningKeyStore as _,
};
use crate::ports::idempotency::IdempotencyStore as _;
use crate::ports::journal::JournalStore as _;
use crate::ports::store::Storage as _;
use crate::store::SqlStore;
use crate::store::migrations::migrations;
use crate::store::sql;
use crate::store::writer::WriteLock;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

const WIDE: ConversationBounds =
    ConversationBounds { messages: 1000, bytes: i64::MAX, project_bytes: i64::MAX, of_user: 1000 };

/// Stores a signing key as the first version did.
const STORED_KEY: &str =
    "INSERT INTO signing_keys (id, key, created_ms) VALUES ('current', 'a key of an earlier version', 0)";

/// A new database on the server that `tests/database/run` starts.
pub(in crate::store) async fn test_server() -> PostgresServer {
    let server = std::env::var("PLATOOLS_TEST_POSTGRES").expect("tests with a database are run by tests/database/run");
    let name = format!("test_{}", hex_of::<6>());
    let mut connection = PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
    sql::dynamic(format!("CREATE DATABASE {name}")).execute(&mut connection).await.unwrap();
    PostgresServer::new(format!("{server}/{name}").parse().unwrap(), None)
}

async fn execute(store: &SqlStore, statement: &'static str) {
    sql::query(statement).execute(store.writes.connections()).await.unwrap();
}

async fn number(store: &SqlStore, statement: &'static str) -> i64 {
    sql::query(statement).fetch_one(&store.reads).await.unwrap().get(0)
}

/// Runs a removal while another transaction has a lock. The removal has to wait for it.
async fn check_waits(store: &SqlStore, lock: WriteLock, removal: impl Future<Output = Result<(), Error>>) {
    let other = store.writes.begin(lock).await.unwrap();
    let waiting = async {
        let waiting =
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while number(store, waiting).await == 0 {
            tokio::task::yield_now().await;
        }
    };
    let mut removal = std::pin::pin!(removal);
    tokio::select! {
        removed = &mut removal => panic!("it did not wait for {lock:?}: {removed:?}"),
        () = waiting => {}
    }
    other.commit().await.unwrap();
    removal.await.unwrap();
}

#[tokio::test]
async fn gateways_that_start_together_make_the_tables_once() {
    let server = test_server().await;
    let (one, other) = tokio::join!(SqlStore::connect(&server), SqlStore::connect(&server));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_ne!(one.is_made(), other.is_made());
    let (first, second) = tokio::join!(one.default_project(), other.default_project());
    assert_eq!(first.unwrap(), second.unwrap());
}

#[tokio::test]
async fn of_gateways_that_begin_a_call_under_one_key_at_once_one_succeeds() {
    let server = test_server().await;
    let stores = [SqlStore::connect(&server).await.unwrap(), SqlStore::connect(&server).await.unwrap()];
    let project = stores[0].default_project().await.unwrap();
    for key in 0..100 {
        let call = |call_id: &str| KeyedCall {
            id: key.to_string(),
            project: project.clone(),
            fingerprint: "f".to_owned(),
            call_id: call_id.into(),
        };
        let (one, other) = (call("call_1"), call("call_2"));
        let wait = Duration::from_secs(60);
        let (first, second) =
            tokio::join!(stores[0].begin_keyed_call(&one, wait, 1000), stores[1].begin_keyed_call(&other, wait, 1000),);
        let (first, second) = (first.unwrap(), second.unwrap());
        assert!(first != second && [first, second].contains(&KeyedBegin::Taken), "{first:?} {second:?}");
        let stored = stores[0].earlier_call(&one.id).await.unwrap().unwrap().call_id;
        assert_eq!(stored == one.call_id, first == KeyedBegin::Begun);
    }
    assert_eq!(number(&stores[0], "SELECT items FROM project_usage WHERE kind = 'named_calls'").await, 100);
}

/// Two gateways' stores over one database, and a conversation in it.
async fn shared_conversation() -> ([SqlStore; 2], ConversationId) {
    let server = test_server().await;
    let stores = [SqlStore::connect(&server).await.unwrap(), SqlStore::connect(&server).await.unwrap()];
    let project_id = stores[0].default_project().await.unwrap();
    let agent = Agent::sample(&project_id, "desk");
    assert!(stores[0].add_agent(&agent, 10).await.unwrap());
    let row = StoredConversation {
        id: "conv_1".into(),
        project_id,
        agent_id: agent.id,
        user_id: "u-1".to_owned(),
        channel: "test".to_owned(),
        created_ms: 1,
        updated_ms: 1,
    };
    stores[0].add_conversation(&row, WIDE).await.unwrap();
    (stores, row.id)
}

#[tokio::test]
async fn of_runs_that_two_gateways_queue_at_once_one_has_the_turn() {
    let (stores, id) = shared_conversation().await;
    let lease = Duration::from_secs(60);
    for number in 0..100 {
        let runs = ["a", "b"].map(|gateway| RunId::from(format!("run_{gateway}{number}")));
        let (one, other) =
            tokio::join!(stores[0].queue_run(&id, &runs[0], lease, 16), stores[1].queue_run(&id, &runs[1], lease, 16),);
        let (one, other) = (one.unwrap(), other.unwrap());
        assert!(one != other && [one, other].contains(&RunPosition::Turn), "{one:?} {other:?}");
        for run in &runs {
            stores[0].end_run(&id, run).await.unwrap();
        }
    }
}

#[tokio::test]
async fn messages_that_two_gateways_add_at_once_have_positions_of_their_own() {
    let (stores, id) = shared_conversation().await;
    let add = async |store: &SqlStore| {
        for number in 0..50 {
            store.add_messages(&id, &[Message::user(number.to_string())], 1, WIDE).await.unwrap();
        }
    };
    tokio::join!(add(&stores[0]), add(&stores[1]));
    let positions = "SELECT COUNT(*) * 1000 + MAX(position) FROM messages";
    assert_eq!(number(&stores[0], positions).await, 100_099);
}

#[tokio::test]
async fn data_of_another_version_is_refused_and_an_earlier_one_is_upgraded() {
    let server = test_server().await;
    assert_eq!(SqlStore::connect_existing(&server).await.unwrap_err().kind(), ErrorKind::NotFound);
    let store = SqlStore::connect(&server).await.unwrap();
    let latest = migrations().last().unwrap().version;
    assert_eq!(upgrade(&server).await.unwrap(), None);
    // As version 15 made it.
    undo_steps_from_17(&store).await;
    execute(&store, "DELETE FROM _sqlx_migrations WHERE version > 15").await;
    execute(&store, "ALTER TABLE entities ADD COLUMN title TEXT, ADD COLUMN icon TEXT").await;
    for refused in [SqlStore::connect(&server).await, SqlStore::connect_existing(&server).await] {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("has version 15") && refused.contains("platools-gateway upgrade"), "{refused}");
    }
    let upgraded = upgrade(&server).await.unwrap().unwrap();
    assert_eq!((upgraded.from, upgraded.to), (15, latest));
    SqlStore::connect(&server).await.unwrap();
    execute(&store, "INSERT INTO _sqlx_migrations VALUES (9999, 'later', now(), TRUE, '', 0)").await;
    let refused = SqlStore::connect(&server).await.unwrap_err().to_string();
    assert!(refused.contains("version 9999") && refused.contains(&format!("up to {latest}")), "{refused}");
}

/// Undoes the changes of the steps from 17 on, but not their records.
async fn undo_steps_from_17(store: &SqlStore) {
    execute(store, "CREATE TABLE idempotent_calls (owner TEXT)").await;
    execute(store, "ALTER TABLE named_calls DROP COLUMN answer_until_ms").await;
    execute(store, "DROP TABLE conversation_runs").await;
    execute(store, "ALTER TABLE runtime_sessions DROP COLUMN generation").await;
}

#[tokio::test]
async fn an_upgrade_of_which_one_step_fails_takes_no_step() {
    let server = test_server().await;
    let store = SqlStore::connect(&server).await.unwrap();
    // As version 14 made it, but for the columns that step 16 removes.
    undo_steps_from_17(&store).await;
    execute(&store, "DELETE FROM _sqlx_migrations WHERE version > 14").await;
    execute(&store, "ALTER TABLE agents DROP COLUMN title, DROP COLUMN address").await;
    execute(&store, "ALTER TABLE channel_messages DROP COLUMN from_name").await;
    upgrade(&server).await.unwrap_err();
    let refused = SqlStore::connect(&server).await.unwrap_err().to_string();
    assert!(refused.contains("has version 14"), "{refused}");
    execute(&store, "ALTER TABLE entities ADD COLUMN title TEXT, ADD COLUMN icon TEXT").await;
    assert_eq!(upgrade(&server).await.unwrap().unwrap().from, 14);
}

#[tokio::test]
async fn a_second_gateway_is_kept_off_until_the_first_has_left() {
    let server = test_server().await;
    let lock = lock_database(&server, GatewayNumber::ALONE).await.unwrap();
    let refused = lock_database(&server, GatewayNumber::ALONE).await.unwrap_err();
    assert!(refused.to_string().contains("another gateway"), "{refused}");
    drop(lock);
    lock_database(&server, GatewayNumber::ALONE).await.unwrap();
}

#[tokio::test]
async fn a_lock_whose_connection_is_lost_is_taken_again_unless_another_gateway_has_it() {
    let server = test_server().await;
    let mut lock = lock_database(&server, GatewayNumber::ALONE).await.unwrap();
    lock.check().await.unwrap();
    // As the server sees it, the connection is still there and has the lock.
    let former = lock.take_connection();
    lock.check().await.unwrap_err();
    lock.retake().await.unwrap();
    lock.check().await.unwrap();
    drop((former, lock.take_connection()));
    let _other = lock_database(&server, GatewayNumber::ALONE).await.unwrap();
    assert_eq!(lock.retake().await.unwrap_err().kind(), ErrorKind::Busy);
}

#[tokio::test]
async fn gateways_with_numbers_share_a_database_and_each_number_has_one() {
    let server = test_server().await;
    let number = |number| GatewayNumber::new(number).unwrap();
    let one = lock_database(&server, number(1)).await.unwrap();
    let mut two = lock_database(&server, number(2)).await.unwrap();
    let alone = lock_database(&server, GatewayNumber::ALONE);
    let (alone, again, upgraded) = tokio::join!(alone, lock_database(&server, number(1)), upgrade(&server));
    for refused in [alone.unwrap_err().to_string(), upgraded.unwrap_err().to_string()] {
        assert!(refused.contains("another gateway runs on the database"), "{refused}");
    }
    let again = again.unwrap_err().to_string();
    assert!(again.contains("has the number 1"), "{again}");
    drop(one);
    let _again = lock_database(&server, number(1)).await.unwrap();
    // The number of a gateway that has lost its connection is taken, or the whole database is.
    drop(two.take_connection());
    let other = lock_database(&server, number(2)).await.unwrap();
    let refused = two.retake().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy);
    drop(other);
    two.retake().await.unwrap();
    two.check().await.unwrap();
}

#[tokio::test]
async fn gateways_know_whether_another_is_connected_to_the_bus() {
    let server = test_server().await;
    let number = |number| GatewayNumber::new(number).unwrap();
    let mut one = lock_database(&server, number(1)).await.unwrap();
    let mut two = lock_database(&server, number(2)).await.unwrap();
    assert!(!one.check_with_others(true).await.unwrap(), "it is no other");
    assert!(two.check_with_others(false).await.unwrap());
    assert!(!one.check_with_others(true).await.unwrap());
    two.check_with_others(true).await.unwrap();
    assert!(one.check_with_others(true).await.unwrap());
    drop(two.take_connection());
    let mut again = lock_database(&server, number(2)).await.unwrap();
    assert!(!one.check_with_others(true).await.unwrap(), "the other one has gone");
    assert!(again.check_with_others(false).await.unwrap());
}

#[tokio::test]
async fn a_gateway_with_a_number_is_kept_off_a_database_that_another_has_for_itself() {
    let server = test_server().await;
    let alone = lock_database(&server, GatewayNumber::ALONE).await.unwrap();
    let number = GatewayNumber::new(1).unwrap();
    let refused = lock_database(&server, number).await.unwrap_err().to_string();
    assert!(refused.contains("without `cluster.nats` runs on the database"), "{refused}");
    drop(alone);
    lock_database(&server, number).await.unwrap();
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    let server = test_server().await;
    let url = server.url.as_str();
    let mut connection = PgConnection::connect(url).await.unwrap();
    sql::query("CREATE TABLE cats (name TEXT)").execute(&mut connection).await.unwrap();
    let refused = SqlStore::connect(&server).await.unwrap_err().to_string();
    assert!(refused.contains("another program"), "{refused}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let server = PostgresServer::new("postgres://gateway@127.0.0.1:9/platools".parse().unwrap(), Some("hush".into()));
    let refused = SqlStore::connect(&server).await.unwrap_err();
    let refused = format!("{refused} {refused:?}");
    assert!(refused.contains("127.0.0.1:9 cannot be reached") && !refused.contains("hush"), "{refused}");
}

#[tokio::test]
async fn texts_are_in_the_order_of_their_bytes() {
    let store = SqlStore::connect(&test_server().await).await.unwrap();
    let project = store.default_project().await.unwrap();
    for slug in ["b", "B-2", "a_1", "Z"] {
        assert!(store.add_environment(&project, slug, 20).await.unwrap());
    }
    let environments = store.directory().await.unwrap().environments;
    let slugs: Vec<_> = environments.iter().map(|(_, found)| &*found.slug).collect();
    let mut sorted = slugs.clone();
    sorted.sort_unstable();
    assert_eq!(slugs, sorted);
    assert!(slugs.starts_with(&["B-2", "Z"]), "{slugs:?}");
}

#[tokio::test]
async fn a_day_of_calls_goes_as_a_whole_and_a_text_may_have_a_nul() {
    let store = SqlStore::connect(&test_server().await).await.unwrap();
    let days = "SELECT COUNT(*) FROM pg_inherits WHERE inhparent = CAST('calls' AS regclass)";
    let calls: Vec<_> = [0, 1, DAY_MS, DAY_MS + 1, 5 * DAY_MS].into_iter().map(StoredCall::sample).collect();
    let total = store.add_calls(&calls).await.unwrap();
    assert_eq!(number(&store, days).await, 3);
    let each = total / 5;
    let retention = |oldest_ms, max_bytes| CallRetention { oldest_ms, max_bytes, batch: 10 };
    assert_eq!(store.prune_calls(retention(DAY_MS, i64::MAX)).await.unwrap(), 2, "too old");
    assert_eq!(number(&store, days).await, 2);
    assert_eq!(store.prune_calls(retention(0, 2 * each)).await.unwrap(), 1, "a part of a day, for the size");
    assert_eq!(store.prune_calls(retention(0, each)).await.unwrap(), 1, "the rest of it, as a whole");
    assert_eq!((number(&store, days).await, store.add_calls(&[]).await.unwrap()), (1, each));
    assert_eq!(store.prune_calls(retention(5 * DAY_MS + 1, i64::MAX)).await.unwrap(), 0, "its day is not over");
    execute(&store, "DELETE FROM calls").await;
    assert_eq!(store.prune_calls(retention(6 * DAY_MS, i64::MAX)).await.unwrap(), 0);
    assert_eq!(number(&store, days).await, 0, "a day that is empty");
    let mut late = StoredCall::sample(2);
    late.summary.user_id = Some("a\0b".to_owned());
    store.add_calls(&[late]).await.unwrap();
    let listed = store.calls(&"prj".into(), &CallFilter::default(), 10).await.unwrap().items;
    assert_eq!(listed.last().unwrap().summary.user_id.as_deref(), Some("a\u{fffd}b"), "of a day that was dropped");
}

#[tokio::test]
async fn a_copy_has_everything_and_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = SqlStore::open(folder.path()).await.unwrap();
    let project = file.default_project().await.unwrap();
    assert!(file.add_environment(&project, "qa", 10).await.unwrap());
    let calls: Vec<_> = (0..250).map(|number| StoredCall::sample(number * DAY_MS / 100)).collect();
    let bytes = file.add_calls(&calls).await.unwrap();
    file.close().await;
    let server = test_server().await;
    copy_to_database(folder.path(), &server).await.unwrap();
    let store = SqlStore::connect_existing(&server).await.unwrap();
    assert_eq!(store.default_project().await.unwrap(), project);
    assert_eq!(store.directory().await.unwrap().environments.len(), 4);
    assert_eq!((number(&store, "SELECT COUNT(*) FROM calls").await, store.add_calls(&[]).await.unwrap()), (250, bytes));
    let again = copy_to_database(folder.path(), &server).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
    let nothing = copy_to_database(Path::new("/nowhere"), &server).await.unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::NotFound);
    let tables = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_sqlx_migrations' \
                  AND tablename NOT LIKE 'calls\\_%'";
    assert_eq!(
        number(&store, tables).await,
        i64::try_from(super::copy::TABLES.len()).unwrap(),
        "every table is copied"
    );
}

#[tokio::test]
async fn a_copy_is_refused_while_a_gateway_runs_on_the_database() {
    let folder = tempfile::tempdir().unwrap();
    SqlStore::open(folder.path()).await.unwrap().close().await;
    let server = test_server().await;
    let lock = lock_database(&server, GatewayNumber::ALONE).await.unwrap();
    let refused = copy_to_database(folder.path(), &server).await.unwrap_err().to_string();
    assert!(refused.contains("another gateway"), "{refused}");
    drop(lock);
    copy_to_database(folder.path(), &server).await.unwrap();
}

#[tokio::test]
async fn a_signing_key_of_an_earlier_version_is_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    let file = SqlStore::open(folder.path()).await.unwrap();
    execute(&file, STORED_KEY).await;
    file.close().await;
    let server = test_server().await;
    let refused = copy_to_database(folder.path(), &server).await.unwrap_err().to_string();
    assert!(refused.contains("start the gateway on the folder once"), "{refused}");
    let file = SqlStore::open(folder.path()).await.unwrap();
    file.erase_stored_signing_keys().await.unwrap();
    file.close().await;
    copy_to_database(folder.path(), &server).await.unwrap();
}

#[tokio::test]
async fn a_signing_key_of_an_earlier_version_is_erased() {
    let store = SqlStore::connect(&test_server().await).await.unwrap();
    execute(&store, STORED_KEY).await;
    store.erase_stored_signing_keys().await.unwrap();
    assert_eq!(store.stored_signing_key().await.unwrap(), None);
}

#[tokio::test]
async fn a_removal_waits_for_writes_to_the_data_that_goes_with_it() {
    let store = SqlStore::connect(&test_server().await).await.unwrap();
    check_waits(&store, WriteLock::Tools, store.remove_environment(&"env".into())).await;
    check_waits(&store, WriteLock::Tools, store.remove_entity(&"ent".into())).await;
    for lock in [WriteLock::Conversations, WriteLock::Channels] {
        check_waits(&store, lock, store.remove_agent(&"agent".into())).await;
    }
    for lock in [WriteLock::Tools, WriteLock::KeyedCalls, WriteLock::Conversations, WriteLock::Channels] {
        check_waits(&store, lock, store.remove_project(&"prj".into())).await;
    }
}
