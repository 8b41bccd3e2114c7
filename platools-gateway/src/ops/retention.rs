//! [`forget_old`]: deletes old answers under idempotency keys, old conversations, and channels that have not been used for long.

use crate::agents::chat::Conversations;
use crate::background::retention_clock::RetentionClock;
use crate::calls::Calls;
use crate::domain::error::{Error, causes_of};
use crate::sessions::Sessions;

/// Removes calls under idempotency keys, conversations and channels that are old enough. A removal that fails is tried again later.
pub(super) async fn forget_old(
    calls: &Calls,
    conversations: &Conversations,
    sessions: &Sessions,
    clock: &RetentionClock,
) {
    log(calls.forget_old_answers().await, "calls under idempotency keys");
    log(conversations.forget_old(clock).await, "conversations");
    log(sessions.forget_idle_channels(clock).await, "channels");
}

fn log(removed: Result<(), Error>, of: &str) {
    if let Err(error) = removed {
        tracing::error!(%error, causes = causes_of(&error), of, "old rows not removed; trying again later");
    }
}
