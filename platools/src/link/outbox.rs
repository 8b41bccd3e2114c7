//! [`Outbox`]: keeps replies until the platform confirms them, within limits of bytes and age, for `delivery.rs`.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::dispatch::{CallKey, KeyHasher};
use platools_transport::after;

/// Replies in the order they were made. The socket takes each from here when it has room for it.
///
/// Frames arrive in order, so the answer to a heartbeat confirms every reply sent before it on the same socket. What a
/// socket took along unconfirmed is sent again on the next one: the platform matches replies by call id and ignores
/// repeats. A platform that acknowledges single replies has them forgotten at once, in any order.
#[derive(Debug)]
pub(crate) struct Outbox {
    bounds: Bounds,
    /// `None` in the place of a reply that was acknowledged before an older one; never at the front.
    replies: VecDeque<Option<Reply>>,
    /// The number of the latest reply to each call; `None` until a platform acknowledges one, and most acknowledge none.
    numbers: Option<Numbers>,
    bytes: usize,
    /// The number of replies that have left, confirmed or dropped: the number of the first that is kept.
    gone: u64,
    /// The number of the first reply that is not on the current socket yet.
    unsent: u64,
    unsent_bytes: usize,
    /// Bytes sent behind the last heartbeat.
    unasked_bytes: usize,
    /// Up to where each heartbeat on its way confirms.
    marks: VecDeque<u64>,
}

impl Outbox {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            replies: VecDeque::new(),
            numbers: None,
            bytes: 0,
            gone: 0,
            unsent: 0,
            unsent_bytes: 0,
            unasked_bytes: 0,
            marks: VecDeque::new(),
        }
    }

    /// Keeps a reply, and says how many old ones had to go for it.
    pub(crate) fn push(&mut self, call: CallKey, frame: Bytes, now: Instant) -> usize {
        let reply = Reply { call, frame, made: now };
        self.bytes += reply.bytes();
        self.unsent_bytes += reply.bytes();
        if let Some(numbers) = &mut self.numbers {
            numbers.insert(call, self.gone + self.replies.len() as u64);
        }
        self.replies.push_back(Some(reply));
        self.give_up(|outbox| outbox.replies.len() > 1 && (outbox.bytes > outbox.bounds.bytes || outbox.is_old(now)))
    }

    /// Gives up the replies that are too old, and says how many there were.
    pub(crate) fn expire(&mut self, now: Instant) -> usize {
        self.give_up(|outbox| outbox.is_old(now))
    }

    /// The time at which the oldest reply is too old.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.oldest().map(|oldest| after(oldest.made, self.bounds.age))
    }

    /// The next reply that is not on the current socket yet; from here on it counts as sent.
    pub(crate) fn next_unsent(&mut self) -> Option<&Bytes> {
        loop {
            let index = usize::try_from(self.unsent - self.gone).ok()?;
            let reply = self.replies.get(index)?;
            self.unsent += 1;
            if let Some(reply) = reply {
                self.unsent_bytes -= reply.bytes();
                self.unasked_bytes += reply.bytes();
                return Some(&reply.frame);
            }
        }
    }

    /// A heartbeat was sent behind everything sent so far.
    pub(crate) fn heartbeat_sent(&mut self) {
        self.marks.push_back(self.unsent);
        self.unasked_bytes = 0;
    }

    /// The platform answered the oldest heartbeat on its way.
    pub(crate) fn heartbeat_answered(&mut self) {
        if let Some(confirmed) = self.marks.pop_front() {
            while self.gone < confirmed && !self.replies.is_empty() {
                self.drop_front();
            }
        }
    }

    /// The reply to that call has arrived, on whichever socket.
    pub(crate) fn acknowledged(&mut self, call: CallKey) {
        let Some(number) = self.numbers().get(&call).copied() else { return };
        let index = usize::try_from(number - self.gone).ok();
        if let Some(reply) = index.and_then(|index| self.replies.get_mut(index)).and_then(Option::take) {
            self.forget(&reply, number);
            self.drop_gaps();
        }
    }

    /// The platform has read everything.
    pub(crate) fn all_arrived(&mut self) {
        while !self.replies.is_empty() {
            self.drop_front();
        }
    }

    /// A new socket: nothing is on it, and no heartbeat is on its way.
    pub(crate) fn reconnected(&mut self) {
        self.marks.clear();
        self.unsent = self.gone;
        (self.unsent_bytes, self.unasked_bytes) = (self.bytes, 0);
    }

    /// Returns true if many bytes were sent since the last heartbeat and are not confirmed: another heartbeat should ask for them now.
    pub(crate) fn wants_confirmation(&self) -> bool {
        self.unasked_bytes.min(self.bytes - self.unsent_bytes) > ASK_EARLY.min(self.bounds.bytes / 2)
    }

    /// Returns true if too many bytes wait to be sent: no further call should run.
    pub(crate) fn is_backlogged(&self) -> bool {
        self.unsent_bytes > MIN_BACKLOG.max(self.bounds.bytes / 2)
    }

    /// Bytes of the replies that are not on the current socket yet.
    pub(crate) fn unsent_bytes(&self) -> usize {
        self.unsent_bytes
    }

    /// The number of replies that are not known to have arrived.
    pub(crate) fn unconfirmed(&self) -> usize {
        self.replies.iter().flatten().count()
    }

    /// Returns true if every reply is known to have arrived.
    pub(crate) fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }

    fn oldest(&self) -> Option<&Reply> {
        self.replies.front().and_then(Option::as_ref)
    }

    fn is_old(&self, now: Instant) -> bool {
        self.oldest().is_some_and(|oldest| now.saturating_duration_since(oldest.made) >= self.bounds.age)
    }

    fn give_up(&mut self, must_go: impl Fn(&Self) -> bool) -> usize {
        let mut dropped = 0;
        while must_go(self) {
            self.drop_front();
            dropped += 1;
        }
        dropped
    }

    fn drop_front(&mut self) {
        if let Some(reply) = self.replies.pop_front() {
            if let Some(reply) = reply {
                self.forget(&reply, self.gone);
            }
            self.gone += 1;
            self.unsent = self.unsent.max(self.gone);
            self.drop_gaps();
        }
    }

    /// Takes a reply of that number out of the sums and the index.
    fn forget(&mut self, reply: &Reply, number: u64) {
        self.bytes -= reply.bytes();
        if number >= self.unsent {
            self.unsent_bytes -= reply.bytes();
        }
        // A call may have had another reply since.
        if let Some(numbers) = self.numbers.as_mut().filter(|numbers| numbers.get(&reply.call) == Some(&number)) {
            numbers.remove(&reply.call);
        }
    }

    fn numbers(&mut self) -> &Numbers {
        let (replies, gone) = (&self.replies, self.gone);
        self.numbers.get_or_insert_with(|| {
            let numbered = replies.iter().zip(gone..);
            numbered.filter_map(|(reply, number)| reply.as_ref().map(|reply| (reply.call, number))).collect()
        })
    }

    /// Forgets the places of replies that were acknowledged, up to the oldest that was not.
    fn drop_gaps(&mut self) {
        while let Some(None) = self.replies.front() {
            self.replies.pop_front();
            self.gone += 1;
            self.unsent = self.unsent.max(self.gone);
        }
    }
}

/// Bounds of what is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Bytes of replies, sent or not, each with [`OVERHEAD`].
    pub(crate) bytes: usize,
    /// Age of a reply: no platform waits longer for one.
    pub(crate) age: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes: 64 * 1024 * 1024, age: Duration::from_secs(600) }
    }
}

type Numbers = HashMap<CallKey, u64, BuildHasherDefault<KeyHasher>>;

#[derive(Debug)]
struct Reply {
    /// Not the id, which would be one more piece of memory to keep for every call.
    call: CallKey,
    frame: Bytes,
    made: Instant,
}

impl Reply {
    fn bytes(&self) -> usize {
        self.frame.len() + OVERHEAD
    }
}

/// Memory that a reply takes beside the bytes of its frame.
pub(crate) const OVERHEAD: usize = 128;

/// Past so many bytes sent behind the last heartbeat another one is sent ahead of time, so that a busy worker does not keep half
/// a minute's replies, and a slow link makes progress that outlives it.
const ASK_EARLY: usize = 1024 * 1024;

/// Calls are never refused for a backlog smaller than this, however little is to be kept: one burst of calls makes as much.
const MIN_BACKLOG: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// An outbox for so many replies with so many bytes in all.
    fn outbox(replies: usize, bytes: usize) -> Outbox {
        Outbox::new(Bounds { bytes: replies * OVERHEAD + bytes, age: Duration::from_secs(60) })
    }

    fn sent(outbox: &mut Outbox) -> Vec<String> {
        std::iter::from_fn(|| outbox.next_unsent().cloned())
            .map(|frame| String::from_utf8_lossy(&frame).into_owned())
            .collect()
    }

    /// The key of the call whose reply begins so.
    fn key(frame: &str) -> CallKey {
        CallKey::of(frame.as_bytes()[0].into())
    }

    fn push(outbox: &mut Outbox, frame: &'static str) -> usize {
        outbox.push(key(frame), Bytes::from_static(frame.as_bytes()), Instant::now())
    }

    #[test]
    fn an_answered_heartbeat_confirms_what_was_sent_before_it_and_no_more() {
        let mut outbox = outbox(8, 8);
        push(&mut outbox, "a");
        push(&mut outbox, "b");
        assert_eq!(sent(&mut outbox), ["a", "b"]);
        outbox.heartbeat_sent();
        push(&mut outbox, "c");
        assert_eq!(sent(&mut outbox), ["c"]);
        outbox.heartbeat_answered();
        outbox.reconnected();
        assert_eq!(sent(&mut outbox), ["c"], "a and b have arrived");
    }

    #[test]
    fn an_answer_to_a_heartbeat_of_an_earlier_socket_confirms_nothing() {
        let mut outbox = outbox(8, 8);
        push(&mut outbox, "a");
        sent(&mut outbox);
        outbox.heartbeat_sent();
        outbox.reconnected();
        outbox.heartbeat_answered();
        assert_eq!(sent(&mut outbox), ["a"]);
    }

    #[test]
    fn replies_made_without_a_socket_wait_for_one() {
        let mut outbox = outbox(8, 8);
        outbox.heartbeat_sent();
        push(&mut outbox, "a");
        outbox.heartbeat_answered();
        assert_eq!(outbox.unconfirmed(), 1, "the heartbeat was sent before it");
        assert_eq!(sent(&mut outbox), ["a"]);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_bytes() {
        let mut outbox = outbox(2, 4);
        assert_eq!(push(&mut outbox, "aa"), 0);
        assert_eq!(push(&mut outbox, "bb"), 0);
        assert_eq!(push(&mut outbox, "cc"), 1);
        assert_eq!(sent(&mut outbox), ["bb", "cc"]);
        assert_eq!(push(&mut outbox, "larger than all"), 2);
        assert_eq!(sent(&mut outbox), ["larger than all"], "the newest is kept whatever its size");
    }

    #[test]
    fn replies_nobody_waits_for_any_more_go() {
        let mut outbox = outbox(8, 8);
        let start = Instant::now();
        outbox.push(key("a"), Bytes::from_static(b"a"), start);
        assert_eq!(outbox.push(key("b"), Bytes::from_static(b"b"), start + Duration::from_secs(61)), 1);
        assert_eq!(sent(&mut outbox), ["b"]);
    }

    #[test]
    fn much_unconfirmed_asks_for_a_confirmation() {
        let mut outbox = outbox(2, 8);
        push(&mut outbox, "aaaa");
        push(&mut outbox, "b");
        assert!(!outbox.wants_confirmation(), "nothing of it is sent");
        outbox.next_unsent();
        assert!(!outbox.wants_confirmation());
        outbox.next_unsent();
        assert!(outbox.wants_confirmation());
        outbox.heartbeat_sent();
        assert!(!outbox.wants_confirmation(), "a heartbeat asks for it");
        outbox.reconnected();
        assert!(!outbox.wants_confirmation(), "nothing is on the new socket");
        assert_eq!(sent(&mut outbox).len(), 2);
        assert!(outbox.wants_confirmation());
        outbox.acknowledged(key("b"));
        assert!(!outbox.wants_confirmation(), "little of it is in doubt");
    }

    #[test]
    fn acknowledged_replies_are_forgotten_in_any_order() {
        let mut outbox = outbox(8, 8);
        for frame in ["a", "b", "c", "d"] {
            push(&mut outbox, frame);
        }
        assert_eq!(sent(&mut outbox).len(), 4);
        for call_id in ["c", "x", "b", "b"] {
            outbox.acknowledged(key(call_id));
        }
        assert_eq!((outbox.unconfirmed(), outbox.bytes), (2, 2 + 2 * OVERHEAD));
        outbox.reconnected();
        assert_eq!(sent(&mut outbox), ["a", "d"]);
        outbox.acknowledged(key("a"));
        push(&mut outbox, "e");
        assert_eq!(sent(&mut outbox), ["e"]);
        ["e", "d"].into_iter().for_each(|call_id| outbox.acknowledged(key(call_id)));
        assert!(outbox.is_empty() && outbox.numbers().is_empty(), "no gap stays");
        assert_eq!((outbox.bytes, outbox.unsent_bytes), (0, 0));
    }

    #[test]
    fn a_heartbeat_confirms_what_was_sent_before_it_around_acknowledged_replies() {
        let mut outbox = outbox(8, 8);
        push(&mut outbox, "a");
        push(&mut outbox, "b");
        sent(&mut outbox);
        outbox.heartbeat_sent();
        push(&mut outbox, "c");
        push(&mut outbox, "d");
        sent(&mut outbox);
        ["c", "b"].into_iter().for_each(|call_id| outbox.acknowledged(key(call_id)));
        outbox.heartbeat_answered();
        outbox.reconnected();
        assert_eq!(sent(&mut outbox), ["d"]);
    }

    #[test]
    fn a_reply_acknowledged_before_it_was_sent_again_is_not_sent_again() {
        let mut outbox = outbox(8, 8);
        push(&mut outbox, "a");
        push(&mut outbox, "b");
        sent(&mut outbox);
        outbox.reconnected();
        outbox.acknowledged(key("b"));
        assert_eq!(sent(&mut outbox), ["a"]);
    }

    #[test]
    fn the_age_of_a_reply_is_looked_at_without_another_one() {
        let mut outbox = outbox(8, 8);
        let (start, age) = (Instant::now(), Duration::from_secs(60));
        for (second, frame) in (0_u32..).zip(["a", "b"]) {
            outbox.push(key(frame), Bytes::from_static(frame.as_bytes()), start + Duration::from_secs(1) * second);
        }
        assert_eq!(outbox.next_expiry(), Some(start + age));
        assert_eq!(outbox.expire(start + age - Duration::from_millis(1)), 0);
        assert_eq!(outbox.expire(start + age), 1);
        assert_eq!(outbox.expire(start + age + age), 1);
        assert_eq!((outbox.next_expiry(), outbox.bytes, outbox.unsent_bytes), (None, 0, 0));
    }

    #[test]
    fn replies_that_wait_to_be_sent_are_a_backlog_until_they_are_sent() {
        let half = MIN_BACKLOG + 1024;
        let mut outbox = Outbox::new(Bounds { bytes: 2 * half, age: Duration::from_secs(60) });
        let frame = Bytes::from("x".repeat(half / 2));
        for call in ["a", "b"] {
            assert!(!outbox.is_backlogged());
            outbox.push(key(call), frame.clone(), Instant::now());
        }
        assert!(outbox.is_backlogged());
        outbox.next_unsent();
        assert!(!outbox.is_backlogged());
        outbox.reconnected();
        assert!(outbox.is_backlogged());
        outbox.acknowledged(key("b"));
        assert!(!outbox.is_backlogged());
    }

    #[test]
    fn an_acknowledgement_of_an_unknown_call_looks_at_no_reply() {
        let mut outbox = outbox(8, 8);
        push(&mut outbox, "a");
        push(&mut outbox, "a");
        assert_eq!(outbox.numbers().get(&key("a")), Some(&1), "the latest is found by its call");
        outbox.acknowledged(key("b"));
        outbox.acknowledged(key("a"));
        assert_eq!((outbox.unconfirmed(), outbox.numbers().len()), (1, 0));
        outbox.acknowledged(key("a"));
        assert_eq!(outbox.unconfirmed(), 1);
        sent(&mut outbox);
        outbox.heartbeat_sent();
        outbox.heartbeat_answered();
        assert!(outbox.is_empty() && outbox.bytes == 0);
    }
}
