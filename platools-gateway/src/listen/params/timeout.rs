//! [`timeout_of`]: the timeout of a call: the one that the caller sends, or else the one of the tool.

use std::time::Duration;

use crate::domain::error::{Error, ErrorKind};
use crate::pending_calls::CallTimeout;

/// The time that a call waits for its answer when neither the caller nor the tool sets one.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The timeout of a call: the time that the caller sets, or else the one of the tool.
///
/// # Errors
/// The time is zero, or longer than a call may take.
pub(in crate::listen) fn timeout_of(timeout_ms: Option<u64>, max: Duration) -> Result<CallTimeout, Error> {
    let Some(timeout_ms) = timeout_ms else { return Ok(CallTimeout::declared_or(DEFAULT_TIMEOUT)) };
    let timeout = Duration::from_millis(timeout_ms);
    if timeout.is_zero() || timeout > max {
        let max_ms = max.as_millis();
        let message = format!("`timeoutMs` must be from 1 to {max_ms}, the gateway's `calls.max_timeout`");
        return Err(Error::new(ErrorKind::InvalidRequest, message));
    }
    Ok(CallTimeout::asked(timeout))
}
