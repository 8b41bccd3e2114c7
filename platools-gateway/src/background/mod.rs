//! Helpers for work in the background. [`tasks::Tasks`] starts tasks again that panic, [`periodic::every`] repeats a job, [`offload::offload`]
//! moves work on large texts to other threads, and [`log_limit::LogLimit`] limits lines of the log. [`pruning`] and [`retention_clock::Aging`]
//! are for deletion by age: its pace, and its clock.

pub(crate) mod log_limit;
pub(crate) mod offload;
pub(crate) mod periodic;
pub(crate) mod pruning;
pub(crate) mod retention_clock;
pub(crate) mod tasks;
