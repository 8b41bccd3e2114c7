//! The replies to a worker that are not written yet.

use tokio::sync::mpsc;

use crate::limits::gauge::{Gauge, Held};

/// The most replies that wait for a socket. Each answers a frame, so a worker with this many sends without reading.
const REPLIES: usize = 256;

/// Bytes of waiting replies from which on further ones are refused.
const BYTES: usize = 4 * 1024 * 1024;

/// Takes replies.
pub(super) struct Replies {
    queue: mpsc::Sender<(Vec<String>, Held)>,
    bytes: Gauge,
}

/// Has replies to be written.
pub(super) struct WaitingReplies {
    queue: mpsc::Receiver<(Vec<String>, Held)>,
}

/// Too much waits already.
#[derive(Debug)]
pub(super) struct Full;

pub(super) fn channel() -> (Replies, WaitingReplies) {
    let (sender, receiver) = mpsc::channel(REPLIES);
    (Replies { queue: sender, bytes: Gauge::default() }, WaitingReplies { queue: receiver })
}

impl Replies {
    /// Queues the frames that answer one frame. One answer fits into an empty queue, however long it is.
    pub(super) fn send(&self, frames: Vec<String>) -> Result<(), Full> {
        let bytes = self.bytes.hold_unless_past(frames.iter().map(String::len).sum(), BYTES).ok_or(Full)?;
        self.queue.try_send((frames, bytes)).map_err(|_| Full)
    }
}

impl WaitingReplies {
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
        let (replies, mut waiting) = channel();
        let long = || vec!["x".repeat(BYTES), "x".to_owned()];
        replies.send(long()).unwrap();
        replies.send(long()).unwrap_err();

        let (replies, mut rest) = channel();
        for _ in 0..10 {
            replies.send(long()).unwrap();
            assert_eq!(rest.next().await.unwrap().len(), 2);
        }
        assert!(waiting.next().await.is_some());
    }

    #[test]
    fn replies_are_bounded_in_number() {
        let (replies, _waiting) = channel();
        for _ in 0..REPLIES {
            replies.send(vec![String::new()]).unwrap();
        }
        replies.send(vec![String::new()]).unwrap_err();
    }
}
