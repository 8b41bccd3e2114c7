//! Retention: what is forgotten by age, now and then.

use crate::core::Core;
use crate::domain::error::{Error, causes_of};

impl Core {
    /// Forgets calls under idempotency keys, conversations and channels that are old enough. What cannot be removed now is removed
    /// later.
    pub(crate) async fn forget_old(&self) {
        let conversations = self.store.forget_conversations_before(self.aging.cutoff_ms(self.chat.max_age));
        let channels = self.sessions.forget_idle_channels(&self.aging);
        log(self.calls.forget_old_answers().await, "calls under idempotency keys");
        log(conversations.await, "conversations");
        log(channels.await, "channels");
    }
}

fn log(removed: Result<(), Error>, of: &str) {
    if let Err(error) = removed {
        tracing::error!(%error, causes = causes_of(&error), of, "old rows could not be removed; they will be later");
    }
}
