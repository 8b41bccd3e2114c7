//! The outside world as the services see it: [`clock`] reads the time, and one trait per aggregate stores data. [`store::Storage`] is
//! all of these traits; the folder `store` implements them.

pub(crate) mod aging;
pub(crate) mod audit;
pub(crate) mod catalog;
pub(crate) mod channels;
pub(crate) mod clock;
pub(crate) mod conversations;
pub(crate) mod directory;
pub(crate) mod idempotency;
pub(crate) mod journal;
pub(crate) mod sessions;
pub(crate) mod store;
