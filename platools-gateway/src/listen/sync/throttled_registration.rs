//! [`ThrottledRegistration`]: keeps the latest registration of a worker that registers too often, until the rate limit lets it be stored.

use std::future::pending;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use platools_protocol::tool_sync::ToolDeclaration;
use tokio::time::{Instant, sleep_until};

use crate::domain::lock::lock;

/// At most one registration, whose bytes are those of one frame. It ends with the link.
#[derive(Default)]
pub(super) struct ThrottledRegistration(Mutex<Option<KeptRegistration>>);

struct KeptRegistration {
    due: Instant,
    tools: Vec<ToolDeclaration>,
}

impl ThrottledRegistration {
    /// Keeps a registration for a while, in the place of an earlier one.
    pub(super) fn keep(&self, tools: Vec<ToolDeclaration>, wait: Duration) {
        *self.lock() = Some(KeptRegistration { due: Instant::now() + wait, tools });
    }

    /// Takes the registration out, due or not.
    pub(super) fn take(&self) -> Option<Vec<ToolDeclaration>> {
        self.lock().take().map(|kept| kept.tools)
    }

    /// Waits until a registration is due; for ever if none is kept. Cancel-safe.
    pub(super) async fn until_due(&self) {
        let due = self.lock().as_ref().map(|kept| kept.due);
        match due {
            Some(due) => sleep_until(due).await,
            None => pending().await,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<KeptRegistration>> {
        lock(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const WAIT: Duration = Duration::from_secs(60);

    fn tools(name: &str) -> Vec<ToolDeclaration> {
        vec![ToolDeclaration::new(name, "", json!({"type": "object"}))]
    }

    #[tokio::test(start_paused = true)]
    async fn the_latest_registration_is_due_when_its_wait_is_over() {
        let (kept, begun) = (ThrottledRegistration::default(), Instant::now());
        kept.keep(tools("first"), WAIT / 2);
        kept.keep(tools("second"), WAIT);
        kept.until_due().await;
        assert_eq!(begun.elapsed(), WAIT);
        assert_eq!(kept.take(), Some(tools("second")));
        assert_eq!(kept.take(), None);
        assert!(tokio::time::timeout(WAIT * 10, kept.until_due()).await.is_err(), "nothing is kept");
    }
}
