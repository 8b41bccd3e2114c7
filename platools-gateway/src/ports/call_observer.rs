//! [`CallObserver`]: the trait of programs that are notified when a call begins and when it ends.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::domain::identity::{Caller, Identity};
use crate::domain::ids::CallId;
use crate::domain::trace::TraceContext;

/// An observer of every call that the journal records. It must neither wait nor panic: the call waits for it.
pub trait CallObserver: fmt::Debug + Send + Sync {
    /// A call began: who calls and which tool are known, and nothing is checked yet.
    fn call_began(&self, _call: &BegunCall<'_>) {}

    /// A call ended, and its caller was not told yet.
    fn call_ended(&self, call: &EndedCall<'_>);
}

/// A call that began.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct BegunCall<'a> {
    /// The call.
    pub call_id: &'a CallId,
    /// The tool.
    pub tool: &'a str,
    /// The entity of the tool.
    pub identity: &'a Identity,
    /// The caller.
    pub caller: &'a Caller,
    /// Time when it began.
    pub began: SystemTime,
}

/// A call that ended. What it was called with and what it returned is not in here.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct EndedCall<'a> {
    /// The call.
    pub call_id: &'a CallId,
    /// The tool.
    pub tool: &'a str,
    /// The entity of the tool.
    pub identity: &'a Identity,
    /// The caller.
    pub caller: &'a Caller,
    /// The trace it belongs to.
    pub trace: &'a TraceContext,
    /// `ok`, `abandoned` if the caller went away, or the code of the error.
    pub outcome: &'static str,
    /// Time when it began.
    pub began: SystemTime,
    /// The time from the request to the answer.
    pub took: Duration,
    /// The time that the worker reports, in milliseconds, if it returned.
    pub worker_ms: Option<u64>,
}

/// All observers of a gateway.
#[derive(Debug)]
pub(crate) struct Observers(Vec<Arc<dyn CallObserver>>);

impl Observers {
    pub(crate) fn new(first: Arc<dyn CallObserver>) -> Self {
        Self(vec![first])
    }

    pub(crate) fn add(&mut self, observer: Arc<dyn CallObserver>) {
        self.0.push(observer);
    }

    pub(crate) fn call_began(&self, call: &BegunCall<'_>) {
        for observer in &self.0 {
            observer.call_began(call);
        }
    }

    pub(crate) fn call_ended(&self, call: &EndedCall<'_>) {
        for observer in &self.0 {
            observer.call_ended(call);
        }
    }
}
