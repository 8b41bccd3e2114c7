//! The dispatch of calls, from a frame to an outcome. [`Dispatcher`] admits calls, lets them wait for a permit, runs them, and ends each
//! exactly once: with a result, an error, a timeout, a cancellation or a refusal.
//!
//! Outcomes go over a channel to the task that owns the dispatcher. This module has no socket.

mod call;
mod call_table;
mod caller_deadline;
mod dispatcher;
mod errors;
mod executor;
mod handler_timer;
mod job;
mod limits;
mod link_calls;
mod local_calls;
mod model_calls;
mod outcome;
mod panics;
mod permit;
mod queue_bounds;
mod running_call;

pub(crate) use call::Call;
pub(crate) use call_table::{CallKey, KeyHasher};
#[cfg(any(feature = "serve", feature = "testing"))]
pub(crate) use dispatcher::CANCEL_GRACE;
pub(crate) use dispatcher::{Admission, Dispatcher};
#[cfg(feature = "testing")]
pub(crate) use errors::{cancelled, unknown_tool};
pub(crate) use limits::Limits;
pub(crate) use link_calls::LinkCalls;
#[cfg(any(feature = "serve", feature = "testing"))]
pub(crate) use local_calls::LocalCall;
pub(crate) use outcome::{Failure, Outcome};

#[cfg(test)]
mod tests;
