//! How long a caller waits for a tool.

use std::time::Duration;

use super::Misfit;

/// How long a call waits for its answer when the caller does not say.
const DEFAULT_TIMEOUT_MS: u64 = 30_000;

/// What a caller may ask for, in milliseconds.
const TIMEOUTS_MS: std::ops::RangeInclusive<u64> = 1..=600_000;

/// How long a caller wants to wait.
pub(in crate::listen) fn timeout_of(timeout_ms: Option<u64>) -> Result<Duration, Misfit> {
    let timeout_ms = timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS);
    if !TIMEOUTS_MS.contains(&timeout_ms) {
        return Err(Misfit("`timeoutMs` must be from 1 to 600000"));
    }
    Ok(Duration::from_millis(timeout_ms))
}
