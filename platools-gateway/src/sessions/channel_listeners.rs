//! [`ChannelListeners`]: the sockets of this gateway that subscribe to one channel. Where several gateways write to the channel, it puts
//! the messages in the order of their positions, and knows which ones are to be read from the database.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::socket_queue::SocketQueue;
use crate::domain::channel::StoredChannel;
use crate::domain::ids::AgentId;

/// The subscribers of a channel, by the number of their socket.
#[derive(Debug)]
pub(super) struct ChannelListeners {
    channel: Arc<StoredChannel>,
    subscribers: HashMap<u64, Subscriber>,
    /// The order of messages. None: only this gateway writes, in order.
    order: Option<MessageOrder>,
}

#[derive(Debug)]
struct Subscriber {
    agent: AgentId,
    queue: Arc<SocketQueue>,
}

/// The messages that the subscribers have.
#[derive(Debug)]
struct MessageOrder {
    /// The position of the next message.
    next: i64,
    missing: Option<MissingMessages>,
    /// The number of times that messages were found missing.
    finds: u64,
}

/// Messages that are in the database but did not come in order.
#[derive(Debug, Clone, Copy)]
struct MissingMessages {
    /// The last position that is known to be in the database.
    last: i64,
    /// The number of the last find.
    find: u64,
}

/// Messages to read from the database.
#[derive(Debug, Clone)]
pub(super) struct MessagesToRead {
    pub(super) channel: Arc<StoredChannel>,
    /// The position of the first one.
    pub(super) from: i64,
    missing: MissingMessages,
}

impl ChannelListeners {
    /// A channel without subscribers. If several gateways write to it, the subscribers get the messages from a position on.
    pub(super) fn new(channel: StoredChannel, next: Option<i64>) -> Self {
        let order = next.map(|next| MessageOrder { next, missing: None, finds: 0 });
        let mut listeners = Self { channel: Arc::new(channel), subscribers: HashMap::new(), order };
        // Messages may have come since the position was read.
        listeners.look();
        listeners
    }

    pub(super) fn add(&mut self, number: u64, agent: &AgentId, queue: &Arc<SocketQueue>) {
        self.subscribers.insert(number, Subscriber { agent: agent.clone(), queue: Arc::clone(queue) });
    }

    pub(super) fn remove(&mut self, number: u64) {
        self.subscribers.remove(&number);
    }

    pub(super) fn remove_agent(&mut self, agent: &AgentId) {
        self.subscribers.retain(|_, subscriber| subscriber.agent != *agent);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }

    /// The agents that subscribe.
    pub(super) fn agents(&self) -> impl Iterator<Item = &AgentId> {
        self.subscribers.values().map(|subscriber| &subscriber.agent)
    }

    /// Queues a text for every subscriber, and returns the number of subscribers.
    pub(super) fn publish(&self, text: &Bytes) -> usize {
        self.subscribers.values().map(|subscriber| subscriber.queue.push(text)).count()
    }

    /// Takes a message that was stored. It is queued if it is the next one, and dropped if it was queued before. Returns true if messages
    /// are to be read from the database.
    pub(super) fn take(&mut self, position: i64, text: &Bytes) -> bool {
        let Some(order) = &mut self.order else {
            self.publish(text);
            return false;
        };
        if position > order.next {
            order.find(position);
        } else if position == order.next {
            order.next += 1;
            self.publish(text);
        }
        self.order.as_ref().is_some_and(|order| order.missing.is_some())
    }

    /// Looks for messages in the database that did not come.
    pub(super) fn look(&mut self) {
        if let Some(order) = &mut self.order {
            order.find(order.next - 1);
        }
    }

    /// The messages that are to be read from the database.
    pub(super) fn to_read(&self) -> Option<MessagesToRead> {
        let order = self.order.as_ref()?;
        let missing = order.missing?;
        Some(MessagesToRead { channel: Arc::clone(&self.channel), from: order.next, missing })
    }

    /// Takes the messages that were read: all from the position on, or as many as `is_complete` says.
    pub(super) fn take_read(&mut self, read: &MessagesToRead, messages: &[(i64, Bytes)], is_complete: bool) {
        for (position, text) in messages {
            let Some(order) = &mut self.order else { return };
            // Old messages may have been deleted, so the next one may have a later position.
            if *position >= order.next {
                order.next = position + 1;
                self.publish(text);
            }
        }
        let Some(order) = self.order.as_mut().filter(|_| is_complete) else { return };
        if order.missing.is_some_and(|missing| missing.find == read.missing.find) {
            order.missing = None;
        }
        order.next = order.next.max(read.missing.last + 1);
    }
}

impl MessageOrder {
    fn find(&mut self, last: i64) {
        self.finds += 1;
        let last = self.missing.map_or(last, |missing| missing.last.max(last));
        self.missing = Some(MissingMessages { last, find: self.finds });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listeners(next: Option<i64>) -> (ChannelListeners, Arc<SocketQueue>) {
        let mut listeners = ChannelListeners::new(StoredChannel::sample("c"), next);
        let queue = Arc::new(SocketQueue::new(100));
        listeners.add(1, &"a".into(), &queue);
        (listeners, queue)
    }

    fn text(position: i64) -> Bytes {
        position.to_string().into()
    }

    fn heard(queue: &SocketQueue) -> Vec<i64> {
        queue.take_all().iter().map(|text| std::str::from_utf8(text).unwrap().parse().unwrap()).collect()
    }

    /// Reads the messages up to a position, as the database has them.
    fn read(listeners: &mut ChannelListeners, oldest: i64, newest: i64) {
        let to_read = listeners.to_read().expect("something is missing");
        let rows: Vec<_> = (to_read.from.max(oldest)..=newest).map(|position| (position, text(position))).collect();
        listeners.take_read(&to_read, &rows, true);
    }

    #[test]
    fn messages_that_overtake_others_wait_for_the_database() {
        let (mut listeners, queue) = listeners(Some(5));
        read(&mut listeners, 0, 4);
        listeners.take(5, &text(5));
        listeners.take(8, &text(8));
        listeners.take(6, &text(6));
        assert_eq!(heard(&queue), [5, 6]);
        read(&mut listeners, 0, 8);
        listeners.take(7, &text(7));
        assert_eq!(heard(&queue), [7, 8], "each comes once");
        assert!(listeners.to_read().is_none());
    }

    #[test]
    fn a_message_that_comes_while_others_are_read_is_not_forgotten() {
        let (mut listeners, queue) = listeners(Some(0));
        listeners.take(1, &text(1));
        let to_read = listeners.to_read().unwrap();
        listeners.take(3, &text(3));
        listeners.take_read(&to_read, &[(0, text(0)), (1, text(1))], true);
        assert_eq!(heard(&queue), [0, 1]);
        read(&mut listeners, 0, 3);
        assert_eq!(heard(&queue), [2, 3]);
    }

    #[test]
    fn messages_that_were_deleted_meanwhile_hold_up_no_others() {
        let (mut listeners, queue) = listeners(Some(0));
        listeners.take(9, &text(9));
        read(&mut listeners, 8, 9);
        assert_eq!(heard(&queue), [8, 9]);
        listeners.take(20, &text(20));
        let to_read = listeners.to_read().unwrap();
        listeners.take_read(&to_read, &[], true);
        listeners.take(21, &text(21));
        assert_eq!(heard(&queue), [21]);
    }

    #[test]
    fn a_part_of_the_messages_is_followed_by_the_next() {
        let (mut listeners, queue) = listeners(Some(0));
        listeners.take(3, &text(3));
        let to_read = listeners.to_read().unwrap();
        listeners.take_read(&to_read, &[(0, text(0)), (1, text(1))], false);
        assert_eq!(listeners.to_read().unwrap().from, 2);
        read(&mut listeners, 0, 3);
        assert_eq!(heard(&queue), [0, 1, 2, 3]);
    }

    #[test]
    fn one_gateway_alone_reads_nothing() {
        let (mut listeners, queue) = listeners(None);
        listeners.look();
        listeners.take(7, &text(7));
        listeners.take(3, &text(3));
        assert!(listeners.to_read().is_none());
        assert_eq!(heard(&queue), [7, 3]);
    }
}
