//! Operation of the process: [`tasks::Tasks`] keeps background tasks running, [`periodic::every`] repeats work.

pub(crate) mod periodic;
pub(crate) mod tasks;
