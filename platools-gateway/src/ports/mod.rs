//! The outside world as the services see it.
//!
//! `clock` reads the time, `time` writes it, `call_observer` is told of calls, and `secret_file` tells whether every user can read a
//! file. One trait per aggregate stores data: `store::Storage` is all of them, and the folder `store` implements them.

pub(crate) mod aging;
pub(crate) mod audit;
pub mod call_observer;
pub(crate) mod catalog;
pub(crate) mod channels;
pub(crate) mod clock;
pub(crate) mod conversations;
pub(crate) mod directory;
pub(crate) mod idempotency;
pub(crate) mod journal;
pub(crate) mod secret_file;
pub(crate) mod sessions;
pub(crate) mod store;
pub mod time;
pub mod tool_changes;
