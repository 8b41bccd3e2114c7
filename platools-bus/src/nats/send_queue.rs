//! [`SendQueue`]: queues the messages to the NATS server, so that publishing never waits. The queue is bounded.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::frame::Frame;
use crate::error::PublishError;

/// The queue of messages to the server.
#[derive(Clone, Debug)]
pub(super) struct SendQueue {
    sender: mpsc::Sender<Entry>,
    /// The bytes that may wait.
    bytes: Arc<Semaphore>,
}

/// An entry of the queue.
#[derive(Debug)]
pub(super) enum Entry {
    Send(Outgoing),
    /// Everything before this has been sent.
    Flush(oneshot::Sender<()>),
}

/// A message to the server.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) subject: String,
    pub(super) content: Content,
    /// The number of the request, if this is one.
    pub(super) request: Option<u64>,
    _bytes: OwnedSemaphorePermit,
}

/// The content of a message: a payload may become several frames.
#[derive(Debug)]
pub(super) enum Content {
    Payload(Bytes),
    Frame(Frame),
}

impl SendQueue {
    pub(super) fn new() -> (Self, mpsc::Receiver<Entry>) {
        let (sender, receiver) = mpsc::channel(MAX_MESSAGES);
        (Self { sender, bytes: Arc::new(Semaphore::new(MAX_BYTES as usize)) }, receiver)
    }

    /// Queues a message.
    ///
    /// # Errors
    /// Too many wait already, or the bus is closed.
    pub(super) fn push(&self, subject: String, content: Content, request: Option<u64>) -> Result<(), PublishError> {
        let length = match &content {
            Content::Payload(payload) => payload.len(),
            Content::Frame(_) => 0,
        };
        let length = u32::try_from(length).map_err(|_| PublishError::TooLong)?;
        let permit = Arc::clone(&self.bytes).try_acquire_many_owned(length).map_err(|_| PublishError::Overloaded)?;
        let outgoing = Outgoing { subject, content, request, _bytes: permit };
        self.sender.try_send(Entry::Send(outgoing)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => PublishError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => PublishError::Disconnected,
        })
    }

    /// Waits until everything that is queued was sent or given up.
    pub(super) async fn flush(&self) {
        let (sender, flushed) = oneshot::channel();
        if self.sender.send(Entry::Flush(sender)).await.is_ok() {
            let _ = flushed.await;
        }
    }
}

/// The most messages that wait.
const MAX_MESSAGES: usize = 8192;

/// The most bytes of payloads that wait.
const MAX_BYTES: u32 = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn push(send_queue: &SendQueue, length: usize) -> Result<(), PublishError> {
        send_queue.push("a".to_owned(), Content::Payload(vec![0; length].into()), None)
    }

    #[test]
    fn messages_and_bytes_are_bounded_until_they_are_sent() {
        let (send_queue, mut queue) = SendQueue::new();
        for _ in 0..4 {
            push(&send_queue, MAX_BYTES as usize / 4).unwrap();
        }
        assert_eq!(push(&send_queue, 1), Err(PublishError::Overloaded));
        drop(queue.try_recv().unwrap());
        push(&send_queue, 1).unwrap();
        for _ in 4..MAX_MESSAGES {
            push(&send_queue, 0).unwrap();
        }
        assert_eq!(push(&send_queue, 0), Err(PublishError::Overloaded));
        drop(queue);
        assert_eq!(push(&send_queue, 0), Err(PublishError::Disconnected));
    }
}
