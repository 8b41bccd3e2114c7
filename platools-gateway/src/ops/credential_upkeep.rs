//! [`CredentialUpkeep`]: stores the last uses of keys and tokens, and removes a token's record some time after the token's end.

use std::sync::Arc;
use std::time::Duration;

use crate::background::retention_clock::RetentionClock;
use crate::connections::Callers;
use crate::directory::Directory;
use crate::links::Links;
use crate::ports::time::now_ms;

/// Stores the last uses of keys and tokens, and removes records of tokens that ended long ago.
#[derive(Debug)]
pub(crate) struct CredentialUpkeep {
    pub(crate) directory: Arc<Directory>,
    pub(crate) callers: Arc<Callers>,
    pub(crate) links: Arc<Links>,
    pub(crate) retention_clock: Arc<RetentionClock>,
}

impl CredentialUpkeep {
    /// Notes that the credentials of open sockets are in use, and stores all last uses.
    pub(crate) async fn note_uses_of_sockets(&self) {
        let (uses, now_ms) = (self.directory.last_uses(), now_ms());
        self.callers.note_uses(uses, now_ms);
        self.links.note_uses(uses, now_ms);
        self.store_last_uses().await;
    }

    /// Removes the records of tokens that ended long ago.
    pub(crate) async fn remove_ended_tokens(&self) {
        if let Err(error) = self.directory.store().forget_tokens(self.retention_clock.cutoff_ms(KEPT_AFTER_END)).await {
            tracing::error!(%error, "records of ended tokens not removed; trying again later");
        }
    }

    /// Stores the last uses that are in memory only.
    pub(crate) async fn store_last_uses(&self) {
        let uses = self.directory.last_uses();
        let snapshot = self.directory.snapshot();
        for batch in uses.unwritten().chunks(BATCH) {
            if let Err(error) = self.directory.store().store_last_uses(batch).await {
                tracing::error!(%error, "last uses of keys and tokens not stored; trying again later");
                return;
            }
            // The database has those of tokens for each list; those of keys are listed from memory.
            uses.written(batch, |id| snapshot.has_key(id));
        }
    }
}

/// The age of a token's record, from the token's end, at which it is removed. A clock set forward by mistake brings no revoked token
/// back within it.
const KEPT_AFTER_END: Duration = Duration::from_secs(48 * 60 * 60);

/// The number of uses in one transaction, so that other writes get their turn in between.
const BATCH: usize = 256;
