//! [`JournalQueue`]: the records of calls that wait to be stored, with a queue for each project.
//!
//! When it is full, it drops arguments and results before records, from the project with most of them. So a burst of one project costs the
//! other projects nothing.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::entry::JournalEntry;
use crate::domain::ids::ProjectId;
use crate::domain::lock::lock;

/// The number of records that wait with their arguments and results.
pub(super) const MAX_PAYLOADS: usize = 8192;

/// The bytes of arguments and results that wait.
pub(super) const MAX_BYTES: usize = 32 * 1024 * 1024;

/// The number of records that wait, with or without payload. Each takes about 1 KiB.
pub(super) const MAX_RECORDS: usize = 32_768;

/// The number of records that are taken at a time.
pub(super) const BATCH: usize = 256;

/// The bytes of arguments and results after which a batch takes no further record.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// The time that the first record of a batch waits for others.
pub(super) const WAIT: Duration = Duration::from_millis(200);

/// The shortest time between two batches that only readers are in a hurry for. Readers that come meanwhile share the next one.
pub(super) const READERS_PAUSE: Duration = Duration::from_millis(50);

/// The records that wait, and those that the writer has in hand.
#[derive(Default)]
pub(super) struct JournalQueue {
    state: Mutex<QueueState>,
    /// Wakes the writer, of which there is one.
    changed: Notify,
    /// Wakes readers that wait for their records.
    progress: Notify,
}

/// The losses that one record led to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct QueueLosses {
    pub(super) records: usize,
    pub(super) payloads: usize,
}

/// A record with its number. Numbers grow in the order in which records come.
pub(super) type Numbered = (u64, JournalEntry);

impl JournalQueue {
    /// Adds a record, and drops what there is no room for.
    pub(super) fn push(&self, entry: JournalEntry) -> QueueLosses {
        let losses = lock(&self.state).push(entry);
        self.changed.notify_one();
        losses
    }

    /// The next records, one of each project in turn. They count as waiting until [`JournalQueue::finish`].
    pub(super) fn take(&self) -> Vec<Numbered> {
        lock(&self.state).take()
    }

    /// Notes that records are stored, or lost for good.
    pub(super) fn finish(&self, numbers: &[u64]) {
        let mut state = lock(&self.state);
        numbers.iter().for_each(|number| drop(state.in_hand.remove(number)));
        state.is_failing = false;
        state.last_write = Some(Instant::now());
        drop(state);
        self.progress.notify_waiters();
    }

    /// Notes that the database takes nothing at the moment. Readers wait no longer until it does again.
    pub(super) fn note_failure(&self) {
        lock(&self.state).is_failing = true;
        self.progress.notify_waiters();
    }

    /// Gives up the records of a writer that is gone, and says how many there were.
    pub(super) fn abandon_in_hand(&self) -> usize {
        let lost = std::mem::take(&mut lock(&self.state).in_hand).len();
        self.progress.notify_waiters();
        lost
    }

    /// Waits until the records of a project that came before are stored, or the database fails.
    pub(super) async fn settled(&self, project: &ProjectId) {
        let through = lock(&self.state).last;
        loop {
            // Before looking, so that no progress is missed.
            let progress = self.progress.notified();
            {
                let mut state = lock(&self.state);
                if state.is_failing || state.is_settled(project, through) {
                    return;
                }
                state.is_hurried = true;
            }
            self.changed.notify_one();
            progress.await;
        }
    }

    /// The time at which a batch is to be written.
    pub(super) fn due(&self) -> Option<Instant> {
        lock(&self.state).due()
    }

    /// Waits until [`JournalQueue::due`] or [`JournalQueue::is_closing`] may have changed since the last time.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Has the writer write everything, and end.
    pub(super) fn close(&self) {
        lock(&self.state).is_closing = true;
        self.changed.notify_one();
    }

    pub(super) fn is_closing(&self) -> bool {
        lock(&self.state).is_closing
    }

    /// The number of records that are not stored yet, and since when the oldest of them waits.
    pub(super) fn waiting(&self) -> (usize, Option<Instant>) {
        let state = lock(&self.state);
        let fronts = state.lanes.values().filter_map(|lane| lane.entries.front()).map(|(_, entry)| entry.since);
        let oldest = fronts.chain(state.in_hand.values().map(|taken| taken.since)).min();
        (state.records + state.in_hand.len(), oldest)
    }
}

#[derive(Default)]
struct QueueState {
    lanes: HashMap<ProjectId, Lane>,
    /// The projects with records, in the order of their turns.
    turns: VecDeque<ProjectId>,
    records: usize,
    payloads: usize,
    bytes: usize,
    /// The number of the newest record.
    last: u64,
    in_hand: BTreeMap<u64, Taken>,
    /// Since when there is something to write.
    since: Option<Instant>,
    last_write: Option<Instant>,
    /// A reader waits.
    is_hurried: bool,
    is_failing: bool,
    is_closing: bool,
}

/// A record that the writer has.
struct Taken {
    project: ProjectId,
    since: Instant,
}

/// The records of one project, the oldest first.
#[derive(Default)]
struct Lane {
    entries: VecDeque<Numbered>,
    /// Records before this place have no payload any more.
    stripped: usize,
    payloads: usize,
    bytes: usize,
}

impl QueueState {
    fn push(&mut self, entry: JournalEntry) -> QueueLosses {
        let mut losses = QueueLosses::default();
        self.last += 1;
        if self.records >= MAX_RECORDS {
            losses.records = 1;
            if !self.make_room_for(&entry.project_id) {
                return losses;
            }
        }
        self.insert(entry);
        while (self.payloads > MAX_PAYLOADS || self.bytes > MAX_BYTES) && self.drop_payload() {
            losses.payloads += 1;
        }
        losses
    }

    fn insert(&mut self, entry: JournalEntry) {
        let (project, payloads, bytes) = (entry.project_id.clone(), usize::from(entry.has_payload()), entry.bytes());
        let lane = self.lanes.entry(project.clone()).or_default();
        if lane.entries.is_empty() {
            self.turns.push_back(project);
        }
        self.since.get_or_insert_with(Instant::now);
        lane.entries.push_back((self.last, entry));
        (lane.payloads, lane.bytes) = (lane.payloads + payloads, lane.bytes + bytes);
        (self.records, self.payloads, self.bytes) = (self.records + 1, self.payloads + payloads, self.bytes + bytes);
    }

    /// Drops the newest record of the project with most of them, unless that is the one that room is made for.
    fn make_room_for(&mut self, project: &ProjectId) -> bool {
        let own = self.lanes.get(project).map_or(0, |lane| lane.entries.len());
        let Some(fullest) = self.fullest(|lane| lane.entries.len()) else { return true };
        if self.lanes[&fullest].entries.len() <= own {
            return false;
        }
        let dropped = self.lanes.get_mut(&fullest).and_then(|lane| lane.entries.pop_back());
        if let Some((_, entry)) = dropped {
            self.leave(&fullest, &entry);
            if !self.lanes.contains_key(&fullest) {
                self.turns.retain(|other| *other != fullest);
            }
        }
        true
    }

    /// Drops the oldest payload of the project that has most.
    fn drop_payload(&mut self) -> bool {
        let by_bytes = self.bytes > MAX_BYTES;
        let Some(fullest) = self.fullest(|lane| if by_bytes { lane.bytes } else { lane.payloads }) else {
            return false;
        };
        let Some(lane) = self.lanes.get_mut(&fullest) else { return false };
        while let Some((_, entry)) = lane.entries.get_mut(lane.stripped) {
            lane.stripped += 1;
            if entry.has_payload() {
                let bytes = entry.bytes();
                entry.drop_payload();
                (lane.payloads, lane.bytes) = (lane.payloads - 1, lane.bytes - bytes);
                (self.payloads, self.bytes) = (self.payloads - 1, self.bytes - bytes);
                return true;
            }
        }
        false
    }

    fn fullest(&self, measure: impl Fn(&Lane) -> usize) -> Option<ProjectId> {
        self.lanes.iter().max_by_key(|(_, lane)| measure(lane)).map(|(project, _)| project.clone())
    }

    fn take(&mut self) -> Vec<Numbered> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < BATCH && bytes < BATCH_BYTES {
            let Some(project) = self.turns.pop_front() else { break };
            let Some(lane) = self.lanes.get_mut(&project) else { continue };
            let Some((number, entry)) = lane.entries.pop_front() else { continue };
            lane.stripped = lane.stripped.saturating_sub(1);
            if !lane.entries.is_empty() {
                self.turns.push_back(project.clone());
            }
            self.leave(&project, &entry);
            bytes += entry.bytes();
            self.in_hand.insert(number, Taken { project, since: entry.since });
            batch.push((number, entry));
        }
        self.since = (self.records > 0).then(Instant::now);
        self.is_hurried = false;
        batch
    }

    /// Accounts for a record that was taken out of its lane.
    fn leave(&mut self, project: &ProjectId, entry: &JournalEntry) {
        let (payloads, bytes) = (usize::from(entry.has_payload()), entry.bytes());
        (self.records, self.payloads, self.bytes) = (self.records - 1, self.payloads - payloads, self.bytes - bytes);
        if let Some(lane) = self.lanes.get_mut(project) {
            (lane.payloads, lane.bytes) = (lane.payloads - payloads, lane.bytes - bytes);
            lane.stripped = lane.stripped.min(lane.entries.len());
            if lane.entries.is_empty() {
                self.lanes.remove(project);
            }
        }
    }

    fn is_settled(&self, project: &ProjectId, through: u64) -> bool {
        let waits =
            self.lanes.get(project).and_then(|lane| lane.entries.front()).is_some_and(|(number, _)| *number <= through);
        !waits && !self.in_hand.range(..=through).any(|(_, taken)| taken.project == *project)
    }

    fn due(&self) -> Option<Instant> {
        let since = self.since?;
        if self.records >= BATCH {
            return Some(since);
        }
        let in_time = since + WAIT;
        match self.last_write {
            Some(last) if self.is_hurried => Some(in_time.min(last + READERS_PAUSE)),
            None if self.is_hurried => Some(since),
            _ => Some(in_time),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::sample;
    use super::*;

    fn of(project: &str) -> JournalEntry {
        JournalEntry { project_id: project.into(), ..sample() }
    }

    fn with_text(project: &str, bytes: usize) -> JournalEntry {
        JournalEntry { arguments: Some("x".repeat(bytes).into()), ..of(project) }
    }

    fn without_text(project: &str) -> JournalEntry {
        JournalEntry { arguments: None, ..of(project) }
    }

    fn lost(losses: &[QueueLosses]) -> QueueLosses {
        let sum = |part: fn(&QueueLosses) -> usize| losses.iter().map(part).sum();
        QueueLosses { records: sum(|losses| losses.records), payloads: sum(|losses| losses.payloads) }
    }

    /// Everything that waits, by project: the records, and how many of them have a payload.
    fn drain(queue: &JournalQueue) -> BTreeMap<String, (usize, usize)> {
        let mut counted = BTreeMap::<String, (usize, usize)>::new();
        loop {
            let batch = queue.take();
            if batch.is_empty() {
                return counted;
            }
            for (_, entry) in &batch {
                let (records, payloads) = counted.entry(entry.project_id.to_string()).or_default();
                *records += 1;
                *payloads += usize::from(entry.has_payload());
            }
            queue.finish(&batch.iter().map(|(number, _)| *number).collect::<Vec<_>>());
        }
    }

    #[tokio::test]
    async fn payloads_go_before_records() {
        let queue = JournalQueue::default();
        let losses: Vec<_> = (0..MAX_PAYLOADS + 10).map(|_| queue.push(of("a"))).collect();
        assert_eq!(lost(&losses), QueueLosses { records: 0, payloads: 10 });
        let first = queue.take();
        let kept: Vec<_> = first.iter().map(|(_, entry)| entry.has_payload()).collect();
        assert!(kept[..10].iter().all(|kept| !kept) && kept[10..].iter().all(|kept| *kept), "the oldest go first");
        let losses: Vec<_> = (0..MAX_RECORDS).map(|_| queue.push(without_text("a"))).collect();
        assert_eq!(lost(&losses), QueueLosses { records: MAX_PAYLOADS + 10 - first.len(), payloads: 0 });
        assert_eq!(queue.waiting().0, MAX_RECORDS + first.len());
    }

    #[tokio::test]
    async fn a_burst_of_long_payloads_costs_its_own_project_only() {
        let queue = JournalQueue::default();
        assert_eq!(queue.push(with_text("quiet", 1024)), QueueLosses::default());
        let losses: Vec<_> = (0..80).map(|_| queue.push(with_text("loud", 1024 * 1024))).collect();
        assert_eq!(lost(&losses), QueueLosses { records: 0, payloads: 49 });
        assert_eq!(queue.push(with_text("quiet", 1024)).records, 0);
        let waiting = drain(&queue);
        assert_eq!((waiting["quiet"], waiting["loud"].0), ((2, 2), 80));
    }

    #[tokio::test]
    async fn a_burst_of_records_costs_its_own_project_only() {
        let queue = JournalQueue::default();
        let losses: Vec<_> = (0..MAX_RECORDS + 100).map(|_| queue.push(without_text("loud"))).collect();
        assert_eq!(lost(&losses).records, 100);
        let losses: Vec<_> = (0..1000).map(|_| queue.push(without_text("quiet"))).collect();
        assert_eq!(lost(&losses).records, 1000, "a record of the loud project makes room for each");
        let waiting = drain(&queue);
        assert_eq!((waiting["quiet"].0, waiting["loud"].0), (1000, MAX_RECORDS - 1000));
        assert_eq!(queue.waiting(), (0, None));
    }

    #[tokio::test]
    async fn a_payload_that_is_too_long_alone_is_dropped() {
        let queue = JournalQueue::default();
        assert_eq!(queue.push(with_text("a", MAX_BYTES + 1)), QueueLosses { records: 0, payloads: 1 });
        assert_eq!(drain(&queue)["a"], (1, 0));
    }

    #[tokio::test]
    async fn projects_take_turns() {
        let queue = JournalQueue::default();
        for project in ["a", "a", "a", "b", "c", "b"] {
            queue.push(of(project));
        }
        let taken = queue.take();
        let order: Vec<_> = taken.iter().map(|(_, entry)| entry.project_id.as_str()).collect();
        assert_eq!(order, ["a", "b", "c", "a", "b", "a"]);
    }

    #[tokio::test]
    async fn a_batch_ends_after_so_many_bytes() {
        let queue = JournalQueue::default();
        for _ in 0..20 {
            queue.push(with_text("a", 1024 * 1024));
        }
        assert_eq!(queue.take().len(), 8);
    }

    #[tokio::test]
    async fn a_reader_waits_for_the_records_of_its_project_only() {
        let queue = JournalQueue::default();
        queue.push(of("other"));
        queue.settled(&"mine".into()).await;
        queue.push(of("mine"));
        let batch = queue.take();
        let numbers: Vec<_> = batch.iter().map(|(number, _)| *number).collect();
        let mine = "mine".into();
        let mut settled = stepwise(queue.settled(&mine));
        assert!(settled.is_pending().await, "it is in hand");
        queue.finish(&numbers);
        assert!(!settled.is_pending().await);
    }

    #[tokio::test]
    async fn a_reader_does_not_wait_for_a_database_that_fails() {
        let queue = JournalQueue::default();
        queue.push(of("mine"));
        queue.note_failure();
        queue.settled(&"mine".into()).await;
    }

    /// A future that is polled step by step.
    fn stepwise<F: Future>(future: F) -> Polled<F> {
        Polled(Box::pin(future))
    }

    struct Polled<F>(std::pin::Pin<Box<F>>);

    impl<F: Future> Polled<F> {
        async fn is_pending(&mut self) -> bool {
            std::future::poll_fn(|context| std::task::Poll::Ready(self.0.as_mut().poll(context).is_pending())).await
        }
    }
}
