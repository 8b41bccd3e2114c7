//! [`CallTable`]: knows the running and waiting calls of a worker, and the ids of ended ones, so that a call that is sent twice runs once.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::Arc;

use tokio::time::Instant;

use super::queue_bounds::QueueSpot;
use crate::registry::RegisteredTool;
use crate::tool::Context;

/// A table without I/O: the dispatcher tells it of every call that begins or ends.
#[derive(Debug, Default)]
pub(super) struct CallTable {
    hasher: RandomState,
    unfinished: HashMap<CallKey, Entry, BuildHasherDefault<KeyHasher>>,
    /// Running calls that were cancelled, and the ends of their grace. Some may have ended since.
    cancelled: VecDeque<(Instant, CallKey)>,
    ended: Ended,
}

/// Calls that wait do not start in the place of those that are aborted.
impl Drop for CallTable {
    fn drop(&mut self) {
        for entry in self.unfinished.values() {
            entry.leave_queue();
        }
    }
}

impl CallTable {
    /// The key of a call.
    pub(super) fn key(&self, call_id: &str) -> CallKey {
        CallKey(self.hasher.hash_one(call_id))
    }

    /// Returns true if a call of this id runs, waits, or has ended not long ago.
    pub(super) fn knows(&self, key: CallKey) -> bool {
        self.ended.contains(key) || self.unfinished.contains_key(&key)
    }

    /// The number of calls that run or wait.
    pub(super) fn len(&self) -> usize {
        self.unfinished.len()
    }

    /// The calls that run or wait.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = (CallKey, &Context)> {
        self.unfinished.iter().map(|(key, entry)| (*key, &entry.context))
    }

    /// Adds a call that runs, or waits at a place in the queue.
    pub(super) fn begin(
        &mut self,
        key: CallKey,
        context: Context,
        tool: Arc<RegisteredTool>,
        place: Option<QueueSpot>,
    ) {
        let stage = place.map_or(CallStage::Running, CallStage::Queued);
        self.unfinished.insert(key, Entry { context, tool, stage });
    }

    /// The calls whose handlers are polled now, with their tools and the numbers of the polls.
    pub(super) fn polls_going_on(&self) -> impl Iterator<Item = (CallKey, &Arc<RegisteredTool>, &Context, u32)> {
        self.unfinished.iter().filter_map(|(key, Entry { context, tool, .. })| {
            context.call_state().poll_going_on().map(|poll| (*key, tool, context, poll))
        })
    }

    /// Ends a call, and remembers its id. `false` if no such call runs or waits.
    pub(super) fn end(&mut self, key: CallKey) -> bool {
        self.ended.insert(key);
        self.unfinished.remove(&key).is_some()
    }

    /// Cancels a call. One that waits ends at once, and its context is returned; one that runs is told, and may go on
    /// until then.
    pub(super) fn cancel(&mut self, key: CallKey, until: Instant) -> Option<Context> {
        let entry = self.unfinished.get_mut(&key)?;
        match &entry.stage {
            CallStage::Cancelled => None,
            CallStage::Queued(place) if place.leave() => {
                let context = entry.context.clone();
                self.end(key);
                Some(context)
            }
            CallStage::Queued(_) | CallStage::Running => {
                entry.stage = CallStage::Cancelled;
                entry.context.call_state().cancel();
                self.cancelled.push_back((until, key));
                None
            }
        }
    }

    /// The end of the first grace. All are equally long, so the first call is the next.
    pub(super) fn next_overdue(&self) -> Option<Instant> {
        self.cancelled.front().map(|(until, _)| *until)
    }

    /// Ends the cancelled calls whose grace is over; their tasks are aborted.
    pub(super) fn end_overdue(&mut self, now: Instant) -> Vec<(CallKey, Context)> {
        let mut ended = Vec::new();
        while let Some((_, key)) = self.cancelled.front().copied().filter(|(until, _)| *until <= now) {
            self.cancelled.pop_front();
            if let Some(entry) = self.unfinished.get(&key) {
                ended.push((key, entry.context.clone()));
                self.end(key);
            }
        }
        ended
    }

    /// Ends the calls that wait. None of them runs, also if its turn comes meanwhile.
    pub(super) fn end_waiting(&mut self) -> Vec<(CallKey, Context)> {
        // All leave the queue before the first is dropped, which may be the turn of the next.
        let waiting: Vec<_> = self
            .unfinished
            .iter()
            .filter(|(_, entry)| entry.leave_queue())
            .map(|(key, entry)| (*key, entry.context.clone()))
            .collect();
        for (key, _) in &waiting {
            self.end(*key);
        }
        waiting
    }

    /// Ends every call; the tasks are aborted.
    pub(super) fn end_all(&mut self) -> Vec<(CallKey, Context)> {
        self.cancelled.clear();
        let ended = self.unfinished.drain().map(|(key, entry)| {
            self.ended.insert(key);
            (key, entry.context.clone())
        });
        ended.collect()
    }
}

/// A call id, hashed with a random key of this process. It stands for the id in the tables.
///
/// Two ids with the same hash count as one call. With 32,768 ids remembered, that happens to one new call in 5 * 10^14.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CallKey(u64);

#[cfg(test)]
impl CallKey {
    /// The key of a call that only a test knows.
    pub(crate) fn of(call: u64) -> Self {
        Self(call)
    }
}

/// A call that runs or waits.
#[derive(Debug)]
struct Entry {
    context: Context,
    tool: Arc<RegisteredTool>,
    stage: CallStage,
}

/// The way of a call to its end, as the dispatcher knows it.
#[derive(Debug)]
enum CallStage {
    /// Waits, until the call or the dispatcher leaves its place in the queue. The first to leave decides if it runs.
    Queued(QueueSpot),
    Running,
    /// Runs, and the platform has given it up.
    Cancelled,
}

impl Entry {
    /// Ends the wait of a call; `false` if it runs, or is about to.
    fn leave_queue(&self) -> bool {
        matches!(&self.stage, CallStage::Queued(place) if place.leave())
    }
}

/// Cancels the call and aborts its task, so that no task outlives its worker. A call that has ended does not notice.
impl Drop for Entry {
    fn drop(&mut self) {
        let call = self.context.call_state();
        if !call.is_over() {
            // The task may be busy on its thread and not notice that it is aborted, but the handler can ask its context.
            call.abandon();
            call.abort();
        }
    }
}

/// The calls that ended last, in two halves: a younger half that is full takes the place of the older one.
#[derive(Debug, Default)]
struct Ended {
    younger: HashSet<CallKey, BuildHasherDefault<KeyHasher>>,
    older: HashSet<CallKey, BuildHasherDefault<KeyHasher>>,
}

impl Ended {
    fn contains(&self, key: CallKey) -> bool {
        self.younger.contains(&key) || self.older.contains(&key)
    }

    fn insert(&mut self, key: CallKey) {
        if self.younger.len() == REMEMBERED {
            std::mem::swap(&mut self.younger, &mut self.older);
            self.younger.clear();
        }
        self.younger.insert(key);
    }
}

/// A hasher for keys that are hashes.
#[derive(Debug, Default)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("a call key is one u64");
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// The least number of ended calls that are remembered, so that one that is sent again is not run again. A platform sends a
/// call again only after a reconnect, when at most those in flight are in doubt; this is many times that.
const REMEMBERED: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ended_calls_are_remembered_for_long_and_not_for_ever() {
        let mut table = CallTable::default();
        let keys: Vec<_> = (0..3 * REMEMBERED).map(|call| table.key(&call.to_string())).collect();
        keys.iter().for_each(|key| assert!(!table.end(*key), "it never ran"));
        assert!(keys[2 * REMEMBERED..].iter().all(|key| table.knows(*key)));
        assert!(keys[..REMEMBERED].iter().all(|key| !table.knows(*key)));
        assert!(table.ended.younger.len() + table.ended.older.len() <= 2 * REMEMBERED);
    }
}
