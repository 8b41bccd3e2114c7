//! The SQLite side of the store: its connections, the version of its schema, copies of its file, and its upkeep.
//!
//! [`Writer`] is the one connection that writes. Short reads share a small pool. [`Lists`] are reads of unknown length: few at a time,
//! each with a deadline.

mod connections;
mod copy;
mod failure;
mod files;
mod lists;
mod replace;
mod scan;
mod schema;
mod upgrade;
mod upkeep;
mod writer;

pub(super) use connections::{anchor, open_readers, options};
pub(crate) use copy::copy_online;
pub(super) use failure::storage_error;
pub(super) use files::failed;
pub(super) use lists::Lists;
pub use replace::Restored;
pub(crate) use replace::{downgrade, restore};
pub(super) use scan::{Position, Scan, earlier};
pub(super) use schema::{Schema, make, migrate};
pub use upgrade::Upgraded;
pub(crate) use upgrade::upgrade;
pub(super) use upkeep::Upkeep;
pub(super) use writer::Writer;
