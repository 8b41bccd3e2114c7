//! [`RunningKeyedCalls`]: the table of the calls under way that have an idempotency key. A repeated call waits there for the first one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::KeyedAnswer;
use super::key::OwnedKey;
use crate::domain::idempotency::AnswerBounds;
use crate::domain::lock::lock;
use crate::settings::IdempotencySettings;

/// The calls under way that have a key. Each holds a place among its caller's calls until its answer is kept, which bounds them.
#[derive(Debug, Default)]
pub(crate) struct RunningKeyedCalls {
    pub(super) settings: IdempotencySettings,
    pub(super) running: Mutex<HashMap<String, RunningKeyedCall>>,
    pub(super) tasks: TaskTracker,
    /// Ends the tries to keep answers, each with a last one.
    pub(super) stopping: CancellationToken,
    /// Ends the waits for answers of other gateways.
    pub(super) end_of_waits: CancellationToken,
}

impl RunningKeyedCalls {
    pub(crate) fn new(settings: IdempotencySettings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Stops waiting for a database that fails.
    pub(crate) fn begin_drain(&self) {
        self.stopping.cancel();
    }

    /// Waits no longer for the answers of other gateways.
    pub(crate) fn end_waits(&self) {
        self.end_of_waits.cancel();
    }

    /// Waits until every call with a key has ended and its answer is kept.
    pub(crate) async fn idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A call under way.
#[derive(Debug, Clone)]
pub(super) struct RunningKeyedCall {
    pub(super) key: OwnedKey,
    pub(super) fingerprint: String,
    pub(super) answer: watch::Receiver<Option<Arc<KeyedAnswer>>>,
}

/// Takes a call out of the table when its task ends, also by a panic: its key would be dead until a restart otherwise.
pub(super) struct RunningGuard {
    pub(super) table: Arc<RunningKeyedCalls>,
    pub(super) id: String,
}

impl Drop for RunningGuard {
    fn drop(&mut self) {
        lock(&self.table.running).remove(&self.id);
    }
}

impl IdempotencySettings {
    pub(super) fn bounds(&self) -> AnswerBounds {
        let as_i64 = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        AnswerBounds { project: as_i64(self.max_project_bytes), total: as_i64(self.max_bytes) }
    }
}
