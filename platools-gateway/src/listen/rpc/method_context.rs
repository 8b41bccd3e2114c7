//! [`MethodContext`]: the state of one connected caller, which every method of gateway RPC gets.

use std::sync::Mutex;

use tokio::sync::broadcast;

use super::queue::Queue;
use super::runs::Runs;
use crate::core::Core;
use crate::domain::identity::Caller;
use crate::domain::lock::lock;
use crate::ops::log_tail::LogLine;

/// A connected caller.
pub(super) struct MethodContext<'a> {
    pub(super) core: &'a Core,
    pub(super) caller: Caller,
    /// True if the caller may see tools and agents.
    pub(super) has_catalog: bool,
    pub(super) queue: &'a Queue,
    pub(super) runs: Runs,
    /// The log that the caller follows from now on, until the task that forwards it takes it.
    new_tail: Mutex<Option<Tail>>,
}

/// The lines of the log that a caller follows; none if it follows no log.
pub(super) type Tail = Option<broadcast::Receiver<LogLine>>;

impl<'a> MethodContext<'a> {
    pub(super) fn new(core: &'a Core, caller: Caller, queue: &'a Queue, has_catalog: bool) -> Self {
        Self { core, caller, has_catalog, queue, runs: Runs::default(), new_tail: Mutex::default() }
    }

    /// Sets the log that the caller follows from now on, or none.
    pub(super) fn set_tail(&self, tail: Tail) {
        *lock(&self.new_tail) = Some(tail);
    }

    /// Takes the log that the caller follows, if that changed.
    pub(super) fn take_new_tail(&self) -> Option<Tail> {
        lock(&self.new_tail).take()
    }
}
