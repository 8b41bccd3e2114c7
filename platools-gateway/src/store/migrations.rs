//! [`migrations`]: the steps from an empty database to the present schema, each a file in `migrations`.

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
];

/// Every migration, oldest first.
pub(super) fn migrations() -> Vec<Migration> {
    let migration = |(version, &(name, sql)): (i64, &(&'static str, &'static str))| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    (1..).zip(FILES).map(migration).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_file_is_its_version() {
        for migration in migrations() {
            let number = migration.description.split('_').next().and_then(|number| number.parse().ok());
            assert_eq!(number, Some(migration.version), "{}", migration.description);
        }
    }
}
