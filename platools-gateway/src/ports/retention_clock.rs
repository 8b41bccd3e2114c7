//! [`RetentionClockStore`]: the port that stores the time of the retention clock, so that a restart with a wrong wall clock deletes
//! nothing.

use async_trait::async_trait;

use crate::domain::error::Error;

/// Stores the time that deletion by age goes by.
#[async_trait]
pub(crate) trait RetentionClockStore: std::fmt::Debug + Send + Sync {
    /// The time that was stored last, in milliseconds since 1970; before there is one, the begin of the newest call.
    async fn retention_ms(&self) -> Result<Option<i64>, Error>;

    /// Stores a time.
    async fn set_retention_ms(&self, ms: i64) -> Result<(), Error>;
}
