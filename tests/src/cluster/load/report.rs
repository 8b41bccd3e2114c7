//! [`LoadReport`]: what became of the calls of a [`KeyedLoad`](super::KeyedLoad).

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use super::workers::Runs;

/// The end of a call, as its caller saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadEnd {
    /// It has its result.
    Result,
    /// Its caller was told that its fate is not known.
    Unknown,
    /// Another error, which is not tried again.
    Refused,
    /// No answer came.
    Lost,
}

/// A call that has ended.
#[derive(Debug)]
pub(super) struct LoadCall {
    pub(super) number: u64,
    pub(super) worker: usize,
    pub(super) begun: Instant,
    pub(super) took: Duration,
    pub(super) end: LoadEnd,
}

/// The calls around one fault.
#[derive(Debug)]
pub struct LoadReport {
    calls: Vec<LoadCall>,
    fault_at: Instant,
    repeated: Vec<u64>,
    /// The errors that callers got, also those after which they tried again, and how often.
    pub errors: HashMap<String, u64>,
}

impl LoadReport {
    pub(super) fn new(calls: Vec<LoadCall>, fault_at: Instant, runs: &Runs, errors: HashMap<String, u64>) -> Self {
        let numbers: HashSet<_> = calls.iter().map(|call| call.number).collect();
        let repeated = runs.repeated().into_iter().filter(|number| numbers.contains(number)).collect();
        Self { calls, fault_at, repeated, errors }
    }

    /// The number of calls.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// The number of calls with an end.
    #[must_use]
    pub fn count(&self, end: LoadEnd) -> usize {
        self.calls.iter().filter(|call| call.end == end).count()
    }

    /// The numbers of the calls that ran more than once.
    #[must_use]
    pub fn repeated(&self) -> &[u64] {
        &self.repeated
    }

    /// The times of the calls with a result, sorted.
    #[must_use]
    pub fn times(&self) -> Vec<Duration> {
        let with_result = self.calls.iter().filter(|call| call.end == LoadEnd::Result);
        let mut times: Vec<_> = with_result.map(|call| call.took).collect();
        times.sort_unstable();
        times
    }

    /// The times from the fault to the first result of each worker, among the calls that began after the fault, sorted.
    #[must_use]
    pub fn recovery_times(&self) -> Vec<Duration> {
        let mut first: HashMap<usize, Duration> = HashMap::new();
        let after = |call: &&LoadCall| call.end == LoadEnd::Result && call.begun >= self.fault_at;
        for call in self.calls.iter().filter(after) {
            let time = call.begun + call.took - self.fault_at;
            first.entry(call.worker).and_modify(|first| *first = (*first).min(time)).or_insert(time);
        }
        let mut times: Vec<_> = first.into_values().collect();
        times.sort_unstable();
        times
    }
}
