//! Upkeep of keys and tokens: their last uses are stored, and records of tokens that ended long ago are removed.

use std::time::Duration;

use crate::authority::LastUses;
use crate::core::Core;
use crate::ports::time::now_ms;

/// Records are kept for so long after a token's end, so that a clock that is set forward by mistake brings no revoked token back.
const KEPT_AFTER_END: Duration = Duration::from_secs(48 * 60 * 60);

/// The number of uses that one transaction stores: others write in between.
const BATCH: usize = 256;

impl Core {
    /// Notes that the credentials of open sockets are in use, and stores all last uses.
    pub(crate) async fn note_uses_of_sockets(&self) {
        let (uses, now_ms) = (self.directory.last_uses(), now_ms());
        self.callers.note_uses(uses, now_ms);
        self.workers.note_uses(uses, now_ms);
        self.store_last_uses().await;
    }

    /// Removes the records of tokens that ended long ago.
    pub(crate) async fn remove_ended_tokens(&self) {
        if let Err(error) = self.store.forget_tokens(self.aging.cutoff_ms(KEPT_AFTER_END)).await {
            tracing::error!(%error, "records of ended tokens could not be removed; they will be later");
        }
    }

    /// Stores the last uses that are in memory only.
    pub(crate) async fn store_last_uses(&self) {
        let uses: &LastUses = self.directory.last_uses();
        let snapshot = self.directory.snapshot();
        for batch in uses.unwritten().chunks(BATCH) {
            if let Err(error) = self.store.store_last_uses(batch).await {
                tracing::error!(%error, "last uses of keys and tokens could not be stored; they will be later");
                return;
            }
            // The database has those of tokens for each list; those of keys are listed from memory.
            uses.written(batch, |id| snapshot.has_key(id));
        }
    }
}
