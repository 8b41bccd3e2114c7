//! [`PendingCalls`]: the calls that wait for their answers, each at a `stage` on its way. `waiting` is the side of the caller, `reports` has
//! the progress and log entries before the answer.

mod answer;
mod calls;
pub mod reports;
mod stage;
mod table;
mod timeout;
mod waiting;

pub use crate::settings::CallSettings;
pub use answer::{Receipt, WorkerAnswer};
pub use calls::PendingCalls;
pub use reports::{Listener, LogEntry, Progress, Report, Reports};
pub(crate) use stage::{LinkEnd, Stage};
pub use timeout::CallTimeout;
pub(crate) use timeout::warn_of_timeouts;
pub(crate) use waiting::{CallStep, PendingCall};

#[cfg(test)]
mod tests;
