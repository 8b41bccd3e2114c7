//! [`Mailbox`]: queues events and values for one dashboard, within limits. When a limit is passed, the dashboard gets a fresh snapshot in
//! place of the queued messages.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use indexmap::IndexMap;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::FeedSettings;
use super::message::KeyedStream;
use crate::domain::lock::lock;

/// The next message for a dashboard.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MailboxItem {
    /// A message.
    Message(Bytes),
    /// A snapshot is due.
    Snapshot,
    /// The agent's tools may have changed.
    Tools,
}

/// The events and values that wait for one dashboard.
#[derive(Debug)]
pub(super) struct Mailbox {
    waiting: Mutex<MailboxContents>,
    /// Wakes the dashboard's socket.
    changed: Notify,
    settings: FeedSettings,
}

#[derive(Debug, Default)]
struct MailboxContents {
    snapshot: SnapshotState,
    events: VecDeque<Bytes>,
    event_bytes: usize,
    /// The latest values, in the order in which their keys came up.
    streams: Vec<(KeyedStream, IndexMap<Arc<str>, Bytes>)>,
    value_bytes: usize,
    /// True if the tools may have changed.
    tools: bool,
    /// Time of the next tick, in which values and tools are sent, if there are any.
    due: Option<Instant>,
    /// The messages of the last tick. Later changes are sent with the next.
    ready: VecDeque<MailboxItem>,
    /// Time of the next attempt at a snapshot that failed.
    again: Option<Instant>,
}

/// The state of the snapshot.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum SnapshotState {
    /// A snapshot is due. Later events follow it.
    #[default]
    Due,
    /// A snapshot is due because events were dropped. Further events are dropped until it begins.
    Overdue,
    /// The dashboard has a snapshot.
    Made,
}

impl Mailbox {
    /// An empty mailbox, with a snapshot due.
    pub(super) fn new(settings: &FeedSettings) -> Self {
        Self { waiting: Mutex::default(), changed: Notify::new(), settings: settings.clone() }
    }

    /// Adds an event. If it does not fit, it is dropped with the events before it, and a fresh snapshot is due.
    pub(super) fn event(&self, text: Bytes) {
        let mut waiting = self.lock();
        if waiting.snapshot == SnapshotState::Overdue {
            return;
        }
        let bytes = waiting.event_bytes.saturating_add(text.len());
        // A single event that is large still fits when nothing else waits.
        let fits = waiting.events.is_empty()
            || waiting.events.len() < self.settings.waiting_events && bytes <= self.settings.waiting_bytes;
        if fits {
            waiting.events.push_back(text);
            waiting.event_bytes = bytes;
        } else {
            waiting.overflow();
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Notes the latest value of a key. All mailboxes share the key's text.
    pub(super) fn value(&self, stream: KeyedStream, key: Arc<str>, value: Bytes) {
        let mut waiting = self.lock();
        waiting.put(stream, key, value);
        let keys = waiting.streams.iter().map(|(_, values)| values.len()).sum::<usize>();
        if keys > self.settings.waiting_keys || waiting.value_bytes > self.settings.waiting_bytes {
            waiting.forget_values();
            waiting.overflow();
            drop(waiting);
            return self.changed.notify_one();
        }
        self.schedule_tick(waiting);
    }

    /// Drops the waiting values of keys that `is_dropped` chooses. A batch that its tick has finished is sent all the same.
    pub(super) fn forget_values(&self, is_dropped: impl Fn(KeyedStream, &str) -> bool) {
        self.lock().drop_values(is_dropped);
    }

    /// Notes that the tools may have changed.
    pub(super) fn tools_changed(&self) {
        let mut waiting = self.lock();
        waiting.tools = true;
        self.schedule_tick(waiting);
    }

    /// Schedules a snapshot. Events go on meanwhile.
    pub(super) fn snapshot_at(&self, when: Instant) {
        self.lock().again = Some(when);
        self.changed.notify_one();
    }

    /// Schedules a tick, unless one is scheduled.
    fn schedule_tick(&self, mut waiting: MutexGuard<'_, MailboxContents>) {
        if waiting.due.is_none() {
            waiting.due = Some(Instant::now() + self.settings.tick);
            drop(waiting);
            self.changed.notify_one();
        }
    }

    /// Waits for the next item, and takes it out. Cancel-safe.
    pub(super) async fn next(&self) -> MailboxItem {
        loop {
            let due = {
                let mut waiting = self.lock();
                if let Some(next) = waiting.take() {
                    return next;
                }
                [waiting.due, waiting.again].into_iter().flatten().min()
            };
            // The permit of `notify_one` is kept if an item arrived meanwhile.
            match due {
                None => self.changed.notified().await,
                Some(due) => tokio::select! {
                    () = self.changed.notified() => {}
                    () = sleep_until(due) => {}
                },
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, MailboxContents> {
        // Every section leaves the mailbox whole, so a panic in another task spoils nothing.
        lock(&self.waiting)
    }
}

impl MailboxContents {
    fn put(&mut self, stream: KeyedStream, key: Arc<str>, value: Bytes) {
        let position = self.streams.iter().position(|(known, _)| *known == stream).unwrap_or_else(|| {
            self.streams.push((stream, IndexMap::new()));
            self.streams.len() - 1
        });
        let values = &mut self.streams[position].1;
        self.value_bytes += value.len();
        if let Some(known) = values.get_mut(&key) {
            self.value_bytes -= known.len();
            *known = value;
        } else {
            self.value_bytes += key.len();
            values.insert(key, value);
        }
    }

    fn take(&mut self) -> Option<MailboxItem> {
        if self.snapshot != SnapshotState::Made {
            self.snapshot = SnapshotState::Made;
            return Some(MailboxItem::Snapshot);
        }
        if self.again.take_if(|again| *again <= Instant::now()).is_some() {
            return Some(MailboxItem::Snapshot);
        }
        if self.due.take_if(|due| *due <= Instant::now()).is_some() {
            let tools = std::mem::take(&mut self.tools).then_some(MailboxItem::Tools);
            self.ready.extend(tools);
            while let Some(batch) = self.take_batch() {
                self.ready.push_back(MailboxItem::Message(batch));
            }
        }
        if let Some(next) = self.ready.pop_front() {
            return Some(next);
        }
        let event = self.events.pop_front()?;
        self.event_bytes -= event.len();
        Some(MailboxItem::Message(event))
    }

    fn take_batch(&mut self) -> Option<Bytes> {
        let (stream, values) = self.streams.iter_mut().find(|(_, values)| !values.is_empty())?;
        let bytes: usize = values.iter().map(|(key, value)| key.len() + value.len()).sum();
        let text = stream.text(values.drain(..).map(|(_, value)| value));
        self.value_bytes -= bytes;
        Some(text)
    }

    fn drop_values(&mut self, is_dropped: impl Fn(KeyedStream, &str) -> bool) {
        let mut bytes = 0;
        for (stream, values) in &mut self.streams {
            values.retain(|key, value| {
                let is_kept = !is_dropped(*stream, key);
                bytes += if is_kept { 0 } else { key.len() + value.len() };
                is_kept
            });
        }
        self.value_bytes -= bytes;
    }

    /// Drops everything that waits, and schedules a snapshot in its place.
    fn overflow(&mut self) {
        self.events.clear();
        self.event_bytes = 0;
        self.snapshot = SnapshotState::Overdue;
    }

    fn forget_values(&mut self) {
        self.streams.clear();
        self.value_bytes = 0;
        self.ready.retain(|next| *next == MailboxItem::Tools);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use serde_json::{Value, json};
    use tokio::time::{Duration, advance};

    use super::*;

    const STREAM: KeyedStream = KeyedStream::new("batch");

    /// A mailbox whose first snapshot was begun.
    async fn mailbox(settings: FeedSettings) -> Mailbox {
        let mailbox = Mailbox::new(&settings);
        assert_eq!(mailbox.next().await, MailboxItem::Snapshot);
        mailbox
    }

    fn event(mailbox: &Mailbox, text: &'static str) {
        mailbox.event(Bytes::from_static(text.as_bytes()));
    }

    fn put(mailbox: &Mailbox, key: &str, value: u32) {
        mailbox.value(STREAM, key.into(), value.to_string().into());
    }

    fn ready(mailbox: &Mailbox) -> Option<MailboxItem> {
        mailbox.next().now_or_never()
    }

    fn updates(next: Option<MailboxItem>) -> Value {
        match next {
            Some(MailboxItem::Message(text)) => {
                serde_json::from_slice::<Value>(&text).unwrap()["data"]["updates"].clone()
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn of_each_key_the_last_value_of_a_tick_travels_in_one_message() {
        let mailbox = mailbox(FeedSettings::default()).await;
        for (key, value) in [("a", 1), ("b", 2), ("a", 3), ("a", 4)] {
            put(&mailbox, key, value);
        }
        assert_eq!(ready(&mailbox), None, "before the tick");
        advance(Duration::from_millis(100)).await;
        assert_eq!(updates(ready(&mailbox)), json!([4, 2]));
        assert_eq!(ready(&mailbox), None);
        put(&mailbox, "b", 5);
        advance(Duration::from_millis(99)).await;
        assert_eq!(ready(&mailbox), None, "before the next tick");
        advance(Duration::from_millis(1)).await;
        assert_eq!(updates(ready(&mailbox)), json!([5]));
        assert_eq!(mailbox.lock().value_bytes, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_slowly_gets_one_batch_a_tick_and_its_events_between_them() {
        let mailbox = mailbox(FeedSettings::default()).await;
        for round in 0..3 {
            put(&mailbox, "a", round);
            event(&mailbox, "event");
            advance(Duration::from_millis(100)).await;
            assert_eq!(updates(ready(&mailbox)), json!([round]));
            // What changes while that is sent waits for the next tick, and holds up nothing.
            put(&mailbox, "a", round + 100);
            assert_eq!(ready(&mailbox), Some(MailboxItem::Message("event".into())));
            assert_eq!(ready(&mailbox), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_snapshot_that_is_to_be_made_again_waits_until_then() {
        let mailbox = mailbox(FeedSettings::default()).await;
        mailbox.snapshot_at(Instant::now() + Duration::from_secs(5));
        event(&mailbox, "event");
        assert_eq!(ready(&mailbox), Some(MailboxItem::Message("event".into())));
        let begun = Instant::now();
        assert_eq!(mailbox.next().await, MailboxItem::Snapshot);
        assert_eq!(begun.elapsed(), Duration::from_secs(5));
        assert_eq!(ready(&mailbox), None);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_values_of_dropped_keys_do_not_travel() {
        let mailbox = mailbox(FeedSettings::default()).await;
        for key in ["a", "b", "c"] {
            put(&mailbox, key, 1);
        }
        mailbox.forget_values(|stream, key| stream == STREAM && key != "b");
        mailbox.forget_values(|stream, _| stream != STREAM);
        advance(Duration::from_millis(100)).await;
        assert_eq!(updates(ready(&mailbox)), json!([1]));
        put(&mailbox, "b", 2);
        mailbox.forget_values(|_, _| true);
        advance(Duration::from_millis(100)).await;
        assert_eq!(ready(&mailbox), None, "a batch of nothing is not sent");
        assert_eq!(mailbox.lock().value_bytes, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn each_stream_has_a_message_of_its_own_and_events_do_not_wait_for_the_tick() {
        let mailbox = mailbox(FeedSettings::default()).await;
        put(&mailbox, "a", 1);
        mailbox.value(KeyedStream::new("other"), "a".into(), "2".into());
        event(&mailbox, "event");
        assert_eq!(ready(&mailbox), Some(MailboxItem::Message("event".into())));
        advance(Duration::from_millis(100)).await;
        assert_eq!(updates(ready(&mailbox)), json!([1]));
        assert_eq!(updates(ready(&mailbox)), json!([2]));
        assert_eq!(ready(&mailbox), None);
    }

    #[tokio::test]
    async fn events_that_do_not_fit_are_made_up_for_by_a_snapshot_and_values_stay() {
        let mailbox = mailbox(FeedSettings { waiting_events: 2, tick: Duration::ZERO, ..Default::default() }).await;
        put(&mailbox, "a", 1);
        for text in ["1", "2", "3", "4"] {
            event(&mailbox, text);
        }
        put(&mailbox, "a", 2);
        assert_eq!(ready(&mailbox), Some(MailboxItem::Snapshot));
        // From here on they are told after the snapshot.
        event(&mailbox, "5");
        assert_eq!(updates(ready(&mailbox)), json!([2]));
        assert_eq!(ready(&mailbox), Some(MailboxItem::Message("5".into())));
        assert_eq!(ready(&mailbox), None);
    }

    #[tokio::test]
    async fn what_comes_before_the_first_snapshot_is_told_after_it() {
        let mailbox = Mailbox::new(&FeedSettings::default());
        event(&mailbox, "early");
        assert_eq!(ready(&mailbox), Some(MailboxItem::Snapshot));
        assert_eq!(ready(&mailbox), Some(MailboxItem::Message("early".into())));
    }

    #[tokio::test]
    async fn keys_and_bytes_that_do_not_fit_are_made_up_for_by_a_snapshot() {
        let mailbox = mailbox(FeedSettings { waiting_keys: 2, tick: Duration::ZERO, ..Default::default() }).await;
        for key in ["a", "b", "a", "c"] {
            put(&mailbox, key, 1);
        }
        assert_eq!(ready(&mailbox), Some(MailboxItem::Snapshot));
        assert_eq!(ready(&mailbox), None);
        let mailbox = self::mailbox(FeedSettings { waiting_bytes: 10, ..Default::default() }).await;
        event(&mailbox, "one that is larger than the limit");
        assert!(matches!(ready(&mailbox), Some(MailboxItem::Message(_))));
        event(&mailbox, "123456");
        event(&mailbox, "123456");
        assert_eq!(ready(&mailbox), Some(MailboxItem::Snapshot));
        assert_eq!(mailbox.lock().event_bytes, 0);
    }

    #[tokio::test]
    async fn whoever_waits_is_woken() {
        let mailbox = mailbox(FeedSettings::default()).await;
        let mut next = Box::pin(mailbox.next());
        assert!(next.as_mut().now_or_never().is_none());
        event(&mailbox, "event");
        assert_eq!(next.await, MailboxItem::Message("event".into()));
    }
}
