//! [`Limits`]: sets how many calls of a worker run and wait at once, and the timeout of tools that declare none.

use std::time::Duration;

/// Bounds of the calls of one dispatcher.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Calls that run at once.
    pub(crate) running: usize,
    /// Calls that wait for their tool or for a running call to end; further ones are refused.
    pub(crate) waiting: usize,
    /// Bytes of the frames of calls that wait.
    pub(crate) waiting_bytes: usize,
    /// For tools that declare no timeout.
    pub(crate) timeout: Duration,
    /// True if callers get the causes and the stack of every tool's errors.
    pub(crate) shows_errors: bool,
}

impl Default for Limits {
    fn default() -> Self {
        let timeout = Duration::from_secs(300);
        Self { running: 1024, waiting: 4096, waiting_bytes: 64 * 1024 * 1024, timeout, shows_errors: false }
    }
}
