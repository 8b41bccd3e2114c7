//! `IdempotencySettings`: how much is kept of calls under idempotency keys.

use std::time::Duration;

/// How long a call under an idempotency key is remembered: 24 hours.
pub const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// How much is kept of calls under idempotency keys, for [`KEPT`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdempotencySettings {
    /// A longer answer is not kept; a repeated call is told so. In bytes. Default: 1 MiB.
    pub max_answer_bytes: u64,
    /// Bytes of the answers of one project. With more, the oldest answers are dropped, and their repeated calls are told so.
    /// Default: 256 MiB.
    pub max_project_bytes: u64,
    /// Bytes of the answers of all projects. With more, the project that has most of them loses its oldest. Default: 1 GiB.
    pub max_bytes: u64,
    /// Idempotency keys of one project. A call under a further one is refused. Default: 1,000,000.
    pub max_keys: u32,
}

impl Default for IdempotencySettings {
    fn default() -> Self {
        Self {
            max_answer_bytes: 1024 * 1024,
            max_project_bytes: 256 * 1024 * 1024,
            max_bytes: 1024 * 1024 * 1024,
            max_keys: 1_000_000,
        }
    }
}
