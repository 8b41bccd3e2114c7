//! [`PendingCalls`]: the calls that wait for the answers of their workers. `delivery_stage` says how far each came on its way to the
//! worker, `waiting` is the side of the caller, and `reports` has the progress and log entries before the answer.

mod answer;
mod calls;
mod delivery_stage;
pub mod reports;
mod table;
mod timeout;
mod waiting;

pub use crate::settings::CallSettings;
pub use answer::{Receipt, WorkerAnswer};
pub use calls::PendingCalls;
pub(crate) use delivery_stage::{LinkEnd, Stage};
pub use reports::{LogEntry, Progress, Report, ReportSender, Reports};
pub use timeout::CallTimeout;
pub(crate) use timeout::warn_of_timeouts;
pub(crate) use waiting::{CallStep, PendingCall};

#[cfg(test)]
mod tests;
