//! The gateway's database: one SQLite file.
//!
//! The SQL keeps to what PostgreSQL understands as well: numbered parameters, text, 64-bit integers, `ON CONFLICT`.

mod aging;
mod catalog;
mod conversations;
mod directory;
mod failure;
mod idempotency;
mod journal;
mod runtime;
mod usage;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, SqliteConnection, SqlitePool};

pub(crate) use catalog::ToolRow;
pub(crate) use conversations::{ConversationBounds, ConversationFilter, ConversationRow, MessagePage};
pub(crate) use directory::{
    AgentRow, DirectoryRows, EntityRow, KeyRemoval, KeyRow, NewSecret, SecretRow, TokenPage, TokenRecord, TokenRow,
};
pub(crate) use failure::is_trouble;
pub(crate) use idempotency::{AnswerBounds, EarlierCall, EarlierEnd, NamedCall};
pub(crate) use journal::{CallFilter, CallRow, Retention, StoredText};
pub(crate) use runtime::{ChannelBounds, ChannelRow, MemberRow, MessageRow, NewChannel, NewChannelRow, SessionRow};

use crate::core::error::{Error, ErrorKind};

/// The database's name in the data folder.
const FILE: &str = "gateway.sqlite";

/// A pool of connections to the database.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pool: SqlitePool,
    /// Open as long as the store is, and used by nobody. With the last connection SQLite removes the files beside the database, and
    /// when the disk is full there is no room to make them again: nothing could even be read.
    anchor: Arc<Mutex<Option<SqliteConnection>>>,
}

impl Store {
    /// Opens the database in a folder, makes it if there is none, and brings it up to date.
    pub(crate) async fn open(folder: &Path) -> Result<Self, Error> {
        make_folder(folder)?;
        make_file(&folder.join(FILE))?;
        Self::connect(SqliteConnectOptions::new().filename(folder.join(FILE)).create_if_missing(true)).await
    }

    /// Opens the database that is in a folder, and brings it up to date.
    pub(crate) async fn open_existing(folder: &Path) -> Result<Self, Error> {
        if !folder.join(FILE).is_file() {
            let message = format!("there is no gateway's data in {}; `serve --data` makes it", folder.display());
            return Err(Error::new(ErrorKind::Storage, message));
        }
        Self::connect(SqliteConnectOptions::new().filename(folder.join(FILE))).await
    }

    async fn connect(options: SqliteConnectOptions) -> Result<Self, Error> {
        let options = options
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What was acknowledged survives a power cut too; writes are rare enough to wait for the disk.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5));
        let mut anchor = SqliteConnection::connect_with(&options).await?;
        // Only a connection that has read holds on to those files.
        sqlx::query("SELECT name FROM sqlite_schema LIMIT 1").fetch_optional(&mut anchor).await?;
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            // A connection to a file does not go stale.
            .test_before_acquire(false)
            .after_release(|connection, _| Box::pin(is_reusable(connection)))
            .connect_with(options)
            .await?;
        Migrator::with_migrations(steps()).run(&pool).await.map_err(|error| {
            Error::new(ErrorKind::Storage, "the database cannot be brought up to this version").caused_by(error)
        })?;
        Ok(Self { pool, anchor: Arc::new(Mutex::new(Some(anchor))) })
    }

    /// Closes the database and waits until it is.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
        let anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(anchor) = anchor
            && let Err(error) = anchor.close().await
        {
            tracing::warn!(%error, "the database was not closed in order; the next start puts that right");
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::new(ErrorKind::Storage, "the gateway's database failed").caused_by(error)
    }
}

/// Whether a connection may be used again: its last transaction is over.
///
/// When the disk is full, SQLite itself rolls a transaction back. The rollback that follows fails then, and the connection goes
/// on counting a transaction that is none: its next one would be a savepoint in it, which a rollback leaves open. Whatever was
/// written over that connection afterwards would be lost at its end, and nobody else could write.
async fn is_reusable(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // Answered after a rollback that is still on its way.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

/// Makes the data folder, so that only its owner can read it, unless it is there.
pub(crate) fn make_folder(folder: &Path) -> Result<(), Error> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| {
        let message = format!("the data folder {} cannot be used", folder.display());
        Error::new(ErrorKind::Storage, message).caused_by(error)
    })
}

/// Makes the database's file, so that only its owner can read it, unless it is there: arguments and results are in it. SQLite
/// gives the files beside it the same permissions.
fn make_file(file: &Path) -> Result<(), Error> {
    let mut options = std::fs::File::options();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop).map_err(|error| {
        let message = format!("the database {} cannot be used", file.display());
        Error::new(ErrorKind::Storage, message).caused_by(error)
    })
}

/// The steps from an empty database to the present one. A step never changes once it was released.
fn steps() -> Vec<Migration> {
    let directory = include_str!("../../migrations/0001_directory_and_catalog.sql");
    let journal = include_str!("../../migrations/0002_journal.sql");
    let idempotency = include_str!("../../migrations/0003_idempotency.sql");
    let conversations = include_str!("../../migrations/0004_conversations.sql");
    let runtime = include_str!("../../migrations/0005_runtime.sql");
    let owners = include_str!("../../migrations/0006_agent_owners.sql");
    let cards = include_str!("../../migrations/0007_entity_cards.sql");
    let credentials = include_str!("../../migrations/0008_credentials.sql");
    let aging = include_str!("../../migrations/0011_journal.sql");
    let bounds = include_str!("../../migrations/0012_bounds.sql");
    let step = |version, description: &'static str, sql: &'static str| {
        let sql = sqlx::SqlSafeStr::into_sql_str(sql);
        Migration::new(version, description.into(), MigrationType::Simple, sql, false)
    };
    vec![
        step(1, "directory and catalog", directory),
        step(2, "journal", journal),
        step(3, "idempotency", idempotency),
        step(4, "conversations", conversations),
        step(5, "runtime", runtime),
        step(6, "agent owners", owners),
        step(7, "entity cards", cards),
        step(8, "credentials", credentials),
        step(11, "aging", aging),
        step(12, "bounds", bounds),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::admin::EntityChange;

    /// A database as a version made it that knew so many steps.
    async fn made_with(folder: &Path, known: usize) -> SqlitePool {
        let options = SqliteConnectOptions::new().filename(folder.join(FILE)).create_if_missing(true);
        let pool = SqlitePool::connect_with(options.journal_mode(SqliteJournalMode::Wal)).await.unwrap();
        let steps = steps().into_iter().take(known).collect();
        Migrator::with_migrations(steps).run(&pool).await.unwrap();
        pool
    }

    #[tokio::test]
    async fn entities_of_a_version_without_cards_are_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let earlier = made_with(folder.path(), 6).await;
        for statement in [
            "INSERT INTO organizations (id, slug) VALUES ('org_1', 'default')",
            "INSERT INTO projects (id, organization_id, slug) VALUES ('prj_1', 'org_1', 'default')",
            "INSERT INTO entities (id, project_id, slug, policy, created_ms) VALUES ('ent_1', 'prj_1', 'orders', 'pool', 17)",
        ] {
            sqlx::query(statement).execute(&earlier).await.unwrap();
        }
        earlier.close().await;
        let store = Store::open_existing(folder.path()).await.unwrap();
        let rows = store.directory().await.unwrap();
        let [entity] = &*rows.entities else { panic!("one entity was expected: {rows:?}") };
        assert_eq!((&*entity.slug, &*entity.policy, entity.created_ms), ("orders", "pool", 17));
        assert_eq!((&entity.title, &entity.icon), (&None, &None));
        let titled = EntityChange { title: Some("Orders".to_owned()), icon: None };
        store.change_entity(&entity.id, &titled).await.unwrap();
        store.close().await;
        let store = Store::open_existing(folder.path()).await.unwrap();
        assert_eq!(store.directory().await.unwrap().entities[0].title.as_deref(), Some("Orders"));
        store.close().await;
    }

    #[tokio::test]
    async fn environments_that_differ_in_case_alone_are_told_apart_and_stay() {
        let folder = tempfile::tempdir().unwrap();
        let earlier = made_with(folder.path(), 7).await;
        for statement in [
            "INSERT INTO organizations (id, slug) VALUES ('org_1', 'default')",
            "INSERT INTO projects (id, organization_id, slug) VALUES ('prj_1', 'org_1', 'default')",
            "INSERT INTO environments (id, project_id, slug) VALUES ('env_aaaabbbbcccc', 'prj_1', 'Production')",
            "INSERT INTO environments (id, project_id, slug) VALUES ('env_ddddeeeeffff', 'prj_1', 'PRODUCTION')",
            "INSERT INTO environments (id, project_id, slug) VALUES ('env_1', 'prj_1', 'production')",
        ] {
            sqlx::query(statement).execute(&earlier).await.unwrap();
        }
        earlier.close().await;
        let store = Store::open_existing(folder.path()).await.unwrap();
        let rows = store.directory().await.unwrap().environments;
        let slugs: Vec<_> = rows.iter().map(|row| (row.id.as_str(), &*row.slug)).collect();
        let expected = [
            ("env_ddddeeeeffff", "PRODUCTION-ddddeeee"),
            ("env_aaaabbbbcccc", "Production-aaaabbbb"),
            ("env_1", "production"),
        ];
        assert_eq!(slugs, expected);
        assert!(!store.add_environment(&"prj_1".into(), "pRODUCTION", 10).await.unwrap());
        store.close().await;
    }

    #[tokio::test]
    async fn answers_that_were_readable_are_erased_and_their_calls_stay_known() {
        let folder = tempfile::tempdir().unwrap();
        let earlier = made_with(folder.path(), 7).await;
        let insert = "INSERT INTO idempotent_calls (owner, name, fingerprint, created_ms, answer) VALUES ('key_1', 'k', 'f', 7, 'x')";
        sqlx::query(insert).execute(&earlier).await.unwrap();
        earlier.close().await;
        let store = Store::open_existing(folder.path()).await.unwrap();
        assert!(store.is_named_by_earlier_version("key_1", "k").await.unwrap());
        assert!(!store.is_named_by_earlier_version("key_2", "k").await.unwrap());
        let readable = "SELECT 1 FROM idempotent_calls WHERE answer IS NOT NULL";
        assert!(sqlx::query(readable).fetch_optional(&store.pool).await.unwrap().is_none());
        store.forget_named_calls_before(8).await.unwrap();
        assert!(!store.is_named_by_earlier_version("key_1", "k").await.unwrap());
        store.close().await;
    }
}
