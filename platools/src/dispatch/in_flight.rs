//! Which calls run, which wait, and which have ended not long ago.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use futures::future::AbortHandle;
use tokio::time::Instant;

use super::Accepted;
use crate::tool::Context;

/// How many ended calls are remembered at least, so that one that is sent again is not run again. A platform sends a call
/// again only after a reconnect, when at most those in flight are in doubt; this is many times that.
const REMEMBERED: usize = 16 * 1024;

/// A table without I/O: who owns it tells it what happens.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    hasher: RandomState,
    unfinished: HashMap<CallKey, Entry, BuildHasherDefault<Identity>>,
    running: usize,
    waiting: VecDeque<Accepted>,
    /// Running calls the platform has given up, and when their handlers have had time enough. Some may have ended since.
    given_up: VecDeque<(Instant, CallKey)>,
    ended: Ended,
}

/// A call id, hashed with this process's own random key: what stands in the tables in place of the id.
///
/// Of 32,768 remembered ids one is mistaken for a new call's once in 10^14 calls.
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
    task: Option<AbortHandle>,
}

/// Gives the call up and aborts its task, so that no task outlives its worker; a call that has ended does not mind.
impl Drop for Entry {
    fn drop(&mut self) {
        // Told apart from the task, which may be busy on its thread and not notice that it is aborted.
        self.context.cancel();
        self.context.end();
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl InFlight {
    /// The key of a call.
    pub(super) fn key(&self, call_id: &str) -> CallKey {
        CallKey(self.hasher.hash_one(call_id))
    }

    /// Whether a call of this id runs, waits, or has ended not long ago.
    pub(super) fn knows(&self, key: CallKey) -> bool {
        self.ended.contains(key) || self.unfinished.contains_key(&key)
    }

    pub(super) fn running(&self) -> usize {
        self.running
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The calls that run or wait.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = (CallKey, &Context)> {
        self.unfinished.iter().map(|(key, entry)| (*key, &entry.context))
    }

    /// A call has started, on a task of its own.
    pub(super) fn start(&mut self, key: CallKey, context: Context, task: AbortHandle) {
        self.running += 1;
        self.unfinished.insert(key, Entry { context, task: Some(task) });
    }

    /// A call has to wait its turn.
    pub(super) fn wait(&mut self, call: Accepted) {
        self.unfinished.insert(call.key, Entry { context: call.context.clone(), task: None });
        self.waiting.push_back(call);
    }

    /// The call that has waited longest.
    pub(super) fn next_waiting(&mut self) -> Option<Accepted> {
        self.waiting.pop_front()
    }

    /// A call has ended. Says whether this is news.
    pub(super) fn end(&mut self, key: CallKey) -> bool {
        let entry = self.unfinished.remove(&key);
        if entry.as_ref().is_some_and(|entry| entry.task.is_some()) {
            self.running -= 1;
        }
        self.ended.insert(key);
        entry.is_some()
    }

    /// A call is to be given up. One that waits ends at once, and is returned; one that runs is told, and may go on
    /// until then.
    pub(super) fn cancel(&mut self, key: CallKey, until: Instant) -> Option<Context> {
        let entry = self.unfinished.get(&key)?;
        if entry.task.is_none() {
            let context = entry.context.clone();
            self.waiting.retain(|call| call.key != key);
            self.end(key);
            return Some(context);
        }
        if !entry.context.is_cancelled() {
            entry.context.cancel();
            self.given_up.push_back((until, key));
        }
        None
    }

    /// When a call that was given up has had time enough. All are given the same time, so the first is the next.
    pub(super) fn next_overdue(&self) -> Option<Instant> {
        self.given_up.front().map(|(until, _)| *until)
    }

    /// Ends the calls that were given up and have had time enough; their tasks are aborted.
    pub(super) fn end_overdue(&mut self, now: Instant) -> Vec<(CallKey, Context)> {
        let mut ended = Vec::new();
        while let Some((_, key)) = self.given_up.front().copied().filter(|(until, _)| *until <= now) {
            self.given_up.pop_front();
            if let Some(entry) = self.unfinished.get(&key) {
                ended.push((key, entry.context.clone()));
                self.end(key);
            }
        }
        ended
    }

    /// Every call that runs or waits has ended; their tasks are aborted.
    pub(super) fn end_all(&mut self) -> Vec<(CallKey, Context)> {
        self.running = 0;
        self.waiting.clear();
        self.given_up.clear();
        let ended = self.unfinished.drain().map(|(key, entry)| {
            self.ended.insert(key);
            (key, entry.context.clone())
        });
        ended.collect()
    }
}

/// The calls that ended last, in two halves: when the younger is full it becomes the older, and the oldest are forgotten.
#[derive(Debug, Default)]
struct Ended {
    younger: HashSet<CallKey, BuildHasherDefault<Identity>>,
    older: HashSet<CallKey, BuildHasherDefault<Identity>>,
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
pub(crate) struct Identity(u64);

impl Hasher for Identity {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ended_calls_are_remembered_for_long_and_not_for_ever() {
        let mut table = InFlight::default();
        let keys: Vec<_> = (0..3 * REMEMBERED).map(|call| table.key(&call.to_string())).collect();
        keys.iter().for_each(|key| assert!(!table.end(*key), "it never ran"));
        assert!(keys[2 * REMEMBERED..].iter().all(|key| table.knows(*key)));
        assert!(keys[..REMEMBERED].iter().all(|key| !table.knows(*key)));
        assert!(table.ended.younger.len() + table.ended.older.len() <= 2 * REMEMBERED);
    }
}
