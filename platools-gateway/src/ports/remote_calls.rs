//! [`RemoteCalls`]: the port that asks the other gateways of an installation about calls that began there.

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::call::CallSummary;
use crate::domain::idempotency::KeyedCallStatus;
use crate::domain::ids::{CallId, GatewayNumber, ProjectId};

/// Calls that began at the other gateways of an installation.
#[async_trait]
pub(crate) trait RemoteCalls: std::fmt::Debug + Send + Sync {
    /// Asks a gateway for the answer of a call under an idempotency key. The gateway waits for the answer up to `limit`. `None` if it does
    /// not respond.
    async fn keyed_call(&self, gateway: GatewayNumber, id: &str, limit: Duration) -> Option<KeyedCallStatus>;

    /// Finds a call of a project that is under way at the gateway where it began. `None` if there is none, or the gateway does not respond.
    async fn running_call(&self, project: &ProjectId, call_id: &CallId) -> Option<CallSummary>;

    /// Cancels a call of a project at the gateway where it began. Returns false if it is not under way there, or the gateway does not
    /// respond.
    async fn cancel_call(&self, project: &ProjectId, call_id: &CallId) -> bool;
}
