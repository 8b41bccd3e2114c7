//! [`Inbox`]: keeps the messages of one subscription until the subscriber reads them. Messages beyond [`InboxBounds`] are dropped, and the
//! subscriber sees a gap in their place.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::error::NotDelivered;
use crate::message::{Event, Message};

/// Messages that a subscription holds for its reader. More are dropped, and [`Event::Gap`] stands in their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxBounds {
    /// The number of messages.
    pub messages: usize,
    /// The sum of their payloads, in bytes. An empty inbox takes one message of any length.
    pub bytes: usize,
}

impl Default for InboxBounds {
    /// 1,024 messages and 32 MiB.
    fn default() -> Self {
        Self { messages: 1024, bytes: 32 * 1024 * 1024 }
    }
}

/// The queue between a bus and the reader of a subscription.
#[derive(Debug)]
pub(crate) struct Inbox {
    bounds: InboxBounds,
    queue: Mutex<Queue>,
    /// Wakes the reader.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Event>,
    messages: usize,
    bytes: usize,
    is_closed: bool,
}

impl Inbox {
    pub(crate) fn new(bounds: InboxBounds) -> Self {
        Self { bounds, queue: Mutex::default(), changed: Notify::new() }
    }

    /// Adds a message. A full inbox drops it and has a gap in its place; a request is refused then.
    pub(crate) fn offer(&self, message: Message) {
        let added = self.lock().add(message, self.bounds);
        match added {
            Ok(()) => self.changed.notify_one(),
            // Not under the lock: the sender may be in this process.
            Err((message, reason)) => message.refuse(reason),
        }
    }

    /// Notes that messages may be missing here.
    pub(crate) fn push_gap(&self) {
        let mut queue = self.lock();
        if !queue.is_closed {
            queue.add_gap();
            drop(queue);
            self.changed.notify_one();
        }
    }

    /// Takes no more messages. The reader receives those that are there.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// Takes no more messages, and refuses the requests that were not read.
    pub(crate) fn abandon(&self) {
        let events = {
            let mut queue = self.lock();
            queue.is_closed = true;
            std::mem::take(&mut queue.events)
        };
        // Not under the lock: the sender may be in this process.
        for event in events {
            if let Event::Message(message) = event {
                message.refuse(NotDelivered::NoSubscriber);
            }
        }
    }

    /// The next event; `None` when the inbox is closed and empty. There is one reader.
    pub(crate) async fn next(&self) -> Option<Event> {
        loop {
            {
                let mut queue = self.lock();
                if let Some(event) = queue.take() {
                    return Some(event);
                }
                if queue.is_closed {
                    return None;
                }
            }
            // A permit is kept if the queue has changed since it was unlocked.
            self.changed.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn add(&mut self, message: Message, bounds: InboxBounds) -> Result<(), (Message, NotDelivered)> {
        if self.is_closed {
            return Err((message, NotDelivered::NoSubscriber));
        }
        let bytes = message.payload.len();
        let is_full = self.messages >= bounds.messages || self.bytes + bytes > bounds.bytes;
        if is_full && self.messages > 0 {
            self.add_gap();
            return Err((message, NotDelivered::Busy));
        }
        self.messages += 1;
        self.bytes += bytes;
        self.events.push_back(Event::Message(message));
        Ok(())
    }

    /// A gap stands for any number of missing messages in a row.
    fn add_gap(&mut self) {
        if !matches!(self.events.back(), Some(Event::Gap)) {
            self.events.push_back(Event::Gap);
        }
    }

    fn take(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        if let Event::Message(message) = &event {
            self.messages -= 1;
            self.bytes -= message.payload.len();
        }
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::FutureExt as _;

    use std::sync::Arc;

    use super::*;
    use crate::message::{Answer, Responder};

    fn message(text: &'static str) -> Message {
        Message::new(Bytes::from_static(text.as_bytes()), None)
    }

    fn read(inbox: &Inbox) -> Vec<String> {
        let mut texts = Vec::new();
        while let Some(Some(event)) = inbox.next().now_or_never() {
            texts.push(match event {
                Event::Message(message) => String::from_utf8(message.payload.to_vec()).unwrap(),
                Event::Gap => "gap".to_owned(),
            });
        }
        texts
    }

    #[test]
    fn a_full_inbox_has_a_gap_for_what_it_lost() {
        let inbox = Inbox::new(InboxBounds { messages: 2, bytes: 100 });
        for text in ["a", "b", "c", "d"] {
            inbox.offer(message(text));
        }
        assert_eq!(read(&inbox), ["a", "b", "gap"]);
        inbox.offer(message("e"));
        assert_eq!(read(&inbox), ["e"]);
    }

    #[test]
    fn bytes_are_bounded_but_one_message_always_fits() {
        let inbox = Inbox::new(InboxBounds { messages: 10, bytes: 3 });
        for text in ["longer than that", "x"] {
            inbox.offer(message(text));
        }
        assert_eq!(read(&inbox), ["longer than that", "gap"]);
        for text in ["ab", "c", "d"] {
            inbox.offer(message(text));
        }
        assert_eq!(read(&inbox), ["ab", "c", "gap"]);
    }

    #[test]
    fn requests_that_do_not_get_in_are_told_why() {
        let answers = Arc::new(Mutex::new(Vec::new()));
        let request = |inbox: &Inbox| {
            let answers = Arc::clone(&answers);
            let responder = Responder::new(move |answer| answers.lock().unwrap().push(answer));
            inbox.offer(Message::new(Bytes::new(), Some(responder)));
        };
        let inbox = Inbox::new(InboxBounds { messages: 1, bytes: 100 });
        request(&inbox);
        request(&inbox);
        assert_eq!(*answers.lock().unwrap(), [Answer::NotDelivered(NotDelivered::Busy)]);
        inbox.abandon();
        request(&inbox);
        let nobody = || Answer::NotDelivered(NotDelivered::NoSubscriber);
        assert_eq!(answers.lock().unwrap()[1..], [nobody(), nobody()]);
    }

    #[test]
    fn a_closed_inbox_is_read_to_its_end() {
        let inbox = Inbox::new(InboxBounds::default());
        inbox.offer(message("a"));
        inbox.push_gap();
        inbox.push_gap();
        inbox.close();
        inbox.offer(message("b"));
        assert_eq!(read(&inbox), ["a", "gap"]);
        assert!(inbox.next().now_or_never().unwrap().is_none());
    }
}
