//! [`copy_to_database`]: copies the data of a SQLite file into an empty PostgreSQL database.

use std::path::Path;

use super::lock::lock_database;
use crate::domain::database::PostgresServer;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::ids::GatewayNumber;
use crate::ports::store::Storage as _;
use crate::store::SqlStore;
use crate::store::call_partitions::make_days;
use crate::store::sql::{self, Row, SqlBuilder, SqlConnection};
use crate::store::writer::WriteLock;

/// The tables, each behind those that it refers to.
pub(super) const TABLES: [&str; 28] = [
    "organizations",
    "projects",
    "environments",
    "entities",
    "entity_secrets",
    "agents",
    "caller_keys",
    "tools",
    "tool_sets",
    "disabled_tools",
    "directory_revision",
    "directory_changes",
    "tokens",
    "signing_keys",
    "signing_key_in_use",
    "calls",
    "journal_size",
    "aging",
    "named_calls",
    "project_usage",
    "conversations",
    "messages",
    "conversation_runs",
    "runtime_sessions",
    "channels",
    "channel_members",
    "channel_messages",
    "audit_events",
];

/// Rows that one statement writes.
const ROWS_AT_ONCE: i64 = 100;

/// Copies the data in a folder into a database without tables, all of it or nothing. No gateway may run on either. Signing keys are not
/// copied: a key that an earlier version kept in the folder's database is refused.
pub(crate) async fn copy_to_database(folder: &Path, server: &PostgresServer) -> Result<(), Error> {
    let from = SqlStore::open_existing(folder).await?;
    let copied = copy_from(&from, server).await;
    from.close().await;
    copied
}

async fn copy_from(from: &SqlStore, server: &PostgresServer) -> Result<(), Error> {
    let _lock = lock_database(server, GatewayNumber::ALONE).await?;
    let to = SqlStore::connect(server).await?;
    let copied = copy_all(from, &to).await;
    to.close().await;
    copied
}

async fn copy_all(from: &SqlStore, to: &SqlStore) -> Result<(), Error> {
    let mut write = to.writes.begin(WriteLock::Directory).await?;
    for table in ["projects", "audit_events"] {
        if sql::dynamic(format!("SELECT 1 AS one FROM {table} LIMIT 1")).fetch_optional(&mut *write).await?.is_some() {
            let message = "the database has a gateway's data already; give the copy a database of its own";
            return Err(Error::new(ErrorKind::AlreadyExists, message));
        }
    }
    let mut read = from.reads.begin().await?;
    if sql::query("SELECT 1 AS one FROM signing_keys LIMIT 1").fetch_optional(&mut *read).await?.is_some() {
        let message = "the folder's database has a signing key of an earlier version; start the gateway on the folder once, which moves \
                       the key to the file of the signing keys, stop it, and copy then";
        return Err(Error::new(ErrorKind::Storage, message));
    }
    for table in TABLES {
        // Some tables have one row from the beginning.
        sql::dynamic(format!("DELETE FROM {table}")).execute(&mut *write).await?;
        copy_table(&mut read, &mut write, table).await?;
    }
    Ok(write.commit().await?)
}

async fn copy_table(from: &mut SqlConnection, to: &mut SqlConnection, table: &'static str) -> Result<(), Error> {
    let columns = columns(to, table).await?;
    let names: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
    let names = names.join(", ");
    let (mut after, mut copied) = (0, 0_u64);
    loop {
        let page = format!("SELECT rowid AS copied_row, {names} FROM {table} WHERE rowid > $1 ORDER BY rowid LIMIT $2");
        let rows = sql::dynamic(page).bind(after).bind(ROWS_AT_ONCE).fetch_all(&mut *from).await?;
        let Some(last) = rows.last() else { break };
        after = last.get("copied_row");
        if table == "calls" {
            make_days(to, rows.iter().map(|row| row.get("started_ms"))).await?;
        }
        copied += insert(table, &names, &columns, &rows).build().execute(&mut *to).await?;
    }
    tracing::debug!(table, rows = copied, "table copied");
    Ok(())
}

/// A statement that writes rows.
fn insert(table: &str, names: &str, columns: &[CopiedColumn], rows: &[Row]) -> SqlBuilder {
    let mut insert = SqlBuilder::new(format!("INSERT INTO {table} ({names}) VALUES "));
    for (number, row) in rows.iter().enumerate() {
        insert.push(if number == 0 { "(" } else { ", (" });
        for (number, column) in columns.iter().enumerate() {
            if number > 0 {
                insert.push(", ");
            }
            match column.is_number {
                true => insert.push_bind(row.get::<Option<i64>, _>(&*column.name)),
                false => insert.push_bind(row.get::<Option<String>, _>(&*column.name)),
            };
        }
        insert.push(")");
    }
    insert
}

/// A column of a table.
struct CopiedColumn {
    name: String,
    is_number: bool,
}

async fn columns(connection: &mut SqlConnection, table: &str) -> Result<Vec<CopiedColumn>, Error> {
    let columns = "SELECT CAST(column_name AS TEXT) AS name, data_type = 'bigint' AS is_number FROM information_schema.columns \
                   WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position";
    let rows = sql::query(columns).bind(table).fetch_all(connection).await?;
    Ok(rows.iter().map(|row| CopiedColumn { name: row.get("name"), is_number: row.get("is_number") }).collect())
}
