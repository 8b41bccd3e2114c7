//! [`migrations`]: the steps from an empty database to the present tables, each a file in the folder `migrations`.
//!
//! The files have SQL for SQLite. For PostgreSQL, the program replaces some texts in them by [`REPLACEMENTS`].

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType};

/// Names of the files with their SQL. The position of a file is its version.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../migrations/", $name, ".sql")))),*]
    };
}

/// The files, in order. A released file never changes; a change of the schema is a further file.
const FILES: &[(&str, &str)] = &files![
    "0001_directory_and_catalog",
    "0002_journal",
    "0003_idempotency",
    "0004_conversations",
    "0005_runtime",
    "0006_agent_owners",
    "0007_entity_cards",
    "0008_credentials",
    "0009_audit",
    "0010_database",
    "0011_journal",
    "0012_bounds",
    "0013_pools",
    "0014_directory_changes",
    "0015_agent_names",
    "0016_entities_without_cards",
    "0017_answer_waits",
    "0018_conversation_runs",
    "0019_session_generations",
    "0020_keys_without_seal",
];

/// Every migration, oldest first.
pub(super) fn migrations() -> Vec<Migration> {
    let migration = |(version, &(name, sql)): (i64, &(&'static str, &'static str))| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    (1..).zip(FILES).map(migration).collect()
}

/// A text of a step, and the text that takes its place on PostgreSQL.
#[cfg(feature = "postgres")]
struct SqlReplacement {
    step: i64,
    of_sqlite: &'static str,
    of_postgres: &'static str,
}

/// Everything in the steps that PostgreSQL has otherwise, beside the order of texts.
#[cfg(feature = "postgres")]
const REPLACEMENTS: [SqlReplacement; 3] = [
    // The table has a part for each day, and a unique index of such a table has the column that tells the day.
    SqlReplacement {
        step: 2,
        of_sqlite: "call_id         TEXT PRIMARY KEY",
        of_postgres: "call_id         TEXT NOT NULL",
    },
    SqlReplacement {
        step: 2,
        of_sqlite: "    result          TEXT\n);",
        of_postgres: "    result          TEXT,\n    PRIMARY KEY (call_id, started_ms)\n) PARTITION BY RANGE (started_ms);",
    },
    SqlReplacement {
        step: 12,
        of_sqlite: "CAST(strftime('%s', 'now') AS INTEGER) * 1000",
        of_postgres: "CAST(EXTRACT(EPOCH FROM now()) * 1000 AS BIGINT)",
    },
];

/// Every migration for PostgreSQL, oldest first. Texts have the order of their bytes there too, whatever the database's collation is: pages
/// of lists depend on it.
#[cfg(feature = "postgres")]
pub(super) fn postgres_migrations() -> Vec<Migration> {
    let migration = |migration: Migration| {
        let mut sql = migration.sql.as_str().to_owned();
        for SqlReplacement { of_sqlite, of_postgres, .. } in
            REPLACEMENTS.iter().filter(|one| one.step == migration.version)
        {
            sql = sql.replace(of_sqlite, of_postgres);
        }
        let sql = sqlx::AssertSqlSafe(sql.replace("TEXT", "TEXT COLLATE \"C\"")).into_sql_str();
        Migration::new(migration.version, migration.description, MigrationType::Simple, sql, false)
    };
    migrations().into_iter().map(migration).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "postgres")]
    #[test]
    fn every_replacement_is_for_a_text_of_its_step() {
        let steps = migrations();
        for SqlReplacement { step, of_sqlite, .. } in REPLACEMENTS {
            let step = steps.iter().find(|found| found.version == step).unwrap();
            assert_eq!(step.sql.as_str().matches(of_sqlite).count(), 1, "{of_sqlite}");
        }
    }

    #[test]
    fn the_number_of_a_file_is_its_version() {
        for migration in migrations() {
            let number = migration.description.split('_').next().and_then(|number| number.parse().ok());
            assert_eq!(number, Some(migration.version), "{}", migration.description);
        }
    }
}
