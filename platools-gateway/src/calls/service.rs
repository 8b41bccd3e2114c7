//! [`Calls`]: the service that calls tools, and finds, repeats and cancels calls. `pipeline`, `idempotency` and `history` have its methods.

use std::sync::Arc;
use std::time::Duration;

use super::idempotency::RunningKeyedCalls;
use crate::background::retention_clock::RetentionClock;
use crate::catalog::Catalog;
use crate::directory::Directory;
use crate::domain::ids::{CallId, GatewayNumber};
use crate::journal::Journal;
use crate::limits::Limiter;
use crate::links::Links;
use crate::pending_calls::PendingCalls;
use crate::ports::call_observer::Observers;
use crate::ports::idempotency::IdempotencyStore;
use crate::ports::journal::JournalStore;
use crate::ports::remote_calls::RemoteCalls;
use crate::settings::{CallSettings, IdempotencySettings};
use crate::tools::Tools;

/// Calls of tools, from their callers to the workers and back.
pub struct Calls {
    pub(super) services: CallServices,
    pub(super) settings: CallSettings,
    pub(super) idempotency: Arc<RunningKeyedCalls>,
    /// The gateway that the ids of calls name.
    pub(super) gateway: GatewayNumber,
    /// The share of new traces that are recorded, from 0 to 1.
    pub(super) trace_ratio: f64,
}

impl Calls {
    pub(crate) fn new(
        services: CallServices,
        settings: CallSettings,
        idempotency: IdempotencySettings,
        (gateway, trace_ratio): (GatewayNumber, f64),
    ) -> Self {
        Self { services, settings, gateway, idempotency: Arc::new(RunningKeyedCalls::new(idempotency)), trace_ratio }
    }

    /// The longest time that a call may take: [`CallSettings::max_timeout`].
    #[must_use]
    pub fn max_timeout(&self) -> Duration {
        self.settings.max_timeout
    }

    /// The id of a new call.
    pub(crate) fn new_id(&self) -> CallId {
        CallId::from_gateway(self.gateway)
    }

    /// Stops waiting for a database that fails to keep the answers of calls with a key.
    pub(crate) fn begin_drain(&self) {
        self.idempotency.begin_drain();
    }

    /// Waits no longer for calls that other gateways make.
    pub(crate) fn end_waits(&self) {
        self.idempotency.end_waits();
    }

    /// Waits until no call is under way, and the answers of calls with a key are kept.
    pub(crate) async fn idle(&self) {
        self.services.journal.idle().await;
        self.answers_kept().await;
    }

    /// Waits until the answers of calls with a key are kept.
    pub(crate) async fn answers_kept(&self) {
        self.idempotency.idle().await;
    }
}

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Calls").field("journal", &self.services.journal).finish_non_exhaustive()
    }
}

/// The services and ports that [`Calls`] needs.
pub(crate) struct CallServices {
    pub(crate) directory: Arc<Directory>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) tools: Arc<Tools>,
    pub(crate) links: Arc<Links>,
    pub(crate) pending: PendingCalls,
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) journal_store: Arc<dyn JournalStore>,
    pub(crate) idempotency_store: Arc<dyn IdempotencyStore>,
    pub(crate) retention_clock: Arc<RetentionClock>,
    pub(crate) observers: Observers,
    /// The other gateways of the installation. None: this one is alone.
    pub(crate) remote_calls: Option<Arc<dyn RemoteCalls>>,
}
