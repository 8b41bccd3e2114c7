//! [`PendingCalls`]: calls that wait for their answers. `table` has them, each in its `stage`; `waiting` is the caller's end, `outcome` the
//! worker's answer, and `reports` has progress and log entries before it.

mod calls;
mod outcome;
pub mod reports;
mod stage;
mod table;
mod timeout;
mod waiting;

pub use crate::settings::CallSettings;
pub use calls::PendingCalls;
pub use outcome::{Outcome, Receipt};
pub use reports::{Listener, LogEntry, Progress, Report, Reports};
pub(crate) use stage::{LinkEnd, Stage};
pub use timeout::CallTimeout;
pub(crate) use timeout::warn_of_timeouts;
pub(crate) use waiting::{CallStep, PendingCall};

#[cfg(test)]
mod tests;
