//! Replies, kept until the platform is known to have them.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::dispatch::CallKey;

/// Bounds of what is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Bytes of replies, confirmed or not.
    pub(crate) bytes: usize,
    /// Age of a reply: no platform waits longer for one.
    pub(crate) age: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes: 64 * 1024 * 1024, age: Duration::from_secs(600) }
    }
}

/// Past so many unconfirmed bytes the platform is asked for a confirmation ahead of time, so that a busy worker does not
/// keep half a minute's replies.
const ASK_EARLY: usize = 1024 * 1024;

/// Replies in the order they were made.
///
/// Frames arrive in order, so the answer to a heartbeat confirms every reply sent before it on the same socket. What a
/// socket took along unconfirmed is sent again on the next one: the platform matches replies by call id and ignores
/// repeats. A platform that acknowledges single replies has them forgotten at once, in any order.
#[derive(Debug)]
pub(crate) struct Outbox {
    bounds: Bounds,
    /// `None` in the place of a reply that was acknowledged before an older one; never at the front.
    replies: VecDeque<Option<Reply>>,
    bytes: usize,
    /// How many replies have left over the other end, confirmed or dropped; numbers the rest.
    gone: u64,
    /// The number of the first reply that is not on the current socket yet.
    unsent: u64,
    /// Up to where each heartbeat on its way confirms.
    marks: VecDeque<u64>,
}

#[derive(Debug)]
struct Reply {
    /// Not the id, which would be one more piece of memory to keep for every call.
    call: CallKey,
    frame: Utf8Bytes,
    made: Instant,
}

impl Outbox {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, replies: VecDeque::new(), bytes: 0, gone: 0, unsent: 0, marks: VecDeque::new() }
    }

    /// Keeps a reply, and says how many old ones had to go for it.
    pub(crate) fn push(&mut self, call: CallKey, frame: Utf8Bytes, now: Instant) -> usize {
        self.bytes += frame.len();
        self.replies.push_back(Some(Reply { call, frame, made: now }));
        let mut dropped = 0;
        while self.replies.len() > 1 && self.front_must_go(now) {
            self.drop_front();
            dropped += 1;
        }
        dropped
    }

    /// The next reply that is not on the current socket yet; from here on it counts as sent.
    pub(crate) fn next_unsent(&mut self) -> Option<Utf8Bytes> {
        loop {
            let index = usize::try_from(self.unsent - self.gone).ok()?;
            let reply = self.replies.get(index)?;
            self.unsent += 1;
            if let Some(reply) = reply {
                return Some(reply.frame.clone());
            }
        }
    }

    /// A heartbeat was sent behind everything sent so far.
    pub(crate) fn heartbeat_sent(&mut self) {
        self.marks.push_back(self.unsent);
    }

    /// The platform answered the oldest heartbeat on its way.
    pub(crate) fn heartbeat_answered(&mut self) {
        if let Some(confirmed) = self.marks.pop_front() {
            while self.gone < confirmed && !self.replies.is_empty() {
                self.drop_front();
            }
        }
    }

    /// The reply to that call has arrived, on whichever socket. Acknowledgements come about in the order of the replies, so
    /// the search ends soon.
    pub(crate) fn acknowledged(&mut self, call: CallKey) {
        let is_it = |reply: &Option<Reply>| reply.as_ref().is_some_and(|reply| reply.call == call);
        let found = self.replies.iter_mut().find(|reply| is_it(reply));
        if let Some(reply) = found.and_then(Option::take) {
            self.bytes -= reply.frame.len();
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
    }

    /// Whether so much is unconfirmed that a heartbeat should ask for it now.
    pub(crate) fn wants_confirmation(&self) -> bool {
        self.bytes > ASK_EARLY.min(self.bounds.bytes / 2)
    }

    /// How many replies are not known to have arrived.
    pub(crate) fn unconfirmed(&self) -> usize {
        self.replies.iter().flatten().count()
    }

    fn front_must_go(&self, now: Instant) -> bool {
        self.bytes > self.bounds.bytes
            || self
                .replies
                .front()
                .and_then(Option::as_ref)
                .is_some_and(|oldest| now.saturating_duration_since(oldest.made) > self.bounds.age)
    }

    fn drop_front(&mut self) {
        if let Some(reply) = self.replies.pop_front() {
            self.bytes -= reply.map_or(0, |reply| reply.frame.len());
            self.gone += 1;
            self.unsent = self.unsent.max(self.gone);
            self.drop_gaps();
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(bytes: usize) -> Outbox {
        Outbox::new(Bounds { bytes, age: Duration::from_secs(60) })
    }

    fn sent(outbox: &mut Outbox) -> Vec<String> {
        std::iter::from_fn(|| outbox.next_unsent()).map(|frame| frame.to_string()).collect()
    }

    /// The key of the call whose reply begins so.
    fn key(frame: &str) -> CallKey {
        CallKey::of(frame.as_bytes()[0].into())
    }

    fn push(outbox: &mut Outbox, frame: &'static str) -> usize {
        outbox.push(key(frame), Utf8Bytes::from_static(frame), Instant::now())
    }

    #[test]
    fn an_answered_heartbeat_confirms_what_was_sent_before_it_and_no_more() {
        let mut outbox = outbox(1024);
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
        let mut outbox = outbox(1024);
        push(&mut outbox, "a");
        sent(&mut outbox);
        outbox.heartbeat_sent();
        outbox.reconnected();
        outbox.heartbeat_answered();
        assert_eq!(sent(&mut outbox), ["a"]);
    }

    #[test]
    fn replies_made_without_a_socket_wait_for_one() {
        let mut outbox = outbox(1024);
        outbox.heartbeat_sent();
        push(&mut outbox, "a");
        outbox.heartbeat_answered();
        assert_eq!(outbox.unconfirmed(), 1, "the heartbeat was sent before it");
        assert_eq!(sent(&mut outbox), ["a"]);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_bytes() {
        let mut outbox = outbox(4);
        assert_eq!(push(&mut outbox, "aa"), 0);
        assert_eq!(push(&mut outbox, "bb"), 0);
        assert_eq!(push(&mut outbox, "cc"), 1);
        assert_eq!(sent(&mut outbox), ["bb", "cc"]);
        assert_eq!(push(&mut outbox, "larger than all"), 2);
        assert_eq!(sent(&mut outbox), ["larger than all"], "the newest is kept whatever its size");
    }

    #[test]
    fn replies_nobody_waits_for_any_more_go() {
        let mut outbox = outbox(1024);
        let start = Instant::now();
        outbox.push(key("a"), Utf8Bytes::from_static("a"), start);
        assert_eq!(outbox.push(key("b"), Utf8Bytes::from_static("b"), start + Duration::from_secs(61)), 1);
        assert_eq!(sent(&mut outbox), ["b"]);
    }

    #[test]
    fn much_unconfirmed_asks_for_a_confirmation() {
        let mut outbox = outbox(8);
        push(&mut outbox, "aaaa");
        assert!(!outbox.wants_confirmation());
        push(&mut outbox, "b");
        assert!(outbox.wants_confirmation());
    }

    #[test]
    fn acknowledged_replies_are_forgotten_in_any_order() {
        let mut outbox = outbox(1024);
        for frame in ["a", "b", "c", "d"] {
            push(&mut outbox, frame);
        }
        assert_eq!(sent(&mut outbox).len(), 4);
        for call_id in ["c", "x", "b", "b"] {
            outbox.acknowledged(key(call_id));
        }
        assert_eq!((outbox.unconfirmed(), outbox.bytes), (2, 2));
        outbox.reconnected();
        assert_eq!(sent(&mut outbox), ["a", "d"]);
        outbox.acknowledged(key("a"));
        push(&mut outbox, "e");
        assert_eq!(sent(&mut outbox), ["e"]);
        ["e", "d"].into_iter().for_each(|call_id| outbox.acknowledged(key(call_id)));
        assert!(outbox.replies.is_empty() && outbox.bytes == 0, "no gap stays");
    }

    #[test]
    fn a_heartbeat_confirms_what_was_sent_before_it_around_acknowledged_replies() {
        let mut outbox = outbox(1024);
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
        let mut outbox = outbox(1024);
        push(&mut outbox, "a");
        push(&mut outbox, "b");
        sent(&mut outbox);
        outbox.reconnected();
        outbox.acknowledged(key("b"));
        assert_eq!(sent(&mut outbox), ["a"]);
    }
}
