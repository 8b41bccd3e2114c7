//! [`SessionStore`]: the port that stores the sessions of agents, and changes of sessions, channels and messages.

use async_trait::async_trait;

use crate::domain::channel::ChannelBounds;
use crate::domain::error::Error;
use crate::domain::session::{SessionWrite, StoredSession, WriteEffect};

/// Stores the sessions of agents, and writes the changes of sessions, channels and messages.
#[async_trait]
pub(crate) trait SessionStore: std::fmt::Debug + Send + Sync {
    /// Every session.
    async fn runtime_sessions(&self) -> Result<Vec<StoredSession>, Error>;

    /// Makes changes in order, all or none. Returns the effect of each; see [`SessionWrite`] for those that may have none.
    async fn write_sessions(
        &self,
        writes: &[SessionWrite<'_>],
        bounds: ChannelBounds,
    ) -> Result<Vec<WriteEffect>, Error>;
}
