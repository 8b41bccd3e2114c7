//! [`Upkeep`]: the task that keeps the statistics of a SQLite file up to date, and gives free space of the file back after deletions.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::task::AbortOnDropHandle;

use crate::background::tasks::Tasks;
use crate::store::sql;
use crate::store::writer::Writer;

/// The interval between two checks for free pages.
const LOOKS: Duration = Duration::from_secs(60);

/// The number of checks between two updates of the statistics: one day.
const LOOKS_A_DAY: u32 = 24 * 60;

/// Free pages that stay in the file at least, for what is written next: 16 MiB.
const SPARE: i64 = 4096;

/// Pages that one step gives back, so that other writes wait for a short time only: 2 MiB.
const AT_ONCE: i64 = 512;

/// The pause between two steps, in which others have the database to themselves.
const BREATH: Duration = Duration::from_millis(50);

/// The task. Dropping it ends it.
#[derive(Debug)]
pub(in crate::store) struct Upkeep {
    _task: AbortOnDropHandle<()>,
}

impl Upkeep {
    /// Starts the task on the current tokio runtime.
    pub(in crate::store) fn start(writes: Writer, tasks: &Tasks) -> Self {
        Self { _task: tasks.keep("database upkeep", move || run(writes.clone())) }
    }
}

async fn run(writes: Writer) {
    // As SQLite's documentation has it for connections that are open for long: all tables at the start, then those that changed.
    optimize(&writes, "PRAGMA optimize = 0x10002").await;
    let mut looks = interval(LOOKS);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for look in 1_u32.. {
        looks.tick().await;
        if look.is_multiple_of(LOOKS_A_DAY) {
            optimize(&writes, "PRAGMA optimize").await;
        }
        if let Err(error) = shrink(&writes, SPARE).await {
            tracing::debug!(%error, "free space could not be given back; it is tried again");
        }
    }
}

async fn optimize(writes: &Writer, statement: &'static str) {
    if let Err(error) = sql::query(statement).fetch_all(writes.connections()).await {
        tracing::debug!(%error, "statistics could not be taken; they stay as they are");
    }
}

/// Gives free pages back until few are left: a tenth of the file, or `spare` if that is more.
async fn shrink(writes: &Writer, spare: i64) -> Result<(), sqlx::Error> {
    let (mut free, pages) =
        (number(writes, "PRAGMA freelist_count").await?, number(writes, "PRAGMA page_count").await?);
    let spare = spare.max(pages / 10);
    if free <= spare {
        return Ok(());
    }
    while free > spare {
        let before = free;
        let statement = format!("PRAGMA incremental_vacuum({})", AT_ONCE.min(free - spare));
        sql::dynamic(statement).fetch_all(writes.connections()).await?;
        free = number(writes, "PRAGMA freelist_count").await?;
        if free >= before {
            // A file that was not made by this program, such as one put together from a dump, cannot shrink.
            return Ok(());
        }
        sleep(BREATH).await;
    }
    // The file itself is cut when the log is written back into it.
    sql::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_all(writes.connections()).await?;
    let left = number(writes, "PRAGMA page_count").await?;
    tracing::info!(pages_before = pages, pages = left, "database file shrunk");
    Ok(())
}

async fn number(writes: &Writer, statement: &'static str) -> Result<i64, sqlx::Error> {
    Ok(sql::query(statement).fetch_one(writes.connections()).await?.get(0))
}

#[cfg(test)]
mod tests {
    use super::super::connections::shrinkable;
    use super::super::{options, write_pool};
    use super::*;

    #[tokio::test]
    async fn a_file_shrinks_when_much_of_it_is_free_and_stays_usable() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("db");
        let writer = Writer::new(write_pool(shrinkable(options(&file)).create_if_missing(true)));
        let run = async |statement: &'static str| {
            sql::query(statement).fetch_all(writer.connections()).await.unwrap();
        };
        run("CREATE TABLE blobs (id INTEGER PRIMARY KEY, blob BLOB)").await;
        run("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
             INSERT INTO blobs SELECT i, zeroblob(4000) FROM n")
        .await;
        run("DELETE FROM blobs WHERE id > 100").await;
        let length = || std::fs::metadata(&file).unwrap().len();
        run("PRAGMA wal_checkpoint(PASSIVE)").await;
        let before = length();
        assert!(before > 2000 * 4096, "deleting alone gives nothing back: {before}");
        shrink(&writer, 10).await.unwrap();
        // A hundred pages in use, and a tenth of what there was at most.
        assert!(length() < before / 5, "{before} bytes became {}", length());
        assert_eq!(number(&writer, "SELECT COUNT(*) FROM blobs").await.unwrap(), 100);
        let kept = length();
        shrink(&writer, SPARE).await.unwrap();
        assert_eq!(length(), kept, "what is spare stays");
        writer.close().await;
    }
}
