//! `Heard`: when the other side of a connection last showed life.

use tokio::time::Instant;

use crate::link::{Traffic, Transport};

/// When the last byte came, or the other side last took bytes that waited for it: one large message in either direction is no
/// silence.
#[derive(Debug, Clone)]
pub(super) struct Heard(Traffic);

impl Heard {
    /// Listens on a connection that is open.
    pub(super) fn on(stream: Box<dyn Transport>) -> (Box<dyn Transport>, Self) {
        let (stream, traffic) = Traffic::on(stream);
        (stream, Self(traffic))
    }

    /// When that was.
    pub(super) fn last(&self) -> Instant {
        self.0.last_read().max(self.0.last_taken())
    }
}
