//! [`SqlStore`]: all stores of the gateway in one SQL database.
//!
//! A file for each kind of data, such as `channels`, implements its port with statements that run on SQLite and on PostgreSQL; `sql` runs
//! them. `sqlite` has the connections to a file, its version, and copies of it. `postgres` has the connections to a server, and the version
//! of its database. `writer` has the transactions that write, `list_connections` the connections for long lists, and `page_scan` reads a
//! page of a list.

mod audit;
mod call_partitions;
mod catalog;
mod channel_messages;
mod channels;
#[cfg(test)]
mod conformance;
mod conversations;
mod counted_retention;
mod directory;
mod failure;
mod idempotency;
mod journal;
mod list_connections;
mod migrations;
mod page_scan;
#[cfg(feature = "postgres")]
mod postgres;
mod retention_clock;
mod run_queue;
mod schema;
mod sessions;
mod sql;
mod sqlite;
mod usage;
#[cfg(not(feature = "postgres"))]
mod without_postgres;
mod writer;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::{Connection as _, SqliteConnection};
use tokio::time::timeout;

#[cfg(feature = "postgres")]
pub(crate) use postgres::{DatabaseLock, copy_to_database, lock_database, upgrade as upgrade_database};
pub use sqlite::{Restored, Upgraded};
#[cfg(not(feature = "postgres"))]
pub(crate) use without_postgres::{
    NoDatabaseLock as DatabaseLock, copy_to_database, lock_database, upgrade as upgrade_database,
};

use crate::background::tasks::Tasks;
use crate::domain::audit::AuditEvent;
use crate::domain::database::DataSource;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::lock::lock;
use crate::ports::store::Storage;
use idempotency::KeyedCallWriter;
use list_connections::Lists;
use migrations::migrations;
use schema::Schema;
use sql::Pool;
use sqlite::{Upkeep, failed, schema_of};
use writer::Writer;

/// The database's name in the data folder.
const FILE: &str = "gateway.sqlite";

/// The longest wait for the last statements when the database is closed.
const CLOSE: Duration = Duration::from_secs(2);

/// The connections to the database: [`Writer`] for changes, [`KeyedCallWriter`] for those of calls under idempotency keys, a pool for short
/// reads, [`Lists`] for reads of unknown length.
#[derive(Debug, Clone)]
pub(crate) struct SqlStore {
    reads: Pool,
    writes: Writer,
    keyed_calls: KeyedCallWriter,
    /// The tasks of the database, and of the gateway that has it.
    tasks: Tasks,
    lists: Lists,
    /// True if the database was made when it was opened.
    is_made: bool,
    /// Connection that keeps the files beside the database in place as long as the store is open.
    anchor: Arc<Mutex<Option<SqliteConnection>>>,
    /// The audit event of the next change of the directory; see [`recording`](crate::ports::directory::DirectoryStore::recording).
    recorded: Option<Arc<AuditEvent>>,
    /// Runs as long as the store is open, beside a gateway only.
    upkeep: Arc<Mutex<Option<Upkeep>>>,
}

impl SqlStore {
    /// Opens the database in a folder, and makes it if there is none. The data must have this program's version: [`upgrade`] brings it up.
    pub(crate) async fn open(folder: &Path) -> Result<Self, Error> {
        make_folder(folder)?;
        make_file(&folder.join(FILE))?;
        let store = Self::open_file(folder).await?;
        store.keep_up();
        Ok(store)
    }

    /// Opens the database that is in a folder, whose version must be this program's.
    pub(crate) async fn open_existing(folder: &Path) -> Result<Self, Error> {
        check_there(&folder.join(FILE))?;
        Self::open_file(folder).await
    }

    /// Opens the database at a place, and makes it if there is none.
    pub(crate) async fn open_at(source: &DataSource) -> Result<Self, Error> {
        match source {
            DataSource::Folder(folder) => Self::open(folder).await,
            DataSource::Postgres(server) => Self::connect(server).await,
        }
    }

    /// Opens the database that a gateway has made at a place.
    pub(crate) async fn open_existing_at(source: &DataSource) -> Result<Self, Error> {
        match source {
            DataSource::Folder(folder) => Self::open_existing(folder).await,
            DataSource::Postgres(server) => Self::connect_existing(server).await,
        }
    }

    async fn open_file(folder: &Path) -> Result<Self, Error> {
        let file = folder.join(FILE);
        let mut is_made = std::fs::metadata(&file).is_ok_and(|file| file.len() == 0);
        if is_made {
            sqlite::make(&file, migrations()).await?;
        }
        let options = sqlite::options(&file);
        let mut anchor = sqlite::anchor(&options).await?;
        match schema_of(&mut anchor, &migrations()).await? {
            // A first start that ended half way.
            Schema::Empty => {
                sqlite::migrate(&mut anchor, migrations()).await?;
                is_made = true;
            }
            schema => schema.check_usable(&migrations())?,
        }
        let (tasks, writes) = (Tasks::default(), Writer::new(sqlite::write_pool(options.clone())));
        Ok(Self {
            reads: sqlite::read_pool(options.clone()),
            lists: Lists::new(sqlite::list_pool(options.clone())),
            keyed_calls: KeyedCallWriter::new(writes.clone(), &tasks),
            writes,
            tasks,
            is_made,
            anchor: Arc::new(Mutex::new(Some(anchor))),
            recorded: None,
            upkeep: Arc::default(),
        })
    }

    /// The background tasks, to which the owner of the database adds its own.
    pub(crate) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    fn keep_up(&self) {
        let upkeep = Upkeep::start(self.writes.clone(), &self.tasks);
        *lock(&self.upkeep) = Some(upkeep);
    }
}

#[async_trait]
impl Storage for SqlStore {
    fn is_made(&self) -> bool {
        self.is_made
    }

    async fn close(&self) {
        drop(lock(&self.upkeep).take());
        let anchor = lock(&self.anchor).take();
        let close = async {
            tokio::join!(self.lists.close(), self.reads.close(), self.writes.close());
            match anchor {
                Some(anchor) => anchor.close().await,
                None => Ok(()),
            }
        };
        match timeout(CLOSE, close).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "database not closed in order; the next start repairs it")
            }
            Err(_) => tracing::warn!("database not closed in time; the next start repairs it"),
        }
    }

    #[cfg(test)]
    async fn hold_writes(&self) -> Box<dyn Send> {
        Box::new(self.writes.begin(writer::WriteLock::Directory).await.expect("a transaction"))
    }
}

/// Brings the data in a folder up to this program's version, if there is any of an earlier one. No gateway may run on it.
pub(crate) async fn upgrade(folder: &Path) -> Result<Option<Upgraded>, Error> {
    match check_there(&folder.join(FILE)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(()) => sqlite::upgrade(&folder.join(FILE), migrations()).await,
    }
}

/// Puts the data from before the last upgrade back in place. No gateway may run on it.
pub(crate) async fn downgrade(folder: &Path) -> Result<Restored, Error> {
    check_there(&folder.join(FILE))?;
    sqlite::downgrade(&folder.join(FILE)).await
}

/// Puts a backup in the place of the data in a folder. No gateway may run on it.
pub(crate) async fn restore(folder: &Path, backup: &Path) -> Result<Restored, Error> {
    make_folder(folder)?;
    sqlite::restore(&folder.join(FILE), backup, &migrations()).await
}

/// Copies the data in a folder into a new file. A gateway may run on it. Returns the version of the data.
pub(crate) async fn backup(folder: &Path, file: &Path) -> Result<i64, Error> {
    check_there(&folder.join(FILE))?;
    sqlite::copy_online(&folder.join(FILE), file).await
}

/// Checks that there is data in a folder.
pub(crate) fn check_data(folder: &Path) -> Result<(), Error> {
    check_there(&folder.join(FILE))
}

/// Checks that there is such a folder, and that it may be looked into.
pub(crate) fn check_folder(folder: &Path) -> Result<(), Error> {
    match std::fs::read_dir(folder) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Error::new(ErrorKind::NotFound, format!("there is no folder {}", folder.display())))
        }
        Err(error) => Err(failed(folder, "cannot be read", &error)),
    }
}

/// Checks that there is a database that may be read, and says what is wrong if not.
fn check_there(file: &Path) -> Result<(), Error> {
    match std::fs::File::open(file) {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            let folder = file.parent().unwrap_or(file).display();
            let message = format!("there is no gateway's data in {folder}; `serve --data` makes it");
            Err(Error::new(ErrorKind::NotFound, message))
        }
        Err(error) => Err(failed(file, "cannot be read", &error)),
    }
}

/// Makes the data folder, so that only its owner can read it, unless it is there.
pub(crate) fn make_folder(folder: &Path) -> Result<(), Error> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            let message = format!("{} cannot be the data folder: it is no folder, or below a file", folder.display());
            Error::new(ErrorKind::Storage, message)
        }
        _ => failed(folder, "cannot be used as the data folder", &error),
    })
}

/// Makes the database's file, so that only its owner can read it, unless it is there: arguments and results are in it. SQLite
/// gives the files beside it the same permissions.
fn make_file(file: &Path) -> Result<(), Error> {
    let mut options = std::fs::File::options();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop).map_err(|error| failed(file, "cannot be used as the database", &error))
}

#[cfg(test)]
mod tests {
    use sqlx::SqlitePool;
    use sqlx::migrate::Migrator;
    use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

    use super::sql;
    use super::*;
    use crate::domain::identity::Policy;
    use crate::ports::directory::{DirectoryStore as _, ProjectStore as _};

    /// A database as a version made it that knew so many steps.
    async fn made_with(folder: &Path, known: usize) -> SqlitePool {
        let options = SqliteConnectOptions::new().filename(folder.join(FILE)).create_if_missing(true);
        let pool = SqlitePool::connect_with(options.journal_mode(SqliteJournalMode::Wal)).await.unwrap();
        let migrations = migrations().into_iter().take(known).collect();
        Migrator::with_migrations(migrations).run(&pool).await.unwrap();
        pool
    }

    async fn number(store: &SqlStore, statement: &'static str) -> i64 {
        sql::query(statement).fetch_one(&store.reads).await.unwrap().get(0)
    }

    /// A folder with a database of version 6 that has one entity.
    async fn earlier() -> tempfile::TempDir {
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
        folder
    }

    #[tokio::test]
    async fn entities_of_versions_with_and_without_titles_are_taken_over() {
        for (known, titled) in
            [(6, "SELECT 1"), (15, "UPDATE entities SET title = 'Orders', icon = 'https://a.example/1.png'")]
        {
            let folder = earlier().await;
            let earlier = made_with(folder.path(), known).await;
            sqlx::query(titled).execute(&earlier).await.unwrap();
            earlier.close().await;
            upgrade(folder.path()).await.unwrap().unwrap();
            let store = SqlStore::open_existing(folder.path()).await.unwrap();
            let rows = store.directory().await.unwrap();
            let [entity] = &*rows.entities else { panic!("one entity was expected: {rows:?}") };
            assert_eq!((&*entity.slug, entity.policy, entity.created_ms), ("orders", Policy::Pool, 17));
            store.close().await;
        }
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
        upgrade(folder.path()).await.unwrap().unwrap();
        let store = SqlStore::open_existing(folder.path()).await.unwrap();
        let environments = store.directory().await.unwrap().environments;
        let slugs: Vec<_> = environments.iter().map(|(_, found)| (found.id.as_str(), &*found.slug)).collect();
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
    async fn data_of_an_earlier_version_is_refused_and_left_as_it_is() {
        let folder = earlier().await;
        for _ in 0..2 {
            let refused = SqlStore::open_existing(folder.path()).await.unwrap_err().to_string();
            assert!(refused.contains("has version 6") && refused.contains("platools-gateway upgrade"), "{refused}");
        }
        let refused = SqlStore::open(folder.path()).await.unwrap_err().to_string();
        assert!(refused.contains("has version 6"), "{refused}");
    }

    #[tokio::test]
    async fn an_upgrade_keeps_the_data_as_it_was_and_a_downgrade_puts_it_back() {
        let folder = earlier().await;
        let upgraded = upgrade(folder.path()).await.unwrap().unwrap();
        let latest = migrations().last().unwrap().version;
        assert_eq!((upgraded.from, upgraded.to), (6, latest));
        assert_eq!(upgrade(folder.path()).await.unwrap(), None, "there is nothing left to do");
        let store = SqlStore::open(folder.path()).await.unwrap();
        assert_eq!(number(&store, "PRAGMA auto_vacuum").await, 2, "files of earlier versions shrink from now on");
        assert_eq!(number(&store, "SELECT COUNT(*) FROM entities").await, 1);
        store.close().await;

        let restored = downgrade(folder.path()).await.unwrap();
        assert_eq!(restored.version, 6);
        assert!(restored.kept.unwrap().is_file(), "nothing is lost");
        let refused = SqlStore::open_existing(folder.path()).await.unwrap_err().to_string();
        assert!(refused.contains("has version 6"), "{refused}");
        let again = downgrade(folder.path()).await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::NotFound);
        upgrade(folder.path()).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn data_of_a_later_version_is_refused_with_both_versions() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::open(folder.path()).await.unwrap();
        let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                     VALUES (9999, 'later', TRUE, x'00', 0)";
        sql::query(later).execute(store.writes.connections()).await.unwrap();
        store.close().await;
        let latest = migrations().last().unwrap().version;
        let refusals = [
            SqlStore::open(folder.path()).await.err(),
            SqlStore::open_existing(folder.path()).await.err(),
            upgrade(folder.path()).await.err(),
        ];
        for refused in refusals {
            let refused = refused.unwrap().to_string();
            assert!(refused.contains("version 9999") && refused.contains(&format!("up to {latest}")), "{refused}");
        }
    }

    #[tokio::test]
    async fn a_first_start_that_ended_half_way_is_made_up_for_and_a_foreign_database_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        made_with(folder.path(), 0).await.close().await;
        SqlStore::open(folder.path()).await.unwrap().close().await;
        let other = tempfile::tempdir().unwrap();
        let foreign = made_with(other.path(), 0).await;
        sqlx::query("CREATE TABLE cats (name TEXT)").execute(&foreign).await.unwrap();
        foreign.close().await;
        let refused = SqlStore::open(other.path()).await.unwrap_err().to_string();
        assert!(refused.contains("not a gateway's"), "{refused}");
    }

    #[tokio::test]
    async fn an_upgrade_waits_for_nobody_who_has_the_database_open() {
        let folder = earlier().await;
        let other = made_with(folder.path(), 6).await;
        let refused = upgrade(folder.path()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Busy, "{refused}");
        other.close().await;
        upgrade(folder.path()).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_backup_is_restored_over_other_data_damaged_data_and_none() {
        let folder = tempfile::tempdir().unwrap();
        let (data, backup_file) = (folder.path().join("data"), folder.path().join("backup"));
        let store = SqlStore::open(&data).await.unwrap();
        let project = store.default_project().await.unwrap();
        backup(&data, &backup_file).await.unwrap();
        assert_eq!(backup(&data, &backup_file).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert!(store.add_environment(&project, "later", 10).await.unwrap());
        store.close().await;
        let environments = async |folder: &Path| {
            let store = SqlStore::open_existing(folder).await.unwrap();
            let environments = number(&store, "SELECT COUNT(*) FROM environments").await;
            store.close().await;
            environments
        };
        let restored = restore(&data, &backup_file).await.unwrap();
        assert_eq!(environments(&data).await, 3);
        let kept = restored.kept.unwrap();
        let refused = restore(&data, &backup_file).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AlreadyExists, "what was kept is not overwritten");
        std::fs::remove_file(kept).unwrap();

        std::fs::write(data.join(FILE), "no database").unwrap();
        let refused = SqlStore::open_existing(&data).await.unwrap_err();
        assert!(refused.to_string().contains("damaged"), "{refused}");
        restore(&data, &backup_file).await.unwrap();
        assert_eq!(environments(&data).await, 3);
        let other = folder.path().join("other");
        assert_eq!(restore(&other, &backup_file).await.unwrap().kept, None);
        assert_eq!(environments(&other).await, 3);
    }

    #[tokio::test]
    async fn what_is_no_backup_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        SqlStore::open(&data).await.unwrap().close().await;
        let (text, empty) = (folder.path().join("text"), folder.path().join("empty"));
        std::fs::write(&text, "x".repeat(5000)).unwrap();
        std::fs::write(&empty, "").unwrap();
        for file in [text, empty, folder.path().join("missing")] {
            restore(&data, &file).await.unwrap_err();
        }
        SqlStore::open_existing(&data).await.unwrap().close().await;
        assert!(!data.join("gateway.sqlite.next").exists() && !data.join("gateway.sqlite.replaced").exists());
    }

    #[tokio::test]
    async fn a_stuck_database_does_not_hold_up_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::open(folder.path()).await.unwrap();
        let _held = (store.hold_writes().await, store.reads.begin().await.unwrap());
        tokio::time::pause();
        timeout(CLOSE * 5, store.close()).await.unwrap();
    }

    #[test]
    fn a_file_that_may_not_be_read_is_not_called_missing() {
        let error = io::Error::from(io::ErrorKind::PermissionDenied);
        let told = failed(Path::new("/data/gateway.sqlite"), "cannot be read", &error).to_string();
        assert!(told.contains("permission denied") && told.contains("/data/gateway.sqlite"), "{told}");
    }
}
