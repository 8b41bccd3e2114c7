//! Helpers for work in the background. [`tasks::Tasks`] starts tasks and restarts those that panic, [`periodic::every`] repeats a job,
//! [`offload::offload`] moves work on large texts to other threads, and [`log_limit::LogLimit`] limits lines of the log. For the deletion
//! of old rows, [`pruning`] has the pace and [`retention_clock::RetentionClock`] the clock.

pub(crate) mod log_limit;
pub(crate) mod offload;
pub(crate) mod periodic;
pub(crate) mod pruning;
pub(crate) mod retention_clock;
pub(crate) mod tasks;
