//! Operation of the process: [`tasks::Tasks`] keeps background tasks running, [`periodic::every`] repeats work, [`pruning`] is
//! the pace of deletion, [`offload::offload`] does work on large texts beside the sockets, [`log_limit::LogLimit`] keeps a failure that goes on
//! from filling the log, and [`secret_file`] tells whether every user can read a file.

pub(crate) mod log_limit;
pub(crate) mod offload;
pub(crate) mod periodic;
pub(crate) mod pruning;
pub(crate) mod secret_file;
pub(crate) mod tasks;
