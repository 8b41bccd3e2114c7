//! [`CallObserver`]: the trait of code that is notified when a call begins and when it ends.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::domain::identity::{Caller, Identity};
use crate::domain::ids::CallId;
use crate::domain::trace::TraceContext;

/// An observer of every call that the journal records. It must neither wait nor panic: the call waits for it.
pub trait CallObserver: fmt::Debug + Send + Sync {
    /// A call began: its caller and its tool are known, and nothing is checked yet.
    fn call_began(&self, _call: &BegunCall<'_>) {}

    /// A call ended, and its caller does not know yet.
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

/// A call that ended, without its arguments and its result.
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

impl<'a> EndedCall<'a> {
    /// The call as it was when it began.
    pub(crate) fn begun(&self) -> BegunCall<'a> {
        let Self { call_id, tool, identity, caller, began, .. } = *self;
        BegunCall { call_id, tool, identity, caller, began }
    }
}

/// All observers of a gateway.
#[derive(Debug, Clone)]
pub(crate) struct Observers(Vec<Arc<dyn CallObserver>>);

impl FromIterator<Arc<dyn CallObserver>> for Observers {
    fn from_iter<I: IntoIterator<Item = Arc<dyn CallObserver>>>(observers: I) -> Self {
        Self(observers.into_iter().collect())
    }
}

impl Observers {
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
