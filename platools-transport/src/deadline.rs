//! [`after`]: adds a time to a moment without overflow. A setting such as `Duration::MAX` means never, and must not panic.

use std::time::Duration;

use tokio::time::Instant;

/// About thirty years: as good as never.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Returns the end of a span of time. A setting such as `Duration::MAX` means never, and must not panic.
pub fn after(start: Instant, span: Duration) -> Instant {
    start + span.min(NEVER)
}
