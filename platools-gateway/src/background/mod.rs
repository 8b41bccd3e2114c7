//! Background work: [`tasks::Tasks`] keeps tasks running, [`periodic::every`] repeats work, [`pruning`] is the pace of deletion,
//! [`retention_clock::Aging`] is the time that deletion by age goes by, [`offload::offload`] moves work on large texts off the runtime's
//! threads, and [`log_limit::LogLimit`] keeps a failure that lasts from filling the log.

pub(crate) mod log_limit;
pub(crate) mod offload;
pub(crate) mod periodic;
pub(crate) mod pruning;
pub(crate) mod retention_clock;
pub(crate) mod tasks;
