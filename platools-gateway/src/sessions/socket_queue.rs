//! [`SocketQueue`]: the events that wait for one socket of an agent.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::domain::lock::lock;

/// The largest number of bytes that wait for one socket.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Reasons why the gateway ends a socket of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocketEnd {
    /// The socket does not read its events in time.
    TooSlow,
    /// The agent has opened another socket, and this one was heard from least recently.
    Replaced,
    /// The agent's session went without a heartbeat for too long.
    SessionTimedOut,
    /// The agent has ended its session.
    Disconnected,
}

/// The events that wait for one socket, in order. Their texts are shared with all other sockets that get them.
///
/// Queuing never waits. A socket ends when too much waits for it.
#[derive(Debug)]
pub(super) struct SocketQueue {
    waiting: Mutex<QueuedTexts>,
    limit: usize,
    changed: Notify,
}

#[derive(Debug, Default)]
struct QueuedTexts {
    texts: VecDeque<Bytes>,
    bytes: usize,
    end: Option<SocketEnd>,
}

impl SocketQueue {
    pub(super) fn new(limit: usize) -> Self {
        Self { waiting: Mutex::default(), limit, changed: Notify::new() }
    }

    /// Queues a text.
    pub(super) fn push(&self, text: &Bytes) {
        let mut waiting = self.lock();
        if waiting.end.is_some() {
            return;
        }
        if waiting.texts.len() >= self.limit || waiting.bytes + text.len() > MAX_BYTES {
            waiting.finish(SocketEnd::TooSlow);
        } else {
            waiting.bytes += text.len();
            waiting.texts.push_back(text.clone());
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Ends the socket. Queued texts are dropped.
    pub(super) fn finish(&self, end: SocketEnd) {
        self.lock().finish(end);
        self.changed.notify_one();
    }

    /// The next text, or the reason why the socket ends. Cancel-safe.
    pub(super) async fn next(&self) -> Result<Bytes, SocketEnd> {
        loop {
            {
                let mut waiting = self.lock();
                if let Some(end) = waiting.end {
                    return Err(end);
                }
                if let Some(text) = waiting.texts.pop_front() {
                    waiting.bytes -= text.len();
                    return Ok(text);
                }
            }
            self.changed.notified().await;
        }
    }

    /// Waits until the socket is to end. Cancel-safe.
    pub(super) async fn ended(&self) -> SocketEnd {
        loop {
            if let Some(end) = self.lock().end {
                return end;
            }
            self.changed.notified().await;
        }
    }

    /// True if the socket has to end.
    pub(super) fn has_ended(&self) -> bool {
        self.lock().end.is_some()
    }

    /// Removes and returns everything that waits.
    pub(super) fn take_all(&self) -> Vec<Bytes> {
        let mut waiting = self.lock();
        waiting.bytes = 0;
        std::mem::take(&mut waiting.texts).into()
    }

    /// True if nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().texts.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, QueuedTexts> {
        // Every section leaves the queue whole, so a panic in another task spoils nothing.
        lock(&self.waiting)
    }
}

impl QueuedTexts {
    fn finish(&mut self, end: SocketEnd) {
        self.end.get_or_insert(end);
        self.texts = VecDeque::new();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn texts_come_in_order_and_one_too_many_ends_the_socket() {
        let queue = SocketQueue::new(2);
        for text in ["a", "b"] {
            queue.push(&Bytes::from_static(text.as_bytes()));
        }
        assert_eq!(queue.next().await.as_deref(), Ok(&b"a"[..]));
        for _ in 0..2 {
            queue.push(&Bytes::from_static(b"c"));
        }
        assert_eq!(queue.next().await, Err(SocketEnd::TooSlow));
        assert!(queue.is_empty(), "nothing of it is kept in memory");
    }

    #[tokio::test]
    async fn a_few_large_texts_are_too_much_as_well() {
        let (queue, text) = (SocketQueue::new(1000), Bytes::from(vec![b'x'; MAX_BYTES / 2]));
        queue.push(&text);
        queue.push(&text);
        assert!(queue.next().await.is_ok());
        queue.push(&text);
        queue.push(&text);
        assert_eq!(queue.ended().await, SocketEnd::TooSlow);
    }

    #[tokio::test]
    async fn the_first_reason_stays() {
        let queue = SocketQueue::new(1);
        queue.finish(SocketEnd::Replaced);
        queue.finish(SocketEnd::Disconnected);
        queue.push(&Bytes::from_static(b"late"));
        assert_eq!(queue.next().await, Err(SocketEnd::Replaced));
    }
}
