//! Whoever wants to know of calls that ended.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::identity::{Caller, Identity};
use super::ids::CallId;
use super::trace::TraceContext;

/// Is told of every call that ended, before its caller is. It must neither wait nor panic: the call waits for it.
pub trait CallObserver: fmt::Debug + Send + Sync {
    /// A call ended: every one that the journal records.
    fn call_ended(&self, call: &EndedCall<'_>);
}

/// A call that ended. What it was called with and what it returned is not in here.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct EndedCall<'a> {
    /// The call.
    pub call_id: &'a CallId,
    /// The tool.
    pub tool: &'a str,
    /// Whose tool it is.
    pub identity: &'a Identity,
    /// Who called.
    pub caller: &'a Caller,
    /// The trace it belongs to.
    pub trace: &'a TraceContext,
    /// `ok`, `abandoned` if the caller went away, or the code of the error.
    pub outcome: &'static str,
    /// When it began.
    pub began: SystemTime,
    /// How long it took, from the request to the answer.
    pub took: Duration,
    /// How long the worker says it took, in milliseconds, if it returned.
    pub worker_ms: Option<u64>,
}

/// All that are told.
#[derive(Debug)]
pub(crate) struct Observers(Vec<Arc<dyn CallObserver>>);

impl Observers {
    pub(crate) fn new(first: Arc<dyn CallObserver>) -> Self {
        Self(vec![first])
    }

    pub(crate) fn add(&mut self, observer: Arc<dyn CallObserver>) {
        self.0.push(observer);
    }

    pub(crate) fn tell(&self, call: &EndedCall<'_>) {
        for observer in &self.0 {
            observer.call_ended(call);
        }
    }
}
