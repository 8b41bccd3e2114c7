//! [`Responses`]: the queue of responses that wait to be written to a worker. It is bounded, because a worker may send frames without
//! reading the responses.

use tokio::sync::mpsc;

use crate::limits::gauge::{Gauge, HeldAmount};

/// The most responses that wait for a socket. Each answers a frame, so a worker with this many sends without reading.
const RESPONSES: usize = 256;

/// Bytes of waiting responses from which on further ones are refused.
const BYTES: usize = 4 * 1024 * 1024;

/// The sending end of the queue of responses. Clones share it.
#[derive(Clone)]
pub(super) struct Responses {
    queue: mpsc::Sender<(Vec<String>, HeldAmount)>,
    bytes: Gauge,
}

/// The receiving end of the queue of responses.
pub(super) struct WaitingResponses {
    queue: mpsc::Receiver<(Vec<String>, HeldAmount)>,
}

/// Too much waits already.
#[derive(Debug)]
pub(super) struct Full;

pub(super) fn channel() -> (Responses, WaitingResponses) {
    let (sender, receiver) = mpsc::channel(RESPONSES);
    (Responses { queue: sender, bytes: Gauge::default() }, WaitingResponses { queue: receiver })
}

impl Responses {
    /// Queues the frames that answer one frame. One answer fits into an empty queue, however long it is.
    pub(super) fn send(&self, frames: Vec<String>) -> Result<(), Full> {
        let bytes = self.bytes.hold_unless_past(frames.iter().map(String::len).sum(), BYTES).ok_or(Full)?;
        self.queue.try_send((frames, bytes)).map_err(|_| Full)
    }
}

impl WaitingResponses {
    /// The frames that answer the next frame. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Vec<String>> {
        self.queue.recv().await.map(|(frames, _bytes)| frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn replies_are_bounded_in_bytes() {
        let (responses, mut waiting) = channel();
        let long = || vec!["x".repeat(BYTES), "x".to_owned()];
        responses.send(long()).unwrap();
        responses.send(long()).unwrap_err();

        let (responses, mut rest) = channel();
        for _ in 0..10 {
            responses.send(long()).unwrap();
            assert_eq!(rest.next().await.unwrap().len(), 2);
        }
        assert!(waiting.next().await.is_some());
    }

    #[test]
    fn replies_are_bounded_in_number() {
        let (responses, _waiting) = channel();
        for _ in 0..RESPONSES {
            responses.send(vec![String::new()]).unwrap();
        }
        responses.send(vec![String::new()]).unwrap_err();
    }
}
