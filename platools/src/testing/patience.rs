//! [`within`]: bounds every wait of a test, so that a test fails in place of hanging.

use std::time::Duration;

/// The longest wait of a test: longer than anything takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for a future that must complete.
///
/// # Panics
/// It does not complete within [`PATIENCE`].
pub async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it took too long")
}
