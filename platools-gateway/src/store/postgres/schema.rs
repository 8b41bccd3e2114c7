//! [`make`], [`check`] and [`upgrade`]: create, check and migrate the schema of a PostgreSQL database.

use std::collections::BTreeSet;

use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::{Connection as _, PgConnection};

use super::connections::connect;
use crate::domain::database::{PostgresServer, UpgradedDatabase};
use crate::domain::error::{Error, ErrorKind};
use crate::store::migrations::postgres_migrations;
use crate::store::schema::{Schema, last};
use crate::store::sql;

/// The oldest server, as `server_version_num` has it.
const OLDEST: i64 = 150_000;

/// Takes all steps in a database that is empty. Returns true if it was.
pub(super) async fn make(server: &PostgresServer) -> Result<bool, Error> {
    let (mut connection, steps) = (open(server).await?, postgres_migrations());
    let is_empty = match schema_of(&mut connection, &steps).await? {
        Schema::Empty => {
            migrate(&mut connection, steps).await?;
            true
        }
        schema => check_usable(schema, &steps).map(|()| false)?,
    };
    connection.close().await?;
    Ok(is_empty)
}

/// Refuses a database that has no gateway's data of this version.
pub(super) async fn check(server: &PostgresServer) -> Result<(), Error> {
    let (mut connection, steps) = (open(server).await?, postgres_migrations());
    let schema = schema_of(&mut connection, &steps).await?;
    connection.close().await?;
    if schema == Schema::Empty {
        let message = "there is no gateway's data in the database; `serve --database` makes it";
        return Err(Error::new(ErrorKind::NotFound, message));
    }
    check_usable(schema, &steps)
}

/// Takes the steps that a database lacks, all or none.
pub(super) async fn upgrade(server: &PostgresServer) -> Result<Option<UpgradedDatabase>, Error> {
    let (mut connection, steps) = (open(server).await?, postgres_migrations());
    let upgraded = match schema_of(&mut connection, &steps).await? {
        Schema::Older(from) => {
            let to = last(&steps);
            migrate(&mut connection, steps).await?;
            Some(UpgradedDatabase { from, to })
        }
        schema => check_usable(schema, &steps).map(|()| None)?,
    };
    connection.close().await?;
    Ok(upgraded)
}

/// Connects to a server of a version that the gateway can use, and waits for others that look at the schema. The lock goes with the
/// connection.
async fn open(server: &PostgresServer) -> Result<PgConnection, Error> {
    let mut connection = connect(server).await?;
    let settings = "SELECT CAST(current_setting('server_version_num') AS BIGINT) AS number, \
                    current_setting('server_version') AS version, current_setting('server_encoding') AS encoding";
    let found = sql::query(settings).fetch_one(&mut connection).await?;
    if found.get::<i64, _>("number") < OLDEST {
        let version = found.get::<&str, _>("version");
        let message = format!("the PostgreSQL server has version {version}; the gateway needs version 15 or later");
        return Err(Error::new(ErrorKind::Storage, message));
    }
    let encoding: &str = found.get("encoding");
    if encoding != "UTF8" {
        let message =
            format!("the database has the encoding {encoding}; make one with `CREATE DATABASE ... ENCODING 'UTF8'`");
        return Err(Error::new(ErrorKind::Storage, message));
    }
    sql::query("SELECT pg_advisory_lock(hashtext('platools-gateway schema'))").execute(&mut connection).await?;
    Ok(connection)
}

async fn schema_of(connection: &mut PgConnection, steps: &[Migration]) -> Result<Schema, Error> {
    let tables = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL AS has_steps, NOT EXISTS (SELECT 1 FROM pg_tables \
                  WHERE schemaname = current_schema() AND tablename <> '_sqlx_migrations') AS is_empty";
    let tables = sql::query(tables).fetch_one(&mut *connection).await?;
    let mut applied = BTreeSet::new();
    if tables.get("has_steps") {
        let rows = sql::query("SELECT version FROM _sqlx_migrations").fetch_all(&mut *connection).await?;
        applied.extend(rows.iter().map(|row| row.get::<i64, _>("version")));
    }
    Ok(Schema::compare(&applied, tables.get("is_empty"), steps))
}

fn check_usable(schema: Schema, steps: &[Migration]) -> Result<(), Error> {
    let message = match schema {
        Schema::Foreign => {
            "the database has tables of another program; give the gateway a database of its own".to_owned()
        }
        Schema::Newer(version) => format!(
            "the data has version {version}, and this program knows only versions up to {}: use the newer program, or a backup from before \
             its upgrade",
            last(steps)
        ),
        schema => return schema.check_usable(steps),
    };
    Err(Error::new(ErrorKind::Storage, message))
}

/// Takes the steps that a database lacks, all or none: each is a savepoint of one transaction.
async fn migrate(connection: &mut PgConnection, steps: Vec<Migration>) -> Result<(), Error> {
    let migrated = async {
        let mut transaction = connection.begin().await?;
        Migrator::with_migrations(steps).run(&mut *transaction).await?;
        Ok::<_, MigrateError>(transaction.commit().await?)
    };
    migrated.await.map_err(|error| {
        let message =
            "the tables cannot be made or changed; the user of `database.url` needs to own the database's schema";
        Error::new(ErrorKind::Storage, message).caused_by(error)
    })
}
