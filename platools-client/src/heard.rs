//! `Heard`: when the other side of a connection last showed life.

use tokio::time::Instant;

use platools_transport::{Traffic, Transport};

/// Time of the last sign of life: the last byte came, or the other side last took bytes. One large message in either direction is no
/// silence.
#[derive(Debug, Clone)]
pub(super) struct Heard(Traffic);

impl Heard {
    /// Listens on a connection that is open.
    pub(super) fn on(stream: Box<dyn Transport>) -> (Box<dyn Transport>, Self) {
        let (stream, traffic) = Traffic::on(stream);
        (stream, Self(traffic))
    }

    /// Returns the time of the last sign of life.
    pub(super) fn last(&self) -> Instant {
        self.0.last_read().max(self.0.last_taken())
    }
}
